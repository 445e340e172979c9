"""What holds for every schedule, and what is drawn."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from client.timelines import BEGINNING, MINUTE, SP, SUPPORTED, SY, Outcome, Story, Told, play, told
from openesi.client import der
from openesi.client.follow import LOAD, occurrence
from openesi.client.responses import response_to
from openesi.client.scheduler import MAX_EVENTS, Phase, Scheduler
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.editions import IEEE_2023
from openesi.sep2.enums import DeviceCategory, EventState, ResponseStatus

MODES = ("opModMaxLimW", "opModFixedW", "opModEnergize")
PV = DeviceCategory.PHOTOVOLTAIC_WITH_STORAGE


@st.composite
def controls(draw: st.DrawFn) -> tuple[Told, ...]:
    found = []
    for number in range(draw(st.integers(1, 6))):
        wanted = draw(st.sets(st.sampled_from(MODES), min_size=1))
        start = draw(st.integers(0, 60))
        values: dict[str, object] = {"opModMaxLimW": number, "opModFixedW": number, "opModEnergize": False}
        found.append(
            Told(
                name=f"e{number}",
                program=draw(st.sampled_from((SY, SP))),
                start=start,
                duration=draw(st.integers(1, 40)),
                modes={mode: values[mode] for mode in wanted},
                known=draw(st.integers(0, 70)),
                created=draw(st.integers(-3, 0)),
                random_start=draw(st.none() | st.integers(-20, 20)),
                random_duration=draw(st.none() | st.integers(-20, 20)),
                cancelled=draw(st.none() | st.integers(0, 80)),
                cancelled_state=draw(
                    st.sampled_from(
                        (EventState.CANCELLED, EventState.CANCELLED_WITH_RANDOMIZATION, EventState.SUPERSEDED)
                    )
                ),
            )
        )
    return tuple(found)


TWO_MODES = {"opModMaxLimW": 0, "opModFixedW": 0}
RUNS_INTO_THE_NEXT = (
    Told(name="e0", program=SY, start=9, duration=1, modes=TWO_MODES, created=0, random_duration=3),
    Told(name="e1", program=SY, start=0, duration=1, modes={"opModMaxLimW": 1}, created=0),
    Told(name="e2", program=SY, start=11, duration=1, modes={"opModMaxLimW": 2}, created=0),
)


@settings(max_examples=60, deadline=None)
@given(controls(), st.integers(1, 30), st.integers(0, 999))
@example(RUNS_INTO_THE_NEXT, 1, 0)
def test_whatever_the_server_says(told_controls: tuple[Told, ...], poll: int, seed: int) -> None:
    story = Story(name="any", controls=told_controls, poll=poll, seed=seed, length=220)
    scheduler = Scheduler(random.Random(seed))
    ruled: dict[tuple[str, str], list[int]] = {}
    answers: list[tuple[int, str, int]] = []
    for time in range(story.length):
        now = BEGINNING + time
        given_now = scheduler.advance(now)
        if time % poll == 0:
            found = der.occurrences(told(story, time), supported=SUPPORTED, category=PV)
            given_now += scheduler.update(found, now)
        for mode, tracked in scheduler.active(now).items():
            assert tracked.phase is Phase.ACTIVE
            ruled.setdefault((tracked.occurrence.mrid.hex(), mode), []).append(time)
        answers += [(answer.at, answer.occurrence.mrid.hex(), answer.status) for answer in given_now]
        following = scheduler.next_change(now)
        assert following is None or following > now
    assert max(Counter(answer[1:] for answer in answers).values(), default=0) <= 1  # nothing said twice
    for times in ruled.values():
        assert times == list(range(times[0], times[-1] + 1))  # what lost a mode never gets it back
    for mrid in {mrid for _, mrid, _ in answers}:
        said = [status for _, answered, status in answers if answered == mrid]
        assert said in ([1], [254], [1, 2], [1, 2, 3], [1, 2, 6], [1, 2, 7], [1, 6], [1, 7], [1, 10])
    assert not any(tracked.is_live for tracked in scheduler.tracked.values())


def drawn(seed: int, **bounds: int) -> Outcome:
    control = Told(
        name="sp",
        program=SP,
        start=2 * MINUTE,
        duration=2 * MINUTE,
        modes={"opModMaxLimW": 1},
        **bounds,
    )
    return play(Story(name="drawn", programs=(SP,), controls=(control,), seed=seed, poll=90, length=300))


@pytest.mark.parametrize(
    ("bounds", "starts", "lengths"),
    [
        pytest.param({}, range(120, 121), range(120, 121), id="none"),
        pytest.param({"random_start": 30}, range(120, 151), range(120, 121), id="later"),
        pytest.param({"random_start": -30}, range(90, 121), range(120, 121), id="earlier"),
        pytest.param({"random_duration": 30}, range(120, 121), range(120, 151), id="longer"),
        pytest.param({"random_duration": -30}, range(120, 121), range(90, 121), id="shorter"),
    ],
)
def test_core_021_dice_fall_between_zero_and_their_bound(
    bounds: dict[str, int], starts: range, lengths: range
) -> None:
    seen_starts, seen_lengths = set(), set()
    for seed in range(90):
        (_, (start, _), (end, _)) = drawn(seed, **bounds).obeyed
        seen_starts.add(start)
        seen_lengths.add(end - start)
    for seen, allowed in ((seen_starts, starts), (seen_lengths, lengths)):
        assert seen <= set(allowed)
        assert len(seen) > len(allowed) * 0.7


def test_successive_events_leave_no_gap_and_do_not_overlap() -> None:
    steps = tuple(
        Told(
            name=f"s{number}",
            program=SP,
            start=60 * (number + 1),
            duration=60,
            modes={"opModMaxLimW": number + 1},
            random_start=20,
            random_duration=-20,
        )
        for number in range(5)
    )
    for seed in range(20):
        outcome = play(Story(name="steps", programs=(SP,), controls=steps, seed=seed, poll=60, length=450))
        limits = [base.get("opModMaxLimW") for _, base in outcome.obeyed]
        assert limits == [None, 1, 2, 3, 4, 5, None]
        assert all(before < after for (before, _), (after, _) in pairwise(outcome.obeyed))


def test_a_cancelled_event_with_randomization_ends_within_its_larger_bound() -> None:
    ends = set()
    for seed in range(60):
        control = Told(
            name="sp",
            program=SP,
            start=60,
            duration=600,
            modes={"opModMaxLimW": 1},
            random_duration=30,
            random_start=-10,
            cancelled=200,
            cancelled_state=EventState.CANCELLED_WITH_RANDOMIZATION,
        )
        outcome = play(
            Story(name="cancelled", programs=(SP,), controls=(control,), seed=seed, poll=20, length=300)
        )
        ends.add(outcome.obeyed[-1][0])
        assert outcome.statuses("sp") == [1, 2, 6]
    assert min(ends) >= 200
    assert 215 < max(ends) <= 230


def test_a_user_may_refuse_and_return() -> None:
    control = Told(name="sp", program=SP, start=60, duration=60, modes={"opModMaxLimW": 1})
    story = Story(name="user", programs=(SP,), controls=(control,))
    found = der.occurrences(told(story, 0), supported=SUPPORTED, category=PV)
    mrid = found[0].mrid

    def live(*choices: tuple[int, str]) -> list[int]:
        scheduler = Scheduler(random.Random(1))
        said = scheduler.update(found, BEGINNING)
        for time in range(200):
            said += scheduler.advance(BEGINNING + time)
            for when, choice in choices:
                if when == time:
                    said += getattr(scheduler, choice)(mrid, BEGINNING + time)
                    assert (
                        mrid in {one.occurrence.mrid for one in scheduler.active(BEGINNING + time).values()}
                    ) is (choice == "opt_in" and 60 <= time < 120)
        return [answer.status for answer in said]

    assert live((30, "opt_out")) == [1, 4, 2, 10]
    assert live((90, "opt_out")) == [1, 2, 4, 8]
    assert live((90, "opt_out"), (100, "opt_in")) == [1, 2, 4, 5, 9]
    assert live((30, "opt_out"), (40, "opt_in")) == [1, 4, 5, 2, 9]


@pytest.mark.parametrize(
    ("until", "status", "overridden_s"),
    [(30, ResponseStatus.PARTIAL_OPT_IN, 30), (90, ResponseStatus.COMPLETED_WITHOUT_PARTICIPATION, 90)],
    ids=["within overrideDuration", "for longer"],
)
def test_an_override_of_load_control_has_a_bound(
    until: int, status: ResponseStatus, overridden_s: int
) -> None:
    control = sep.EndDeviceControl(
        mRID=bytes(16),
        responseRequired=b"\x07",
        creationTime=BEGINNING,
        EventStatus=sep.EventStatus(currentStatus=0, dateTime=0, potentiallySuperseded=False),
        interval=sep.DateTimeInterval(duration=600, start=BEGINNING),
        deviceCategory=bytes(4),
        drProgramMandatory=False,
        loadShiftForward=False,
        overrideDuration=60,
    )
    scheduler = Scheduler(random.Random(1))
    one = occurrence(control, bytes(16), 1, LOAD)
    said = scheduler.update([one], BEGINNING)
    said += scheduler.opt_out(one.mrid, BEGINNING + 100)
    said += scheduler.opt_in(one.mrid, BEGINNING + 100 + until)
    said += scheduler.advance(BEGINNING + 600)
    assert (said[-1].status, said[-1].overridden_s) == (status, overridden_s)
    assert response_to(said[-1], bytes(20)) == sep.DrResponse(
        createdDateTime=BEGINNING + 600,
        endDeviceLFDI=bytes(20),
        status=status,
        subject=bytes(16),
        overrideDuration=overridden_s,
    )


def test_an_answer_tells_its_modes_to_a_server_of_2023_alone() -> None:
    control = Told(name="sp", program=SP, start=0, duration=60, modes={"opModMaxLimW": 1, "opModFixedW": 2})
    found = der.occurrences(
        told(Story(name="modes", programs=(SP,), controls=(control,)), 0), supported=SUPPORTED, category=PV
    )
    (received, *_) = Scheduler(random.Random(1)).update(found, BEGINNING)
    response = response_to(received, bytes(20))
    assert b"<modesResponded>00100080</modesResponded>" in xml.serialize(response, IEEE_2023)
    assert b"modesResponded" not in xml.serialize(response)


def test_a_million_events_are_bounded_and_answered_once() -> None:
    crowd = tuple(
        Told(name=f"{n:06}", program=SP, start=600 - n, duration=2, modes={"opModMaxLimW": 1})
        for n in range(2 * MAX_EVENTS)
    )
    story = Story(name="crowd", programs=(SP,), controls=crowd)
    scheduler = Scheduler(random.Random(1))
    said: Counter[tuple[bytes, int]] = Counter()
    for time in (0, 1, 900):
        found = der.occurrences(told(story, time), supported=SUPPORTED, category=PV)
        for answer in scheduler.update(found, BEGINNING + time):
            said[answer.occurrence.mrid, answer.status] += 1
        assert len(scheduler.tracked) <= MAX_EVENTS
    assert max(said.values()) == 1


def test_a_mode_that_the_device_has_not_is_rejected_and_the_others_are_obeyed() -> None:
    control = Told(
        name="sp", program=SP, start=0, duration=60, modes={"opModMaxLimW": 1, "opModEnergize": False}
    )
    programs = told(Story(name="some", programs=(SP,), controls=(control,)), 0)
    some = der.occurrences(programs, supported=frozenset({"opModMaxLimW"}), category=PV)
    assert (some[0].modes, some[0].problem) == ({"opModMaxLimW"}, None)
    none = der.occurrences(programs, supported=frozenset({"opModVoltVar"}), category=PV)
    scheduler = Scheduler(random.Random(1))
    assert [answer.status for answer in scheduler.update(none, BEGINNING)] == [1, 252]
