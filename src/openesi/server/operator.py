"""What whoever runs the server does with it: devices, programs, controls. The web API and the CLI call this.

Functions of a transaction (or reader) and the time; the standard leaves this side open, so nothing here is
reachable from the device wire.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from openesi.errors import LocalError
from openesi.sep2 import events, identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState
from openesi.sep2.xml import parse_as
from openesi.server.documents import STORED, make_row, mrid_for, new_mrid, read_document
from openesi.server.functions.base import insert_member
from openesi.server.functions.der import scaled
from openesi.server.functions.end_device import become_aggregator, become_device, register, remove
from openesi.server.functions.events import expect_future, newborn, settle, write_event
from openesi.server.functions.response import event_known
from openesi.server.groups import assigned_devices
from openesi.server.settings import Settings
from openesi.store import PUBLIC, PeerRecord, Reader, Row, Transaction

MAX_LISTED = 100_000  # rows an operator's listing reads at most
FIRST_PROGRAM = "/derp/1"
HUNDRED_PERCENT = 10_000  # PerCent counts hundredths
WEAKEST = 191  # the last user-defined primacy (type PrimacyType): the first program gives way to all others


class DeviceSummary(msgspec.Struct, frozen=True):
    """One registered device, as lists show it, and what its certificate may do."""

    href: str
    lfdi: str
    sfdi: int
    pin: int | None
    enabled: bool
    managed_by: str | None
    is_aggregator: bool
    revoked: bool
    edition: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlOrder:
    """A DERControl to be sent. ``start`` is in s since 1970, ``duration_s`` > 0; randomization in s."""

    base: sep.DERControlBase
    start: int
    duration_s: int
    description: str | None = None
    randomize_start_s: int | None = None
    randomize_duration_s: int | None = None


def set_up(tx: Transaction, now: int, settings: Settings) -> None:
    """Give a new store what every server has: one response set and one program with a default control."""
    if tx.setting("set up") is not None:
        return
    responses = sep.ResponseSet(
        mRID=mrid_for(settings.mrid_pen, "ResponseSet", "1"), description="All responses"
    )
    insert_member(tx, "/rsps", responses, scope=PUBLIC)
    add_program(tx, description="Everyone", primacy=WEAKEST, settings=settings)
    tx.keep("set up", str(now))


def add_program(
    tx: Transaction, *, description: str, primacy: int, settings: Settings, scope: bytes = PUBLIC
) -> Row:
    """Add a DERProgram whose default control limits nothing. Lower ``primacy`` wins.

    ``scope`` is ``PUBLIC``, or ``ASSIGNED`` for what only groups see.
    """
    program = sep.DERProgram(mRID=new_mrid(settings.mrid_pen), description=description, primacy=primacy)
    row = insert_member(tx, "/derp", program, scope=scope)
    set_default(tx, row.path, sep.DERControlBase(opModMaxLimW=HUNDRED_PERCENT), settings=settings)
    return row


def set_default(tx: Transaction, program: str, base: sep.DERControlBase, *, settings: Settings) -> None:
    """Set what applies in a program while no control does. Its version rises with each change."""
    existing(tx, program, sep.DERProgram)
    path = f"{program}/dderc"
    old = tx.get(path)
    if old is None:
        mrid = new_mrid(settings.mrid_pen)  # not that of one that was removed, whose version 0 said otherwise
        default = sep.DefaultDERControl(mRID=mrid, version=0, DERControlBase=base)
    else:
        before = read_document(old, sep.DefaultDERControl)
        default = sep.replace(before, version=((before.version or 0) + 1) % 65_536, DERControlBase=base)
    tx.put(make_row(path, default))


def add_curve(tx: Transaction, program: str, curve: sep.DERCurve, *, settings: Settings) -> Row:
    """Add a DERCurve to a program; its mRID is made if it is all zero."""
    existing(tx, program, sep.DERProgram)
    if not any(curve.mRID):
        curve = sep.replace(curve, mRID=new_mrid(settings.mrid_pen))
    return insert_member(tx, f"{program}/dc", curve)


def send_control(tx: Transaction, program: str, order: ControlOrder, *, now: int, settings: Settings) -> Row:
    """Add a DERControl to a program. Raises LocalError if it would be over already, or asks for nothing."""
    existing(tx, program, sep.DERProgram)
    if order.duration_s <= 0:
        raise LocalError("a control needs a duration above zero")
    if order.base == sep.DERControlBase():
        raise LocalError("a control that sets no mode does nothing: give at least one")
    control = sep.DERControl(
        **newborn(settings, now),
        description=order.description,
        interval=sep.DateTimeInterval(duration=order.duration_s, start=order.start),
        randomizeDuration=order.randomize_duration_s,
        randomizeStart=order.randomize_start_s,
        DERControlBase=order.base,
    )
    expect_future(control, now)
    listing = f"{program}/derc"
    row = insert_member(tx, listing, events.begin(control, now))
    settle(tx, listing, now)
    return row


def cancel_event(
    tx: Transaction, path: str, *, now: int, randomized: bool = False, reason: str | None = None
) -> sep.Event:
    """Cancel an event of any kind. Raises LocalError if there is none, or it is over.

    ``randomized`` is for events that can be randomized; text messages and flow reservations end at once.
    """
    row = tx.get(path)
    if row is None or row.state is None:
        raise LocalError(f"there is no event at {path}")
    event = read_document(row, sep.Event)
    cancelled = events.cancel(event, now, randomized=randomized, reason=reason)
    if cancelled is event:
        raise LocalError(f"{path} is {EventState(event.EventStatus.currentStatus).name.lower()} already")
    write_event(tx, row, cancelled)
    return cancelled


def event_path(reader: Reader, named: str) -> str:
    """Return the path of an event of any kind, named by its path or mRID. Raises LocalError."""
    name = named.lstrip("/")
    if "/" in name:
        return f"/{name}"
    path = event_known(reader, identity.parse_mrid(name))
    if path is None:
        raise LocalError(f"there is no event with mRID {name}")
    return path


def active_power(power_w: float) -> sep.ActivePower:
    """Return a power in W as the standard writes it: 16 bits and the smallest power of ten that fits."""
    multiplier = 0
    while abs(round(power_w / 10**multiplier)) > 32_767:
        multiplier += 1
    return sep.ActivePower(multiplier=multiplier, value=round(power_w / 10**multiplier))


def limit_percent(reader: Reader, power_w: Decimal, *, program: str = FIRST_PROGRAM) -> int:
    """Return opModMaxLimW (hundredths of a percent) that limits all devices of a program to ``power_w``.

    The standard's limit is a share of each device's own setMaxW, so the sum of these is what is shared.
    Raises LocalError if no device that the program is for has posted its settings yet.
    """
    devices = assigned_devices(reader, program)
    shared = (
        scaled(settings.setMaxW)
        for path, settings in settings_posted(reader)
        if devices is None or path.partition("/der/")[0] in devices
    )
    total = sum(shared, Decimal(0))
    if total <= 0:
        raise LocalError(
            f"no device that {program} is for has posted DERSettings with setMaxW yet: "
            "give the limit in percent"
        )
    return max(0, min(HUNDRED_PERCENT, int(power_w * HUNDRED_PERCENT / total)))


def settings_posted(reader: Reader) -> Iterator[tuple[str, sep.DERSettings]]:
    """Yield the path and document of every DERSettings that a device has posted."""
    for row in reader.of_type("DERSettings", limit=MAX_LISTED):
        yield row.path, read_document(row, sep.DERSettings)


def add_device(
    tx: Transaction,
    lfdi: bytes,
    *,
    pin: int,
    now: int,
    settings: Settings,
    aggregator_lfdi: bytes | None = None,
    is_aggregator: bool = False,
    edition: str | None = None,
    certificate: bytes | None = None,
) -> Row:
    """Register a device out of band, and let it in if it was revoked.

    ``aggregator_lfdi`` is the certificate that speaks for it, if another; an aggregator may register devices
    of its own; ``edition`` is spoken to it; ``certificate`` (DER) is one that signed itself, to be trusted.
    What of these is not given stays as it was. Raises Refusal (409) if it is registered already.
    """
    known = tx.peer(lfdi) or PeerRecord(lfdi=lfdi)
    tx.put_peer(
        msgspec.structs.replace(
            known,
            revoked=False,
            edition=edition or known.edition,
            certificate=certificate or known.certificate,
            aggregator=is_aggregator or known.aggregator,
        )
    )
    device = sep.EndDevice(lFDI=lfdi, sFDI=identity.sfdi_from_lfdi(lfdi), changedTime=now)
    return register(tx, device, scope=aggregator_lfdi or lfdi, pin=pin, now=now, settings=settings)


def set_rights(tx: Transaction, row: Row, *, settings: Settings, **rights: Any) -> None:
    """Change fields of a device's PeerRecord; who becomes an aggregator is assigned nothing any more."""
    assert row.key is not None
    known = tx.peer(row.key) or PeerRecord(lfdi=row.key)
    changed = msgspec.structs.replace(known, **rights)
    tx.put_peer(changed)
    tx.touch(row.path)
    if changed.aggregator and not known.aggregator:
        become_aggregator(tx, row)
    elif known.aggregator and not changed.aggregator:
        become_device(tx, row, settings)


