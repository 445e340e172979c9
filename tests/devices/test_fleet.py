from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from client.conftest import House, serving
from openesi.devices.fleet import Fleet, Histogram, Summary
from openesi.devices.house import Credentials, summer_site
from openesi.devices.solar import SolarInverter
from openesi.sep2 import model as sep
from openesi.server import operator

COUNT = 6


def fleet_at(house: House, count: int) -> Fleet:
    identities = [house.issue(pin=111115) for _ in range(count)]
    return Fleet(
        url=house.url,
        make=lambda now: SolarInverter(site=summer_site(now)),
        credentials=[Credentials(one.cert, one.key, one.ca, one.pin) for one in identities],
        starts_per_s=100.0,
        seed=1,
    )


def is_done(summary: Summary) -> bool:
    """Whether every device obeys, said so twice, and has lived a while with it."""
    said = summary.responses_sent >= 2 * COUNT and summary.energy_shed_wh > 0
    return said and summary.connected == COUNT and summary.power_w == COUNT * 500


def test_a_fleet_registers_obeys_and_sums_up(tmp_path: Path) -> None:
    async def scenario() -> Summary:
        async with serving(tmp_path / "data", default_poll_rate=1, post_rate=1) as house:
            now, settings = int(house.clock()), house.service.settings
            order = operator.ControlOrder(
                base=sep.DERControlBase(opModMaxLimW=1_000), start=now + 1, duration_s=600
            )
            await house.service.store.write(
                lambda tx: operator.send_control(tx, "/derp/1", order, now=now, settings=settings)
            )
            fleet = fleet_at(house, COUNT)
            running = asyncio.create_task(fleet.run(None))
            async with asyncio.timeout(40):
                while not is_done(fleet.summary()):
                    await asyncio.sleep(0.1)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            summary = fleet.summary()
            registered = await house.service.store.read(lambda reader: reader.count("/edev"))
            assert registered == COUNT
            return summary

    summary = asyncio.run(scenario())
    assert (summary.devices, summary.connected, summary.errors) == (COUNT, COUNT, {})
    assert summary.events_received == summary.events_obeyed == COUNT
    assert summary.responses_sent == 2 * COUNT
    assert summary.power_w == COUNT * 500
    assert summary.energy_shed_wh > 0
    assert sum(summary.by_method.values()) == sum(summary.by_status.values()) == summary.requests
    assert set(summary.by_status) <= {"200", "201", "204"}
    assert msgspec.json.decode(msgspec.json.encode(summary))["latency_ms"]["p50"] > 0


def test_a_fleet_without_a_server_says_so(tmp_path: Path) -> None:
    async def scenario() -> Summary:
        async with serving(tmp_path / "data") as house:
            fleet = fleet_at(house, 2)
            fleet.url = "https://127.0.0.1:1"
            return await fleet.run(1.0)

    summary = asyncio.run(scenario())
    assert (summary.connected, summary.waiting) == (0, 2)
    assert summary.errors == {"Unreachable": summary.requests}
    assert summary.requests >= 2
    assert summary.latency_ms["p50"] is None


def test_a_device_that_gives_up_leaves_the_others_alone(tmp_path: Path) -> None:
    async def scenario() -> Summary:
        async with serving(tmp_path / "data", default_poll_rate=1, post_rate=1) as house:
            fleet = fleet_at(house, 4)
            first, second, *others = fleet.credentials
            second.cert.write_bytes(b"no certificate")
            fleet.credentials = [replace(first, pin=999999), second, *others]
            running = asyncio.create_task(fleet.run(None))
            async with asyncio.timeout(20):
                while fleet.connected < 2 or len(fleet.statistics.failures) < 2:
                    await asyncio.sleep(0.05)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return fleet.summary()

    summary = asyncio.run(scenario())
    assert (summary.devices, summary.connected, summary.refused) == (3, 2, 1)
    assert summary.errors.pop("WrongPIN") == 1
    assert list(summary.errors.values()) == [1]  # and the certificate


def test_a_fleet_comes_back_after_its_server_without_a_second_registration(tmp_path: Path) -> None:
    async def scenario() -> tuple[Summary, int]:
        async with serving(tmp_path / "data", default_poll_rate=1, post_rate=1) as house:
            fleet, port = fleet_at(house, 3), int(house.url.split(":")[2].split("/")[0])
            running = asyncio.create_task(fleet.run(None))
            async with asyncio.timeout(20):
                while fleet.connected < 3:
                    await asyncio.sleep(0.05)
        async with asyncio.timeout(20):
            while fleet.connected:
                await asyncio.sleep(0.05)
        async with serving(tmp_path / "data", port=port, default_poll_rate=1, post_rate=1) as house:
            count = 0
            async with asyncio.timeout(30):
                while fleet.connected < 3 or count < 3:
                    await asyncio.sleep(0.05)
                    count = await house.service.store.read(lambda reader: reader.count("/edev"))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return fleet.summary(), count

    summary, registered = asyncio.run(scenario())
    assert (summary.connected, registered) == (3, 3)
    assert set(summary.errors) == {"Unreachable"}


@pytest.mark.parametrize("unit_s", [0.001, 0.05])
def test_percentiles_are_ten_percent_exact(unit_s: float) -> None:
    histogram = Histogram()
    for number in range(1, 1_001):
        histogram.add(number * unit_s)
    for percent in (50, 90, 99):
        assert histogram.percentile_s(percent) == pytest.approx(percent * 10 * unit_s, rel=0.1)
    assert histogram.percentile_s(100) == 1_000 * unit_s
