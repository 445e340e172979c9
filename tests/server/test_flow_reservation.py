"""Flow reservations: asked for by devices, answered by the operator or by his rule."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState
from openesi.sep2.json import to_json
from openesi.sep2.reservations import flow_of
from openesi.sep2.xml import parse_as
from openesi.server.documents import STORED
from openesi.server.functions.flow_reservation import MAX_ANSWERS, MAX_REQUESTS
from server.esi import START, Esi, location
from server.hand import put, write

OTHER = 2
MRID = "AB" * 16


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    yield from _running(tmp_path)


@pytest.fixture
def ruled(tmp_path: Path) -> Iterator[Esi]:
    """A server that grants 10 kW in all."""
    yield from _running(tmp_path, flow_budget_w=10_000)


def _running(folder: Path, **settings: Any) -> Iterator[Esi]:
    server = Esi(folder, **settings)
    server.register(1)
    server.register(OTHER)
    yield server
    server.close()


def wish(number: int = 0xAB, *, power: int = 7_000, energy: int = 7_000, **fields: Any) -> Any:
    values: dict[str, Any] = {
        "mRID": bytes((number,)) * 16,
        "creationTime": START,
        "energyRequested": sep.SignedRealEnergy(multiplier=0, value=energy),
        "intervalRequested": sep.DateTimeInterval(duration=10_800, start=START),
        "powerRequested": sep.ActivePower(multiplier=0, value=power),
        "RequestStatus": sep.RequestStatus(dateTime=START, requestStatus=0),
    }
    return sep.FlowReservationRequest(**values | fields)


def grant(**fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "subject": MRID,
        "interval": {"start": START + 600, "duration": 3_600},
        "powerAvailable": {"multiplier": 0, "value": 7_000},
        "energyAvailable": {"multiplier": 0, "value": 7_000},
    }
    return values | fields


def cancelled(request: Any, at: int = START + 5) -> Any:
    return sep.replace(request, RequestStatus=sep.RequestStatus(dateTime=at, requestStatus=1))


def answers(esi: Esi, device: int = 1) -> list[Any]:
    return list(esi.get(f"/edev/{device}/frp?l=255", device=device).FlowReservationResponse)


# --- what devices may do ------------------------------------------------------------------------------------


def test_a_request_waits_for_the_operator(esi: Esi) -> None:
    path = location(esi.post("/edev/1/frq", wish()))
    assert esi.get(path).powerRequested.value == 7_000
    assert answers(esi) == []
    assert esi.ask("GET", "/edev/1/frq", device=OTHER).status == 404

    granted = write(esi, "/edev/1/frp", grant())
    shown = answers(esi)[0]
    assert (shown.href, shown.subject.hex().upper(), shown.EventStatus.currentStatus) == (granted, MRID, 0)
    assert esi.ask("GET", granted, device=OTHER).status == 404


def test_the_same_request_again_is_the_one_that_is_there(esi: Esi) -> None:
    first = esi.post("/edev/1/frq", wish())
    again = esi.post("/edev/1/frq", wish(creationTime=START + 9))

    assert (again.status, location(again)) == (201, location(first))
    assert esi.post("/edev/1/frq", wish(energy=9_000)).status == 400  # or its device would count on it
    assert esi.get("/edev/1/frq").all == 1
    assert esi.get(location(first)).energyRequested.value == 7_000
    assert esi.post("/edev/1/frq", cancelled(wish())).status == 400  # PUT does that
    assert esi.put(location(first), cancelled(wish())).status == 204
    assert esi.post("/edev/1/frq", wish()).status == 400


REFUSED = [
    ({"RequestStatus": sep.RequestStatus(dateTime=START, requestStatus=1)}, "cancelled from the start"),
    ({"intervalRequested": sep.DateTimeInterval(duration=60, start=START - 60)}, "over already"),
    ({"intervalRequested": sep.DateTimeInterval(duration=0, start=START + 60)}, "no duration"),
    ({"intervalRequested": sep.DateTimeInterval(duration=60, start=2**62)}, "beyond all time"),
    ({"energyRequested": sep.SignedRealEnergy(multiplier=0, value=-1)}, "signs"),
]


@pytest.mark.parametrize("fields", [row[0] for row in REFUSED], ids=[row[1] for row in REFUSED])
def test_requests_that_make_no_sense_are_refused(esi: Esi, fields: dict[str, Any]) -> None:
    assert esi.post("/edev/1/frq", wish(**fields)).status == 400
    assert esi.get("/edev/1/frq").all == 0


def test_a_device_changes_nothing_but_the_status_of_its_request(esi: Esi) -> None:
    path = location(esi.post("/edev/1/frq", wish()))
    for changes in (
        {"powerRequested": sep.ActivePower(multiplier=0, value=1)},
        {"energyRequested": sep.SignedRealEnergy(multiplier=0, value=1)},
        {"mRID": b"\x01" * 16},
        {"description": "More"},
        {"durationRequested": 5},
        {"intervalRequested": sep.DateTimeInterval(duration=60, start=START)},
        {"RequestStatus": sep.RequestStatus(dateTime=START, requestStatus=2)},
    ):
        assert esi.put(path, sep.replace(wish(), **changes)).status == 400, changes
    shown = esi.get(path)
    assert shown == sep.replace(wish(), href=path)
    assert esi.put(path, shown).status == 204  # what was read, unchanged
    assert esi.put(path, cancelled(shown)).status == 204
    assert esi.get(path).RequestStatus.requestStatus == 1
    assert esi.put(path, shown).status == 400  # cancelled stays so
    assert esi.put(path, cancelled(shown), device=OTHER).status == 404


@pytest.mark.parametrize("how", ["cancelled", "withdrawn"])
def test_what_the_device_gives_up_ends_what_was_granted(esi: Esi, how: str) -> None:
    path = location(esi.post("/edev/1/frq", wish()))
    esi.post("/edev/1/frq", wish(5))
    mine, other = write(esi, "/edev/1/frp", grant()), write(esi, "/edev/1/frp", grant(subject="05" * 16))
    esi.now = START + 700
    assert esi.get(mine).EventStatus.currentStatus == 1
    if how == "cancelled":
        assert esi.put(path, cancelled(wish())).status == 204
    else:
        assert esi.ask("DELETE", path).status == 204
    told = esi.get(mine).EventStatus

    assert (told.currentStatus, told.dateTime) == (2, START + 700)
    assert "device" in told.reason
    assert esi.get(other).EventStatus.currentStatus == 1
    assert len(answers(esi)) == 2  # it stays until its original end
    esi.now = START + 4_200
    assert answers(esi) == []


def test_a_device_cannot_fill_the_server_with_requests(esi: Esi) -> None:
    short = sep.DateTimeInterval(duration=60, start=START)
    for number in range(MAX_REQUESTS):
        request = wish(mRID=number.to_bytes(16, "big"), intervalRequested=short)
        assert esi.post("/edev/1/frq", request).status == 201
    assert esi.post("/edev/1/frq", wish()).status == 400
    esi.now = START + 60  # those are over now, and make room
    assert esi.post("/edev/1/frq", wish()).status == 201
    assert esi.get("/edev/1/frq").all == 1


# --- what the operator may answer ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"subject": "01" * 16}, "no request of /edev/1"),
        ({"powerAvailable": {"multiplier": 0, "value": 7_001}}, "more than the 7000"),
        ({"powerAvailable": {"multiplier": 0, "value": -7_000}}, "other sign"),
        ({"energyAvailable": {"multiplier": 1, "value": 7_000}}, "more than the 7000"),
        ({"interval": {"start": START - 60, "duration": 60}}, "over before it begins"),
    ],
)
def test_answers_that_make_no_sense_are_refused(esi: Esi, fields: dict[str, Any], problem: str) -> None:
    request = location(esi.post("/edev/1/frq", wish()))
    with pytest.raises(LocalError, match=problem):
        write(esi, "/edev/1/frp", grant(**fields))
    with pytest.raises(LocalError, match="its device's"):
        put(esi, request, {"powerRequested": {"multiplier": 0, "value": 1}, **_as_json(esi, request)})
    esi.put(request, cancelled(wish()))
    with pytest.raises(LocalError, match="cancelled by its device"):
        write(esi, "/edev/1/frp", grant())


def _as_json(esi: Esi, path: str) -> dict[str, Any]:
    return to_json(esi.get(path))


def test_a_newer_answer_takes_the_place_of_the_older_whenever_it_begins(esi: Esi) -> None:
    esi.post("/edev/1/frq", wish())
    first = write(esi, "/edev/1/frp", grant())
    esi.now += 5
    later = write(esi, "/edev/1/frp", grant(interval={"start": START + 7_200, "duration": 3_600}))
    told = esi.get(first).EventStatus
    assert (told.currentStatus, told.dateTime) == (4, START + 5)
    assert esi.get(later).EventStatus.currentStatus == 0

    esi.now += 5
    nothing = {"multiplier": 0, "value": 0}
    denial = write(
        esi,
        "/edev/1/frp",
        grant(interval={"start": START + 10, "duration": 0}, powerAvailable=nothing, energyAvailable=nothing),
    )
    assert esi.get(later).EventStatus.currentStatus == 4
    shown = esi.get(denial)
    assert (shown.interval.duration, shown.EventStatus.currentStatus) == (0, 1)
    esi.now = START + 10 + 86_399
    assert denial in [one.href for one in answers(esi)]  # a device that looks once a day sees it
    esi.now += 1
    assert answers(esi) == []


# --- the rule -----------------------------------------------------------------------------------------------


def test_the_rule_grants_as_asked_while_there_is_power(ruled: Esi) -> None:
    assert ruled.post("/edev/1/frq", wish()).status == 201
    assert ruled.post("/edev/2/frq", wish(5), device=OTHER).status == 201
    mine, other = answers(ruled)[0], answers(ruled, OTHER)[0]

    assert (mine.interval.start, mine.interval.duration, mine.powerAvailable.value) == (START, 3_600, 7_000)
    assert (other.interval.start, other.interval.duration) == (START + 3_600, 3_600)  # 7 + 7 kW is too much
    assert (mine.EventStatus.currentStatus, other.EventStatus.currentStatus) == (1, 0)
    assert mine.subject == b"\xab" * 16
    assert mine.replyTo == "/rsps/1/rsp"
    assert ruled.post("/edev/1/frq", wish(6, power=3_000, energy=3_000)).status == 201
    assert answers(ruled)[-1].interval.start == START  # 3 kW fit beside 7


def test_the_rule_denies_what_does_not_fit_and_grants_it_once_somebody_gives_up(ruled: Esi) -> None:
    first = location(ruled.post("/edev/1/frq", wish(energy=30_000)))  # all of its three hours
    ruled.post("/edev/2/frq", wish(5), device=OTHER)
    denied = answers(ruled, OTHER)[0]
    assert (denied.interval.duration, denied.powerAvailable.value, denied.energyAvailable.value) == (0, 0, 0)

    assert ruled.put(first, cancelled(wish(energy=30_000))).status == 204
    ruled.post("/edev/2/frq", wish(6), device=OTHER)
    assert sorted(one.interval.duration for one in answers(ruled, OTHER)) == [0, 3_600]


def test_all_that_is_granted_together_stays_within_the_budget(ruled: Esi) -> None:
    dice = random.Random(7)
    for number in range(60):
        ruled.now += dice.randrange(120)
        span = sep.DateTimeInterval(
            duration=dice.randrange(600, 7_200), start=int(ruled.now) + dice.randrange(900)
        )
        power = dice.choice((-1, 1)) * dice.randrange(500, 7_000)
        asked = wish(number + 1, power=power, energy=power // 2, intervalRequested=span)
        sent = ruled.post(f"/edev/{number % 2 + 1}/frq", asked, device=number % 2 + 1)
        if dice.random() < 0.2:
            assert ruled.ask("DELETE", location(sent), device=number % 2 + 1).status == 204
    rows = ruled.look(lambda reader: reader.of_type("FlowReservationResponse", limit=100))
    answered = [parse_as(row.body, sep.FlowReservationResponse, STORED) for row in rows]
    flows = [flow_of(one) for one in answered if one.EventStatus.currentStatus != EventState.CANCELLED]
    granted = [flow for flow in flows if flow.end > flow.start]

    assert 10 < len(granted) < len(answered) == 60
    for moment in {flow.start for flow in granted}:
        for sign in (-1, 1):
            running = (flow.power_w for flow in granted if flow.start <= moment < flow.end)
            assert sum(abs(power) for power in running if power * sign > 0) <= 10_000


def test_the_operator_may_overrule_the_rule(ruled: Esi) -> None:
    ruled.post("/edev/1/frq", wish())
    ruled.now += 1
    write(ruled, "/edev/1/frp", grant(powerAvailable={"multiplier": 0, "value": 1_000}))
    states = {one.powerAvailable.value: one.EventStatus.currentStatus for one in answers(ruled)}

    assert states == {7_000: 4, 1_000: 0}


def test_asking_and_withdrawing_for_ever_is_bounded(ruled: Esi) -> None:
    statuses = set()
    for number in range(MAX_ANSWERS + 1):
        response = ruled.post("/edev/1/frq", wish(mRID=number.to_bytes(16, "big")))
        statuses.add(response.status)
        if response.status == 201:
            ruled.ask("DELETE", location(response))

    assert statuses == {201, 400}
    assert ruled.post("/edev/2/frq", wish(5), device=OTHER).status == 201
