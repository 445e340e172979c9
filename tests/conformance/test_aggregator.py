"""SunSpec CSIP conformance test procedures, the server's side: UTIL, AGG, MAINT, ERR-002."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.bodies import equal
from conformance.lab import PIN, Lab, heard_of
from conformance.plant import Plant
from conformance.wire import build, child, link, number, sfdi_of, text

LIMIT = "opModMaxLimW"
VAR = "opModFixedVar"
FEEDER = ("SY", "ST", "SS", "FD{}", "SG{}", "TF{}")
LEVELS = {"SY": 10, "ST": 9, "SS": 8, "FD": 7, "SG": 6, "TF": 5, "SP": 4}
DEVICES = {"EDA1": "SPA1", "EDA2": "SPA2", "EDB1": "SPB1", "EDB2": "SPB2"}


def above(device: str) -> list[str]:
    """Return the nodes of the topology that a device is below: SY ... TFA, SPA1."""
    return [node.format(device[2]) for node in FEEDER] + [DEVICES[device]]


class Topology:
    """An aggregator with four devices in a tree of groups, and a program for each node of it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.aggregator = lab.plant()
        lab.utility.change_device(self.aggregator.lfdi, is_aggregator=True)
        self.devices = {
            name: Plant(self.aggregator.wire, f"{self.aggregator.lfdi[:8]}{number_:032X}")
            for number_, name in enumerate(DEVICES, 1)
        }
        for device in self.devices.values():
            lab.utility.register(device.lfdi, aggregator=self.aggregator.lfdi)
        self.groups: dict[str, str] = {}
        nodes = sorted({node for name in DEVICES for node in above(name)})
        bodies = [{"primacy": LEVELS[node[:2]], "description": node} for node in nodes]
        made = lab.utility.add_all("/derp", bodies, visible="assigned")
        self.programs = dict(zip(nodes, made, strict=True))
        for node in nodes:
            members = [device.lfdi for name, device in self.devices.items() if node in above(name)]
            self.groups[node] = lab.utility.group(node, *members, assigned=(self.programs[node],))
        self.zero = lab.now + 1
        self.events: dict[str, str] = {}
        lab.reach(self.zero)

    def default(self, node: str, **base: Any) -> None:
        self.lab.utility.default(self.programs[node], base)

    def control(self, node: str, start: int, duration: int, base: dict[str, Any]) -> str:
        self.events[node] = self.lab.utility.control(
            self.programs[node], self.zero + start, duration, base, description=node, responseRequired="07"
        )
        return self.events[node]

    def at(self, seconds: float, *names: str) -> dict[str, dict[str, str]]:
        """Let time reach so many seconds after zero; return what each device applies."""
        self.lab.reach(self.zero + seconds)
        return {name: self.devices[name].step() for name in names or self.devices}

    def heard(self, node: str) -> dict[str, list[int]]:
        """Return what the operator knows of each device's answers about a node's event."""
        event = self.lab.utility.event(self.events[node])
        answers = {name: heard_of(event, device.lfdi) for name, device in self.devices.items()}
        assert len(event["answers"]) == sum(bool(one) for one in answers.values()), "others answered"
        return {name: one for name, one in answers.items() if one}


@pytest.fixture
def tree(lab: Lab) -> Iterator[Topology]:
    made = Topology(lab)
    yield made
    lab.utility.remove(made.aggregator.lfdi)
    for device in made.devices.values():
        lab.utility.ask("DELETE", f"/devices/{device.lfdi}")


def test_UTIL_001_groups_of_nine_levels(lab: Lab) -> None:
    plant = lab.plant()
    for level in range(9):
        lab.utility.program(lab.utility.group(f"Level {level}", plant.lfdi), 100 - level)
    assert [one.primacy for one in plant.find_programs()][:9] == list(range(92, 101))


