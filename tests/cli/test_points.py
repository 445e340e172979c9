"""``openesi points`` against a real server: what it prints, and the code it ends with."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.test_event import Shell
from web.house import House, house_in
from web.test_points import POINT, plug_in, sfdi_of

SFDI = sfdi_of(1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(Path(tmp_path_factory.mktemp("house"))) as made:
        plug_in(made, 1)
        yield made


@pytest.fixture
def shell(house: House, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    operator = Shell(house, capsys)
    yield operator
    operator("points", "revert", SFDI)


def test_points_are_read(shell: Shell) -> None:
    assert shell("points", "get", SFDI, "b802_SoC") == "7.77\n"
    assert shell.json("points", "get", SFDI, "b802_SoC")["units"] == "% WHRtg"
    table = shell("points", "scrape", SFDI)
    assert "b403_Tmp" in table
    assert "128000" in table
    assert shell.json("points", "get", SFDI) == shell.json("points", "scrape", SFDI)
    assert shell.json("points", "scrape")[0]["values"]["b1_Md"] == "Mf Model"
    assert SFDI in shell("points", "scrape")


def test_a_point_is_set_and_taken_back(shell: Shell) -> None:
    assert shell("points", "set", SFDI, POINT, "0", "--for", "1h") == "0\n"
    assert shell("points", "get", SFDI, POINT) == "0\n"
    assert shell.json("points", "set", SFDI, POINT, "20")["value"] == 20.0
    assert shell("points", "set", SFDI, POINT, "12.3456789") == "12.3456789\n"
    shell("points", "revert", SFDI, POINT)
    assert shell("points", "get", SFDI, POINT) == "-\n"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("set", SFDI, POINT, "much"), 2, "no number"),
        (("set", SFDI, POINT, "nan"), 2, "no number"),
        (("set", SFDI, POINT, "20.0000001"), 1, "20.0000001 W is out of range"),
        (("set", SFDI, POINT, "-1"), 1, "-1 W is out of range"),
        (("set", SFDI, "b113_A", "1"), 1, "read only"),
        (("get", SFDI, "b124_WChaMin"), 1, "did you mean"),
        (("get", "097935300833"), 1, "no device"),
        (("get", "../events"), 2, "no SFDI"),
        (("config", SFDI, "/nowhere/points.csv"), 1, "nowhere"),
    ],
)
def test_what_cannot_be_done_is_told(shell: Shell, words: tuple[str, ...], code: int, told: str) -> None:
    ended, out, err = shell.run("points", *words)
    assert (ended, out) == (code, "")
    assert told in err


def test_a_table_goes_out_and_in(shell: Shell, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(shell("points", "config"))))
    assert len(rows) == 26
    file = tmp_path / "points.csv"
    file.write_text("Point,Resource,Field\ncode,DERStatus,inverterStatus.value\n")
    assert "code" in shell("points", "config", SFDI, str(file))
    assert shell.json("points", "get", SFDI)["values"] == {"code": 4}
    assert shell.json("points", "config", SFDI, "--semantics", "volttron-raw")["semantics"] == "volttron-raw"
    assert len(shell.json("points", "config", SFDI, "--reset")["rows"]) == 26


def test_history_is_told(shell: Shell) -> None:
    shell("points", "get", SFDI, POINT)
    shell("points", "set", SFDI, POINT, "5")
    assert "5" in shell("points", "history", SFDI, POINT).splitlines()[-1]
