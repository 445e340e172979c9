"""Points worked out of what a device has posted: documents in, values out.

SunSpec and the standard disagree in three places. Control mode: SunSpec has REMOTE=0 and LOCAL=1, the
standard the reverse. State: SunSpec's model 802 describes a battery bank, the standard an inverter.
Charge: SunSpec sets W, the standard hundredths of a percent (see ``setpoint``). ``Semantics.DOCUMENTED``
gives SunSpec's values, as VOLTTRON's documentation lists them; ``Semantics.RAW`` passes the standard's
numbers on, as VOLTTRON's agent did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any

from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import ConnectStatus, FlowDirection, InverterStatus, Uom, bits
from openesi.sunspec import setpoint
from openesi.sunspec.table import CHARGE_LIMIT, CONTROL, Kind, Point, PointType, Table

Value = float | int | str | bool | None


class Semantics(Enum):
    """Whose numbers points have where the two differ."""

    DOCUMENTED = "documented"
    RAW = "volttron-raw"


class BatteryState(int, Enum):
    """SunSpec 802, State."""

    DISCONNECTED = 1
    INITIALIZING = 2
    CONNECTED = 3
    STANDBY = 4
    FAULT = 99


REMOTE, LOCAL = 0, 1  # SunSpec 802, LocRemCtl


@dataclass(frozen=True, slots=True)
class Metered:
    """One quantity that a device mirrors: how it calls it, its newest value, and what it is."""

    description: str | None
    value: int | None
    type: sep.ReadingType | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What is known of one device.

    ``documents`` are by the name of their resource; ``control`` is the DERControl in force for this device
    alone, which its points set.
    """

    lfdi: bytes
    sfdi: int
    documents: Mapping[str, sep.Sep] = field(default_factory=dict)
    metered: tuple[Metered, ...] = ()
    control: sep.DERControl | None = None


def read_points(table: Table, posted: Posted, semantics: Semantics) -> dict[str, Value]:
    """Return the value of every point of a table; None where the device has not told."""
    return {name: read_point(point, posted, semantics) for name, point in table.items()}


def read_point(point: Point, posted: Posted, semantics: Semantics) -> Value:
    """Return the value of one point; None where the device has not told."""
    found = _read(point, posted, semantics)
    return None if found is None else _CONVERT[point.type](found)


def _read(point: Point, posted: Posted, semantics: Semantics) -> Value:
    if point.kind is Kind.METERED:
        return _metered(point.path[0], posted.metered, semantics)
    if point.kind is Kind.SFDI:
        return f"{posted.sfdi:012d}"
    if point.kind is Kind.ENERGY:
        return _energy_wh(posted)
    if semantics is Semantics.DOCUMENTED:
        special = _SPECIAL.get((point.resource, point.path))
        if special is not None and not point.field.endswith(".value"):  # who says so wants the number
            return special(posted)
    if point.resource == CONTROL and point.path == CHARGE_LIMIT:
        documented = semantics is Semantics.DOCUMENTED
        return setpoint.read_back(posted.control, charge_limit_w(posted) if documented else None)
    document = posted.control if point.resource == CONTROL else posted.documents.get(point.resource)
    return _at_end(_follow(document, point.path), point.kind)


