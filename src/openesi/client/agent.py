"""The loop that drives one device at its server.

Two things go on beside each other: ``turn`` talks to the server, ``tick`` lives the device and carries out
its schedule. A server that hangs, lies or is gone keeps no event from starting or ending in time.
"""

from __future__ import annotations

import asyncio
import logging
import random as random_module
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from enum import Enum
from functools import partial
from pathlib import Path

from openesi.client import duties, follow
from openesi.client.alarms import Alarms
from openesi.client.backoff import LEAST_POLL_S, REFUSED_S, RandomSource, delay_s
from openesi.client.clock import ServerClock
from openesi.client.device import (
    DERDevice,
    Device,
    DisplayDevice,
    FlowDevice,
    LoadDevice,
    MeteredDevice,
    PoweredDevice,
    PriceDevice,
    SheddingDevice,
    UsageDevice,
)
from openesi.client.duties import Duty, Shared, WrongPIN
from openesi.client.errors import AccessRefused, AnswerError, NotThere, Refused, Unreachable
from openesi.client.memory import Memory, Recollection
from openesi.client.mirrors import Mirrors
from openesi.client.notifications import Received, listening
from openesi.client.responses import Responses
from openesi.client.scheduler import Answer, Scheduler
from openesi.client.session import Client
from openesi.client.shedding import LoadShedding
from openesi.client.subscriptions import (
    Notify,
    Subscriptions,
    all_addresses,
    own_address,
    uri_of,
)
from openesi.client.usage import UsagePoints
from openesi.errors import LocalError, OpenESIError, WrongUsage
from openesi.sep2.enums import ResponseStatus

log = logging.getLogger(__name__)

TICK_S = 1.0
SHORTEST_TICK_S = 0.05  # when something is due by the clock in between
LONGEST_SLEEP_S = 60.0
FIND_AGAIN_AFTER = 3  # failures in a row: the server may have another address by now
ENTRY = duties.DeviceCapability.name  # where every walk begins: it tells whether the server is there


