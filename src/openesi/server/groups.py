"""Groups of devices, and what function sets they are assigned (IEEE 2030.5-2018, 8.6).

A group is one FunctionSetAssignments at ``/fsa/{n}``, with a list for each function set it is assigned
(``/fsa/{n}/derp``). Its members show it in their own FunctionSetAssignmentsList. So what a million devices
are assigned is written once; a device of its own kind is a group of one.
"""

from __future__ import annotations

import json
import secrets
from typing import Literal

import msgspec

from openesi.errors import LocalError
from openesi.sep2 import identity, resources
from openesi.sep2 import model as sep
from openesi.server.documents import make_row, read_document
from openesi.server.settings import Settings
from openesi.store import ALIAS, ASSIGNABLE, ASSIGNED, PUBLIC, Reader, Row, Transaction

LISTING = "/fsa"
MAX_GROUPS = 10_000
MAX_ASSIGNED = 1_000  # of one group and function set; the standard thinks of 15 programs
_DEFAULT = "groups of new devices"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group as the operator sees it.

    ``default``: devices that register from now on belong to it; ``devices`` counts its members; ``assigned``
    holds the hrefs of what it is assigned.
    """

    href: str
    mrid: str
    description: str | None
    default: bool
    devices: int
    assigned: list[str]


class Visibility(msgspec.Struct, frozen=True, kw_only=True):
    """Who sees a resource: every registered device, ``groups`` alone, or those and the device of ``lfdi``."""

    visible: Literal["public", "assigned", "device"]
    lfdi: str | None
    groups: list[str]


def add_group(
    tx: Transaction, description: str, *, settings: Settings, mrid: bytes | None = None, default: bool = False
) -> str:
    """Make a group without members; return its path. ``default``: devices to come belong to it."""
    if tx.count(LISTING) >= MAX_GROUPS:
        raise LocalError(f"there are {MAX_GROUPS} groups already: remove one")
    mrid = mrid or identity.build_mrid(secrets.randbits(96), settings.mrid_pen)
    if tx.find(LISTING, mrid.rjust(16, b"\x00")) is not None:
        raise LocalError(f"there is a group with mRID {identity.format_mrid(mrid)} already")
    group = sep.FunctionSetAssignments(mRID=mrid, description=description, version=0)
    row = tx.insert(LISTING, lambda path: make_row(path, group, listing=LISTING, scope=ASSIGNED))
    if default:
        set_default(tx, row.path, default=True)
    return row.path


def remove_group(tx: Transaction, group: str) -> None:
    """Take a group away from its members, and remove it. What it was assigned stays. Raises LocalError."""
    _existing(tx, group)
    set_default(tx, group, default=False)
    tx.delete(group)


def set_default(tx: Transaction, group: str, *, default: bool) -> None:
    """Say whether devices that register from now on belong to a group."""
    wanted = [one for one in default_groups(tx) if one != group] + ([group] if default else [])
    tx.keep(_DEFAULT, json.dumps(wanted))


def default_groups(reader: Reader) -> list[str]:
    """Return the groups that a new device belongs to."""
    kept = reader.setting(_DEFAULT)
    return [str(one) for one in json.loads(kept)] if kept else []


def join(tx: Transaction, group: str, device: Row) -> None:
    """Make a device a member of a group; it stays one if it is. Raises LocalError for no such group."""
    target = _existing(tx, group)
    listing = f"{device.path}/fsa"
    if tx.find(listing, group.encode()) is not None:
        return
    tx.insert(listing, lambda path: _alias(path, target, listing=listing, scope=device.scope))


def leave(tx: Transaction, group: str, device: Row) -> None:
    """End a device's membership in a group. Raises LocalError if it is no member."""
    alias = tx.find(f"{device.path}/fsa", group.encode())
    if alias is None:
        raise LocalError(f"{device.path} is not in {group}")
    tx.delete(alias.path)


def assign(tx: Transaction, group: str, href: str) -> None:
    """Assign a program, tariff, account or the like to a group; it stays assigned if it is.

    Raises LocalError for no such group or resource, or one that no group can be assigned.
    """
    _existing(tx, group)
    target = tx.get(href)
    if target is None:
        raise LocalError(f"there is nothing at {href}")
    if target.type not in ASSIGNABLE or target.listing not in resources.ASSIGNED_LISTS.values():
        raise LocalError(f"a {target.type} cannot be assigned: {', '.join(sorted(_NAMES))} can")
    listing = f"{group}{target.listing}"
    if tx.find(listing, href.encode()) is not None:
        return
    if tx.count(listing) >= MAX_ASSIGNED:
        raise LocalError(f"{listing} is full ({MAX_ASSIGNED} members)")
    tx.insert(listing, lambda path: _alias(path, target, listing=listing, scope=None))
    tx.touch(group)


