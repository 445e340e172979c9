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
        """Return what it is doing."""
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
