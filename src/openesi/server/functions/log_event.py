"""Log events: of devices, a ring each, and of the server itself, which shows them below SelfDevice.

A device's log is newest first; a full one forgets its oldest. An event that is posted again is there once
(IEEE 2030.5-2018, 9.5). The server notes when its clock is adjusted, when a Configuration is changed, and
what concerns its security. Any certified client may read that, so it names no certificate.
"""

from __future__ import annotations

from typing import NamedTuple

from openesi.sep2 import model as sep
from openesi.sep2.enums import IEEE_PEN, LogFunctionSet, LogProfile
from openesi.server.documents import read_document
from openesi.server.functions.base import RINGS, insert_member
from openesi.server.settings import Settings
from openesi.store import Transaction

OWN_LOG = "/sdev/lel"
# Whoever can make the server note something (register and leave, write a Configuration again and again)
# would push out what others did. The ring then reaches back for an hour at least.
NOTES_A_MINUTE = 15
_DETAILS_OCTETS = 32
_COUNTER = "log event counter"


class Code(NamedTuple):
    """What happened, in the standard's codes, or in ours where its numbers are not known to us."""

    function_set: LogFunctionSet
    code: int
    profile: LogProfile = LogProfile.IEEE_2030_5


TIME_ADJUSTED = Code(LogFunctionSet.TIME, 0)  # TM_TIME_ADJUSTED
CONFIGURATION_UPDATED = Code(LogFunctionSet.CONFIGURATION, 0)  # CFG_CONFIGURATION_UPDATED
CERTIFICATE_REFUSED = Code(LogFunctionSet.SECURITY, 0, LogProfile.VENDOR)
DEVICE_REGISTERED = Code(LogFunctionSet.SECURITY, 1, LogProfile.VENDOR)
DEVICE_REMOVED = Code(LogFunctionSet.SECURITY, 2, LogProfile.VENDOR)
CONNECTION_POINT_CHANGED = Code(LogFunctionSet.SECURITY, 3, LogProfile.VENDOR)


def note(
    tx: Transaction,
    now: int,
    settings: Settings,
    code: Code,
    *,
    details: str | None = None,
    extended: int | None = None,
) -> bool:
    """Write into the server's own log at ``now`` (s). Return False where too much was noted just before."""
    recent = tx.page(OWN_LOG, start=NOTES_A_MINUTE - 1, limit=1)
    if recent and now - 60 < read_document(recent[0], sep.LogEvent).createdDateTime <= now:
        return False
    number = int(tx.setting(_COUNTER) or 0)
    tx.keep(_COUNTER, str((number + 1) % 65_536))
    event = sep.LogEvent(
        createdDateTime=now,
        details=details.encode()[:_DETAILS_OCTETS].decode(errors="ignore") if details else None,
        extendedData=extended,
        functionSet=code.function_set,
        logEventCode=code.code,
        logEventID=number,
        logEventPEN=IEEE_PEN if code.profile is LogProfile.IEEE_2030_5 else settings.pen,
        profileID=code.profile,
    )
    for row in tx.page(OWN_LOG, start=RINGS["SelfLogEventList"] - 1, limit=NOTES_A_MINUTE):
        tx.delete(row.path)
    insert_member(tx, OWN_LOG, event)
    return True
