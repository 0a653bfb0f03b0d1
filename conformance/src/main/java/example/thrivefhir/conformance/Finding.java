package example.thrivefhir.conformance;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** One line of the report: how grave, in which file, at which element, and what is said of it. */
record Finding(Gravity gravity, String file, String element, String message) {

    private static final Pattern INDEX = Pattern.compile("\\[\\d+]");

    enum Gravity {
        /** The run fails. */
        ERROR,
        /** Told, and the run goes on: a vocabulary that is not held, a rule that only warns. */
        WARNING,
        /** Told with --verbose alone. */
        NOTE
    }

    static Finding error(String file, String element, String message) {
        return new Finding(Gravity.ERROR, file, element, message);
    }

    static Finding warning(String file, String element, String message) {
        return new Finding(Gravity.WARNING, file, element, message);
    }

    static Finding note(String file, String element, String message) {
        return new Finding(Gravity.NOTE, file, element, message);
    }

    /** Findings that say the same of the same element, told once, of the first file and with the number of the rest. */
    static List<Finding> grouped(List<Finding> findings) {
        Map<List<Object>, List<Finding>> groups = new LinkedHashMap<>();
        for (Finding finding : findings) {
            String element = INDEX.matcher(String.valueOf(finding.element)).replaceAll("");
            String said = INDEX.matcher(finding.message).replaceAll("");
            groups.computeIfAbsent(List.of(finding.gravity, element, said), key -> new ArrayList<>())
                    .add(finding);
        }
        return groups.values().stream().map(Finding::together).toList();
    }

    private static Finding together(List<Finding> alike) {
        Finding first = alike.get(0);
        String rest = alike.size() == 1 ? "" : " (and " + (alike.size() - 1) + " more)";
        return new Finding(first.gravity, first.file, first.element, first.message + rest);
    }

    @Override
    public String toString() {
        String where = element == null || element.isEmpty() ? "" : " " + element + ":";
        return "%-7s %s:%s %s".formatted(gravity.name().toLowerCase(), file, where, message.replace('\n', ' '));
    }
}
