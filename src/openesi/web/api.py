"""The operator's JSON API. What it can do stands in ``server.operator``; here is only its form.

Whoever shows the token is the operator (``web.token``). It listens on this machine alone unless told
otherwise, answers only under host names it was told, and takes writes only as JSON, files as octets (which a
page of another site cannot send without being asked first).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from openesi.errors import LocalError, PeerError
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.json import from_json, to_json
from openesi.sep2.xml import serialize
from openesi.server import operator
from openesi.server.documents import read_document
from openesi.server.groups import Group, Visibility, assign
from openesi.server.rates import Rates
from openesi.server.tree import Hand
from openesi.store import ASSIGNED, PUBLIC, Reader, StoreError, Transaction
from openesi.web import (
    devices,
    events,
    files,
    groups,
    notifications,
    openapi,
    points,
    rates,
    resources,
    watching,
)
from openesi.web.answers import answer, problem
from openesi.web.bodies import read_body, read_flag, read_query
from openesi.web.live import Live
from openesi.web.resources import TriedOut, read_served
from openesi.web.timeline import Event, Program, read_programs
from openesi.web.token import LOGIN, log_in

MAX_DURATION_S = 366 * 86_400
MAX_POWER_W = 1e12  # more than all power stations of the world
Positive = Annotated[int, msgspec.Meta(gt=0, le=MAX_DURATION_S)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class NewProgram(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /api/programs."""

    description: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    primacy: Annotated[int, msgspec.Meta(ge=0, le=255)] = 1
    groups: Annotated[list[str], msgspec.Meta(max_length=100)] = []


class Modes(msgspec.Struct, forbid_unknown_fields=True):
    """What a control or default sets: a limit in W or percent, a target in W, connect, energize.

    ``control`` is a DERControlBase in the standard's terms, for all other modes.
    """

    limit_w: Annotated[float, msgspec.Meta(ge=0, le=MAX_POWER_W)] | None = None
    limit_percent: Percent | None = None
    target_w: Annotated[float, msgspec.Meta(ge=-MAX_POWER_W, le=MAX_POWER_W)] | None = None
    connect: bool | None = None
    energize: bool | None = None
    control: dict[str, Any] | None = None


