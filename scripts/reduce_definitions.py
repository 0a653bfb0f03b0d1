"""Reduces the official package `hl7.fhir.r4.core` 4.0.1 to the structural facts that the registry holds.

    python scripts/reduce_definitions.py hl7.fhir.r4.core-4.0.1.tgz service/fhir/data

Writes `types.json`, `value_sets.json`, `search_parameters.json` and `compartments.json`
into the directory; `served.json`, which is written by hand and read from this
repository, says for which resource types search parameters are kept. Nothing of the
standard's prose is taken but the sentence of each invariant. The same package gives the
same bytes.

Source: https://hl7.org/fhir/R4/downloads.html (the package; FHIR R4 is CC0)
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, only its own folder is on the path
from scripts.reduce_search import Search, compartments
from scripts.reduce_value_sets import Terminology

SERVED = Path(__file__).parent.parent / "service" / "fhir" / "data" / "served.json"
STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"
FHIR_TYPE = STRUCTURE + "structuredefinition-fhir-type"

Json = dict[str, Any]


class Package:
    """The package's conformance resources by type, then by URL."""

    def __init__(self, path: Path) -> None:
        """Reads the whole archive once."""
        self.resources: dict[str, dict[str, Json]] = defaultdict(dict)
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if (
                    not member.isfile()
                    or not name.endswith(".json")
                    or name in {"package.json", ".index.json"}
                ):
                    continue
                stream = archive.extractfile(member)
                resource = json.load(stream) if stream else {}
                if "url" in resource:
                    self.resources[resource["resourceType"]][resource["url"]] = resource


class Types:
    """Reduces StructureDefinitions; a type keeps only what it adds to or changes of its base."""

    def __init__(self, structures: dict[str, Json]) -> None:
        """Takes StructureDefinitions by URL."""
        self.structures = structures
        self.reduced: dict[str, Json] = {}
        # SimpleQuantity is a constraint on Quantity, not a type: its rule goes to the elements that use it.
        self.profiles = {
            url: structure["snapshot"]["element"][0].get("constraint", [])
            for url, structure in structures.items()
            if "snapshot" in structure
        }

    def all(self) -> dict[str, Json]:
        """Every R4 datatype and resource type with its backbone elements, sorted by name."""
        for structure in self.structures.values():
            if structure.get("derivation") != "constraint" and structure["kind"] != "logical":
                self.add(structure)
        return dict(sorted(self.reduced.items()))

    def add(self, structure: Json) -> None:
        """Adds one type, its base first, and its backbone elements."""
        name = structure["type"]
        if name in self.reduced:
            return
        base_url = structure.get("baseDefinition")
        if base_url:
            self.add(self.structures[base_url])
        kind = {"resource": "resource", "complex-type": "complex", "primitive-type": "primitive"}[
            structure["kind"]
        ]
        elements = structure["snapshot"]["element"]
        self._add_level(elements, 0, kind, base_url.removeprefix(STRUCTURE) if base_url else None)
        if structure["abstract"]:
            self.reduced[name]["abstract"] = True
        for index, element in enumerate(elements[1:], start=1):
            if has_children(elements, index):
                base = element["type"][0]["code"]
                self.add(self.structures[STRUCTURE + base])
                self._add_level(elements, index, "backbone", base)

    def _add_level(self, elements: list[Json], index: int, kind: str, base: str | None) -> None:
        """Adds the type whose root is the element at `index`, with that element's direct children."""
        root = elements[index]
        inherited = self.elements(base)
        own = []
        for position, element in enumerate(elements):
            if element["path"].rpartition(".")[0] != root["path"]:
                continue
            if kind == "primitive" and element["path"].endswith(".value"):
                continue  # the JSON value itself
            reduced = self._element(element, backbone=has_children(elements, position))
            if inherited.get(reduced["name"]) != reduced:
                own.append(reduced)
        type_: Json = {"kind": kind}
        if base:
            type_["base"] = base
        rules = self._rules(root.get("constraint", []), {rule["key"] for rule in self.rules(base)})
        if rules:
            type_["invariants"] = rules
        type_["elements"] = own
        self.reduced[root["path"]] = type_

    def elements(self, name: str | None) -> dict[str, Json]:
        """The reduced elements of a type, inherited ones included, by name."""
        if name is None:
            return {}
        type_ = self.reduced[name]
        return self.elements(type_.get("base")) | {element["name"]: element for element in type_["elements"]}

    def rules(self, name: str | None) -> list[Json]:
        """The reduced invariants of a type, inherited ones included."""
        if name is None:
            return []
        type_ = self.reduced[name]
        return [*self.rules(type_.get("base")), *type_.get("invariants", [])]

    def _element(self, element: Json, *, backbone: bool) -> Json:
        name = element["path"].rpartition(".")[2]
        reduced: Json = {
            "name": name.removesuffix("[x]"),
            "card": f"{element['min']}..{element['max']}",
            "types": self._types(element, backbone=backbone),
        }
        if name.endswith("[x]"):
            reduced["choice"] = True
        if targets := reference_targets(element):
            reduced["targets"] = targets
        binding = element.get("binding", {})
        if "valueSet" in binding:
            reduced["binding"] = [binding["strength"], binding["valueSet"].partition("|")[0]]
        if not backbone and "contentReference" not in element and (rules := self._element_rules(element)):
            reduced["invariants"] = rules
        for flag, key in (("summary", "isSummary"), ("modifier", "isModifier")):
            if element.get(key):
                reduced[flag] = True
        return reduced

    def _types(self, element: Json, *, backbone: bool) -> list[str]:
        if backbone:
            return [element["path"]]
        if "contentReference" in element:
            return [element["contentReference"].removeprefix("#")]
        if element["path"].endswith("Resource.id") or element.get("base", {}).get("path") == "Resource.id":
            return ["id"]  # the package says string here, the page on resources says id
        return [datatype(type_) for type_ in element["type"]]

    def _element_rules(self, element: Json) -> list[Json]:
        """The element's own invariants and those of a type profile, without those its types bring anyway."""
        constraints = list(element.get("constraint", []))
        for type_ in element["type"]:
            for profile in type_.get("profile", []):
                constraints += self.profiles[profile]
        # Types are reduced in no particular order, so an element's type may be one that comes later.
        known = {"ele-1", "ext-1"}
        for type_ in element["type"]:
            structure = self.structures.get(STRUCTURE + type_["code"])
            if structure:
                known |= {rule["key"] for rule in structure["snapshot"]["element"][0].get("constraint", [])}
        return self._rules(constraints, known)

    @staticmethod
    def _rules(constraints: list[Json], known: set[str]) -> list[Json]:
        own = {
            rule["key"]: {
                "key": rule["key"],
                "severity": rule["severity"],
                "expression": rule["expression"],
                "text": " ".join(rule["human"].split()),
            }
            for rule in constraints
            if rule["key"] not in known and "expression" in rule
        }
        return list(own.values())


