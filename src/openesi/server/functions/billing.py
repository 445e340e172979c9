"""Billing: accounts, agreements, periods, and what was, will or should be used and what it costs.

All of it is the operator's, and private to the device or group that an account is for (IEEE 2030.5-2018,
10.7). A billing period is active in its interval; a projection or target is active while one of its
BillingReadingSets is. Each BillingReading fits the ReadingType of what it belongs to. Links of an agreement
lead to what is there.
"""

from __future__ import annotations

from msgspec.structs import replace

from openesi.errors import LocalError
from openesi.sep2 import metering, resources
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState
from openesi.server.documents import read_document
from openesi.server.functions.base import Behaviour, Offer
from openesi.server.functions.events import turn
from openesi.store import Reader, Row, Transaction

_LINKED = ("Prepayment", "TariffProfile", "UsagePoint")


def _complete_agreement(offer: Offer, agreement: sep.CustomerAgreement) -> sep.CustomerAgreement:
    for expected in _LINKED:
        expect_link(offer.tx, getattr(agreement, f"{expected}Link"), expected)
    return agreement


def expect_link(reader: Reader, link: sep.Link | None, expected: str) -> None:
    """Raise LocalError where a link into this server's tree leads to nothing of the ``expected`` kind."""
    if link is None or resources.match(link.href) is None:
        return
    row = reader.get(link.href)
    if row is None or row.type != expected:
        raise LocalError(f"{expected}Link leads to {link.href}, where there is no {expected}")


def _complete_period(offer: Offer, period: sep.BillingPeriod) -> sep.BillingPeriod:
    """Date what a period has cost so far."""
    if period.billToDate is None or period.statusTimeStamp is not None:
        return period
    return sep.replace(period, statusTimeStamp=offer.now)


def _complete_reading(offer: Offer, reading: sep.BillingReading) -> sep.BillingReading:
    held_by, _, _ = offer.path.partition("/brs/")
    row = offer.tx.get(f"{held_by}/rt")
    if row is not None:
        kind = read_document(row, sep.ReadingType)
        for problem in (*metering.problems(kind, reading), *metering.quality_problems(reading)):
            raise LocalError(f"{offer.path}: {problem}")
    return reading


def _turn_set(tx: Transaction, row: Row, now: int) -> None:
    turn(tx, row, now)
    _settle(tx, _reading_of(row.path))


def _removed_set(tx: Transaction, row: Row) -> None:
    _settle(tx, _reading_of(row.path), without=row.path)


def _offered_reading(offer: Offer, reading: sep.BillingMeterReadingBase) -> None:
    """A reading that was written over is as active as it was."""
    del reading
    _settle(offer.tx, offer.path)


def _settle(tx: Transaction, path: str, *, without: str = "") -> None:
    """Make a projection, target or historical reading active if one of its sets is."""
    row = tx.get(path)
    if row is None:
        return
    active = tx.page(f"{path}/brs", limit=2, state=EventState.ACTIVE)
    state = EventState.ACTIVE if any(one.path != without for one in active) else None
    if state != row.state:
        tx.put(replace(row, state=state))


def _reading_of(path: str) -> str:
    return path.rpartition("/brs/")[0]


_READING = Behaviour(offered=_offered_reading)
_SET = Behaviour(removed=_removed_set)
_MEMBER = Behaviour(complete=_complete_reading)


def _complete_type(offer: Offer, kind: sep.ReadingType) -> sep.ReadingType:
    for problem in metering.type_problems(kind):
        raise LocalError(f"{offer.path}: {problem}")
    return kind


_TYPE = Behaviour(complete=_complete_type)

BEHAVIOURS = {
    "ProjectionReadingType": _TYPE,
    "TargetReadingType": _TYPE,
    "HistoricalReadingType": _TYPE,
    "CustomerAgreement": Behaviour(complete=_complete_agreement),
    "BillingPeriod": Behaviour(complete=_complete_period),
    "ProjectionReading": _READING,
    "TargetReading": _READING,
    "HistoricalReading": _READING,
    "ProjectionBillingReadingSet": _SET,
    "TargetBillingReadingSet": _SET,
    "HistoricalBillingReadingSet": _SET,
    "ProjectionBillingReading": _MEMBER,
    "TargetBillingReading": _MEMBER,
    "HistoricalBillingReading": _MEMBER,
}
TURNS = {"BillingPeriod": turn, "BillingReadingSet": _turn_set}