class NewEvent(Modes):
    """Body of POST /api/events. ``start`` is in s since 1970; now if it is not given."""

    duration_s: Positive = 3_600
    start: int | None = None
    program: str = operator.FIRST_PROGRAM
    description: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    randomize_start_s: Annotated[int, msgspec.Meta(ge=-3_600, le=3_600)] | None = None
    randomize_duration_s: Annotated[int, msgspec.Meta(ge=-3_600, le=3_600)] | None = None


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /api/login."""

    token: Annotated[str, msgspec.Meta(max_length=200)]


class Default(Modes):
    """Body of PUT /api/default."""

    program: str = operator.FIRST_PROGRAM


Endpoint = Callable[[Live, Request], Awaitable[Response]]


async def get_status(live: Live, request: Request) -> Response:
    """Say what this server is."""
    del request
    counted = await live.service.store.read(lambda reader: reader.count("/edev"))
    return answer({
        "server": live.service.url,
        "lfdi": identity.format_lfdi(live.service.settings.lfdi),
        "sfdi": identity.sfdi_from_lfdi(live.service.settings.lfdi),
        "edition": live.service.settings.edition.name,
        "started": live.service.settings.started,
        "now": live.service.clock(),
        "devices": counted,
        "requests": live.service.wire.statistics.requests,
    })  # fmt: skip


async def get_programs(live: Live, request: Request) -> Response:
    """List programs with what applies in each while there is no event."""
    del request
    return answer(await live.service.store.read(read_programs))


async def post_program(live: Live, request: Request) -> Response:
    """Add a program."""
    body = await read_body(request, NewProgram)

    def add(tx: Transaction) -> str:
        row = operator.add_program(
            tx,
            description=body.description,
            primacy=body.primacy,
            settings=live.service.settings,
            scope=ASSIGNED if body.groups else PUBLIC,
        )
        for group in body.groups:
            assign(tx, group, row.path)
        return row.path

    return answer({"href": await live.service.store.write(add)}, 201)


async def post_event(live: Live, request: Request) -> Response:
    """Send a control; with ``?dry_run=true`` only tell what would be served."""
    dry_run = read_flag(read_query(request, {"dry_run": "false"}), "dry_run")  # a slip must not send
    body = await read_body(request, NewEvent)
    now = int(live.service.clock())

    def send(tx: Transaction) -> Event:
        operator.existing(tx, body.program, sep.DERProgram)
        hand = Hand(tx=tx, now=now, settings=live.service.settings)
        path = hand.insert(f"{body.program}/derc", _control(tx, body, now))
        hand.finish()
        event = watching.event_at(live, tx, path)
        if dry_run:
            xml = serialize(read_served(live, tx, path), live.service.settings.edition).decode()
            raise TriedOut({**msgspec.to_builtins(event), "xml": xml})
        return event

    try:
        return answer(await live.service.store.write(send), 201)
    except TriedOut as tried:
        return answer(tried.made)


async def delete_event(live: Live, request: Request) -> Response:
    """Cancel an event of any kind, given by its path or mRID."""
    query = read_query(request, {"randomized": "false"})
    randomized = read_flag(query, "randomized")
    named = "/" + request.path_params["event"]
    now = int(live.service.clock())

    def cancel(tx: Transaction) -> Event | dict[str, Any]:
        path = events.cancel_named(tx, named, now=now, randomized=randomized)
        if path.startswith("/derp/"):
            return watching.event_at(live, tx, path)
        return events.summarize(tx, path)

    return answer(await live.service.store.write(cancel))


async def put_default(live: Live, request: Request) -> Response:
    """Set what applies while no control does."""
    body = await read_body(request, Default)
    now = int(live.service.clock())

    def change(tx: Transaction) -> None:
        operator.existing(tx, body.program, sep.DERProgram)
        path = f"{body.program}/dderc"
        row = tx.get(path)
        before = to_json(read_document(row, sep.DefaultDERControl)) if row is not None else {}
        before.pop("version", None)
        base = to_json(control_base(tx, body, program=body.program))
        Hand(tx=tx, now=now, settings=live.service.settings).put(path, {**before, "DERControlBase": base})

    await live.service.store.write(change)
    return Response(status_code=204)


async def post_login(live: Live, request: Request) -> Response:
    """Give a browser a cookie for the token in the body, so that it need not be shown again."""
    del live
    return log_in((await read_body(request, Login)).token, request.app.state.token)


async def get_openapi(live: Live, request: Request) -> Response:
    """Describe this API for programs, as OpenAPI."""
    del live, request
    return answer(openapi.describe(ENDPOINTS, bodies=BODIES, answers=ANSWERS, queries=QUERIES))


def control_base(reader: Reader, modes: Modes, *, program: str) -> sep.DERControlBase:
    """Return the modes in the standard's terms, in a program. Raises LocalError for two limits at once."""
    if modes.limit_w is not None and modes.limit_percent is not None:
        raise LocalError("give the limit in W or in percent, not both")
    limit = None
    if modes.limit_percent is not None:
        limit = round(modes.limit_percent * 100)
    elif modes.limit_w is not None:
        limit = operator.limit_percent(reader, Decimal(str(modes.limit_w)), program=program)
    given = from_json(modes.control or {}, sep.DERControlBase, path="control")
    named = {
        "opModConnect": modes.connect,
        "opModEnergize": modes.energize,
        "opModMaxLimW": limit,
        "opModTargetW": operator.active_power(modes.target_w) if modes.target_w is not None else None,
    }
    return sep.replace(given, **{name: value for name, value in named.items() if value is not None})


def _control(reader: Reader, body: NewEvent, now: int) -> dict[str, Any]:
    """Return the DERControl that is asked for, in the standard's terms."""
    values = {
        "DERControlBase": to_json(control_base(reader, body, program=body.program)),
        "interval": {"start": now if body.start is None else body.start, "duration": body.duration_s},
        "description": body.description,
        "randomizeStart": body.randomize_start_s,
        "randomizeDuration": body.randomize_duration_s,
    }
    return {name: value for name, value in values.items() if value is not None}


