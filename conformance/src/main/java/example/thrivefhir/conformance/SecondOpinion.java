package example.thrivefhir.conformance;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r4.model.MetadataResource;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/** HL7's validator as HAPI packages it, with the official R4 definitions and a guide. */
final class SecondOpinion {

    /** Where the extensions of other guides live: they are let be where --beside does not bring their definitions. */
    private static final String[] ELSEWHERE = {"https://fhir.hl7.org.uk/", "http://hl7.org/fhir/uv/sdc/"};

    private final FhirValidator validator;

    SecondOpinion(FhirContext context, DefaultProfileValidationSupport official, Guide guide, Known known) {
        IValidationSupport support = chain(context, official, guide, false);
        context.setValidationSupport(support);
        FhirInstanceValidator instances = new Offline(support);
        instances.setAnyExtensionsAllowed(false);
        instances.setCustomExtensionDomains(ELSEWHERE);
        instances.setErrorForUnknownProfiles(true);
        instances.setAllowExamples(true);
        // A narrative is a good thing and no duty: dom-6 would be said of every resource.
        instances.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
        instances.setAssumeValidRestReferences(true);
        instances.setValidatorResourceFetcher(new Known.Fetcher(known, instances));
        instances.setValidatorPolicyAdvisor(new Known.Advisor());
        validator = context.newValidator();
        validator.registerValidatorModule(instances);
    }

    /**
     * What is known when validating: R4, the guide, and what its value sets say of codes.
     *
     * <p>A code of a code system that is not held (SNOMED CT, LOINC, UK Core's own) cannot be looked up, so it is
     * a warning and no error; where a value set lists its codes, the list decides all the same.
     *
     * @param bare whether the guide's snapshots are left out and made anew from the differentials
     */
    static IValidationSupport chain(
            FhirContext context, DefaultProfileValidationSupport official, Guide guide, boolean bare) {
        PrePopulatedValidationSupport ours = new PrePopulatedValidationSupport(context);
        guide.others().forEach(ours::addResource);
        for (MetadataResource artefact : guide.artefacts().values()) {
            if (artefact.hasUrl()) {
                ours.addResource(bare ? withoutSnapshot(artefact) : artefact);
            }
        }
        UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(context);
        unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
        return new ValidationSupportChain(
                official,
                ours,
                new Forms(context, guide.artefacts().values()),
                new SnapshotGeneratingValidationSupport(context),
                new CommonCodeSystemsTerminologyService(context),
                new InMemoryTerminologyServerValidationSupport(context),
                unknown);
    }

    private static MetadataResource withoutSnapshot(MetadataResource artefact) {
        MetadataResource copy = (MetadataResource) artefact.copy();
        if (copy instanceof StructureDefinition structure) {
            structure.setSnapshot(null);
        }
        return copy;
    }

    /** What HL7's validator says of a resource, against the profiles it claims and those given. */
    List<Finding> of(String file, String text, Iterable<String> profiles) {
        ValidationOptions options = new ValidationOptions();
        profiles.forEach(options::addProfile);
        List<Finding> findings = new ArrayList<>();
        try {
            for (SingleValidationMessage said : validator.validateWithResult(text, options).getMessages()) {
                findings.add(new Finding(
                        gravity(said.getSeverity()), file, said.getLocationString(), worded(said)));
            }
        } catch (RuntimeException fault) {
            findings.add(Finding.error(file, "", "the validator itself failed: " + fault));
        }
        return findings;
    }

    private static String worded(SingleValidationMessage said) {
        return said.getMessageId() == null ? said.getMessage() : said.getMessage() + " [" + said.getMessageId() + "]";
    }

    private static Finding.Gravity gravity(ResultSeverityEnum severity) {
        return switch (severity) {
            case FATAL, ERROR -> Finding.Gravity.ERROR;
            case WARNING -> Finding.Gravity.WARNING;
            case INFORMATION -> Finding.Gravity.NOTE;
        };
    }
}
