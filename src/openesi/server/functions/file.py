"""File download: what is offered to whom, and what devices report about it.

A File with an lFDI is for that device, or the aggregator that speaks for it, alone; others do not see it. Its
fileURI is on this server unless the operator names another place, and the octets are under it (see
``server.artefacts``). A FileList is ordered by maker, model and version, newest first, and may be filtered.
A FileStatus follows its states in their order (see ``sep2.file``); its FileLink leads to a File that the
device may load.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from openesi.errors import LocalError
from openesi.sep2 import file as rules
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.lists import Window
from openesi.server.artefacts import CONTENT, find, leads_to
from openesi.server.documents import STORED, read_document
from openesi.server.errors import Refusal
from openesi.server.functions.base import Behaviour, Change, Offer
from openesi.server.view import Gathering, View
from openesi.store import ALIAS, PUBLIC, Row, list_tag

LISTING = "/file"
MAX_FILES = 1_000  # that one server offers; a query looks at each


def _defaults(offer: Offer) -> Mapping[str, Any]:
    """Return where a file is, and that its size is told by its octets."""
    return {"fileURI": offer.path + CONTENT, "size": 0}


def _complete(offer: Offer, file: sep.File) -> sep.File:
    if offer.old is None and offer.tx.count(LISTING) >= MAX_FILES:
        raise LocalError(f"there are {MAX_FILES} files: remove one")
    content = find(offer.tx, offer.path)
    if content is not None and leads_to(file.fileURI, offer.path):
        file = sep.replace(file, size=content.octets)
    return file if file.lFDI is None else sep.replace(file, lFDI=file.lFDI.rjust(20, b"\x00"))


def _offered(offer: Offer, file: sep.File) -> None:
    """Show a file that is for one device to those who speak for it, and to nobody else."""
    row = offer.tx.get(offer.path)
    assert row is not None
    scope = row.scope
    if file.lFDI is not None:
        device = offer.tx.find("/edev", file.lFDI)
        scope = device.scope if device is not None and device.scope is not None else file.lFDI
    elif isinstance(offer.old, sep.File) and offer.old.lFDI is not None:
        scope = PUBLIC  # it is for everybody from now on
    if scope != row.scope:
        offer.tx.put(replace(row, scope=scope))


def _check_status(change: Change, status: sep.FileStatus) -> sep.FileStatus:
    row = change.tx.get(change.path)
    before = read_document(row, sep.FileStatus) if row is not None else None
    for problem in rules.problems(status, before):
        raise Refusal(400, problem)
    link = status.FileLink
    if link is not None and not change.view.may_follow(link.href, "File"):
        raise Refusal(400, f"FileLink leads to {link.href[:80]!r}, which is no File here")
    return status


# --- what a FileList shows ----------------------------------------------------------------------------------


def _page(view: View, path: str, window: Window) -> tuple[list[Row], int]:
    """Return the files that fit the filters of a query, in order; of a group those it is assigned."""
    scopes = _scopes(view, path) if path == LISTING else (None,)
    view.depends.add(path)
    rows = [row for scope in scopes for row in view.reader.page(path, scope=scope, limit=MAX_FILES)]
    rows.sort(key=lambda row: row.sort)
    if window.equal:
        shown = [(row, view.behind(row) if row.type == ALIAS else row) for row in rows]
        rows = [row for row, one in shown if rules.fits(_read_file(one.body), window.equal)]
    return rows[window.start : window.start + window.limit], len(rows)


def _total(view: View, path: str) -> int:
    return sum(view.reader.count(path, scope=scope) for scope in _scopes(view, path))


def _scopes(view: View, path: str) -> tuple[bytes | None, ...]:
    """Return whose files are shown: everybody's, and those for this client alone."""
    if view.caller is None:
        return (None,)
    view.personal = True
    scopes = (PUBLIC, view.caller.lfdi)
    view.depends.update(list_tag(path, scope) for scope in scopes)
    return scopes


@lru_cache(maxsize=MAX_FILES)
def _read_file(body: bytes) -> sep.File:
    """Return the File of a row; a device that asks ever other queries makes us look at each every time."""
    return xml.parse_as(body, sep.File, STORED)


BEHAVIOURS = {
    "FileList": Behaviour(gathering=Gathering(_page, _total)),
    "GroupFileList": Behaviour(gathering=Gathering(_page)),
    "File": Behaviour(defaults=_defaults, complete=_complete, offered=_offered),
    "FileStatus": Behaviour(check=_check_status),
}
