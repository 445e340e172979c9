"""Responses: what devices say about events."""

from __future__ import annotations

from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import ResponseStatus, ResponseStatus2023
from openesi.server.errors import Refusal
from openesi.server.functions.base import Behaviour, Change, Outcome, insert_member
from openesi.store import Reader

# Responses kept for each client; the oldest make room. A client could send one for every second.
MAX_RESPONSES = 1_000

_EVENTS = ("DERControl", "EndDeviceControl", "TimeTariffInterval", "TextMessage", "FlowReservationResponse")
_STATUSES = {*ResponseStatus, *ResponseStatus2023}


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
    if change.tx.count(listing, scope=scope) >= MAX_RESPONSES:
        for row in change.tx.page(listing, scope=scope, start=MAX_RESPONSES - 1, limit=MAX_RESPONSES):
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
    if event_known(change.tx, subject) is None:
        raise Refusal(400, f"subject {identity.format_mrid(subject)} is no event of this server")
    if response.status is not None and response.status not in _STATUSES:
        raise Refusal(400, f"status {response.status} is reserved")
    created = change.now if response.createdDateTime is None else response.createdDateTime
    return sep.replace(response, endDeviceLFDI=lfdi, subject=subject, createdDateTime=created)


def event_known(reader: Reader, mrid: bytes) -> str | None:
    """Return the path of an event by its mRID, whatever its kind."""
    for kind in _EVENTS:
        row = reader.find_anywhere(mrid, kind)
        if row is not None:
            return row.path
    return None


def _speaks_for(change: Change, lfdi: bytes) -> bool:
    if lfdi == change.caller.lfdi:
        return True
    row = change.tx.find("/edev", lfdi)
    return row is not None and row.scope == change.caller.lfdi


BEHAVIOURS = {"ResponseList": Behaviour(post=_post)}
