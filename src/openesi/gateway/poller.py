"""The conversation with a RAVEn: what to send when, what the answers mean. No I/O; the caller owns line and
clock.

On each opening of the line: reset the dongle's parser, learn who it is and which meters it knows, switch off
the schedules that read other clusters, set the two that read demand and summation, read all schedules back.
Then the beat (``cadence``). A line that falls silent is reopened; a dongle that stays silent is restarted,
seldom.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from openesi.errors import LocalError
from openesi.gateway import commands
from openesi.gateway.cadence import Cadence
from openesi.gateway.commands import Command, Query
from openesi.gateway.events import (
    Damaged,
    EnergyRead,
    Event,
    ForeignData,
    LinkChanged,
    LinkState,
    PowerRead,
    Quantity,
    ScheduleProof,
)
from openesi.gateway.fragments import (
    CurrentSummation,
    DeviceInfo,
    Foreign,
    FragmentError,
    InstantaneousDemand,
    JoinStatus,
    Message,
    MeterList,
    NetworkStatus,
    ScheduleInfo,
    from_fragment,
)
from openesi.gateway.raven import StreamDecoder

ANSWER_TIMEOUT_S = (
    2.0  # for questions to the dongle itself; one that does not answer is not waited for longer
)
GAP_S = 0.25  # after a command without an answer: the dongle has no handshaking and a small buffer
NETWORK_EVERY_S = 300.0
PROOF_EVERY_S = 3600.0
PROOF_AFTER_FOREIGN_S = (
    60.0  # a dongle that pushes prices for ever is corrected once a minute, not at each one
)
OFF_TRIES = 3  # per proof: a firmware that does not obey is reported, not fought
SILENCE_REOPEN_S = 60.0
SILENCE_RESTART_S = 600.0
RESTART_EVERY_S = 3600.0
MAX_QUEUE = 64  # questions waiting; only a dongle that answers nonsense could fill it
JOINING = {JoinStatus.JOINING, JoinStatus.AUTHENTICATING, JoinStatus.NETWORK_DISCOVERY}


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now: send the commands, record the events, and perhaps close and reopen the line."""

    commands: tuple[Command, ...] = ()
    events: tuple[Event, ...] = ()
    reopen: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    """One command to put to the dongle, built when its turn comes; ``answer`` is the root that answers it."""

    build: Callable[[], Command]
    answer: type[object] | None = None


