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
    """Something a server asks of, or tells, its clients for an interval of time.

    Once published it never changes except in EventStatus: to change it, cancel it and create another with
    a new mRID. All times are those of the event's server.
    """

    creationTime: TimeType  # of two overlapping events of equal primacy the later created wins
    EventStatus: sep.EventStatus
    interval: sep.DateTimeInterval  # the time asked for, before any randomization


class EventStatus(Sep):
    """How far an event has come, as its server sees it."""

    currentStatus: UInt8  # enums.EventState
    dateTime: TimeType  # when currentStatus was set, never in the future
    # another event overlaps some, not all, of its device categories or controls
    potentiallySuperseded: Boolean
    potentiallySupersededTime: TimeType | None = None  # when that flag was last set
    reason: String192 | None = None  # for people


class RandomizableEvent(Event):
    """An event whose clients draw their own start and duration, so that a fleet does not move in step.

    A bound v asks for a whole number of seconds drawn evenly from 0 to v; a negative v means earlier or
    shorter.
    """

    randomizeDuration: OneHourRangeType | None = None  # seconds; absent is 0
    randomizeStart: OneHourRangeType | None = None  # seconds; absent is 0