def remove_device(tx: Transaction, lfdi: bytes) -> None:
    """Forget a device and what it wrote. Raises LocalError if it is not registered."""
    row = tx.find("/edev", lfdi)
    if row is None:
        raise LocalError(f"no device with LFDI {identity.format_lfdi(lfdi)} is registered")
    remove(tx, row)


def find_by_sfdi(reader: Reader, sfdi: int) -> Row | None:
    """Return an EndDevice with this SFDI, which is the beginning of its LFDI; None: none is registered."""
    keys = identity.lfdis_of_sfdi(sfdi)
    return None if keys is None else reader.find_between("/edev", *keys)


def devices(reader: Reader, *, start: int = 0, limit: int = MAX_LISTED) -> list[DeviceSummary]:
    """Return registered devices in the order of the EndDeviceList."""
    return [summarize_device(reader, row) for row in reader.page("/edev", start=start, limit=limit)]


def programs(reader: Reader) -> list[tuple[str, sep.DERProgram]]:
    """Return path and document of every program, the strongest first."""
    return [(row.path, read_document(row, sep.DERProgram)) for row in reader.page("/derp", limit=MAX_LISTED)]


def revoke(tx: Transaction, lfdi: bytes) -> None:
    """Refuse a certificate from its next request on."""
    known = tx.peer(lfdi) or PeerRecord(lfdi=lfdi)
    tx.put_peer(msgspec.structs.replace(known, revoked=True))


