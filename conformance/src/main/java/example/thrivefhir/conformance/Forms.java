package example.thrivefhir.conformance;

import ca.uhn.fhir.context.FhirContext;
import java.util.HashMap;
import java.util.Map;
import org.hl7.fhir.common.hapi.validation.support.BaseValidationSupport;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.MetadataResource;
import org.hl7.fhir.r4.model.Questionnaire;

/** Finds the guide's Questionnaires by their address, so that answers are held to them. */
final class Forms extends BaseValidationSupport {

    private final Map<String, Questionnaire> forms = new HashMap<>();

    Forms(FhirContext context, Iterable<MetadataResource> artefacts) {
        super(context);
        for (MetadataResource artefact : artefacts) {
            if (artefact instanceof Questionnaire form && form.hasUrl()) {
                forms.put(form.getUrl(), form);
                forms.put(form.getUrl() + "|" + form.getVersion(), form);
            }
        }
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends IBaseResource> T fetchResource(Class<T> type, String url) {
        Questionnaire form = forms.get(url);
        return form != null && (type == null || type.isInstance(form)) ? (T) form : null;
    }
}
