"""Answers at the agent's paths: a request in, a response out, over the same store as the tree.

No certificate says who asks, unless the proxy hands one over: a path names its device, as it did for the
agent. So this is for this machine alone; whoever reaches it is trusted by the proxy before it. A device
that shows a certificate may use its own paths only.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from urllib.parse import parse_qs

from openesi.errors import LocalError
from openesi.sep2 import identity, lists, resources, xml
from openesi.sep2 import model as sep
from openesi.sep2.editions import VOLTTRON
from openesi.sep2.enums import Uom
from openesi.sep2.errors import DecodeError, EncodeError
from openesi.server import functions, own_controls, own_program
from openesi.server.caller import Caller, find_caller
from openesi.server.documents import STORED, mrid_for, stripped
from openesi.server.encoding import XML
from openesi.server.errors import Refusal, not_found
from openesi.server.functions.base import Change, Outcome, replace_document
from openesi.server.message import Request, Response
from openesi.server.service import Service
from openesi.server.tls import ProxySettings
from openesi.server.view import View
from openesi.server.volttron import loose
from openesi.server.volttron.paths import OWN, Place, agent_path, place_of, rewritten
from openesi.server.wire import serve
from openesi.store import Reader, Row, StoreError, Transaction

log = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.0/8", "::1/128")
DEFAULT_LIMIT = 255  # members that a list shows where a device does not say
DRAIN_S = 1.0

_MIRRORS, _MIRROR = "/dcap/mup", "/dcap/mup/{}"
# What devices write: all of it whole, by POST or PUT.
_WRITTEN: dict[str, tuple[type[sep.Sep], ...]] = {
    "/dcap/edev/{}/di": (sep.DeviceInformation,),
    "/dcap/edev/{}/dstat": (sep.DeviceStatus,),
    "/dcap/edev/{}/ps": (sep.PowerStatus,),
    "/dcap/edev/{}/der/1/dera": (sep.DERAvailability,),
    "/dcap/edev/{}/der/1/dercap": (sep.DERCapability,),
    "/dcap/edev/{}/der/1/derg": (sep.DERSettings,),
    "/dcap/edev/{}/der/1/ders": (sep.DERStatus,),
    _MIRRORS: (sep.MirrorUsagePoint,),
    _MIRROR: (sep.MirrorUsagePoint, sep.MirrorMeterReading),
}

# What the readings of that agent's devices are, where they do not say.
_QUANTITIES = {
    "InstantPackCurrent": Uom.AMPERES,
    "InstantPackTemp": Uom.DEGREES_CELSIUS,
    "LineVoltageAvg": Uom.VOLTS,
    "PhaseCurrentAvg": Uom.AMPERES,
    "PhasePowerAvg": Uom.WATTS,
    "PhasePFA": Uom.COS_THETA,
    "EnergyIMP": Uom.WATT_HOURS,
    "EnergyEXP": Uom.WATT_HOURS,
}


class OldRoutes:
    """Answers requests at the agent's paths, for one server."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, request: Request) -> Response:
        """Answer; what is wrong with a request is told by its status alone, as by the agent."""
        try:
            await self._service.application.tick()
            return await self._respond(request)
        except (Refusal, DecodeError) as refusal:
            log.info(
                "refused status=%d method=%s target=%.120r address=%s reason=%.300r",
                refusal.status, request.method, request.target, request.peer.address, str(refusal),
            )  # fmt: skip
            return Response(refusal.status, headers=getattr(refusal, "headers", ()))
        except StoreError:
            log.exception("failed method=%s target=%.120r", request.method, request.target)
            return Response(503, headers=(("Retry-After", "30"),))

    async def _respond(self, request: Request) -> Response:
        if "origin" in request.headers or "sec-fetch-site" in request.headers:
            raise Refusal(403, "browsers have no business here: any page could write")
        place = place_of(request.path.rstrip("/") or "/")
        if place is None:
            raise not_found(request.path)
        methods = _methods(place)
        if request.method not in methods:
            allow = ", ".join(methods)
            raise Refusal(405, f"allowed: {allow}", headers=(("Allow", allow),))
        if request.method in ("GET", "HEAD"):
            return await self._get(request, place)
        return await self._write(request, place)

    async def _get(self, request: Request, place: Place) -> Response:
        window = _window(request.query)

        def look(reader: Reader) -> sep.Sep:
            device, caller = self._who(reader, place, request)
            if place.pattern in OWN:
                assert device is not None
                return self._own(reader, place, device)
            return self._shown(reader, place, caller, window)

        document = await self._service.store.read(look)
        return Response(200, xml.serialize(document, VOLTTRON), content_type=XML.media_type)

    async def _write(self, request: Request, place: Place) -> Response:
        now = int(self._service.clock())
        document = loose.parse(request.body, _WRITTEN[place.pattern], now=now)
        _check_storable(document)

        def apply(tx: Transaction) -> Outcome:
            caller = self._writer(tx, place, document, request)
            tree = place.tree
            assert tree is not None
            match = resources.match(tree)
            assert match is not None
            change = Change(tx, now, caller, self._service.settings, match, tree)
            if isinstance(document, sep.MirrorUsagePoint | sep.MirrorMeterReading):
                return _mirror(change, place, document)
            return replace_document(change, stripped(document))

        outcome = await self._service.store.write(apply)
        if outcome.location is None or place.pattern not in (_MIRRORS, _MIRROR):
            return Response(204)
        return Response(201, headers=(("Location", outcome.location),), content_type=XML.media_type)

    # --- who asks ----------------------------------------------------------------------------------------

    def _who(self, reader: Reader, place: Place, request: Request) -> tuple[Row | None, Caller | None]:
        """Return the device that a path names, and as whom it is answered (None: as nobody in particular)."""
        shown = request.peer.lfdi
        if place.device is None:
            if shown is None:
                return None, None
            return None, self._caller(reader, shown)
        device = reader.get(place.device)
        if device is None or device.key is None:
            raise not_found(request.path)
        if shown is not None and shown not in (device.key, device.scope):
            raise not_found(request.path)
        return device, self._caller(reader, device.scope or device.key)

    def _writer(self, tx: Transaction, place: Place, document: sep.Sep, request: Request) -> Caller:
        """Return as whom a document is written: the device of the path, of the mirror, or that it names."""
        if place.device is not None:
            device, caller = self._who(tx, place, request)
            assert device is not None
        else:
            device, caller = self._mirroring(tx, place, document, request), None
        assert device.key is not None
        self._service.application.note_seen(device.key)
        return caller or self._caller(tx, device.scope or device.key)

    def _mirroring(self, tx: Transaction, place: Place, document: sep.Sep, request: Request) -> Row:
        if place.pattern == _MIRROR:
            mirror = tx.get(place.tree or "")
            owner = mirror.scope if mirror is not None else None
        else:
            assert isinstance(document, sep.MirrorUsagePoint)
            owner = document.deviceLFDI.rjust(identity.LFDI_OCTETS, b"\x00")
        device = tx.find("/edev", owner) if owner is not None else None
        if device is None:
            raise Refusal(404, f"{request.path}: no device is registered that this could belong to")
        if request.peer.lfdi not in (None, device.key, device.scope):
            raise not_found(request.path)
        return device

    def _caller(self, reader: Reader, lfdi: bytes) -> Caller:
        caller = find_caller(reader, lfdi, self._service.settings)
        if caller.revoked or not caller.registered:
            raise Refusal(403, f"certificate {identity.format_lfdi(lfdi)} is revoked or not registered")
        return caller

    # --- what is shown -----------------------------------------------------------------------------------

    def _shown(self, reader: Reader, place: Place, caller: Caller | None, window: lists.Window) -> sep.Sep:
        tree = place.tree
        assert tree is not None
        match = resources.match(tree)
        assert match is not None
        view = View(
            reader,
            now=self._service.clock(),
            caller=caller,
            settings=self._service.settings,
            special=functions.SPECIAL,
        )
        document: sep.Sep = rewritten(view.document(match, tree, window))
        if isinstance(document, sep.FunctionSetAssignmentsList):
            device = reader.get(place.device or "")
            assert device is not None
            one = self._assignments(device)
            return sep.replace(document, all=1, results=1, FunctionSetAssignments=(one,))
        return document

    def _own(self, reader: Reader, place: Place, device: Row) -> sep.Sep:
        """Return what the agent had for each device: one assignment, one program, the control in force."""
        base = agent_path(device.path)
        path = place.pattern.format(int(device.path.rpartition("/")[2]) - 1)
        control = self._control(reader, device)
        controls = () if control is None else (control,)
        program = sep.DERProgram(
            href=f"{base}/derp/1",
            mRID=mrid_for(self._service.settings.mrid_pen, "DERProgram", _lfdi(device)),
            description="DER Program",
            version=0,
            primacy=1,
            DERControlListLink=sep.DERControlListLink(href=f"{base}/derc", all=len(controls)),
        )
        made: dict[str, Callable[[], sep.Sep]] = {
            "FunctionSetAssignments": lambda: self._assignments(device),
            "DERProgramList": lambda: sep.DERProgramList(href=path, all=1, results=1, DERProgram=(program,)),
            "DERProgram": lambda: program,
            "DERControlList": lambda: sep.DERControlList(
                href=path, all=len(controls), results=len(controls), DERControl=controls
            ),
        }
        name = OWN[place.pattern]
        if name != "DERControl":
            return made[name]()
        if control is None:
            raise not_found(path)
        return control

    def _assignments(self, device: Row) -> sep.FunctionSetAssignments:
        base = agent_path(device.path)
        return sep.FunctionSetAssignments(
            href=f"{base}/fsa/0",
            mRID=mrid_for(self._service.settings.mrid_pen, "FunctionSetAssignments", _lfdi(device)),
            description="FSA",
            DERProgramListLink=sep.DERProgramListLink(href=f"{base}/derp", all=1),
            TimeLink=sep.TimeLink(href="/dcap/tm"),
        )

    def _control(self, reader: Reader, device: Row) -> sep.DERControl | None:
        program = own_program.find(reader, device)
        found = own_controls.in_force(reader, program, lambda control: True) if program else None
        if found is None:
            return None
        return sep.replace(
            found[1], href=f"{agent_path(device.path)}/derc/1", replyTo=None, responseRequired=b"\x00"
        )


