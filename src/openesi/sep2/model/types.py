"""Types that all packages share."""

from __future__ import annotations

from openesi.sep2.model._declare import Sep
from openesi.sep2.model.primitives import Int32, Int48, String32, UInt32, UInt48
from openesi.sep2.model.simple import PowerOfTenMultiplierType, TimeType, UomType


class DateTimeInterval(Sep):
    """DOC"""

    duration: UInt32
    start: TimeType


class GPSLocationType(Sep):
    """DOC"""

    lat: String32
    lon: String32


class RealEnergy(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: UInt48


class SignedRealEnergy(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: Int48


class UnitValueType(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    unit: UomType
    value: Int32
