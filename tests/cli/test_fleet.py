"""``openesi fleet`` as its users start it."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from cli.test_request import Running, server  # noqa: F401 (a fixture)
from openesi import cli
from openesi.pki import Authority


def at(server: Running, *options: str) -> list[str]:  # noqa: F811
    """Return the command for two devices at a server, with certificates of its authority."""
    url = server.options[-1]
    data = server.device.ca.parent.parent
    return ["fleet", "--data", str(data), "--server", url, "--count", "2", *options]


def test_a_fleet_is_summed_up_as_text_and_as_json(
    server: Running,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    mixed = ["--device", "inverter", "--device", "thermostat"]
    assert cli.main(at(server, "--for", "2s", *mixed)) == 0
    printed = capsys.readouterr()
    assert "Making 2 certificates" in printed.err
    assert "2: 2 connected, 0 waiting, 0 refused" in printed.out
    assert "Latency       half" in printed.out
    assert cli.main(at(server, "--for", "1s", "--json")) == 0
    printed = capsys.readouterr()
    assert printed.err == ""  # the certificates are there
    summary = msgspec.json.decode(printed.out)
    assert (summary["connected"], summary["errors"], summary["handshakes"]) == (2, {}, 2)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--device", "toaster"], 2, "Choose of inverter, battery"),
        (["--count", "0"], 2, "--count is 1 to"),
        (["--server", "http://127.0.0.1:1"], 2, "a fleet speaks TLS"),
        (["--server", "https://127.0.0.1:1", "--for", "1s"], 3, "no server answers"),
    ],
)
def test_what_keeps_a_fleet_from_running(
    server: Running,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    words: str,
) -> None:
    assert cli.main([*at(server), *options]) == code
    assert words in capsys.readouterr().err


def test_a_fleet_of_strangers_is_refused_and_summed_up(
    server: Running,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Authority.create(tmp_path / "strangers", now=datetime.now(UTC))
    command = [*at(server, "--for", "1s"), "--data", str(tmp_path / "strangers")]
    assert cli.main(command) == 4
    printed = capsys.readouterr()
    assert "2: 0 connected, 0 waiting, 2 refused" in printed.out
    assert "2 of 2 devices are refused: the server at" in printed.err


def test_a_fleet_without_an_authority_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["fleet", "--data", str(tmp_path)]) == 1
    assert f"openesi pki init --data {tmp_path}" in capsys.readouterr().err


def test_too_few_open_files_are_said_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Authority.create(tmp_path, now=datetime.now(UTC))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if not 0 < hard < 99_000:
        pytest.skip("this system allows more open files than a fleet may have devices")
    assert cli.main(["fleet", "--data", str(tmp_path), "--count", "99000"]) == 1
    assert "ulimit" in capsys.readouterr().err
    assert not list((tmp_path / "pki/devices").iterdir())


def test_a_full_disk_is_said_and_the_certificates_made_so_far_are_kept(server: Running) -> None:  # noqa: F811
    # A process may not write files of more than one octet: what a full disk says, without filling one.
    command = [sys.executable, "-m", "openesi", *at(server, "--for", "1s")]
    script = (
        "import os, resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1)); os.execv({command[0]!r}, {command!r})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ended.returncode == 1
    assert "certificates cannot be written" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_fleet_that_is_interrupted_is_summed_up(server: Running) -> None:  # noqa: F811
    authority = Authority.open(server.device.ca.parent.parent)
    for name in ("fleet-00001", "fleet-00002"):
        authority.issue_device(name, now=datetime.now(UTC), pin=111115)
    command = [sys.executable, "-W", "error", "-m", "openesi", *at(server, "--json", "--starts", "1")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(2.5)  # one is connected, the other not yet started
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "Hanging up.\n")
    assert msgspec.json.decode(out)["connected"] >= 1
