"""Groups of devices and what they are assigned, over the operator's API."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from openesi.errors import LocalError
from openesi.sep2 import identity
from openesi.sep2.identity import parse_mrid
from openesi.server import groups
from openesi.server.groups import Group
from openesi.server.tree import Hand
from openesi.store import Reader, Row, Transaction
from openesi.web.answers import answer
from openesi.web.bodies import paging, read_body
from openesi.web.live import Live

MAX_AT_ONCE = 10_000  # devices that join in one call

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class NewGroup(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /api/groups. ``devices`` are LFDIs, ``assigned`` hrefs of programs, tariffs and the like.

    ``default``: devices that register from now on belong to it.
    """

    description: Name
    default: bool = False
    mrid: str | None = None
    devices: Annotated[list[str], msgspec.Meta(max_length=MAX_AT_ONCE)] = []
    assigned: Annotated[list[str], msgspec.Meta(max_length=groups.MAX_ASSIGNED)] = []


class ChangedGroup(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PATCH /api/groups/{group}."""

    description: Name | None = None
    default: bool | None = None


class Joining(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /api/groups/{group}/devices: LFDIs."""

    devices: Annotated[list[str], msgspec.Meta(min_length=1, max_length=MAX_AT_ONCE)]


async def get_visibility(live: Live, request: Request) -> Response:
    """Tell who sees a resource: every registered device, groups alone, or the one whose own it is."""
    path = "/" + str(request.path_params["path"])
    if await live.service.store.read(lambda reader: reader.get(path)) is None:
        raise HTTPException(404, f"there is nothing at {path}")
    return answer(await live.service.store.read(lambda reader: groups.seen_by(reader, path)))


async def get_groups(live: Live, request: Request) -> Response:
    """List groups with what they are assigned."""
    start, limit = paging(request)
    return answer(
        await live.service.store.read(lambda reader: groups.groups(reader, start=start, limit=limit))
    )


async def post_group(live: Live, request: Request) -> Response:
    """Make a group, with its devices and assignments."""
    body = await read_body(request, NewGroup)
    settings = live.service.settings
    mrid = parse_mrid(body.mrid) if body.mrid is not None else None

    def make(tx: Transaction) -> Group:
        path = groups.add_group(tx, body.description, settings=settings, mrid=mrid, default=body.default)
        for href in body.assigned:
            groups.assign(tx, path, href)
        for lfdi in body.devices:
            groups.join(tx, path, device_row(tx, lfdi))
        return groups.group_at(tx, path)

    return answer(await live.service.store.write(make, long=True), 201)


async def get_group(live: Live, request: Request) -> Response:
    """Show a group."""
    path = _group(request)
    return answer(await live.service.store.read(lambda reader: _at(reader, path)))


async def patch_group(live: Live, request: Request) -> Response:
    """Rename a group, or say whether devices to come belong to it."""
    body = await read_body(request, ChangedGroup)
    path = _group(request)
    now = int(live.service.clock())

    def change(tx: Transaction) -> Group:
        _at(tx, path)
        if body.description is not None:
            Hand(tx=tx, now=now, settings=live.service.settings).merge(
                path, {"description": body.description}
            )
        if body.default is not None:
            groups.set_default(tx, path, default=body.default)
        return groups.group_at(tx, path)

    return answer(await live.service.store.write(change))


async def delete_group(live: Live, request: Request) -> Response:
    """Remove a group; devices and what they were assigned by it stay."""
    path = _group(request)

    def remove(tx: Transaction) -> None:
        _at(tx, path)
        groups.remove_group(tx, path)

    await live.service.store.write(remove, long=True)
    return Response(status_code=204)


async def get_members(live: Live, request: Request) -> Response:
    """List the devices of a group."""
    path = _group(request)
    start, limit = paging(request)

    def look(reader: Reader) -> list[dict[str, object]]:
        _at(reader, path)
        found = groups.members(reader, path, start=start, limit=limit)
        rows = [row for href in found if (row := reader.get(href)) is not None]
        return [{"href": row.path, "lfdi": identity.format_lfdi(row.key or b"")} for row in rows]

    return answer(await live.service.store.read(look))


async def post_members(live: Live, request: Request) -> Response:
    """Make devices members of a group: all that are named, or none."""
    body = await read_body(request, Joining)
    path = _group(request)

    def join(tx: Transaction) -> Group:
        _at(tx, path)
        for lfdi in body.devices:
            groups.join(tx, path, device_row(tx, lfdi))
        return groups.group_at(tx, path)

    return answer(await live.service.store.write(join, long=True))


async def put_member(live: Live, request: Request) -> Response:
    """Make a device a member of a group; it stays one if it is."""
    path, lfdi = _group(request), request.path_params["lfdi"]

    def join(tx: Transaction) -> None:
        _at(tx, path)
        groups.join(tx, path, device_row(tx, lfdi))

    await live.service.store.write(join)
    return Response(status_code=204)


async def delete_member(live: Live, request: Request) -> Response:
    """End a device's membership."""
    path, lfdi = _group(request), request.path_params["lfdi"]

    def leave(tx: Transaction) -> None:
        _at(tx, path)
        device = device_row(tx, lfdi)
        try:
            groups.leave(tx, path, device)
        except LocalError as error:
            raise HTTPException(404, str(error)) from None

    await live.service.store.write(leave)
    return Response(status_code=204)


async def put_assigned(live: Live, request: Request) -> Response:
    """Assign a program, tariff, account or the like to a group; it stays assigned if it is."""
    path, href = _group(request), "/" + request.path_params["href"]

    def assign(tx: Transaction) -> None:
        _at(tx, path)
        groups.assign(tx, path, href)

    await live.service.store.write(assign)
    return Response(status_code=204)


async def delete_assigned(live: Live, request: Request) -> Response:
    """Take an assignment back."""
    path, href = _group(request), "/" + request.path_params["href"]

    def unassign(tx: Transaction) -> None:
        _at(tx, path)
        try:
            groups.unassign(tx, path, href)
        except LocalError as error:
            raise HTTPException(404, str(error)) from None

    await live.service.store.write(unassign)
    return Response(status_code=204)


def device_row(reader: Reader, named: str) -> Row:
    """Return the row of a device by its LFDI. Raises LocalError, HTTPException (404)."""
    lfdi = identity.parse_lfdi(named)
    row = reader.find("/edev", lfdi)
    if row is None:
        raise HTTPException(404, f"no device with LFDI {identity.format_lfdi(lfdi)} is registered")
    return row


def _group(request: Request) -> str:
    return f"{groups.LISTING}/{request.path_params['group']}"


def _at(reader: Reader, path: str) -> Group:
    try:
        return groups.group_at(reader, path)
    except LocalError as error:
        raise HTTPException(404, str(error)) from None
