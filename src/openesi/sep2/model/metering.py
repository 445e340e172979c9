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
    """One measured quantity of a usage point: its type, its present value, its history."""

    RateComponentListLink: sep.RateComponentListLink | None = None
    ReadingLink: sep.ReadingLink | None = None  # the present value; absent for interval data
    ReadingSetListLink: sep.ReadingSetListLink | None = None  # the history; absent for instantaneous values
    ReadingTypeLink: sep.ReadingTypeLink


class MeterReadingList(SubscribableList):
    """The measured quantities of a usage point."""

    MeterReading: tuple[sep.MeterReading, ...] = ()


class Reading(ReadingBase):
    """One measured value."""

    localID: HexBinary16 | None = None  # order within its set; absent for tier and block totals
    # enums.Subscribable; absent is not subscribable
    subscribable: Annotated[SubscribableType | None, Attribute("0")] = None


class ReadingList(SubscribableList):
    """The readings of a set, by localID."""

    Reading: tuple[sep.Reading, ...] = ()


class ReadingSet(ReadingSetBase):
    """Readings of one span of time."""

    ReadingListLink: sep.ReadingListLink | None = None


class ReadingSetList(SubscribableList):
    """Reading sets, newest first."""

    ReadingSet: tuple[sep.ReadingSet, ...] = ()


class ReadingType(Resource):
    """What readings measure: quantity, unit, direction, scale.

    The amount is value x 10^powerOfTenMultiplier in uom.
    """

    accumulationBehaviour: AccumulationBehaviourType | None = None
    calorificValue: sep.UnitValueType | None = None  # turns measured volume or mass of gas into energy
    commodity: CommodityType | None = None
    conversionFactor: sep.UnitValueType | None = None  # corrects gas for temperature and pressure
    dataQualifier: DataQualifierType | None = None
    flowDirection: FlowDirectionType | None = None  # the meter's view: forward is delivered to the customer
    intervalLength: UInt32 | None = None  # seconds
    kind: KindType | None = None
    maxNumberOfIntervals: UInt8 | None = None  # most readings of a set; a mirror may drop those beyond
    numberOfConsumptionBlocks: UInt8 | None = None  # 0 without blocks
    numberOfTouTiers: UInt8 | None = None  # the largest that will ever be used; 0 without tiers
    phase: PhaseCode | None = None
    powerOfTenMultiplier: PowerOfTenMultiplierType | None = None
    subIntervalLength: UInt32 | None = None  # seconds of a part of a demand interval that rolls
    supplyLimit: UInt48 | None = None  # limit set in the meter, scaled as readings are
    tieredConsumptionBlocks: Boolean | None = None  # each tier counts blocks of its own
    uom: UomType | None = None


class UsagePoint(UsagePointBase):
    """A point where a commodity is metered or estimated."""

    deviceLFDI: HexBinary160 | None = None  # who posted it, where it is a mirror
    MeterReadingListLink: sep.MeterReadingListLink | None = None


class UsagePointList(SubscribableList):
    """The usage points that the reader may see."""

    UsagePoint: tuple[sep.UsagePoint, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
