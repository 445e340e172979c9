"""The server's time beside our own clock: set, kept, slewed, stepped; and what a schedule does meanwhile."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.timelines import BEGINNING, SP, SUPPORTED, Story, Told, told
from openesi.client import der
from openesi.client.clock import EARLIEST, LATEST, LONG_TRIP_S, SLEW_S, Sample, ServerClock
from openesi.client.scheduler import Scheduler
from openesi.sep2.enums import DeviceCategory

NOW = 1_800_000_000


def set_clock() -> ServerClock:
    clock = ServerClock()
    assert clock.accept(NOW, sent=100.0, received=100.0) is Sample.ADJUSTED
    return clock


@pytest.mark.parametrize("time", [0, 12, EARLIEST - 1, LATEST + 1, 2**62, -(2**62)])
def test_a_time_that_cannot_be_is_not_taken(time: int) -> None:
    clock = ServerClock(fallback=NOW)
    assert clock.accept(time, sent=0.0, received=0.0) is Sample.REFUSED
    assert not clock.is_set
    assert clock.at(5.0) == NOW + 5
    known = set_clock()
    assert known.accept(time, sent=200.0, received=200.0) is Sample.REFUSED
    assert known.at(200.0) == NOW + 100.5


def test_the_way_is_halved_and_a_long_one_says_nothing() -> None:
    clock = ServerClock()
    assert clock.accept(NOW, sent=10.0, received=14.0) is Sample.ADJUSTED
    assert clock.at(14.0) == NOW + 2.5
    assert clock.accept(NOW + 99, sent=20.0, received=20.1 + LONG_TRIP_S) is Sample.VAGUE
    assert clock.at(14.0) == NOW + 2.5


def test_a_difference_below_a_second_is_none() -> None:
    clock = set_clock()
    assert clock.accept(NOW + 101, sent=200.2, received=200.2) is Sample.KEPT
    assert clock.at(200.2) == pytest.approx(NOW + 100.7)


@given(st.lists(st.tuples(st.floats(0.1, 2_000), st.integers(-59, 59)), max_size=30))
def test_small_corrections_never_take_time_back(steps: list[tuple[float, int]]) -> None:
    clock, local, skew = set_clock(), 100.0, 0
    before = clock.at(local)
    for passed, correction in steps:
        local, skew = local + passed, max(-59, min(59, skew + correction)) if passed > SLEW_S else skew
        clock.accept(int(NOW + local - 100 + skew), sent=local, received=local)
        now = clock.at(local)
        assert now >= before or before - now >= SLEW_S
        before = now


def test_a_large_step_is_followed_at_once() -> None:
    clock = set_clock()
    assert clock.at(200.0) == NOW + 100.5
    clock.accept(NOW - 3_600, sent=300.0, received=300.0)
    assert clock.at(300.0) == NOW - 3_599.5


@pytest.mark.parametrize(
    ("step", "said"),
    [
        pytest.param(+3_600, [1, 2, 3], id="an hour on: it is over"),
        pytest.param(-3_600, [1, 2, 3], id="an hour back: it goes on until its time comes"),
        pytest.param(+30, [1, 2, 3], id="half a minute on"),
    ],
)
def test_a_clock_that_steps_in_the_middle_of_an_event_repeats_nothing(step: int, said: list[int]) -> None:
    control = Told(name="sp", program=SP, start=60, duration=600, modes={"opModMaxLimW": 1})
    story = Story(name="step", programs=(SP,), controls=(control,))
    scheduler = Scheduler(random.Random(1))
    answers, obeyed = [], []
    for second in range(0, 6_000, 10):
        time = second + (step if second >= 300 else 0)
        found = der.occurrences(
            told(story, max(0, time)), supported=SUPPORTED, category=DeviceCategory.PHOTOVOLTAIC_WITH_STORAGE
        )
        answers += scheduler.update(found, BEGINNING + time)
        obeyed.append(bool(scheduler.active(BEGINNING + time)))
    assert [one.status for one in answers] == said
    first = obeyed.index(True)
    assert any(obeyed[first:])
    assert not obeyed[-1]
