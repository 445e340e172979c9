"""An IEEE 2030.5 smart meter as a source: the other way into a home, where no dongle can be had.

Only GET is ever sent. The walk is DeviceCapability, UsagePointList, MeterReadingList, ReadingType; what a
reading is follows from its ReadingType (IEEE 2030.5-2018, 10.10), its description only tells time-of-use
registers apart, which some meters give the same type. The map is kept and walked again when it no longer
fits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from openesi.client import Client
from openesi.client.errors import NotThere
from openesi.errors import OpenESIError
from openesi.gateway.cadence import Cadence
from openesi.gateway.events import (
    EnergyRead,
    Event,
    LinkChanged,
    LinkState,
    PowerRead,
    Quantity,
    Stop,
)
from openesi.gateway.fragments import JoinStatus, NetworkStatus, Scale
from openesi.sep2 import model as sep

RETRY_S = (2.0, 5.0, 15.0, 30.0)  # a meter's web server is small: gentle, but found again within the minute
FORGET_AFTER = 3  # failures in a row, and the map is walked anew
LONGEST_NAP_S = 1.0  # how long a stop may go unnoticed
MAX_USAGE_POINTS = 16  # looked through for the electricity one; a server could list thousands
MAX_METER_READINGS = 64  # likewise; real meters have 22
ELECTRICITY = 0
W, WH = 38, 72
FORWARD, REVERSE = 1, 19
MAXIMUM, MINIMUM = 8, 9  # data qualifiers of demand that is not the present one
REGISTERS = frozenset({1, 3, 9})  # bulk quantity, cumulative, summation


class Role(Enum):
    """What one MeterReading is to the gateway."""

    POWER = "power"
    DELIVERED = "delivered"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the values of one role are, and the power of ten that scales them."""

    reading: sep.MeterReading
    power_of_ten: int


@dataclass(slots=True)
class MeterMap:
    """What the walk found."""

    usage_point: str = ""
    places: dict[Role, Place] = field(default_factory=dict)


class NoMeter(OpenESIError):
    """The server has no electricity meter to read."""


class Sep2Source:
    """A meter at the other end of ``open_client``; intervals in seconds."""

    def __init__(
        self, name: str, open_client: Callable[[], Client], interval_s: int, energy_interval_s: int
    ) -> None:
        self.name = name
        self._open_client = open_client
        self._power = Cadence(Quantity.POWER, interval_s)
        self._energy = Cadence(Quantity.ENERGY, energy_interval_s)

    def run(self, report: Callable[[Iterable[Event], float], None], stop: Stop) -> None:
        """See Source."""
        asyncio.run(self._run(report, stop))

    async def _run(self, report: Callable[[Iterable[Event], float], None], stop: Stop) -> None:
        meter: MeterMap | None = None
        failures = 0
        async with self._open_client() as client:
            while not stop.is_set():
                try:
                    if meter is None or failures:
                        meter = meter or await find_meter(client)
                        self._greet(meter, report)
                    async for event in self._due(client, meter):
                        report([event], time.monotonic())
                    failures, wake = 0, self._next_due()
                except OpenESIError as error:
                    failures += 1
                    if isinstance(error, NotThere) or failures >= FORGET_AFTER:
                        meter = None
                    report([LinkChanged(LinkState.CLOSED, str(error))], time.monotonic())
                    wake = time.monotonic() + RETRY_S[min(failures, len(RETRY_S)) - 1]
                await self._nap(wake, report, stop)

    def _greet(self, meter: MeterMap, report: Callable[[Iterable[Event], float], None]) -> None:
        now = time.monotonic()
        self._power.start(now)
        self._energy.start(now)
        seen = NetworkStatus(meter.usage_point, JoinStatus.CONNECTED, None, None)
        report([LinkChanged(LinkState.OPEN), seen], now)

    async def _due(self, client: Client, meter: MeterMap) -> AsyncIterator[Event]:
        if self._power.wants_asking(time.monotonic()):
            self._power.asked()
            place = meter.places[Role.POWER]
            reading = await _fetch_reading(client, place.reading)
            if reading is not None and reading.value is not None:
                for closed in self._power.answered(time.monotonic()):
                    yield closed
                yield PowerRead(_time_of(reading), reading.value, to_scale(place.power_of_ten))
        if self._energy.wants_asking(time.monotonic()):
            self._energy.asked()
            energy = await _fetch_energy(client, meter)
            if energy is not None:
                for closed in self._energy.answered(time.monotonic()):
                    yield closed
                yield energy

    async def _nap(self, until: float, report: Callable[[Iterable[Event], float], None], stop: Stop) -> None:
        """Wait; reads that are lost meanwhile are counted."""
        while not stop.is_set():
            now = time.monotonic()
            report([*self._power.advance(now), *self._energy.advance(now)], now)
            if now >= until:
                return
            await asyncio.sleep(min(LONGEST_NAP_S, until - now))

    def _next_due(self) -> float:
        return min(each.next_deadline(can_ask=True) for each in (self._power, self._energy))


