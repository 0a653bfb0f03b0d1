"""The file in which a deployment says which issuers of tokens it believes, and who their callers are here.

Everything in it is read or none of it: a member that is not known, or misspelt, would let in more than was
meant.

Source: docs/access.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from service.access.issuers import LONGEST, LONGEST_AT_ALL, Issuer
from service.access.keys import ALGORITHMS
from service.access.registration import faults_of_names, faults_of_scopes, is_safe
from service.fhir import codec
from service.fhir.problems import Malformed
from service.fhir.search.asked import Setting
from service.storage.registrations import Registration

Json = dict[str, Any]
Say = Callable[[str], None]

_TEXTS: Final = ("issuer", "audience", "locality", "scopes", "client", "agency", "jwks_url")
_WANTED: Final = ("issuer", "audience", "scopes")
_DEFAULTS: Final[Mapping[str, str]] = {"locality": "default", "client": "client_id", "jwks_url": ""}
_OF_ISSUER: Final = frozenset({*_TEXTS, "algorithms", "agencies", "token_seconds"})
_OF_AGENCY: Final = frozenset({"agency", "locality", "sectors", "purpose", "governance", "chooses_ids"})


class IssuersRefused(Exception):  # noqa: N818 - what was found, said to a person
    """A file of issuers that cannot be gone by; `sentences` says what is wrong."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def read_issuers(raw: bytes, setting: Setting) -> tuple[Issuer, ...]:
    """The issuers of a file.

    Raises:
        IssuersRefused: with a sentence for each thing that is wrong.
    """
    sentences: list[str] = []
    try:
        document = codec.decode(raw)
    except Malformed as fault:
        raise IssuersRefused([f"The file of issuers is no JSON object: {fault}"]) from None
    given = document.get("issuers")
    if not isinstance(given, list) or document.keys() != {"issuers"}:
        raise IssuersRefused(['The file of issuers is {"issuers": [...]}, and nothing else.'])
    found = [_issuer(each, number, setting, sentences.append) for number, each in enumerate(given, 1)]
    names = [each.issuer for each in found if each is not None]
    if len(names) != len(set(names)):
        sentences.append("No two issuers have the same name (issuer).")
    if sentences:
        raise IssuersRefused(sentences)
    return tuple(each for each in found if each is not None)


def _issuer(given: Any, number: int, setting: Setting, say: Say) -> Issuer | None:
    where = f"Issuer {number}:"
    if not isinstance(given, dict):
        say(f"{where} it is no object.")
        return None
    for name in sorted(given.keys() - _OF_ISSUER):
        say(f"{where} {name} is not known.")
    texts = _texts(given, where, say)
    algorithms = given.get("algorithms", list(ALGORITHMS))
    if not _are_texts(algorithms) or not algorithms or not set(algorithms) <= set(ALGORITHMS):
        say(f"{where} algorithms is a list of {', '.join(ALGORITHMS)}.")
        algorithms = []
    longest = given.get("token_seconds", LONGEST)
    if isinstance(longest, bool) or not isinstance(longest, int) or not 0 < longest <= LONGEST_AT_ALL:
        say(f"{where} token_seconds is a whole number from 1 to {LONGEST_AT_ALL}.")
        longest = LONGEST
    for name in ("issuer", "jwks_url"):
        if texts[name] and not is_safe(texts[name]):
            say(f"{where} {name} begins with https://.")
    if "|" in texts["issuer"]:
        say(f"{where} issuer has a | in it, which stands between an issuer and its clients.")
    for sentence in faults_of_scopes(texts["scopes"], setting, outside=True):
        say(f"{where} {sentence}")
    agencies = given.get("agencies")
    if not isinstance(agencies, dict) or not agencies:
        say(f"{where} agencies says, by the name that a token says, which agency that is here.")
        agencies = {}
    return Issuer(
        texts["issuer"],
        texts["audience"],
        frozenset(algorithms),
        texts["client"],
        texts["agency"] or texts["client"],
        {name: _agency(each, f"{where} agency {name}:", texts, say) for name, each in agencies.items()},
        texts["jwks_url"],
        longest,
    )


def _texts(given: Json, where: str, say: Say) -> dict[str, str]:
    found = {name: given.get(name, _DEFAULTS.get(name, "")) for name in _TEXTS}
    for name, text in found.items():
        if not isinstance(text, str) or (name in _WANTED and not text):
            say(f"{where} {name} is a text{', and wanted' if name in _WANTED else ''}.")
            found[name] = ""
    return found


def _agency(given: Any, where: str, texts: Mapping[str, str], say: Say) -> Registration:
    """What clients of the agency are registered with; their names stand in their tokens."""
    told: Json = given if isinstance(given, dict) else {}
    if not isinstance(given, dict):
        say(f"{where} it is no object.")
    for name in sorted(told.keys() - _OF_AGENCY):
        say(f"{where} {name} is not known.")
    sectors = told.get("sectors", [])
    if not _are_texts(sectors):
        say(f"{where} sectors is a list of codes.")
        sectors = []
    words = {
        name: told.get(name, default)
        for name, default in (("agency", ""), ("locality", texts["locality"]), ("purpose", "TREAT"))
    }
    marks = {name: told.get(name, False) for name in ("governance", "chooses_ids")}
    if not all(isinstance(each, str) for each in words.values()):
        say(f"{where} agency, locality and purpose are texts.")
        words = dict.fromkeys(words, "")
    if not all(isinstance(each, bool) for each in marks.values()):
        say(f"{where} governance and chooses_ids are true or false.")
        marks = dict.fromkeys(marks, False)
    found = Registration(
        "outside",
        words["locality"],
        words["agency"],
        texts["issuer"] or "outside",
        texts["scopes"],
        governance=marks["governance"],
        chooses_ids=marks["chooses_ids"],
        sectors=tuple(sectors),
        purpose=words["purpose"],
    )
    for sentence in faults_of_names(found):
        say(f"{where} {sentence}")
    return found


def _are_texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(each, str) for each in given)
