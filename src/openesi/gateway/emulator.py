"""A RAVEn dongle with a meter behind it, emulated: host commands in, fragments out, the clock passed in. No
I/O.

It answers the whole command set of the RAVEn API that programs use (home-automation hubs ask for price and
network as well), keeps schedules, and misbehaves on request: every fault seen on real lines can be scripted
with its time. It counts what it read and what it withheld, so that a test can compare the gateway's own
count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from openesi.errors import LocalError
from openesi.gateway.fragments import SEP_EPOCH_S
from openesi.gateway.load import House
from openesi.gateway.raven import Fragment, StreamDecoder

DEVICE_MAC = "0xd8d5b90000000001"
METER_MAC = "0x0013500100000001"
INSTALL_CODE = "0x0000000000000001"
LINK_KEY = "0x00000000000000000000000000000001"
MAX_OUTPUT_BYTES = 65_536  # what waits for a reader that does not read; more is dropped, as a UART would
ENERGY_STEP_S = 4  # how finely the load is summed into the register
SCHEDULED = ("time", "message", "price", "summation", "demand")


class FaultKind(Enum):
    """What can go wrong; each was seen on a real line or is in the manual."""

    SILENCE = "silence"  # the dongle says nothing and hears nothing
    UNPLUG = "unplug"  # the line itself closes; the shell acts on it
    METER_LOST = "meter_lost"  # the dongle rejoins: status Rejoining, strength 0, old reading repeated
    STALE = "stale"  # the meter does not refresh: same time tag and value
    CUT = "cut"  # fragments stop in the middle
    SPLICE = "splice"  # a fragment stops in the middle and the next one follows directly
    GARBAGE = "garbage"  # NULs, 0xFF and other bytes between fragments
    CONTROL = "control"  # control characters inside the text
    MISCASE = "miscase"  # tags in the wrong case
    MISSPELL = "misspell"  # the closing tag of the root is misspelt
    ZERO_SCALE = "zero_scale"  # Multiplier and Divisor zero
    BAD_TIME = "bad_time"  # a time tag with a flipped bit
    NO_TIME = "no_time"  # time tag 0xffffffff
    SLOW = "slow"  # answers take 3 seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """``kind`` from ``start_s`` for ``length_s``, in seconds of the emulator's clock since it was switched
    on.
    """

    kind: FaultKind
    start_s: float
    length_s: float


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read a script like ``silence@60+30 cut@200+8``: kind, start and length in seconds; ``#`` begins a
    comment.

    Raises LocalError that names the word it does not understand.
    """
    faults = []
    for line in text.splitlines():
        for word in line.partition("#")[0].split():
            match = re.fullmatch(r"([a-z_]+)@(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)", word)
            kinds = {kind.value: kind for kind in FaultKind}
            if match is None or match.group(1) not in kinds:
                raise LocalError(
                    f"cannot read the fault {word!r}: write KIND@START+LENGTH in seconds, "
                    f"with KIND one of {', '.join(kinds)}"
                )
            faults.append(Fault(kinds[match.group(1)], float(match.group(2)), float(match.group(3))))
    return tuple(faults)


@dataclass(slots=True)
class Counts:
    """What the emulator did, for comparison with what the gateway says it saw."""

    demand_sent: int = 0
    demand_withheld: int = 0
    summation_sent: int = 0
    summation_withheld: int = 0
    commands: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Schedule:
    frequency_s: float
    enabled: bool
    next_s: float


