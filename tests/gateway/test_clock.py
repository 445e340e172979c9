from __future__ import annotations

from openesi.gateway.clock import CONFIRM_S, MeterClock

METER = 1_700_000_000


def test_the_hosts_own_date_does_not_matter() -> None:
    clock = MeterClock()

    assert clock.judge(METER, 5.0).believed
    assert clock.meter_now(65.0) == METER + 60


def test_one_damaged_tag_is_not_believed_and_changes_nothing() -> None:
    clock = MeterClock()
    clock.judge(METER, 0.0)

    assert not clock.judge(METER ^ 0x0080_0000, 4.0).believed
    assert clock.judge(METER + 8, 8.0).believed
    assert clock.meter_now(8.0) == METER + 8


def test_a_meter_that_was_set_is_believed_after_a_while() -> None:
    clock = MeterClock()
    clock.judge(METER, 0.0)
    judgements = [clock.judge(METER - 7200 + t, float(t)) for t in range(4, CONFIRM_S + 12, 4)]

    assert [j.believed for j in judgements] == [False] * (CONFIRM_S // 4) + [True] * 2
    assert [j.stepped for j in judgements].count(True) == 1
    assert clock.meter_now(200.0) == METER - 7000


def test_a_meter_clock_that_runs_fast_is_followed() -> None:
    clock = MeterClock()

    assert all(clock.judge(METER + 60 * t, float(t)).believed for t in range(0, 4000, 4))
    assert clock.judge(METER + 60 * 4100, 4100.0).believed is False
    later = [clock.judge(METER + 60 * t, float(t)) for t in range(4104, 4300, 4)]
    assert later[-1].believed
