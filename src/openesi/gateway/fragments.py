"""What the fragments of a RAVEn say: typed messages, and the rules for their numbers.

Facts: RAVEn XML API manual 1.27 and captures of real meters. A number that could have been damaged on the
line is refused rather than guessed, because a wrong reading is worse than a missing one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from openesi.errors import PeerError
from openesi.gateway.raven import Fragment

SEP_EPOCH_S = 946_684_800  # 2000-01-01T00:00:00Z, where ZigBee SEP 1.x begins to count
MAX_TIME_S = 0xFFFF_FFFF  # the cache keeps an unsigned 32-bit Unix second
MAX_SUMMATION = (1 << 48) - 1  # attribute 0x0000 is uint48

_HEX = re.compile(r"0[xX]([0-9A-Fa-f]{1,16})\Z")


class FragmentError(PeerError):
    """The fragment cannot be what the dongle meant to say."""


@dataclass(frozen=True, slots=True)
class Scale:
    """value in kW or kWh = raw x multiplier / divisor; a zero on the wire counts as one (manual 1.27)."""

    multiplier: int
    divisor: int

    def to_base_unit(self, raw: int) -> Fraction:
        """``raw`` in W (demand) or Wh (summation), exactly."""
        return Fraction(raw * self.multiplier * 1000, self.divisor)


@dataclass(frozen=True, slots=True)
class InstantaneousDemand:
    """Power as the meter saw it. ``time_s`` is the meter's own Unix second, None when the meter gave none."""

    meter_mac_id: str
    time_s: int | None
    demand: int
    scale: Scale


@dataclass(frozen=True, slots=True)
class CurrentSummation:
    """The meter's two energy registers; one that the meter marks invalid is None."""

    meter_mac_id: str
    time_s: int | None
    delivered: int | None
    received: int | None
    scale: Scale


@dataclass(frozen=True, slots=True)
class TimeCluster:
    """The meter's clock as the dongle keeps it, Unix seconds UTC."""

    meter_mac_id: str
    utc_s: int | None


@dataclass(frozen=True, slots=True)
class ScheduleInfo:
    """What the dongle asks the meter by itself, and how often.

    ``frequency_s`` is None when it is switched off.
    """

    meter_mac_id: str
    event: str
    frequency_s: int | None
    enabled: bool


@dataclass(frozen=True, slots=True)
class MeterList:
    """The meters the dongle is joined to."""

    meter_mac_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """Who the dongle is. The install code lets anyone with the utility's form register it:

    ``repr`` leaves it out.
    """

    device_mac_id: str
    install_code: str
    manufacturer: str
    model_id: str
    fw_version: str
    hw_version: str
    date_code: str

    def __repr__(self) -> str:
        return f"DeviceInfo(device_mac_id={self.device_mac_id!r}, model_id={self.model_id!r})"


class JoinStatus(Enum):
    """Where the dongle stands with the meter.

    The wire's word, and what it means to the person in front of it.
    """

    INITIALIZING = ("Initializing", "the dongle is starting")
    NETWORK_DISCOVERY = ("Network Discovery", "looking for a meter in radio range")
    JOINING = ("Joining", "asking the meter to let it in")
    JOIN_FAIL = (
        "Join: Fail",
        "the meter did not let it in: ask the utility to register MAC and install code",
    )
    JOIN_SUCCESS = ("Join: Success", "the meter let it in; keys come next")
    AUTHENTICATING = ("Authenticating", "exchanging keys with the meter")
    AUTHENTICATED = ("Authenticating: Success", "keys agreed; data come next")
    AUTHENTICATION_FAIL = ("Authenticating: Fail", "no keys agreed: ask the utility to register it again")
    CONNECTED = ("Connected", "joined to the meter")
    DISCONNECTED = ("Disconnected", "lost the meter: move the dongle closer, or wait for the meter's power")
    REJOINING = ("Rejoining", "lost the meter and is looking for it again")
    UNKNOWN = ("", "not known yet")

    def __init__(self, wire: str, words: str) -> None:
        self.wire = wire
        self.words = words


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """The radio link; from ConnectionStatus and NetworkInfo.

    ``link_strength_percent`` is None when not told.
    """

    meter_mac_id: str
    status: JoinStatus
    channel: int | None
    link_strength_percent: int | None


@dataclass(frozen=True, slots=True)
class Foreign:
    """Data of a cluster this gateway does not read (price, messages): a sign that a schedule is still on."""

    root: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The dongle's Warning or Error."""

    text: str


Message = (
    InstantaneousDemand
    | CurrentSummation
    | TimeCluster
    | ScheduleInfo
    | MeterList
    | DeviceInfo
    | NetworkStatus
    | Foreign
    | Refusal
)


def from_fragment(fragment: Fragment) -> Message | None:
    """What ``fragment`` says, or None for one this gateway has no use for.

    Raises:
        FragmentError: a number is missing, damaged or impossible.
    """
    convert = _CONVERTERS.get(fragment.root)
    return None if convert is None else convert(fragment)


def decode_unsigned(text: str, *, most: int = (1 << 64) - 1) -> int:
    """An unsigned hexadecimal number as the wire writes it.

    Raises FragmentError if it is none or above ``most``.
    """
    match = _HEX.match(text)
    if match is None:
        raise FragmentError(f"not a hexadecimal number: {text[:32]!r}")
    value = int(match.group(1), 16)
    if value > most:
        raise FragmentError(f"number out of range: {text[:32]!r}")
    return value