@dataclass(slots=True)
class Emulator:
    """Switched on at ``started`` (the caller's clock), when the meter's own clock shows ``meter_time_s``
    (Unix).

    ``speed`` makes the meter's clock and load run faster than the caller's (0.1 to 60); without ``pushes``
    the dongle takes schedules and does not act on them, as some firmware does.
    """

    started: float
    meter_time_s: int
    house: House = field(default_factory=House)
    faults: tuple[Fault, ...] = ()
    speed: float = 1.0
    pushes: bool = True
    history_s: int = 0  # how long before it was switched on the register began to count
    keep_commands: int = 1000
    counts: Counts = field(default_factory=Counts)
    _out: list[tuple[float, bytes]] = field(default_factory=list)
    _decoder: StreamDecoder = field(default_factory=StreamDecoder)
    _schedules: dict[str, _Schedule] = field(default_factory=dict)
    _delivered_wms: int = 0  # watt-milliseconds are exact in integers
    _received_wms: int = 0
    _summed_to_s: int = 0
    _last_demand: str = ""
    _near: tuple[Fault, ...] = ()
    _near_from_s: float = 0.0
    _near_until_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0.1 <= self.speed <= 60:
            raise LocalError("the emulated clock can run 0.1 to 60 times as fast as the real one")
        self._summed_to_s = self.meter_time_s - self.history_s
        self._delivered_wms, self._received_wms = 12_345_000 * 3_600_000, 678_000 * 3_600_000
        # What a RAVEn does when it is new: all five schedules run.
        defaults = {"time": 900.0, "message": 120.0, "price": 60.0, "summation": 240.0, "demand": 10.0}
        for event in SCHEDULED:
            self._schedules[event] = _Schedule(defaults[event], self.pushes, self.started + defaults[event])

    # the line

    def receive(self, data: bytes, now: float) -> None:
        """The host wrote ``data``."""
        for fragment in self._decoder.receive(data):
            if fragment.root == "Command" and not self._has(now, FaultKind.SILENCE, FaultKind.UNPLUG):
                name = (fragment.get("Name") or "").lower()
                self.counts.commands = [*self.counts.commands[-self.keep_commands + 1 :], name]
                delay_s = 3.0 if self._has(now, FaultKind.SLOW) else 0.02
                for text in self._answers(name, fragment, now):
                    self._send(text, now + delay_s, now)
            elif fragment.root == "Command":
                self._withhold((fragment.get("Name") or "").lower())

    def output(self, now: float) -> bytes:
        """What the dongle has written to the line by now."""
        self._run_schedules(now)
        due = [data for at, data in self._out if at <= now]
        self._out = [(at, data) for at, data in self._out if at > now]
        return b"".join(due)

    def next_deadline(self) -> float:
        """When ``output`` will next have something."""
        times = [schedule.next_s for schedule in self._schedules.values() if schedule.enabled]
        return min([*times, *(at for at, _ in self._out)], default=float("inf"))

    def unplugged(self, now: float) -> bool:
        """Whether the line is to be closed now."""
        return self._has(now, FaultKind.UNPLUG)

    def meter_now(self, now: float) -> int:
        """What the meter's clock shows."""
        return self.meter_time_s + int((now - self.started) * self.speed)

    def registers_wh(self, time_s: int) -> tuple[int, int]:
        """Energy delivered and received when the meter's clock shows ``time_s``; time only goes forward."""
        self._sum_energy(time_s)
        return self._delivered_wms // 3_600_000, self._received_wms // 3_600_000

    # what it says

    def _run_schedules(self, now: float) -> None:
        for event in SCHEDULED:
            schedule = self._schedules[event]
            while schedule.enabled and schedule.next_s <= now:
                at = schedule.next_s
                schedule.next_s += schedule.frequency_s
                name = _PUSHED[event]
                if self._has(at, FaultKind.SILENCE, FaultKind.UNPLUG):
                    self._withhold(name)
                    continue
                for text in self._answers(name, Fragment("Command", ()), at):
                    self._send(text, at, at)

    def _answers(self, name: str, command: Fragment, now: float) -> Iterable[str]:
        meter = (command.get("MeterMacId") or METER_MAC).lower()
        if meter != METER_MAC:
            return []
        answer = _ANSWERS.get(name)
        if answer is None:
            return [] if name in _SILENT else [_fragment("Warning", Text="Unknown command")]
        return answer(self, command, now)

    def _send(self, text: str, at: float, now: float) -> None:
        data = self._spoil(text, now)
        if sum(len(waiting) for _, waiting in self._out) + len(data) <= MAX_OUTPUT_BYTES:
            self._out.append((at, data))

    def _withhold(self, name: str) -> None:
        self.counts.demand_withheld += name == "get_instantaneous_demand"
        self.counts.summation_withheld += name == "get_current_summation_delivered"

    def _has(self, now: float, *kinds: FaultKind) -> bool:
        since = now - self.started
        if not self._near_from_s <= since < self._near_until_s:
            # A script may hold years of faults; only those of the next hour are looked at each time.
            self._near_from_s, self._near_until_s = since - 60, since + 3600
            self._near = tuple(
                fault
                for fault in self.faults
                if fault.start_s < self._near_until_s and fault.start_s + fault.length_s > self._near_from_s
            )
        return any(
            fault.kind in kinds and 0 <= since - fault.start_s < fault.length_s for fault in self._near
        )

    def _spoil(self, text: str, now: float) -> bytes:
        if self._has(now, FaultKind.MISCASE):
            text = re.sub(r"</(\w+)>", lambda m: f"</{m.group(1).lower()}>", text)
        if self._has(now, FaultKind.MISSPELL):
            text = re.sub(r"</(\w+?)\w>(\s*)\Z", r"</\1>\2", text)
        if self._has(now, FaultKind.CUT):
            text = text[: len(text) * 2 // 3] + "\r\n"
        if self._has(now, FaultKind.SPLICE):
            text = text[: text.rindex("</") - 5] + text
        data = text.encode("cp1252")
        if self._has(now, FaultKind.CONTROL):
            data = data.replace(b"0x", b"0\x00x\x07\xff")
        if self._has(now, FaultKind.GARBAGE):
            data = bytes(range(256)) + b"mand><DeviceMacId>0x</Demand>" + data
        return data

    # the meter

    def _sum_energy(self, until_s: int) -> None:
        while self._summed_to_s < until_s:
            step_s = min(ENERGY_STEP_S, until_s - self._summed_to_s)
            watts = self.house.power_w(self._summed_to_s)
            self._summed_to_s += step_s
            if watts >= 0:
                self._delivered_wms += watts * step_s * 1000
            else:
                self._received_wms -= watts * step_s * 1000

    def _time_tag(self, now: float) -> int:
        tag = self.meter_now(now) - SEP_EPOCH_S
        if self._has(now, FaultKind.NO_TIME):
            return 0xFFFF_FFFF
        return tag ^ 0x0080_0000 if self._has(now, FaultKind.BAD_TIME) else tag

    def _scale(self, now: float) -> dict[str, str]:
        zero = self._has(now, FaultKind.ZERO_SCALE)
        return {
            "Multiplier": "0x00000000" if zero else "0x00000001",
            "Divisor": "0x00000000" if zero else "0x000003e8",
            "DigitsRight": "0x03",
            "DigitsLeft": "0x0f",
            "SuppressLeadingZero": "Y",
        }

    def _demand(self, command: Fragment, now: float) -> Iterable[str]:
        self.counts.demand_sent += 1
        if self._last_demand and self._has(now, FaultKind.STALE, FaultKind.METER_LOST):
            return [self._last_demand]
        watts = self.house.power_w(self.meter_now(now))
        if self._has(now, FaultKind.ZERO_SCALE):
            watts = round(watts / 1000)
        # Field captures: positive values come as 24 bits, negative ones as 32.
        demand = f"0x{watts:06x}" if watts >= 0 else f"0x{watts & 0xFFFF_FFFF:08x}"
        self._last_demand = _fragment(
            "InstantaneousDemand",
            MeterMacId=METER_MAC,
            TimeStamp=f"0x{self._time_tag(now):08x}",
            Demand=demand,
            **self._scale(now),
        )
        return [self._last_demand]

    def _summation(self, command: Fragment, now: float) -> Iterable[str]:
        self.counts.summation_sent += 1
        self._sum_energy(self.meter_now(now))
        unit = 3_600_000_000 if self._has(now, FaultKind.ZERO_SCALE) else 3_600_000
        return [
            _fragment(
                "CurrentSummationDelivered",
                MeterMacId=METER_MAC,
                TimeStamp=f"0x{self._time_tag(now):08x}",
                SummationDelivered=f"0x{self._delivered_wms // unit:016x}",
                SummationReceived=f"0x{self._received_wms // unit:016x}",
                **self._scale(now),
            )
        ]

    # the dongle

    def _device_info(self, command: Fragment, now: float) -> Iterable[str]:
        return [
            _fragment(
                "DeviceInfo",
                InstallCode=INSTALL_CODE,
                LinkKey=LINK_KEY,
                FWVersion="2.0.0 (7400)",
                HWVersion="1.2.7.346",
                ImageType="0x1301",
                Manufacturer="Rainforest Automation, Inc.",
                ModelId="Z106-RA262",
                DateCode="2013103023220630",
            )
        ]

    def _meter_list(self, command: Fragment, now: float) -> Iterable[str]:
        return [_fragment("MeterList", MeterMacId=METER_MAC)]

    def _meter_info(self, command: Fragment, now: float) -> Iterable[str]:
        return [_fragment("MeterInfo", MeterMacId=METER_MAC, MeterType="electric", NickName="", Enabled="Y")]

    def _radio(self, now: float) -> dict[str, str]:
        lost = self._has(now, FaultKind.METER_LOST)
        return {
            "Status": "Rejoining" if lost else "Connected",
            "Description": "Rejoining" if lost else "Successfully Joined",
            "StatusCode": "0x00",
            "ExtPanId": METER_MAC,
            "Channel": "20",
            "ShortAddr": "0xe1aa",
            "LinkStrength": "0x00" if lost else "0x64",
        }

    def _network_info(self, command: Fragment, now: float) -> Iterable[str]:
        return [_fragment("NetworkInfo", CoordMacId=METER_MAC, **self._radio(now))]

    def _connection_status(self, command: Fragment, now: float) -> Iterable[str]:
        return [_fragment("ConnectionStatus", MeterMacId=METER_MAC, **self._radio(now))]

    def _time(self, command: Fragment, now: float) -> Iterable[str]:
        tag = f"0x{self._time_tag(now):08x}"
        return [_fragment("TimeCluster", MeterMacId=METER_MAC, UTCTime=tag, LocalTime=tag)]

    def _price(self, command: Fragment, now: float) -> Iterable[str]:
        # A price of zero without a currency: hubs that insist on an answer are content, none shows a price.
        tag = f"0x{self._time_tag(now):08x}"
        return [
            _fragment(
                "PriceCluster", MeterMacId=METER_MAC, TimeStamp=tag, Price="0x00000000", TrailingDigits="0x02"
            )
        ]

    def _message(self, command: Fragment, now: float) -> Iterable[str]:
        return [
            _fragment(
                "MessageCluster",
                MeterMacId=METER_MAC,
                TimeStamp=f"0x{self._time_tag(now):08x}",
                Id="0x00000000",
                Text="",
                ConfirmationRequired="N",
                Confirmed="N",
                Queue="Active",
            )
        ]

    def _schedule(self, command: Fragment, now: float) -> Iterable[str]:
        wanted = (command.get("Event") or "").lower()
        return [
            _fragment(
                "ScheduleInfo",
                MeterMacId=METER_MAC,
                Event=event,
                Frequency=f"0x{int(schedule.frequency_s) if schedule.enabled else 0xFFFF_FFFF:08x}",
                Enabled="Y" if schedule.enabled else "N",
            )
            for event, schedule in self._schedules.items()
            if wanted in ("", event)
        ]

    def _set_schedule(self, command: Fragment, now: float) -> Iterable[str]:
        schedule = self._schedules.get((command.get("Event") or "").lower())
        try:
            # The manual says hexadecimal; programs in the field send decimal too.
            frequency_s = int(command.get("Frequency") or "0", 0)
        except ValueError:
            return []
        if schedule is not None:
            wanted = (command.get("Enabled") or "Y").upper() == "Y"
            schedule.enabled = self.pushes and wanted and 0 < frequency_s < 0xFFFF_FFFF
            if schedule.enabled:
                schedule.frequency_s, schedule.next_s = float(frequency_s), now + frequency_s
        return []


def _fragment(root: str, **fields: str) -> str:
    lines = [f"<{root}>", f"  <DeviceMacId>{DEVICE_MAC}</DeviceMacId>"]
    lines += [f"  <{name}>{text}</{name}>" for name, text in fields.items()]
    return "\r\n".join([*lines, f"</{root}>", ""])


_ANSWERS: dict[str, Callable[[Emulator, Fragment, float], Iterable[str]]] = {
    "get_connection_status": Emulator._connection_status,
    "get_device_info": Emulator._device_info,
    "get_schedule": Emulator._schedule,
    "set_schedule": Emulator._set_schedule,
    "get_meter_list": Emulator._meter_list,
    "get_meter_info": Emulator._meter_info,
    "get_network_info": Emulator._network_info,
    "get_time": Emulator._time,
    "get_message": Emulator._message,
    "get_current_price": Emulator._price,
    "get_instantaneous_demand": Emulator._demand,
    "get_current_summation_delivered": Emulator._summation,
    "restart": Emulator._connection_status,
}
_SILENT = frozenset(
    {
        "initialize",
        "factory_reset",
        "set_schedule_default",
        "set_meter_info",
        "confirm_message",
        "set_fast_poll",
    }
)
_PUSHED = {
    "time": "get_time",
    "message": "get_message",
    "price": "get_current_price",
    "summation": "get_current_summation_delivered",
    "demand": "get_instantaneous_demand",
}
