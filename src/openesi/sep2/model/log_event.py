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
    """One thing that happened at a device, in codes."""

    createdDateTime: TimeType
    details: String32 | None = None  # for people; a server may drop it
    extendedData: UInt32 | None = None  # a number that the code gives a meaning to
    functionSet: UInt8  # enums.LogFunctionSet; with profileID and PEN it gives logEventCode its meaning
    logEventCode: UInt8
    logEventID: UInt16  # rolling counter of the device, so that two events in one second differ
    logEventPEN: PENType  # who defines the codes; enums.IEEE_PEN for the standard's own
    profileID: UInt8  # enums.LogProfile


class LogEventList(SubscribableList):
    """The log of a device, newest first; at least ten events are kept."""

    LogEvent: tuple[sep.LogEvent, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
