"""``openesi device`` on a data directory whose server never ran."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openesi.cli import main
from openesi.sep2.identity import format_lfdi, sfdi_from_lfdi

LFDI = bytes(range(20))


def run(*arguments: str) -> int:
    return main(list(arguments))


@pytest.fixture
def data(tmp_path: Path) -> str:
    assert run("pki", "init", "--data", str(tmp_path / "data"), "--host", "localhost") == 0
    return str(tmp_path / "data")


def test_a_device_is_added_listed_and_removed(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("device", "add", "--lfdi", format_lfdi(LFDI), "--pin", "111115", "--data", data, "--json") == 0
    added = json.loads(capsys.readouterr().out)
    assert added == {
        "href": "/edev/1",
        "lfdi": format_lfdi(LFDI),
        "sfdi": sfdi_from_lfdi(LFDI),
        "pin": 111115,
    }

    assert run("device", "list", "--data", data, "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["href"], listed["lfdi"], listed["pin"]) == ("/edev/1", format_lfdi(LFDI), 111115)
    assert run("device", "remove", "--lfdi", format_lfdi(LFDI), "--data", data) == 0
    capsys.readouterr()
    assert run("device", "list", "--data", data, "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("add",), 2, "--cert FILE or --lfdi HEX"),
        (("add", "--lfdi", "12"), 1, "LFDI"),
        (("add", "--lfdi", "0" * 40, "--edition", "1999"), 2, "edition"),
        (("add", "--lfdi", "0" * 40, "--pin", "123456"), 1, "PIN"),
        (("add", "--cert", "/nothing/there.pem"), 1, "/nothing/there.pem"),
        (("remove", "--lfdi", "0" * 40), 1, "no device"),
    ],
)
def test_mistakes_are_told(
    data: str, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, says: str
) -> None:
    capsys.readouterr()
    assert run("device", *arguments, "--data", data) == code
    assert says in capsys.readouterr().err


def test_a_second_registration_is_refused(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("device", "add", "--lfdi", format_lfdi(LFDI), "--data", data) == 0
    assert run("device", "add", "--lfdi", format_lfdi(LFDI), "--data", data) == 1
    assert "registered already" in capsys.readouterr().err


def test_a_directory_of_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("device", "list", "--data", str(tmp_path)) == 1
    assert "openesi pki init" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
