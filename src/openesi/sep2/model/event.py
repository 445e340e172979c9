"""Event, RandomizableEvent and EventStatus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openesi.sep2.model._declare import Sep
from openesi.sep2.model.identification import RespondableSubscribableIdentifiedObject
from openesi.sep2.model.primitives import Boolean, String192, UInt8
from openesi.sep2.model.simple import OneHourRangeType, TimeType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class Event(RespondableSubscribableIdentifiedObject):
    """DOC"""

    creationTime: TimeType
    EventStatus: sep.EventStatus
    interval: sep.DateTimeInterval


class EventStatus(Sep):
    """DOC"""

    currentStatus: UInt8
    dateTime: TimeType
    potentiallySuperseded: Boolean
    potentiallySupersededTime: TimeType | None = None
    reason: String192 | None = None


class RandomizableEvent(Event):
    """DOC"""

    randomizeDuration: OneHourRangeType | None = None
    randomizeStart: OneHourRangeType | None = None
