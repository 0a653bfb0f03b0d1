package example.thrivefhir.conformance;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Asks HL7's validator about our guide, its examples and any file given, and prints a line a finding. */
public final class Conformance {

    private final FhirContext context = FhirContext.forR4();
    private final DefaultProfileValidationSupport official = new DefaultProfileValidationSupport(context);

    private Conformance() {}

    /** Ends with 0 where nothing is wrong, 1 where something is, 2 where it was not understood. */
    public static void main(String[] arguments) throws IOException {
        Conformance conformance = new Conformance();
        if (List.of(arguments).equals(List.of("--interactive"))) {
            conformance.converse();
            return;
        }
        try {
            System.exit(conformance.run(Options.of(Arrays.asList(arguments))));
        } catch (IllegalArgumentException fault) {
            System.err.println(fault.getMessage());
            System.exit(2);
        }
    }

    /** Takes a line of arguments after the other, and says «done CODE» after each: the definitions load but once. */
    private void converse() throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            int code;
            try {
                code = run(Options.of(Arrays.asList(line.strip().split("\\s+"))));
            } catch (RuntimeException fault) {
                System.out.println(fault);
                code = 2;
            }
            System.out.println("done " + code);
            System.out.flush();
        }
    }

    private int run(Options options) {
        Guide guide = new Guide(context, options.guide(), options.beside());
        List<Finding> findings = new ArrayList<>(guide.unread());
        if (options.does("snapshots")) {
            findings.addAll(
                    new Snapshots(guide, SecondOpinion.chain(context, official, guide, true)).differences());
        }
        if (options.validates()) {
            Known known = known(guide, options.files());
            SecondOpinion opinion = new SecondOpinion(context, official, guide, known);
            Examples examples = new Examples(guide, opinion);
            if (options.does("artefacts")) {
                guide.artefacts()
                        .keySet()
                        .forEach(file ->
                                findings.addAll(opinion.of(Guide.name(file), Guide.text(file), List.of())));
            }
            if (options.does("valid")) {
                findings.addAll(examples.valid());
            }
            if (options.does("invalid")) {
                findings.addAll(examples.invalid());
            }
            options.files().forEach(file -> findings.addAll(file(opinion, file, options.profiles())));
        }
        return printed(options.does("grouped") ? Finding.grouped(findings) : findings, options);
    }

    private static List<Finding> file(SecondOpinion opinion, Path file, List<String> profiles) {
        if (!file.toString().endsWith(".ndjson")) {
            return opinion.of(Guide.name(file), Guide.text(file), profiles);
        }
        List<Finding> findings = new ArrayList<>();
        List<String> lines = Guide.text(file).lines().toList();
        for (int line = 0; line < lines.size(); line++) {
            if (!lines.get(line).isBlank()) {
                findings.addAll(opinion.of(Guide.name(file) + ":" + (line + 1), lines.get(line), profiles));
            }
        }
        return findings;
    }

    /** What references are followed to: valid examples, and the resources of the files given. */
    private static Known known(Guide guide, List<Path> files) {
        Known known = new Known();
        guide.examples("valid").forEach(file -> remember(known, Guide.text(file)));
        for (Path file : files) {
            if (file.toString().endsWith(".ndjson")) {
                Guide.text(file).lines().forEach(line -> remember(known, line));
            }
        }
        return known;
    }

    private static void remember(Known known, String text) {
        JsonNode resource = Examples.parsed(text);
        if (resource != null && resource.hasNonNull("id")) {
            known.add(resource.path("resourceType").asText(), resource.path("id").asText(), text);
        }
    }

    private static int printed(List<Finding> findings, Options options) {
        int errors = 0;
        int warnings = 0;
        for (Finding finding : findings) {
            boolean shown =
                    switch (finding.gravity()) {
                        case ERROR -> true;
                        case WARNING -> !options.does("quiet");
                        case NOTE -> options.does("verbose");
                    };
            if (shown) {
                System.out.println(finding);
            }
            errors += finding.gravity() == Finding.Gravity.ERROR ? 1 : 0;
            warnings += finding.gravity() == Finding.Gravity.WARNING ? 1 : 0;
        }
        System.out.printf("%d errors, %d warnings%n", errors, warnings);
        return errors == 0 ? 0 : 1;
    }
}