async def find_meter(client: Client) -> MeterMap:
    """Walk from DeviceCapability to the readings of the electricity meter.

    Raises NoMeter if the server has none, and what ``Client`` raises.
    """
    capability = await client.device_capability()
    if capability.UsagePointListLink is None:
        raise NoMeter(f"{client.url} offers no metering: is this client registered there?")
    points = await client.fetch_list(capability.UsagePointListLink, sep.UsagePointList)
    for point in points.UsagePoint[:MAX_USAGE_POINTS]:
        if point.serviceCategoryKind == ELECTRICITY and point.MeterReadingListLink is not None:
            listed = await client.fetch_list(point.MeterReadingListLink, sep.MeterReadingList)
            found = MeterMap(point.mRID.hex() if point.mRID else str(point.href))
            for reading in listed.MeterReading[:MAX_METER_READINGS]:
                await _place(client, reading, found)
            if Role.POWER in found.places:
                return found
    raise NoMeter(f"{client.url} has no electricity meter with present power")


def classify(kind: sep.ReadingType, description: str | None) -> Role | None:
    """What a reading of type ``kind`` is to the gateway; None for what it does not keep."""
    if "tou" in (description or "").lower():
        return None
    if kind.uom == W and kind.dataQualifier not in (MAXIMUM, MINIMUM) and kind.flowDirection != REVERSE:
        return Role.POWER
    if kind.uom == WH and kind.accumulationBehaviour in REGISTERS:
        return {FORWARD: Role.DELIVERED, REVERSE: Role.RECEIVED}.get(kind.flowDirection or FORWARD)
    return None


def to_scale(power_of_ten: int) -> Scale:
    """The gateway's scale (kW and kWh) of a value in W or Wh times ten to ``power_of_ten`` (-9 to 9)."""
    return Scale(10 ** max(0, power_of_ten), 1000 * 10 ** max(0, -power_of_ten))


async def _place(client: Client, reading: sep.MeterReading, found: MeterMap) -> None:
    if reading.ReadingTypeLink is None:
        return
    kind = await client.fetch(reading.ReadingTypeLink, sep.ReadingType)
    role, exponent = classify(kind, reading.description), kind.powerOfTenMultiplier or 0
    if role is not None and role not in found.places and -6 <= exponent <= 6:
        found.places[role] = Place(reading, exponent)


async def _fetch_reading(client: Client, reading: sep.MeterReading) -> sep.Reading | None:
    """The present value: at ReadingLink, or else the newest reading of the newest set.

    None if there is none.
    """
    if reading.ReadingLink is not None:
        return await client.fetch(reading.ReadingLink, sep.Reading)
    if reading.ReadingSetListLink is None:
        return None
    sets = await client.fetch_list(reading.ReadingSetListLink, sep.ReadingSetList)
    newest = max(sets.ReadingSet, key=lambda each: each.timePeriod.start, default=None)
    if newest is None or newest.ReadingListLink is None:
        return None
    listed = await client.fetch_list(newest.ReadingListLink, sep.ReadingList)
    return max(listed.Reading, key=lambda each: _time_of(each) or 0, default=None)


async def _fetch_energy(client: Client, meter: MeterMap) -> EnergyRead | None:
    delivered_at, received_at = meter.places.get(Role.DELIVERED), meter.places.get(Role.RECEIVED)
    if delivered_at is None:
        return None
    delivered = await _fetch_reading(client, delivered_at.reading)
    if delivered is None:
        return None
    received = None
    if received_at is not None and received_at.power_of_ten == delivered_at.power_of_ten:
        received = await _fetch_reading(client, received_at.reading)
    scale = to_scale(delivered_at.power_of_ten)
    received_raw = None if received is None else received.value
    return EnergyRead(_time_of(delivered), delivered.value, received_raw, scale)


def _time_of(reading: sep.Reading) -> int | None:
    """The meter's Unix second; meters write 0 when they have none."""
    return (reading.timePeriod.start or None) if reading.timePeriod is not None else None