def test_UTIL_002_commissioning(lab: Lab, tree: Topology) -> None:
    aggregator = tree.aggregator
    seen = aggregator.wire.members(link(aggregator.dcap(), "EndDeviceListLink"))
    assert {text(one, "lFDI") for one in seen} == {
        aggregator.lfdi,
        *(one.lfdi for one in tree.devices.values()),
    }
    for one in seen:
        assert number(one, "sFDI") == sfdi_of(text(one, "lFDI") or "")
        assert number(aggregator.wire.get(link(one, "RegistrationLink")), "pIN") == PIN
        for name in ("DERListLink", "LogEventListLink", "SubscriptionListLink"):
            assert link(one, name)
        is_own = text(one, "lFDI") == aggregator.lfdi
        assert (child(one, "FunctionSetAssignmentsListLink") is None) == is_own, (
            "only what it manages has them"
        )
    for device in tree.devices.values():
        now = device.now()
        state = {"genConnectStatus": {"dateTime": now, "value": "07"}, "readingTime": now}
        place = link(device.der(), "DERStatusLink")
        device.wire.put(place, "DERStatus", state)
        assert number(device.wire.get(place), "readingTime") == now
    stranger = lab.plant()
    assert stranger.wire.ask("GET", tree.devices["EDA1"].me().get("href")).status == 404


def test_UTIL_003_groups_are_found_and_subscribed_to(lab: Lab, tree: Topology) -> None:
    for name, device in tree.devices.items():
        found = device.find_programs()
        assert [text(one.document, "description") for one in found][:7] == above(name)[::-1]
    subscribed: list[str] = []
    for assignment in tree.devices["EDA1"].assignments():
        listing = link(assignment, "DERProgramListLink")
        lab.subscribe(tree.aggregator, listing)
        subscribed.append(listing)
    controls = f"{tree.programs['TFA']}/derc"
    lab.subscribe(tree.aggregator, controls)
    lab.utility.change(tree.programs["SGA"], primacy=3)
    notified = lab.receiver.about(
        next(
            link(one, "DERProgramListLink")
            for one in tree.devices["EDA1"].assignments()
            if text(one, "description") == "SGA"
        ),
        primacy="3",
    )
    assert number(notified, "status") == 0
    tree.control("TFA", 60, 60, {LIMIT: 5_000})
    assert lab.receiver.about(controls, description="TFA") is not None


def test_UTIL_004_an_event_reaches_those_below_its_node(lab: Lab, tree: Topology) -> None:
    below = {
        node: [name for name in DEVICES if node in above(name)]
        for node in ("SY", "SS", "FDA", "SGB", "TFA", "SPB1")
    }
    for count, node in enumerate(below):
        tree.control(node, 60 + 100 * count, 50, {LIMIT: 5_000 + count})
    tree.at(0)
    for count, node in enumerate(below):
        applied = tree.at(60 + 100 * count)
        assert [name for name, one in applied.items() if one[LIMIT] == str(5_000 + count)] == below[node]
        tree.at(110 + 100 * count)
        assert tree.heard(node) == {name: [1, 2, 3] for name in below[node]}, node


def test_AGG_001_a_new_device_is_notified(lab: Lab, tree: Topology) -> None:
    listing = link(tree.aggregator.dcap(), "EndDeviceListLink")
    assert tree.aggregator.wire.get(listing).get("subscribable") == "1"
    subscription = lab.subscribe(tree.aggregator, listing)
    new = f"{tree.aggregator.lfdi[:8]}{99:032X}"
    lab.utility.register(new, aggregator=tree.aggregator.lfdi)
    notified = lab.receiver.about(listing, lFDI=new)
    assert (text(notified, "subscriptionURI") or "").endswith(subscription)
    assert child(notified, "Resource").get("all") == "6"
    device = Plant(tree.aggregator.wire, new)
    lab.utility.join(tree.groups["SPA1"], new)
    assert device.find_programs()[0].href == tree.programs["SPA1"]
    lab.utility.remove(new)


def test_AGG_002_defaults_by_group(lab: Lab, tree: Topology) -> None:
    tree.default("SY", opModMaxLimW=9_000)
    tree.default("TFA", opModMaxLimW=8_000)
    applied = tree.at(0)
    assert [one[LIMIT] for one in applied.values()] == ["8000", "8000", "9000", "9000"]


