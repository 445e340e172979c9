"""The demo as users start it: a process of its own, all of it real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import msgspec
import pytest


def send_event(web: str, **body: object) -> None:
    request = urllib.request.Request(
        f"{web}/api/events", msgspec.json.encode(body), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201


def events(web: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(f"{web}/api/events", timeout=10) as answer:
        found: list[dict[str, object]] = msgspec.json.decode(answer.read())
    return found


@pytest.mark.parametrize("told_to_stop", [signal.SIGINT, signal.SIGTERM])
def test_a_house_comes_up_obeys_and_goes_down(tmp_path: Path, told_to_stop: signal.Signals) -> None:
    command = [sys.executable, "-W", "error", "-m", "openesi", "demo", "--data", str(tmp_path / "data")]
    process = subprocess.Popen(
        [*command, "--port", "0", "--web-port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
    )
    try:
        assert process.stdout is not None
        word, server, web = process.stdout.readline().split()
        assert word == "ready"
        assert server.startswith("https://127.0.0.1:")
        with urllib.request.urlopen(f"{web}/api/devices", timeout=10) as answer:
            assert len(msgspec.json.decode(answer.read())) == 5  # all of the house are there when it is ready
        send_event(web, limit_percent=30, duration_s=3_600)
        deadline = time.monotonic() + 20
        while not any(event["status"] == "active" for event in events(web)):
            assert time.monotonic() < deadline
    finally:
        process.send_signal(told_to_stop)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
