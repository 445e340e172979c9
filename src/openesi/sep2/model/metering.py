"""Metering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute
from openesi.sep2.model.identification import Resource, SubscribableList
from openesi.sep2.model.metering_mirror import MeterReadingBase, ReadingBase, ReadingSetBase, UsagePointBase
from openesi.sep2.model.primitives import (
    Boolean,
    HexBinary16,
    HexBinary160,
    SubscribableType,
    UInt8,
    UInt32,
    UInt48,
)
from openesi.sep2.model.simple import (
    AccumulationBehaviourType,
    CommodityType,
    DataQualifierType,
    FlowDirectionType,
    KindType,
    PhaseCode,
    PowerOfTenMultiplierType,
    UomType,
)

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class MeterReading(MeterReadingBase):
    """DOC"""

    RateComponentListLink: sep.RateComponentListLink | None = None
    ReadingLink: sep.ReadingLink | None = None
    ReadingSetListLink: sep.ReadingSetListLink | None = None
    ReadingTypeLink: sep.ReadingTypeLink


class MeterReadingList(SubscribableList):
    """DOC"""

    MeterReading: tuple[sep.MeterReading, ...] = ()


class Reading(ReadingBase):
    """DOC"""

    localID: HexBinary16 | None = None
    subscribable: Annotated[SubscribableType | None, Attribute("0")] = None


class ReadingList(SubscribableList):
    """DOC"""

    Reading: tuple[sep.Reading, ...] = ()


class ReadingSet(ReadingSetBase):
    """DOC"""

    ReadingListLink: sep.ReadingListLink | None = None


class ReadingSetList(SubscribableList):
    """DOC"""

    ReadingSet: tuple[sep.ReadingSet, ...] = ()


class ReadingType(Resource):
    """DOC"""

    accumulationBehaviour: AccumulationBehaviourType | None = None
    calorificValue: sep.UnitValueType | None = None
    commodity: CommodityType | None = None
    conversionFactor: sep.UnitValueType | None = None
    dataQualifier: DataQualifierType | None = None
    flowDirection: FlowDirectionType | None = None
    intervalLength: UInt32 | None = None
    kind: KindType | None = None
    maxNumberOfIntervals: UInt8 | None = None
    numberOfConsumptionBlocks: UInt8 | None = None
    numberOfTouTiers: UInt8 | None = None
    phase: PhaseCode | None = None
    powerOfTenMultiplier: PowerOfTenMultiplierType | None = None
    subIntervalLength: UInt32 | None = None
    supplyLimit: UInt48 | None = None
    tieredConsumptionBlocks: Boolean | None = None
    uom: UomType | None = None


class UsagePoint(UsagePointBase):
    """DOC"""

    deviceLFDI: HexBinary160 | None = None
    MeterReadingListLink: sep.MeterReadingListLink | None = None


class UsagePointList(SubscribableList):
    """DOC"""

    UsagePoint: tuple[sep.UsagePoint, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
