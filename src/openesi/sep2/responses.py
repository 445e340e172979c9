"""Answers to events: which body an event takes, and which statuses make sense of it (2018, Table 27).

The columns of that table as data, one line for each status. Flow reservations have no column of their own:
they are controls that a user may refuse, so they take what controls take. In 2023 a few numbers mean
something else.
"""

from __future__ import annotations

from functools import cache

from openesi.sep2 import model as sep
from openesi.sep2.editions import Edition
from openesi.sep2.enums import ResponseRequired, ResponseStatus, ResponseStatus2023
from openesi.sep2.events import KINDS

_Kinds = frozenset[type[sep.Event]]
_CONTROLS: _Kinds = frozenset({sep.DERControl, sep.EndDeviceControl, sep.FlowReservationResponse})
_PRICES: _Kinds = frozenset({sep.TimeTariffInterval})
_TEXTS: _Kinds = frozenset({sep.TextMessage})
_ALL = _CONTROLS | _PRICES | _TEXTS

BODY: dict[type[sep.Event], type[sep.Response]] = {
    sep.DERControl: sep.DERControlResponse,
    sep.EndDeviceControl: sep.DrResponse,
    sep.TimeTariffInterval: sep.PriceResponse,
    sep.TextMessage: sep.TextResponse,
    sep.FlowReservationResponse: sep.FlowReservationResponseResponse,
}

_RECEIVED, _SPECIFIC, _USER = ResponseRequired.RECEIVED, ResponseRequired.SPECIFIC, ResponseRequired.USER
_EITHER = _SPECIFIC | _USER

# Which events a status is about, and which bits of responseRequired ask for it (one of them is enough).
STATUSES: dict[ResponseStatus, tuple[_Kinds, ResponseRequired]] = {
    ResponseStatus.RECEIVED: (_ALL, _RECEIVED),
    ResponseStatus.STARTED: (_ALL, _SPECIFIC),
    ResponseStatus.COMPLETED: (_ALL, _SPECIFIC),
    ResponseStatus.OPTED_OUT: (_CONTROLS, _EITHER),
    ResponseStatus.OPTED_IN: (_CONTROLS, _EITHER),
    ResponseStatus.CANCELLED: (_ALL, _SPECIFIC),
    ResponseStatus.SUPERSEDED: (_ALL, _SPECIFIC),
    ResponseStatus.PARTIAL_OPT_OUT: (_CONTROLS, _EITHER),
    ResponseStatus.PARTIAL_OPT_IN: (_CONTROLS, _EITHER),
    ResponseStatus.COMPLETED_WITHOUT_PARTICIPATION: (_CONTROLS, _SPECIFIC),
    ResponseStatus.ACKNOWLEDGED: (_ALL, _USER),
    ResponseStatus.CANNOT_DISPLAY: (_TEXTS, _SPECIFIC),
    ResponseStatus.ABORTED_FOR_OTHER_SERVER: (_ALL, _SPECIFIC),
    ResponseStatus.ABORTED_FOR_OTHER_PROGRAM: (_ALL, _SPECIFIC),
    ResponseStatus.REJECTED_NOT_APPLICABLE: (_CONTROLS, _SPECIFIC),
    ResponseStatus.REJECTED_INVALID: (_CONTROLS, _SPECIFIC),
    ResponseStatus.REJECTED_EXPIRED: (_ALL, _SPECIFIC),
}

# Numbers that 2023 gives another meaning; all of them are about any event.
STATUSES_2023 = frozenset(ResponseStatus2023)


@cache
def kind_of(cls: type[sep.Event]) -> type[sep.Event]:
    """Return the kind of event that a class is."""
    return next(known for known in KINDS if issubclass(cls, known))


def body_of(event: type[sep.Event]) -> type[sep.Response]:
    """Return the type of the answer to an event."""
    return BODY[kind_of(event)]


def fits(response: type[sep.Response], event: type[sep.Event]) -> bool:
    """Tell whether an answer of this type can be to such an event: of its own type, or a plain Response."""
    return response is sep.Response or issubclass(response, body_of(event))


def is_known(status: int, edition: Edition) -> bool:
    """Tell whether a status has a meaning in an edition; all others are reserved."""
    return status in set(STATUSES) or (_is_2023(edition) and status in STATUSES_2023)


def makes_sense(status: int, event: type[sep.Event], edition: Edition) -> bool:
    """Tell whether a status can be said of such an event in an edition."""
    if _is_2023(edition) and status in STATUSES_2023:
        return True
    return is_known(status, edition) and kind_of(event) in STATUSES[ResponseStatus(status)][0]


def is_asked_for(status: int, required: int) -> bool:
    """Tell whether the bits of ``responseRequired`` ask for a status; 2023's own are changes of state."""
    try:
        asking = STATUSES[ResponseStatus(status)][1]
    except ValueError:
        asking = _SPECIFIC
    return bool(asking & required)


def _is_2023(edition: Edition) -> bool:
    return "2023" in edition.tags
