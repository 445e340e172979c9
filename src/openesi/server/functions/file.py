"""File download: what is offered to whom, and what devices report about it.

A File with an lFDI is for that device, or the aggregator that speaks for it, alone; others do not see it. Its
fileURI is on this server unless the operator names another place, and the octets are under it (see
``server.artefacts``). A FileList is ordered by maker, model and version, newest first, and may be filtered.
A FileStatus follows its states in their order (see ``sep2.file``); its FileLink leads to a File that the
device may load.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from openesi.errors import LocalError
from openesi.sep2 import file as rules
from openesi.sep2 import model as sep
from openesi.server.artefacts import CONTENT, find, leads_to
from openesi.server.documents import read_document
from openesi.server.errors import Refusal
from openesi.server.functions.base import Behaviour, Change, Offer
from openesi.server.view import MAX_FILES, View
from openesi.store import PUBLIC


def _defaults(offer: Offer) -> Mapping[str, Any]:
    """Return where a file is, and that its size is told by its octets."""
    return {"fileURI": offer.path + CONTENT, "size": 0}


def _complete(offer: Offer, file: sep.File) -> sep.File:
    if offer.old is None and offer.tx.count("/file") >= MAX_FILES:
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
    if status.FileLink is not None:
        view = View(change.tx, now=change.now, caller=change.caller, settings=change.settings, generated={})
        if not view.may_follow(status.FileLink.href, "File"):
            raise Refusal(400, f"FileLink leads to {status.FileLink.href[:80]!r}, which is no File here")
    return status


BEHAVIOURS = {
    "File": Behaviour(defaults=_defaults, complete=_complete, offered=_offered),
    "FileStatus": Behaviour(check=_check_status),
}
