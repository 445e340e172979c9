"""Time."""

from __future__ import annotations

from typing import Annotated

from openesi.sep2.model._declare import Attribute
from openesi.sep2.model.identification import Resource
from openesi.sep2.model.primitives import UInt8, UInt32
from openesi.sep2.model.simple import TimeOffsetType, TimeType


class Time(Resource):
    """What time it is at the server, and its time zone; events of the server follow this clock."""

    currentTime: TimeType
    dstEndTime: TimeType  # UTC; equal to dstStartTime where there is no daylight saving
    dstOffset: TimeOffsetType  # seconds added to local time while daylight saving is in force
    dstStartTime: TimeType  # UTC; later than dstEndTime where summer spans the new year
    localTime: TimeType | None = None  # currentTime + tzOffset, + dstOffset in summer
    quality: UInt8  # enums.TimeQuality, lower is better
    tzOffset: TimeOffsetType  # seconds east of UTC without daylight saving: -18000 is New York
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
