package example.thrivefhir.conformance;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.parser.DataFormatException;
import ca.uhn.fhir.parser.IParser;
import ca.uhn.fhir.parser.StrictErrorHandler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.MetadataResource;
import org.hl7.fhir.r4.model.OperationDefinition;
import org.hl7.fhir.r4.model.Questionnaire;
import org.hl7.fhir.r4.model.Resource;
import org.hl7.fhir.r4.model.SearchParameter;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r4.model.ValueSet;

/** The artefacts of a guide's folder, and those of other guides that ours is read beside. */
final class Guide {

    /** The folders of a guide, each after what it builds on. */
    static final List<String> KINDS = List.of(
            "CodeSystem",
            "ValueSet",
            "StructureDefinition",
            "SearchParameter",
            "OperationDefinition",
            "Questionnaire");

    private final Map<Path, MetadataResource> artefacts = new TreeMap<>();
    private final List<MetadataResource> others = new ArrayList<>();
    private final List<Finding> unread = new ArrayList<>();
    private final Path folder;

    /** Reads the folder; a file that is no artefact of R4 is a finding, not an end. */
    Guide(FhirContext context, Path folder, List<Path> beside) {
        this.folder = folder;
        for (String kind : KINDS) {
            for (Path file : Files.isDirectory(folder.resolve(kind)) ? json(folder.resolve(kind)) : List.<Path>of()) {
                read(context, file, true);
            }
        }
        for (Path other : beside) {
            json(other).forEach(file -> read(context, file, false));
        }
    }

    private void read(FhirContext context, Path file, boolean ours) {
        try {
            IParser parser = context.newJsonParser().setParserErrorHandler(new StrictErrorHandler());
            Resource resource = (Resource) (ours ? parser : context.newJsonParser()).parseResource(text(file));
            if (resource instanceof MetadataResource artefact && isKept(artefact)) {
                if (ours) {
                    artefacts.put(file, artefact);
                } else {
                    others.add(artefact);
                }
            }
        } catch (DataFormatException fault) {
            if (ours) {
                unread.add(Finding.error(name(file), "", "not read: " + fault.getMessage()));
            }
        }
    }

    private static boolean isKept(MetadataResource artefact) {
        return artefact instanceof StructureDefinition
                || artefact instanceof ValueSet
                || artefact instanceof CodeSystem
                || artefact instanceof Questionnaire
                || artefact instanceof SearchParameter
                || artefact instanceof OperationDefinition;
    }

    Path folder() {
        return folder;
    }

    /** Our artefacts by file. */
    Map<Path, MetadataResource> artefacts() {
        return artefacts;
    }

    /** Artefacts of other guides, held for what refers to them and not looked at themselves. */
    List<MetadataResource> others() {
        return others;
    }

    /** The files that could not be read. */
    List<Finding> unread() {
        return unread;
    }

    /** Our profiles and extensions by file. */
    Map<Path, StructureDefinition> structures() {
        Map<Path, StructureDefinition> found = new TreeMap<>();
        artefacts.forEach((file, artefact) -> {
            if (artefact instanceof StructureDefinition structure) {
                found.put(file, structure);
            }
        });
        return found;
    }

    /** The files of a folder of examples, in order. */
    List<Path> examples(String kind) {
        Path examples = folder.resolve("examples").resolve(kind);
        return Files.isDirectory(examples) ? json(examples) : List.of();
    }

    /** The name a file has in the report: relative to where the program was started. */
    static String name(Path file) {
        Path here = Path.of("").toAbsolutePath();
        Path whole = file.toAbsolutePath().normalize();
        return (whole.startsWith(here) ? here.relativize(whole) : whole).toString();
    }

    static List<Path> json(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
    }

    static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
    }
}
