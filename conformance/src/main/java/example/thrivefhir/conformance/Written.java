package example.thrivefhir.conformance;

import java.util.stream.Collectors;
import org.hl7.fhir.r4.model.Base;
import org.hl7.fhir.r4.model.Property;

/** A value as text, so that two can be compared whatever their order of elements. */
final class Written {

    private Written() {}

    static String of(Base value) {
        if (value.isPrimitive()) {
            return value.primitiveValue();
        }
        return value.children().stream()
                .filter(Property::hasValues)
                .map(child -> child.getName()
                        + "="
                        + child.getValues().stream().map(Written::of).collect(Collectors.joining(",", "[", "]")))
                .sorted()
                .collect(Collectors.joining(" ", "{", "}"));
    }
}
