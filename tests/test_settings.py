import dataclasses
import re
from pathlib import Path

import pytest

from service import settings
from service.settings import PREFIX, READERS, Settings, WrongSettings, read, unknown

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"
ROW = re.compile(r"^\| `(THRIVE_[A-Z_]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)


def test_every_setting_is_documented_and_nothing_else_is():
    documented = {name for name, _, _ in ROW.findall(PAGE.read_text())}
    assert documented == {PREFIX + field.name.upper() for field in dataclasses.fields(Settings)}


def test_documented_defaults_are_the_defaults():
    defaults = {name: default for name, default, _ in ROW.findall(PAGE.read_text())}
    for field in dataclasses.fields(Settings):
        if field.default not in {None, ()}:
            assert defaults[PREFIX + field.name.upper()] == f"`{field.default}`"


def test_every_setting_has_a_reader():
    assert set(READERS) == {field.name for field in dataclasses.fields(Settings)}


def test_an_empty_environment_gives_the_defaults():
    assert read({}) == Settings()
    assert read({"THRIVE_WORKERS": "", "HOME": "/tmp"}) == Settings()


def test_values_are_read():
    given = read(
        {
            "THRIVE_DATABASE_URL": "postgresql://u@h/d",
            "THRIVE_BASE_URL": "https://fhir.example/r4/",
            "THRIVE_WORKERS": "4",
            "THRIVE_LOG": "WARNING",
            "THRIVE_BODY_BYTES": "2048",
        }
    )
    assert given.database_url == "postgresql://u@h/d"
    assert given.base_url == "https://fhir.example/r4"
    assert (given.workers, given.log, given.body_bytes) == (4, "warning", 2048)


def test_lists_are_read():
    given = read(
        {
            "THRIVE_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7,2001:db8::/32",
            "THRIVE_CORS_ORIGINS": "https://app.example, https://b.example:8443,http://localhost:3000",
        }
    )
    assert given.trusted_proxies == ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")
    assert given.cors_origins == ("https://app.example", "https://b.example:8443", "http://localhost:3000")
    assert (read({}).trusted_proxies, read({}).cors_origins) == (None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("THRIVE_DATABASE_URL", "mysql://u:secret@h/d"),
        ("THRIVE_DATABASE_URL", "sqlite:///"),
        ("THRIVE_DATABASE_URL", "/var/secret.db"),
        ("THRIVE_FILES_URL", "  "),
        ("THRIVE_FILES_URL", "s3://"),
        ("THRIVE_FILES_URL", "gs://secret/folder"),
        ("THRIVE_FILES_URL", "s3://key:secret@bucket/folder"),
        ("THRIVE_FILES_ENDPOINT", "secret.example:9000"),
        ("THRIVE_FILES_ENDPOINT", "https://key:secret@store.example"),
        ("THRIVE_FILES_ENDPOINT", "https://store.example/?secret=1"),
        ("THRIVE_JOB_WORKERS", "-1"),
        ("THRIVE_JOB_TASKS", "0"),
        ("THRIVE_JOB_HOURS", "0"),
        ("THRIVE_JOBS_PER_CLIENT", "0"),
        ("THRIVE_IMPORT_BYTES", "1"),
        ("THRIVE_IMPORT_SOURCES", "http://secret.example/files"),
        ("THRIVE_IMPORT_SOURCES", "https://key:secret@files.example"),
        ("THRIVE_IMPORT_SOURCES", "https://files.example/?secret=1"),
        ("THRIVE_IMPORT_SOURCES", "https://files.example, secret"),
        ("THRIVE_BASE_URL", "fhir.example/secret"),
        ("THRIVE_BASE_URL", "ftp://fhir.example/secret"),
        ("THRIVE_BASE_URL", "https://fhir.example/fhir?secret=1"),
        ("THRIVE_WORKERS", "0"),
        ("THRIVE_WORKERS", "two"),
        ("THRIVE_WORKERS", "-1"),
        ("THRIVE_WORKERS", "1.5"),
        ("THRIVE_WORKERS", "٣"),
        ("THRIVE_LOG", "loud"),
        ("THRIVE_BODY_BYTES", "10MB"),
        ("THRIVE_JSON_DEPTH", "100000"),
        ("THRIVE_PAGE_DEFAULT", "5000"),
        ("THRIVE_CLIENT_RATE", "0.5"),
        ("THRIVE_REQUESTS", "0"),
        ("THRIVE_TRUSTED_PROXIES", "secret.example"),
        ("THRIVE_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("THRIVE_TRUSTED_PROXIES", "10.0.0.1,"),
        ("THRIVE_CORS_ORIGINS", "*"),
        ("THRIVE_CORS_ORIGINS", "null"),
        ("THRIVE_CORS_ORIGINS", "https://*.secret.example"),
        ("THRIVE_CORS_ORIGINS", "https://app.example/"),
        ("THRIVE_CORS_ORIGINS", "https://user:secret@app.example"),
        ("THRIVE_CORS_ORIGINS", "https://App.example"),
        ("THRIVE_CORS_ORIGINS", "https://app.example,"),
        ("THRIVE_CORS_ORIGINS", "http://app.example"),
        ("THRIVE_CORS_ORIGINS", "https://"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence_that_does_not_quote_it(name, value):
    with pytest.raises(WrongSettings) as caught:
        read({name: value})
    (sentence,) = caught.value.sentences
    assert sentence.startswith(name)
    assert sentence.endswith(".")
    assert "secret" not in sentence


def test_where_files_are_kept():
    given = read(
        {
            "THRIVE_FILES_URL": "s3://bucket/folder/below",
            "THRIVE_FILES_ENDPOINT": "http://127.0.0.1:9000/",
            "THRIVE_JOB_WORKERS": "0",
        }
    )
    assert given.files_url == "s3://bucket/folder/below"
    assert given.files_endpoint == "http://127.0.0.1:9000"
    assert given.job_workers == 0
    assert read({"THRIVE_FILES_URL": "/srv/files"}).files_url == "/srv/files"


def test_all_wrong_values_are_named_at_once():
    with pytest.raises(WrongSettings) as caught:
        read({"THRIVE_WORKERS": "x", "THRIVE_LOG": "x"})
    assert [sentence.split()[0] for sentence in caught.value.sentences] == ["THRIVE_WORKERS", "THRIVE_LOG"]


def test_a_slip_of_the_keyboard_is_noticed():
    assert unknown({"THRIVE_DATABSE_URL": "x", "THRIVE_LOG": "info", "PATH": "/"}) == ["THRIVE_DATABSE_URL"]


def test_the_environment_is_read_nowhere_else():
    folder = Path(settings.__file__).parent
    readers = {
        path.name for path in folder.rglob("*.py") if re.search(r"\bos\.(environ|getenv)", path.read_text())
    }
    assert readers == {"settings.py"}


def test_the_localities_that_let_the_glass_be_broken():
    assert read({"THRIVE_BREAK_GLASS": "north, south"}).break_glass == ("north", "south")
    for wrong in ("north,", ",", " "):
        with pytest.raises(WrongSettings):
            read({"THRIVE_BREAK_GLASS": wrong})


@pytest.mark.parametrize("hours", ["0", "25", "half"])
def test_broken_glass_is_open_for_a_day_at_most(hours):
    assert read({"THRIVE_BREAK_GLASS_HOURS": "24"}).break_glass_hours == 24
    with pytest.raises(WrongSettings):
        read({"THRIVE_BREAK_GLASS_HOURS": hours})


def test_files_are_imported_from_addresses_over_tls_or_of_this_machine():
    given = read({"THRIVE_IMPORT_SOURCES": "https://files.example/a, http://127.0.0.1:9000/b"})
    assert given.import_sources == ("https://files.example/a", "http://127.0.0.1:9000/b")
    assert read({}).import_sources is None
