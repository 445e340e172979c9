"""Types that all packages share."""

from __future__ import annotations

from openesi.sep2.model._declare import Sep
from openesi.sep2.model.primitives import Int32, Int48, String32, UInt32, UInt48
from openesi.sep2.model.simple import PowerOfTenMultiplierType, TimeType, UomType


class DateTimeInterval(Sep):
    """A half-open span of time: its first second is in it, start + duration is not."""

    duration: UInt32  # seconds
    start: TimeType


class GPSLocationType(Sep):
    """A place on the earth in WGS 84, decimal degrees written as text."""

    lat: String32  # -90 to 90, north positive
    lon: String32  # -180 to 180, east positive


class RealEnergy(Sep):
    """Energy in watt hours, never negative: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    value: UInt48


class SignedRealEnergy(Sep):
    """Energy in watt hours with a sign, whose meaning the field tells: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    value: Int48


class UnitValueType(Sep):
    """A number with its unit: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    unit: UomType
    value: Int32
