"""Prepayment: what a credit does to a balance, how a balance stands, when supply may be cut. Pure rules.

Amounts are exact: an AccountingUnit is a whole number times a power of ten, and sums keep every digit or are
refused. Sources: IEEE 2030.5-2018, package prepayment, annotations of the types named. What the standard
leaves open is decided here: a credit of two types first brings the one it names first up to where it is no
longer low, and gives what is left to the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2.enums import CreditStatus, CreditType, ServiceStatus

INT32 = range(-(2**31), 2**31)
MULTIPLIERS = range(-9, 10)  # what every device knows (type PowerOfTenMultiplierType)
# How far a service is from being on, for what stands between; the rest is on, or has no switch.
_OFF = {
    ServiceStatus.ARMED_FOR_DISCONNECT: 1,
    ServiceStatus.ARMED_FOR_CONNECT: 2,
    ServiceStatus.DISCONNECTED: 3,
}

Spans = Iterable[tuple[int, int]]  # starts and ends (s), half open


class CreditError(LocalError):
    """An amount that cannot be added: other units, or more than an AccountingUnit holds."""


def amount_of(unit: sep.AccountingUnit) -> Fraction:
    """Return an amount in its unit."""
    return unit.value * Fraction(10) ** unit.multiplier


def unit_problem(unit: sep.AccountingUnit, like: sep.AccountingUnit) -> str | None:
    """Return why two amounts cannot be added or compared, None if they can."""
    if unit.multiplier not in MULTIPLIERS:
        return f"multiplier {unit.multiplier} is not between {MULTIPLIERS[0]} and {MULTIPLIERS[-1]}"
    if (unit.monetaryUnit, unit.energyUnit) != (like.monetaryUnit, like.energyUnit):
        return f"is counted in monetaryUnit {unit.monetaryUnit}, the account in {like.monetaryUnit}"
    return None


def credit_status(
    credit: sep.AccountingUnit,
    *,
    low: sep.AccountingUnit | None = None,
    expiry: sep.AccountingUnit | None = None,
) -> CreditStatus:
    """Return how a credit stands against its levels: below ``low`` it is low, at ``expiry`` (0) exhausted."""
    amount = amount_of(credit)
    if amount < 0:
        return CreditStatus.NEGATIVE
    if amount <= (amount_of(expiry) if expiry is not None else 0):
        return CreditStatus.EXHAUSTED
    return CreditStatus.LOW if low is not None and amount < amount_of(low) else CreditStatus.OK


def with_statuses(balance: sep.AccountBalance, account: sep.Prepayment) -> sep.AccountBalance:
    """Return a balance with the statuses that the account's warning levels give it. Raises CreditError."""
    _expect_same_units(balance, account)
    emergency = balance.emergencyCredit
    return sep.replace(
        balance,
        creditStatus=credit_status(
            balance.availableCredit, low=account.lowCreditWarningLevel, expiry=account.creditExpiryLevel
        ),
        emergencyCreditStatus=None
        if emergency is None
        else credit_status(emergency, low=account.lowEmergencyCreditWarningLevel),
    )


def credited(
    balance: sep.AccountBalance, register: sep.CreditRegister, account: sep.Prepayment
) -> sep.AccountBalance:
    """Return the balance after a credit, whole: what regular and emergency credit gain is its amount.

    Raises CreditError for an amount that is not positive, a reserved type, other units, or a sum that an
    AccountingUnit cannot hold.
    """
    given = register.creditAmount
    problem = unit_problem(given, balance.availableCredit)
    if problem is not None:
        raise CreditError(f"creditAmount {problem}")
    if given.value <= 0:
        raise CreditError(f"creditAmount {given.value} is no credit")
    regular = balance.availableCredit
    emergency = balance.emergencyCredit
    none_yet = sep.replace(regular, value=0)
    to_regular, to_emergency = _shares(
        amount_of(given),
        CreditType.REGULAR if register.creditType is None else register.creditType,
        regular_gap=_gap(regular, account.lowCreditWarningLevel, account.creditExpiryLevel),
        emergency_gap=_gap(emergency or none_yet, account.lowEmergencyCreditWarningLevel, None),
    )
    if to_regular:
        regular = _plus(regular, to_regular)
    if to_emergency:
        emergency = _plus(emergency or none_yet, to_emergency)
    return with_statuses(sep.replace(balance, availableCredit=regular, emergencyCredit=emergency), account)


