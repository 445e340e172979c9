"""What the loop of a client needs of a device. Devices do no I/O; the server's time is passed in (s)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from openesi.client.der import Orders
from openesi.sep2 import model as sep
from openesi.sep2.enums import (
    AccumulationBehaviour,
    Commodity,
    DataQualifier,
    DeviceCategory,
    FlowDirection,
    Kind,
    RoleFlag,
    Uom,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One thing a meter measures; ``name`` is the key of its readings, and part of its mRID."""

    name: str
    uom: Uom
    kind: Kind = Kind.NOT_APPLICABLE
    accumulation: AccumulationBehaviour = AccumulationBehaviour.INSTANTANEOUS
    qualifier: DataQualifier = DataQualifier.NOT_APPLICABLE
    flow: FlowDirection = FlowDirection.FORWARD
    power_of_ten: int = 0

    def reading_type(self) -> sep.ReadingType:
        """Return the ReadingType that says so."""
        return sep.ReadingType(
            accumulationBehaviour=self.accumulation,
            commodity=Commodity.ELECTRICITY_SECONDARY,
            dataQualifier=self.qualifier,
            flowDirection=self.flow,
            kind=self.kind,
            powerOfTenMultiplier=self.power_of_ten,
            uom=self.uom,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A meter in a device: what its usage point is, and what it measures."""

    name: str
    role: RoleFlag
    quantities: tuple[Quantity, ...]


class Device(Protocol):
    """Anything that registers with a server."""

    category: DeviceCategory

    def information(self, lfdi: bytes) -> sep.DeviceInformation:
        """Return maker, model and versions."""
        ...

    def advance(self, now: float) -> None:
        """Live until ``now``."""
        ...


@runtime_checkable
class DERDevice(Protocol):
    """A distributed energy resource: it tells what it is and does, and obeys DERControls."""

    modes: frozenset[str]

    def obey(self, orders: Orders) -> None:
        """Do this from now on."""
        ...

    def capability(self) -> sep.DERCapability:
        """Return the nameplate."""
        ...

    def settings(self) -> sep.DERSettings:
        """Return how it is set up; ``updatedTime`` is when that changed."""
        ...

    def status(self, now: int) -> sep.DERStatus:
        """Return what it is doing. ``alarmStatus`` holds the alarms that persist."""
        ...

    def availability(self, now: int) -> sep.DERAvailability | None:
        """Return what it holds in reserve, if it knows."""
        ...


@runtime_checkable
class MeteredDevice(Protocol):
    """A device with meters whose readings it posts."""

    meters: tuple[Meter, ...]

    def readings(self, meter: str) -> Mapping[str, float]:
        """Return what a meter reads now, in the units of its quantities. What it cannot measure is absent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a kWh costs now, in the currency (ISO 4217 number); None if only the tier is known."""

    tier: int
    per_kwh: float | None = None
    currency: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a flow reservation allows: W (positive charges the device), until a time (s since 1970)."""

    power_w: float
    until: int


@runtime_checkable
class LoadDevice(Protocol):
    """A load that obeys EndDeviceControls."""

    def can_obey(self, control: sep.EndDeviceControl) -> bool:
        """Tell whether the control has a kind of reduction that this device knows."""
        ...

    def obey_load(self, control: sep.EndDeviceControl | None) -> None:
        """Do this from now on; None: do as usual."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheddable:
    """What a load could do without from now on: W, and for how long (s); None if that has no end."""

    power_w: float
    share: float  # of what it uses now, 0 to 1
    duration_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a load really did about a control: the extras of its DrResponse, named as there."""

    ApplianceLoadReduction: sep.ApplianceLoadReduction | None = None
    AppliedTargetReduction: sep.AppliedTargetReduction | None = None
    DutyCycle: sep.DutyCycle | None = None
    Offset: sep.Offset | None = None
    SetPoint: sep.SetPoint | None = None


@runtime_checkable
class SheddingDevice(Protocol):
    """A load that knows what it could do without (LoadShedAvailability), and what it did (DrResponse)."""

    def sheddable(self) -> Sheddable:
        """Return what it could do without now."""
        ...

    def applied(self, control: sep.EndDeviceControl) -> Applied:
        """Return what it made of a control, also after its end."""
        ...


@runtime_checkable
class PriceDevice(Protocol):
    """A device that goes by the price."""

    def see_price(self, price: Price | None) -> None:
        """Take the price from now on; None: it is not known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a meter reads: a value in a unit (``enums.Uom``), when (s since 1970), which way it flows."""

    meter: str
    uom: int
    value: float
    is_reverse: bool = False
    at: int | None = None


@runtime_checkable
class UsageDevice(Protocol):
    """A device that shows what is used."""

    def see_usage(self, usage: tuple[Usage, ...]) -> None:
        """Show these from now on: the latest of all meters that it may read."""
        ...


@runtime_checkable
class DisplayDevice(Protocol):
    """A device that shows messages to people."""

    def show(self, messages: tuple[sep.TextMessage, ...]) -> None:
        """Show these from now on, the first most urgent."""
        ...


@runtime_checkable
class FlowDevice(Protocol):
    """A device that asks before it takes much energy: a vehicle at its charger."""

    def wish(self, now: int, lfdi: bytes) -> sep.FlowReservationRequest | None:
        """Return what it needs; the mRID stays while the wish stays. None: nothing."""
        ...

    def grant(self, granted: Grant | None) -> None:
        """Take this from now on; None: nothing is granted."""
        ...


@runtime_checkable
class PoweredDevice(Protocol):
    """A device that reports its PowerStatus: a battery, a vehicle."""

    def power_status(self, now: int) -> sep.PowerStatus:
        """Return where its power comes from, and what a vehicle needs."""
        ...