def _methods(place: Place) -> tuple[str, ...]:
    return ("GET", "HEAD", "POST", "PUT") if place.pattern in _WRITTEN else ("GET", "HEAD")


def _window(query: str) -> lists.Window:
    window = lists.parse_window(query)
    asked = window.limit if "l" in parse_qs(query, keep_blank_values=True) else DEFAULT_LIMIT
    return replace(window, limit=min(asked, VOLTTRON.most_results))


def _check_storable(document: sep.Sep) -> None:
    try:
        xml.serialize(document, STORED)
    except EncodeError as error:
        raise Refusal(400, str(error)) from None


def _mirror(change: Change, place: Place, document: sep.MirrorUsagePoint | sep.MirrorMeterReading) -> Outcome:
    """Take readings; the agent kept them by their description, and asked for no type."""
    lfdi = change.caller.lfdi
    if place.pattern == _MIRRORS:
        assert isinstance(document, sep.MirrorUsagePoint)
        lfdi = document.deviceLFDI.rjust(identity.LFDI_OCTETS, b"\x00")
        mrid = document.mRID if any(document.mRID) else identity.derive_mrid(0, lfdi, "MirrorUsagePoint")
        point = change.tx.find("/upt", change.caller.lfdi + mrid.rjust(16, b"\x00"))
        readings = _named(change, point, lfdi, document.MirrorMeterReading)
        whole = sep.replace(document, mRID=mrid, deviceLFDI=lfdi, MirrorMeterReading=readings)
        _post(change, "MirrorUsagePointList", stripped(whole))
        row = change.tx.find("/mup", change.caller.lfdi + mrid.rjust(16, b"\x00"))
        assert row is not None
        return Outcome(201, agent_path(row.path))
    row = change.tx.get(change.path)
    assert row is not None
    assert row.key is not None
    point = change.tx.find("/upt", row.key)
    given = document.MirrorMeterReading if isinstance(document, sep.MirrorUsagePoint) else (document,)
    readings = _named(change, point, lfdi, given)
    many = sep.MirrorMeterReadingList(all=len(readings), results=len(readings), MirrorMeterReading=readings)
    _post(change, "MirrorUsagePoint", many)
    return Outcome(201, agent_path(change.path))


