"""Types that the 2023 edition adds, as far as their fields are known."""

from __future__ import annotations

from typing import ClassVar

from openesi.sep2.model._declare import IEEE_2023, Extension, Sep
from openesi.sep2.model.primitives import HexBinary8, UInt16
from openesi.sep2.model.simple import PowerOfTenMultiplierType, TimeType


class ConnectStatusType2(Sep):
    """Whether a DER is connected and energized."""

    extension: ClassVar[Extension] = IEEE_2023
    dateTime: TimeType
    value: HexBinary8  # bits of enums.ConnectStatus2


class UnsignedActivePower(Sep):
    """Active power in W that is never negative: value x 10^multiplier."""

    extension: ClassVar[Extension] = IEEE_2023
    multiplier: PowerOfTenMultiplierType
    value: UInt16


class UnsignedReactivePower(Sep):
    """Reactive power in var that is never negative: value x 10^multiplier."""

    extension: ClassVar[Extension] = IEEE_2023
    multiplier: PowerOfTenMultiplierType
    value: UInt16
