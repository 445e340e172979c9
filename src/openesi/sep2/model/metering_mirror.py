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
    """DOC"""

    MirrorMeterReading: tuple[sep.MirrorMeterReading, ...] = ()


class MeterReadingBase(IdentifiedObject):
    """DOC"""


class MirrorMeterReading(MeterReadingBase):
    """DOC"""

    lastUpdateTime: TimeType | None = None
    MirrorReadingSet: tuple[sep.MirrorReadingSet, ...] = ()
    nextUpdateTime: TimeType | None = None
    Reading: sep.Reading | None = None
    ReadingType: sep.ReadingType | None = None


class MirrorUsagePointList(List):
    """DOC"""

    MirrorUsagePoint: tuple[sep.MirrorUsagePoint, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class ReadingBase(Resource):
    """DOC"""

    consumptionBlock: ConsumptionBlockType | None = None
    qualityFlags: HexBinary16 | None = None
    timePeriod: sep.DateTimeInterval | None = None
    touTier: TOUType | None = None
    value: Int48 | None = None


class ReadingSetBase(IdentifiedObject):
    """DOC"""

    timePeriod: sep.DateTimeInterval


class MirrorReadingSet(ReadingSetBase):
    """DOC"""

    Reading: tuple[sep.Reading, ...] = ()


class UsagePointBase(IdentifiedObject):
    """DOC"""

    roleFlags: RoleFlagsType
    serviceCategoryKind: ServiceKind
    status: UInt8


class MirrorUsagePoint(UsagePointBase):
    """DOC"""

    deviceLFDI: HexBinary160
    MirrorMeterReading: tuple[sep.MirrorMeterReading, ...] = ()
    postRate: UInt32 | None = None
    UsagePointLink: Annotated[sep.UsagePointLink | None, IEEE_2023] = None
