"""What the README promises, done as a reader would: the demo, the event, the Python."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
PATIENCE_S = 40  # on a busy machine; each wait ends as soon as it has come true


@dataclass(frozen=True)
class Demo:
    server: str
    web: str
    data: Path

    def power_w(self) -> float | None:
        with urllib.request.urlopen(f"{self.web}/api/readings?range=15m", timeout=10) as answer:
            power: float | None = json.load(answer)["power"]["devices_w"]
        return power

    def wait_for_power(self, least_w: float, most_w: float) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not ((power_w := self.power_w()) is not None and least_w <= power_w <= most_w):
            assert time.monotonic() < deadline, f"{power_w} W, expected {least_w} to {most_w}"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "openesi", "demo", "--data", str(folder / "data"), "--no-browser"]
    process = subprocess.Popen(
        [*command, "--port", "0", "--web-port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(folder)},
    )
    assert process.stdout is not None
    _, server, web = process.stdout.readline().split()
    yield Demo(server, web, folder / "data")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stdout.close()


def test_an_event_makes_the_power_drop_and_come_back(demo: Demo) -> None:
    said = re.search(r"openesi (event send --limit 2kW) --for 2m", README)
    assert said
    demo.wait_for_power(2_500, 20_000)
    command = [sys.executable, "-m", "openesi", *said[1].split(), "--for", "6s", "--api", demo.web]
    subprocess.run(command, check=True, capture_output=True)

    demo.wait_for_power(0, 2_000)
    demo.wait_for_power(2_500, 20_000)


def test_the_python_prints_the_controls(demo: Demo) -> None:
    (program,) = re.findall(r"^```py\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    program = program.replace("https://localhost:8443/dcap", demo.server)
    program = program.replace("openesi-data/demo", str(demo.data))
    command = [sys.executable, "-m", "openesi", "event", "send", "--limit", "90%", "--for", "1h"]
    subprocess.run([*command, "--api", demo.web], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert "opModMaxLimW=9000" in done.stdout
