"""Types that the 2023 edition adds, as far as their fields are known."""

from __future__ import annotations

from typing import ClassVar

from openesi.sep2.model._declare import IEEE_2023, Extension, Sep
from openesi.sep2.model.primitives import HexBinary8, UInt16
from openesi.sep2.model.simple import PowerOfTenMultiplierType, TimeType


class ConnectStatusType2(Sep):
    """DOC"""

    extension: ClassVar[Extension] = IEEE_2023
    dateTime: TimeType
    value: HexBinary8


class UnsignedActivePower(Sep):
    """DOC"""

    extension: ClassVar[Extension] = IEEE_2023
    multiplier: PowerOfTenMultiplierType
    value: UInt16


class UnsignedReactivePower(Sep):
    """DOC"""

    extension: ClassVar[Extension] = IEEE_2023
    multiplier: PowerOfTenMultiplierType
    value: UInt16
