from __future__ import annotations

from pathlib import Path

import pytest

from openesi import cli
from openesi.sep2 import xsd
from openesi.sep2.editions import EDITIONS, IEEE_2018


def test_schema_prints_the_2018_edition(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    captured = capsys.readouterr()
    assert captured.out == xsd.print_schema(IEEE_2018)
    assert captured.err == ""


def test_schema_says_that_a_profile_needs_more_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", "--edition", "csip-aus-1.2"]) == 0
    captured = capsys.readouterr()
    assert captured.out == xsd.print_schema(EDITIONS["csip-aus-1.2"])
    assert "--out-dir" in captured.err


def test_schema_writes_every_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", "--edition", "csip-aus-1.2", "--out-dir", str(tmp_path / "xsd")]) == 0
    written = {path.name: path.read_text() for path in (tmp_path / "xsd").iterdir()}
    assert written == xsd.print_schemas(EDITIONS["csip-aus-1.2"])
    assert len(capsys.readouterr().out.splitlines()) == len(written) == 2


def test_an_unknown_edition_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", "--edition", "2031"]) == 2
    assert "2018" in capsys.readouterr().err
