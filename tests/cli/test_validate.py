from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from openesi import cli

NS = "urn:ieee:std:2030.5:ns"
DOCUMENTS = Path(__file__).parent.parent / "sep2" / "documents"


def written(folder: Path, inside: str, *, namespace: str = NS, attributes: str = "") -> str:
    file = folder / "document.xml"
    file.write_text(f'<DateTimeInterval xmlns="{namespace}"{attributes}>{inside}</DateTimeInterval>')
    return str(file)


def test_says_ok_of_real_documents_of_any_edition(capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(path) for path in sorted(DOCUMENTS.glob("*.xml"))]

    assert cli.main(["validate", *files]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{file}: ok" for file in files]


def test_tells_where_the_schema_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "<duration>-1</duration><start>0</start>")

    assert cli.main(["validate", file]) == 1
    captured = capsys.readouterr()
    assert captured.out == (
        f"{file}: DateTimeInterval/duration: -1 is out of bounds for UInt32 (0 to 4294967295)\n"
    )
    assert "1 of 1 documents" in captured.err


def test_tells_what_readers_would_skip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(
        tmp_path, "<duration>1</duration><new><x/></new><start>0</start>", attributes=' schemaVer="2.1" a=""'
    )

    assert cli.main(["validate", file]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "DateTimeInterval/@schemaVer",
        "DateTimeInterval/@a",
        "DateTimeInterval/new",
    ]


def test_tells_what_the_text_of_the_standard_forbids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "base.xml"
    file.write_text(f'<DERControlBase xmlns="{NS}"><opModMaxLimW>10001</opModMaxLimW></DERControlBase>')

    assert cli.main(["validate", "--json", str(file)]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {
            "file": str(file),
            "ok": False,
            "problems": [
                {
                    "path": "DERControlBase/opModMaxLimW",
                    "problem": "10001 is not between 0 and 10000, as PerCent is",
                }
            ],
        }
    ]


def test_an_edition_that_is_asked_for_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "<duration>1</duration><start>0</start>", namespace="http://zigbee.org/sep")

    assert cli.main(["validate", file]) == 0
    assert cli.main(["validate", "--edition", "2018", file]) == 1
    assert "where urn:ieee:std:2030.5:ns is spoken" in capsys.readouterr().out


def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    document = f'<Error xmlns="{NS}"><reasonCode>1</reasonCode></Error>'.encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(document)))

    assert cli.main(["validate", "-"]) == 0
    assert capsys.readouterr().out == "-: ok\n"


def test_rubbish_and_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"\xff\x00\x1b[31m")

    assert cli.main(["validate", str(rubbish)]) == 1
    assert "not well-formed" in capsys.readouterr().out
    assert cli.main(["validate", str(tmp_path / "none.xml")]) == 1
    assert "There is no file" in capsys.readouterr().err
    assert cli.main(["validate", "--edition", "1999", str(rubbish)]) == 2
