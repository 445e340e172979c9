"""Load control, prices, messages and flow reservation, read from a real server."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from client.conftest import House, serving
from openesi.client.agent import Agent
from openesi.devices.display import Display
from openesi.devices.switched import LoadSwitch
from openesi.devices.vehicle import Charger
from openesi.errors import WrongUsage
from openesi.pki import Identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import FlowDirection, RequestState, Uom, to_bits
from openesi.sep2.xml import parse_as
from openesi.server.documents import make_row
from openesi.server.functions.base import insert_member
from openesi.store import PUBLIC

HOUR = 3_600
POLL_S = 60


class Driven:
    """A device at a server; what the operator does is written into the store."""

    def __init__(
        self, house: House, device: Any, *, memory: Path | None = None, identity: Identity | None = None
    ) -> None:
        self.house, self.device, self.memory = house, device, memory
        self.identity = identity or house.issue()
        self.agent = Agent(
            house.client(self.identity),
            device,
            random=random.Random(1),
            local=house.clock,
            fallback_s=0.0,
            memory=memory,
        )

    @property
    def now(self) -> int:
        return int(self.house.clock())

    async def add(self, listing: str, document: sep.Sep, **options: Any) -> str:
        row = await self.house.service.store.write(lambda tx: insert_member(tx, listing, document, **options))
        return row.path

    async def put(self, path: str, document: sep.Sep) -> None:
        await self.house.service.store.write(lambda tx: tx.put(make_row(path, document)))

    async def live(self, seconds: float) -> None:
        end = self.house.clock.now + seconds
        while True:
            self.agent.tick()
            while await self.agent.turn() <= 0:
                pass
            if self.house.clock.now >= end:
                return
            self.house.clock.now += 5

    async def responses(self) -> list[sep.Response]:
        rows = await self.house.service.store.read(lambda reader: list(reader.page("/rsps/1/rsp", limit=100)))
        found = [parse_as(row.body, sep.Response) for row in rows]
        return sorted(found, key=lambda one: (one.createdDateTime or 0, one.status or 0))

    async def availabilities(self) -> list[Any]:
        rows = await self.house.service.store.read(
            lambda reader: list(reader.of_type("LoadShedAvailability", limit=9))
        )
        return [parse_as(row.body, sep.LoadShedAvailability) for row in rows]

    async def statuses(self) -> list[tuple[str, int | None]]:
        return [(type(one).__name__, one.status) for one in await self.responses()]


def event(now: int, start_s: int, duration_s: int) -> dict[str, Any]:
    return {
        "mRID": random.Random(start_s).randbytes(16),
        "replyTo": "/rsps/1/rsp",
        "responseRequired": b"\x07",
        "creationTime": now,
        "EventStatus": sep.EventStatus(currentStatus=0, dateTime=now, potentiallySuperseded=False),
        "interval": sep.DateTimeInterval(duration=duration_s, start=now + start_s),
    }


def play(
    data: Path,
    device: Any,
    scenario: Callable[[Driven], Awaitable[None]],
    *,
    memory: Path | None = None,
    **settings: Any,
) -> None:
    async def all_of_it() -> None:
        async with serving(data, default_poll_rate=POLL_S, post_rate=POLL_S, **settings) as house:
            driven = Driven(house, device, memory=memory)
            try:
                await scenario(driven)
            finally:
                await driven.agent.esi.close()

    asyncio.run(all_of_it())


def test_load_control(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        program = await driven.add(
            "/dr", sep.DemandResponseProgram(mRID=b"\x01" * 16, primacy=1), scope=PUBLIC
        )
        for start_s, category in ((120, LoadSwitch.category), (600, 1 << 3)):
            control = sep.EndDeviceControl(
                **event(driven.now, start_s, 120),
                deviceCategory=to_bits(category, 4),
                drProgramMandatory=False,
                loadShiftForward=False,
                DutyCycle=sep.DutyCycle(normalValue=0),
            )
            await driven.add(f"{program}/edc", control)
        await driven.live(60)
        assert driven.device.power_w == 1_500
        await driven.live(65)
        assert driven.device.power_w == 0
        await driven.live(120)
        assert driven.device.power_w == 1_500
        await driven.live(600)
        assert await driven.statuses() == [("DrResponse", status) for status in (1, 2, 3)]
        told = [one for one in await driven.responses() if isinstance(one, sep.DrResponse)]
        assert [one.DutyCycle for one in told] == [None, *[sep.DutyCycle(normalValue=0)] * 2]

    play(data, LoadSwitch(), scenario)


def test_a_load_that_restarts_in_the_middle_of_a_control_answers_nothing_twice(
    data: Path, tmp_path: Path
) -> None:
    async def scenario(driven: Driven) -> None:
        program = await driven.add(
            "/dr", sep.DemandResponseProgram(mRID=b"\x01" * 16, primacy=1), scope=PUBLIC
        )
        control = sep.EndDeviceControl(
            **event(driven.now, 60, 300),
            deviceCategory=to_bits(LoadSwitch.category, 4),
            drProgramMandatory=False,
            loadShiftForward=False,
            DutyCycle=sep.DutyCycle(normalValue=0),
        )
        await driven.add(f"{program}/edc", control)
        await driven.live(120)
        again = Driven(driven.house, LoadSwitch(), memory=driven.memory, identity=driven.identity)
        await again.live(30)
        assert again.device.power_w == 0
        await again.live(400)
        assert again.device.power_w == 1_500
        assert [status for _, status in await driven.statuses()] == [1, 2, 3]
        await again.agent.esi.close()

    play(data, LoadSwitch(), scenario, memory=tmp_path / "memory.json")


def test_a_user_refuses_and_returns(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        program = await driven.add(
            "/dr", sep.DemandResponseProgram(mRID=b"\x01" * 16, primacy=1), scope=PUBLIC
        )
        control = sep.EndDeviceControl(
            **event(driven.now, 60, 300),
            deviceCategory=to_bits(LoadSwitch.category, 4),
            drProgramMandatory=False,
            loadShiftForward=False,
            DutyCycle=sep.DutyCycle(normalValue=0),
            overrideDuration=120,
        )
        await driven.add(f"{program}/edc", control)
        with pytest.raises(WrongUsage, match="no event"):
            driven.agent.opt_out(control.mRID)
        await driven.live(120)
        assert driven.device.power_w == 0
        driven.agent.opt_out(control.mRID)
        driven.agent.tick()
        await driven.live(60)
        assert driven.device.power_w == 1_500
        driven.agent.opt_in(control.mRID)
        await driven.live(300)
        responses = [one for one in await driven.responses() if isinstance(one, sep.DrResponse)]
        assert [one.status for one in responses] == [1, 2, 4, 5, 9]
        assert responses[-1].overrideDuration == pytest.approx(60, abs=5)

    play(data, LoadSwitch(), scenario)


def test_what_a_load_could_do_without_is_told_where_it_is_asked_for(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        await driven.add("/dr", sep.DemandResponseProgram(mRID=b"\x01" * 16, primacy=1), scope=PUBLIC)
        await driven.live(200)
        assert await driven.availabilities() == []
        threshold = sep.ActivePower(multiplier=2, value=5)
        await driven.add(
            "/dr",
            sep.DemandResponseProgram(
                mRID=b"\x02" * 16, primacy=2, availabilityUpdatePowerChangeThreshold=threshold
            ),
            scope=PUBLIC,
        )
        await driven.live(400)
        (told,) = await driven.availabilities()
        assert told.sheddablePower == sep.ActivePower(multiplier=0, value=1_500)
        driven.device.load_w = 1_100.0  # moves by less than the program asks for
        await driven.live(200)
        assert [one.sheddablePower.value for one in await driven.availabilities()] == [1_500]
        driven.device.load_w = 900.0
        await driven.live(200)
        assert [one.sheddablePower.value for one in await driven.availabilities()] == [900]

    play(data, LoadSwitch(), scenario)


def test_prices(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        tariff = await driven.add(
            "/tp",
            sep.TariffProfile(
                mRID=b"\x02" * 16,
                currency=840,
                pricePowerOfTenMultiplier=-6,
                primacy=1,
                serviceCategoryKind=0,
            ),
            scope=PUBLIC,
        )
        component = await driven.add(
            f"{tariff}/rc",
            sep.RateComponent(
                mRID=b"\x03" * 16,
                ReadingTypeLink=sep.ReadingTypeLink(href="/upt/1/mr/1/rt"),
                roleFlags=bytes(2),
                TimeTariffIntervalListLink=sep.TimeTariffIntervalListLink(href=f"{tariff}/rc/1/tti"),
            ),
        )
        reading = sep.ReadingType(
            flowDirection=FlowDirection.FORWARD, powerOfTenMultiplier=3, uom=Uom.WATT_HOURS
        )
        point = sep.UsagePoint(mRID=b"\x05" * 16, roleFlags=bytes(2), serviceCategoryKind=0, status=1)
        await driven.add("/upt", point, scope=driven.agent.esi.lfdi)
        link = sep.ReadingTypeLink(href="/upt/1/mr/1/rt")
        await driven.add("/upt/1/mr", sep.MeterReading(mRID=b"\x06" * 16, ReadingTypeLink=link))
        await driven.put(link.href, reading)
        interval = await driven.add(
            f"{component}/tti", sep.TimeTariffInterval(**event(driven.now, 120, HOUR), touTier=2)
        )
        await driven.add(
            f"{interval}/cti",
            sep.ConsumptionTariffInterval(consumptionBlock=0, price=113_000, startValue=0),
        )
        await driven.live(60)
        assert driven.device.price is None  # unknown, not 0
        await driven.live(65)
        price = driven.device.price
        assert (price.tier, round(price.per_kwh, 6), price.currency) == (2, 0.113, 840)
        await driven.live(HOUR)
        assert driven.device.price is None

    play(data, Display(), scenario)


def test_a_display_shows_what_the_meter_says(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        own = driven.agent.esi.lfdi
        point = sep.UsagePoint(
            mRID=b"\x05" * 16, description="Grid", roleFlags=bytes(2), serviceCategoryKind=0, status=1
        )
        await driven.add("/upt", point, scope=own)
        kinds = (
            (Uom.WATTS, 0, 1_230, 1),
            (Uom.WATT_HOURS, 3, 45, 1),
            (Uom.WATT_HOURS, 0, 7_000, 19),
            (Uom.VOLTS, 0, 240, 1),
        )
        for number, (uom, power_of_ten, value, flow) in enumerate(kinds, 1):
            href = f"/upt/1/mr/{number}"
            links = sep.ReadingTypeLink(href=f"{href}/rt"), sep.ReadingLink(href=f"{href}/r")
            await driven.add(
                "/upt/1/mr",
                sep.MeterReading(mRID=bytes((number,)) * 16, ReadingTypeLink=links[0], ReadingLink=links[1]),
            )
            await driven.put(
                links[0].href, sep.ReadingType(uom=uom, powerOfTenMultiplier=power_of_ten, flowDirection=flow)
            )
            if uom != Uom.VOLTS:  # no reading yet
                await driven.put(links[1].href, sep.Reading(value=value))
        await driven.live(POLL_S + 5)
        shown = ["price not known", "1.23 kW now", "45.0 kWh from the grid", "7.0 kWh to the grid"]
        assert driven.device.lines() == shown
        driven.agent.tick()
        assert not driven.agent.shared.wake  # nothing is left over for duties that a display has not

    play(data, Display(), scenario)


def test_messages_are_shown_side_by_side(data: Path) -> None:
    async def scenario(driven: Driven) -> None:
        program = await driven.add(
            "/msg", sep.MessagingProgram(mRID=b"\x04" * 16, locale="en", primacy=1), scope=PUBLIC
        )
        for text, start_s, priority in (("hot", 60, 1), ("outage", 90, 3)):
            message = sep.TextMessage(
                **event(driven.now, start_s, 300), originator="Utility", priority=priority, textMessage=text
            )
            await driven.add(f"{program}/txt", message)
        await driven.live(70)
        assert [one.textMessage for one in driven.device.messages] == ["hot"]
        await driven.live(30)
        assert [one.textMessage for one in driven.device.messages] == ["outage", "hot"]
        driven.agent.acknowledge(driven.device.messages[0].mRID)
        driven.agent.acknowledge(driven.device.messages[0].mRID)  # read twice, said once
        await driven.live(400)
        assert driven.device.messages == ()
        assert sorted(status for _, status in await driven.statuses()) == [1, 1, 2, 2, 3, 3, 11]

    play(data, Display(), scenario)


def test_flow_reservation(data: Path) -> None:
    charger = Charger()

    async def scenario(driven: Driven) -> None:
        await driven.live(5)
        charger.plug_in(driven.now)
        await driven.live(10)  # the wish is told at once, not at the next poll
        rows = await driven.house.service.store.read(
            lambda reader: list(reader.of_type("FlowReservationRequest", limit=9))
        )
        assert len(rows) == 1
        request = rows[0]
        device = request.path.rpartition("/frq/")[0]
        response = sep.FlowReservationResponse(
            **event(driven.now, 30, 600),
            energyAvailable=sep.SignedRealEnergy(multiplier=0, value=500),
            powerAvailable=sep.ActivePower(multiplier=1, value=300),
            subject=driven.device.wish(driven.now, driven.agent.esi.lfdi).mRID,
        )
        await driven.add(f"{device}/frp", response)
        await driven.live(900)
        assert charger.granted is None
        assert [status for _, status in await driven.statuses()] == [1, 2, 3]
        charger.plugged_since = None  # it drives away: what it asked for is not needed any more
        await driven.live(10)
        body = await driven.house.service.store.read(lambda reader: reader.get(request.path))
        assert body is not None
        asked = parse_as(body.body, sep.FlowReservationRequest)
        assert asked.RequestStatus.requestStatus == RequestState.CANCELLED

    charger.step = lambda now, dt_s: None  # type: ignore[method-assign]
    play(data, charger, scenario)


@pytest.mark.parametrize("budget_w", [3_000, 30_000])
def test_a_vehicle_charges_within_the_budget_that_the_server_shares_out(data: Path, budget_w: int) -> None:
    charger = Charger()

    async def scenario(driven: Driven) -> None:
        await driven.live(5)
        charger.plug_in(driven.now)
        await driven.live(80)
        asked_w = charger.charger_w
        assert asked_w > 3_000
        if budget_w < asked_w:
            assert charger.granted is None
            assert await driven.statuses() == []
            return
        assert charger.granted is not None
        assert charger.granted.power_w == asked_w
        assert [status for _, status in await driven.statuses()] == [1, 2]
        charger.plugged_since = None
        await driven.live(80)
        assert charger.granted is None
        assert [status for _, status in await driven.statuses()] == [1, 2, 6]

    charger.step = lambda now, dt_s: None  # type: ignore[method-assign]
    play(data, charger, scenario, flow_budget_w=budget_w)
