"""The operator's commands against a real server: what they print, and the code they end with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.shell import Shell
from openesi import cli
from openesi.cli.event import changes
from openesi.cli.units import parse_duration
from openesi.sep2 import model as sep
from openesi.sep2.xml import parse_as
from web.house import House, house_in, lfdi_of

LFDI = lfdi_of(1).hex().upper()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(Path(tmp_path_factory.mktemp("house"))) as made:
        made.install(1)
        yield made


@pytest.fixture
def shell(house: House, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    operator = Shell(house, capsys)
    yield operator
    for event in operator.json("event", "list"):
        if event["status"] in ("active", "scheduled"):
            operator("event", "cancel", event["href"])


def test_an_event_is_sent_shown_and_cancelled(shell: Shell) -> None:
    sent = shell.json("event", "send", "--limit", "2kW", "--for", "2m", "--description", "Peak")
    assert (sent["status"], sent["limit_w"], sent["duration"]) == ("active", 2_000, 120)
    line = next(line for line in shell("event", "list").splitlines() if sent["href"] in line)
    assert "limit 2.0 kW, 40 % of setMaxW" in line
    assert "  2m  " in line
    assert line.endswith("Peak")

    shown = shell("event", "show", sent["mrid"])
    assert f"{LFDI}  silent" in shown
    assert "cancelled" in shell("event", "cancel", sent["href"])
    code, _, err = shell.run("event", "cancel", sent["href"])
    assert (code, "cancelled already" in err) == (1, True)


def test_a_dry_run_prints_what_devices_would_get_and_sends_nothing(shell: Shell) -> None:
    before = shell.json("event", "list", "--all")
    document = parse_as(
        shell("event", "send", "--limit", "2kW", "--for", "2m", "--dry-run").encode(), sep.DERControl
    )
    assert document.DERControlBase.opModMaxLimW == 4_000
    assert document.interval.duration == 120
    assert shell.json("event", "list", "--all") == before


def test_answers_are_told(shell: Shell) -> None:
    sent = shell.json("event", "send", "--no-energize", "--for", "5m")
    shell.house.respond(1, sent["href"], 2)
    assert "1 started" in shell("event", "list")
    assert "cease to energize" in shell("event", "list")
    assert f"{LFDI}  started" in shell("event", "show", sent["href"])


def test_an_event_may_begin_later_and_in_another_program(shell: Shell) -> None:
    program = shell("program", "add", "Feeder 12", "--primacy", "10").strip()
    shell("program", "default", "--limit", "80%", "--program", program)
    assert any(line.startswith(program) and "80 %" in line for line in shell("program", "list").splitlines())
    words = ("--limit", "30%", "--at", "in 10m", "--for", "1h", "--program", program)
    sent = shell.json("event", "send", *words)
    assert (sent["status"], sent["program"], sent["limit_percent"]) == ("scheduled", program, 30)
    assert [one["href"] for one in shell.json("event", "list", "--program", program)] == [sent["href"]]


def test_what_is_over_is_listed_when_asked_for(shell: Shell) -> None:
    sent = shell.json("event", "send", "--limit", "50%", "--for", "30s")
    shell.house.ahead_s += 31
    assert sent["href"] not in shell("event", "list")
    assert "completed" in next(
        line for line in shell("event", "list", "--all").splitlines() if sent["href"] in line
    )


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("event", "send"), 2, "--limit 2kW"),
        (("event", "send", "--limit", "2parsec"), 2, "2kW"),
        (("event", "send", "--limit", "2kW", "--for", "0"), 2, "longer than nothing"),
        (("event", "send", "--limit", "2kW", "--program", "/derp/77"), 1, "no DERProgram at /derp/77"),
        (("event", "send", "--limit", "2kW", "--at", "2001-01-01T00:00Z"), 1, "lies in the past"),
        (("event", "cancel", "/derp/1/derc/777"), 1, "no event at /derp/1/derc/777"),
        (("event", "cancel", "nonsense"), 1, "not an mRID"),
        (("event", "cancel", "../../api/status"), 2, "is no event"),
        (("event", "show", "F" * 32), 1, "there is no event"),
        (("event", "list", "--program", "/derp/77"), 1, "there is no program /derp/77"),
        (("program", "add", "x" * 40), 1, "32"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    shell: Shell, words: tuple[str, ...], code: int, hint: str
) -> None:
    found, out, err = shell.run(*words)
    assert (found, out) == (code, "")
    assert hint in err


def test_a_server_that_is_not_there_is_told_with_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["event", "list", "--api", "http://127.0.0.1:1"]) == 3
    assert "openesi demo" in capsys.readouterr().err


def test_the_server_of_a_data_directory_is_found(
    house: House, shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["program", "list", "--data", str(house.folder)]) == 0
    assert "Everyone" in capsys.readouterr().out
    assert cli.main(["program", "list"]) == 0
    assert "Everyone" in capsys.readouterr().out


def test_watching_tells_what_comes_changes_is_answered_and_goes() -> None:
    def event(status: str, started: int = 0) -> dict[str, Any]:
        return {"href": "/derp/1/derc/1", "status": status, "responses": {"started": started}}

    path = "/derp/1/derc/1"
    assert changes({}, {path: event("active")}) == [event("active")]
    assert changes({path: event("active")}, {path: event("active")}) == []
    assert changes({path: event("active")}, {path: event("active", 1)}) == [event("active", 1)]
    assert changes({path: event("active")}, {path: event("cancelled")}) == [event("cancelled")]
    assert changes({path: event("active")}, {}) == [event("over")]


def test_the_default_duration_is_an_hour(shell: Shell) -> None:
    assert shell.json("event", "send", "--limit", "90%")["duration"] == parse_duration("1h")
