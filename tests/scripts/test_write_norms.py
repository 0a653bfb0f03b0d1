from __future__ import annotations

from scripts import write_norms
from service.fhir import codec
from tests.conftest import SHARED


def test_the_file_is_as_the_script_writes_it(domain_facts):
    document = write_norms.norms(domain_facts, codec.decode(write_norms.CODES.read_bytes()))
    assert write_norms.NORMS.read_bytes() == write_norms.written(document)
    assert len(document["rows"]) == 120


def test_a_row_stands_on_a_line_of_its_own():
    document = codec.decode(write_norms.NORMS.read_bytes())
    assert len(write_norms.NORMS.read_text().splitlines()) == len(document["rows"]) + 7
    assert list(document["rows"][0]) == ["measure", "sex", "ages", "mean", "sd"]


def test_it_writes_where_it_is_told_the_facts(domain_facts, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(write_norms, "ROOT", tmp_path)
    monkeypatch.setattr(write_norms, "NORMS", tmp_path / "norms.json")
    before = write_norms.main([])
    assert (before, (tmp_path / "norms.json").exists()) == (2, False)
    assert write_norms.main([str(SHARED / "data" / "domain_facts.json")]) == 0
    assert len(codec.decode((tmp_path / "norms.json").read_bytes())["rows"]) == 120
    assert "usage" in capsys.readouterr().out
