"""What an operator does on the command line beyond events: programs, groups, any resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.shell import Shell
from openesi.cli.modes import parse_modes
from openesi.errors import WrongUsage
from openesi.sep2 import model as sep
from openesi.sep2.json import from_json
from openesi.sep2.xml import parse, parse_as
from web.house import House, house_in, lfdi_of

LFDI = lfdi_of(1).hex().upper()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(Path(tmp_path_factory.mktemp("house"))) as made:
        made.install(1)
        yield made


@pytest.fixture
def shell(house: House, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(house, capsys)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("opModExpLimW=1.5kW", {"multiplier": 0, "value": 1_500}),
        ("opModTargetW=-120kW", {"multiplier": 1, "value": -12_000}),
        ("opModTargetVar=2kvar", {"multiplier": 0, "value": 2_000}),
        ("opmodfixedw=-50%", -5_000),
        ("opModMaxLimW=12.5%", 1_250),
        ("opModFixedPFInjectW=0.95", {"displacement": 950, "excitation": False, "multiplier": -3}),
        ("opModFixedPFAbsorbW=0.9 under", {"displacement": 900, "excitation": True, "multiplier": -3}),
        ("opModFixedVar=30%", {"refType": 2, "value": 3_000}),
        ("opModVoltVar=/derp/1/dc/1", {"href": "/derp/1/dc/1"}),
        ("opModConnect=false", False),
        ("rampTms=2.5s", 250),
        ('opModFreqDroop={"dBOF": 36, "dBUF": 36, "kOF": 50, "kUF": 50, "openLoopTms": 500}', None),
    ],
)
def test_modes_are_written_as_people_write_them(text: str, value: Any) -> None:
    ((name, read),) = parse_modes([text]).items()
    assert name.lower() == text.partition("=")[0].lower()
    assert value is None or read == value
    from_json({name: read}, sep.DERControlBase)


@pytest.mark.parametrize(
    "text",
    ["", "opModFlyW=1", "opModFixedW", "opModConnect=perhaps", "opModFixedW=half", "opModTargetW=5parsec",
     "opModFixedPFInjectW=1.2", "opModVoltVar=curve", "opModFreqDroop=36", "opModFreqDroop={36"],
)  # fmt: skip
def test_a_mode_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(WrongUsage):
        parse_modes([text])


def test_an_event_of_any_mode_is_tried_and_sent(shell: Shell) -> None:
    words = ("event", "send", "--set", "opModFixedW=-25%", "--set", "rampTms=10s", "--for", "5m")
    control = parse_as(shell(*words, "--dry-run").encode(), sep.DERControl)
    assert control.DERControlBase == sep.DERControlBase(opModFixedW=-2_500, rampTms=1_000)
    href = shell.json(*words)["href"]
    newer = shell("event", "supersede", href, "--set", "opModFixedW=10%").strip()
    assert shell.seen(newer).DERControlBase.opModFixedW == 1_000
    assert "cancelled" in shell("event", "cancel", newer, "--reason", "storm")
    assert shell.seen(newer).EventStatus.reason == "storm"


def test_a_curve_is_followed_and_stays_while_it_is(shell: Shell, tmp_path: Path) -> None:
    points = [{"xvalue": 92, "yvalue": 44}, {"xvalue": 108, "yvalue": -44}]
    curve = {"curveType": 11, "xMultiplier": 0, "yMultiplier": 0, "yRefType": 2, "CurveData": points}
    file = tmp_path / "curve.json"
    file.write_text(json.dumps(curve))
    made = json.loads(shell("resource", "add", "/derp/1/dc", str(file)))["href"]
    refused = shell("event", "send", "--set", f"opModVoltWatt={made}", code=1)
    assert "is a curve of type 11, not 12" in refused
    assert "has no curve" in shell("event", "send", "--set", "opModVoltVar=/derp/1/dc/999", code=1)
    sent = shell.json("event", "send", "--set", f"opModVoltVar={made}")["href"]
    assert "follows" in shell("resource", "remove", made, code=1)
    shell("event", "cancel", sent)
    shell("resource", "remove", made)
    assert "nothing at" in shell("resource", "get", made, code=1)


def test_a_program_for_a_group_is_made_changed_and_removed(shell: Shell) -> None:
    group = shell("group", "add", "Feeder 12").strip()
    shell("group", "join", group, LFDI)
    program = shell("program", "add", "Feeder 12", "--primacy", "7", "--group", group).strip()
    assert [one.href for one in shell.seen(f"{group}/derp?l=255").DERProgram] == [program]
    shell("program", "set", program, "--primacy", "3")
    assert shell.seen(program).primacy == 3
    shell("program", "default", "--program", program, "--set", "opModFixedW=30%")
    assert shell.seen(f"{program}/dderc").DERControlBase == sep.DERControlBase(opModFixedW=3_000)
    shown = shell("group", "show", group)
    assert LFDI in shown
    assert program in shown
    shell("group", "unassign", group, program)
    shell("group", "assign", group, program)
    assert program in shell("group", "list")
    shell("group", "leave", group, LFDI)
    shell("program", "remove", program)
    shell("group", "remove", group)
    assert group not in shell("group", "list")


def test_any_resource_is_read_and_written(shell: Shell, tmp_path: Path) -> None:
    assert "/derp/{}/derc" in shell("resource", "table")
    file = tmp_path / "message.json"
    file.write_text(json.dumps({"primacy": 1, "locale": "en", "description": "News"}))
    assert b"<locale>en</locale>" in shell("resource", "add", "/msg", str(file), "--dry-run").encode()
    made = json.loads(shell("resource", "add", "/msg", str(file)))["href"]
    assert json.loads(shell("resource", "set", made, "locale=de", "primacy=2"))["locale"] == "de"
    assert json.loads(shell("resource", "get", made))["primacy"] == 2
    assert isinstance(parse(shell("resource", "get", made, "--xml").encode()), sep.MessagingProgram)
    file.write_text(json.dumps({"primacy": 5, "locale": "fr"}))
    assert "description" not in json.loads(shell("resource", "put", made, str(file)))
    shell("resource", "remove", made)


def test_rates_are_set_and_reset(shell: Shell) -> None:
    assert "poll all else  1m" in shell("rates", "show")
    shell("rates", "set", "--poll", "5m", "--type", "DERProgramList=30s")
    shell("rates", "set", "--post", "2m")
    told = shell.json("rates", "show")
    assert told == {"poll_s": {"DERProgramList": 30}, "default_poll_s": 300, "post_s": 120}
    assert shell.seen("/derp").pollRate == 30
    assert shell.json("rates", "reset")["poll_s"] == {}
    assert "TYPE=TIME" in shell("rates", "set", "--type", "DERProgramList", code=2)
    assert "--poll 5m" in shell("rates", "set", code=2)
    assert "no pollRate" in shell("rates", "set", "--type", "Colour=5s", code=1)


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("group", "join", "/fsa/999", LFDI), 1, "no group /fsa/999"),
        (("group", "join", "feeder", LFDI), 2, "is no group"),
        (("group", "join", "/fsa/1", "nonsense"), 1, "LFDI"),
        (("group", "assign", "/fsa/1", "derp"), 2, "is no href"),
        (("program", "set", "/derp/1"), 2, "--primacy"),
        (("program", "remove", "/derp/x"), 2, "is no program"),
        (("program", "default"), 2, "--limit 80%"),
        (("resource", "get", "derp"), 2, "is no path"),
        (("resource", "get", "/nowhere"), 1, "no place /nowhere"),
        (("resource", "add", "/derp", "/nonexistent.json"), 1, "cannot be read"),
        (("resource", "set", "/derp/1", "primacy"), 2, "NAME=VALUE"),
        (("event", "supersede", "/derp/1/derc/999", "--set", "opModConnect=true"), 1, "no event"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    shell: Shell, words: tuple[str, ...], code: int, hint: str
) -> None:
    assert hint in shell(*words, code=code)
