"""The DERProgram of one device: what is sent there reaches this device and no other.

It is made when it is first needed: a program that only a group sees, and a group of which the device is the
one member.
"""

from __future__ import annotations

import json
import secrets

from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.server import groups
from openesi.server.documents import make_row
from openesi.server.settings import Settings
from openesi.store import ASSIGNED, Reader, Row, Transaction

PRIMACY = 0  # what is meant for one device comes before what is meant for many


def find(reader: Reader, device: Row) -> str | None:
    """Return the path of a device's own program, if it has been made."""
    program = _kept(reader, device).get("program", "")
    row = reader.get(program)
    return program if row is not None and row.type == "DERProgram" else None


def ensure(tx: Transaction, device: Row, settings: Settings) -> str:
    """Return the path of a device's own program; make and assign it where it is not. Raises LocalError."""
    program, group = find(tx, device), _kept(tx, device).get("group", "")
    name = f"Device {identity.sfdi_from_lfdi(_lfdi(device)):012d}"
    if tx.get(group) is None:
        group = groups.add_group(tx, name, settings=settings)
    if program is None:
        mrid = identity.build_mrid(secrets.randbits(96), settings.pen)
        made = sep.DERProgram(mRID=mrid, description=name, primacy=PRIMACY)
        row = tx.insert("/derp", lambda path: make_row(path, made, listing="/derp", scope=ASSIGNED))
        program = row.path
    groups.assign(tx, group, program)
    groups.join(tx, group, device)
    tx.keep(_setting(device), json.dumps({"program": program, "group": group}))
    return program


def forget(tx: Transaction, device: Row) -> None:
    """Remove a device's own program, with its controls, and its group: the device goes."""
    kept = _kept(tx, device)
    if kept and tx.get(kept["group"]) is not None:
        groups.remove_group(tx, kept["group"])
    if kept:
        tx.delete(kept["program"])
        tx.keep(_setting(device), "")


def _kept(reader: Reader, device: Row) -> dict[str, str]:
    kept = reader.setting(_setting(device))
    return json.loads(kept) if kept else {}


def _setting(device: Row) -> str:
    return f"own program of {_lfdi(device).hex()}"


def _lfdi(device: Row) -> bytes:
    assert device.key is not None, "an EndDevice is kept by its LFDI"
    return device.key
