"""Metering mirror, and the bases it shares with metering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import IEEE_2023, Attribute
from openesi.sep2.model.identification import IdentifiedObject, List, Resource
from openesi.sep2.model.primitives import HexBinary16, HexBinary160, Int48, UInt8, UInt32
from openesi.sep2.model.simple import ConsumptionBlockType, RoleFlagsType, ServiceKind, TimeType, TOUType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class MirrorMeterReadingList(List):
    """Several quantities, posted to a mirror together."""

    MirrorMeterReading: tuple[sep.MirrorMeterReading, ...] = ()


class MeterReadingBase(IdentifiedObject):
    """What meter readings, mirrored and billing ones share."""


class MirrorMeterReading(MeterReadingBase):
    """Values of one quantity, as a device posts them to its mirror."""

    lastUpdateTime: TimeType | None = None  # when the data was gathered
    # history; a set of known mRID is replaced, a new one added
    MirrorReadingSet: tuple[sep.MirrorReadingSet, ...] = ()
    nextUpdateTime: TimeType | None = None  # when more is to be expected
    Reading: sep.Reading | None = None  # the present value; it replaces the last
    ReadingType: sep.ReadingType | None = None  # needed once, when the quantity is new


class MirrorUsagePointList(List):
    """Where devices create mirrors."""

    MirrorUsagePoint: tuple[sep.MirrorUsagePoint, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class ReadingBase(Resource):
    """What readings, measured or billed, share."""

    consumptionBlock: ConsumptionBlockType | None = None  # required where the type has blocks
    qualityFlags: HexBinary16 | None = None  # bits of enums.QualityFlag
    # absent in a set: intervals follow one another from the set's start
    timePeriod: sep.DateTimeInterval | None = None
    touTier: TOUType | None = None  # required where the type has tiers
    value: Int48 | None = None  # scaled by the ReadingType, not here


class ReadingSetBase(IdentifiedObject):
    """What reading sets share."""

    timePeriod: sep.DateTimeInterval


class MirrorReadingSet(ReadingSetBase):
    """Readings of one span of time, as a device posts them."""

    Reading: tuple[sep.Reading, ...] = ()


class UsagePointBase(IdentifiedObject):
    """What usage points and their mirrors share."""

    roleFlags: RoleFlagsType  # bits of enums.RoleFlag
    serviceCategoryKind: ServiceKind
    status: UInt8  # 0 off, 1 on


class MirrorUsagePoint(UsagePointBase):
    """A usage point that a device reports for others to read at the server."""

    deviceLFDI: HexBinary160  # who posts
    MirrorMeterReading: tuple[sep.MirrorMeterReading, ...] = ()
    postRate: UInt32 | None = None  # seconds between posts; the device proposes, the server decides
    UsagePointLink: Annotated[sep.UsagePointLink | None, IEEE_2023] = None
