package example.thrivefhir.conformance;

import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.hl7.fhir.r4.model.ElementDefinition;
import org.hl7.fhir.r4.model.Enumerations.BindingStrength;
import org.hl7.fhir.r4.model.PrimitiveType;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r4.model.Type;

/** Our snapshots beside those that HL7's generator makes of the same differentials. */
final class Snapshots {

    private final Guide guide;
    private final IValidationSupport bare;

    /** @param bare what is known, with our structures as differentials alone */
    Snapshots(Guide guide, IValidationSupport bare) {
        this.guide = guide;
        this.bare = bare;
    }

    /** Every difference that changes what a resource may be. */
    List<Finding> differences() {
        List<Finding> findings = new ArrayList<>();
        guide.structures().forEach((file, structure) -> findings.addAll(differences(file, structure)));
        return findings;
    }

    private List<Finding> differences(Path file, StructureDefinition structure) {
        String name = Guide.name(file);
        if (!structure.hasSnapshot()) {
            return List.of(Finding.error(name, "", "has no snapshot"));
        }
        StructureDefinition theirs;
        try {
            theirs = generated(structure);
        } catch (RuntimeException fault) {
            return List.of(Finding.error(name, "", "HL7's generator makes no snapshot of it: " + fault.getMessage()));
        }
        return differences(name, elements(structure), elements(theirs));
    }

    private StructureDefinition generated(StructureDefinition structure) {
        StructureDefinition copy = structure.copy();
        copy.setSnapshot(null);
        return (StructureDefinition) bare.generateSnapshot(
                new ValidationSupportContext(bare), copy, copy.getUrl(), null, copy.getName());
    }

    private static Map<String, ElementDefinition> elements(StructureDefinition structure) {
        Map<String, ElementDefinition> elements = new LinkedHashMap<>();
        structure.getSnapshot().getElement().forEach(element -> elements.put(element.getId(), element));
        return elements;
    }

    private static List<Finding> differences(
            String name, Map<String, ElementDefinition> ours, Map<String, ElementDefinition> theirs) {
        List<Finding> findings = new ArrayList<>();
        for (String id : theirs.keySet()) {
            if (!ours.containsKey(id)) {
                findings.add(Finding.error(name, id, "is in HL7's snapshot and not in ours"));
            }
        }
        ours.forEach((id, element) -> {
            ElementDefinition other = theirs.get(id);
            if (other == null) {
                findings.add(Finding.error(name, id, "is in our snapshot and not in HL7's"));
            } else {
                findings.addAll(differences(name, id, facts(element), facts(other)));
            }
        });
        if (findings.isEmpty() && !List.copyOf(ours.keySet()).equals(List.copyOf(theirs.keySet()))) {
            findings.add(Finding.error(name, "", "the elements stand in another order than in HL7's"));
        }
        return findings;
    }

    private static List<Finding> differences(
            String name, String id, Map<String, String> ours, Map<String, String> theirs) {
        TreeSet<String> facts = new TreeSet<>(ours.keySet());
        facts.addAll(theirs.keySet());
        return facts.stream()
                .filter(fact -> !Objects.equals(ours.get(fact), theirs.get(fact)))
                .map(fact -> Finding.error(
                        name, id, fact + " is " + ours.get(fact) + " and in HL7's " + theirs.get(fact)))
                .toList();
    }

    /** What of an element decides whether a resource is valid; prose and examples are left out. */
    private static Map<String, String> facts(ElementDefinition element) {
        Map<String, String> facts = new TreeMap<>();
        facts.put("path", element.getPath());
        facts.put("cardinality", element.getMin() + ".." + element.getMax());
        facts.put("types", types(element));
        if (element.hasBase()) {
            facts.put(
                    "base",
                    element.getBase().getPath()
                            + " "
                            + element.getBase().getMin()
                            + ".."
                            + element.getBase().getMax());
        }
        put(facts, "slice", element.getSliceName());
        // «#X.y» leads to the profile's own X.y with all its rules, «URL#X.y» to the type's.
        put(facts, "content", element.getContentReference());
        put(facts, "must support", element.getMustSupport() ? "true" : null);
        put(facts, "modifier", element.getIsModifier() ? "true" : null);
        put(facts, "longest", element.hasMaxLength() ? String.valueOf(element.getMaxLength()) : null);
        // An example binding decides nothing.
        if (element.hasBinding() && element.getBinding().getStrength() != BindingStrength.EXAMPLE) {
            facts.put("binding", element.getBinding().getStrength() + " " + element.getBinding().getValueSet());
        }
        if (element.hasSlicing()) {
            facts.put("slicing", slicing(element.getSlicing()));
        }
        value(facts, "fixed", element.getFixed());
        value(facts, "pattern", element.getPattern());
        value(facts, "least", element.getMinValue());
        value(facts, "greatest", element.getMaxValue());
        facts.put(
                "rules",
                element.getConstraint().stream()
                        .map(rule -> rule.getKey() + " " + rule.getSeverity())
                        .sorted()
                        .collect(Collectors.joining(", ")));
        return facts;
    }

    private static void put(Map<String, String> facts, String fact, String value) {
        if (value != null) {
            facts.put(fact, value);
        }
    }

    private static void value(Map<String, String> facts, String fact, Type value) {
        if (value instanceof PrimitiveType<?> primitive) {
            facts.put(fact, value.fhirType() + " " + primitive.getValueAsString());
        } else if (value != null) {
            facts.put(fact, value.fhirType() + " " + Written.of(value));
        }
    }

    private static String types(ElementDefinition element) {
        return element.getType().stream()
                .map(type -> type.getCode()
                        + " "
                        + type.getProfile().stream().map(PrimitiveType::getValueAsString).sorted().toList()
                        + type.getTargetProfile().stream().map(PrimitiveType::getValueAsString).sorted().toList()
                        + type.getAggregation().stream().map(PrimitiveType::getValueAsString).sorted().toList())
                .sorted()
                .collect(Collectors.joining(" | "));
    }

    private static String slicing(ElementDefinition.ElementDefinitionSlicingComponent slicing) {
        return slicing.getRules()
                + (slicing.getOrdered() ? " ordered " : " ")
                + slicing.getDiscriminator().stream().map(by -> by.getType() + " " + by.getPath()).sorted().toList();
    }
}