def _shares(
    amount: Fraction, kind: int, *, regular_gap: Fraction, emergency_gap: Fraction
) -> tuple[Fraction, Fraction]:
    """Return what of an amount goes to regular and to emergency credit."""
    if kind == CreditType.REGULAR:
        return amount, Fraction(0)
    if kind == CreditType.EMERGENCY:
        return Fraction(0), amount
    if kind == CreditType.REGULAR_THEN_EMERGENCY:
        first = min(amount, regular_gap)
        return first, amount - first
    if kind == CreditType.EMERGENCY_THEN_REGULAR:
        first = min(amount, emergency_gap)
        return amount - first, first
    raise CreditError(f"creditType {kind} is reserved")


def _gap(
    credit: sep.AccountingUnit, low: sep.AccountingUnit | None, expiry: sep.AccountingUnit | None
) -> Fraction:
    """Return what a credit lacks to be no longer low."""
    level = low if low is not None else expiry
    return max(Fraction(0), (amount_of(level) if level is not None else Fraction(0)) - amount_of(credit))


def _plus(credit: sep.AccountingUnit, more: Fraction) -> sep.AccountingUnit:
    """Return a credit with more in it, in its own scale if that can say it. Raises CreditError."""
    total = amount_of(credit) + more
    for multiplier in (credit.multiplier, *MULTIPLIERS):
        value = total / Fraction(10) ** multiplier
        if value.denominator == 1 and value.numerator in INT32:
            return sep.replace(credit, multiplier=multiplier, value=value.numerator)
    raise CreditError("the sum is more than an AccountingUnit holds")


def _expect_same_units(balance: sep.AccountBalance, account: sep.Prepayment) -> None:
    regular = balance.availableCredit
    levels = ("lowCreditWarningLevel", "lowEmergencyCreditWarningLevel", "creditExpiryLevel")
    compared = [(name, getattr(account, name)) for name in levels]
    for name, unit in (("availableCredit", regular), ("emergencyCredit", balance.emergencyCredit), *compared):
        problem = unit_problem(unit, regular) if unit is not None else None
        if problem is not None:
            raise CreditError(f"{name} {problem}")


# --- supply -------------------------------------------------------------------------------------------------


def is_cut(before: int | None, after: int) -> bool:
    """Tell whether a change of serviceStatus takes supply away, or a step toward that."""
    return _off(after) > _off(before)


def _off(status: int | None) -> int:
    return next((far for known, far in _OFF.items() if known == status), 0)


def is_overridden(overrides: Spans, now: int) -> bool:
    """Tell whether supply may not be cut at ``now``."""
    return earliest_interruption(now, overrides) != now


def earliest_interruption(wanted: int, overrides: Spans) -> int:
    """Return the first second from ``wanted`` on that lies in no override."""
    for start, end in sorted(overrides):
        if start <= wanted < end:
            wanted = end
    return wanted


def operated(status: sep.PrepayOperationStatus, overrides: Spans, now: int) -> sep.PrepayOperationStatus:
    """Return how a service stands at ``now``: what was planned has happened, no cut inside an override.

    A cut that is planned for a time inside an override is put off to its end.
    """
    change = status.serviceChange
    if change is not None:
        at = change.startTime
        if is_cut(status.serviceStatus, change.newStatus):
            overrides = tuple(overrides)
            at = earliest_interruption(at, overrides)
            if at <= now:  # late, after an outage: an override that began meanwhile counts
                at = earliest_interruption(now, overrides)
        if at <= now:
            status = sep.replace(status, serviceStatus=change.newStatus, serviceChange=None)
        elif at != change.startTime:
            status = sep.replace(status, serviceChange=sep.replace(change, startTime=at))
    credit = status.creditTypeChange
    if credit is not None and credit.startTime <= now:
        status = sep.replace(status, creditTypeInUse=credit.newType, creditTypeChange=None)
    return status
