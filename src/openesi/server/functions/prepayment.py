"""Prepayment: credits that count once, statuses that follow from levels, supply that overrides protect.

A credit counts from its effectiveTime, by its type, exactly once: its token is remembered for ever, and it
does not change. The account's warning levels give the balance its statuses. A cut of supply inside an
override is refused, one that is planned for it is put off to its end. Devices may post credits where the
account is kept at the ESI or at the meter (prepayMode 1 and 2), as an in-home display does whose user types a
token; elsewhere they would give themselves money. The standard leaves it to the vending system to make tokens
that cannot be guessed, and this server cannot tell a true one: choose prepayMode 0 where that matters.
"""

from __future__ import annotations

import hashlib
import logging

from msgspec.structs import replace

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2 import prepayment as rules
from openesi.sep2.enums import EventState, PrepayMode
from openesi.sep2.errors import ReasonCode
from openesi.server.documents import make_row, read_document
from openesi.server.errors import Refusal
from openesi.server.functions.base import MAX_MEMBERS, Behaviour, Change, Offer, Outcome, insert_member
from openesi.server.functions.billing import expect_link
from openesi.server.functions.events import turn
from openesi.store import Reader, Row, Transaction

log = logging.getLogger(__name__)

MAX_OVERRIDES = 10_000  # of one account, that are looked at together
MAX_AHEAD_S = 366 * 86_400  # how far ahead a device may date a credit
_TOPPED_UP_BY_DEVICES = frozenset({PrepayMode.ESI, PrepayMode.LOCAL})


# --- balances -----------------------------------------------------------------------------------------------


def _complete_balance(offer: Offer, balance: sep.AccountBalance) -> sep.AccountBalance:
    account = _account(offer.tx, offer.path)
    return balance if account is None else rules.with_statuses(balance, account)


def _complete_account(offer: Offer, account: sep.Prepayment) -> sep.Prepayment:
    expect_link(offer.tx, account.UsagePointLink, "UsagePoint")
    return account


def _offered_account(offer: Offer, account: sep.Prepayment) -> None:
    """Levels that changed change the statuses of the balance."""
    row = offer.tx.get(f"{offer.path}/ab")
    if row is None:
        return
    balance = read_document(row, sep.AccountBalance)
    settled = rules.with_statuses(balance, account)
    if settled != balance:
        offer.tx.put(make_row(row.path, settled))


def _account(reader: Reader, path: str) -> sep.Prepayment | None:
    """Return the account that a path leads through."""
    row = reader.get("/".join(path.split("/")[:3]))
    return read_document(row, sep.Prepayment) if row is not None else None


# --- credits ------------------------------------------------------------------------------------------------


def _post_credit(change: Change, register: sep.CreditRegister) -> Outcome:
    """Take a token that was typed in at a device; sent again (its answer was lost) it counts once."""
    account = _account(change.tx, change.path)
    if account is None or account.prepayMode not in _TOPPED_UP_BY_DEVICES:
        raise Refusal(403, "the supplier credits this account; devices do so in prepayMode 1 and 2 alone")
    if register.effectiveTime > change.now + MAX_AHEAD_S:
        raise Refusal(400, f"effectiveTime {register.effectiveTime} is more than a year ahead")
    known = change.tx.setting(_used(register.token))
    if known:
        row = change.tx.get(known)
        if row is None or row.listing != change.path or read_document(row, sep.CreditRegister) != register:
            raise Refusal(400, "this token was used")
        return Outcome(201, known)
    if change.tx.count(change.path) >= MAX_MEMBERS:
        raise Refusal(
            400, f"{change.path} is full: the supplier may remove old credits", reason=ReasonCode.LIMIT
        )
    if change.tx.find(change.path, register.mRID.rjust(16, b"\x00")) is not None:
        raise Refusal(400, "there is another credit of this mRID")
    try:
        _try(change.tx, change.path, register)
    except LocalError as error:
        raise Refusal(400, str(error)) from None
    row = insert_member(change.tx, change.path, register)
    change.tx.keep(_used(register.token), row.path)
    return Outcome(201, row.path)


def _complete_credit(offer: Offer, register: sep.CreditRegister) -> sep.CreditRegister:
    if offer.old is not None:
        raise LocalError(f"{offer.path}: a credit does not change; add another one")
    if offer.tx.setting(_used(register.token)):
        raise LocalError(f"token {register.token} was used")
    _try(offer.tx, offer.path, register)
    return register


