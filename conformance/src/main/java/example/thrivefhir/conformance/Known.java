package example.thrivefhir.conformance;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.hl7.fhir.common.hapi.validation.validator.FhirDefaultPolicyAdvisor;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r5.elementmodel.Element;
import org.hl7.fhir.r5.elementmodel.Manager;
import org.hl7.fhir.r5.model.CanonicalResource;
import org.hl7.fhir.r5.model.CanonicalType;
import org.hl7.fhir.r5.utils.validation.IResourceValidator;
import org.hl7.fhir.r5.utils.validation.IValidatorResourceFetcher;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;

/** The resources that references are followed to: the valid examples, and the lines of the files given. */
final class Known {

    private final Map<String, String> texts = new HashMap<>();

    void add(String type, String id, String text) {
        texts.put(type + "/" + id, text);
    }

    /** Finds what a reference leads to; what is not here does not count as missing. */
    static final class Fetcher implements IValidatorResourceFetcher {

        private final Known known;
        private final FhirInstanceValidator validator;

        Fetcher(Known known, FhirInstanceValidator validator) {
            this.known = known;
            this.validator = validator;
        }

        @Override
        public Element fetch(IResourceValidator asking, Object context, String url) throws IOException {
            String text = known.texts.get(url);
            if (text == null) {
                return null;
            }
            ByteArrayInputStream stream = new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
            return Manager.parseSingle(validator.getWorkerContext(), stream, Manager.FhirFormat.JSON);
        }

        @Override
        public boolean resolveURL(
                IResourceValidator asking,
                Object context,
                String path,
                String url,
                String type,
                boolean canonical,
                List<CanonicalType> targets) {
            return true;
        }

        @Override
        public byte[] fetchRaw(IResourceValidator asking, String url) {
            return null;
        }

        @Override
        public IValidatorResourceFetcher setLocale(Locale locale) {
            return this;
        }

        @Override
        public CanonicalResource fetchCanonicalResource(IResourceValidator asking, Object context, String url) {
            return null;
        }

        @Override
        public boolean fetchesCanonicalResource(IResourceValidator asking, String url) {
            return false;
        }

        @Override
        public Set<ResourceVersionInformation> fetchCanonicalResourceVersions(
                IResourceValidator asking, Object context, String url) {
            return Set.of();
        }
    }

    /** A reference's type must be a permitted one; that it leads somewhere is the store's matter. */
    static final class Advisor extends FhirDefaultPolicyAdvisor {

        @Override
        public ReferenceValidationPolicy policyForReference(
                IResourceValidator asking,
                Object context,
                String path,
                String url,
                ReferenceDestinationType destination) {
            return ReferenceValidationPolicy.CHECK_TYPE_IF_EXISTS;
        }

        @Override
        public ReferenceValidationPolicy getReferencePolicy() {
            return ReferenceValidationPolicy.CHECK_TYPE_IF_EXISTS;
        }
    }
}