def _follow(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = getattr(document, name, None)
    return document


def _at_end(found: Any, kind: Kind) -> Value:
    if found is None:
        return None
    if kind is Kind.SCALED:
        return scaled(found.value, found.multiplier)
    if kind is Kind.PERCENT:
        return float(found) / 100
    if kind is Kind.BITS:
        return int.from_bytes(found)
    if kind is Kind.HEX:
        return bytes(found).hex().upper()
    value: Value = found
    return value


def scaled(value: int, multiplier: int | None) -> float:
    """Return a number times ten to the power of its multiplier (none is 0), without binary noise."""
    return float(Decimal(value).scaleb(multiplier or 0))


def charge_limit_w(posted: Posted) -> float | None:
    """Return what 100 % of charging is, in W: as the device is set, else as it is rated; None: not known."""
    settings = _follow(posted.documents.get("DERSettings"), ("setMaxChargeRateW",))
    rating = _follow(posted.documents.get("DERCapability"), ("rtgMaxChargeRateW",))
    known = settings or rating
    return None if known is None else scaled(known.value, known.multiplier)


# --- metered values -----------------------------------------------------------------------------------------

# Devices of today do not name readings as VOLTTRON's did: their first reading of the quantity is taken then.
_QUANTITIES: dict[str, tuple[Uom, FlowDirection | None]] = {
    "PhaseCurrentAvg": (Uom.AMPERES, None),
    "LineVoltageAvg": (Uom.VOLTS, None),
    "PhasePowerAvg": (Uom.WATTS, None),
    "PhasePFA": (Uom.COS_THETA, None),
    "EnergyIMP": (Uom.WATT_HOURS, FlowDirection.FORWARD),
    "EnergyEXP": (Uom.WATT_HOURS, FlowDirection.REVERSE),
    "InstantPackTemp": (Uom.DEGREES_CELSIUS, None),
}


def _metered(description: str, metered: tuple[Metered, ...], semantics: Semantics) -> float | None:
    named = [one for one in metered if one.description == description and one.value is not None]
    if not named and semantics is Semantics.DOCUMENTED and description in _QUANTITIES:
        uom, flow = _QUANTITIES[description]
        named = [one for one in metered if one.value is not None and _is(one.type, uom, flow)]
    if not named:
        return None
    value, kind = named[0].value, named[0].type
    assert value is not None
    return scaled(value, kind.powerOfTenMultiplier if kind is not None else None)


def _is(kind: sep.ReadingType | None, uom: Uom, flow: FlowDirection | None) -> bool:
    return kind is not None and kind.uom == uom and flow in (None, kind.flowDirection)


# --- where SunSpec and the standard differ ------------------------------------------------------------------


def _energy_wh(posted: Posted) -> float | None:
    duration_s = _follow(posted.documents.get("DERAvailability"), ("availabilityDuration",))
    power = _follow(posted.documents.get("DERSettings"), ("setMaxChargeRateW",))
    if duration_s is None or power is None:
        return None
    return float(duration_s) / 3600 * scaled(power.value, power.multiplier)


def _local_or_remote(posted: Posted) -> int | None:
    value = _follow(posted.documents.get("DERStatus"), ("localControlModeStatus", "value"))
    return {0: LOCAL, 1: REMOTE}.get(value)


def _battery_state(posted: Posted) -> int | None:
    status = posted.documents.get("DERStatus")
    value = _follow(status, ("inverterStatus", "value"))
    found = _STATES.get(value)
    connected = _follow(status, ("storConnectStatus", "value"))
    if (
        found is BatteryState.STANDBY
        and connected is not None
        and not bits(connected) & ConnectStatus.CONNECTED
    ):
        return BatteryState.DISCONNECTED.value
    return None if found is None else found.value


_STATES = {
    InverterStatus.OFF: BatteryState.STANDBY,
    InverterStatus.SLEEPING: BatteryState.STANDBY,
    InverterStatus.STARTING: BatteryState.INITIALIZING,
    InverterStatus.TRACKING_MPPT: BatteryState.CONNECTED,
    InverterStatus.FORCED_REDUCTION: BatteryState.CONNECTED,
    InverterStatus.SHUTTING_DOWN: BatteryState.DISCONNECTED,
    InverterStatus.FAULT: BatteryState.FAULT,
    InverterStatus.STANDBY: BatteryState.STANDBY,
    InverterStatus.TEST: BatteryState.CONNECTED,
}

_SPECIAL = {
    # What a device says of itself is not who it is: its certificate says that.
    ("DeviceInformation", ("lFDI",)): lambda posted: identity.format_lfdi(posted.lfdi),
    ("DERStatus", ("localControlModeStatus", "value")): _local_or_remote,
    ("DERStatus", ("inverterStatus", "value")): _battery_state,
}

_CONVERT: dict[PointType, Any] = {
    PointType.STRING: str,
    PointType.INT: int,
    PointType.FLOAT: float,
    PointType.BOOL: bool,
}
