from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.errors import LocalError
from openesi.gateway.cache import MAX_CAPACITY, Point, Series
from openesi.gateway.fragments import Scale

KW = Scale(1, 1000)


def point(time_s: int, raw: int = 1, scale: Scale = KW) -> Point:
    return Point(time_s, raw, scale)


SCALES = st.sampled_from([Scale(1, 1000), Scale(3, 1000), Scale(1, 1)])
POINTS = st.lists(
    st.builds(Point, st.integers(1, 300), st.integers(-(1 << 23), (1 << 47)), SCALES), max_size=200
)


@given(POINTS, st.integers(1, 40), st.integers(1, 150))
def test_the_cache_is_the_newest_points_by_age_and_number(
    points: list[Point], capacity: int, age_s: int
) -> None:
    series = Series(capacity=capacity, max_age_s=age_s)
    model: dict[int, Point] = {}
    for each in points:
        series.insert(each)
        if model and each.time_s <= max(model) - age_s:
            continue
        model[each.time_s] = each
        newest = max(model)
        model = {t: p for t, p in model.items() if t > newest - age_s}
        model = {t: model[t] for t in sorted(model)[-capacity:]}

    kept = series.points(0, 1000)

    assert kept == [model[t] for t in sorted(model)]
    assert len(series) == len(kept) <= capacity
    assert series.newest() == (kept[-1] if kept else None)
    assert series.oldest() == (kept[0] if kept else None)


@given(POINTS, st.integers(0, 310), st.integers(0, 310))
def test_runs_are_the_points_of_the_window_cut_by_scale(
    points: list[Point], start_s: int, end_s: int
) -> None:
    series = Series()
    for each in points:
        series.insert(each)

    runs = series.runs(start_s, end_s)

    flat = [Point(t, r, run.scale) for run in runs for t, r in zip(run.times_s, run.raws, strict=True)]
    assert (
        flat
        == series.points(start_s, end_s)
        == [p for p in series.points(0, 1000) if start_s <= p.time_s <= end_s]
    )
    assert series.count(start_s, end_s) == len(flat)
    assert all(a.scale != b.scale for a, b in itertools.pairwise(runs))


def test_the_same_point_twice_is_kept_once_and_a_new_value_replaces() -> None:
    series = Series()

    assert series.insert(point(10, 5))
    assert not series.insert(point(10, 5))
    assert series.insert(point(10, 6))
    assert series.points(0, 99) == [point(10, 6)]


def test_a_full_cache_holds_48_hours_in_under_a_megabyte() -> None:
    series = Series()
    for i in range(50_000):
        series.insert(point(1_700_000_000 + 4 * i, -i))

    assert len(series) == 43_200
    columns = (series._times, series._raws, series._multipliers, series._divisors)
    assert sum(column.itemsize * len(column) for column in columns) <= 20 * 43_200
    newest = series.newest()
    assert newest is not None
    assert newest.raw == -49_999
    assert newest.value == -49_999


def test_points_after_a_wrong_clock_can_be_dropped() -> None:
    series = Series()
    for time_s in (10, 20, 30):
        series.insert(point(time_s))

    series.drop_after(20)
    assert [p.time_s for p in series.points(0, 99)] == [10, 20]
    series.drop_before(10)
    assert [p.time_s for p in series.points(0, 99)] == [20]
    series.clear()
    assert len(series) == 0


@pytest.mark.parametrize(("capacity", "age_s"), [(0, 1), (MAX_CAPACITY + 1, 1), (1, 0)])
def test_impossible_sizes_are_refused(capacity: int, age_s: int) -> None:
    with pytest.raises(LocalError):
        Series(capacity=capacity, max_age_s=age_s)