class Poller:
    """Reads one meter. ``interval_s`` is how often power is read (4 s or more), ``energy_interval_s`` energy.

    Raises LocalError for an interval the meter does not allow.
    """

    def __init__(self, *, interval_s: int = 4, energy_interval_s: int = 60, meter_mac_id: str = "") -> None:
        commands.schedule_read("demand", interval_s)  # the list of commands knows which intervals are allowed
        commands.schedule_read("summation", energy_interval_s, meter_mac_id=meter_mac_id.lower())
        if energy_interval_s < interval_s:
            raise LocalError("energy cannot be read more often than power: give a longer energy interval")
        self._meter = self._chosen = meter_mac_id.lower()
        self._several_meters = bool(meter_mac_id)
        self._decoder = StreamDecoder()
        self._power = Cadence(Quantity.POWER, interval_s)
        self._energy = Cadence(Quantity.ENERGY, energy_interval_s)
        self._open = False
        # An amount of energy takes two register readings; the first one should not wait for a whole interval.
        self._second_register_at = float("inf")
        self._uncounted_until = float("-inf")
        self._queue: deque[_Question] = deque(maxlen=MAX_QUEUE)
        self._waiting_for: type[object] | None = None
        self._next_question_at = 0.0
        self._heard_at: float | None = None
        self._reopened_at = 0.0
        self._restarted_at: float | None = None
        self._network_at = self._proof_at = 0.0
        self._off_tries: dict[str, int] = {}
        self._foreign_proof_at = float("-inf")
        self._join_status = JoinStatus.UNKNOWN

    def opened(self, now: float) -> list[Event]:
        """The line is open."""
        self._decoder.reset()
        self._open = True
        if self._heard_at is None:
            self._heard_at = now
            self._second_register_at = now + 2 * self._power.interval_s
        self._reopened_at = now
        self._power.start(now)
        self._energy.start(now)
        self._queue.clear()
        self._waiting_for, self._next_question_at = None, now
        self._ask(Query.INITIALIZE)
        self._ask(Query.DEVICE_INFO, DeviceInfo)
        self._ask(Query.METER_LIST, MeterList)
        self._ask(Query.NETWORK_INFO, NetworkStatus)
        self._network_at = now + NETWORK_EVERY_S
        self._prove_schedules(now, set_them=True)
        return [LinkChanged(LinkState.OPEN)]

    def closed(self, reason: str) -> list[Event]:
        """The line is gone: unplugged, closed by the far end, or on our own wish."""
        self._open = False
        self._decoder.reset()
        return [LinkChanged(LinkState.CLOSED, reason)]

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take bytes of the line; never raises for what they hold."""
        if data:
            self._heard_at = now
        damaged = self._decoder.damaged
        events: list[Event] = []
        for fragment in self._decoder.receive(data):
            try:
                message = from_fragment(fragment)
            except FragmentError:
                events.append(Damaged(1))
                continue
            if message is not None:
                events.extend(self._take(message, now))
        if self._decoder.damaged > damaged:
            events.append(Damaged(self._decoder.damaged - damaged))
        return events

    def advance(self, now: float) -> Step:
        """Do what is due at ``now``."""
        events: list[Event] = [*self._power.advance(now), *self._energy.advance(now)]
        if not self._open:
            return Step(events=tuple(events))
        if self._silent_for(now) >= SILENCE_REOPEN_S and now - self._reopened_at >= SILENCE_REOPEN_S:
            return Step(events=tuple(events), reopen=True)
        due = self._due_reads(now)
        if now >= self._network_at:
            self._network_at = now + NETWORK_EVERY_S
            self._ask(Query.NETWORK_INFO, NetworkStatus)
        if now >= self._proof_at:
            self._prove_schedules(now, set_them=False)
        if self._may_restart(now):
            self._restarted_at = now
            due.append(commands.query(Query.RESTART))
        return Step((*due, *self._next_question(now)), tuple(events))

    def next_deadline(self) -> float:
        """When ``advance`` is to be called at the latest."""
        power = self._power.next_deadline(can_ask=self._open)
        energy = self._energy.next_deadline(can_ask=self._open)
        # Energy that waits for the place of a power read is asked for when that is due, not before.
        energy = min(energy, self._second_register_at)
        deadlines = [power, energy if self._power.pushing else max(power, energy)]
        if self._open:
            deadlines += [self._network_at, self._proof_at]
            deadlines.append(max(self._heard_at or 0.0, self._reopened_at) + SILENCE_REOPEN_S)
            if self._queue:
                deadlines.append(self._next_question_at)
        return min(deadlines)

    def _due_reads(self, now: float) -> list[Command]:
        wants_power, wants_energy = self._power.wants_asking(now), self._energy.wants_asking(now)
        early = now >= self._second_register_at
        due: list[Command] = []
        if (wants_energy or early) and (wants_power or self._power.pushing):
            if wants_energy:
                self._energy.asked()
            if early:
                self._second_register_at = float("inf")
                self._uncounted_until = now if wants_energy else now + self._power.interval_s
            due.append(commands.query(Query.SUMMATION, meter_mac_id=self._address()))
            if wants_power and self._power.alive:
                # One read per interval reaches the meter: energy takes the place of a power read.
                self._power.skip()
                wants_power = False
        if wants_power:
            self._power.asked()
            due.append(commands.query(Query.DEMAND, meter_mac_id=self._address()))
        return due

    def _take(self, message: Message, now: float) -> list[Event]:
        if self._waiting_for is not None and isinstance(message, self._waiting_for):
            self._waiting_for, self._next_question_at = None, now
        match message:
            case InstantaneousDemand() if self._is_ours(message.meter_mac_id):
                read = PowerRead(message.time_s, message.demand, message.scale)
                return [*self._power.answered(now), read]
            case CurrentSummation() if self._is_ours(message.meter_mac_id):
                energy = EnergyRead(message.time_s, message.delivered, message.received, message.scale)
                if now < self._uncounted_until:
                    self._uncounted_until = now
                    return [energy]
                return [*self._energy.answered(now), energy]
            case MeterList():
                self._choose_meter(message.meter_mac_ids, now)
            case ScheduleInfo():
                return self._check_schedule(message)
            case NetworkStatus():
                self._join_status = message.status
                return [message]
            case DeviceInfo():
                return [message]
            case Foreign():
                if now >= self._foreign_proof_at:
                    self._foreign_proof_at = now + PROOF_AFTER_FOREIGN_S
                    self._prove_schedules(now, set_them=True)
                return [ForeignData(message.root)]
        return []

    def _choose_meter(self, meters: tuple[str, ...], now: float) -> None:
        """With several meters every command names one, and the schedules are per meter.

        With one, none is needed.
        """
        several = len(meters) > 1 or bool(self._chosen)
        meter = self._chosen or (meters[0] if meters else "")
        changed = several and (meter, several) != (self._meter, self._several_meters)
        self._meter, self._several_meters = meter, several
        if changed:
            self._prove_schedules(now, set_them=True)

    def _is_ours(self, meter_mac_id: str) -> bool:
        return not (self._several_meters and meter_mac_id and self._meter) or meter_mac_id == self._meter

    def _address(self) -> str:
        return self._meter if self._several_meters else ""

    def _prove_schedules(self, now: float, *, set_them: bool) -> None:
        self._proof_at = now + PROOF_EVERY_S
        self._off_tries.clear()
        if set_them:
            for event in commands.SCHEDULES_OFF:
                self._switch_off(event)
            for event, cadence in (("demand", self._power), ("summation", self._energy)):
                self._put(partial(self._schedule_read, event, cadence))
        self._ask(Query.SCHEDULE, ScheduleInfo)

    def _check_schedule(self, info: ScheduleInfo) -> list[Event]:
        unwanted = {*commands.SCHEDULES_OFF, *commands.SCHEDULES_OFF_IF_PRESENT}
        if info.event not in unwanted and info.event not in commands.SCHEDULED_READS:
            return []
        if info.event in unwanted and info.enabled and self._off_tries.get(info.event, 0) < OFF_TRIES:
            self._off_tries[info.event] = self._off_tries.get(info.event, 0) + 1
            self._switch_off(info.event)
            self._ask(Query.SCHEDULE, ScheduleInfo)
        return [ScheduleProof(info.event, info.enabled, info.frequency_s)]

    def _switch_off(self, event: str) -> None:
        self._put(lambda: commands.schedule_off(event, meter_mac_id=self._address()))

    def _schedule_read(self, event: str, cadence: Cadence) -> Command:
        return commands.schedule_read(event, int(cadence.interval_s), meter_mac_id=self._address())

    def _ask(self, what: Query, answer: type[object] | None = None) -> None:
        self._put(lambda: commands.query(what, meter_mac_id=self._address()), answer)

    def _put(self, build: Callable[[], Command], answer: type[object] | None = None) -> None:
        if len(self._queue) < MAX_QUEUE:
            self._queue.append(_Question(build, answer))

    def _next_question(self, now: float) -> list[Command]:
        if not self._queue or now < self._next_question_at:
            return []
        question = self._queue.popleft()
        self._waiting_for = question.answer
        self._next_question_at = now + (ANSWER_TIMEOUT_S if question.answer else GAP_S)
        return [question.build()]

    def _silent_for(self, now: float) -> float:
        return now - self._heard_at if self._heard_at is not None else 0.0

    def _may_restart(self, now: float) -> bool:
        return (
            self._silent_for(now) >= SILENCE_RESTART_S
            and self._join_status
            not in JOINING  # an EMU-2 may forget its registration if restarted while joining
            and (self._restarted_at is None or now - self._restarted_at >= RESTART_EVERY_S)
        )
