"""LogEvent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute
from openesi.sep2.model.identification import Resource, SubscribableList
from openesi.sep2.model.primitives import String32, UInt8, UInt16, UInt32
from openesi.sep2.model.simple import PENType, TimeType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class LogEvent(Resource):
    """DOC"""

    createdDateTime: TimeType
    details: String32 | None = None
    extendedData: UInt32 | None = None
    functionSet: UInt8
    logEventCode: UInt8
    logEventID: UInt16
    logEventPEN: PENType
    profileID: UInt8


class LogEventList(SubscribableList):
    """DOC"""

    LogEvent: tuple[sep.LogEvent, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
