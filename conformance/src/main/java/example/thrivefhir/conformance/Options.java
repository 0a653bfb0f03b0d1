package example.thrivefhir.conformance;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What was asked for.
 *
 * @param guide the folder of our artefacts
 * @param beside folders of other guides' artefacts
 * @param flags the names of the switches that are on
 * @param profiles profiles that the files given must conform to, whether they claim them or not
 * @param files resources to be validated, JSON or NDJSON
 */
record Options(Path guide, List<Path> beside, Set<String> flags, List<String> profiles, List<Path> files) {

    private static final Set<String> PARTS = Set.of("artefacts", "valid", "invalid", "snapshots");
    private static final Set<String> LOUDNESS = Set.of("verbose", "quiet", "grouped");
    private static final String USAGE =
            """
            conformance [--artefacts] [--valid] [--invalid] [--snapshots] [--verbose | --quiet] [--grouped]
                        [--guide FOLDER] [--beside FOLDER]... [--profile URL]... [FILE | FOLDER]...
            or: conformance --interactive, and then a line of such arguments after the other""";

    /** Understands the arguments; raises IllegalArgumentException with the usage where it cannot. */
    static Options of(List<String> arguments) {
        Path guide = Path.of("fhir_profiles");
        List<Path> beside = new ArrayList<>();
        Set<String> flags = new HashSet<>();
        List<String> profiles = new ArrayList<>();
        List<Path> files = new ArrayList<>();
        for (int at = 0; at < arguments.size(); at++) {
            String given = arguments.get(at);
            String name = given.startsWith("--") ? given.substring(2) : "";
            if (PARTS.contains(name) || LOUDNESS.contains(name)) {
                flags.add(name);
            } else if (name.isEmpty()) {
                files.addAll(found(given));
            } else {
                String value = ++at < arguments.size() ? arguments.get(at) : "";
                switch (name) {
                    case "guide" -> guide = Path.of(value);
                    case "beside" -> beside.add(Path.of(value));
                    case "profile" -> profiles.add(value);
                    default -> throw new IllegalArgumentException(given + " is not understood.\n" + USAGE);
                }
            }
        }
        if (files.isEmpty() && flags.stream().noneMatch(PARTS::contains)) {
            flags.addAll(PARTS);
        }
        return new Options(guide, beside, flags, profiles, files);
    }

    private static List<Path> found(String given) {
        Path file = Path.of(given);
        if (!Files.exists(file)) {
            throw new IllegalArgumentException("There is no " + given + ".\n" + USAGE);
        }
        return Files.isDirectory(file) ? Guide.json(file) : List.of(file);
    }

    boolean does(String flag) {
        return flags.contains(flag);
    }

    boolean validates() {
        return !files.isEmpty() || does("artefacts") || does("valid") || does("invalid");
    }
}