@pytest.mark.parametrize("defaults", [False, True], ids=["AGG-003", "AGG-004"])
def test_a_control_of_the_transformer(lab: Lab, tree: Topology, defaults: bool) -> None:
    if defaults:
        tree.default("TFA", opModMaxLimW=8_000)
    before = "8000" if defaults else "10000"
    tree.control("TFA", 60, 60, {LIMIT: 5_000})
    seen = {t: [one[LIMIT] for one in tree.at(t).values()] for t in (0, 60, 120)}
    assert seen[60] == ["5000", "5000", "10000", "10000"]
    assert seen[0] == seen[120] == [before, before, "10000", "10000"]
    assert tree.heard("TFA") == {"EDA1": [1, 2, 3], "EDA2": [1, 2, 3]}
    event = lab.utility.event(tree.events["TFA"])
    assert event["silent"] == []


def test_AGG_005_two_in_one_program(lab: Lab, tree: Topology) -> None:
    tree.default("TFA", opModMaxLimW=8_000)
    first = tree.control("TFA", 60, 60, {LIMIT: 5_000})
    second = tree.control("TFA", 180, 60, {LIMIT: 4_000})
    seen = [tree.at(t, "EDA1", "EDB1")["EDA1"][LIMIT] for t in (0, 60, 120, 180, 240)]
    assert seen == ["8000", "5000", "8000", "4000", "8000"]
    for event in (first, second):
        assert heard_of(lab.utility.event(event), tree.devices["EDA1"].lfdi) == [1, 2, 3]
        assert heard_of(lab.utility.event(event), tree.devices["EDB1"].lfdi) == []


def test_AGG_006_two_programs(lab: Lab, tree: Topology) -> None:
    tree.default("SY", opModMaxLimW=9_000)
    tree.default("TFA", opModMaxLimW=8_000)
    tree.control("SY", 60, 60, {LIMIT: 5_000})
    tree.control("TFA", 180, 60, {LIMIT: 4_000})
    seen = {t: [one[LIMIT] for one in tree.at(t, "EDA1", "EDB1").values()] for t in (0, 60, 120, 180, 240)}
    assert list(seen.values()) == [
        ["8000", "9000"],
        ["5000", "5000"],
        ["8000", "9000"],
        ["4000", "9000"],
        ["8000", "9000"],
    ]
    assert tree.heard("SY") == {"EDA1": [1, 2, 3], "EDB1": [1, 2, 3]}
    assert tree.heard("TFA") == {"EDA1": [1, 2, 3]}


# When SY's control and TFA's run; whether TFA's is made only after SY's began; what EDA1 answers about SY's.
OVERLAPPING = {
    "AGG-007": ((60, 120), (120, 120), False, [1, 7]),
    "AGG-008": ((120, 120), (60, 120), False, [1, 7]),
    "AGG-009": ((60, 120), (120, 120), True, [1, 2, 7]),
}


@pytest.mark.parametrize("test", OVERLAPPING)
def test_overlapping(lab: Lab, tree: Topology, test: str) -> None:
    system, transformer, late, answers = OVERLAPPING[test]
    tree.control("SY", *system, {LIMIT: 5_000})
    if not late:
        tree.control("TFA", *transformer, {LIMIT: 4_000})
    tree.at(0, "EDA1", "EDB1")
    seen: dict[int, tuple[str, str]] = {}
    for t in sorted({system[0], transformer[0] - 30, transformer[0], sum(transformer), sum(system)}):
        if late and t == transformer[0] - 30:
            tree.control("TFA", *transformer, {LIMIT: 4_000})
        applied = tree.at(t, "EDA1", "EDB1")
        seen[t] = applied["EDA1"][LIMIT], applied["EDB1"][LIMIT]
    for t, (a, b) in seen.items():
        assert b == ("5000" if system[0] <= t < sum(system) else "10000"), t
        if transformer[0] <= t < sum(transformer):
            assert a == "4000", t
        else:
            assert a == ("5000" if late and t < transformer[0] else "10000"), t
    assert tree.heard("SY") == {"EDA1": answers, "EDB1": [1, 2, 3]}
    assert tree.heard("TFA") == {"EDA1": [1, 2, 3]}
    if test != "AGG-009":  # a client may say so more exactly, and is heard
        control = tree.devices["EDA1"].control("SY")
        tree.devices["EDA1"].respond(control, 14)
        assert tree.heard("SY")["EDA1"] == [1, 7, 14]


