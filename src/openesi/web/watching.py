"""The API that looks: live power, readings, an event with its responses, a device and what it posted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from openesi.errors import LocalError
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import ResponseStatus
from openesi.server import groups, operator
from openesi.server.documents import read_document
from openesi.store import Reader, Row
from openesi.web import events
from openesi.web.answers import answer
from openesi.web.bodies import read_flag, read_query
from openesi.web.history import KEPT_S, MINUTE_S, RECENT_S
from openesi.web.live import SEND_S, Live
from openesi.web.roster import describe, freshness, read_at
from openesi.web.timeline import ENDED, Event, devices_of, summarize

RANGES = {"15m": RECENT_S, "24h": 86_400, "48h": KEPT_S}
MAX_NAMED = 1_000  # devices named one by one in the answer about an event
SIGN = (
    "devices_w: positive is given to house and grid, negative is drawn; "
    "grid_w: positive comes in from the grid"
)


class LiveResponse(Response):
    """A response that goes on until the browser leaves, or does not read for SEND_S."""

    media_type = "text/event-stream"

    def __init__(self, messages: AsyncGenerator[bytes]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.headers["X-Accel-Buffering"] = "no"  # nginx would hold it back
        self._messages = messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one of both ends."""
        sending = asyncio.create_task(self._send(send), name="openesi-live")
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async for message in self._messages:
                async with asyncio.timeout(SEND_S):
                    await send({"type": "http.response.body", "body": message, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await self._messages.aclose()


async def get_live(live: Live, request: Request) -> Response:
    """Follow everything the page shows, as Server-Sent Events."""
    del request
    messages = live.listen()
    first = await anext(messages)  # raises TooManyListeners before anything is sent
    return LiveResponse(_with_first(first, messages))


async def get_readings(live: Live, request: Request) -> Response:
    """Tell the newest power of every meter and what power was, ``?range=15m``, ``24h`` or ``48h``."""
    wanted = read_query(request, {"range": "48h"})["range"]
    if wanted not in RANGES:
        raise HTTPException(422, f"range is one of {', '.join(RANGES)}")
    now = live.service.clock()
    short = wanted == "15m"
    rows = live.history.recent(now) if short else live.history.minutes(now, RANGES[wanted])
    meters = [{**msgspec.to_builtins(one), "fresh": one.is_fresh(now)} for one in live.meters.all()]
    return answer({
        "now": now,
        "sign": SIGN,
        "power": live.power,
        "meters": meters,
        "truncated": live.meters.truncated,
        "history": {
            "range": wanted,
            "step_s": None if short else MINUTE_S,
            "columns": ["at", "devices_w", "grid_w", "limit_w"],
            "rows": rows,
        },
    })  # fmt: skip


async def get_events(live: Live, request: Request) -> Response:
    """List events that are not over; ``?program=/derp/1`` of one program, ``?ended=true`` ended ones too."""
    query = read_query(request, {"program": "", "ended": "false"})
    wanted, with_ended = query["program"] or None, read_flag(query, "ended")

    def look(reader: Reader) -> list[Event]:
        found = [
            event_at(live, reader, row.path)
            for path, _ in operator.programs(reader)
            if wanted in (None, path)
            for row in reader.page(f"{path}/derc", limit=operator.MAX_LISTED)
        ]
        if wanted is not None and reader.get(wanted) is None:
            raise LocalError(f"there is no program {wanted}")
        return found

    listed = await live.service.store.read(look)
    if with_ended:
        known = {event.href for event in listed}
        over = [one for one in live.events() if one.href not in known and wanted in (None, one.program)]
        listed += await live.service.store.read(lambda reader: [_as_ended(live, reader, one) for one in over])
    return answer(listed)


async def get_event(live: Live, request: Request) -> Response:
    """Tell of one event of any kind, by path or mRID, who answered what and who is silent."""
    named = "/" + request.path_params["event"]

    def look(reader: Reader) -> dict[str, Any]:
        path = operator.event_path(reader, named)
        row = reader.get(path)
        if row is not None and row.type == "DERControl":
            told = msgspec.to_builtins(event_at(live, reader, path))
        else:
            told = events.summarize(reader, path)
        sent = live.timeline.responses.of(identity.parse_mrid(told["mrid"]))
        event = read_document(row, sep.Event) if row is not None else None
        silent = [
            identity.format_lfdi(device.key)
            for device in _asked(live, reader, path)[:MAX_NAMED]
            if device.key is not None and device.key not in sent and events.owes_answer(event, device)
        ]
        answers = [
            {
                "lfdi": identity.format_lfdi(lfdi),
                "responses": [
                    {"status": status, "name": _response_name(status), "at": at}
                    for status, at in sorted(statuses.items(), key=lambda one: (one[1], one[0]))
                ],
            }
            for lfdi, statuses in list(sent.items())[:MAX_NAMED]
        ]
        return {**told, "answers": answers, "silent": silent}

    try:
        return answer(await live.service.store.read(look))
    except LocalError as error:
        raise HTTPException(404, str(error)) from None


def _asked(live: Live, reader: Reader, event: str) -> list[Row]:
    """Return the devices that owe an answer about an event; a DERControl is for those with DERSettings."""
    devices = events.concerned(reader, event)
    if devices is None and not event.startswith("/derp/"):
        return reader.page("/edev", limit=MAX_NAMED)
    if devices is None:
        paths = sorted(live.roster.controllable)[:MAX_NAMED]
        return [row for path in paths if (row := reader.get(path)) is not None]
    return devices


async def get_device(live: Live, request: Request) -> Response:
    """Tell of one device what it is, when it was heard, and what it has posted."""
    lfdi = identity.parse_lfdi(request.path_params["lfdi"])
    now = live.service.clock()

    def look(reader: Reader) -> dict[str, Any]:
        row = reader.find("/edev", lfdi)
        if row is None:
            raise HTTPException(404, f"no device with LFDI {identity.format_lfdi(lfdi)} is registered")
        settings = live.service.settings
        device = describe(reader, row, min(settings.default_poll_rate, settings.post_rate))
        heard = live.service.application.seen.get(identity.parse_lfdi(device.heard_by))
        return {
            **live.describe([device], now)[0],
            **msgspec.to_builtins(operator.summarize_device(reader, row)),
            "post_rate_s": read_document(row, sep.EndDevice).postRate,
            "last_seen": heard,
            "state": freshness(heard, device.interval_s, now),
            "meters": [one for one in live.meters.all() if one.lfdi == device.lfdi],
            "posted": posted(reader, row.path),
            "groups": groups.groups_of(reader, row.path),
        }

    return answer(await live.service.store.read(look))


def posted(reader: Reader, device: str) -> dict[str, Any]:
    """Return what a device has said of itself and of its DERs, in the standard's terms."""
    information = read_at(reader, f"{device}/di", sep.DeviceInformation)
    ders = {
        row.path: {
            kind.__name__: _plain(found)
            for name, kind in _DER_PARTS
            if (found := read_at(reader, f"{row.path}/{name}", kind)) is not None
        }
        for row in reader.page(f"{device}/der", limit=MAX_NAMED)
    }
    return {"DeviceInformation": _plain(information) if information else None, "DER": ders}


_DER_PARTS: tuple[tuple[str, type[sep.Sep]], ...] = (
    ("dercap", sep.DERCapability),
    ("derg", sep.DERSettings),
    ("ders", sep.DERStatus),
    ("dera", sep.DERAvailability),
)


def _plain(document: sep.Sep) -> dict[str, Any]:
    """Return what a document says as JSON: octets in hexadecimal, what it leaves out left out."""
    values = msgspec.to_builtins(document, builtin_types=(bytes,))
    return {name: _hex(value) for name, value in values.items() if value not in (None, (), [])}


def _hex(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, dict):
        return {name: _hex(one) for name, one in value.items() if one is not None}
    return [_hex(one) for one in value] if isinstance(value, list | tuple) else value


def event_at(live: Live, reader: Reader, path: str) -> Event:
    """Return the event at a path. Raises LocalError if there is none."""
    row = reader.get(path)
    if row is None or row.type != "DERControl":
        raise LocalError(f"there is no DERControl at {path}")
    program = path.rpartition("/derc/")[0]
    owner = read_at(reader, program, sep.DERProgram)
    return summarize(
        path,
        program,
        owner.primacy if owner else 0,
        read_document(row, sep.DERControl),
        live.timeline.responses,
        share=live.roster.share(devices_of(reader, program)),
    )


def _as_ended(live: Live, reader: Reader, event: Event) -> Event:
    """Return an event that has left its list; what the page shows may be a second behind."""
    return event if event.status in ENDED else event_at(live, reader, event.href)


def _response_name(status: int) -> str:
    return ResponseStatus(status).name.lower() if status in set(ResponseStatus) else "reserved"


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _with_first(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    try:
        yield first
        async for message in rest:
            yield message
    finally:
        await rest.aclose()
