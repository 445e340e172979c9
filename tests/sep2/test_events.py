"""The life of events: pure functions, so a day passes in a microsecond."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.errors import LocalError
from openesi.sep2 import events, schema
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
        mRID=(created % (1 << 64)).to_bytes(16, "big"),
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
    ("randomized past its end", control(0, 10, random=(5, 5)), control(10, 10, created=1), Overlap.NONE),
    ("randomized before its start", control(0, 10), control(10, 10, created=1, random=(-5, 0)), Overlap.NONE),
]


@pytest.mark.parametrize(
    ("weaker", "stronger", "expected"), [row[1:] for row in OVERLAPS], ids=[row[0] for row in OVERLAPS]
)
def test_how_much_a_stronger_event_takes_over(
    weaker: sep.DERControl, stronger: sep.DERControl, expected: Overlap
) -> None:
    assert events.overlap(weaker, stronger) is expected
    now = max(events.earliest_start(stronger), stronger.creationTime)
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


# --- the other kinds ----------------------------------------------------------------------------------------


def event_of(
    kind: type[sep.Event], start: int, duration: int, *, created: int, **values: object
) -> sep.Event:
    common = {
        "mRID": (created % (1 << 64)).to_bytes(16, "big"),
        "creationTime": created,
        "EventStatus": sep.EventStatus(currentStatus=0, dateTime=0, potentiallySuperseded=False),
        "interval": sep.DateTimeInterval(duration=duration, start=start),
    }
    return kind(**(common | REQUIRED[kind] | values))


POWER = sep.ActivePower(multiplier=0, value=1)
REQUIRED: dict[type[sep.Event], dict[str, object]] = {
    sep.DERControl: {"DERControlBase": sep.DERControlBase(opModMaxLimW=1)},
    sep.EndDeviceControl: {
        "deviceCategory": b"\x01",
        "drProgramMandatory": False,
        "loadShiftForward": False,
    },
    sep.TimeTariffInterval: {"touTier": 1},
    sep.TextMessage: {"priority": 0, "textMessage": "hello"},
    sep.FlowReservationResponse: {
        "energyAvailable": sep.SignedRealEnergy(multiplier=0, value=1),
        "powerAvailable": POWER,
        "subject": b"\x01",
    },
}


def test_the_table_knows_every_kind_of_event() -> None:
    kinds = {one for one in schema.derived_types(sep.Event) if one is not sep.RandomizableEvent}

    assert set(events.KINDS) == kinds == set(REQUIRED)
    assert set(events.LIFE) == set(EventState)


# kind, what the older and the newer event say, whether one supersedes the other while both are there
KINDS = [
    (sep.EndDeviceControl, {}, {}, Overlap.FULL),
    (sep.EndDeviceControl, {}, {"deviceCategory": b"\x02"}, Overlap.NONE),
    (sep.EndDeviceControl, {"deviceCategory": b"\x03"}, {"deviceCategory": b"\x02"}, Overlap.PARTIAL),
    (sep.EndDeviceControl, {"deviceCategory": b"\x02"}, {"deviceCategory": b"\x00\x03"}, Overlap.FULL),
    (sep.EndDeviceControl, {"Offset": sep.Offset()}, {"SetPoint": sep.SetPoint()}, Overlap.FULL),
    (sep.TimeTariffInterval, {}, {"touTier": 2}, Overlap.FULL),
    (sep.TextMessage, {}, {}, Overlap.NONE),
    (sep.FlowReservationResponse, {}, {"subject": b"\x00\x01"}, Overlap.FULL),
    (sep.FlowReservationResponse, {}, {"subject": b"\x02"}, Overlap.NONE),
]


@pytest.mark.parametrize(("kind", "older", "newer", "expected"), KINDS)
def test_each_kind_supersedes_by_its_own_rule(
    kind: type[sep.Event], older: dict[str, object], newer: dict[str, object], expected: Overlap
) -> None:
    first = event_of(kind, 100, 50, created=0, **older)
    second = event_of(kind, 120, 50, created=1, **newer)
    assert events.overlap(first, second) is expected
    told = {**{"first": first}, **events.settle({"first": first, "second": second}, 120)}["first"].EventStatus

    assert (told.currentStatus == EventState.SUPERSEDED) is (expected is Overlap.FULL)
    assert told.potentiallySuperseded is (expected is Overlap.PARTIAL)
    if expected is Overlap.FULL and not events.kind_of(kind).at_once:
        assert events.settle({"first": first, "second": second}, 119) == {}
        back_to_back = event_of(kind, 150, 50, created=1, **newer)
        assert events.settle({"first": first, "second": back_to_back}, 150) == {}


@pytest.mark.parametrize(("start", "duration"), [(100, 50), (900, 50), (10, 5), (100, 0)])
def test_a_new_answer_to_a_reservation_takes_the_place_of_the_old_one_at_once(
    start: int, duration: int
) -> None:
    old = event_of(sep.FlowReservationResponse, 100, 50, created=0)
    new = event_of(sep.FlowReservationResponse, start, duration, created=7)
    told = events.settle({"old": old, "new": new}, 7)

    assert list(told) == ["old"]
    assert (told["old"].EventStatus.currentStatus, told["old"].EventStatus.dateTime) == (4, 7)


def test_a_denial_is_shown_although_it_lasts_no_time() -> None:
    denial = event_of(sep.FlowReservationResponse, 100, 0, created=50)
    started = events.advance(denial, 100)

    assert started.EventStatus.currentStatus == EventState.ACTIVE
    assert not events.is_over(started, 50 + events.DENIAL_SHOWN_S - 1)
    assert events.is_over(started, 50 + events.DENIAL_SHOWN_S)


@pytest.mark.parametrize("kind", REQUIRED)
@pytest.mark.parametrize("randomized", [False, True])
@pytest.mark.parametrize("state", EventState)
def test_who_may_be_cancelled_and_how(kind: type[sep.Event], randomized: bool, state: EventState) -> None:
    event = events.with_status(event_of(kind, 100, 50, created=0), state, 0)
    if randomized and not issubclass(kind, sep.RandomizableEvent):
        with pytest.raises(LocalError, match="randomization"):
            events.cancel(event, 10, randomized=True)
        return
    cancelled = events.cancel(event, 10, randomized=randomized, reason="storm")

    if state in (EventState.SCHEDULED, EventState.ACTIVE):
        told = cancelled.EventStatus
        assert (told.currentStatus, told.dateTime, told.reason) == (3 if randomized else 2, 10, "storm")
        assert not events.is_over(cancelled, 149)  # kept until its original end
        assert events.is_over(cancelled, 150)
        assert events.advance(cancelled, 10**9) == cancelled
        assert events.settle({"it": cancelled, "newer": event_of(kind, 100, 50, created=1)}, 100) == {}
    else:
        assert cancelled is event


def test_a_mark_is_renewed_for_each_event_that_came_later() -> None:
    old = control(0, 100, created=0, categories=3)
    first, second = control(50, 10, created=5, categories=1), control(70, 10, created=9, categories=2)
    marked = events.settle({"old": old, "first": first}, 5)["old"]
    assert marked.EventStatus.potentiallySupersededTime == 5
    assert events.settle({"old": marked, "first": first}, 8) == {}

    again = events.settle({"old": marked, "first": first, "second": second}, 9)["old"]
    assert again.EventStatus.potentiallySupersededTime == 9


def test_what_is_superseded_before_it_begins_takes_over_nothing() -> None:
    weak, middle = control(60, 10, created=0), control(50, 40, created=1)
    strong = control(40, 15, created=2)
    settled = events.settle({"weak": weak, "middle": middle, "strong": strong}, 60)

    assert list(settled) == ["middle"]
    assert settled["middle"].EventStatus.dateTime == 40


EVENTS = st.lists(
    st.builds(
        control,
        st.integers(0, 20),
        st.integers(1, 20),
        created=st.integers(-5, 15),
        categories=st.sampled_from([None, 1, 3]),
        random=st.tuples(st.sampled_from([0, 0, -5, 4]), st.sampled_from([0, 0, -3, 6])),
        opModMaxLimW=st.sampled_from([None, 1]),
        opModConnect=st.sampled_from([None, True]),
    ),
    max_size=8,
)


def named(listed: list[sep.DERControl]) -> dict[str, sep.Event]:
    """Name events; none is made when it would be over already."""
    live: dict[str, sep.Event] = {}
    for place, event in enumerate(listed):
        created = min(event.creationTime, events.latest_end(event) - 1)
        live[str(place)] = sep.replace(event, creationTime=created, mRID=bytes((created + 5, place)))
    return live


def tick(live: dict[str, sep.Event], now: int) -> dict[str, sep.Event]:
    """Look once, as the server does, at what has been created until then."""
    there = {name: event for name, event in live.items() if event.creationTime <= now}
    settled = live | events.settle(there, now)
    return {name: events.advance(settled[name], now) if name in there else settled[name] for name in live}


def play(live: dict[str, sep.Event], until: int) -> dict[str, sep.Event]:
    """Live through every second, by the rules as the standard words them: one pair at a time."""
    for now in range(-5, until + 1):
        there = [name for name, event in live.items() if event.creationTime <= now]
        live = live | {name: events.advance(live[name], now) for name in there}
        alive = [name for name in there if events.is_alive(live[name])]
        for strong in sorted(alive, key=lambda name: events._strength(live[name]), reverse=True):
            if not events.is_alive(live[strong]) or events.earliest_start(live[strong]) > now:
                continue
            for weak in alive:
                there = events.is_alive(live[weak]) and events.is_stronger(live[strong], live[weak])
                if there and events.overlap(live[weak], live[strong]) is Overlap.FULL:
                    live = live | {weak: events.with_status(live[weak], EventState.SUPERSEDED, now)}
    return live


def states(live: dict[str, sep.Event]) -> dict[str, int]:
    return {name: event.EventStatus.currentStatus for name, event in live.items()}


@settings(max_examples=150)
@given(EVENTS, st.integers(0, 45), st.lists(st.integers(-5, 45), max_size=4))
def test_however_rarely_the_clock_is_looked_at_events_come_out_as_if_lived_through(
    listed: list[sep.DERControl], now: int, looks: list[int]
) -> None:
    """A server that slept, was restarted or had its clock set forward ends where the others are."""
    live = named(listed)
    # The server settles whenever an event is made, so it has looked at all of these moments.
    made = {event.creationTime for event in live.values()}
    seen = live
    for look in sorted(one for one in {*looks, *made, now} if one <= now):
        seen = tick(seen, look)

    lived = play(live, now)
    assert states(seen) == states(lived)
    for name, event in seen.items():
        if event.creationTime <= now:
            assert event.EventStatus.dateTime <= now
            assert events.settle({name: event}, now) == {}


@settings(max_examples=60)
@given(EVENTS, st.lists(st.integers(0, 7_200), min_size=1, max_size=6))
def test_a_clock_that_jumps_back_takes_nothing_back(listed: list[sep.DERControl], looks: list[int]) -> None:
    live, latest = named(listed), 0
    for look in looks:
        before, live, latest = live, tick(live, look), max(latest, look)
        for name, event in live.items():
            allowed = REACHED_FROM[EventState(before[name].EventStatus.currentStatus)]
            assert EventState(event.EventStatus.currentStatus) in allowed
            assert event.EventStatus.dateTime <= latest


REACHED_FROM = {
    EventState.SCHEDULED: set(EventState),
    EventState.ACTIVE: set(EventState) - {EventState.SCHEDULED},
    EventState.SUPERSEDED: {EventState.SUPERSEDED},
    EventState.COMPLETED: {EventState.COMPLETED},
}


@settings(max_examples=100)
@given(EVENTS, st.integers(0, 30))
def test_what_is_taken_over_in_part_is_marked_and_nothing_else(
    listed: list[sep.DERControl], now: int
) -> None:
    live = named([sep.replace(one, creationTime=min(one.creationTime, 0)) for one in listed])
    settled = {**live, **events.settle(live, now)}
    flagged = {name for name, one in settled.items() if one.EventStatus.potentiallySuperseded}

    def taken(by: Iterable[str], how: Overlap) -> set[str]:
        return {
            name
            for name, event in live.items()
            for one in by
            if events.is_stronger(live[one], event) and events.overlap(event, live[one]) is how
        }

    assert flagged <= taken(live, Overlap.PARTIAL)
    # What takes them over wholly, now or later, makes it idle to tell them of the rest.
    there = [name for name, event in settled.items() if events.is_alive(event)]
    assert taken(there, Overlap.PARTIAL) - flagged <= taken(live, Overlap.FULL)


def test_ten_thousand_events_of_one_program_are_settled_together() -> None:
    together = {str(n): control(0, 10, created=n - 10_000) for n in range(10_000)}
    in_turn = {str(n): control(10 * n, 10, created=n - 10_000) for n in range(10_000)}
    nested = {str(n): control(n, 20_000, created=n - 10_000) for n in range(10_000)}

    assert len(events.settle(together, 0)) == 9_999
    assert events.settle(in_turn, 0) == {}
    assert events.settle(in_turn, 200_000) == {}
    assert len(events.settle(nested, 10_000)) == 9_999  # after an outage in which all of them began