def decode_signed(text: str) -> int:
    """A signed number, sized by its digits: 6 are 24 bits, 8 are 32, 16 are 64.

    Meters send positive demand with 6 digits and negative demand with 8. The most negative value of each size
    is ZigBee's "no value". Raises FragmentError for that and for half a byte, which is what lost characters
    leave.
    """
    value = decode_unsigned(text)
    digits = len(text) - 2
    if digits not in (6, 8, 16):
        raise FragmentError(f"{digits} digits are no size of a signed number: {text[:32]!r}")
    sign = 1 << (4 * digits - 1)
    signed = value - (sign << 1) if value & sign else value
    if signed in (-sign, -(1 << 23)):
        raise FragmentError(f"the meter marks the value as invalid: {text[:32]!r}")
    return signed


def decode_time(text: str) -> int | None:
    """Seconds since 2000 on the wire as Unix seconds; None for 0 and all ones, the meter's "unknown"."""
    since_2000 = decode_unsigned(text, most=0xFFFF_FFFF)
    if since_2000 in (0, 0xFFFF_FFFF) or since_2000 + SEP_EPOCH_S > MAX_TIME_S:
        return None
    return since_2000 + SEP_EPOCH_S


def _numbers_of(fragment: Fragment) -> Callable[[str], str]:
    if not fragment.strict:
        raise FragmentError(f"{fragment.root} has a damaged tag: its numbers cannot be trusted")

    def take(name: str) -> str:
        texts = fragment.get_all(name)
        if len(texts) != 1:
            raise FragmentError(f"{fragment.root} has {len(texts)} {name}, one is needed")
        return texts[0]

    return take


def _scale(take: Callable[[str], str]) -> Scale:
    multiplier = decode_unsigned(take("Multiplier"), most=0xFFFF_FFFF)
    divisor = decode_unsigned(take("Divisor"), most=0xFFFF_FFFF)
    return Scale(multiplier or 1, divisor or 1)


def _mac(fragment: Fragment, name: str = "MeterMacId") -> str:
    return (fragment.get(name) or "")[:18].lower()


def _demand(fragment: Fragment) -> InstantaneousDemand:
    take = _numbers_of(fragment)
    return InstantaneousDemand(
        _mac(fragment), decode_time(take("TimeStamp")), decode_signed(take("Demand")), _scale(take)
    )


def _register(text: str) -> int | None:
    value = decode_unsigned(text)
    all_ones = (1 << 4 * (len(text) - 2)) - 1
    if value in (all_ones, MAX_SUMMATION):
        return None
    if value > MAX_SUMMATION:
        raise FragmentError(f"a 48-bit register cannot hold {text!r}")
    return value


def _summation(fragment: Fragment) -> CurrentSummation:
    take = _numbers_of(fragment)
    return CurrentSummation(
        _mac(fragment),
        decode_time(take("TimeStamp")),
        _register(take("SummationDelivered")),
        _register(take("SummationReceived")) if fragment.get("SummationReceived") is not None else None,
        _scale(take),
    )


def _time(fragment: Fragment) -> TimeCluster:
    return TimeCluster(_mac(fragment), decode_time(_numbers_of(fragment)("UTCTime")))


def _schedule(fragment: Fragment) -> ScheduleInfo:
    take = _numbers_of(fragment)
    frequency = decode_unsigned(take("Frequency"), most=0xFFFF_FFFF)
    enabled = take("Enabled").strip().upper() == "Y"
    return ScheduleInfo(
        _mac(fragment),
        take("Event").strip().lower()[:32],
        None if frequency == 0xFFFF_FFFF else frequency,
        enabled and frequency != 0xFFFF_FFFF,
    )


def _meter_list(fragment: Fragment) -> MeterList:
    return MeterList(tuple(mac.lower()[:18] for mac in fragment.get_all("MeterMacId") if mac))


def _device_info(fragment: Fragment) -> DeviceInfo:
    def text(name: str) -> str:
        return (fragment.get(name) or "")[:64]

    return DeviceInfo(
        _mac(fragment, "DeviceMacId"),
        text("InstallCode"),
        text("Manufacturer"),
        text("ModelId"),
        text("FWVersion"),
        text("HWVersion"),
        text("DateCode"),
    )


def _network(fragment: Fragment) -> NetworkStatus:
    said = (fragment.get("Status") or "").strip().lower()
    status = next((known for known in JoinStatus if known.wire.lower() == said), JoinStatus.UNKNOWN)
    channel = fragment.get("Channel") or ""
    strength = fragment.get("LinkStrength") or ""
    return NetworkStatus(
        _mac(fragment) or _mac(fragment, "CoordMacId"),
        status,
        int(channel) if re.fullmatch("[0-9]{1,2}", channel) else None,
        min(int(strength, 16), 100) if _HEX.match(strength) else None,
    )


def _foreign(fragment: Fragment) -> Foreign:
    return Foreign(fragment.root)


def _refusal(fragment: Fragment) -> Refusal:
    return Refusal((fragment.get("Text") or "")[:200])


_CONVERTERS: dict[str, Callable[[Fragment], Message]] = {
    "InstantaneousDemand": _demand,
    "CurrentSummationDelivered": _summation,
    "TimeCluster": _time,
    "ScheduleInfo": _schedule,
    "MeterList": _meter_list,
    "DeviceInfo": _device_info,
    "ConnectionStatus": _network,
    "NetworkInfo": _network,
    "PriceCluster": _foreign,
    "MessageCluster": _foreign,
    "Warning": _refusal,
    "Error": _refusal,
}
