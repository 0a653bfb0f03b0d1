package example.thrivefhir.conformance;

import ca.uhn.fhir.context.support.IValidationSupport;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.common.hapi.validation.validator.WorkerContextValidationSupportAdapter;

/**
 * The validator with a name for R4 that it recognises as its own.
 *
 * <p>Where an extension stands on an element, version 6.7.9 of HL7's validator looks that element up in «4.0», finds
 * that «4.0» is not «4.0.1», and tries to download the definitions that it already holds.
 */
final class Offline extends FhirInstanceValidator {

    private final WorkerContextValidationSupportAdapter known;

    Offline(IValidationSupport support) {
        super(support);
        known = new WorkerContextValidationSupportAdapter(support) {
            @Override
            public String getVersion() {
                return "4.0";
            }
        };
    }

    @Override
    protected WorkerContextValidationSupportAdapter provideWorkerContext() {
        return known;
    }

    @Override
    public WorkerContextValidationSupportAdapter getWorkerContext() {
        return known;
    }
}
