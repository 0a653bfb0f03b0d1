package example.thrivefhir.conformance;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.hl7.fhir.r4.model.ElementDefinition;
import org.hl7.fhir.r4.model.StructureDefinition;

/** The guide's examples: a valid one has no error, an invalid one has one. */
final class Examples {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String RULE = "/CodeSystem/rule-slug";

    /** A binding that is not required only warns, in both validators. */
    private static final String OUTSIDE = "code-outside-value-set";

    private static final Pattern TYPED = Pattern.compile("\\.ofType\\(\\w+\\)");

    private final Guide guide;
    private final SecondOpinion opinion;
    private final Properties differences = known();
    private final Set<String> ours = new TreeSet<>();
    private final Set<String> warnings = new TreeSet<>();

    Examples(Guide guide, SecondOpinion opinion) {
        this.guide = guide;
        this.opinion = opinion;
        warnings.add(OUTSIDE);
        for (StructureDefinition structure : guide.structures().values()) {
            for (ElementDefinition element : structure.getDifferential().getElement()) {
                for (ElementDefinition.ElementDefinitionConstraintComponent rule : element.getConstraint()) {
                    ours.add(rule.getKey());
                    if (rule.getSeverity() == ElementDefinition.ConstraintSeverity.WARNING) {
                        warnings.add(rule.getKey());
                    }
                }
            }
        }
    }

    /** What is said of the valid examples. */
    List<Finding> valid() {
        List<Finding> findings = new ArrayList<>();
        for (Path file : guide.examples("valid")) {
            findings.addAll(opinion.of(Guide.name(file), Guide.text(file), List.of()));
        }
        return findings;
    }

    /** The invalid examples in which HL7's validator finds nothing, or not what the file says. */
    List<Finding> invalid() {
        List<Finding> findings = new ArrayList<>();
        guide.examples("invalid").forEach(file -> findings.addAll(invalid(file)));
        return findings;
    }

    private List<Finding> invalid(Path file) {
        String name = Guide.name(file);
        JsonNode resource = parsed(Guide.text(file));
        if (resource == null) {
            return List.of(Finding.error(name, "", "no JSON"));
        }
        JsonNode tag = rule(resource);
        if (tag == null) {
            return List.of(Finding.error(name, "meta.tag", "no tag says which rule is broken"));
        }
        String slug = tag.path("code").asText();
        String expression = tag.path("extension").path(0).path("valueString").asText();
        List<Finding> said = opinion.of(name, Guide.text(file), List.of());
        Finding.Gravity least = warnings.contains(slug) ? Finding.Gravity.WARNING : Finding.Gravity.ERROR;
        List<Finding> grave = said.stream().filter(one -> one.gravity().compareTo(least) <= 0).toList();
        if (grave.isEmpty()) {
            return List.of(silence(file, name, slug, expression));
        }
        return differences(name, slug, expression, grave);
    }

    private Finding silence(Path file, String name, String slug, String expression) {
        String reason = differences.getProperty(file.getFileName().toString());
        if (reason != null) {
            return Finding.warning(name, expression, "only ours says «" + slug + "»: " + reason);
        }
        return structural(slug)
                ? Finding.error(name, expression, "«" + slug + "» is broken and nothing is said")
                : Finding.warning(name, expression, "only ours says «" + slug + "»: it stands in no profile");
    }

    /** Where HL7's validator is known to say nothing, and why: by name of the example. */
    private static Properties known() {
        Properties known = new Properties();
        try (InputStream stream = Examples.class.getResourceAsStream("differences.properties")) {
            known.load(new InputStreamReader(stream, StandardCharsets.UTF_8));
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
        return known;
    }

    /** Whether the rule is stated in a profile, so that every validator must see it. */
    private boolean structural(String slug) {
        return ours.contains(slug) || slug.startsWith("profile-") || slug.startsWith("code-");
    }

    private List<Finding> differences(String name, String slug, String expression, List<Finding> grave) {
        List<Finding> findings = new ArrayList<>();
        if (ours.contains(slug) && grave.stream().noneMatch(one -> names(one, slug))) {
            findings.add(Finding.error(
                    name, expression, "«" + slug + "» is broken and something else is said: " + summary(grave)));
        } else if (grave.stream().noneMatch(one -> near(one.element(), expression))) {
            findings.add(Finding.note(name, expression, "said elsewhere: " + summary(grave)));
        }
        List<Finding> others = grave.stream()
                .filter(one -> one.gravity() == Finding.Gravity.ERROR)
                .filter(one -> ours.stream().anyMatch(key -> !key.equals(slug) && names(one, key)))
                .toList();
        if (!others.isEmpty()) {
            findings.add(Finding.warning(name, expression, "more than «" + slug + "» is broken: " + summary(others)));
        }
        return findings;
    }

    private static boolean names(Finding finding, String key) {
        return finding.message().contains("#" + key + "]");
    }

    /** Whether both speak of one place: an element, what it is in, or what is in it. */
    private static boolean near(String element, String expression) {
        if (element == null) {
            return false;
        }
        String place = TYPED.matcher(element).replaceAll("");
        return place.startsWith(expression) || expression.startsWith(place);
    }

    private static String summary(List<Finding> findings) {
        return findings.stream().map(one -> one.element() + ": " + one.message()).collect(Collectors.joining(" | "));
    }

    private static JsonNode rule(JsonNode resource) {
        return StreamSupport.stream(resource.path("meta").path("tag").spliterator(), false)
                .filter(tag -> tag.path("system").asText().endsWith(RULE))
                .findFirst()
                .orElse(null);
    }

    static JsonNode parsed(String text) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException fault) {
            return null;
        }
    }
}
