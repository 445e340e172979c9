"""What lies in time and is no Event: from when until when it counts.

Active lists show such a thing from the first second of its span to the last (spans are half open), whoever
asks and whenever. What has no end counts from its start on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState
from openesi.sep2.model._declare import Sep

Span = tuple[int, int | None]


def span_of(document: Sep) -> Span | None:
    """Return first second and end (s since 1970; None: no end) of what lies in time, None for all else."""
    span = SPANS.get(type(document).__name__)
    return None if span is None else span(document)


def state_at(span: Span, now: int) -> tuple[EventState, int | None]:
    """Return how a span stands at ``now``, and when that changes by itself (None: never again)."""
    start, end = span
    if now < start:
        return EventState.SCHEDULED, start
    if end is None or now < end:
        return EventState.ACTIVE, end
    return EventState.COMPLETED, None


def _interval(name: str) -> Callable[[Any], Span]:
    def span(document: Any) -> Span:
        interval: sep.DateTimeInterval = getattr(document, name)
        return interval.start, interval.start + interval.duration

    return span


def _credit(register: sep.CreditRegister) -> Span:
    return register.effectiveTime, None


def _operation(status: sep.PrepayOperationStatus) -> Span | None:
    """Return when the next change that is planned for a prepaid service comes."""
    planned = [one.startTime for one in (status.serviceChange, status.creditTypeChange) if one is not None]
    return (min(planned), None) if planned else None


SPANS: dict[str, Callable[[Any], Span | None]] = {
    "BillingPeriod": _interval("interval"),
    "BillingReadingSet": _interval("timePeriod"),
    "CreditRegister": _credit,
    "PrepayOperationStatus": _operation,
    "SupplyInterruptionOverride": _interval("interval"),
}
