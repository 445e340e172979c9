"""Clocks that jump an hour, restarts in the middle, and events that get into each other's way."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.lab import Lab, Site
from conformance.wire import child, children, link, number, text

LIMIT = "opModMaxLimW"
HOUR = 3_600
SCHEDULED, ACTIVE, CANCELLED, SUPERSEDED = 0, 1, 2, 4


def states(site: Site, program: str = "P") -> dict[str, int]:
    """Return the status of each event that is listed, in the order of the list."""
    members = site.plant.wire.members(f"{site.programs[program]}/derc")
    return {text(one, "description") or "": number(one, "EventStatus/currentStatus") for one in members}


def active(site: Site, program: str = "P") -> list[str]:
    members = site.plant.wire.members(f"{site.programs[program]}/actderc")
    return [text(one, "description") or "" for one in members]


def schedule(site: Site) -> None:
    for name, start, duration in (
        ("past", 600, 600),
        ("long", 1_800, 2 * HOUR),
        ("later", 2 * HOUR + 1_800, 600),
    ):
        site.control("P", name, start, duration, {LIMIT: 5_000})


@pytest.mark.parametrize("restart", [False, True])
def test_an_hour_forward(lab: Lab, restart: bool) -> None:
    site = lab.site(P=85)
    schedule(site)
    listing = f"{site.programs['P']}/derc"
    lab.subscribe(site.plant, listing)
    assert states(site) == {"past": SCHEDULED, "long": SCHEDULED, "later": SCHEDULED}
    lab.pass_time(HOUR)
    if restart:
        lab.restart()
    assert states(site) == {"long": ACTIVE, "later": SCHEDULED}
    assert active(site) == ["long"]
    notified = lab.receiver.about(listing, currentStatus="1")
    assert child(notified, "Resource").get("all") == "2"
    past = site.plant.wire.get(site.events["past"])
    assert number(past, "EventStatus/currentStatus") == ACTIVE  # in 2018 there is no word for completed
    long = site.plant.wire.get(site.events["long"])
    assert number(long, "EventStatus/dateTime") == site.zero + 1_800, "dated when it was due"
    told = {name: lab.utility.event(site.events[name])["status"] for name in site.events}
    assert told == {"past": "completed", "long": "active", "later": "scheduled"}


@pytest.mark.parametrize("restart", [False, True])
def test_an_hour_back(lab: Lab, restart: bool) -> None:
    """What happened has happened: events do not go back to an earlier status."""
    site = lab.site(P=85)
    clock = link(site.plant.dcap(), "TimeLink")
    schedule(site)
    lab.pass_time(HOUR)
    before = number(site.plant.wire.get(clock), "currentTime")
    assert states(site) == {"long": ACTIVE, "later": SCHEDULED}
    lab.pass_time(-HOUR)
    if restart:
        lab.restart()
    assert before - HOUR <= number(site.plant.wire.get(clock), "currentTime") <= before - HOUR + 5
    assert states(site) == {"long": ACTIVE, "later": SCHEDULED}
    site.control("P", "new", 30, 60, {LIMIT: 4_000})
    assert states(site)["new"] == SCHEDULED
    site.at(30)
    assert states(site)["new"] == ACTIVE
    site.at(90)
    assert "new" not in states(site)
    site.at(2 * HOUR + 1_800)
    assert states(site) == {"later": ACTIVE}
    assert active(site) == ["later"]


def test_back_and_forward_again_is_as_if_nothing_was(lab: Lab) -> None:
    site = lab.site(P=85)
    schedule(site)
    lab.pass_time(-HOUR)
    assert set(states(site).values()) == {SCHEDULED}
    lab.pass_time(HOUR)
    for t, expected in ((599, {}), (600, {"past": ACTIVE}), (1_200, {}), (1_800, {"long": ACTIVE})):
        lab.reach(site.zero + t)
        assert {name: status for name, status in states(site).items() if status != SCHEDULED} == expected
    assert sorted(states(site)) == ["later", "long"]


def test_a_cancelled_control_stays_cancelled_whatever_the_clock_does(lab: Lab) -> None:
    site = lab.site(P=85)
    schedule(site)
    lab.utility.cancel(site.events["long"], site.events["later"])
    for jump in (HOUR, -HOUR, HOUR):
        lab.pass_time(jump)
        found = states(site)
        assert (found["long"], found["later"]) == (CANCELLED, CANCELLED)
    lab.restart()
    assert states(site)["later"] == CANCELLED
    lab.pass_time(2 * HOUR)
    assert states(site) == {}


def test_answers_of_a_device_with_another_clock_are_kept(lab: Lab) -> None:
    site = lab.site(P=85)
    schedule(site)
    site.at(0)
    lab.pass_time(HOUR)
    site.plant.step()
    lab.pass_time(-HOUR)
    site.plant.step()
    lab.restart()
    assert site.heard("long") == [1, 2]
    assert site.heard("later") == [1]


def test_an_outage_over_the_whole_life_of_an_event(lab: Lab) -> None:
    site = lab.site(P=85)
    site.control("P", "missed", 60, 60, {LIMIT: 5_000})
    site.control("P", "beside it", 90, 2 * HOUR, {"opModFixedW": 100})
    lab.house.ahead_s += HOUR
    lab.restart()
    assert states(site) == {"beside it": ACTIVE}
    assert lab.utility.event(site.events["missed"])["status"] == "completed"


# --- conflicts ---------------------------------------------------------------------------------------------


def send(lab: Lab, site: Site, *orders: tuple[str, int, int, dict[str, Any], dict[str, Any]]) -> None:
    """Create controls in one call: name, start and duration (s), modes, and more fields."""
    bodies = [
        {
            "description": name,
            "interval": {"start": site.zero + start, "duration": duration},
            "DERControlBase": base,
            **more,
        }
        for name, start, duration, base, more in orders
    ]
    made = lab.utility.add_all(f"{site.programs['P']}/derc", bodies)
    site.events |= dict(zip([one["description"] for one in bodies], made, strict=True))


def flags(site: Site) -> dict[str, str | None]:
    members = site.plant.wire.members(f"{site.programs['P']}/derc")
    return {text(one, "description") or "": text(one, "EventStatus/potentiallySuperseded") for one in members}


def test_same_start_and_creation_the_greater_mrid_wins(lab: Lab) -> None:
    site = lab.site(P=85)
    mrids = [f"{digit * 24}00000000" for digit in "5B9"]
    send(lab, site, *(("abc"[n], 60, 60, {LIMIT: 5_000}, {"mRID": mrids[n]}) for n in range(3)))
    assert list(states(site)) == ["b", "c", "a"], "mRIDs descend where all else is equal"
    lab.reach(site.zero + 60)
    assert states(site) == {"b": ACTIVE, "c": SUPERSEDED, "a": SUPERSEDED}
    assert active(site) == ["b"]


def test_the_later_made_wins_when_it_starts(lab: Lab) -> None:
    site = lab.site(P=85)
    send(lab, site, ("old", 60, 600, {LIMIT: 5_000}, {}))
    lab.pass_time(5)
    send(lab, site, ("new", 300, 60, {LIMIT: 4_000}, {}))
    lab.reach(site.zero + 60)
    assert states(site) == {"old": ACTIVE, "new": SCHEDULED}
    lab.reach(site.zero + 300)
    assert states(site) == {"old": SUPERSEDED, "new": ACTIVE}
    old = site.plant.wire.get(site.events["old"])
    assert number(old, "EventStatus/dateTime") == site.zero + 300
    lab.reach(site.zero + 400)
    assert states(site) == {"old": SUPERSEDED}, "what was superseded is never resumed"
    assert active(site) == []


def test_nested_in_an_hour_that_nobody_looked(lab: Lab) -> None:
    """It comes out as if somebody had looked at every second."""
    site = lab.site(P=85)
    send(lab, site, ("outer", 60, 2 * HOUR, {LIMIT: 5_000}, {}))
    lab.pass_time(5)
    send(lab, site, ("inner", 600, 60, {LIMIT: 4_000}, {}))
    lab.pass_time(HOUR)
    lab.restart()
    assert states(site) == {"outer": SUPERSEDED}


@pytest.mark.parametrize("random", [0, 30, -30])
def test_back_to_back_is_no_conflict(lab: Lab, random: int) -> None:
    """Nor is it with randomization: the clients see to it that there is neither gap nor overlap."""
    site = lab.site(P=85)
    more = {"randomizeStart": random, "randomizeDuration": random, "responseRequired": "03"}
    send(lab, site, *((f"{n}", 60 + 60 * n, 60, {LIMIT: 5_000 + n}, more) for n in range(5)))
    assert set(flags(site).values()) == {"false"}
    for n in range(5):
        site.at(60 + 60 * n)
        assert states(site)[str(n)] == ACTIVE
        assert str(n) in active(site)
        assert SUPERSEDED not in states(site).values()
    site.at(600)
    assert all(site.heard(str(n)) == [1, 2, 3] for n in range(5))


def test_what_sets_one_mode_of_two_is_flagged(lab: Lab) -> None:
    site = lab.site(P=85)
    send(lab, site, ("both", 60, 600, {LIMIT: 5_000, "opModFixedW": 100}, {}))
    lab.pass_time(5)
    send(lab, site, ("one", 120, 60, {LIMIT: 4_000}, {}))
    assert flags(site) == {"both": "true", "one": "false"}
    both = site.plant.wire.get(site.events["both"])
    assert abs(number(both, "EventStatus/potentiallySupersededTime") - lab.now) <= 2
    lab.reach(site.zero + 120)
    assert states(site) == {"both": ACTIVE, "one": ACTIVE}
    assert site.plant.step()[LIMIT] == "4000"
    assert site.plant.applied["opModFixedW"] == "100"
    lab.reach(site.zero + 180)
    assert site.plant.step().get(LIMIT) == "10000"
    assert site.plant.applied["opModFixedW"] == "100"


def test_other_categories_and_other_modes_are_no_conflict(lab: Lab) -> None:
    site = lab.site(P=85)
    send(
        lab,
        site,
        ("pv", 60, 600, {LIMIT: 5_000}, {"deviceCategory": "00200000"}),
        ("storage", 60, 600, {LIMIT: 4_000}, {"deviceCategory": "02000000"}),
        ("mode", 60, 600, {"opModConnect": True}, {}),
    )
    lab.reach(site.zero + 60)
    assert set(states(site).values()) == {ACTIVE}
    assert set(flags(site).values()) == {"false"}


def test_superseding_over_the_api(lab: Lab) -> None:
    site = lab.site(P=85)
    site.control("P", "old", 0, 600, {LIMIT: 5_000})
    site.at(1)
    made = lab.utility.supersede(site.events["old"], DERControlBase={LIMIT: 2_000}, description="new")
    site.events["new"] = made
    assert states(site) == {"old": SUPERSEDED, "new": ACTIVE}
    assert site.at(2)[LIMIT] == "2000"
    assert site.heard("old") == [1, 2, 7]
    site.at(600)
    assert site.heard("new") == [1, 2, 3]


def test_primacy_between_programs_is_the_clients_business(lab: Lab) -> None:
    """Both stand; what the server supersedes is of one program."""
    site = lab.site(SY=89, SP=85)
    site.control("SY", "SY", 0, 600, {LIMIT: 5_000})
    site.control("SP", "SP", 0, 600, {LIMIT: 4_000})
    site.at(1)
    assert states(site, "SY") == {"SY": ACTIVE}
    assert states(site, "SP") == {"SP": ACTIVE}
    assert site.plant.applied[LIMIT] == "4000"


def test_the_same_mrid_twice_is_refused(lab: Lab) -> None:
    site = lab.site(P=85)
    send(lab, site, ("a", 60, 60, {LIMIT: 5_000}, {"mRID": "AB" * 16}))
    body = {
        "mRID": "AB" * 16,
        "interval": {"start": site.zero + 600, "duration": 60},
        "DERControlBase": {LIMIT: 1},
    }
    other = lab.utility.program(None, 99)
    for program in (site.programs["P"], other):  # answers name an event by its mRID alone
        refused = lab.utility.ask("POST", f"/resources{program}/derc", body)
        assert refused.status_code == 422
        assert "mRID already" in refused.text
    assert len(children(site.plant.wire.get(f"{site.programs['P']}/derc?l=9"), "DERControl")) == 1


# What makes an event of another kind, and what becomes of the older of two that overlap.
KINDS: dict[str, tuple[str, Any, str, dict[str, Any], int]] = {
    "EndDeviceControl": (
        "/dr",
        {"primacy": 9},
        "/edc",
        {
            "deviceCategory": "00000001",
            "drProgramMandatory": False,
            "loadShiftForward": False,
            "DutyCycle": {"normalValue": 50},
        },
        SUPERSEDED,
    ),
    "TimeTariffInterval": (
        "/tp",
        {
            "primacy": 9,
            "serviceCategoryKind": 0,
            "RateComponent": [{"roleFlags": "00", "ReadingType": {"uom": 72}}],
        },
        "/rc/1/tti",
        {"touTier": 0, "ConsumptionTariffInterval": [{"consumptionBlock": 0, "startValue": 0, "price": 1}]},
        SUPERSEDED,
    ),
    "TextMessage": (
        "/msg",
        {"locale": "en", "primacy": 9},
        "/txt",
        {"priority": 1, "textMessage": "Hello"},
        ACTIVE,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_events_of_other_kinds(lab: Lab, kind: str) -> None:
    top, parent, below, body, older = KINDS[kind]
    plant = lab.plant()
    listing = lab.utility.add(top, parent) + below
    zero = lab.now + 1

    def make(name: str, start: int, duration: int) -> None:
        interval = {"start": zero + start, "duration": duration}
        lab.utility.add(listing, body | {"description": name, "interval": interval})

    def found() -> dict[str, int]:
        members = plant.wire.members(listing)
        return {text(one, "description") or "": number(one, "EventStatus/currentStatus") for one in members}

    make("old", 60, 2 * HOUR)
    lab.pass_time(5)
    make("new", 600, 600)
    assert found() == {"old": SCHEDULED, "new": SCHEDULED}
    lab.reach(zero + 60)
    assert found() == {"old": ACTIVE, "new": SCHEDULED}
    lab.pass_time(-HOUR)
    lab.restart()
    assert found() == {"old": ACTIVE, "new": SCHEDULED}
    lab.reach(zero + 600)
    assert found() == {"old": older, "new": ACTIVE}
    lab.pass_time(HOUR)
    assert found() == {"old": older}
    lab.pass_time(HOUR)
    assert found() == {}
