"""What power was, in rings of fixed size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openesi.web.history import KEPT_S, MAX_MINUTES, MAX_RECENT, RECENT_S, History, Sample

DAY = 1_800_000_000.0 // 86_400 * 86_400


def filled(*samples: tuple[float, float | None], limit_w: float | None = None) -> History:
    history = History()
    for at, power_w in samples:
        history.add(Sample(DAY + at, power_w, None, limit_w))
    return history


def test_a_quarter_of_an_hour_is_kept_as_it_came() -> None:
    history = filled((0, 1.0), (450, 2.0), (950, 3.0))
    assert [sample.devices_w for sample in history.recent(DAY + 950)] == [2.0, 3.0]


def test_minutes_are_means_and_the_present_one_is_in_it() -> None:
    history = filled((0, 10.0), (30, 20.0), (60, 40.0))
    rows = history.minutes(DAY + 60)
    assert [(sample.at - DAY, sample.devices_w) for sample in rows] == [(0, 15.0), (60, 40.0)]


def test_silence_is_a_gap_in_either_range() -> None:
    history = filled((0, 10.0), (60, None), (120, 30.0))
    assert [sample.devices_w for sample in history.minutes(DAY + 120)] == [10.0, None, 30.0]
    assert [sample.devices_w for sample in history.recent(DAY + 120)] == [10.0, None, 30.0]


def test_minutes_without_a_sample_are_a_gap() -> None:
    history = filled((0, 10.0), (600, 30.0))
    assert [sample.devices_w for sample in history.minutes(DAY + 600)] == [10.0, None, 30.0]


def test_the_strictest_limit_of_a_minute_is_shown() -> None:
    history = History()
    for at, limit_w in ((0, None), (10, 2_000.0), (20, 1_000.0)):
        history.add(Sample(DAY + at, 1.0, None, limit_w))
    assert history.minutes(DAY + 20)[0].limit_w == 1_000.0


def test_the_same_moment_is_told_by_what_came_last() -> None:
    history = filled((0, 1.0), (0, 2.0))
    assert [sample.devices_w for sample in history.recent(DAY)] == [2.0]
    assert [sample.devices_w for sample in history.minutes(DAY)] == [2.0]


def test_a_clock_that_is_set_back_begins_anew() -> None:
    history = filled((1_000, 1.0), (0, 2.0))
    assert [sample.devices_w for sample in history.recent(DAY)] == [2.0]


@given(st.lists(st.tuples(st.floats(0, 400_000), st.floats(-1e6, 1e6) | st.none()), max_size=60))
def test_whatever_comes_rows_are_in_order_and_within_bounds(
    samples: list[tuple[float, float | None]],
) -> None:
    history = filled(*samples)
    now = DAY + 400_000
    for rows in (history.recent(now), history.minutes(now)):
        times = [sample.at for sample in rows]
        assert times == sorted(times)
        assert len(set(times)) == len(times)


def test_memory_is_bounded() -> None:
    history = filled(*((at, 1.0) for at in range(0, 3 * KEPT_S, 20)))
    for second in range(2 * RECENT_S):
        history.add(Sample(DAY + 3 * KEPT_S + second, 1.0, None, None))
    assert len(history.minutes(DAY + 4 * KEPT_S, 10 * KEPT_S)) <= MAX_MINUTES + 1
    assert len(history.recent(DAY)) <= MAX_RECENT
