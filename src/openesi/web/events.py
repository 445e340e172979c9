"""Events of every kind over the operator's API: cancelled and superseded, one or many; whom they are for."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from openesi.errors import LocalError
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState, bits
from openesi.sep2.json import to_json
from openesi.server import groups, operator
from openesi.server.documents import read_document
from openesi.server.tree import Hand, NotThere
from openesi.store import Reader, Row, Transaction
from openesi.web.answers import answer
from openesi.web.bodies import read_body, read_json, read_query
from openesi.web.live import Live

MAX_CANCELLED = 10_000
MAX_NAMED = 1_000  # devices named one by one in the answer about an event


class Cancelling(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /api/cancel: events by href or mRID.

    ``randomized``: devices end within their randomization, not all at once.
    """

    events: Annotated[list[str], msgspec.Meta(min_length=1, max_length=MAX_CANCELLED)]
    randomized: bool = False
    reason: Annotated[str, msgspec.Meta(max_length=192)] | None = None


async def post_cancel(live: Live, request: Request) -> Response:
    """Cancel events, all that are named or none."""
    body = await read_body(request, Cancelling)
    now = int(live.service.clock())

    def cancel(tx: Transaction) -> list[dict[str, Any]]:
        return [
            summarize(tx, cancel_named(tx, named, now=now, randomized=body.randomized, reason=body.reason))
            for named in body.events
        ]

    return answer(await live.service.store.write(cancel, long=len(body.events) > 1))


async def post_supersede(live: Live, request: Request) -> Response:
    """Put a newer event in the place of one that is not over: ``?event=HREF``; the body says what differs."""
    named = read_query(request, {"event": ""})["event"]
    changes = await read_json(request)
    now = int(live.service.clock())

    def supersede(tx: Transaction) -> dict[str, Any]:
        hand = Hand(tx=tx, now=now, settings=live.service.settings)
        try:
            path = hand.supersede(operator.event_path(tx, named), changes)
        except NotThere as error:
            raise HTTPException(404, str(error)) from None
        hand.finish()
        return summarize(tx, path)

    return answer(await live.service.store.write(supersede), 201)


def cancel_named(
    tx: Transaction, named: str, *, now: int, randomized: bool = False, reason: str | None = None
) -> str:
    """Cancel an event by its path or mRID and return its path. Raises LocalError, HTTPException (404)."""
    try:
        path = operator.event_path(tx, named)
    except LocalError as error:
        raise HTTPException(404, str(error)) from None
    row = tx.get(path)
    if row is None or row.state is None:
        raise HTTPException(404, f"there is no event at {path}")
    operator.cancel_event(tx, path, now=now, randomized=randomized, reason=reason)
    return path


def summarize(reader: Reader, path: str) -> dict[str, Any]:
    """Return an event of any kind: what every event has, and its document in the standard's terms."""
    row = reader.get(path)
    if row is None or row.state is None:
        raise LocalError(f"there is no event at {path}")
    event = read_document(row, sep.Event)
    return {
        "href": path,
        "type": type(event).__name__,
        "mrid": identity.format_mrid(event.mRID),
        "description": event.description,
        "status": EventState(row.state).name.lower(),
        "start": event.interval.start,
        "duration": event.interval.duration,
        "event": to_json(event),
    }


def concerned(reader: Reader, event: str) -> list[Row] | None:
    """Return the devices that an event is for: those of the groups its program is assigned to; None: all.

    An event below an EndDevice is for that one.
    """
    owner = "/".join(event.split("/")[:3])
    row = reader.get(owner)
    if row is None:
        return []
    if owner.startswith("/edev/"):
        return [row]
    devices = groups.assigned_devices(reader, owner, limit=MAX_NAMED)
    if devices is None:
        return None
    return [member for device in sorted(devices) if (member := reader.get(device)) is not None]


def owes_answer(event: sep.Event | None, device: Row) -> bool:
    """Tell whether a device is to answer an event: one that asks for answers, and is for its category."""
    if event is None or not any(event.responseRequired or b""):
        return False
    wanted = getattr(event, "deviceCategory", None) or b""
    own = read_document(device, sep.EndDevice).deviceCategory or b""
    return not any(wanted) or not any(own) or bool(bits(wanted) & bits(own))
