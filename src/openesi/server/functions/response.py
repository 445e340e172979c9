"""Responses: what devices say about events, and the places (ResponseSets) where they say it.

A response is kept if it is about an event of this server that the client may see, by a device that the client
speaks for, of the type that goes with the event, with a status that can be said of it (``sep2.responses``).
What ``responseRequired`` did not ask for is kept as well: a device that says more does no harm.
"""

from __future__ import annotations

from openesi.errors import LocalError
from openesi.sep2 import events, identity, resources, responses
from openesi.sep2 import model as sep
from openesi.server.errors import Refusal
from openesi.server.functions.base import Behaviour, Change, Outcome, insert_member
from openesi.server.functions.events import ALIVE, FIRST_RESPONSES
from openesi.server.view import devices_of
from openesi.store import Reader, Row, Transaction

# Responses kept for each device; a client's oldest make room. It could send one for every second.
MAX_RESPONSES = 1_000
MAX_EVENTS = 100_000  # of each kind that are looked through before a place for answers is removed

FIRST_SET = FIRST_RESPONSES.rpartition("/")[0]
EVENTS = {kind.__name__: kind for kind in events.KINDS}


def _post(change: Change, response: sep.Response) -> Outcome:
    """Keep a response; the same one again (its answer was lost) is kept once."""
    response = _completed(change, response)
    listing, scope = change.path, change.caller.lfdi
    key = b"".join((
        response.endDeviceLFDI,
        response.subject,
        bytes((response.status or 0,)),
        (response.createdDateTime or 0).to_bytes(8, "big", signed=True),
    ))  # fmt: skip
    known = change.tx.find(listing, key)
    if known is not None:
        return Outcome(201, known.path)
    most = MAX_RESPONSES * devices_of(change.tx, scope)
    if change.tx.count(listing, scope=scope) >= most:
        for row in change.tx.page(listing, scope=scope, start=most - 1, limit=MAX_RESPONSES):
            change.tx.delete(row.path)
    return Outcome(201, insert_member(change.tx, listing, response, scope=scope, key=key).path)


def _completed(change: Change, response: sep.Response) -> sep.Response:
    """Return the response with full-width identifiers. Raises Refusal if it speaks for or of a stranger."""
    lfdi = response.endDeviceLFDI.rjust(20, b"\x00")
    if not any(lfdi):  # what an embedded client sends for a device whose LFDI it was not told
        lfdi = change.caller.lfdi
    if not _speaks_for(change, lfdi):
        raise Refusal(400, f"endDeviceLFDI {identity.format_lfdi(lfdi)} is not a device of this client")
    subject = response.subject.rjust(16, b"\x00")
    row = _find_event(change.tx, subject)
    if row is None or not _may_see(change, row):
        raise Refusal(400, f"subject {identity.format_mrid(subject)} is no event of this server")
    _check_fit(change, response, EVENTS[row.type])
    created = change.now if response.createdDateTime is None else response.createdDateTime
    return sep.replace(response, endDeviceLFDI=lfdi, subject=subject, createdDateTime=created)


def _check_fit(change: Change, response: sep.Response, kind: type[sep.Event]) -> None:
    if not responses.fits(type(response), kind):
        wanted = responses.body_of(kind).__name__
        raise Refusal(400, f"a {type(response).__name__} to a {kind.__name__}; a {wanted} is wanted")
    status, edition = response.status, change.caller.edition
    if status is None:
        return
    if not responses.is_known(status, edition):
        raise Refusal(400, f"status {status} is reserved in {edition.name}")
    if not responses.makes_sense(status, kind, edition):
        raise Refusal(400, f"status {status} cannot be said of a {kind.__name__}")


def event_known(reader: Reader, mrid: bytes) -> str | None:
    """Return the path of an event by its mRID, whatever its kind."""
    row = _find_event(reader, mrid)
    return None if row is None else row.path


def _find_event(reader: Reader, mrid: bytes) -> Row | None:
    found = (reader.find_anywhere(mrid, kind) for kind in EVENTS)
    return next((row for row in found if row is not None), None)


def _may_see(change: Change, row: Row) -> bool:
    """Tell whether the client may know of an event: not of another device's, nor of another group's."""
    match = resources.match(row.path)
    assert match is not None
    return change.view.may_follow(row.path, match.resource.name)


def _speaks_for(change: Change, lfdi: bytes) -> bool:
    if lfdi == change.caller.lfdi:
        return True
    row = change.tx.find("/edev", lfdi)
    return row is not None and row.scope == change.caller.lfdi


def _removed(tx: Transaction, row: Row) -> None:
    if row.path == FIRST_SET:
        raise LocalError(f"{FIRST_SET} is where events are answered that say nothing else; it stays")
    named = f'replyTo="{row.path}/rsp"'.encode()
    for kind in EVENTS:
        for event in tx.of_type(kind, limit=MAX_EVENTS):
            if event.state in ALIVE and named in event.body:
                raise LocalError(f"{event.path} is answered at {row.path}: cancel it, or wait for its end")


BEHAVIOURS = {"ResponseList": Behaviour(post=_post), "ResponseSet": Behaviour(removed=_removed)}