def unassign(tx: Transaction, group: str, href: str) -> None:
    """Take an assignment back. Raises LocalError if there is none."""
    _existing(tx, group)
    alias = tx.find(f"{group}{href.rpartition('/')[0]}", href.encode())
    if alias is None:
        raise LocalError(f"{group} is not assigned {href}")
    tx.delete(alias.path)
    tx.touch(group)


def seen_by(reader: Reader, path: str) -> Visibility:
    """Tell who sees a resource, by what it stands below. Raises LocalError if there is none."""
    if reader.get(path) is None:
        raise LocalError(f"there is nothing at {path}")
    above = (reader.get(place) for place in resources.instances_above(path))
    row = next((one for one in above if one is not None and one.scope is not None), None)
    scope, owner = (None, path) if row is None else (row.scope, row.path)
    is_own = scope not in (None, PUBLIC, ASSIGNED)
    return Visibility(
        visible="device" if is_own else "assigned" if scope == ASSIGNED else "public",
        lfdi=identity.format_lfdi(scope) if is_own and scope is not None else None,
        groups=_assigned_to(reader, owner),
    )


def _assigned_to(reader: Reader, path: str) -> list[str]:
    listings = [alias.listing or "" for alias in reader.aliases(path, limit=MAX_GROUPS)]
    return [one.rpartition("/")[0] for one in listings if one.startswith(f"{LISTING}/")]


def group_at(reader: Reader, path: str) -> Group:
    """Return a group. Raises LocalError if there is none."""
    return _summary(reader, _existing(reader, path))


def groups(reader: Reader, *, start: int = 0, limit: int = MAX_GROUPS) -> list[Group]:
    """Return groups in the order of a FunctionSetAssignmentsList."""
    return [_summary(reader, row) for row in reader.page(LISTING, start=start, limit=limit)]


def members(reader: Reader, group: str, *, start: int = 0, limit: int = 1_000) -> list[str]:
    """Return the paths of a group's devices. Raises LocalError for no such group."""
    _existing(reader, group)
    return [
        alias.listing.removesuffix("/fsa")
        for alias in reader.aliases(group, start=start, limit=limit)
        if alias.listing is not None
    ]


def assigned_devices(reader: Reader, href: str, *, limit: int = -1) -> frozenset[str] | None:
    """Return the paths of the devices that a program or the like is assigned to; None: it is for all.

    ``limit`` is how many of each group are looked at; -1: all of them.
    """
    row = reader.get(href)
    if row is None or row.scope != ASSIGNED:
        return None
    lists = [alias.listing for alias in reader.aliases(href) if alias.listing is not None]
    assigned = [listing.rpartition("/")[0] for listing in lists]
    return frozenset(device for group in assigned for device in members(reader, group, limit=limit))


def groups_of(reader: Reader, device: str) -> list[str]:
    """Return the groups that a device belongs to, in the order it is shown them."""
    rows = reader.page(f"{device}/fsa", limit=MAX_GROUPS)
    return [row.key.decode() for row in rows if row.type == ALIAS and row.key is not None]


_NAMES = frozenset(name.removesuffix("List") for name in resources.ASSIGNED_LISTS)


def _summary(reader: Reader, row: Row) -> Group:
    document = read_document(row, sep.FunctionSetAssignments)
    assigned = [
        alias.key.decode()
        for listing in resources.ASSIGNED_LISTS.values()
        for alias in reader.page(f"{row.path}{listing}", limit=MAX_ASSIGNED)
        if alias.key is not None
    ]
    return Group(
        href=row.path,
        mrid=identity.format_mrid(document.mRID),
        description=document.description,
        default=row.path in default_groups(reader),
        devices=reader.count_aliases(row.path),
        assigned=assigned,
    )


def _existing(reader: Reader, group: str) -> Row:
    row = reader.get(group)
    if row is None or row.listing != LISTING:
        raise LocalError(f"there is no group {group}")
    return row


def _alias(path: str, target: Row, *, listing: str, scope: bytes | None) -> Row:
    key = target.path.encode()
    return Row(path=path, type=ALIAS, body=b"", listing=listing, scope=scope, key=key, sort=target.sort)
