"""EndDevice and Registration: who is known to the server, and how a device becomes known."""

from __future__ import annotations

from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.lists import Window
from openesi.server import groups, own_program
from openesi.server.documents import make_row, mrid_for, read_document
from openesi.server.errors import Refusal
from openesi.server.functions import log_event
from openesi.server.functions.base import Behaviour, Change, Outcome, insert_member
from openesi.server.functions.metering import is_mirrored
from openesi.server.settings import Settings
from openesi.server.view import Gathering, View
from openesi.store import Row, Transaction, list_tag

MAX_RESPONSE_SETS = 1_000  # an operator makes a few: one for everything, or one for each kind of event


def register(
    tx: Transaction,
    device: sep.EndDevice,
    *,
    scope: bytes,
    pin: int,
    now: int,
    settings: Settings,
) -> Row:
    """Make a device known: its EndDevice, Registration, one FunctionSetAssignments, one DER.

    ``scope`` is the LFDI of the certificate that speaks for it: its own, or its aggregator's. An aggregator
    itself is assigned nothing: what it speaks for is (CSIP, 6.1.7).
    Raises Refusal (409) if a device of this LFDI is known already.
    """
    lfdi = device.lFDI
    assert lfdi is not None
    if tx.find("/edev", lfdi) is not None:
        raise Refusal(409, f"LFDI {identity.format_lfdi(lfdi)} is registered already")
    if device.enabled is None:
        device = sep.replace(device, enabled=True)
    row = insert_member(tx, "/edev", sep.replace(device, changedTime=now), scope=scope, key=lfdi)
    tx.put(make_row(f"{row.path}/rg", sep.Registration(dateTimeRegistered=now, pIN=pin)))
    record = tx.peer(lfdi)
    if record is None or not record.aggregator:
        _assign_what_all_have(tx, row, settings)
        insert_member(tx, f"{row.path}/der", sep.DER())
    return row


def _assign_what_all_have(tx: Transaction, row: Row, settings: Settings) -> None:
    """Assign everything public to a device, and what groups of new devices have."""
    assert row.key is not None
    assignments = sep.FunctionSetAssignments(
        mRID=mrid_for(settings.mrid_pen, "FunctionSetAssignments", row.key), description="Everything public"
    )
    insert_member(tx, f"{row.path}/fsa", assignments)
    for group in groups.default_groups(tx):
        groups.join(tx, group, row)


def become_aggregator(tx: Transaction, row: Row) -> None:
    """Take away what a device was assigned: from now on it speaks for those that are."""
    for assignment in tx.page(f"{row.path}/fsa", limit=groups.MAX_GROUPS):
        tx.delete(assignment.path)


def become_device(tx: Transaction, row: Row, settings: Settings) -> None:
    """Assign to what was an aggregator what every device is assigned, unless it has something."""
    if not tx.count(f"{row.path}/fsa"):
        _assign_what_all_have(tx, row, settings)


def remove(tx: Transaction, row: Row) -> None:
    """Forget a device: what it wrote, its mirrors and what they mirrored, its own program."""
    own_program.forget(tx, row)
    tx.delete(row.path)
    if row.scope == row.key and row.scope is not None:
        sets = tx.page("/rsps", limit=MAX_RESPONSE_SETS)
        for listing in ("/mup", "/upt", *(f"{one.path}/rsp" for one in sets)):
            kept = 0
            while members := tx.page(listing, scope=row.scope, start=kept, limit=500):
                for member in members:
                    if listing == "/upt" and not is_mirrored(member):
                        kept += 1  # the operator's: a device that leaves does not take what it owes
                    else:
                        tx.delete(member.path)


