"""The life of a provisioning, as the DR application sees it: one table, and the function that walks it.

    IMPORTED -> REQUESTED -> ACCEPTED -> WINDOW_OPEN -> JOINED -> KEYED -> REPORTED -> CONFIRMED

Messages overtake each other, so an event may come early: a device that is reported provisioned has joined,
whether or not we were told. And it may come late: what a later state implies is written down and changes
nothing. Out of an end, ``RECOVERY`` leads.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from openesi.errors import LocalError


class State(StrEnum):
    """Where a provisioning stands."""

    IMPORTED = "Imported"
    REQUESTED = "Requested"
    ACCEPTED = "Accepted"
    WINDOW_OPEN = "WindowOpen"
    JOINED = "Joined"
    KEYED = "KeyEstablished"
    REPORTED = "Reported"
    CONFIRMED = "Confirmed"
    UNCONFIRMED = "Unconfirmed"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    REMOVED = "Removed"


class Event(StrEnum):
    """What happens to it, and which step of the use case brings it."""

    REQUEST = "request"  # step 1 is sent
    ACCEPT = "accept"  # the head-end's reply to step 1
    REJECT = "reject"
    OPEN = "open"  # step 4 is done
    JOIN = "join"  # step 6
    KEY = "key"  # step 8
    REPORT = "report"  # step 13
    CONFIRM = "confirm"  # the CIS' reply to step 14
    REFUSE = "refuse"
    EXPIRE = "expire"
    FAIL = "fail"
    CANCEL = "cancel"
    REMOVE = "remove"


_S = State
ROAD: Final = (
    _S.IMPORTED,
    _S.REQUESTED,
    _S.ACCEPTED,
    _S.WINDOW_OPEN,
    _S.JOINED,
    _S.KEYED,
    _S.REPORTED,
    _S.CONFIRMED,
)
# End -> what leads out of it. Every end has a way out; that is the point of this table.
RECOVERY: Final = {
    _S.REJECTED: "correct what the reply names, then request again",
    _S.EXPIRED: "request a new window and start the device while it is open",
    _S.FAILED: "read the reason, correct it (mostly the install code or the device type), request again",
    _S.CANCELLED: "request again when the customer is ready",
    _S.REMOVED: "request again to let the device in anew",
    _S.UNCONFIRMED: "correct premise or agreement in the CIS, then `openesi provision retry MAC`",
}
UNDER_WAY: Final = frozenset(ROAD[1:6])
STARTABLE: Final = frozenset({_S.IMPORTED, *RECOVERY} - {_S.UNCONFIRMED})
DONE: Final = frozenset({_S.REPORTED, _S.CONFIRMED, _S.UNCONFIRMED})

# event -> (the states it is taken in, the state after it)
TRANSITIONS: Final = {
    Event.REQUEST: (STARTABLE, _S.REQUESTED),
    Event.ACCEPT: (frozenset({_S.REQUESTED}), _S.ACCEPTED),
    Event.REJECT: (frozenset({_S.REQUESTED, _S.ACCEPTED}), _S.REJECTED),
    Event.OPEN: (frozenset({_S.REQUESTED, _S.ACCEPTED}), _S.WINDOW_OPEN),
    Event.JOIN: (frozenset(ROAD[1:4]), _S.JOINED),
    Event.KEY: (frozenset(ROAD[1:5]), _S.KEYED),
    # A join that runs when the window closes may succeed after we were told that it expired.
    Event.REPORT: (frozenset({*ROAD[1:6], _S.EXPIRED, _S.FAILED}), _S.REPORTED),
    Event.CONFIRM: (frozenset({_S.REPORTED, _S.UNCONFIRMED}), _S.CONFIRMED),
    Event.REFUSE: (frozenset({_S.REPORTED}), _S.UNCONFIRMED),
    Event.EXPIRE: (UNDER_WAY, _S.EXPIRED),
    Event.FAIL: (UNDER_WAY, _S.FAILED),
    Event.CANCEL: (frozenset(ROAD[1:4]), _S.CANCELLED),
    Event.REMOVE: (frozenset({*ROAD[1:], *RECOVERY}), _S.REMOVED),
}


class NotNow(LocalError):
    """The operator asked for something that the present state does not allow."""


def step(state: State, event: Event) -> State:
    """The state after ``event``; the same state where the event comes too late to matter."""
    sources, target = TRANSITIONS[event]
    return target if state in sources else state


def require(state: State, event: Event) -> State:
    """The state after an operator's ``event``; raises ``NotNow`` where it is not possible."""
    sources, target = TRANSITIONS[event]
    if state not in sources:
        possible = ", ".join(sorted(sources))
        raise NotNow(f"cannot {event} while {state}; possible while {possible}")
    return target
