"""Devices over the operator's API: registered, changed, revoked, forgotten."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from openesi.errors import LocalError
from openesi.pki.reading import BadCertificate, load_certificate, load_pem_or_der
from openesi.sep2 import identity
from openesi.sep2.editions import EDITIONS
from openesi.server import groups, operator
from openesi.server.tree import Hand
from openesi.store import Transaction
from openesi.web import watching
from openesi.web.answers import answer
from openesi.web.bodies import paging, read_body
from openesi.web.groups import device_row
from openesi.web.live import Live

Seconds = Annotated[int, msgspec.Meta(ge=1, le=2**31)]


class NewDevice(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /api/devices. ``groups`` are hrefs; ``aggregator`` is the LFDI that speaks for it."""

    lfdi: str | None = None
    certificate: Annotated[str, msgspec.Meta(max_length=20_000)] | None = None
    pin: int = 111115
    aggregator: str | None = None
    is_aggregator: bool = False
    edition: str | None = None
    groups: Annotated[list[str], msgspec.Meta(max_length=100)] = []


class ChangedDevice(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PATCH /api/devices/{lfdi}: what is left out stays."""

    pin: int | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    post_rate_s: Seconds | UnsetType | None = UNSET
    revoked: bool | UnsetType = UNSET
    is_aggregator: bool | UnsetType = UNSET
    edition: str | UnsetType | None = UNSET


async def get_devices(live: Live, request: Request) -> Response:
    """List registered devices."""
    start, limit = paging(request)
    return answer(
        await live.service.store.read(lambda reader: operator.devices(reader, start=start, limit=limit))
    )


async def post_device(live: Live, request: Request) -> Response:
    """Register a device out of band."""
    body = await read_body(request, NewDevice)
    lfdi, pinned = _identified(body)
    aggregator = identity.parse_lfdi(body.aggregator) if body.aggregator else None
    pin = identity.parse_pin(f"{body.pin:06d}")
    now = int(live.service.clock())
    _check_edition(body.edition)

    def register(tx: Transaction) -> str:
        row = operator.add_device(
            tx,
            lfdi,
            pin=pin,
            now=now,
            settings=live.service.settings,
            aggregator_lfdi=aggregator,
            is_aggregator=body.is_aggregator,
            edition=body.edition,
            certificate=pinned,
        )
        for group in body.groups:
            groups.join(tx, group, row)
        return row.path

    href = await live.service.store.write(register)
    return answer(
        {"href": href, "lfdi": identity.format_lfdi(lfdi), "sfdi": identity.sfdi_from_lfdi(lfdi)}, 201
    )


async def patch_device(live: Live, request: Request) -> Response:
    """Change what the server says of a device, or what it may do."""
    body = await read_body(request, ChangedDevice)
    named = request.path_params["lfdi"]
    now = int(live.service.clock())
    _check_edition(body.edition)
    pin = body.pin if body.pin is UNSET else identity.parse_pin(f"{body.pin:06d}")

    def change(tx: Transaction) -> None:
        row = device_row(tx, named)
        hand = Hand(tx=tx, now=now, settings=live.service.settings)
        changes = _given(enabled=body.enabled, postRate=body.post_rate_s)
        if changes:
            hand.merge(row.path, {**changes, "changedTime": now})
        if pin is not UNSET:
            hand.merge(f"{row.path}/rg", {"pIN": pin})
        rights = _given(revoked=body.revoked, aggregator=body.is_aggregator, edition=body.edition)
        if rights:
            operator.set_rights(tx, row, settings=live.service.settings, **rights)

    await live.service.store.write(change)
    return await watching.get_device(live, request)


async def delete_device(live: Live, request: Request) -> Response:
    """Forget a device."""
    lfdi = identity.parse_lfdi(request.path_params["lfdi"])
    if await live.service.store.read(lambda reader: reader.find("/edev", lfdi)) is None:
        raise HTTPException(404, f"no device with LFDI {identity.format_lfdi(lfdi)} is registered")
    await live.service.store.write(lambda tx: operator.remove_device(tx, lfdi))
    return Response(status_code=204)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not UNSET}


def _check_edition(edition: str | UnsetType | None) -> None:
    if isinstance(edition, str) and edition not in EDITIONS:
        raise LocalError(f"edition is one of {', '.join(EDITIONS)}")


def _identified(body: NewDevice) -> tuple[bytes, bytes | None]:
    """Return the LFDI that is meant, and the certificate if it is one to be pinned."""
    if (body.lfdi is None) == (body.certificate is None):
        raise LocalError("say which device: lfdi or certificate, one of them")
    if body.lfdi is not None:
        return identity.parse_lfdi(body.lfdi), None
    assert body.certificate is not None
    try:
        leaf = load_pem_or_der(body.certificate.encode())[0]
        certificate = load_certificate(leaf)
    except BadCertificate as error:
        raise LocalError(f"certificate: {error}") from None
    self_signed = certificate.subject == certificate.issuer
    return identity.lfdi_from_certificate(leaf), leaf if self_signed else None