@pytest.mark.parametrize("test", ["AGG-010", "AGG-011", "AGG-012"])
def test_independent(lab: Lab, tree: Topology, test: str) -> None:
    system, transformer = ((120, 120), (60, 120)) if test == "AGG-011" else ((60, 120), (120, 120))
    tree.control("SY", *system, {LIMIT: 5_000})
    for t in (0, 60, 120, 180, 240):
        if t == (120 if test == "AGG-012" else 0):
            if t:
                tree.at(90, "EDA1", "EDB1")
            tree.control("TFA", *transformer, {VAR: {"refType": 1, "value": 500}})
        applied = tree.at(t, "EDA1", "EDB1")
        for name in ("EDA1", "EDB1"):
            assert applied[name][LIMIT] == ("5000" if system[0] <= t < sum(system) else "10000")
        runs = transformer[0] <= t < sum(transformer)
        assert applied["EDA1"].get(VAR) == ("1 500" if runs else None)
        assert VAR not in applied["EDB1"]
    assert tree.heard("SY") == {"EDA1": [1, 2, 3], "EDB1": [1, 2, 3]}
    assert tree.heard("TFA") == {"EDA1": [1, 2, 3]}


def test_MAINT_001_a_device_is_removed_by_the_utility(lab: Lab, tree: Topology) -> None:
    listing = link(tree.aggregator.dcap(), "EndDeviceListLink")
    leaving = tree.devices["EDA1"]
    place = leaving.me().get("href")
    lab.subscribe(tree.aggregator, listing)
    lab.subscribe(tree.aggregator, place)
    lab.utility.remove(leaving.lfdi)
    ended = lab.receiver.wait(lambda one: text(one, "subscribedResource") == place)
    assert number(ended, "status") == 4
    for target in (place, f"{place}/fsa", f"{place}/der", f"{place}/rg"):
        assert tree.aggregator.wire.ask("GET", target).status == 404
    seen = tree.aggregator.wire.members(listing)
    assert leaving.lfdi not in [text(one, "lFDI") for one in seen]
    assert len(seen) == 4


def test_MAINT_001_the_list_is_notified(lab: Lab, tree: Topology) -> None:
    listing = link(tree.aggregator.dcap(), "EndDeviceListLink")
    lab.subscribe(tree.aggregator, listing)
    lab.utility.remove(tree.devices["EDB2"].lfdi)
    notified = lab.receiver.about(listing)
    assert child(notified, "Resource").get("all") == "4"


def test_MAINT_002_a_device_is_removed_by_its_aggregator(lab: Lab, tree: Topology) -> None:
    leaving = tree.devices["EDA2"]
    place = leaving.me().get("href")
    assert lab.plant().wire.ask("DELETE", place).status == 404
    assert tree.aggregator.wire.ask("DELETE", place).status == 204
    assert tree.aggregator.wire.ask("GET", place).status == 404
    assert tree.aggregator.wire.ask("DELETE", place).status == 404
    assert lab.utility.ask("GET", f"/devices/{leaving.lfdi}").status_code == 404


def test_MAINT_003_a_device_moves_to_another_group(lab: Lab, tree: Topology) -> None:
    mover = tree.devices["EDA1"]
    assignments = link(mover.me(), "FunctionSetAssignmentsListLink")
    lab.subscribe(tree.aggregator, assignments)
    tree.default("TFA", opModMaxLimW=8_000)
    tree.default("TFB", opModMaxLimW=7_000)
    assert tree.at(0, "EDA1")["EDA1"][LIMIT] == "8000"
    for node in ("FD", "SG", "TF"):
        lab.utility.leave(tree.groups[f"{node}A"], mover.lfdi)
        lab.utility.join(tree.groups[f"{node}B"], mover.lfdi)
    lab.utility.leave(tree.groups["SPA1"], mover.lfdi)
    assert lab.receiver.about(assignments, description="TFB") is not None
    assert tree.at(60, "EDA1")["EDA1"][LIMIT] == "7000"
    names = [text(one.document, "description") for one in mover.programs]
    assert names[:6] == ["TFB", "SGB", "FDB", "SS", "ST", "SY"]