def has_children(elements: list[Json], index: int) -> bool:
    """Whether the element at `index` of a snapshot is the root of a backbone element."""
    return index + 1 < len(elements) and elements[index + 1]["path"].startswith(elements[index]["path"] + ".")


def datatype(type_: Json) -> str:
    """The FHIR type of ElementDefinition.type, which for ids and urls is given in an extension."""
    for extension in type_.get("extension", []):
        if extension["url"] == FHIR_TYPE:
            return str(extension["valueUrl"])
    return str(type_["code"])


def reference_targets(element: Json) -> list[str]:
    """The resource types that a Reference (or else a canonical) may point to; empty means any."""
    of_type = {
        type_["code"]: [target.removeprefix(STRUCTURE) for target in type_["targetProfile"]]
        for type_ in element.get("type", [])
        if "targetProfile" in type_
    }
    targets = of_type.get("Reference") or of_type.get("canonical") or []
    return [] if "Resource" in targets else targets


def lines(document: Json) -> Iterator[str]:
    """The document: a block per key; the members of a block, and objects in their arrays, on a line each."""
    for name, block in document.items():
        members = ",\n".join(f" {compact(key)}: {member(value)}" for key, value in block.items())
        yield f"{compact(name)}: {{\n{members}\n}}"


def member(value: object) -> str:
    """A member of a block: an array of objects has a line for each, all else is on one."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"  {compact(item)}" for item in value) + "\n ]"
    return compact(value)


def compact(value: object) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write(path: Path, document: Json) -> None:
    """Writes one document, and prints its size."""
    text = "{\n" + ",\n".join(lines(document)) + "\n}\n"
    path.write_text(text, encoding="utf-8")
    print(f"{path}: {len(document)} entries, {len(text.encode())} bytes")


def reduce(package_path: Path, directory: Path) -> None:
    """Reads the package and writes the reduced documents into the directory."""
    resources = Package(package_path).resources
    served = list(json.loads(SERVED.read_text(encoding="utf-8")))
    types = Types(resources["StructureDefinition"]).all()
    bound = sorted(
        {
            element["binding"][1]
            for type_ in types.values()
            for element in type_["elements"]
            if element.get("binding", ["example"])[0] != "example"
        }
    )
    terminology = Terminology(resources["ValueSet"], resources["CodeSystem"])
    sets = {url: codes for url in bound if (codes := terminology.codes(url)) is not None}
    directory.mkdir(parents=True, exist_ok=True)
    write(directory / "types.json", types)
    write(directory / "value_sets.json", sets)
    write(
        directory / "search_parameters.json", Search(resources["SearchParameter"], types).parameters(served)
    )
    write(directory / "compartments.json", compartments(resources["CompartmentDefinition"], served))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Reduce the FHIR R4 package to the registry's data.")
    parser.add_argument("package", type=Path, help="path of hl7.fhir.r4.core-4.0.1.tgz")
    parser.add_argument("directory", type=Path, help="where to write, such as service/fhir/data")
    arguments = parser.parse_args()
    reduce(arguments.package, arguments.directory)
