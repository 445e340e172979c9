from __future__ import annotations

import subprocess
import sys

import pytest

from cli.test_request import Running, server  # noqa: F401 (a fixture)
from openesi import cli
from openesi.cli import run
from openesi.client import Notify
from openesi.errors import WrongUsage


def test_a_device_runs_and_says_what_it_does(
    server: Running,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        cli.main(
            ["run", "inverter", "--grid", "61.5Hz", "--seconds", "3", "--pin", "111115", *server.options]
        )
        == 0
    )
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "connected" in printed.out
    assert "kW out" in printed.out
    assert "alarm over frequency" in printed.out
    assert server.device.cert.with_suffix(".memory.json").exists()
    assert cli.main(["get", "/edev/1/der/1/dercap", *server.options]) == 0
    assert "<rtgMaxW>" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["toaster"], 2, "Choose one of inverter, battery"),
        (["inverter", "--server", "https://127.0.0.1:1"], 3, "no server answers"),
        (["inverter", "--pin", "123455"], 4, "another server"),
        (["inverter", "--grid", "264 volts"], 2, "write 264V"),
        (["meter", "--grid", "264V"], 2, "--grid is for inverter"),
    ],
)
def test_what_keeps_a_device_from_running(
    server: Running,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    assert cli.main(["run", *server.options, *arguments]) == code
    assert words in capsys.readouterr().err


def test_a_stranger_is_refused(server: Running, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    assert cli.main(["run", "meter", *server.anonymous]) == 4
    assert "TLS handshake" in capsys.readouterr().err


def test_a_device_that_is_told_to_stop_stops_well(server: Running) -> None:  # noqa: F811
    command = [sys.executable, "-W", "error", "-m", "openesi", "run", "switch", *server.options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "connected  1.50 kW" in process.stdout.readline()
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":", "", 0),
        (":9443", "", 9443),
        ("me.example", "me.example", 0),
        ("me.example:9443", "me.example", 9443),
        ("192.0.2.7:1", "192.0.2.7", 1),
        ("[2001:db8::7]", "2001:db8::7", 0),
        ("[2001:db8::7]:9443", "2001:db8::7", 9443),
    ],
)
def test_where_to_be_notified_is_read(text: str, host: str, port: int) -> None:
    assert run._listening_at(text) == Notify(host=host, port=port)


@pytest.mark.parametrize("text", ["2001:db8::7", "me:99999", "me:x", "[me", "a:b:c"])
def test_where_nobody_can_be_notified_is_said(text: str) -> None:
    with pytest.raises(WrongUsage, match="write HOST"):
        run._listening_at(text)


@pytest.mark.parametrize("command", [["run"], ["get"], ["put"], ["post"]])
def test_examples_stand_on_lines_of_their_own(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"  openesi {command[0]} ") for line in lines)
    assert not any("\\b" in line for line in lines)
