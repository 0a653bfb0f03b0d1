from __future__ import annotations

import click
import pytest

from service.access.issuer_file import IssuersRefused
from service.commands.telling import progress, settings_now, told_plainly
from service.fhir.conformance.invariants import Uncompilable
from service.fhir.packages import PackageRefused
from service.fhir.problems import Malformed
from service.fhir.profiles.snapshots import SnapshotError
from service.settings import Settings, WrongSettings
from service.storage.open import NotMigrated


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (WrongSettings(["One.", "Two."]), "One.\nTwo."),
        (PackageRefused("One.", "Two."), "One.\nTwo."),
        (IssuersRefused(["One.", "Two."]), "One.\nTwo."),
        (NotMigrated(), "The database is not migrated to this version. Run `thrive-fhir migrate` first."),
        (Uncompilable("A rule."), "A rule."),
        (SnapshotError("A base."), "A base."),
        (Malformed("x", "No JSON."), "No JSON."),
        (FileNotFoundError(2, "No such file", "a.json"), "a.json: No such file."),
    ],
)
def test_what_goes_wrong_becomes_a_sentence(fault, told):
    with pytest.raises(click.ClickException) as caught, told_plainly():
        raise fault
    assert caught.value.message == told
    assert caught.value.exit_code == 1


def test_a_fault_of_ours_stays_one():
    with pytest.raises(ZeroDivisionError), told_plainly():
        _ = 1 / 0


def test_settings_come_from_the_environment_and_slips_are_pointed_out(monkeypatch, capsys):
    monkeypatch.setenv("THRIVE_PACKAGES", "elsewhere")
    monkeypatch.setenv("THRIVE_PACKAGE", "slip")
    assert settings_now() == Settings(packages="elsewhere")
    assert "THRIVE_PACKAGE is no setting" in capsys.readouterr().err


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(capsys):
    with progress("Working", 100) as advance:
        for _ in range(100):
            advance(1)
    assert capsys.readouterr().err.splitlines() == [f"Working: {tenth}0 %" for tenth in range(1, 11)]


def test_progress_never_goes_beyond_the_whole(capsys):
    with progress("Working", 3) as advance:
        advance(5)
        advance(5)
    assert capsys.readouterr().err == "Working: 100 %\n"