def _post(change: Change, name: str, document: sep.Sep) -> None:
    post = functions.behaviour_of(name).post
    assert post is not None
    post(change, document)


def _named(
    change: Change, point: Row | None, lfdi: bytes, readings: tuple[sep.MirrorMeterReading, ...]
) -> tuple[sep.MirrorMeterReading, ...]:
    """Return readings under an mRID that comes of their description, with a type where none was known."""
    named = []
    for reading in readings:
        mrid = identity.derive_mrid(0, lfdi, reading.description or reading.mRID)
        known = point is not None and change.tx.find(f"{point.path}/mr", mrid.rjust(16, b"\x00")) is not None
        kind = reading.ReadingType
        if kind is None and not known:
            uom = _QUANTITIES.get(reading.description or "", Uom.NOT_APPLICABLE)
            kind = sep.ReadingType(uom=uom, powerOfTenMultiplier=0)
        named.append(sep.replace(reading, mRID=mrid, ReadingType=kind))
    return tuple(named)


def _lfdi(device: Row) -> bytes:
    assert device.key is not None, "an EndDevice is kept by its LFDI"
    return device.key


@asynccontextmanager
async def serving(service: Service, *, port: int) -> AsyncIterator[str]:
    """Serve the agent's paths on loopback while the block runs; yield the URL of its DeviceCapability.

    Raises LocalError for a port that is taken.
    """
    proxy = ProxySettings(tuple(ip_network(one) for one in LOOPBACK))
    try:
        wire = await serve(
            OldRoutes(service), host="127.0.0.1", port=port, proxy=proxy, limits=service.place.limits
        )
    except OSError as error:
        raise LocalError(f"cannot listen on port {port}: {error.strerror}; choose another") from error
    try:
        yield f"http://127.0.0.1:{wire.port}/dcap"
    finally:
        await wire.close(DRAIN_S)
