"""The life of events: pure functions, so a day passes in a microsecond."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.sep2 import events
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState
from openesi.sep2.events import Overlap

NOW = 1_000_000


def control(
    start: int,
    duration: int,
    *,
    created: int = 0,
    status: EventState = EventState.SCHEDULED,
    categories: int | None = None,
    random: tuple[int, int] = (0, 0),
    **modes: object,
) -> sep.DERControl:
    return sep.DERControl(
        mRID=created.to_bytes(16, "big"),
        creationTime=created,
        EventStatus=sep.EventStatus(currentStatus=status, dateTime=0, potentiallySuperseded=False),
        interval=sep.DateTimeInterval(duration=duration, start=start),
        randomizeStart=random[0],
        randomizeDuration=random[1],
        deviceCategory=None if categories is None else categories.to_bytes(4, "big"),
        DERControlBase=sep.DERControlBase(**(modes or {"opModMaxLimW": 1})),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("at", "status", "since"),
    [
        (99, EventState.SCHEDULED, 0),
        (100, EventState.ACTIVE, 100),
        (159, EventState.ACTIVE, 100),
        (160, EventState.COMPLETED, 160),
        (10**9, EventState.COMPLETED, 160),
    ],
)
def test_status_follows_the_clock_however_late_it_is_asked(at: int, status: EventState, since: int) -> None:
    told = events.advance(control(100, 60), at).EventStatus

    assert (told.currentStatus, told.dateTime) == (status, since)


@given(st.integers(-3600, 3600), st.integers(-3600, 3600), st.integers(1, 10**6))
def test_an_event_is_active_while_any_client_may_act(start: int, duration: int, length: int) -> None:
    event = control(NOW, length, random=(start, duration))

    assert events.earliest_start(event) <= NOW <= NOW + length <= events.latest_end(event)
    assert events.next_change(event) == events.earliest_start(event)


# name, weaker, stronger, what is taken over
OVERLAPS = [
    ("same control", control(0, 10), control(5, 10, created=1), Overlap.FULL),
    ("back to back", control(0, 10), control(10, 10, created=1), Overlap.NONE),
    ("nested", control(0, 100), control(10, 10, created=1), Overlap.FULL),
    ("other control", control(0, 10), control(0, 10, created=1, opModConnect=True), Overlap.NONE),
    (
        "one control of two",
        control(0, 10, opModMaxLimW=1, opModConnect=True),
        control(0, 10, created=1, opModConnect=True),
        Overlap.PARTIAL,
    ),
    (
        "more controls",
        control(0, 10, opModConnect=True),
        control(0, 10, created=1, opModMaxLimW=1, opModConnect=True),
        Overlap.FULL,
    ),
    (
        "ramp time is no control",
        control(0, 10, rampTms=1),
        control(0, 10, created=1, rampTms=2),
        Overlap.NONE,
    ),
    ("same category", control(0, 10, categories=1), control(0, 10, created=1, categories=1), Overlap.FULL),
    ("other category", control(0, 10, categories=1), control(0, 10, created=1, categories=2), Overlap.NONE),
    (
        "one category of two",
        control(0, 10, categories=3),
        control(0, 10, created=1, categories=2),
        Overlap.PARTIAL,
    ),
    ("of all categories one", control(0, 10), control(0, 10, created=1, categories=2), Overlap.PARTIAL),
    ("one of all categories", control(0, 10, categories=1), control(0, 10, created=1), Overlap.FULL),
    ("randomized into it", control(0, 10, random=(0, 5)), control(12, 10, created=1), Overlap.FULL),
]


@pytest.mark.parametrize(
    ("weaker", "stronger", "expected"), [row[1:] for row in OVERLAPS], ids=[row[0] for row in OVERLAPS]
)
def test_how_much_a_stronger_event_takes_over(
    weaker: sep.DERControl, stronger: sep.DERControl, expected: Overlap
) -> None:
    assert events.overlap(weaker, stronger) is expected
    now = events.earliest_start(stronger)
    settled = events.settle({"weaker": weaker, "stronger": stronger}, now).get("weaker", weaker)

    assert (settled.EventStatus.currentStatus == EventState.SUPERSEDED) is (expected is Overlap.FULL)
    assert settled.EventStatus.potentiallySuperseded is (expected is Overlap.PARTIAL)


def test_a_superseding_event_waits_for_its_start() -> None:
    weaker, stronger = control(0, 100, status=EventState.ACTIVE), control(50, 10, created=1)

    assert events.settle({"a": weaker, "b": stronger}, 49) == {}
    superseded = events.settle({"a": weaker, "b": stronger}, 50)["a"].EventStatus
    assert (superseded.currentStatus, superseded.dateTime) == (EventState.SUPERSEDED, 50)


def test_of_two_created_together_the_greater_mrid_wins() -> None:
    first = sep.replace(control(0, 10), mRID=b"\x01")
    second = sep.replace(control(0, 10), mRID=b"\x00\x02")

    assert list(events.settle({"first": first, "second": second}, 0)) == ["first"]


def test_messages_supersede_nothing() -> None:
    def message(created: int) -> sep.TextMessage:
        return sep.TextMessage(
            mRID=bytes((created,)),
            creationTime=created,
            EventStatus=sep.EventStatus(currentStatus=1, dateTime=0, potentiallySuperseded=False),
            interval=sep.DateTimeInterval(duration=10, start=0),
            priority=0,
            textMessage="hello",
        )

    assert events.settle({"a": message(1), "b": message(2)}, 5) == {}


EVENTS = st.lists(
    st.builds(
        control,
        st.integers(0, 20),
        st.integers(1, 10),
        created=st.integers(0, 5),
        categories=st.sampled_from([None, 1, 3]),
        opModMaxLimW=st.sampled_from([None, 1]),
        opModConnect=st.sampled_from([None, True]),
    ),
    max_size=8,
)


@settings(max_examples=100)
@given(EVENTS, st.integers(0, 30))
def test_settling_agrees_with_comparing_every_pair(listed: list[sep.DERControl], now: int) -> None:
    live = {
        str(place): sep.replace(event, mRID=bytes((event.creationTime, place)))
        for place, event in enumerate(listed)
    }
    superseded, marked, doomed = set(), set(), set()
    for name, event in live.items():
        for stronger in live.values():
            if events.is_stronger(stronger, event):
                taken = events.overlap(event, stronger)
                if taken is Overlap.FULL and events.latest_end(stronger) >= events.latest_end(event):
                    doomed.add(name)  # what takes it over later in part no longer matters
                if taken is Overlap.FULL and events.earliest_start(stronger) <= now:
                    superseded.add(name)
                elif taken is Overlap.PARTIAL:
                    marked.add(name)
    settled = events.settle(live, now)

    assert {name for name, one in settled.items() if one.EventStatus.currentStatus == 4} == superseded
    flagged = {name for name, one in settled.items() if one.EventStatus.potentiallySuperseded}
    assert flagged <= marked | superseded
    assert flagged - superseded - doomed == marked - superseded - doomed


def test_ten_thousand_events_of_one_program_are_settled_together() -> None:
    together = {str(n): control(0, 10, created=n) for n in range(10_000)}
    in_turn = {str(n): control(10 * n, 10, created=n) for n in range(10_000)}

    assert len(events.settle(together, 0)) == 9_999
    assert events.settle(in_turn, 0) == {}
