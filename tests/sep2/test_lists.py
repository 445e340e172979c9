"""The order of lists, and the window of a query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.sep2 import lists, schema
from openesi.sep2 import model as sep
from openesi.sep2.errors import DecodeError
from openesi.sep2.lists import MAX_LIMIT, Window, parse_window, sort_key, time_bound
from openesi.server.documents import blank

INT64 = st.integers(-(2**63), 2**63 - 1)


def control(start: int, created: int, mrid: bytes) -> sep.DERControl:
    return sep.DERControl(
        mRID=mrid,
        creationTime=created,
        EventStatus=sep.EventStatus(currentStatus=0, dateTime=0, potentiallySuperseded=False),
        interval=sep.DateTimeInterval(duration=1, start=start),
        DERControlBase=sep.DERControlBase(),
    )


@given(st.lists(st.tuples(INT64, INT64, st.binary(min_size=1, max_size=16)), max_size=20))
def test_controls_are_ordered_by_start_then_newest_then_greatest_mrid(
    keys: list[tuple[int, int, bytes]],
) -> None:
    by_octets = sorted(keys, key=lambda key: sort_key(control(*key)))
    by_rule = sorted(keys, key=lambda key: (key[0], -key[1], -int.from_bytes(key[2], "big")))
    plain = [(start, created, int.from_bytes(mrid, "big")) for start, created, mrid in by_octets]

    assert plain == [(start, created, int.from_bytes(mrid, "big")) for start, created, mrid in by_rule]


@given(st.lists(st.text(max_size=8), max_size=20))
def test_texts_are_ordered_by_code_point(names: list[str]) -> None:
    def key(name: str) -> bytes:
        return sort_key(
            sep.CustomerAccount(mRID=b"\0", currency=840, customerName=name, pricePowerOfTenMultiplier=0)
        )

    assert sorted(names, key=key) == sorted(names, key=lambda name: name.encode())


@given(st.lists(INT64, max_size=20), INT64)
def test_after_means_strictly_after_whichever_way_the_list_runs(times: list[int], after: int) -> None:
    rising = [(start, sort_key(control(start, 0, b"\1"), "/x")) for start in times]
    falling = [(changed, sort_key(sep.EndDevice(changedTime=changed, sFDI=1), "/x")) for changed in times]
    for members, item in ((rising, sep.DERControl), (falling, sep.EndDevice)):
        bound = time_bound(item, after)
        assert bound is not None
        prefix, below = bound
        later = [time for time, key in members if (key < prefix if below else key > prefix + b"\xff" * 9)]
        assert later == [time for time in times if time > after]


def test_lists_that_are_not_ordered_by_time_have_no_after() -> None:
    assert time_bound(sep.DERProgram, 5) is None
    assert time_bound(sep.DER, 5) is None


@pytest.mark.parametrize("name", lists._ORDER)
def test_every_key_of_the_table_is_a_field(name: str) -> None:
    assert sort_key(blank(schema.structured_types()[name]), "/x")


@pytest.mark.parametrize(
    ("query", "window"),
    [
        ("", Window(0, 1, None)),
        ("l=255", Window(0, 255, None)),
        ("s=3&l=4", Window(3, 4, None)),
        ("l=4&s=3&a=-7", Window(3, 4, -7)),
        ("l=0&l=2", Window(0, 0, None)),
        ("b=2&c", Window(0, 1, None)),
        (f"l={10**17}", Window(0, MAX_LIMIT, None)),
    ],
)
def test_windows_are_read(query: str, window: Window) -> None:
    assert parse_window(query) == window


@pytest.mark.parametrize(
    "query", ["l=", "l=x", "s=-1", "l=1e3", "a=", "a=--1", "l=" + "9" * 30, "x&" * 99, "l=%D9%A3"]
)
def test_queries_that_make_no_sense_are_refused(query: str) -> None:
    with pytest.raises(DecodeError):
        parse_window(query)


@given(st.text(max_size=60))
def test_any_query_is_a_window_or_an_error(query: str) -> None:
    try:
        window = parse_window(query)
    except DecodeError:
        return
    assert window.start >= 0
    assert 0 <= window.limit <= MAX_LIMIT
