"""The five use cases run against a real gateway, as a reader of the documentation would run them."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openesi.gateway.users import Role, UserStore

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    data = tmp_path_factory.mktemp("gateway")
    users = UserStore(data / "gateway-users.json")
    users.insert("anna", "correct horse")
    users.insert("lab", "correct horse", role=Role.QUALITY)
    command = [sys.executable, "-m", "openesi", "gateway", "run", "--source", "emulator:"]
    process = subprocess.Popen(
        [*command, "--data", str(data), "--host", "127.0.0.1", "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    yield process.stdout.readline().split()[1], str(data / "gateway-cert.pem")
    process.terminate()
    process.wait(15)
    process.stdout.close()


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "examples")
    monkeypatch.setenv("OPENESI_GATEWAY_PASSWORD", "correct horse")
    return importlib.import_module


def at(running: tuple[str, str], *more: str) -> list[str]:
    return ["--url", running[0], "--certificate", running[1], *more]


def test_charging(example: Any, running: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    module = example("gateway_ev_charging")
    assert module.main(at(running, "--step-kw", "4")) == 0
    assert "kWh" in capsys.readouterr().out

    reading = example("gateway_reader").Reading
    flat = [reading(t, 200.0) for t in range(0, 600, 4)]
    charge = [reading(t, 7400.0) for t in range(600, 4200, 4)]
    (found,) = module.find_charges(
        [*flat, *charge, *(reading(t + 4200, 200.0) for t in range(0, 60, 4))], 6000
    )
    assert (found.start_s, found.end_s) == (600, 4196)
    assert found.energy_wh == pytest.approx(7200, rel=0.01)


def test_clients(example: Any, running: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert example("gateway_clients").main(at(running, "--clients", "3", "--seconds", "1")) == 0
    assert "all clients saw the same" in capsys.readouterr().out


def test_load_change(example: Any, running: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    module, reading = example("gateway_load_change"), example("gateway_reader").Reading
    assert module.main(at(running, "--event", str(int(time.time()) - 3600))) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"event", "difference_w", "steps"}

    dropped = [reading(t, 3000.0 if t < 100 else 1000.0) for t in range(0, 200, 4)]
    assert module.find_change(dropped, 96, 90) == module.Change(-2000.0, ((4, -2000.0),))
    assert module.find_change(dropped, 1000, 90) is None


def test_network_monitor(example: Any, running: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert example("gateway_network_monitor").main(at(running, "--user", "lab")) == 0
    text = capsys.readouterr().out
    assert "reads were due" in text
    assert "radio: " in text


def test_aggregate(example: Any, running: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    module, reading = example("gateway_aggregate"), example("gateway_reader").Reading
    building = "=".join(running)
    assert module.main([building, building, building]) == 0
    assert "  3  0%" in capsys.readouterr().out

    first, second = [reading(0, 100.0), reading(4, 100.0)], [reading(1, 50.0)]
    assert module.aggregate([first, second], 4) == [
        module.Sum(0, 150.0, 2, 0.0),
        module.Sum(4, 100.0, 1, 0.5),
    ]
