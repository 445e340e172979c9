"""Events with the responses of devices, from birth to a day after their end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openesi.sep2 import model as sep
from openesi.sep2.enums import ResponseStatus
from openesi.server import operator
from openesi.web.roster import Share
from openesi.web.timeline import SHOWN, Event, Timeline
from server.esi import START, Esi, lfdi_of

MAX_W = 5_000.0


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path)
    for device in (1, 2, 3):
        server.register(device)
    yield server
    server.close()


class Watching:
    """A timeline that follows a server, as the page does."""

    def __init__(self, esi: Esi) -> None:
        self.esi = esi
        self.timeline = Timeline()
        self.changed: set[str] = set()
        esi.runner.run(esi.application.tick())
        esi.application.watch(lambda changed: self.changed.update(changed or ()))
        esi.look(lambda reader: self.timeline.refresh(reader, None))

    def events(self, devices: int = 3) -> list[Event]:
        for _ in ("switch what is due", "notice that it was switched"):
            self.esi.runner.run(self.esi.application.tick())
        changed, self.changed = self.changed, set()
        self.esi.look(lambda reader: self.timeline.refresh(reader, changed))
        return self.timeline.events(lambda _: Share(MAX_W, devices))

    def statuses(self) -> list[str]:
        return [event.status for event in self.events()]


def respond(esi: Esi, event: str, device: int, status: int) -> None:
    subject = esi.get(event).mRID
    answer = sep.DERControlResponse(
        endDeviceLFDI=lfdi_of(device), subject=subject, status=status, createdDateTime=int(esi.now)
    )
    assert esi.post("/rsps/1/rsp", answer, device=device).status == 201


def test_an_event_is_followed_through_its_life(esi: Esi) -> None:
    watching = Watching(esi)
    esi.send_control(start=esi.now + 60, duration_s=60)
    assert watching.statuses() == ["scheduled"]
    esi.now += 60
    assert watching.statuses() == ["active"]
    assert watching.timeline.limit_w(MAX_W) == 2_000
    esi.now += 60
    (event,) = watching.events()
    assert (event.status, event.ended) == ("completed", START + 120)
    assert watching.timeline.limit_w(MAX_W) is None


def test_an_event_that_came_and_went_between_two_looks_is_not_lost(esi: Esi) -> None:
    watching = Watching(esi)
    esi.send_control(start=esi.now, duration_s=1)
    esi.now += 2
    assert watching.statuses() == ["completed"]


def test_what_was_cancelled_stays_cancelled_and_tells_when(esi: Esi) -> None:
    watching = Watching(esi)
    path = esi.send_control(start=esi.now, duration_s=60)
    assert watching.statuses() == ["active"]
    esi.now += 10
    esi.change(lambda tx: operator.cancel_event(tx, path, now=int(esi.now)))
    (event,) = watching.events()
    assert (event.status, event.ended) == ("cancelled", START + 10)
    assert watching.timeline.limit_w(MAX_W) is None
    esi.now += 60
    assert watching.statuses() == ["cancelled"]


def test_ended_events_are_found_again_after_a_restart(esi: Esi) -> None:
    esi.send_control(start=esi.now, duration_s=60)
    esi.now += 61
    esi.runner.run(esi.application.tick())
    esi.restart()
    assert Watching(esi).statuses() == ["completed"]


def test_those_in_force_come_first_then_those_to_come_then_the_past(esi: Esi) -> None:
    past = esi.send_control(start=esi.now, duration_s=10)
    watching = Watching(esi)
    esi.now += 20
    later = esi.send_control(start=esi.now + 500, duration_s=60)
    sooner = esi.send_control(start=esi.now + 100, duration_s=60)
    active = esi.send_control(start=esi.now, duration_s=60)
    assert [event.href for event in watching.events()] == [active, sooner, later, past]


def test_the_page_shows_a_bounded_number_of_events(esi: Esi) -> None:
    watching = Watching(esi)
    for number in range(SHOWN + 5):
        esi.send_control(start=esi.now + 10 + number, duration_s=5)
    assert len(watching.events()) == SHOWN
    esi.now += SHOWN + 100
    assert len(watching.events()) == SHOWN


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (ResponseStatus.RECEIVED, "received"),
        (ResponseStatus.STARTED, "started"),
        (ResponseStatus.COMPLETED, "completed"),
        (ResponseStatus.OPTED_OUT, "opted_out"),
        (ResponseStatus.CANCELLED, "cancelled"),
        (ResponseStatus.SUPERSEDED, "superseded"),
        (ResponseStatus.REJECTED_INVALID, "rejected"),
        (ResponseStatus.ACKNOWLEDGED, "other"),
    ],
)
def test_responses_are_counted_by_what_they_say(esi: Esi, status: int, name: str) -> None:
    watching = Watching(esi)
    path = esi.send_control(start=esi.now, duration_s=60)
    respond(esi, path, 1, status)
    respond(esi, path, 2, status)
    responses = watching.events()[0].responses
    assert getattr(responses, name) == 2
    assert responses.silent == 1


def test_a_device_is_counted_once_for_each_thing_it_says(esi: Esi) -> None:
    watching = Watching(esi)
    path = esi.send_control(start=esi.now, duration_s=60)
    for status in (ResponseStatus.RECEIVED, ResponseStatus.STARTED, ResponseStatus.STARTED):
        respond(esi, path, 1, status)
        esi.now += 1
    responses = watching.events()[0].responses
    assert (responses.received, responses.started, responses.silent) == (1, 1, 2)


def test_nobody_is_silent_where_no_response_is_asked_for(tmp_path: Path) -> None:
    esi = Esi(tmp_path, response_required=0)
    watching = Watching(esi)
    esi.send_control(start=esi.now, duration_s=60)
    assert watching.events()[0].responses.silent is None
    esi.close()


@pytest.mark.parametrize(
    ("base", "limit_w"),
    [
        (sep.DERControlBase(opModMaxLimW=4_000), 2_000),
        (sep.DERControlBase(opModEnergize=False), 0),
        (sep.DERControlBase(opModConnect=False), 0),
        (sep.DERControlBase(opModConnect=True), None),
        (sep.DERControlBase(opModTargetW=sep.ActivePower(multiplier=0, value=100)), None),
    ],
)
def test_the_limit_in_force_is_told_in_watts(
    esi: Esi, base: sep.DERControlBase, limit_w: float | None
) -> None:
    watching = Watching(esi)
    esi.send_control(start=esi.now, duration_s=60, base=base)
    assert watching.events()[0].limit_w == limit_w
    assert watching.timeline.limit_w(MAX_W) == limit_w


def test_the_strongest_program_limits(esi: Esi) -> None:
    stronger = esi.change(
        lambda tx: operator.add_program(tx, description="Grid", primacy=0, settings=esi.settings)
    )
    watching = Watching(esi)
    esi.send_control(start=esi.now, duration_s=60, base=sep.DERControlBase(opModMaxLimW=1_000))
    esi.send_control(
        start=esi.now, duration_s=60, program=stronger.path, base=sep.DERControlBase(opModMaxLimW=8_000)
    )
    watching.events()
    assert watching.timeline.limit_w(MAX_W) == 4_000


def test_programs_tell_their_default(esi: Esi) -> None:
    watching = Watching(esi)
    base = sep.DERControlBase(opModMaxLimW=8_000)
    esi.change(lambda tx: operator.set_default(tx, "/derp/1", base, settings=esi.settings))
    watching.events()
    (program,) = watching.timeline.programs
    assert (program.description, program.default_limit_percent) == ("Everyone", 80)