def restore(tx: Transaction, lfdi: bytes) -> None:
    """Take a revocation back."""
    known = tx.peer(lfdi) or PeerRecord(lfdi=lfdi)
    tx.put_peer(msgspec.structs.replace(known, revoked=False))


def set_edition(tx: Transaction, lfdi: bytes, edition: str | None) -> None:
    """Choose the edition that a device is spoken to in; None: the server's."""
    known = tx.peer(lfdi) or PeerRecord(lfdi=lfdi)
    tx.put_peer(msgspec.structs.replace(known, edition=edition))


def summarize_device(reader: Reader, row: Row) -> DeviceSummary:
    """Return a registered device as lists show it."""
    device = read_document(row, sep.EndDevice)
    registration = reader.get(f"{row.path}/rg")
    lfdi = row.key or b""
    record = reader.peer(lfdi)
    return DeviceSummary(
        href=row.path,
        lfdi=identity.format_lfdi(lfdi),
        sfdi=device.sFDI,
        pin=parse_as(registration.body, sep.Registration, STORED).pIN if registration else None,
        enabled=device.enabled is not False,
        managed_by=identity.format_lfdi(row.scope) if row.scope and row.scope != lfdi else None,
        is_aggregator=record is not None and record.aggregator,
        revoked=record is not None and record.revoked,
        edition=record.edition if record else None,
    )


def existing(reader: Reader, path: str, kind: type[sep.Sep]) -> Row:
    """Return the row of a document of a type. Raises LocalError if there is none."""
    row = reader.get(path)
    if row is None or row.type != kind.__name__:
        raise LocalError(f"there is no {kind.__name__} at {path}")
    return row
