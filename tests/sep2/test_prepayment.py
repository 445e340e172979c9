"""Prepayment's rules: no credit is lost or counted twice, and no supply is cut inside an override."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.sep2 import model as sep
from openesi.sep2.enums import CreditStatus, CreditType, ServiceStatus
from openesi.sep2.prepayment import (
    CreditError,
    amount_of,
    credit_status,
    credited,
    earliest_interruption,
    is_cut,
    is_overridden,
    operated,
    with_statuses,
)
from openesi.sep2.spans import span_of, state_at

NOW = 1_800_000_000


def money(value: int, multiplier: int = -2, currency: int = 840) -> sep.AccountingUnit:
    return sep.AccountingUnit(monetaryUnit=currency, multiplier=multiplier, value=value)


def account(**levels: sep.AccountingUnit) -> sep.Prepayment:
    here = sep.Link(href="/")
    return sep.Prepayment(
        mRID=b"\1",
        AccountBalanceLink=sep.AccountBalanceLink(href="/"),
        CreditRegisterListLink=sep.CreditRegisterListLink(href="/"),
        prepayMode=1,
        PrepayOperationStatusLink=sep.PrepayOperationStatusLink(href=here.href),
        SupplyInterruptionOverrideListLink=sep.SupplyInterruptionOverrideListLink(href="/"),
        **levels,
    )


def register(amount: sep.AccountingUnit, kind: int | None = None) -> sep.CreditRegister:
    return sep.CreditRegister(
        mRID=b"\1", creditAmount=amount, creditType=kind, effectiveTime=NOW, token="1234"
    )


UNITS = st.builds(money, st.integers(-5_000, 5_000), st.integers(-3, 2))  # sums of these fit
GAINS = st.builds(money, st.integers(1, 5_000), st.integers(-3, 2))
LEVELS = st.builds(money, st.integers(0, 5_000), st.integers(-3, 2))


@given(UNITS, st.none() | UNITS, st.none() | LEVELS, st.none() | LEVELS, GAINS, st.sampled_from(CreditType))
def test_a_credit_is_neither_lost_nor_multiplied(
    regular: sep.AccountingUnit,
    emergency: sep.AccountingUnit | None,
    low: sep.AccountingUnit | None,
    emergency_low: sep.AccountingUnit | None,
    gain: sep.AccountingUnit,
    kind: CreditType,
) -> None:
    levels = {"lowCreditWarningLevel": low, "lowEmergencyCreditWarningLevel": emergency_low}
    known = account(**{name: level for name, level in levels.items() if level is not None})
    before = sep.AccountBalance(availableCredit=regular, emergencyCredit=emergency)
    after = credited(before, register(gain, kind), known)

    def total(balance: sep.AccountBalance) -> Fraction:
        extra = balance.emergencyCredit
        return amount_of(balance.availableCredit) + (amount_of(extra) if extra is not None else 0)

    assert total(after) - total(before) == amount_of(gain)
    assert amount_of(after.availableCredit) >= amount_of(regular)
    assert after == with_statuses(after, known)
    if kind == CreditType.REGULAR:
        assert after.emergencyCredit == emergency


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (None, (700, None)),
        (CreditType.EMERGENCY, (200, 500)),
        (CreditType.REGULAR_THEN_EMERGENCY, (300, 400)),
        (CreditType.EMERGENCY_THEN_REGULAR, (550, 150)),
    ],
)
def test_the_type_of_a_credit_says_where_it_goes(
    kind: CreditType | None, expected: tuple[int, int | None]
) -> None:
    known = account(lowCreditWarningLevel=money(300), lowEmergencyCreditWarningLevel=money(150))
    after = credited(sep.AccountBalance(availableCredit=money(200)), register(money(5, 0), kind), known)

    extra = after.emergencyCredit
    assert (after.availableCredit.value, extra.value if extra is not None else None) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1_000, 0), (999, 1), (201, 1), (200, 2), (0, 2), (-1, 3)],
)
def test_the_levels_of_an_account_say_how_its_credit_stands(value: int, expected: int) -> None:
    status = credit_status(money(value), low=money(10, 0), expiry=money(2, 0))

    assert status == CreditStatus(expected)


def test_credit_without_levels_is_exhausted_at_nothing() -> None:
    assert [credit_status(money(value)) for value in (1, 0, -1)] == [0, 2, 3]


@pytest.mark.parametrize(
    ("balance", "gain", "why"),
    [
        (money(0), money(0), "no credit"),
        (money(0), money(-5), "no credit"),
        (money(0), money(5, currency=978), "monetaryUnit 978"),
        (money(0), money(5, 10), "multiplier 10"),
        (money(2**31 - 1, -2), money(1, -9), "more than"),
        (money(2**31 - 1, 9), money(1, 9), "more than"),
    ],
)
def test_what_cannot_be_added_is_refused(
    balance: sep.AccountingUnit, gain: sep.AccountingUnit, why: str
) -> None:
    with pytest.raises(CreditError, match=why):
        credited(sep.AccountBalance(availableCredit=balance), register(gain), account())


def test_a_reserved_type_of_credit_is_refused() -> None:
    with pytest.raises(CreditError, match="reserved"):
        credited(sep.AccountBalance(availableCredit=money(1)), register(money(1), 4), account())


# --- supply ------------------------------------------------------------------------------------------------

OVERRIDES = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda one: (one[0], sum(one))))


@given(OVERRIDES, st.integers(0, 80))
def test_the_earliest_interruption_lies_in_no_override(overrides: list[tuple[int, int]], wanted: int) -> None:
    at = earliest_interruption(wanted, overrides)

    assert at >= wanted
    assert not any(start <= at < end for start, end in overrides)
    assert all(is_overridden(overrides, second) for second in range(wanted, at))


@given(
    OVERRIDES,
    st.integers(0, 60),
    st.lists(st.integers(0, 30), max_size=6),
    st.sampled_from(ServiceStatus),
    st.sampled_from(ServiceStatus),
)
def test_no_supply_is_cut_inside_an_override_whenever_one_looks(
    overrides: list[tuple[int, int]], planned: int, steps: list[int], old: ServiceStatus, new: ServiceStatus
) -> None:
    status = sep.PrepayOperationStatus(
        serviceStatus=old,
        serviceChange=sep.ServiceChange(newStatus=new, startTime=planned),
    )
    now = 0
    for step in steps:
        now += step
        before, status = status, operated(status, overrides, now)
        if is_cut(before.serviceStatus, status.serviceStatus):
            assert not is_overridden(overrides, now)
        change = status.serviceChange
        assert change is None or change.startTime > now
        if change is not None and is_cut(status.serviceStatus, new):
            assert not is_overridden(overrides, change.startTime)
    if now >= max((end for _, end in overrides), default=planned) and now >= planned:
        assert operated(status, overrides, now).serviceStatus == new


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(0, 1, True), (0, 3, True), (3, 1, True), (2, 1, True), (1, 2, False), (1, 0, False), (1, 1, False),
     (0, 5, False), (None, 1, True), (None, 0, False)],
)  # fmt: skip
def test_what_takes_supply_away(before: int | None, after: int, expected: bool) -> None:
    assert is_cut(before, after) is expected


def test_the_credit_in_use_changes_when_it_was_to() -> None:
    status = sep.PrepayOperationStatus(
        serviceStatus=0, creditTypeInUse=0, creditTypeChange=sep.CreditTypeChange(newType=1, startTime=NOW)
    )

    assert operated(status, (), NOW - 1) == status
    assert operated(status, (), NOW).creditTypeInUse == 1
    assert operated(status, (), NOW).creditTypeChange is None
    assert span_of(status) == (NOW, None)
    assert span_of(operated(status, (), NOW)) is None


@given(st.integers(0, 100), st.none() | st.integers(1, 50), st.integers(0, 200))
def test_a_span_counts_from_its_first_second_to_its_last(start: int, duration: int | None, now: int) -> None:
    end = None if duration is None else start + duration
    state, due = state_at((start, end), now)

    assert (state == 1) == (start <= now and (end is None or now < end))
    assert due is None or due > now
    assert due is not None or state != 0