def _post(change: Change, device: sep.EndDevice) -> Outcome:
    """Register in band (clause 6.9): a device itself, or by an aggregator one that it manages."""
    caller = change.caller
    lfdi = _identified(change, device)
    if lfdi != caller.lfdi and not caller.aggregator:
        raise Refusal(
            403, "only an aggregator may register a device with another LFDI than its certificate's"
        )
    if not change.settings.in_band_registration and not caller.aggregator:
        raise Refusal(403, "devices are registered out of band here: openesi device add")
    row = register(
        change.tx,
        sep.replace(
            device,
            lFDI=lfdi,
            enabled=None,
            postRate=change.settings.decide_post_rate(device.postRate) if device.postRate else None,
        ),
        scope=caller.lfdi,
        pin=change.settings.default_pin,
        now=change.now,
        settings=change.settings,
    )
    log_event.note(
        change.tx,
        change.now,
        change.settings,
        log_event.DEVICE_REGISTERED,
        details=row.path,
    )
    return Outcome(201, row.path)


def _identified(change: Change, device: sep.EndDevice) -> bytes:
    """Return the LFDI a posted EndDevice stands for; its sFDI must fit."""
    own = change.caller
    if device.lFDI is None:
        if device.sFDI != own.sfdi:
            raise Refusal(400, f"sFDI {device.sFDI} is not that of the certificate; give the lFDI too")
        return own.lfdi
    lfdi = device.lFDI.rjust(20, b"\x00")
    if identity.sfdi_from_lfdi(lfdi) != device.sFDI:
        raise Refusal(400, f"sFDI {device.sFDI} does not belong to lFDI {identity.format_lfdi(lfdi)}")
    return lfdi


def _put(change: Change, device: sep.EndDevice) -> Outcome:
    """Take a device's new description of itself; who it is and whether it is enabled stay."""
    old_row = change.tx.get(change.path)
    assert old_row is not None
    old = read_document(old_row, sep.EndDevice)
    if device.sFDI != old.sFDI or (device.lFDI is not None and device.lFDI != old.lFDI):
        raise Refusal(400, "sFDI and lFDI of an EndDevice cannot change; a new certificate is a new device")
    rate = old.postRate or (device.postRate and change.settings.decide_post_rate(device.postRate))
    new = sep.replace(
        device, lFDI=old.lFDI, changedTime=change.now, enabled=old.enabled, postRate=rate or None
    )
    change.tx.put(make_row(change.path, new, listing="/edev", scope=old_row.scope, key=old_row.key))
    return Outcome(204)


def _delete(change: Change) -> Outcome:
    row = change.tx.get(change.path)
    assert row is not None
    remove(change.tx, row)
    log_event.note(change.tx, change.now, change.settings, log_event.DEVICE_REMOVED, details=row.path)
    return Outcome(204)


def _page(view: View, path: str, window: Window) -> tuple[list[Row], int] | None:
    """Return the EndDevice with the SFDI that is asked for, if the client speaks for it (2023)."""
    if not window.equal:
        return None
    assert view.caller is not None
    view.personal = True
    view.depends.add(list_tag(path, view.caller.lfdi))
    sfdi = window.equal["sFDI"]
    assert isinstance(sfdi, int)
    lfdis = identity.lfdis_of_sfdi(sfdi)
    row = view.reader.find_between(path, *lfdis) if lfdis is not None else None
    found = [row] if row is not None and row.scope == view.caller.lfdi else []
    return found[window.start : window.start + window.limit], len(found)


def _has_assignments(view: View, path: str, count: int) -> bool:
    """Tell whether assignments are shown: an aggregator has none, what it speaks for has (CSIP, 6.1.7)."""
    if count:
        return True
    row = view.row(path.removesuffix("/fsa"))
    record = view.reader.peer(row.key) if row is not None and row.key is not None else None
    return record is None or not record.aggregator


def _remove_group(tx: Transaction, row: Row) -> None:
    groups.set_default(tx, row.path, default=False)


BEHAVIOURS = {
    "Group": Behaviour(removed=_remove_group),
    "FunctionSetAssignmentsList": Behaviour(linked=_has_assignments),
    "EndDeviceList": Behaviour(post=_post, gathering=Gathering(_page)),
    "EndDevice": Behaviour(put=_put, delete=_delete, removed=remove),
}
