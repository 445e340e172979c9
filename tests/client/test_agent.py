"""A whole device at a real server, with one clock that the test moves."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from client.conftest import House, serving
from openesi.client import media
from openesi.client.agent import Agent, State
from openesi.client.duties import WrongPIN
from openesi.devices.house import SmartMeter, summer_site
from openesi.devices.solar import Disturbance, SolarInverter
from openesi.pki import Identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import InverterStatus, LogFunctionSet, ResponseStatus
from openesi.server import operator
from openesi.server.documents import read_document

POLL_S = 60


class Driven:
    """An inverter at a server; ``live`` lets time pass for both."""

    def __init__(self, house: House, identity: Identity, **options: Any) -> None:
        self.house, self.identity = house, identity
        self.device = SolarInverter(site=summer_site(house.clock.now))
        self.agent = Agent(
            house.client(identity, exi=options.pop("exi", False)),
            self.device,
            pin=options.pop("pin", identity.pin),
            random=random.Random(1),
            local=house.clock,
            fallback_s=0.0,
            **options,
        )

    async def live(self, seconds: float, *, step_s: float = 1.0) -> None:
        end = self.house.clock.now + seconds
        while True:
            self.agent.tick()
            while await self.agent.turn() <= 0:
                pass
            if self.house.clock.now >= end:
                return
            self.house.clock.now += step_s

    async def send(self, start_s: float, duration_s: int, **modes: Any) -> str:
        """Send a control that starts so many seconds from now; return its path."""
        now = int(self.house.clock())
        order = operator.ControlOrder(
            base=sep.DERControlBase(**modes), start=int(now + start_s), duration_s=duration_s
        )
        row = await self.house.service.store.write(
            lambda tx: operator.send_control(
                tx, "/derp/1", order, now=now, settings=self.house.service.settings
            )
        )
        return row.path

    async def read(self, kind: type[Any]) -> list[Any]:
        name = kind.__name__
        rows = await self.house.service.store.read(lambda reader: list(reader.of_type(name, limit=100)))
        return [read_document(row, kind) for row in rows]

    async def alarms(self) -> list[sep.LogEvent]:
        found = [one for one in await self.read(sep.LogEvent) if one.functionSet == LogFunctionSet.DER]
        return sorted(found, key=lambda one: one.createdDateTime)

    async def statuses(self) -> list[int]:
        found = await self.read(sep.DERControlResponse)
        return [one.status for one in sorted(found, key=lambda one: (one.createdDateTime, one.status))]


Scenario = Callable[[Driven], Awaitable[None]]


def play(data: Path, scenario: Scenario, *, pin: int = 111115, **options: Any) -> None:
    async def all_of_it() -> None:
        settings = {
            "default_poll_rate": POLL_S,
            "post_rate": POLL_S,
            "response_required": 0x07,
            **options.pop("settings", {}),
        }
        async with serving(data, **settings) as house:
            driven = Driven(house, house.issue(pin=pin), **options)
            try:
                await scenario(driven)
            finally:
                await driven.agent.esi.close()

    asyncio.run(all_of_it())


def test_a_device_makes_itself_known_and_tells_all_of_itself(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        await driven.live(3)
        assert driven.agent.state is State.CONNECTED
        assert driven.agent.is_settled
        (device,) = await driven.read(sep.EndDevice)
        assert device.lFDI == driven.agent.esi.lfdi
        (capability,), (settings,), (status,), (_,), (information,) = [
            await driven.read(kind)
            for kind in (
                sep.DERCapability,
                sep.DERSettings,
                sep.DERStatus,
                sep.DERAvailability,
                sep.DeviceInformation,
            )
        ]
        assert settings.setMaxW == capability.rtgMaxW
        assert status.inverterStatus.value == InverterStatus.TRACKING_MPPT
        assert information.lFDI == device.lFDI
        assert {one.uom for one in await driven.read(sep.ReadingType)} == {38, 63, 29, 33, 72}
        assert len(await driven.read(sep.Reading)) == 5

    play(data, scenario)


@pytest.mark.parametrize("exi", [False, True], ids=["XML", "EXI"])
def test_a_control_is_obeyed_answered_and_left_again(data: Path, exi: bool) -> None:
    async def scenario(driven: Driven) -> None:
        await driven.live(3)
        free_w = driven.device.state.power_w
        assert free_w > 3_000
        await driven.send(120, 90, opModMaxLimW=2_000)
        await driven.live(POLL_S)
        assert driven.device.state.power_w == pytest.approx(free_w, rel=0.01)
        assert await driven.statuses() == [ResponseStatus.RECEIVED]
        await driven.live(62)
        assert driven.device.state.power_w == 1_000
        assert await driven.statuses() == [ResponseStatus.RECEIVED, ResponseStatus.STARTED]
        await driven.live(90)
        assert driven.device.state.power_w == pytest.approx(free_w, rel=0.01)
        assert await driven.statuses() == [1, 2, 3]
        assert (driven.agent.esi.media is media.EXI) is exi

    play(data, scenario, exi=exi)


def test_what_was_cancelled_just_before_its_start_does_not_start(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        await driven.live(3)
        path = await driven.send(300, 90, opModMaxLimW=0)
        await driven.live(POLL_S * 4 + 10)
        now = int(driven.house.clock())
        await driven.house.service.store.write(lambda tx: operator.cancel_event(tx, path, now=now))
        await driven.live(60)
        assert driven.device.state.power_w > 3_000
        assert await driven.statuses() == [ResponseStatus.RECEIVED, ResponseStatus.CANCELLED]

    play(data, scenario)


def test_the_default_holds_between_controls(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        settings = driven.house.service.settings
        base = sep.DERControlBase(opModMaxLimW=1_000)
        await driven.house.service.store.write(
            lambda tx: operator.set_default(tx, "/derp/1", base, settings=settings)
        )
        await driven.send(60, 30, opModMaxLimW=3_000)
        await driven.live(30)
        assert driven.device.state.power_w == 500
        await driven.live(40)
        assert driven.device.state.power_w == 1_500
        await driven.live(30)
        assert driven.device.state.power_w == 500

    play(data, scenario)


def test_events_run_on_while_the_server_is_away(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        await driven.send(20, 60, opModMaxLimW=2_000)
        await driven.live(3)
        esi = driven.agent.esi
        url, esi.url = esi.url, "https://127.0.0.1:1/dcap"
        await driven.live(70)
        assert driven.agent.state is State.WAITING
        assert driven.device.state.power_w == 1_000
        await driven.live(30)
        assert driven.device.state.power_w > 3_000
        assert await driven.statuses() == [1]
        esi.url = url
        await driven.live(400)
        assert driven.agent.state is State.CONNECTED
        assert await driven.statuses() == [1, 2, 3]
        responses = sorted(await driven.read(sep.DERControlResponse), key=lambda one: one.status)
        times = [one.createdDateTime for one in responses]
        assert [time - times[0] for time in times] == [0, pytest.approx(20, abs=1), pytest.approx(80, abs=1)]

    play(data, scenario)


def test_another_servers_pin_ends_it(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        with pytest.raises(WrongPIN, match="another server"):
            await driven.live(3)

    play(data, scenario, pin=123455)


def test_a_device_waits_for_its_operator_where_it_may_not_register(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        await driven.live(5)
        assert await driven.read(sep.EndDevice) == []
        esi, house = driven.agent.esi, driven.house
        now = int(house.clock())
        await house.service.store.write(
            lambda tx: operator.add_device(tx, esi.lfdi, pin=111115, now=now, settings=house.service.settings)
        )
        await driven.live(2_000, step_s=20)
        assert driven.agent.state is State.CONNECTED
        assert len(await driven.read(sep.DERStatus)) == 1

    play(data, scenario, settings={"in_band_registration": False})


def test_a_deleted_device_registers_again(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        await driven.live(3)
        lfdi = driven.agent.esi.lfdi
        await driven.house.service.store.write(lambda tx: operator.remove_device(tx, lfdi))
        await driven.live(POLL_S * 3)
        assert len(await driven.read(sep.EndDevice)) == 1
        assert len(await driven.read(sep.DERStatus)) == 1
        assert len(await driven.read(sep.MirrorUsagePoint)) == 1

    play(data, scenario)


def test_polls_are_as_frequent_as_the_server_asks(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        await driven.live(5)
        asked: Counter[str] = Counter()
        send = driven.agent.esi.request_raw

        async def counted(method: str, href: str, *rest: Any, **options: Any) -> Any:
            asked[f"{method} {href.partition('?')[0].removeprefix(driven.house.service.url[:-5])}"] += 1
            return await send(method, href, *rest, **options)

        driven.agent.esi.request_raw = counted  # type: ignore[method-assign]
        await driven.live(10 * POLL_S)
        each_poll = (
            "GET /dcap",
            "GET /edev",
            "GET /edev/1/fsa",
            "GET /derp",
            "GET /derp/1/dderc",
            "GET /derp/1/derc",
            "GET /edev/1/der",
            "PUT /edev/1/der/1/ders",
            "PUT /edev/1/der/1/dera",
            "POST /mup/1",
        )
        assert asked == dict.fromkeys(each_poll, 10)

    play(data, scenario)


def test_an_alarm_is_logged_once_and_so_is_its_end(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        now = driven.house.clock.now
        driven.device.disturbances.append(Disturbance(start=now + 30, end=now + 200, voltage_v=290.0))
        await driven.live(150)
        await driven.live(150)
        alarm, normal = await driven.alarms()
        assert (alarm.logEventCode, normal.logEventCode) == (2, 3)
        assert (alarm.functionSet, alarm.profileID, alarm.logEventPEN) == (11, 2, 40732)
        assert alarm.logEventID + 1 == normal.logEventID
        assert alarm.createdDateTime == pytest.approx(now + 30, abs=2)
        assert normal.createdDateTime == pytest.approx(now + 200, abs=2)

    play(data, scenario)


def test_a_restarted_device_tells_the_end_of_an_alarm_and_no_second_beginning(
    data: Path, tmp_path: Path
) -> None:
    async def scenario(driven: Driven) -> None:
        now = driven.house.clock.now
        driven.device.disturbances.append(Disturbance(start=now + 5, end=now + 60, voltage_v=290.0))
        await driven.live(20)
        again = Driven(driven.house, driven.identity, memory=tmp_path / "memory.json")
        again.device.disturbances.append(Disturbance(start=now + 5, end=now + 60, voltage_v=290.0))
        await again.live(60)
        assert [one.logEventCode for one in await driven.alarms()] == [2, 3]
        await again.agent.esi.close()

    play(data, scenario, memory=tmp_path / "memory.json")


def test_a_meter_counts_what_flows_both_ways() -> None:
    flow = [1_000.0]
    meter = SmartMeter(lambda time: flow[0])
    meter.advance(0)
    meter.advance(1_800)
    flow[0] = -500.0
    meter.advance(3_600)
    assert meter.readings("Grid meter") == {
        "W": -500.0,
        "V": 240.0,
        "Wh from grid": 500.0,
        "Wh to grid": 250.0,
    }
