"""Every resource of the tree over the operator's API: ``/api/resources`` and then the path devices use.

``GET /api/resources/derp/1/derc`` shows what a device that may see everything gets, as JSON; ``POST`` adds
members (an array: all of them, or none), ``PUT`` and ``PATCH`` change one, ``DELETE`` removes it. What comes
back is what will be served. How a resource is written stands in ``server.tree``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from openesi.errors import LocalError
from openesi.sep2 import identity, resources
from openesi.sep2 import model as sep
from openesi.sep2.json import to_json
from openesi.sep2.xml import serialize
from openesi.server import groups
from openesi.server.functions.response import FIRST_SET
from openesi.server.tree import Hand, NotThere, Sight, is_written_by_operator
from openesi.store import ASSIGNED, PUBLIC, Reader, Transaction
from openesi.web.answers import answer
from openesi.web.bodies import read_flag, read_json, read_number, read_query
from openesi.web.live import Live

T = TypeVar("T")

MAX_DEPTH = 12  # levels below a resource; the tree of the standard has 7
MAX_MEMBERS = 10_000  # of a list in one answer
VISIBLE = {"": None, "public": PUBLIC, "assigned": ASSIGNED}
LOOK = {"start": "0", "limit": "255", "deep": "0", "format": "json"}
WRITE = {"dry_run": "false", "device": "", "group": "", "visible": "", "deep": "0", "format": "json"}


class TriedOut(Exception):
    """Carries what a dry run made out of its transaction, which leaves nothing behind."""

    def __init__(self, made: Any) -> None:
        super().__init__()
        self.made = made


async def get_table(live: Live, request: Request) -> Response:
    """List what there is in the tree: name, path, type, list order, and whether an operator may write it."""
    del live
    read_query(request, {})
    return answer([
        {
            "name": one.name,
            "path": one.path,
            "type": one.type_name,
            "list_of": one.item.__name__ if one.item is not None else None,
            "access": one.access.name.lower(),
            "device_methods": one.methods,
            "operator_writes": is_written_by_operator(one),
        }
        for one in resources.RESOURCES
    ])  # fmt: skip


async def get_resource(live: Live, request: Request) -> Response:
    """Show a resource or list; ``deep=N`` with N levels of what stands below it; ``format=xml`` as served."""
    query = read_query(request, LOOK)
    path = _path(request)
    start = read_number(query, "start", most=10**9)
    limit = read_number(query, "limit", most=MAX_MEMBERS)
    depth = read_number(query, "deep", most=MAX_DEPTH)

    def look(reader: Reader) -> Any:
        sight = _sight(live, reader)
        if depth:
            return sight.deep(path, depth=depth)
        document = sight.document(path, start=start, limit=limit)
        if query["format"] == "xml":
            return serialize(document, live.service.settings.edition)
        return to_json(document)

    return _shown(await _found(live.service.store.read(look)))


async def post_resource(live: Live, request: Request) -> Response:
    """Add a member to a list, or an array of members: all of them, or none."""
    query = read_query(request, WRITE)
    path = _path(request)
    values = await read_json(request)
    many = isinstance(values, list)

    def write(hand: Hand) -> Any:
        hrefs = hand.insert_all(path, values) if many else [hand.insert(path, values)]
        hand.finish()
        _assign(hand.tx, query["group"], hrefs)
        if many and not read_number(query, "deep", most=MAX_DEPTH):
            return {"created": len(hrefs), "hrefs": hrefs}
        shown = [_served(live, hand.tx, href, query) for href in hrefs]
        return shown if many else shown[0]

    return _shown(await _write(live, query, write), 201, dry_run=query["dry_run"])


async def put_resource(live: Live, request: Request) -> Response:
    """Write a resource over the one at its place, or the first at a place that a link leads to."""
    query = read_query(request, WRITE)
    path = _path(request)
    values = await read_json(request)

    def write(hand: Hand) -> Any:
        hand.put(path, values)
        hand.finish()
        _show_to(hand.tx, path, VISIBLE[query["visible"]])
        return _served(live, hand.tx, path, query)

    return _shown(await _write(live, query, write))


async def patch_resource(live: Live, request: Request) -> Response:
    """Change some fields of a resource (RFC 7396: null takes one away)."""
    query = read_query(request, WRITE)
    path = _path(request)
    values = await read_json(request)

    def write(hand: Hand) -> Any:
        if values or not query["visible"]:
            hand.merge(path, values)
        hand.finish()
        _show_to(hand.tx, path, VISIBLE[query["visible"]])
        return _served(live, hand.tx, path, query)

    return _shown(await _write(live, query, write))


async def delete_resource(live: Live, request: Request) -> Response:
    """Remove a resource and all below it. An event that devices know is better cancelled first."""
    query = read_query(request, {"dry_run": "false"})
    path = _path(request)

    def write(hand: Hand) -> Any:
        return {"removed": hand.remove(path)}

    return _shown(await _write(live, {**WRITE, **query}, write))


async def _write(live: Live, query: dict[str, str], change: Callable[[Hand], T]) -> T:
    dry_run = read_flag(query, "dry_run")
    if query["visible"] not in VISIBLE:
        raise HTTPException(422, "visible is public or assigned")
    if query["format"] not in ("json", "xml"):
        raise HTTPException(422, "format is json or xml")
    scope = identity.parse_lfdi(query["device"]) if query["device"] else VISIBLE[query["visible"]]
    if scope is None and query["group"]:
        scope = ASSIGNED
    now = int(live.service.clock())

    def write(tx: Transaction) -> T:
        seen_by = scope
        if query["device"] and scope is not None:
            device = tx.find("/edev", scope)
            if device is None:
                raise LocalError(f"no device with LFDI {identity.format_lfdi(scope)} is registered")
            seen_by = device.scope  # the certificate that speaks for it
        made = change(Hand(tx=tx, now=now, settings=live.service.settings, scope=seen_by))
        if dry_run:
            raise TriedOut(made)
        return made

    try:
        return await _found(live.service.store.write(write, long=True))
    except TriedOut as tried:
        made: T = tried.made
        return made


async def _found(result: Awaitable[T]) -> T:
    """Wait for a result; what is not there is answered 404."""
    try:
        return await result
    except NotThere as error:
        raise HTTPException(404, str(error)) from None


def _assign(tx: Transaction, named: str, hrefs: list[str]) -> None:
    for group in filter(None, named.split(",")):
        for href in hrefs:
            groups.assign(tx, group, href)


def _show_to(tx: Transaction, path: str, scope: bytes | None) -> None:
    """Make what is offered public, or for groups alone."""
    if scope is None:
        return
    row = tx.get(path)
    match = resources.match(row.listing) if row is not None and row.listing is not None else None
    if row is None or match is None or not match.resource.published:
        raise LocalError(f"visible is for members of {', '.join(sorted(resources.PUBLISHED))}")
    if path == FIRST_SET:
        raise LocalError(f"{path} is where events are answered that say nothing else: every device sees it")
    tx.put(replace(row, scope=scope))


def _served(live: Live, reader: Reader, path: str, query: dict[str, str]) -> Any:
    depth = read_number(query, "deep", most=MAX_DEPTH)
    if depth and query["format"] == "xml":
        edition = live.service.settings.edition
        found = _sight(live, reader).documents(path, depth=depth)
        return [serialize(one, edition).decode() for one in found]
    if depth:
        return _sight(live, reader).deep(path, depth=depth)
    document = read_served(live, reader, path)
    if query["format"] == "xml":
        return serialize(document, live.service.settings.edition)
    return to_json(document)


def read_served(live: Live, reader: Reader, path: str) -> sep.Sep:
    """Return what a device that may see everything gets at a path. Raises NotThere."""
    return _sight(live, reader).document(path)


def _shown(made: Any, status: int = 200, *, dry_run: str = "false") -> Response:
    status = 200 if dry_run == "true" else status
    if isinstance(made, bytes):
        return Response(made, status, media_type="application/sep+xml")
    response = answer(made, status)
    if status == 201 and isinstance(made, dict) and "href" in made:
        response.headers["Location"] = f"/api/resources{made['href']}"
    return response


def _sight(live: Live, reader: Reader) -> Sight:
    return Sight(reader=reader, now=live.service.clock(), settings=live.service.settings)


def _path(request: Request) -> str:
    return "/" + str(request.path_params["path"])
