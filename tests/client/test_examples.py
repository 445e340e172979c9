"""The examples, run against a real server, and the page that shows them."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from client.conftest import House, serving
from openesi.pki import Identity
from openesi.sep2 import model as sep
from openesi.server import operator

ROOT = Path(__file__).parents[2]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def options(house: House, device: Identity) -> tuple[str, str, str, str]:
    return house.url, str(device.cert), str(device.key), str(device.ca)


async def send(house: House, limit: int) -> None:
    now, settings = int(house.clock()), house.service.settings
    order = operator.ControlOrder(base=sep.DERControlBase(opModMaxLimW=limit), start=now, duration_s=600)
    await house.service.store.write(
        lambda tx: operator.send_control(tx, "/derp/1", order, now=now, settings=settings)
    )


def test_a_device_of_thirty_lines_obeys_a_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = load("obey_limit")
    lines = (ROOT / "examples" / "obey_limit.py").read_text().splitlines()
    assert len(lines) <= 35

    async def scenario() -> None:
        async with serving(tmp_path / "data", default_poll_rate=1, post_rate=1) as house:
            await send(house, 4_000)
            running = asyncio.create_task(example.main(*options(house, house.issue(pin=111115))))
            async with asyncio.timeout(20):
                while example.measure() == 4_000:
                    await asyncio.sleep(0.02)
            assert example.measure() == 2_000
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())
    assert capsys.readouterr().out == "deliver at most 2000 W\n"


def test_controls_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        async with serving(tmp_path / "data") as house:
            device = house.issue()
            async with house.client(device) as esi:
                await esi.post("/edev", sep.EndDevice(lFDI=esi.lfdi, sFDI=esi.sfdi, changedTime=0))
            await send(house, 3_000)
            await load("read_controls").main(*options(house, device))

    asyncio.run(scenario())
    assert "opModMaxLimW=3000" in capsys.readouterr().out


def test_the_page_shows_the_examples_as_they_are() -> None:
    page = (ROOT / "docs" / "client.md").read_text()
    for name in ("obey_limit", "read_controls"):
        code = (ROOT / "examples" / f"{name}.py").read_text()
        assert code in page
