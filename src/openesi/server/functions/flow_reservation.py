"""FlowReservation: a device asks for power and energy, the operator or a rule of his answers (10.9).

A request stands as it was made; its device may cancel or withdraw it, which cancels what was granted. A
newer answer takes the place of the older one. With ``Settings.flow_budget_w`` the server answers by itself:
as asked, as early as the sum of all grants stays within that power, else by a denial, which has no duration.
"""

from __future__ import annotations

from decimal import Decimal

from openesi.errors import LocalError
from openesi.sep2 import events, identity, reservations
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState, RequestState
from openesi.sep2.errors import ReasonCode
from openesi.server.documents import key_of, read_document
from openesi.server.errors import Refusal
from openesi.server.functions.base import Behaviour, Change, Offer, Outcome, insert_member, replace_document
from openesi.server.functions.der import scaled
from openesi.server.functions.events import newborn, read_event, settle, write_event
from openesi.store import Row

MAX_REQUESTS = 100  # of one device; those that are over make room
MAX_ANSWERS = 200  # by rule to one device and kept: it could ask and withdraw for ever
MAX_CONSIDERED = 20_000  # answers that are looked through for one by rule; with more the operator answers

_ALIVE = (EventState.SCHEDULED, EventState.ACTIVE)
_RESPONSE = sep.FlowReservationResponse.__name__


# --- devices ------------------------------------------------------------------------------------------------


def _post(change: Change, request: sep.FlowReservationRequest) -> Outcome:
    """Keep a request and answer it, if there is a rule. The same mRID again is the request that is there."""
    if request.RequestStatus.requestStatus != RequestState.REQUESTED:
        raise Refusal(400, "RequestStatus of a new request is 0, requested")
    key = key_of(request)
    known = change.tx.find(change.path, key) if key is not None else None
    if known is not None:
        old = read_document(known, sep.FlowReservationRequest)
        is_same = _terms(sep.replace(request, creationTime=old.creationTime)) == _terms(old)
        if not is_same or old.RequestStatus.requestStatus != RequestState.REQUESTED:
            raise Refusal(
                400, f"{known.path} has this mRID and asks for something else, or was cancelled: ask anew"
            )
        return Outcome(201, known.path)
    asked = request.intervalRequested
    if asked.start + asked.duration <= change.now:
        raise Refusal(400, "intervalRequested lies in the past")
    _make_room(change)
    row = insert_member(change.tx, change.path, request)
    if change.settings.flow_budget_w is not None:
        _answer(change, request, Decimal(change.settings.flow_budget_w))
    return Outcome(201, row.path)


def _make_room(change: Change) -> None:
    """Forget requests whose time is over if there are many. Raises Refusal if there are too many others."""
    rows = change.tx.page(change.path, limit=MAX_REQUESTS)
    if len(rows) < MAX_REQUESTS:
        return
    for row in rows:
        asked = read_document(row, sep.FlowReservationRequest).intervalRequested
        if asked.start + asked.duration <= change.now:
            change.tx.delete(row.path)
    if change.tx.count(change.path) >= MAX_REQUESTS:
        raise Refusal(400, f"{change.path} is full ({MAX_REQUESTS} requests)", reason=ReasonCode.LIMIT)


def _put(change: Change, request: sep.FlowReservationRequest) -> Outcome:
    """Take a new RequestStatus, and nothing else. Raises Refusal."""
    row = change.tx.get(change.path)
    assert row is not None
    old = read_document(row, sep.FlowReservationRequest)
    if _terms(request) != _terms(old):
        raise Refusal(400, "nothing but RequestStatus of a request can change: cancel it, and ask anew")
    status = request.RequestStatus.requestStatus
    if status not in set(RequestState):
        raise Refusal(400, f"requestStatus {status} is reserved")
    if status == RequestState.REQUESTED and old.RequestStatus.requestStatus == RequestState.CANCELLED:
        raise Refusal(400, "a request that was cancelled stays so: ask anew")
    outcome = replace_document(change, sep.replace(old, RequestStatus=request.RequestStatus))
    if status == RequestState.CANCELLED:
        _cancel_answers(change, old, "the device cancelled its request")
    return outcome


def _delete(change: Change) -> Outcome:
    """Withdraw a request."""
    row = change.tx.get(change.path)
    assert row is not None
    request = read_document(row, sep.FlowReservationRequest)
    change.tx.delete(row.path)
    _cancel_answers(change, request, "the device withdrew its request")
    return Outcome(204)


