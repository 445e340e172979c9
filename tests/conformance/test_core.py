"""SunSpec CSIP conformance test procedures, the server's side: CORE-001 to CORE-023, ERR-001."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from conformance.bodies import equal, same
from conformance.lab import PIN, Lab, lab_in, schema
from conformance.plant import Plant
from conformance.wire import SEP, XML, Wire, build, child, children, link, name_of, number, text

LIMIT = "opModMaxLimW"


def raw(wire: Wire, octets: bytes, *, tls: bool = True) -> tuple[int, dict[str, str], bytes]:
    """Send octets as they are, and read what comes back until the other side closes."""
    host, _, port = wire.server.removeprefix("https://").partition(":")
    plain = socket.create_connection((host, int(port)), timeout=10)
    sock = wire.certificate.context().wrap_socket(plain) if tls else plain
    try:
        sock.sendall(octets)
        received = b""
        while piece := sock.recv(65_536):
            received += piece
    finally:
        sock.close()
    head, _, body = received.partition(b"\r\n\r\n")
    line, *fields = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
    return int(line.split()[1]), headers, body


def request(method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


HOST, ACCEPT = "Host: esi", f"Accept: {XML}"

# method, headers, body, status: what a server answers a registered device that asks for /dcap or /edev.
HTTP: dict[str, tuple[str, str, tuple[str, ...], bytes, int]] = {
    "all is well": ("GET", "/dcap", (HOST, ACCEPT), b"", 200),
    "any media type": ("GET", "/dcap", (HOST, "Accept: */*"), b"", 200),
    "no Accept": ("GET", "/dcap", (HOST,), b"", 200),
    "unknown headers": ("GET", "/dcap", (HOST, ACCEPT, "X-Unknown: 1", "Cookie: a=b"), b"", 200),
    "head": ("HEAD", "/dcap", (HOST, ACCEPT), b"", 200),
    "no Host": ("GET", "/dcap", (ACCEPT,), b"", 400),
    "two Hosts": ("GET", "/dcap", (HOST, "Host: other", ACCEPT), b"", 400),
    "a header that is none": ("GET", "/dcap", (HOST, ACCEPT, "no colon"), b"", 400),
    "unknown URI": ("GET", "/nowhere", (HOST, ACCEPT), b"", 404),
    "URI of other case": ("GET", "/DCAP", (HOST, ACCEPT), b"", 404),
    "trailing slash": ("GET", "/dcap/", (HOST, ACCEPT), b"", 404),
    "URI too long": ("GET", "/" + "x" * 256, (HOST, ACCEPT), b"", 414),
    "unknown method": ("FOO", "/dcap", (HOST, ACCEPT), b"", 501),
    "method that is not allowed": ("DELETE", "/dcap", (HOST, ACCEPT), b"", 405),
    "POST that is not allowed": ("POST", "/dcap", (HOST, ACCEPT, "Content-Length: 0"), b"", 405),
    "PUT that is not allowed": ("PUT", "/edev", (HOST, ACCEPT, "Content-Length: 0"), b"", 405),
    "media type we have not": ("GET", "/dcap", (HOST, "Accept: text/html"), b"", 406),
    "no Content-Length": ("POST", "/edev", (HOST, ACCEPT, f"Content-Type: {XML}"), b"", 411),
    "body too large": ("POST", "/edev", (HOST, f"Content-Type: {XML}", "Content-Length: 99999999"), b"", 413),
    "body of another kind": (
        "POST", "/edev", (HOST, ACCEPT, "Content-Type: text/xml", "Content-Length: 4"), b"<a/>", 415,
    ),
    "body of no kind": ("POST", "/edev", (HOST, ACCEPT, "Content-Length: 4"), b"<a/>", 415),
    "body that is no XML": (
        "POST", "/edev", (HOST, ACCEPT, f"Content-Type: {XML}", "Content-Length: 4"), b"<a>b", 400,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HTTP)
def test_CORE_001_and_002_http(lab: Lab, registered: Plant, case: str) -> None:
    method, target, headers, body, expected = HTTP[case]
    status, found, answer = raw(registered.wire, request(method, target, *headers, body=body))
    assert status == expected, (status, answer)
    assert "date" in found
    if status == 200 and method == "GET":
        assert found["content-type"].startswith(XML)
        assert int(found["content-length"]) == len(answer)
    if status == 405:
        assert {one.strip() for one in found["allow"].split(",")} >= {"GET", "HEAD"}
    if status >= 400 and answer:
        assert name_of(etree.fromstring(answer)) == "Error"


@pytest.fixture(scope="module")
def registered(lab: Lab) -> Plant:
    return lab.plant()


def test_CORE_001_head_is_get_without_a_body(lab: Lab, registered: Plant) -> None:
    for target in ("/dcap", "/edev?l=5", link(registered.me(), "RegistrationLink")):
        full = registered.wire.ask("GET", target)
        head = registered.wire.ask("HEAD", target)
        assert head.body == b""
        for name in ("content-length", "content-type"):
            assert head.headers[name] == full.headers[name]


def test_CORE_002_plain_http_is_sent_to_https(lab: Lab, registered: Plant) -> None:
    server = registered.wire.server.removeprefix("https://")
    asked = request("GET", "/dcap", f"Host: {server}", ACCEPT)
    status, headers, _ = raw(registered.wire, asked, tls=False)
    assert status == 301
    assert headers["location"] == f"https://{server}/dcap"
    assert name_of(registered.wire.get("/dcap")) == "DeviceCapability"


def test_CORE_002_created_and_written_over(lab: Lab, registered: Plant) -> None:
    event = {
        "createdDateTime": registered.now(),
        "functionSet": 0,
        "logEventCode": 1,
        "logEventID": 1,
        "logEventPEN": 40_732,
        "profileID": 2,
    }
    listing = link(registered.me(), "LogEventListLink")
    made = registered.wire.ask("POST", listing, build("LogEvent", event))
    assert (made.status, made.body) == (201, b"")
    assert name_of(registered.wire.get(made.location)) == "LogEvent"
    assert registered.wire.ask("DELETE", made.location).status == 204
    assert registered.wire.ask("DELETE", made.location).status == 404
    power = {"batteryStatus": 1, "changedTime": registered.now(), "currentPowerSource": 1}
    for _ in range(2):
        registered.wire.put(link(registered.me(), "PowerStatusLink"), "PowerStatus", power)


def test_CORE_003_every_rate_is_told(lab: Lab, registered: Plant) -> None:
    me, dcap = registered.me(), registered.dcap()
    for place in (
        "/dcap",
        link(dcap, "TimeLink"),
        link(dcap, "EndDeviceListLink"),
        link(dcap, "MirrorUsagePointListLink"),
        link(me, "FunctionSetAssignmentsListLink"),
        link(me, "DERListLink"),
        link(me, "LogEventListLink"),
        link(me, "SubscriptionListLink"),
        link(registered.assignments()[0], "DERProgramListLink"),
    ):
        assert int(registered.wire.get(place).get("pollRate")) == 60, place


# query, where it starts, how many: for a list of four whose first key is a time and one whose is not.
LISTS = {
    "": (0, 1, 1),
    "s=0": (0, 1, 1),
    "s=1": (1, 1, 1),
    "l=0": (0, 0, 0),
    "l=2": (0, 2, 2),
    "l=1000": (0, 4, 4),
    "s=1&l=1000": (1, 3, 3),
    "s=3&l=255": (3, 1, 1),
    "s=4": (4, 0, 0),
    "s=1000&l=5": (1000, 0, 0),
    "a={now}": (0, 0, 1),
    "a=0": (0, 1, 1),
    "a=0&l=255": (0, 4, 4),
    "s=3&a={now}": (3, 0, 1),
    "s=1&l=1&s=2": (1, 1, 1),
    "l=0&l=2": (0, 0, 0),
    "s=1&a={now}&a={tomorrow}": (1, 0, 1),
    "s=1&b=2": (1, 1, 1),
    "b=2": (0, 1, 1),
    "l=2&s=1": (1, 2, 2),
    "s=01&l=02": (1, 2, 2),
}
BAD_QUERIES = ["s=-1", "l=-1", "s=x", "l=1.5", "a=now", "l=", "s=1e3", "l=%31%00"]


@pytest.fixture(scope="module")
def four(lab: Lab) -> tuple[Plant, dict[str, list[str]]]:
    """An aggregator with three devices, and four programs; the order of both lists."""
    plant = lab.plant()
    for part in range(3):
        lab.utility.register(f"{0xABC000000 + part:09X}{part:031X}", aggregator=plant.lfdi)
    group = lab.utility.group("Four", plant.lfdi)
    for primacy in (90, 80, 100, 70):
        lab.utility.program(group, primacy)
    lab.pass_time(10)
    places = {
        "time": link(plant.dcap(), "EndDeviceListLink"),
        "other": next(
            link(one, "DERProgramListLink")
            for one in plant.assignments()
            if text(one, "description") == "Four"
        ),
    }
    return plant, {
        key: [place, *(one.get("href") for one in plant.wire.members(place))] for key, place in places.items()
    }


@pytest.mark.parametrize("key", ["time", "other"])
@pytest.mark.parametrize("query", LISTS)
def test_CORE_004_lists(lab: Lab, four: tuple[Plant, dict[str, list[str]]], query: str, key: str) -> None:
    plant, known = four
    place, *order = known[key]
    assert len(order) == 4
    start, timed, untimed = LISTS[query]
    expected = order[start : start + (timed if key == "time" else untimed)]
    now = plant.now()
    shown = plant.wire.get(f"{place}?{query.format(now=now, tomorrow=now + 86_400)}")
    assert shown.get("all") == "4"
    assert shown.get("results") == str(len(expected))
    assert [one.get("href") for one in shown if one.get("href")] == expected


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_CORE_004_queries_that_are_wrong(lab: Lab, registered: Plant, query: str) -> None:
    assert registered.wire.ask("GET", f"/edev?{query}").status == 400


def test_CORE_004_queries_mean_nothing_elsewhere(lab: Lab, registered: Plant) -> None:
    assert registered.wire.ask("GET", "/dcap?s=5&l=0&x=y").status == 200


def test_CORE_005_time(lab: Lab, registered: Plant) -> None:
    place = link(registered.dcap(), "TimeLink")
    clock = registered.wire.get(place)
    assert abs(number(clock, "currentTime") - lab.house.clock()) <= 2
    assert number(clock, "quality") == 7
    assert number(clock, "localTime") - number(clock, "currentTime") == number(clock, "tzOffset") + (
        number(clock, "dstOffset")
        if number(clock, "dstStartTime") <= number(clock, "currentTime") < number(clock, "dstEndTime")
        else 0
    )
    for assignment in registered.assignments():
        assert link(assignment, "TimeLink") == place
    lab.pass_time(3_600)
    assert abs(number(registered.wire.get(place), "currentTime") - lab.house.clock()) <= 2


# zone, moment; dstEndTime, dstOffset, dstStartTime, localTime, tzOffset then.
ZONES = {
    "summer in California": (
        "America/Los_Angeles", 1_752_566_400, (1_762_074_000, 3_600, 1_741_514_400, 1_752_541_200, -28_800),
    ),
    "winter in California": (
        "America/Los_Angeles", 1_735_689_600, (1_762_074_000, 3_600, 1_741_514_400, 1_735_660_800, -28_800),
    ),
    "summer in Sydney": (
        "Australia/Sydney", 1_735_689_600, (1_743_868_800, 3_600, 1_728_144_000, 1_735_729_200, 36_000),
    ),
    "always in Brisbane": ("Australia/Brisbane", 1_735_689_600, (0, 0, 0, 1_735_725_600, 36_000)),
}  # fmt: skip


@pytest.mark.parametrize("case", ZONES)
def test_CORE_005_time_in_a_zone(tmp_path: Path, case: str) -> None:
    zone, moment, expected = ZONES[case]
    with lab_in(tmp_path, timezone=zone) as lab:
        plant = lab.plant()
        lab.reach(moment)
        clock = plant.wire.get(link(plant.dcap(), "TimeLink"))
        passed = number(clock, "currentTime") - moment
        assert 0 <= passed <= 2
        names = ("dstEndTime", "dstOffset", "dstStartTime", "localTime", "tzOffset")
        told = {name: number(clock, name) for name in names}
        told["localTime"] -= passed
        assert tuple(told.values()) == expected


def power(watts: int) -> dict[str, int]:
    return {"multiplier": 0, "value": watts}


def factor(displacement: int) -> dict[str, int]:
    return {"displacement": displacement, "multiplier": -3}


CAPABILITY: dict[str, Any] = {
    "modesSupported": "01900028",
    "rtgMaxVA": power(10_500),
    "rtgMaxVar": power(4_400),
    "rtgMaxVarNeg": power(-4_400),
    "rtgMaxW": power(10_000),
    "rtgMinPFOverExcited": factor(900),
    "rtgMinPFUnderExcited": factor(900),
    "rtgVNom": power(240),
    "type": 4,
}


def settings(now: int, **changes: Any) -> dict[str, Any]:
    known = {
        "modesEnabled": "01900028",
        "setGradW": 10_000,
        "setMaxVA": power(10_000),
        "setMaxVar": power(4_000),
        "setMaxVarNeg": power(-4_000),
        "setMaxW": power(9_500),
        "setMinPFOverExcited": factor(950),
        "setMinPFUnderExcited": factor(950),
        "updatedTime": now,
    }
    return {name: changes.get(name, value) for name, value in known.items()}


def test_CORE_009_end_device(lab: Lab) -> None:
    plant = lab.plant()
    assert number(plant.wire.get(link(plant.me(), "RegistrationLink")), "pIN") == PIN
    der, now = plant.der(), plant.now()
    available = {
        "availabilityDuration": 3_600,
        "readingTime": now,
        "statVarAvail": power(1_000),
        "statWAvail": power(8_000),
    }
    status = {"genConnectStatus": {"dateTime": now, "value": "07"}, "readingTime": now}
    for kind, fields in (
        ("DERCapability", CAPABILITY),
        ("DERSettings", settings(now)),
        ("DERStatus", status),
        ("DERAvailability", available),
    ):
        plant.wire.put(link(der, f"{kind}Link"), kind, fields)
        assert same(plant.wire.get(link(der, f"{kind}Link")), fields), kind


def test_CORE_009_a_device_that_is_not_listed_registers_itself(lab: Lab) -> None:
    plant = Plant(lab.wire())
    listing = link(plant.dcap(), "EndDeviceListLink")
    empty = plant.wire.get(f"{listing}?l=255")
    assert (empty.get("all"), empty.get("results")) == ("0", "0")
    own = {
        "deviceCategory": "00800000",
        "lFDI": plant.lfdi,
        "sFDI": plant.wire.certificate.sfdi,
        "changedTime": plant.now(),
    }
    place = plant.wire.post(listing, "EndDevice", own)
    assert plant.me().get("href") == place
    assert number(plant.wire.get(link(plant.me(), "RegistrationLink")), "pIN") == PIN
    assert plant.wire.ask("POST", listing, build("EndDevice", own)).status == 409
    assert len(plant.wire.members(listing)) == 1


def test_CORE_010_seven_levels(lab: Lab) -> None:
    site = lab.site(L1=100, L2=95, L3=90, L4=85, L5=80, L6=75, L7=70)
    names = {text(one, "description") for one in site.plant.assignments()}
    assert names >= set(site.programs)
    for assignment in site.plant.assignments():
        name = text(assignment, "description") or ""
        if name in site.programs:
            (program,) = site.plant.wire.members(link(assignment, "DERProgramListLink"))
            assert program.get("href") == site.programs[name]
            assert name_of(site.plant.wire.get(program.get("href"))) == "DERProgram"


def test_CORE_011_fifteen_assignments_some_without_programs(lab: Lab) -> None:
    plant = lab.plant()
    for level in range(15):
        group = lab.utility.group(f"Level {level}", plant.lfdi)
        if level % 3 == 0:
            lab.utility.program(group, 100 + level)
    found = [one for one in plant.assignments() if (text(one, "description") or "").startswith("Level")]
    assert len(found) == 15
    mrids = [int(text(one, "mRID") or "", 16) for one in plant.assignments()]
    assert mrids == sorted(mrids, reverse=True)
    assert sum(child(one, "DERProgramListLink") is not None for one in found) == 5
    assert [one.primacy for one in plant.find_programs()][:5] == [100, 103, 106, 109, 112]
    assert link(plant.me(), "FunctionSetAssignmentsListLink")
    listed = child(plant.me(), "FunctionSetAssignmentsListLink")
    assert int(listed.get("all")) == len(mrids)


def test_CORE_012_a_curve_of_ten_points(lab: Lab) -> None:
    site = lab.site(SP=85)
    site.default("SP", opModMaxLimW=9_000)
    points = [(9_000 + 200 * n, 3_000 - 600 * n) for n in range(10)]
    curve = {
        "curveType": 11,
        "CurveData": [{"xvalue": x, "yvalue": y} for x, y in points],
        "xMultiplier": -2,
        "yMultiplier": -2,
        "yRefType": 2,
    }
    href = lab.utility.add(f"{site.programs['SP']}/dc", curve)
    site.control("SP", "control", 60, 60, {"opModVoltVar": {"href": href}})
    assert "opModVoltVar" not in site.at(0)
    shown = site.plant.curve(site.plant.control("control").document, "opModVoltVar")
    assert [(number(p, "xvalue"), number(p, "yvalue")) for p in children(shown, "CurveData")] == points
    program = site.plant.wire.get(site.programs["SP"])
    assert [one.get("href") for one in site.plant.wire.members(link(program, "DERCurveListLink"))] == [href]
    assert site.at(60)["opModVoltVar"] == href
    active = site.plant.wire.members(link(program, "ActiveDERControlListLink"))
    assert [one.get("href") for one in active] == [site.events["control"]]
    assert "opModVoltVar" not in site.at(120)
    assert site.plant.wire.members(link(program, "ActiveDERControlListLink")) == []
    eleven = curve | {"CurveData": [{"xvalue": x, "yvalue": 0} for x in range(11)]}
    assert lab.utility.ask("POST", f"/resources{site.programs['SP']}/dc", eleven).status_code == 422


def test_CORE_013_ten_programs_in_one_list(lab: Lab) -> None:
    plant = lab.plant()
    group = lab.utility.group("Ten", plant.lfdi)
    start = lab.now + 60
    for n in range(1, 11):
        program = lab.utility.program(group, n, f"Program {n}")
        lab.utility.control(
            program,
            start + 60 * n,
            30,
            {"opModFixedPFInjectW": {"displacement": 900 + n, "excitation": False, "multiplier": -3}},
            description=f"Control {n}",
            responseRequired="07",
        )
    lab.utility.default(program, at := {LIMIT: 7_000})
    assert plant.step()[LIMIT] == str(at[LIMIT])
    assert [one.primacy for one in plant.programs][:10] == list(range(1, 11))
    for n in range(1, 11):
        lab.reach(start + 60 * n)
        assert plant.step()["opModFixedPFInjectW"] == f"{900 + n} false -3"
        lab.reach(start + 60 * n + 30)
        assert "opModFixedPFInjectW" not in plant.step()
    assert all(plant.said(f"Control {n}") == [1, 2, 3] for n in range(1, 11))


def test_CORE_014_settings(lab: Lab) -> None:
    plant = lab.plant()
    der, now = plant.der(), plant.now()
    capability, place = link(der, "DERCapabilityLink"), link(der, "DERSettingsLink")
    plant.wire.put(capability, "DERCapability", CAPABILITY)
    assert plant.wire.ask("PUT", capability, build("DERCapability", CAPABILITY)).status == 204
    plant.wire.put(place, "DERSettings", settings(now))
    assert plant.wire.ask("PUT", place, build("DERSettings", settings(now))).status == 204
    assert same(plant.wire.get(place), settings(now))
    for wrong in (
        {"setMaxW": power(10_001)},
        {"setMaxVA": power(10_501)},
        {"setMaxVar": power(4_401)},
        {"setMaxVarNeg": power(-4_401)},
        {"setMinPFOverExcited": factor(899)},
        {"setMinPFUnderExcited": factor(899)},
        {"updatedTime": None},
        {"setGradW": None},
    ):
        refused = plant.wire.ask("PUT", place, build("DERSettings", settings(now, **wrong)))
        assert refused.status == 400, wrong
    assert same(plant.wire.get(place), settings(now))


def test_CORE_018_subscription(lab: Lab) -> None:
    plant = lab.plant()
    listing = child(plant.me(), "SubscriptionListLink")
    assert listing.get("all") == "0"
    assert plant.wire.members(listing.get("href")) == []
    assignments = link(plant.me(), "FunctionSetAssignmentsListLink")
    assert plant.wire.get(assignments).get("subscribable") == "1"
    subscription = lab.subscribe(plant, assignments)
    shown = plant.wire.get(subscription)
    assert text(shown, "subscribedResource") == assignments
    assert text(shown, "notificationURI") == lab.receiver.url
    assert child(plant.me(), "SubscriptionListLink").get("all") == "1"
    lab.utility.group("New", plant.lfdi)
    notified = lab.receiver.about(assignments, description="New")
    assert number(notified, "status") == 0
    assert (text(notified, "subscriptionURI") or "").endswith(subscription)
    inside = child(notified, "Resource")
    assert inside.get("{http://www.w3.org/2001/XMLSchema-instance}type") == "FunctionSetAssignmentsList"
    assert equal(inside, plant.wire.get(f"{assignments}?l=255"))


def test_CORE_019_two_subscriptions_and_an_end(lab: Lab) -> None:
    plant = lab.plant()
    group = lab.utility.group("Group", plant.lfdi)
    me = plant.me()
    assert me.get("subscribable") == "1"
    device = lab.subscribe(plant, me.get("href"))
    (assignment,) = [one for one in plant.assignments() if text(one, "description") == "Group"]
    assert assignment.get("subscribable") == "1"
    subscription = lab.subscribe(plant, assignment.get("href"))
    lab.utility.do("PATCH", f"/groups/{group.rpartition('/')[2]}", {"description": "Renamed"})
    notified = lab.receiver.about(assignment.get("href"), description="Renamed")
    assert equal(child(notified, "Resource"), plant.wire.get(assignment.get("href")))
    lab.pass_time(60)
    lab.utility.delete(subscription)
    ended = lab.receiver.about(assignment.get("href"))
    assert number(ended, "status") == 1
    assert (text(ended, "subscriptionURI") or "").endswith(subscription)
    assert child(ended, "Resource") is None
    left = plant.wire.members(link(plant.me(), "SubscriptionListLink"))
    assert [one.get("href") for one in left] == [device]


def test_CORE_021_randomized_events(lab: Lab) -> None:
    plant = lab.plant()
    group = lab.utility.group("Randomized", plant.lfdi)
    start = lab.now
    events = {}
    for name, primacy, at, duration, random in (
        ("none", 90, 180, 120, 0),
        ("plus", 85, 360, 60, 30),
        ("minus", 80, 540, 180, -30),
    ):
        program = lab.utility.program(group, primacy, name)
        events[name] = lab.utility.control(
            program, start + at, duration, {LIMIT: 5_000}, randomizeStart=random, randomizeDuration=random
        )
    seen = {name: plant.wire.get(href) for name, href in events.items()}
    assert [number(seen[n], "randomizeStart") for n in seen] == [0, 30, -30]
    assert [number(seen[n], "randomizeDuration") for n in seen] == [0, 30, -30]

    def status(name: str, at: float) -> str | None:
        lab.reach(start + at)
        listing = events[name].rpartition("/")[0]
        found = plant.wire.members(listing)
        return text(found[0], "EventStatus/currentStatus") if found else None

    assert [status("none", t) for t in (179, 180, 299, 300)] == ["0", "1", "1", None]
    # 360 .. 420, and up to 60 s later; 510 at the earliest .. 720 at the latest.
    assert [status("plus", t) for t in (359, 360, 420, 479)] == ["0", "1", "1", "1"]
    assert status("plus", 480) is None
    assert [status("minus", t) for t in (509, 510, 719)] == ["0", "1", "1"]
    assert status("minus", 720) is None


def test_CORE_022_responses(lab: Lab) -> None:
    site = lab.site(SP=85)
    site.control("SP", "run", 60, 60, {LIMIT: 5_000})
    site.control("SP", "cancelled", 180, 60, {LIMIT: 4_000})
    site.control("SP", "never", 300, 60, {LIMIT: 3_000})
    site.at(0)
    control = site.plant.control("run").document
    assert (control.get("responseRequired"), bool(control.get("replyTo"))) == ("07", True)
    for t in (60, 120, 180):
        site.at(t)
    lab.utility.cancel(site.events["cancelled"], site.events["never"])
    assert number(site.plant.wire.get(site.events["cancelled"]), "EventStatus/currentStatus") == 2
    at = number(site.plant.wire.get(site.events["cancelled"]), "EventStatus/dateTime")
    assert abs(at - lab.now) <= 2
    site.at(190)
    assert site.heard("run") == [1, 2, 3]
    assert site.heard("cancelled") == [1, 2, 6]
    assert site.heard("never") == [1, 6]


@pytest.mark.parametrize("code", [7, 14])
def test_CORE_023_three_that_start_together(lab: Lab, code: int) -> None:
    site = lab.site(P1=90, P2=85, P3=80)
    for name, limit in (("P1", 5_000), ("P2", 4_000), ("P3", 3_000)):
        site.control(name, name, 60, 60, {LIMIT: limit})
    site.at(0)
    assert site.at(60)[LIMIT] == "3000"
    assert [site.heard(name) for name in ("P1", "P2", "P3")] == [[1, 7], [1, 7], [1, 2]]
    if code != 7:
        site.plant.respond(site.plant.control("P1"), code)
        assert site.heard("P1") == [1, 7, code]


def test_ERR_001_who_follows_the_redirect_arrives(lab: Lab, registered: Plant) -> None:
    server = registered.wire.server.removeprefix("https://")
    status, headers, _ = raw(registered.wire, request("GET", "/dcap", f"Host: {server}", ACCEPT), tls=False)
    assert status in (301, 302)
    assert headers["location"].startswith("https://")
    path = "/" + headers["location"].split("/", 3)[3]
    assert registered.wire.get(path).tag == f"{{{SEP}}}DeviceCapability"


def test_strangers_are_answered_with_an_alert(lab: Lab, registered: Plant) -> None:
    from datetime import UTC, datetime

    from openesi.pki import Authority

    strangers = Authority.create(lab.folder / "strangers", now=datetime.now(UTC))
    foreign = lab.certificate(strangers)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        lab.wire(foreign).ask("GET", "/dcap")


def test_the_2023_edition_asks_for_a_device_by_its_sfdi(lab: Lab, four: tuple[Plant, Any]) -> None:
    """In 2018 an unknown parameter is ignored."""
    plant, _ = four
    wanted = plant.wire.members("/edev")[2]
    assert plant.wire.get(f"/edev?l=9&sFDI={text(wanted, 'sFDI')}").get("all") == "4"
    wire = lab.wire(plant.wire.certificate)
    wire.schema = schema("2023")
    lab.utility.change_device(plant.lfdi, edition="2023")
    try:
        for sfdi, expected in (
            (text(wanted, "sFDI"), ["1", "1"]),
            ("167261211391", ["0", "0"]),
            ("1", ["0", "0"]),
        ):
            found = wire.get(f"/edev?l=9&sFDI={sfdi}")
            assert [found.get("all"), found.get("results")] == expected
        assert wire.ask("GET", "/edev?sFDI=x").status == 400
        stranger = lab.plant()
        lab.utility.change_device(stranger.lfdi, edition="2023")
        stranger.wire.schema = schema("2023")
        assert stranger.wire.get(f"/edev?l=9&sFDI={text(wanted, 'sFDI')}").get("all") == "0"
    finally:
        lab.utility.change_device(plant.lfdi, edition=None)
