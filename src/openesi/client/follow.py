"""The function sets that ask something of a device: programs, their events, and what the device is to do.

One duty for each, all of one kind (``Events``): read everything, hand it to the scheduler, obey what it says.
What a function set adds is how its tree is read and what an event means.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from openesi.client import der
from openesi.client.backoff import MOST_EVENT_POLL_S, poll_s
from openesi.client.device import (
    DERDevice,
    DisplayDevice,
    FlowDevice,
    Grant,
    LoadDevice,
    Price,
    PriceDevice,
)
from openesi.client.duties import Shared, targets
from openesi.client.errors import AnswerError, BadAnswer, NotThere
from openesi.client.scheduler import Occurrence, Scheduler
from openesi.client.session import Client
from openesi.errors import PeerError
from openesi.sep2 import model as sep
from openesi.sep2.editions import IEEE_2023
from openesi.sep2.enums import FlowDirection, RequestState, ResponseStatus, bits

log = logging.getLogger(__name__)

CHECK_BEFORE_START_S = 3.0  # an event is looked at again so long before it starts: it may be cancelled
MAX_PROGRAMS = 50  # CSIP asks for 15; a server could assign any number
MAX_CURVES = 100  # of one program
MAX_COMPONENTS = 20  # of one tariff
MAX_INTERVALS = 200  # each costs a request, once
MAX_MESSAGES = 50  # shown at once

T = TypeVar("T", bound=sep.Sep)


@dataclass(slots=True)
class Found:
    """What one look at a function set brought. With ``errors`` it is not all: what is not in it may go on."""

    occurrences: list[Occurrence] = field(default_factory=list)
    assigned: set[bytes] = field(default_factory=set)
    rate_s: float = MOST_EVENT_POLL_S
    errors: list[PeerError] = field(default_factory=list)

    async def listed(self, esi: Client, link: sep.Link | str, kind: type[T]) -> T | None:
        """Return a list. One that the server cannot give is noted, and keeps no other from being read."""
        try:
            return await esi.fetch_list(link, kind)
        except (AnswerError, BadAnswer) as error:
            self.errors.append(error)
            return None

    async def fetched(self, esi: Client, link: sep.Link, kind: type[T]) -> T | None:
        """Return a document, None if the server cannot give it, as ``listed``."""
        try:
            return await esi.fetch(link, kind)
        except (AnswerError, BadAnswer) as error:
            self.errors.append(error)
            return None

    def take_rate(self, poll_rate: int | None) -> None:
        """Ask again at the highest rate of all lists."""
        self.rate_s = min(self.rate_s, poll_s(poll_rate, most_s=MOST_EVENT_POLL_S))


class Events:
    """Follows the events of one function set."""

    name = ""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.quiet_until: float = float("-inf")
        self._checked: int | None = None

    async def turn(self, shared: Shared) -> float:
        """Read all of it. Where a part cannot be read, what was known of that part holds.

        Before the server told its time no event is taken, for by what clock? Defaults need none.
        """
        found = await self.read(shared)
        self.scheduler.missing_is_cancelled = shared.esi.edition is IEEE_2023 and not found.errors
        now = shared.now
        if shared.clock.is_set:
            assigned = None if found.errors else frozenset(found.assigned)
            shared.answer(self.scheduler.update(found.occurrences, now, assigned=assigned))
        self._carry_out(now)
        if found.errors:
            raise found.errors[0]
        return self._next(shared.rest_s(self.name, found.rate_s), now)

    def tick(self, shared: Shared) -> None:
        """Carry out what is due by the clock, without the server."""
        now = shared.now
        if now >= self.quiet_until:
            shared.answer(self.scheduler.advance(now))
            self._carry_out(now)

    def look_again(self) -> None:
        """Let the next tick look at everything: the user chose something."""
        self.quiet_until = float("-inf")

    async def read(self, shared: Shared) -> Found:
        """Return everything that the server lists now."""
        raise NotImplementedError

    def obey(self, now: int) -> None:
        """Tell the device what it is to do at ``now``."""
        raise NotImplementedError

    def _carry_out(self, now: int) -> None:
        self.obey(now)
        following = self.scheduler.next_change(now)
        self.quiet_until = float("inf") if following is None else following

    def _next(self, rate_s: float, now: int) -> float:
        """Return when to read again: by pollRate, and once shortly before an event starts."""
        start = self.scheduler.next_start(now)
        if start is None or start == self._checked:
            return rate_s
        before_s = start - now - CHECK_BEFORE_START_S
        if before_s >= rate_s:
            return rate_s
        self._checked = start
        return max(1.0, before_s)


async def _programs(
    shared: Shared, link: str, kind: type[T], found: Found
) -> AsyncIterator[tuple[bytes, Any]]:
    """Yield mRID and document of every program that the assignments lead to, once, the strongest first."""
    seen: dict[bytes, Any] = {}
    for href in sorted(set(targets(shared.assignments, link))):
        listed: Any = await found.listed(shared.esi, href, kind)
        if listed is None:
            continue
        found.take_rate(listed.pollRate)
        for program in getattr(listed, kind.__name__.removesuffix("List")):
            seen.setdefault(program.mRID.rjust(16, b"\x00"), program)
    for mrid, program in sorted(seen.items(), key=lambda item: item[1].primacy)[:MAX_PROGRAMS]:
        found.assigned.add(mrid)
        yield mrid, program


def occurrence(
    event: Any, program: bytes, primacy: int, mode: str, problem: ResponseStatus | None = None
) -> Occurrence:
    """Return an event that rules one mode."""
    return Occurrence(
        mrid=event.mRID.rjust(16, b"\x00"),
        program=program,
        primacy=primacy,
        modes=frozenset((mode,)),
        event=event,
        problem=problem,
    )


class Programs(Events):
    """DER programs: controls, defaults and curves (IEEE 2030.5-2018, clause 10.10)."""

    name = "programs"

    def __init__(self, device: DERDevice, scheduler: Scheduler) -> None:
        super().__init__(scheduler)
        self._device = device
        self.programs: tuple[der.Program, ...] = ()
        self.orders = der.Orders()

    async def read(self, shared: Shared) -> Found:
        """Return the controls of all programs; keep the programs."""
        found = Found()
        programs = []
        async for mrid, program in _programs(shared, "DERProgramListLink", sep.DERProgramList, found):
            programs.append(await self._read_program(shared.esi, program, mrid, found))
        kept = [one for one in self.programs if found.errors and one.mrid not in found.assigned]
        self.programs = tuple(_with_known_curves(one, self.programs) for one in [*programs, *kept])
        found.occurrences = der.occurrences(
            programs, supported=self._device.modes, category=shared.device.category
        )
        return found

    def obey(self, now: int) -> None:
        """Tell the device, if it is something else than before."""
        orders = der.orders(self.scheduler, self.programs, now, supported=self._device.modes)
        if orders != self.orders:
            self.orders = orders
            self._device.obey(orders)

    async def _read_program(
        self, esi: Client, program: sep.DERProgram, mrid: bytes, found: Found
    ) -> der.Program:
        known = next((one for one in self.programs if one.mrid == mrid), None)
        default = None
        if program.DefaultDERControlLink is not None:
            try:
                default = await esi.fetch(program.DefaultDERControlLink, sep.DefaultDERControl)
            except NotThere:
                default = None  # the device's own settings hold, as without a link
            except (AnswerError, BadAnswer) as error:
                found.errors.append(error)
                default = known.default if known is not None else None
        controls: tuple[sep.DERControl, ...] = ()
        if program.DERControlListLink is not None:
            listed = await found.listed(esi, program.DERControlListLink, sep.DERControlList)
            if listed is not None:
                controls = listed.DERControl
            elif known is not None:
                controls = known.controls
        bases = [one.DERControlBase for one in (default, *controls) if one is not None]
        return der.Program(
            mrid=mrid,
            primacy=program.primacy,
            description=program.description,
            default=default,
            controls=controls,
            curves=await self._read_curves(esi, bases),
        )

    async def _read_curves(self, esi: Client, bases: list[sep.DERControlBase]) -> dict[str, sep.DERCurve]:
        """Read the curves that controls refer to, when they are received and not when they start."""
        wanted = {
            getattr(base, mode).href
            for base in bases
            for mode in self._device.modes & der.CURVE_MODES
            if getattr(base, mode) is not None
        }
        curves = {}
        for href in sorted(wanted)[:MAX_CURVES]:
            try:
                curves[href] = await esi.fetch(href, sep.DERCurve)
            except (NotThere, BadAnswer) as error:
                log.warning("no curve href=%s reason=%s", href, error)  # the control is rejected for it
        return curves


def _with_known_curves(program: der.Program, before: tuple[der.Program, ...]) -> der.Program:
    """Keep the curves that were read: an event that is no longer listed goes on, and needs its own."""
    known = next((one.curves for one in before if one.mrid == program.mrid), {})
    missing = [href for href in known if href not in program.curves][:MAX_CURVES]
    return replace(program, curves={**{href: known[href] for href in missing}, **program.curves})


class LoadControls(Events):
    """Demand response: EndDeviceControls for loads (clause 10.3)."""

    name = "load controls"

    def __init__(self, device: LoadDevice, scheduler: Scheduler) -> None:
        super().__init__(scheduler)
        self._device = device
        self._obeyed: sep.EndDeviceControl | None = None

    async def read(self, shared: Shared) -> Found:
        """Return the controls of all programs that are for a device of this category."""
        found = Found()
        kind = sep.DemandResponseProgramList
        programs: list[sep.DemandResponseProgram] = []
        async for mrid, program in _programs(shared, "DemandResponseProgramListLink", kind, found):
            programs.append(program)
            link = program.EndDeviceControlListLink
            if link is None:
                continue
            listed = await found.listed(shared.esi, link, sep.EndDeviceControlList)
            if listed is None:
                continue
            found.occurrences += load_occurrences(
                listed.EndDeviceControl,
                mrid,
                program.primacy,
                category=shared.device.category,
                can_obey=self._device.can_obey,
            )
        if tuple(programs) != shared.load_programs:
            shared.load_programs = tuple(programs)
            shared.wake.add("load shedding")
        return found

    def obey(self, now: int) -> None:
        """Tell the device which control rules it, if any."""
        tracked = self.scheduler.active(now).get(LOAD)
        control = tracked.occurrence.event if tracked is not None else None
        assert control is None or isinstance(control, sep.EndDeviceControl)
        if control != self._obeyed:
            self._obeyed = control
            self._device.obey_load(control)


LOAD = "load"


def load_occurrences(
    controls: Iterable[sep.EndDeviceControl],
    program: bytes,
    primacy: int,
    *,
    category: int,
    can_obey: Callable[[sep.EndDeviceControl], bool],
) -> list[Occurrence]:
    """Return the EndDeviceControls for a device of this category; 252 for what it cannot do."""
    return [
        occurrence(
            one,
            program,
            primacy,
            LOAD,
            None if can_obey(one) else ResponseStatus.REJECTED_NOT_APPLICABLE,
        )
        for one in controls
        if bits(one.deviceCategory) & category
    ]


class Prices(Events):
    """Pricing: what a kWh costs now (clause 10.5); where no interval is active it is unknown, not 0."""

    name = "prices"

    def __init__(self, device: PriceDevice, scheduler: Scheduler) -> None:
        super().__init__(scheduler)
        self._device = device
        self._prices: dict[bytes, Price] = {}
        self._obeyed: Price | None = None

    async def read(self, shared: Shared) -> Found:
        """Return the intervals of all tariffs; keep what each costs."""
        found = Found()
        prices: dict[bytes, Price] = {}
        async for mrid, tariff in _programs(shared, "TariffProfileListLink", sep.TariffProfileList, found):
            if tariff.RateComponentListLink is None:
                continue
            parts = await found.listed(shared.esi, tariff.RateComponentListLink, sep.RateComponentList)
            for component in () if parts is None else parts.RateComponent[:MAX_COMPONENTS]:
                reading = await found.fetched(shared.esi, component.ReadingTypeLink, sep.ReadingType)
                if reading is None or reading.flowDirection == FlowDirection.REVERSE:
                    continue  # what is paid for energy given, not asked for energy taken
                listed = await found.listed(
                    shared.esi, component.TimeTariffIntervalListLink, sep.TimeTariffIntervalList
                )
                for interval in () if listed is None else listed.TimeTariffInterval:
                    one = occurrence(interval, mrid, tariff.primacy, PRICE)
                    found.occurrences.append(one)
                    known = self._prices.get(one.mrid)  # what an interval costs never changes
                    if known is None and one.end > shared.now and len(prices) < MAX_INTERVALS:
                        known = await _price(shared.esi, tariff, reading, interval, found)
                    if known is not None:
                        prices[one.mrid] = known
        if found.errors:
            still = self.scheduler.tracked.keys()
            prices = {mrid: one for mrid, one in self._prices.items() if mrid in still} | prices
        self._prices = prices
        return found

    def obey(self, now: int) -> None:
        """Tell the device what a kWh costs, None if that is not known."""
        tracked = self.scheduler.active(now).get(PRICE)
        price = self._prices.get(tracked.occurrence.mrid) if tracked is not None else None
        if price != self._obeyed:
            self._obeyed = price
            self._device.see_price(price)


PRICE = "price"


async def _price(
    esi: Client,
    tariff: sep.TariffProfile,
    reading: sep.ReadingType,
    interval: sep.TimeTariffInterval,
    found: Found,
) -> Price | None:
    """Return the price of the first block of an interval, per kWh; None if it cannot be read now."""
    link, summary = interval.ConsumptionTariffIntervalListLink, interval.ConsumptionTariffIntervalListSummary
    blocks: tuple[sep.ConsumptionTariffInterval, ...] = ()
    if summary is not None:  # CSIP-AUS 1.3 has it in line
        blocks = summary.ConsumptionTariffInterval
    elif link is not None:
        listed = await found.listed(esi, link, sep.ConsumptionTariffIntervalList)
        if listed is None:
            return None
        blocks = listed.ConsumptionTariffInterval
    first = min(blocks, key=lambda one: one.startValue, default=None)
    per_kwh = None
    if first is not None and first.price is not None:
        unit = 10.0 ** ((reading.powerOfTenMultiplier or 0) - 3)  # of a kWh, where readings are in Wh
        per_kwh = first.price * 10.0 ** (tariff.pricePowerOfTenMultiplier or 0) / unit
    return Price(tier=interval.touTier, per_kwh=per_kwh, currency=tariff.currency or 0)


class Messages(Events):
    """Messages for people; several may be shown at once (clause 10.6)."""

    name = "messages"

    def __init__(self, device: DisplayDevice, scheduler: Scheduler) -> None:
        super().__init__(scheduler)
        self._device = device
        self._shown: tuple[sep.TextMessage, ...] = ()

    async def read(self, shared: Shared) -> Found:
        """Return the messages of all programs. Each rules a mode of its own: none displaces another."""
        found = Found()
        kind = sep.MessagingProgramList
        async for mrid, program in _programs(shared, "MessagingProgramListLink", kind, found):
            if program.TextMessageListLink is not None:
                listed = await found.listed(shared.esi, program.TextMessageListLink, sep.TextMessageList)
                found.occurrences += [
                    occurrence(one, mrid, program.primacy, one.mRID.hex())
                    for one in (() if listed is None else listed.TextMessage)
                ]
        return found

    def obey(self, now: int) -> None:
        """Show what is to be shown now, the most urgent first."""
        active = [tracked.occurrence.event for tracked in self.scheduler.active(now).values()]
        messages = [event for event in active if isinstance(event, sep.TextMessage)]
        messages.sort(key=lambda one: (-one.priority, -one.creationTime))
        shown = tuple(messages[:MAX_MESSAGES])
        if shown != self._shown:
            self._shown = shown
            self._device.show(shown)


class FlowReservations(Events):
    """Flow reservation: a vehicle asks for energy, the server says when and how much (clause 10.9)."""

    name = "flow reservations"

    def __init__(self, device: FlowDevice, scheduler: Scheduler) -> None:
        super().__init__(scheduler)
        self._device = device
        self._asked: sep.FlowReservationRequest | None = None
        self._asked_at: str | None = None  # where the server put it, if it says so
        self._granted: Grant | None = None

    async def read(self, shared: Shared) -> Found:
        """Ask for what the device needs, if that is new; return the answers to it."""
        found = Found()
        own = shared.end_device
        if own is None or own.FlowReservationRequestListLink is None:
            return found
        wish = self._device.wish(shared.now, shared.esi.lfdi)
        if self._asked is not None and _mrid_of(wish) != self._asked.mRID:
            await self._withdraw(shared)
        if wish is not None and self._asked is None:
            self._asked_at = await shared.esi.post(own.FlowReservationRequestListLink.href, wish)
            self._asked = wish
        if own.FlowReservationResponseListLink is not None and self._asked is not None:
            link = own.FlowReservationResponseListLink
            listed = await shared.esi.fetch_list(link, sep.FlowReservationResponseList)
            found.take_rate(listed.pollRate)
            found.occurrences = flow_occurrences(listed.FlowReservationResponse, self._asked.mRID)
        return found

    def tick(self, shared: Shared) -> None:
        """Carry out what is due by the clock; see whether the device wishes for something else."""
        super().tick(shared)
        own = shared.end_device
        if own is None or own.FlowReservationRequestListLink is None:
            return
        if _mrid_of(self._device.wish(shared.now, shared.esi.lfdi)) != _mrid_of(self._asked):
            shared.wake.add(self.name)

    async def _withdraw(self, shared: Shared) -> None:
        """Cancel a request: all that may change about it is its status (clause 10.9).

        What the server has may be what was asked before a restart, so it is that which is changed.
        """
        if self._asked_at is not None:
            status = sep.RequestStatus(dateTime=shared.now, requestStatus=RequestState.CANCELLED)
            with contextlib.suppress(NotThere):  # the server forgot it before us
                there = await shared.esi.fetch(self._asked_at, sep.FlowReservationRequest)
                await shared.esi.put(self._asked_at, sep.replace(there, RequestStatus=status))
        self._asked = self._asked_at = None

    def obey(self, now: int) -> None:
        """Tell the device what it may take now; a wish that was not answered grants nothing."""
        tracked = self.scheduler.active(now).get(FLOW)
        granted = None
        if tracked is not None:
            response = tracked.occurrence.event
            assert isinstance(response, sep.FlowReservationResponse)
            power = response.powerAvailable
            granted = Grant(power_w=power.value * 10.0**power.multiplier, until=tracked.end)
        if granted != self._granted:
            self._granted = granted
            self._device.grant(granted)


FLOW = "flow"


def _mrid_of(wish: sep.FlowReservationRequest | None) -> bytes | None:
    return None if wish is None else wish.mRID


def flow_occurrences(responses: Iterable[sep.FlowReservationResponse], request: bytes) -> list[Occurrence]:
    """Return the answers to one request; a duration of 0 denies it and is no event."""
    return [
        occurrence(one, b"", 0, FLOW)
        for one in responses
        if one.subject.rjust(16, b"\x00") == request.rjust(16, b"\x00") and one.interval.duration > 0
    ]