def test_MAINT_004_a_control_is_added(lab: Lab, tree: Topology) -> None:
    listing = f"{tree.programs['TFA']}/derc"
    lab.subscribe(tree.aggregator, listing)
    event = tree.control("TFA", 60, 60, {LIMIT: 5_000})
    notified = lab.receiver.about(listing, description="TFA")
    inside = child(notified, "Resource")
    assert [one.get("href") for one in inside] == [event]
    assert equal(inside, tree.aggregator.wire.get(f"{listing}?l=255"))
    assert tree.at(60, "EDA1")["EDA1"][LIMIT] == "5000"
    begun = lab.receiver.about(listing, currentStatus="1")  # what time changes is told, too
    assert number(child(begun, "Resource"), "DERControl/EventStatus/currentStatus") == 1


def test_MAINT_005_primacies_are_swapped(lab: Lab, tree: Topology) -> None:
    tree.default("TFA", opModMaxLimW=8_000)
    tree.default("SGA", opModMaxLimW=7_000)
    (listing,) = [
        link(one, "DERProgramListLink")
        for one in tree.devices["EDA1"].assignments()
        if text(one, "description") == "SGA"
    ]
    lab.subscribe(tree.aggregator, listing)
    assert tree.at(0, "EDA1")["EDA1"][LIMIT] == "8000"
    lab.utility.change(tree.programs["TFA"], primacy=6)
    lab.utility.change(tree.programs["SGA"], primacy=5)
    lab.receiver.about(listing, primacy="5")
    assert tree.at(60, "EDA1")["EDA1"][LIMIT] == "7000"


def test_MAINT_006_a_subscription_ends_and_polling_goes_on(lab: Lab, tree: Topology) -> None:
    listing = f"{tree.programs['TFA']}/derc"
    subscription = lab.subscribe(tree.aggregator, listing)
    lab.utility.delete(subscription)
    ended = lab.receiver.about(listing)
    assert number(ended, "status") == 1
    assert tree.aggregator.wire.ask("GET", subscription).status == 404
    event = tree.control("TFA", 60, 60, {LIMIT: 5_000})
    assert [one.get("href") for one in tree.aggregator.wire.members(listing)] == [event]
    again = lab.subscribe(tree.aggregator, listing)
    assert again != subscription


def test_ERR_002_subscriptions_outlive_a_restart_and_end_when_refused(lab: Lab) -> None:
    plant = lab.plant()
    assignments = link(plant.me(), "FunctionSetAssignmentsListLink")
    subscription = lab.subscribe(plant, assignments, limit=3)
    lab.restart()
    lab.utility.group("After the restart", plant.lfdi)
    notified = lab.receiver.about(assignments, description="After the restart")
    assert equal(child(notified, "Resource"), plant.wire.get(f"{assignments}?l=3"))
    lab.utility.delete(subscription)
    lab.pass_time(60)
    assert number(lab.receiver.about(assignments), "status") == 1

    wanted = lab.subscribe(plant, assignments)
    lab.receiver.status = 400
    try:
        lab.utility.group("Not wanted", plant.lfdi)
        lab.receiver.refused()
    finally:
        lab.receiver.status = 201
    lab.wait_for(lambda: plant.wire.ask("GET", wanted).status == 404)
    assert plant.wire.members(link(plant.me(), "SubscriptionListLink")) == []


def test_a_device_can_be_left_with_its_groups_alone(lab: Lab) -> None:
    plant = lab.plant()
    for assignment in plant.assignments():
        lab.utility.delete(assignment.get("href"))
    assert plant.assignments() == []
    program = lab.utility.program(lab.utility.group("Only", plant.lfdi), 85)
    assert [one.href for one in plant.find_programs()] == [program]
    renamed = build("EndDevice", {"sFDI": sfdi_of(plant.lfdi), "changedTime": 0})
    assert plant.wire.ask("PUT", plant.me().get("href"), renamed).status == 204
    assert len(plant.assignments()) == 1
