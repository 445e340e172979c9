"""Time."""

from __future__ import annotations

from typing import Annotated

from openesi.sep2.model._declare import Attribute
from openesi.sep2.model.identification import Resource
from openesi.sep2.model.primitives import UInt8, UInt32
from openesi.sep2.model.simple import TimeOffsetType, TimeType


class Time(Resource):
    """DOC"""

    currentTime: TimeType
    dstEndTime: TimeType
    dstOffset: TimeOffsetType
    dstStartTime: TimeType
    localTime: TimeType | None = None
    quality: UInt8
    tzOffset: TimeOffsetType
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
