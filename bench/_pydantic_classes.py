"""The documents of bench/codec.py as pydantic-xml has them: types, bounds and order checked as ours are."""

# No "from __future__ import annotations" here: pydantic would have to evaluate these calls again.
from typing import Annotated, Any

from pydantic import Field
from pydantic_xml import BaseXmlModel, attr, element


def number(low: int, high: int) -> Any:
    return Annotated[int, Field(ge=low, le=high)]


def hexadecimal(octets: int) -> Any:
    return Annotated[str, Field(max_length=2 * octets, pattern="^([0-9A-Fa-f]{2})*$")]


UInt8, UInt16, UInt32 = number(0, 2**8 - 1), number(0, 2**16 - 1), number(0, 2**32 - 1)
Int8, Int16, Int48 = number(-(2**7), 2**7 - 1), number(-(2**15), 2**15 - 1), number(-(2**47), 2**47)
Time = number(-(2**63), 2**63 - 1)
Hex8, Hex16, Hex32, Hex128 = hexadecimal(1), hexadecimal(2), hexadecimal(4), hexadecimal(16)
String32, String192 = Annotated[str, Field(max_length=32)], Annotated[str, Field(max_length=192)]


class Base(BaseXmlModel, nsmap={"": "urn:ieee:std:2030.5:ns"}, search_mode="ordered"):
    pass


class DateTimeInterval(Base):
    duration: UInt32 = element()
    start: Time = element()


class EventStatus(Base):
    currentStatus: UInt8 = element()
    dateTime: Time = element()
    potentiallySuperseded: bool = element()
    potentiallySupersededTime: Time | None = element(default=None)
    reason: String192 | None = element(default=None)


class PowerFactorWithExcitation(Base):
    displacement: UInt16 = element()
    excitation: bool = element()
    multiplier: Int8 = element()


class DERControlBase(Base):
    opModConnect: bool | None = element(default=None)
    opModEnergize: bool | None = element(default=None)
    opModFixedPFAbsorbW: PowerFactorWithExcitation | None = element(default=None)
    opModFixedPFInjectW: PowerFactorWithExcitation | None = element(default=None)
    opModFixedW: Int16 | None = element(default=None)
    opModMaxLimW: UInt16 | None = element(default=None)
    rampTms: UInt16 | None = element(default=None)


class DERControl(Base):
    href: str | None = attr(default=None)
    replyTo: str | None = attr(default=None)
    responseRequired: Hex8 | None = attr(default=None)
    subscribable: UInt8 | None = attr(default=None)
    mRID: Hex128 = element()
    description: String32 | None = element(default=None)
    version: UInt16 | None = element(default=None)
    creationTime: Time = element()
    EventStatus_: EventStatus = element(tag="EventStatus")
    interval: DateTimeInterval = element()
    randomizeDuration: Int16 | None = element(default=None)
    randomizeStart: Int16 | None = element(default=None)
    DERControlBase_: DERControlBase = element(tag="DERControlBase")
    deviceCategory: Hex32 | None = element(default=None)


class DERControlList(Base):
    href: str | None = attr(default=None)
    subscribable: UInt8 | None = attr(default=None)
    all: UInt32 = attr()
    results: UInt32 = attr()
    DERControl_: list[DERControl] = element(tag="DERControl", default=[])


class Reading(Base):
    href: str | None = attr(default=None)
    subscribable: UInt8 | None = attr(default=None)
    consumptionBlock: UInt8 | None = element(default=None)
    qualityFlags: Hex16 | None = element(default=None)
    timePeriod: DateTimeInterval | None = element(default=None)
    touTier: UInt8 | None = element(default=None)
    value: Int48 | None = element(default=None)
    localID: Hex16 | None = element(default=None)


class MirrorReadingSet(Base):
    href: str | None = attr(default=None)
    mRID: Hex128 = element()
    description: String32 | None = element(default=None)
    version: UInt16 | None = element(default=None)
    timePeriod: DateTimeInterval = element()
    Reading_: list[Reading] = element(tag="Reading", default=[])


class MirrorMeterReading(Base):
    href: str | None = attr(default=None)
    mRID: Hex128 = element()
    description: String32 | None = element(default=None)
    version: UInt16 | None = element(default=None)
    MirrorReadingSet_: list[MirrorReadingSet] = element(tag="MirrorReadingSet", default=[])