def _terms(request: sep.FlowReservationRequest) -> sep.FlowReservationRequest:
    """Return what of a request cannot change."""
    nothing = sep.RequestStatus(dateTime=0, requestStatus=0)
    version = request.version or None
    return sep.replace(
        request, href=None, RequestStatus=nothing, mRID=request.mRID.rjust(16, b"\x00"), version=version
    )


def _cancel_answers(change: Change, request: sep.FlowReservationRequest, reason: str) -> None:
    listing = f"{_device_of(change.path)}/frp"
    for row in change.tx.in_states(listing, _ALIVE, MAX_CONSIDERED):
        response = read_document(row, sep.FlowReservationResponse)
        if _same(response.subject, request.mRID):
            write_event(change.tx, row, events.cancel(response, change.now, reason=reason))


# --- the rule -----------------------------------------------------------------------------------------------


def _answer(change: Change, request: sep.FlowReservationRequest, budget_w: Decimal) -> None:
    device = _device_of(change.path)
    rows = []
    answered = change.tx.count(f"{device}/frp")
    if answered < MAX_ANSWERS:
        rows = change.tx.of_type(_RESPONSE, limit=MAX_CONSIDERED)
        if len(rows) == MAX_CONSIDERED:
            return
        answered = sum(row.path.startswith(f"{device}/") for row in rows)  # those that are over, too
    if answered >= MAX_ANSWERS:
        raise Refusal(400, f"{device} was answered {MAX_ANSWERS} times lately", reason=ReasonCode.LIMIT)
    granted = [reservations.flow_of(_read(row)) for row in rows if row.state in _ALIVE]
    given = reservations.answer(request, granted, budget_w=budget_w, now=change.now)
    response = sep.FlowReservationResponse(
        **newborn(change.settings, change.now),
        description=request.description,
        interval=given.interval,
        energyAvailable=given.energy,
        powerAvailable=given.power,
        subject=request.mRID.rjust(16, b"\x00"),
    )
    listing = f"{device}/frp"
    insert_member(change.tx, listing, events.begin(response, change.now))
    settle(change.tx, listing, change.now)


def _read(row: Row) -> sep.FlowReservationResponse:
    response = read_event(row.body)
    assert isinstance(response, sep.FlowReservationResponse)
    return response


# --- the operator -------------------------------------------------------------------------------------------


def _complete_response(offer: Offer, response: sep.FlowReservationResponse) -> sep.FlowReservationResponse:
    """Hold an answer against what was asked: of that device, in its direction, not more than it wants."""
    subject = response.subject.rjust(16, b"\x00")
    row = offer.tx.find(f"{_device_of(offer.path)}/frq", subject)
    if row is None:
        raise LocalError(f"subject {identity.format_mrid(subject)} is no request of {_device_of(offer.path)}")
    request = read_document(row, sep.FlowReservationRequest)
    if request.RequestStatus.requestStatus == RequestState.CANCELLED:
        raise LocalError(f"{row.path} was cancelled by its device")
    if response.interval.duration:
        _expect_within("powerAvailable", scaled(response.powerAvailable), scaled(request.powerRequested))
        _expect_within("energyAvailable", scaled(response.energyAvailable), scaled(request.energyRequested))
    return sep.replace(response, subject=subject)


def _expect_within(name: str, given: Decimal, asked: Decimal) -> None:
    if given * asked < 0:
        raise LocalError(f"{name} {given} has the other sign than what was asked for: charge or discharge?")
    if abs(given) > abs(asked):
        raise LocalError(f"{name} {given} is more than the {asked} that was asked for")


def _complete_request(offer: Offer, request: sep.FlowReservationRequest) -> sep.FlowReservationRequest:
    if offer.old is not None:
        raise LocalError("a request is its device's: answer it at frp, a denial has a duration of 0")
    return request


def _device_of(path: str) -> str:
    return "/".join(path.split("/")[:3])


def _same(mrid: bytes, other: bytes) -> bool:
    return mrid.rjust(16, b"\x00") == other.rjust(16, b"\x00")


BEHAVIOURS = {
    "FlowReservationRequestList": Behaviour(post=_post),
    "FlowReservationRequest": Behaviour(put=_put, delete=_delete, complete=_complete_request),
    "FlowReservationResponse": Behaviour(complete=_complete_response),
}