def routes(live: Live) -> list[Route]:
    """Return the routes of the API, each bound to what it works on."""

    def bound(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def call(request: Request) -> Response:
            try:
                await live.catch_up()
                response = await endpoint(live, request)
                if request.method not in ("GET", "HEAD"):
                    await live.catch_up()  # devices and pages hear of it now
                return response
            except StoreError as error:
                return problem(503, str(error))
            except PeerError as error:
                return problem(error.status, str(error))
            except LocalError as error:
                return problem(422, str(error))

        return call

    return [Route(path, bound(endpoint), methods=[method]) for method, path, endpoint in ENDPOINTS]


ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/api/status", get_status),
    ("GET", "/api/openapi.json", get_openapi),
    ("POST", LOGIN, post_login),
    ("GET", "/api/live", watching.get_live),
    ("GET", "/api/readings", watching.get_readings),
    ("GET", "/api/devices", devices.get_devices),
    ("POST", "/api/devices", devices.post_device),
    ("GET", "/api/devices/{lfdi}", watching.get_device),
    ("PATCH", "/api/devices/{lfdi}", devices.patch_device),
    ("DELETE", "/api/devices/{lfdi}", devices.delete_device),
    ("GET", "/api/programs", get_programs),
    ("POST", "/api/programs", post_program),
    ("GET", "/api/events", watching.get_events),
    ("POST", "/api/events", post_event),
    ("GET", "/api/events/{event:path}", watching.get_event),
    ("DELETE", "/api/events/{event:path}", delete_event),
    ("PUT", "/api/default", put_default),
    ("POST", "/api/cancel", events.post_cancel),
    ("POST", "/api/supersede", events.post_supersede),
    ("GET", "/api/rates", rates.get_rates),
    ("PUT", "/api/rates", rates.put_rates),
    ("GET", "/api/groups", groups.get_groups),
    ("POST", "/api/groups", groups.post_group),
    ("GET", "/api/groups/{group}", groups.get_group),
    ("PATCH", "/api/groups/{group}", groups.patch_group),
    ("DELETE", "/api/groups/{group}", groups.delete_group),
    ("GET", "/api/groups/{group}/devices", groups.get_members),
    ("POST", "/api/groups/{group}/devices", groups.post_members),
    ("PUT", "/api/groups/{group}/devices/{lfdi}", groups.put_member),
    ("DELETE", "/api/groups/{group}/devices/{lfdi}", groups.delete_member),
    ("PUT", "/api/groups/{group}/assigned/{href:path}", groups.put_assigned),
    ("DELETE", "/api/groups/{group}/assigned/{href:path}", groups.delete_assigned),
    ("GET", "/api/resources", resources.get_table),
    ("GET", "/api/resources/{path:path}", resources.get_resource),
    ("POST", "/api/resources/{path:path}", resources.post_resource),
    ("PUT", "/api/resources/{path:path}", resources.put_resource),
    ("PATCH", "/api/resources/{path:path}", resources.patch_resource),
    ("DELETE", "/api/resources/{path:path}", resources.delete_resource),
    ("GET", "/api/visible/{path:path}", groups.get_visibility),
    ("GET", "/api/notifications", notifications.get_notifications),
    ("POST", "/api/notifications/{subscription:path}", notifications.post_notification),
    ("DELETE", "/api/notifications/{subscription:path}", notifications.delete_notification),
    *points.ENDPOINTS,
    *files.ENDPOINTS,
)

# What endpoints take and return, where a type says it; ``get_openapi`` tells.
BODIES: dict[Endpoint, Any] = {
    devices.post_device: devices.NewDevice,
    devices.patch_device: devices.ChangedDevice,
    post_program: NewProgram,
    post_event: NewEvent,
    put_default: Default,
    post_login: Login,
    events.post_cancel: events.Cancelling,
    rates.put_rates: Rates,
    groups.post_group: groups.NewGroup,
    groups.patch_group: groups.ChangedGroup,
    groups.post_members: groups.Joining,
    **points.BODIES,
}
PAGED = {"start": "0", "limit": "1000"}
QUERIES: dict[Endpoint, dict[str, str]] = {
    devices.get_devices: PAGED,
    groups.get_groups: PAGED,
    groups.get_members: PAGED,
    watching.get_readings: {"range": "48h"},
    watching.get_events: {"program": "", "ended": "false"},
    post_event: {"dry_run": "false"},
    delete_event: {"randomized": "false"},
    events.post_supersede: {"event": ""},
    resources.get_resource: resources.LOOK,
    resources.post_resource: resources.WRITE,
    resources.put_resource: resources.WRITE,
    resources.patch_resource: resources.WRITE,
    resources.delete_resource: {"dry_run": "false"},
    **points.QUERIES,
    **files.QUERIES,
}
ANSWERS: dict[Endpoint, Any] = {
    devices.get_devices: list[operator.DeviceSummary],
    get_programs: list[Program],
    watching.get_events: list[Event],
    watching.get_event: Event,
    post_event: Event,
    delete_event: Event,
    groups.get_groups: list[Group],
    groups.post_group: Group,
    groups.get_group: Group,
    groups.patch_group: Group,
    groups.post_members: Group,
    groups.get_visibility: Visibility,
    **points.ANSWERS,
    **files.ANSWERS,
}