def _offered_credit(offer: Offer, register: sep.CreditRegister) -> None:
    offer.tx.keep(_used(register.token), offer.path)


def _removed_credit(tx: Transaction, row: Row) -> None:
    """What was credited stays credited and its token used; a credit to come is called off."""
    if row.state == EventState.SCHEDULED:
        tx.keep(_used(read_document(row, sep.CreditRegister).token), "")


def _try(reader: Reader, path: str, register: sep.CreditRegister) -> None:
    """Raise LocalError for a credit that could not be added to the balance as it is."""
    row, account = reader.get(_balance_of(path)), _account(reader, path)
    if row is None or account is None:
        raise LocalError(f"there is no {_balance_of(path)} to add to")
    rules.credited(read_document(row, sep.AccountBalance), register, account)


def _turn_credit(tx: Transaction, row: Row, now: int) -> None:
    """Add a credit whose time has come. The row's state says that it was: it never comes here again."""
    register = read_document(row, sep.CreditRegister)
    del now
    balance, account = tx.get(_balance_of(row.path)), _account(tx, row.path)
    state = EventState.ACTIVE
    try:
        if balance is None or account is None:
            raise rules.CreditError("the account has no balance")
        added = rules.credited(read_document(balance, sep.AccountBalance), register, account)
        tx.put(make_row(balance.path, added))
    except rules.CreditError as error:  # the balance was changed since the credit was taken
        log.error("credit_not_added path=%s reason=%r", row.path, str(error))
        state = EventState.CANCELLED
    tx.put(replace(row, state=state, due=None))


def _balance_of(path: str) -> str:
    return "/".join(path.split("/")[:3]) + "/ab"


def _used(token: str) -> str:
    """Return under which name a token is remembered, whatever is in it, when its credit is long removed."""
    return f"credit token {hashlib.sha256(token.encode()).hexdigest()}"


# --- supply -------------------------------------------------------------------------------------------------


def _complete_operation(offer: Offer, status: sep.PrepayOperationStatus) -> sep.PrepayOperationStatus:
    """Refuse a cut inside an override, put one that is planned for it off; what is due happens now."""
    overrides = _overrides(offer.tx, offer.path)
    before = getattr(offer.old, "serviceStatus", None)
    if rules.is_cut(before, status.serviceStatus) and rules.is_overridden(overrides, offer.now):
        until = rules.earliest_interruption(offer.now, overrides)
        raise LocalError(f"{offer.path}: supply may not be cut before {until}: an override is in force")
    return rules.operated(status, overrides, offer.now)


def _turn_operation(tx: Transaction, row: Row, now: int) -> None:
    status = rules.operated(read_document(row, sep.PrepayOperationStatus), _overrides(tx, row.path), now)
    tx.put(make_row(row.path, status))


def _offered_override(offer: Offer, override: sep.SupplyInterruptionOverride) -> None:
    """Put a cut that is planned for inside a new override off to its end."""
    del override
    row = offer.tx.get(offer.path.rpartition("/si/")[0] + "/os")
    if row is not None:
        _turn_operation(offer.tx, row, offer.now)


def _overrides(reader: Reader, path: str) -> list[tuple[int, int]]:
    listing = "/".join(path.split("/")[:3]) + "/si"
    found = []
    for row in reader.page(listing, limit=MAX_OVERRIDES):
        interval = read_document(row, sep.SupplyInterruptionOverride).interval
        found.append((interval.start, interval.start + interval.duration))
    return found


BEHAVIOURS = {
    "Prepayment": Behaviour(complete=_complete_account, offered=_offered_account),
    "AccountBalance": Behaviour(complete=_complete_balance),
    "PrepayOperationStatus": Behaviour(complete=_complete_operation),
    "SupplyInterruptionOverride": Behaviour(offered=_offered_override),
    "CreditRegisterList": Behaviour(post=_post_credit),
    "CreditRegister": Behaviour(complete=_complete_credit, offered=_offered_credit, removed=_removed_credit),
}
TURNS = {
    "CreditRegister": _turn_credit,
    "PrepayOperationStatus": _turn_operation,
    "SupplyInterruptionOverride": turn,
}
