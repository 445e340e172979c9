"""What a device says of itself: DeviceInformation, DeviceStatus, PowerStatus, NetworkStatus, its site.

DeviceInformation is of the device below which it stands. Lists of network status have bounds, for one stands
below the other; what is posted there again is replaced: an address, a link layer by its EUI-64, a neighbour
by its short address. A ConnectionPoint (CSIP-AUS) may be written again with another identifier, which changes
the EndDevice's changedTime and is logged; with `openesi serve --fixed-connection-points` it is refused (409),
and only the operator moves a device to another site.
"""

from __future__ import annotations

import logging

from openesi.errors import LocalError
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.server.documents import make_row, read_document
from openesi.server.errors import Refusal
from openesi.server.functions import log_event
from openesi.server.functions.base import Behaviour, Change, Offer, Outcome

_logger = logging.getLogger(__name__)

MAX_TEMPERATURES = 32  # of one device; a DeviceStatus may hold as many as it likes


def _check_information(change: Change, information: sep.DeviceInformation) -> sep.DeviceInformation:
    """Refuse what speaks of another device; a client that was not told its LFDI may leave it 0."""
    row = change.tx.get(change.path.removesuffix("/di"))
    own = row.key if row is not None else None
    given = information.lFDI.rjust(identity.LFDI_OCTETS, b"\x00")
    if own is not None and any(given) and given != own:
        raise Refusal(400, f"lFDI {identity.format_lfdi(given)} is not that of {change.path}")
    return sep.replace(information, lFDI=own or given)


def _check_status(change: Change, status: sep.DeviceStatus) -> sep.DeviceStatus:
    if len(status.Temperature) > MAX_TEMPERATURES:
        raise Refusal(400, f"{len(status.Temperature)} temperatures; {MAX_TEMPERATURES} are kept")
    return status


def _put_connection_point(change: Change, point: sep.ConnectionPoint) -> Outcome:
    """Take the identifier of the site: 201 the first time, then 204; 409 for another where it is fixed."""
    row = change.tx.get(change.path)
    if row is None:
        change.tx.put(make_row(change.path, point))
        return Outcome(201, change.path)
    old, new = read_document(row, sep.ConnectionPoint).connectionPointId, point.connectionPointId
    if old == new:
        return Outcome(204, change.path)
    if change.settings.fixed_connection_points:
        raise Refusal(409, f"{change.path} is another connection point; its operator may change it")
    change.tx.put(make_row(change.path, point))
    _touch_device(change)
    if log_event.note(
        change.tx, change.now, change.settings, log_event.CONNECTION_POINT_CHANGED, details=change.path
    ):  # who writes it all the time fills no log
        _logger.info("moved path=%r from=%r to=%r lfdi=%s", change.path, old, new, change.caller.lfdi.hex())
    return Outcome(204, change.path)


def _touch_device(change: Change) -> None:
    row = change.tx.get(change.path.removesuffix("/cp"))
    assert row is not None
    device = sep.replace(read_document(row, sep.EndDevice), changedTime=change.now)
    change.tx.put(make_row(row.path, device, listing=row.listing, scope=row.scope, key=row.key))


def _check_connection_point(change: Change, point: sep.ConnectionPoint) -> sep.ConnectionPoint:
    del change
    if not identity.nmi_is_valid(point.connectionPointId):
        raise Refusal(400, f"connectionPointId {point.connectionPointId!r} is no NMI")
    return point


def _complete_connection_point(offer: Offer, point: sep.ConnectionPoint) -> sep.ConnectionPoint:
    del offer
    if not identity.nmi_is_valid(point.connectionPointId):
        raise LocalError(f"connectionPointId {point.connectionPointId!r} is no NMI: 10 letters and digits")
    return point


BEHAVIOURS = {
    "DeviceInformation": Behaviour(check=_check_information),
    "DeviceStatus": Behaviour(check=_check_status),
    "ConnectionPoint": Behaviour(
        check=_check_connection_point,
        put=_put_connection_point,
        complete=_complete_connection_point,
    ),
}
