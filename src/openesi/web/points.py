"""The API of DER devices as SunSpec points: read, set, take back, configure, follow."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from functools import partial
from typing import Annotated, Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from openesi.sep2 import identity
from openesi.store import Reader, Row, Transaction
from openesi.sunspec import setpoint, table, values
from openesi.sunspec.table import Point, Table
from openesi.sunspec.values import Semantics, Value
from openesi.web import point_source
from openesi.web.answers import answer
from openesi.web.bodies import read_body, read_number, read_query
from openesi.web.live import Live, encode_event
from openesi.web.point_board import Change
from openesi.web.point_source import Config, Place
from openesi.web.watching import LiveResponse

MAX_SCRAPED = 1_000  # devices in one answer
AT_ONCE = 50  # of them read in one go, some 20 ms; devices are answered in between
MAX_DURATION_S = 366 * 86_400


class NewValue(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PUT /api/points/{sfdi}/{name}: the value, and for how long it holds (s)."""

    value: float
    duration_s: Annotated[int, msgspec.Meta(gt=0, le=MAX_DURATION_S)] = setpoint.DEFAULT_DURATION_S


class NewConfig(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PUT /api/points-config: a table as rows or as CSV text (none: the packaged one).

    Without ``semantics`` they stay as they were.
    """

    rows: list[dict[str, str | bool | int | float | None]] | None = None
    csv: str | None = None
    semantics: Semantics | None = None


class PointValue(msgspec.Struct, frozen=True):
    """One point and its value; ``event`` is the control that was sent to set it."""

    sfdi: str
    name: str
    value: Value
    units: str
    type: str
    writable: bool
    description: str
    event: str | None = None


class DevicePoints(msgspec.Struct, frozen=True):
    """All points of one device. Points that it has not told are null."""

    sfdi: str
    lfdi: str
    href: str
    values: dict[str, Value]


class ConfigAnswer(msgspec.Struct, frozen=True):
    """Which points a device has, as rows of a table, and whose numbers they are."""

    semantics: Semantics
    rows: list[dict[str, str]]


class Reverted(msgspec.Struct, frozen=True):
    """How many controls were cancelled."""

    cancelled: int


class History(msgspec.Struct, frozen=True):
    """Changes of points, oldest first: time (s since 1970), name, value."""

    sfdi: str
    columns: list[str]
    rows: list[Change]


async def get_all_points(live: Live, request: Request) -> Response:
    """Tell all points of many devices, ``?start=0&limit=1000``."""
    query = read_query(request, QUERIES[get_all_points])
    start, limit = read_number(query, "start", most=10**12), read_number(query, "limit", most=MAX_SCRAPED)

    def look(reader: Reader, first: int) -> list[DevicePoints]:
        rows = reader.page("/edev", start=first, limit=min(AT_ONCE, start + limit - first))
        return [_all_of(reader, point_source.place_of(reader, row)) for row in rows]

    found: list[DevicePoints] = []
    for first in range(start, start + limit, AT_ONCE):
        found += await live.service.store.read(partial(look, first=first))
        if len(found) < first + AT_ONCE - start:
            break
        await asyncio.sleep(0)
    return answer(found)


async def get_points(live: Live, request: Request) -> Response:
    """Tell all points of one device."""

    def look(reader: Reader) -> DevicePoints:
        place = _place(reader, request)
        live.points.follow(reader, place, live.service.clock())
        return _all_of(reader, place)

    return answer(await live.service.store.read(look))


async def get_point(live: Live, request: Request) -> Response:
    """Tell one point of one device."""

    def look(reader: Reader) -> PointValue:
        place = _place(reader, request)
        live.points.follow(reader, place, live.service.clock())
        return _told(reader, place, _point(place.config.table, request.path_params["name"]))

    return answer(await live.service.store.read(look))


async def put_point(live: Live, request: Request) -> Response:
    """Set a point: the device, and no other, gets a DERControl that does it."""
    body = await read_body(request, NewValue)
    now = int(live.service.clock())

    def change(tx: Transaction) -> PointValue:
        place = _place(tx, request)
        point = _point(place.config.table, request.path_params["name"])
        event = point_source.set_value(
            tx,
            place,
            point.name,
            body.value,
            duration_s=body.duration_s,
            now=now,
            settings=live.service.settings,
        )
        return _told(tx, place, point, event=event)

    told = await live.service.store.write(change)
    await live.service.store.read(lambda reader: live.points.follow(reader, _place(reader, request), now))
    return answer(told)


async def delete_point(live: Live, request: Request) -> Response:
    """Take back what was set: the control is cancelled."""
    now = int(live.service.clock())

    def change(tx: Transaction) -> Reverted:
        place = _place(tx, request)
        if "name" in request.path_params:
            point = _point(place.config.table, request.path_params["name"])
            point_source.writable_point(place.config.table, point.name)
        return Reverted(point_source.revert(tx, place, now=now))

    return answer(await live.service.store.write(change))


async def delete_points(live: Live, request: Request) -> Response:
    """Take back everything that was set at a device."""
    return await delete_point(live, request)


async def get_config(live: Live, request: Request) -> Response:
    """Tell which points a device has, or those that have no table of their own."""
    return answer(_config_answer(await live.service.store.read(lambda reader: _config_of(reader, request))))


async def put_config(live: Live, request: Request) -> Response:
    """Give a device, or all that have none of their own, a table of points."""
    body = await read_body(request, NewConfig)
    semantics = body.semantics
    if semantics is None:
        before = await live.service.store.read(lambda reader: _config_of(reader, request))
        semantics = before.semantics
    mend = semantics is Semantics.DOCUMENTED
    if body.rows is not None and body.csv is not None:
        raise HTTPException(422, "give rows or csv, not both")
    rows = None
    if body.csv is not None:
        rows = table.rows_of(table.parse_csv(body.csv, mend=mend))
    elif body.rows is not None:
        rows = table.rows_of(table.parse_rows(body.rows, mend=mend))
    config = Config(rows=rows, semantics=semantics)
    await _keep_config(live, request, config)
    return answer(_config_answer(config))


async def delete_config(live: Live, request: Request) -> Response:
    """Forget a table: that of everyone applies again, or the packaged one."""
    await _keep_config(live, request, None)
    return Response(status_code=204)


async def get_history(live: Live, request: Request) -> Response:
    """Tell how points changed since somebody first asked for them, ``?name=b113_A&since=S``."""
    query = read_query(request, QUERIES[get_history])
    name = query["name"] or None
    since = _time(query["since"])

    def look(reader: Reader) -> History:
        place = _place(reader, request)
        if name is not None:
            _point(place.config.table, name)
        live.points.follow(reader, place, live.service.clock())
        changes = live.points.history(place, name=name, since=since)
        return History(_sfdi(place), ["at", "name", "value"], changes)

    return answer(await live.service.store.read(look))


async def get_live(live: Live, request: Request) -> Response:
    """Follow the points of one device as Server-Sent Events: a snapshot, then what changes."""

    def look(reader: Reader) -> Place:
        place = _place(reader, request)
        live.points.follow(reader, place, live.service.clock())
        return place

    place = await live.service.store.read(look)
    messages = _as_events(live, place.row.path)
    first = await anext(messages)  # raises TooManyListeners before anything is sent
    return LiveResponse(_after(first, messages))


async def _as_events(live: Live, device: str) -> AsyncGenerator[bytes]:
    async for name, changed in live.points.listen(device):
        yield encode_event(name, {"now": live.service.clock(), "values": changed})


async def _after(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    try:
        yield first
        async for message in rest:
            yield message
    finally:
        await rest.aclose()


def _place(reader: Reader, request: Request) -> Place:
    named = request.path_params["sfdi"]
    row = point_source.find_device(reader, named)
    if row is None:
        raise HTTPException(404, f"no device with SFDI {named[:60]} is registered")
    return point_source.place_of(reader, row)


def _row(reader: Reader, request: Request) -> Row | None:
    """Return the device that a path names; None for the path of everyone."""
    return _place(reader, request).row if "sfdi" in request.path_params else None


def _config_of(reader: Reader, request: Request) -> Config:
    return point_source.config_of(reader, _row(reader, request))


def _time(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise HTTPException(422, "since is a time in s since 1970")
    return found


def _point(points: Table, name: str) -> Point:
    try:
        return point_source.point_named(points, name)
    except point_source.UnknownPoint as error:
        raise HTTPException(404, str(error)) from None


def _all_of(reader: Reader, place: Place) -> DevicePoints:
    return DevicePoints(
        _sfdi(place), identity.format_lfdi(place.lfdi), place.row.path, point_source.read_all(reader, place)
    )


def _told(reader: Reader, place: Place, point: Point, *, event: str | None = None) -> PointValue:
    posted = point_source.posted_by(reader, place, {point.name: point})
    return PointValue(
        _sfdi(place),
        point.name,
        values.read_point(point, posted, place.config.semantics),
        point.units,
        point.type.value,
        point.writable,
        point.notes,
        event,
    )


def _config_answer(config: Config) -> ConfigAnswer:
    return ConfigAnswer(config.semantics, table.rows_of(config.table))


async def _keep_config(live: Live, request: Request, config: Config | None) -> None:
    def change(tx: Transaction) -> None:
        point_source.keep_config(tx, _row(tx, request), config)

    await live.service.store.write(change)
    now = live.service.clock()
    await live.service.store.read(lambda reader: live.points.touch(reader, _row(reader, request), now))


def _sfdi(place: Place) -> str:
    return f"{place.sfdi:012d}"


ENDPOINTS = (
    ("GET", "/api/points", get_all_points),
    ("GET", "/api/points/{sfdi}", get_points),
    ("DELETE", "/api/points/{sfdi}", delete_points),
    ("GET", "/api/points/{sfdi}/{name}", get_point),
    ("PUT", "/api/points/{sfdi}/{name}", put_point),
    ("DELETE", "/api/points/{sfdi}/{name}", delete_point),
    ("GET", "/api/points-config", get_config),
    ("PUT", "/api/points-config", put_config),
    ("DELETE", "/api/points-config", delete_config),
    ("GET", "/api/points-config/{sfdi}", get_config),
    ("PUT", "/api/points-config/{sfdi}", put_config),
    ("DELETE", "/api/points-config/{sfdi}", delete_config),
    ("GET", "/api/points-history/{sfdi}", get_history),
    ("GET", "/api/points-live/{sfdi}", get_live),
)
QUERIES: dict[Any, dict[str, str]] = {
    get_all_points: {"start": "0", "limit": str(MAX_SCRAPED)},
    get_history: {"name": "", "since": "0"},
}
BODIES: dict[Any, Any] = {put_point: NewValue, put_config: NewConfig}
ANSWERS: dict[Any, Any] = {
    get_all_points: list[DevicePoints],
    get_points: DevicePoints,
    get_point: PointValue,
    put_point: PointValue,
    delete_point: Reverted,
    delete_points: Reverted,
    get_config: ConfigAnswer,
    put_config: ConfigAnswer,
    get_history: History,
}