class State(Enum):
    """How it stands between a device and its server."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"  # not reached; tried again later and later
    REFUSED = "refused"  # TLS or access: somebody must act, tried again now and then


class Agent:
    """One device at one server.

    ``local`` is a clock that never goes back, in s; ``fallback_s`` is what is added to it for the time of day
    until the server has told its own. ``register`` lets the device register in band; ``public`` lets it
    follow what the server offers to everybody where it assigns nothing (clause 10.2.5.6 would have it follow
    nothing). ``connection_point`` is told to servers of CSIP-AUS: in Australia the NMI. ``memory`` is a file
    in which it remembers over restarts what it drew, answered and was told. With ``notify`` it listens for
    notifications while it runs, and subscribes to what it follows; where that does not work it polls.
    ``superseded`` is how it tells of an event that gives way to another (see ``Scheduler``).
    """

    def __init__(
        self,
        esi: Client,
        device: Device,
        *,
        pin: int | None = None,
        register: bool = True,
        public: bool = False,
        connection_point: str | None = None,
        random: RandomSource | None = None,
        local: Callable[[], float] = time.monotonic,
        fallback_s: float | None = None,
        tick_s: float = TICK_S,
        memory: Path | None = None,
        notify: Notify | None = None,
        superseded: ResponseStatus = ResponseStatus.SUPERSEDED,
    ) -> None:
        chosen = random or random_module.Random()  # noqa: S311 (spreads load; nothing secret comes of it)
        self.esi = esi
        self.device = device
        self.state = State.CONNECTING
        if fallback_s is None:
            fallback_s = time.time() - time.monotonic()
        clock = ServerClock(fallback=fallback_s)
        self.shared = Shared(esi, device, local, chosen, clock, pin, register, public, connection_point)
        self.problems = self.shared.problems
        self.events = _events_of(device, partial(Scheduler, chosen, superseded=superseded))
        self.programs = next((one for one in self.events if isinstance(one, follow.Programs)), None)
        reporting = _reporting_of(device)
        self._watching = [one for one in reporting if isinstance(one, duties.Reports | Alarms)]
        self._duties: list[Duty] = [
            duties.DeviceCapability(),
            duties.Time(),
            duties.EndDevice(),
            duties.Assignments(),
            *self.events,
            *reporting,
            Responses(),
        ]
        self._memory = Memory(memory, esi.lfdi) if memory is not None else None
        if self._memory is not None:
            self._recall(self._memory)
        self._due = dict.fromkeys((duty.name for duty in self._duties), float("-inf"))
        self._failures: dict[str, int] = {}
        self._done: dict[str, float] = {}
        self._notify = notify
        self._subscriptions: Subscriptions | None = None
        self._tick_s = tick_s
        self._woken = asyncio.Event()

    @property
    def problem(self) -> OpenESIError | None:
        """What went wrong last, of all that has not been well since."""
        return next(reversed(self.problems.values()), None)

    @property
    def is_settled(self) -> bool:
        """Whether every duty was done, or tried, once, and nothing waits to be said."""
        tried = all(due > float("-inf") for due in self._due.values())
        return tried and not any(self._is_due(duty) for duty in self._duties)

    def tick(self) -> None:
        """Live the device until now, and carry out what is due by the clock."""
        for followed in self.events:
            followed.tick(self.shared)
        self.device.advance(self.shared.clock.at(self.shared.local()))
        if isinstance(self.device, DERDevice):
            status = self.device.status(self.shared.now)
            for watching in self._watching:
                watching.see(status, self.shared)
        self.shared.wake &= self._due.keys()  # not every device has every duty
        if self.shared.wake:
            self._remember()
            self._woken.set()

    def report_now(self) -> None:
        """Post readings at once, not at the next postRate: something changed that others wait to see."""
        self.shared.wake.add(duties.MIRRORS)
        self._woken.set()

    def opt_out(self, mrid: bytes) -> None:
        """Let the user refuse an event: it is left at once, without randomization (clause 10.3).

        As the two below it raises WrongUsage for an event that is not known.
        """
        self._choose(mrid, Scheduler.opt_out)

    def opt_in(self, mrid: bytes) -> None:
        """Let the user return to an event that was refused."""
        self._choose(mrid, Scheduler.opt_in)

    def acknowledge(self, mrid: bytes) -> None:
        """Let the user confirm an event: a message that was read."""
        self._choose(mrid, Scheduler.acknowledge)

    def _choose(self, mrid: bytes, choice: Callable[[Scheduler, bytes, int], list[Answer]]) -> None:
        mrid = mrid.rjust(16, b"\x00")
        followed = next((one for one in self.events if mrid in one.scheduler.tracked), None)
        if followed is None:
            raise WrongUsage(f"there is no event {mrid.hex()}: it is over for long, or not for this device")
        self.shared.answer(choice(followed.scheduler, mrid, self.shared.now))
        followed.look_again()
        self.tick()

    def spread(self) -> None:
        """Poll next at a random point of the interval, and then by it: a fleet is not to come in step."""
        now, share = self.shared.local(), self.shared.random.random()
        self._due = {name: now + (due - now) * share if due > now else due for name, due in self._due.items()}

    def _recall(self, memory: Memory) -> None:
        known = self._recollection()
        memory.recall(known)
        if self.programs is not None:
            self.programs.programs = known.programs
        self.shared.log_events, self.shared.alarms = known.log_events, known.alarms
        self.shared.wake.add(duties.RESPONSES)
        self.shared.remember = self._remember

    def _remember(self) -> None:
        if self._memory is not None:
            try:
                self._memory.keep(self._recollection())
            except LocalError as error:  # a full disk; the device does its work all the same
                if "memory" not in self.problems:
                    log.warning("nothing is remembered reason=%s", error)
                self.problems["memory"] = error
            else:
                self.problems.pop("memory", None)

    def _recollection(self) -> Recollection:
        shared = self.shared
        return Recollection(
            schedulers={one.name: one.scheduler for one in self.events},
            waiting=shared.outbox,
            doubtful=shared.doubtful,
            programs=self.programs.programs if self.programs is not None else (),
            log_events=shared.log_events,
            alarms=shared.alarms,
        )

    async def turn(self) -> float:
        """Talk to the server about what is due. Return in how many seconds to come back.

        Raises WrongPIN: it is the wrong server, and must not be used.
        """
        self._woken.clear()
        self._hasten()
        if self.state in (State.WAITING, State.REFUSED):
            rest_s = self._due[ENTRY] - self.shared.local()
            if rest_s > 0:
                return rest_s
        await self._find_again()
        for duty in self._duties:
            if not self._is_due(duty):
                continue
            self.shared.wake.discard(duty.name)
            try:
                wait_s = await self._turn_of(duty)
            except WrongPIN:
                raise
            except (Unreachable, Refused) as error:
                if duty.name == ENTRY and not isinstance(error, AccessRefused):
                    return self._lose(error)
                self._put_off(duty, error)
                if isinstance(error, Unreachable):
                    self._due[ENTRY] = self.shared.local()  # is the server gone, or this resource alone?
                    return 0.0
                continue
            except OpenESIError as error:
                self._put_off(duty, error)
                continue
            self._failures.pop(duty.name, None)
            self.problems.pop(duty.name, None)
            if duty in self.events:
                self.tick()  # what follows in this turn tells what the device does by now
            self._remember()
            self.state = State.CONNECTED
            self._due[duty.name] = self.shared.local() + wait_s
        if any(self._is_due(duty) for duty in self._duties):
            return 0.0
        return min(self._due.values()) - self.shared.local()

    async def _find_again(self) -> None:
        """Look where the server is by now, if it was found by DNS-SD and is lost (clause 7.6)."""
        gone = isinstance(self.problems.get(ENTRY), NotThere)
        lost = gone or self._failures.get(ENTRY, 0) >= FIND_AGAIN_AFTER
        if not lost or self._due[ENTRY] > self.shared.local():
            return
        with suppress(Unreachable):  # it is told as long as nobody is reached
            await self.esi.find_again()

    async def _turn_of(self, duty: Duty) -> float:
        """Let a duty talk to the server; where there are subscriptions, see what it reads."""
        self._done[duty.name] = self.shared.local()
        if self._notify is None or duty.name not in self._follows:
            return await duty.turn(self.shared)
        subscriptions, reads = self._subscriptions, self.shared.reads.get(duty.name, {})
        told = subscriptions is not None and subscriptions.covers(reads)
        (self.shared.told.add if told else self.shared.told.discard)(duty.name)
        with self.esi.reading() as collected:
            wait_s = await duty.turn(self.shared)
        found = {href: one for href, one in collected.items() if hasattr(one, "subscribable")}
        self.shared.reads[duty.name] = found
        if subscriptions is not None and subscriptions.compare(reads, found):
            self.shared.told.clear()
            self.shared.hasten |= self._follows
        if subscriptions is not None and found.keys() != reads.keys():
            self.shared.wake.add(subscriptions.name)
        return wait_s

    @property
    def _follows(self) -> frozenset[str]:
        """The duties that read what others may change."""
        return frozenset({duties.EndDevice.name, duties.Assignments.name, *(one.name for one in self.events)})

    def _hasten(self) -> None:
        """Bring forward what was notified; a server that tells without end is asked once a second at most."""
        for name in self.shared.hasten - self._failures.keys():
            soon = self._done.get(name, float("-inf")) + LEAST_POLL_S
            self._due[name] = min(self._due.get(name, soon), soon)
        self.shared.hasten.clear()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen for notifications meanwhile, if the agent was made with ``notify``.

        ``run`` does it by itself. Where no way leads to the server yet it does without. Raises LocalError for
        certificates that cannot be used or an address that cannot be listened on.
        """
        if self._notify is None:
            yield
            return
        notify = self._notify
        try:
            address = own_address(self.esi.url)
        except LocalError as error:  # no name service yet, after a power cut perhaps: it polls
            log.warning("no notifications reason=%s", error)
            self.problems["subscriptions"] = error
            yield
            return
        bind = notify.bind or all_addresses(address)

        async def take(received: Received) -> bool:
            taken = self._subscriptions is not None and self._subscriptions.take(received, self.shared)
            self._woken.set()
            return taken

        async with AsyncExitStack() as stack:
            try:
                listener = await stack.enter_async_context(
                    listening(self.esi.tls, take, host=bind, port=notify.port, edition=self.esi.edition)
                )
            except OSError as error:
                raise LocalError(f"cannot listen for notifications on {bind}: {error}") from error
            uri = uri_of(notify, address, listener.port, self.esi.lfdi)
            log.info("listening for notifications uri=%s", uri)
            subscribing = self._subscriptions = Subscriptions(uri)
            self._duties.append(subscribing)
            self._due[subscribing.name] = float("-inf")
            try:
                yield
            finally:
                self._subscriptions = None
                self._duties.remove(subscribing)
                del self._due[subscribing.name]
                self.shared.told.clear()

    async def run(self) -> None:
        """Drive the device until cancelled. Raises WrongPIN."""
        async with self.listening():
            await self._run()

    async def _run(self) -> None:
        ticking = asyncio.create_task(self._tick_for_ever(), name="openesi-device")
        talking = asyncio.create_task(self._talk_for_ever(), name="openesi-client")
        try:
            done, _ = await asyncio.wait({ticking, talking}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (ticking, talking):
                task.cancel()
            await asyncio.gather(ticking, talking, return_exceptions=True)

    async def _tick_for_ever(self) -> None:
        while True:
            self.tick()
            now = self.shared.clock.at(self.shared.local())
            due = min((followed.quiet_until for followed in self.events), default=float("inf"))
            await asyncio.sleep(min(self._tick_s, max(SHORTEST_TICK_S, due - now)))

    async def _talk_for_ever(self) -> None:
        while True:
            wait_s = await self.turn()
            try:
                async with asyncio.timeout(min(wait_s, LONGEST_SLEEP_S)):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _is_due(self, duty: Duty) -> bool:
        due = self._due[duty.name] <= self.shared.local()
        return due or (duty.name in self.shared.wake and duty.name not in self._failures)

    def _put_off(self, duty: Duty, error: OpenESIError) -> None:
        """Leave one duty for later; the others go on."""
        self.problems[duty.name] = error
        failures = self._failures[duty.name] = self._failures.get(duty.name, 0) + 1
        asked_s = error.retry_after_s if isinstance(error, AnswerError) else None
        wait_s = (
            REFUSED_S
            if isinstance(error, AccessRefused)
            else delay_s(failures, self.shared.random, asked_s=asked_s)
        )
        if duty.name == duties.Time.name:
            wait_s = max(wait_s, duties.TIME_RETRY_S)
        self._due[duty.name] = self.shared.local() + wait_s
        log.warning("failed duty=%s failures=%d wait=%.0f reason=%s", duty.name, failures, wait_s, error)
        if isinstance(error, NotThere) and failures == 1:
            self.shared.wake |= {ENTRY, duties.EndDevice.name}  # links may have moved: start where all begins

    def _lose(self, error: Unreachable | Refused) -> float:
        """Leave the server alone for a while."""
        if self._subscriptions is not None:
            self._subscriptions.look_again()
        self.problems[ENTRY] = error
        failures = self._failures[ENTRY] = self._failures.get(ENTRY, 0) + 1
        if isinstance(error, Refused):
            self.state, wait_s = State.REFUSED, REFUSED_S
        else:
            self.state, wait_s = State.WAITING, delay_s(failures, self.shared.random)
        self._due[ENTRY] = self.shared.local() + wait_s
        log.warning("no server failures=%d wait=%.0f reason=%s", failures, wait_s, error)
        return wait_s


def _events_of(device: Device, scheduler: Callable[[], Scheduler]) -> list[follow.Events]:
    """Return what follows each kind of event that a device obeys, with a scheduler of its own."""
    found: list[follow.Events] = []
    if isinstance(device, DERDevice):
        found.append(follow.Programs(device, scheduler()))
    if isinstance(device, LoadDevice):
        found.append(follow.LoadControls(device, scheduler()))
    if isinstance(device, PriceDevice):
        found.append(follow.Prices(device, scheduler()))
    if isinstance(device, DisplayDevice):
        found.append(follow.Messages(device, scheduler()))
    if isinstance(device, FlowDevice):
        found.append(follow.FlowReservations(device, scheduler()))
    return found


def _reporting_of(device: Device) -> list[Duty]:
    """Return what tells the server of a device, readings first: they show what the events just read did."""
    found: list[Duty] = []
    if isinstance(device, MeteredDevice):
        found.append(Mirrors(device))
    if isinstance(device, DERDevice):
        found += [duties.Reports(device), Alarms()]
    if isinstance(device, SheddingDevice):
        found.append(LoadShedding(device))
    if isinstance(device, PoweredDevice):
        found.append(duties.PowerStatuses(device))
    if isinstance(device, UsageDevice):
        found.append(UsagePoints(device))
    return found
