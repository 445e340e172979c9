"""Events of every kind as devices see them pass: by the second, over restarts, with clocks that jump."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2.editions import EDITIONS
from openesi.sep2.enums import EventState
from openesi.sep2.xml import parse_as
from openesi.server import operator
from openesi.server.documents import STORED
from openesi.server.tree import Hand
from server.esi import START, Esi, lfdi_of
from server.hand import remove, write
from server.test_responses import LISTS, send

KINDS = list(LISTS)
ACTIVE = {
    sep.DERControl: "actderc",
    sep.EndDeviceControl: "actedc",
    sep.TimeTariffInterval: "acttti",
    sep.TextMessage: "acttxt",
}
HOUR = 3_600


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path)
    server.register(1)
    yield server
    server.close()


def span(start: float, duration: int) -> dict[str, int]:
    return {"start": int(start), "duration": duration}


def status(esi: Esi, path: str) -> int:
    return int(esi.get(path).EventStatus.currentStatus)


def listed(esi: Esi, path: str) -> int:
    return int(esi.get(path.rpartition("/")[0]).all)


def active(esi: Esi, path: str, kind: type[sep.Event]) -> int:
    return int(esi.get(f"{path.rsplit('/', 2)[0]}/{ACTIVE[kind]}").all)


def cancel(esi: Esi, path: str, **how: Any) -> None:
    esi.change(lambda tx: operator.cancel_event(tx, path, now=int(esi.now), **how))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_begins_and_ends_at_the_second(esi: Esi, kind: type[sep.Event]) -> None:
    path = send(esi, kind, interval=span(START + 60, 120))
    seen = []
    for second in (0, 59, 60, 179, 180):
        esi.now = START + second
        seen.append((status(esi, path), listed(esi, path), active(esi, path, kind)))

    assert seen == [(0, 1, 0), (0, 1, 0), (1, 1, 1), (1, 1, 1), (1, 0, 0)]
    esi.now = START + 180 + 86_400
    assert esi.ask("GET", path).status == 404


def test_2023_is_not_offered_active_lists_and_finds_out_for_itself_what_is_superseded(esi: Esi) -> None:
    path = send(esi, sep.DERControl)
    program = path.rsplit("/", 2)[0]
    assert not esi.get(path).EventStatus.potentiallySuperseded
    assert esi.get(program).ActiveDERControlListLink is not None
    esi.change(lambda tx: operator.set_edition(tx, lfdi_of(1), "2023"))
    spoken = EDITIONS["2023"]

    assert esi.get(path, edition=spoken).EventStatus.potentiallySuperseded
    assert esi.get(program, edition=spoken).ActiveDERControlListLink is None
    assert esi.get(program, edition=spoken).DERControlListLink.all == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("randomized", [False, True])
def test_every_kind_is_cancelled_and_stays_until_its_end(
    esi: Esi, kind: type[sep.Event], randomized: bool
) -> None:
    path = send(esi, kind, interval=span(START, 120))
    esi.now += 10
    if randomized and kind is sep.TextMessage:
        with pytest.raises(LocalError, match="randomization"):
            cancel(esi, path, randomized=True)
        assert status(esi, path) == 1
        return
    cancel(esi, path, randomized=randomized, reason="storm")
    told = esi.get(path).EventStatus

    assert (told.currentStatus, told.dateTime, told.reason) == (3 if randomized else 2, START + 10, "storm")
    assert (listed(esi, path), active(esi, path, kind)) == (1, 0)
    esi.restart()
    esi.now = START + 119
    assert listed(esi, path) == 1
    esi.now = START + 120
    assert listed(esi, path) == 0
    with pytest.raises(LocalError, match="already"):
        cancel(esi, path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_newer_event_takes_over_where_its_kind_says_so(esi: Esi, kind: type[sep.Event]) -> None:
    older = send(esi, kind, interval=span(START, 600))
    listing, values = older.rpartition("/")[0], LISTS[kind][3]
    esi.now += 5
    nested = write(esi, listing, {"interval": span(START + 100, 60), **values})
    after = write(esi, listing, {"interval": span(START + 160, 40), **values})
    esi.now = START + 99
    assert [status(esi, one) for one in (older, nested, after)] == [1, 0, 0]
    esi.now = START + 100
    superseded = 1 if kind is sep.TextMessage else 4
    assert [status(esi, one) for one in (older, nested, after)] == [superseded, 1, 0]
    esi.now = START + 160  # back to back: the one that ended leaves, the next begins
    assert [status(esi, one) for one in (older, after)] == [superseded, 1]
    assert active(esi, older, kind) == (2 if kind is sep.TextMessage else 1)
    esi.now = START + 200
    assert status(esi, older) == superseded  # never resumed


def test_of_two_events_made_in_one_second_the_later_counts(esi: Esi) -> None:
    path = send(esi, sep.EndDeviceControl)
    listing, values = path.rpartition("/")[0], LISTS[sep.EndDeviceControl][3]
    later = [write(esi, listing, {"interval": span(START, 600), **values}) for _ in range(5)]

    assert [status(esi, one) for one in (path, *later)] == [4, 4, 4, 4, 4, 1]


def test_load_control_of_some_categories_leaves_the_others_alone(esi: Esi) -> None:
    older = send(esi, sep.EndDeviceControl, deviceCategory="03", interval=span(START, 600))
    listing, values = older.rpartition("/")[0], LISTS[sep.EndDeviceControl][3]
    esi.now += 5
    some = write(esi, listing, {**values, "interval": span(START + 60, 60), "deviceCategory": "02"})
    told = esi.get(older).EventStatus
    assert (told.potentiallySuperseded, told.potentiallySupersededTime) == (True, START + 5)
    esi.now = START + 60

    assert [status(esi, one) for one in (older, some)] == [1, 1]


def born(status: int) -> dict[str, Any]:
    return {"currentStatus": status, "dateTime": START, "potentiallySuperseded": False}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"interval": {"start": START, "duration": 0}}, "duration is 0|duration: is 0"),
        ({"interval": {"start": START - 100, "duration": 50}}, "over before it begins"),
        ({"interval": {"start": START}}, "duration is required"),
        ({"interval": {"start": START, "duration": 2**32}}, "not between"),
        ({"responseRequired": "03", "replyTo": "/rsps/7/rsp"}, "no such ResponseSet"),
        ({"colour": "red"}, "has no 'colour'"),
        ({"EventStatus": born(5)}, "currentStatus 5"),
        ({"EventStatus": born(9)}, "currentStatus 9"),
        ({"interval": {"start": 2**62, "duration": 60}}, "year 9999"),
        ({"description": "a\x01b"}, "XML"),
        ({"description": "a\ud800b"}, "XML"),
    ],
    ids=[
        "no duration",
        "over",
        "no end",
        "too long",
        "answers to nowhere",
        "unknown field",
        "over from the start",
        "reserved status",
        "beyond all time",
        "control character",
        "half a character",
    ],
)
def test_what_no_event_can_say(esi: Esi, kind: type[sep.Event], values: dict[str, Any], problem: str) -> None:
    with pytest.raises(LocalError, match=problem):
        send(esi, kind, **values)


# --- clocks that jump ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_clock_set_an_hour_forward_and_back(esi: Esi, kind: type[sep.Event]) -> None:
    path = send(esi, kind, interval=span(START + 60, 120))
    later = send(esi, kind, interval=span(START + HOUR + 600, 60))
    esi.now = START + HOUR  # forward: what was due has happened
    assert (listed(esi, path), status(esi, later)) == (0, 0)

    esi.now = START  # and back: nothing happens twice, nothing is taken back
    assert (listed(esi, path), status(esi, later)) == (0, 0)
    assert esi.get(path).EventStatus.currentStatus == 1
    esi.now = START + HOUR + 600
    assert status(esi, later) == 1
    esi.now -= HOUR
    assert status(esi, later) == 1
    esi.restart()
    assert status(esi, later) == 1
    esi.now = START + HOUR + 660
    assert listed(esi, later) == 0


CONTROLS = st.lists(
    st.tuples(
        st.integers(0, 5_000),
        st.integers(60, 3_000),
        st.sampled_from([{"opModMaxLimW": 1}, {"opModEnergize": True, "opModMaxLimW": 2}]),
    ),
    min_size=2,
    max_size=5,
)


@settings(max_examples=8, deadline=None)
@given(CONTROLS, st.lists(st.tuples(st.integers(-HOUR, 2 * HOUR), st.booleans()), max_size=5))
def test_a_server_that_was_away_ends_where_one_does_that_never_slept(
    orders: list[tuple[int, int, dict[str, Any]]], jumps: list[tuple[int, bool]]
) -> None:
    end = START + 9_000
    with tempfile.TemporaryDirectory() as folder:
        watchful, absent = Esi(_made(folder, "a")), Esi(_made(folder, "b"))
        try:
            for one in (watchful, absent):
                _order(one, orders)
            turns = {START + start for start, _, _ in orders}
            ends = {START + start + duration for start, duration, _ in orders}
            for moment in sorted(turns | ends):
                watchful.now = moment
                watchful.runner.run(watchful.application.tick())
            for jump, restarted in jumps:
                absent.now = min(absent.now + jump, end)
                absent.runner.run(absent.application.tick())
                if restarted:
                    absent.restart()
            watchful.now = absent.now = end
            ended, lived = _states(absent), _states(watchful)
            assert {path: told for path, (told, _) in ended.items()} == {
                path: told for path, (told, _) in lived.items()
            }
            for path, (told, since) in ended.items():
                # What a chain of events superseded may be dated by a later one of them.
                assert since == lived[path][1] or (told == 4 and lived[path][1] < since <= end)
        finally:
            watchful.close()
            absent.close()


def _made(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.mkdir()
    return path


def _order(esi: Esi, orders: list[tuple[int, int, dict[str, Any]]]) -> None:
    """Send controls whose strength is their order: each was made a second after the one before."""
    members: list[object] = [
        {
            "mRID": f"{number + 1:032X}",
            "creationTime": START - 100 + number,
            "interval": {"start": START + start, "duration": duration},
            "DERControlBase": base,
        }
        for number, (start, duration, base) in enumerate(orders)
    ]

    def send_all(tx: Any) -> None:
        hand = Hand(tx=tx, now=START, settings=esi.settings)
        hand.insert_all("/derp/1/derc", members)
        hand.finish()

    esi.change(send_all)


def _states(esi: Esi) -> dict[str, tuple[int, int]]:
    esi.runner.run(esi.application.tick())
    rows = esi.look(lambda reader: reader.of_type("DERControl", limit=100))
    shown = {row.path: _status(row.body) for row in rows}
    assert len(shown) > 1
    return shown


def _status(body: bytes) -> tuple[int, int]:
    told = parse_as(body, sep.DERControl, STORED).EventStatus
    return told.currentStatus, told.dateTime


@pytest.mark.parametrize("kind", KINDS)
def test_what_would_be_over_at_its_specified_end_is_not_made(esi: Esi, kind: type[sep.Event]) -> None:
    """Devices ignore an event that they first see after it, whatever its randomization (10.2.3.3 l)."""
    longer = {"randomizeDuration": HOUR} if issubclass(kind, sep.RandomizableEvent) else {}
    with pytest.raises(LocalError, match="in the past"):
        send(esi, kind, interval=span(START - 60, 60), **longer)
    assert status(esi, send(esi, kind, interval=span(START - 60, 61), **longer)) == 1


def test_what_an_event_says_of_the_past_and_its_making_is_held_to_sense(esi: Esi) -> None:
    to_come = {"currentStatus": 2, "dateTime": START + 1, "potentiallySuperseded": False}
    for fields, hint in (({"EventStatus": to_come}, "dateTime"), ({"creationTime": (1 << 63) - 1}, "9999")):
        with pytest.raises(LocalError, match=hint):
            send(esi, sep.DERControl, **fields)
    assert esi.get("/derp/1/derc").all == 0


def test_where_a_living_event_is_answered_stays(esi: Esi) -> None:
    place = write(esi, "/rsps", {"description": "Of one pilot"})
    path = send(esi, sep.DERControl, replyTo=f"{place}/rsp", responseRequired="03")
    with pytest.raises(LocalError, match=path):
        remove(esi, place)
    cancel(esi, path)
    remove(esi, place)
    assert esi.look(lambda reader: reader.get(place)) is None


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize(
    ("changes", "then"),
    [
        ({"DERControlBase": {"opModMaxLimW": 10}}, EventState.SUPERSEDED),
        ({"DERControlBase": {"opModConnect": None}}, EventState.CANCELLED),
        ({"deviceCategory": "01"}, EventState.CANCELLED),
        ({"interval": {"start": START + 2 * HOUR, "duration": 60}}, EventState.CANCELLED),
    ],
    ids=["same modes", "fewer modes", "fewer devices", "later"],
)
def test_nothing_of_an_event_outlives_the_one_in_its_place(
    esi: Esi, changes: dict[str, Any], then: int, started: bool
) -> None:
    both = {"opModMaxLimW": 50, "opModConnect": True}
    old = send(esi, sep.DERControl, DERControlBase=both, interval=span(START + 60, HOUR))
    esi.now += 120 * started

    def supersede(tx: Any) -> str:
        hand = Hand(tx=tx, now=int(esi.now), settings=esi.settings)
        made = hand.supersede(old, changes)
        hand.finish()
        return made

    assert status(esi, esi.change(supersede)) in (EventState.SCHEDULED, EventState.ACTIVE)
    esi.now = START + 130
    assert status(esi, old) == then


@pytest.mark.parametrize(
    ("field", "value", "hint"),
    [
        ("mRID", "FFFFFFFFFFFFFFFFFFFFFFFF00000001", "still being made"),
        ("replyTo", "javascript:alert(1)", "no path here"),
        ("replyTo", "https:///rsp", "no path here"),
        ("replyTo", "https://[/rsp", "no path here"),
    ],
)
def test_an_event_that_could_not_be_answered_is_refused(esi: Esi, field: str, value: str, hint: str) -> None:
    with pytest.raises(LocalError, match=hint):
        send(esi, sep.DERControl, responseRequired="03", **{field: value})
    elsewhere = send(esi, sep.DERControl, responseRequired="03", replyTo="https://answers.example/rsp")
    assert esi.get(elsewhere).replyTo == "https://answers.example/rsp"
