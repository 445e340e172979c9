"""The DERProgram of one device: what is sent there reaches this device and no other.

It is made when it is first needed: a program that only a group sees, and a group of which the device is the
one member.
"""

from __future__ import annotations

import secrets

import msgspec

from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.server import groups
from openesi.server.documents import make_row
from openesi.server.settings import Settings
from openesi.store import ASSIGNED, Reader, Row, Transaction

PRIMACY = 0  # what is meant for one device comes before what is meant for many


class _Own(msgspec.Struct, frozen=True):
    """What was made for a device: paths, and the mRIDs by which it is known that they still lead there."""

    program: str
    program_mrid: str
    group: str
    group_mrid: str


def find(reader: Reader, device: Row) -> str | None:
    """Return the path of a device's own program, if it has been made."""
    own = _kept(reader, device)
    return own.program if own is not None and _is_there(reader, own.program, own.program_mrid) else None


def ensure(tx: Transaction, device: Row, settings: Settings) -> str:
    """Return the path of a device's own program; make and assign it where it is not. Raises LocalError."""
    own = _kept(tx, device)
    name = f"Device {identity.sfdi_from_lfdi(_lfdi(device)):012d}"
    if own is not None and _is_there(tx, own.group, own.group_mrid):
        group = own.group
    else:
        group = groups.add_group(tx, name, settings=settings)
    program = find(tx, device)
    if program is None:
        mrid = identity.build_mrid(secrets.randbits(96), settings.mrid_pen)
        made = sep.DERProgram(mRID=mrid, description=name, primacy=PRIMACY)
        row = tx.insert("/derp", lambda path: make_row(path, made, listing="/derp", scope=ASSIGNED))
        program = row.path
    groups.assign(tx, group, program)
    groups.join(tx, group, device)
    kept = _Own(program, _mrid_at(tx, program), group, _mrid_at(tx, group))
    if kept != own:
        tx.keep(_setting(device), msgspec.json.encode(kept).decode())
    return program


def forget(tx: Transaction, device: Row) -> None:
    """Remove a device's own program, with its controls, and its group: the device goes."""
    own = _kept(tx, device)
    if own is None:
        return
    if _is_there(tx, own.group, own.group_mrid):
        groups.remove_group(tx, own.group)
    if _is_there(tx, own.program, own.program_mrid):
        tx.delete(own.program)
    tx.keep(_setting(device), "")


def _kept(reader: Reader, device: Row) -> _Own | None:
    kept = reader.setting(_setting(device))
    return msgspec.json.decode(kept, type=_Own) if kept else None


def _is_there(reader: Reader, path: str, mrid: str) -> bool:
    """Tell whether a path still leads to what was made: what an operator removed may have a successor."""
    return _mrid_at(reader, path) == mrid


def _mrid_at(reader: Reader, path: str) -> str:
    row = reader.get(path)
    return row.key.hex() if row is not None and row.key is not None else ""


def _setting(device: Row) -> str:
    return f"own program of {_lfdi(device).hex()}"


def _lfdi(device: Row) -> bytes:
    assert device.key is not None, "an EndDevice is kept by its LFDI"
    return device.key
