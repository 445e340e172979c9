from __future__ import annotations

import io
from pathlib import Path

import pytest

from exi.documents import Vector, vectors
from openesi import cli


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for vector in vectors()[:5]:
        (tmp_path / f"{vector.name}.xml").write_bytes(vector.xml)
        (tmp_path / f"{vector.name}.exi").write_bytes(vector.sep)
    return tmp_path


def first(folder: Path, suffix: str) -> tuple[Vector, str]:
    vector = vectors()[0]
    return vector, str(folder / f"{vector.name}{suffix}")


def test_encode_writes_a_stream_to_stdout(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    vector, file = first(folder, ".xml")

    assert cli.main(["exi", "encode", file]) == 0
    assert capfdbinary.readouterr().out == vector.sep


def test_decode_writes_a_document_to_stdout(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    vector, file = first(folder, ".exi")

    assert cli.main(["exi", "decode", file]) == 0
    assert capfdbinary.readouterr().out == vector.xml.strip() + b"\n"


def test_a_batch_goes_to_a_directory(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(path) for path in sorted(folder.glob("*.xml"))]

    assert cli.main(["exi", "encode", *files, "--out-dir", str(folder / "out")]) == 0
    assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()} == {
        f"{vector.name}.exi": vector.sep for vector in vectors()[:5]
    }
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_a_bad_file_does_not_stop_a_batch(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.exi").write_bytes(b"\xa0\x30\x11")
    files = [str(path) for path in sorted(folder.glob("*.exi"))]

    assert cli.main(["exi", "decode", *files, "--out-dir", str(folder / "out")]) == 1
    captured = capsys.readouterr()
    assert len(list((folder / "out").iterdir())) == 5
    assert "bad.exi: the stream ends" in captured.err
    assert "1 of 6 files" in captured.err


def test_several_files_need_a_directory(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(path) for path in sorted(folder.glob("*.xml"))]

    assert cli.main(["exi", "encode", *files]) == 2
    assert "--out-dir" in capsys.readouterr().err


def test_files_of_the_same_name_are_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, file = first(folder, ".xml")

    assert cli.main(["exi", "encode", file, file, "--out-dir", str(folder / "out")]) == 2
    assert "overwrite" in capsys.readouterr().err


def test_strict_and_bare_streams_for_testing_codecs(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    vector, file = first(folder, ".xml")
    assert cli.main(["exi", "encode", "--strict", "--bare", file]) == 0
    stream = capfdbinary.readouterr().out
    (folder / "strict.exi").write_bytes(stream)

    assert stream == vector.strict
    assert cli.main(["exi", "decode", "--strict", "--edition", "2018", str(folder / "strict.exi")]) == 0
    assert capfdbinary.readouterr().out == vector.xml.strip() + b"\n"


def test_trace_reads_aloud(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vector, file = first(folder, ".exi")

    assert cli.main(["exi", "trace", file]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["@0 header octet 0xa0", "@8 options: schemaId=S1 strict=false"]
    assert lines[-1].endswith(f"of {8 * len(vector.sep)}")


def test_trace_stops_at_the_first_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cut.exi").write_bytes(vectors()[0].sep[:20])

    assert cli.main(["exi", "trace", str(folder / "cut.exi")]) == 1
    assert "ERROR the stream ends" in capsys.readouterr().out.splitlines()[-1]


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    vector = vectors()[0]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(vector.xml)))

    assert cli.main(["exi", "encode", "-"]) == 0
    assert capfdbinary.readouterr().out == vector.sep


def test_what_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["exi", "decode", "nowhere.exi"]) == 1
    assert "There is no file nowhere.exi" in capsys.readouterr().err
    assert cli.main(["exi", "decode", "--edition", "1999", "nowhere.exi"]) == 2
    assert "2018" in capsys.readouterr().err
