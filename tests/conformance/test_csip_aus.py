"""CSIP-AUS test procedures for servers: S-ALL-01 to S-ALL-57, S-OPT-01 to S-OPT-05."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.aus import MAX_W, base_of, put_ratings, ready, watts
from conformance.bodies import mirror, reading_type, same
from conformance.lab import PIN, Lab, Site, lab_in
from conformance.plant import Plant
from conformance.wire import AUS, build, child, children, link, number, scaled, sfdi_of, text

PEN = 28_547
NMI = "1234567890"


@pytest.fixture(scope="module", params=["csip-aus-1.2", "csip-aus-1.3"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_in(Path(tmp_path_factory.mktemp("aus")), request.param, pen=PEN) as made:
        yield made


def applied(document: Any, mode: str) -> float | str | None:
    """Return what a DERControl or DefaultDERControl says of a mode: limits in W."""
    found = child(document, f"DERControlBase/{mode}")
    if found is None:
        return None
    if mode.endswith("LimW") and mode != "opModMaxLimW":
        assert found.tag.startswith(f"{{{AUS}"), "limits of CSIP-AUS are in its namespace"
        return scaled(found)
    return str(found.text)


def expected(modes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) if name in PLAIN else float(value)
        for name, value in modes.items()
    }


PLAIN = ("rampTms", "opModFixedW")


# --- registration ------------------------------------------------------------------------------------------


def end_device(lfdi: str, **more: Any) -> dict[str, Any]:
    return {"lFDI": lfdi, "sFDI": sfdi_of(lfdi), "changedTime": 0, **more}


def entrance(plant: Plant) -> str:
    """Look at what a client finds before it is registered; return its EndDeviceList."""
    dcap = plant.dcap()
    assert abs(plant.now() - number(plant.wire.get(link(dcap, "TimeLink")), "currentTime")) <= 1
    assert plant.wire.members(link(dcap, "MirrorUsagePointListLink")) == []
    return link(dcap, "EndDeviceListLink")


def check_links(plant: Plant) -> None:
    for name in ("DERCapabilityLink", "DERSettingsLink", "DERStatusLink"):
        assert link(plant.der(), name)


def test_S_ALL_01_out_of_band_registration(lab: Lab) -> None:
    plant = lab.plant()
    entrance(plant)
    me = plant.me()
    assert child(me, "ConnectionPointLink").tag == f"{{{plant.wire.aus}}}ConnectionPointLink"
    assert link(me, "RegistrationLink")
    check_links(plant)


def test_S_ALL_02_in_band_registration_of_a_device(lab: Lab) -> None:
    plant = Plant(lab.wire())
    listing = entrance(plant)
    assert plant.wire.members(listing) == []
    place = plant.wire.post(listing, "EndDevice", end_device(plant.lfdi))
    assert plant.me().get("href") == place
    check_links(plant)


def test_S_ALL_03_in_band_registration_by_an_aggregator(lab: Lab) -> None:
    aggregator = lab.plant()
    lab.utility.change_device(aggregator.lfdi, is_aggregator=True)
    listing = entrance(aggregator)
    managed = Plant(aggregator.wire, f"{aggregator.lfdi[:8]}{28_547:032d}")
    assert managed.lfdi not in [text(one, "lFDI") for one in aggregator.wire.members(listing)]
    place = aggregator.wire.post(listing, "EndDevice", end_device(managed.lfdi))
    assert managed.me().get("href") == place
    check_links(managed)


def test_S_ALL_04_many_clients(lab: Lab) -> None:
    for _ in range(2):
        site = ready(lab)
        for n in range(5):
            site.control("P", f"control {n}", 600 + 60 * n, 60, base_of({"opModExpLimW": 0}))
        site.at(0)
        assert len(site.plant.controls) == 5
        place = mup(site.plant, "site", {"W": 38, "V": 29})
        for value in (1_000, 1_234, 0, -4_567):
            read(site.plant, place, "site", 38, value)


def test_S_ALL_05_authorisation(lab: Lab) -> None:
    a, b = ready(lab), ready(lab)
    mup(a.plant, "a", {"W": 38})
    mup(b.plant, "b", {"W": 38})
    strange = a.plant.wire
    other = b.plant
    assert strange.ask("GET", other.me().get("href")).status == 404
    assert strange.ask("GET", f"{b.programs['P']}/derc").status == 404
    state = {"genConnectStatus": {"dateTime": other.now(), "value": "01"}, "readingTime": other.now()}
    place = link(other.der(), "DERStatusLink")
    before = other.wire.get(place)
    assert strange.ask("PUT", place, build("DERStatus", state)).status == 404
    assert text(other.wire.get(place), "readingTime") == text(before, "readingTime")
    assert a.plant.me() is not None
    taken = mirror(a.plant.lfdi, mrid_of(a.plant, "a"), {"W": 38})
    taken["MirrorMeterReading"][0]["mRID"] = meter_of(other, "b", 38)
    assert 400 <= strange.ask("POST", "/mup", build("MirrorUsagePoint", taken)).status < 500
    lab.utility.change_device(a.plant.lfdi, revoked=True)
    assert strange.ask("GET", "/edev?l=255").status in (403, 404)


def test_mrids_end_with_the_digits_of_the_pen(lab: Lab, shared: Site) -> None:
    site = shared
    site.control("P", "whose", 600, 60, base_of({"opModExpLimW": 0}))
    set_default(lab, site.programs["P"], {"opModExpLimW": 0})
    site.at(0)
    control = site.plant.control("whose").document
    documents = [control, *site.plant.assignments(), *(one.document for one in site.plant.programs)]
    for document in [*documents, *site.plant.defaults]:
        assert (text(document, "mRID") or "").endswith(f"{PEN:08d}"), text(document, "mRID")
    own = site.plant.wire.get(link(site.plant.wire.get("/sdev"), "DeviceInformationLink"))
    assert number(own, "mfID") == PEN
    lab.utility.cancel(site.events["whose"])


def test_S_ALL_51_duplicates_are_refused(lab: Lab) -> None:
    plant = lab.plant()
    again = build("EndDevice", end_device(plant.lfdi))
    assert plant.wire.ask("POST", "/edev", again).status == 409
    assert len(plant.wire.members("/edev")) == 1


def test_S_ALL_52_the_LFDI_is_of_another_certificate(lab: Lab) -> None:
    known, wire = lab.plant(), lab.wire()
    for lfdi in (known.lfdi, f"{0xABCDEF:040X}"):
        assert wire.ask("POST", "/edev", build("EndDevice", end_device(lfdi))).status == 403
    assert wire.members("/edev") == []


def test_S_ALL_53_the_connection_point_is_written_again(lab: Lab) -> None:
    plant = lab.plant()
    place = link(plant.me(), "ConnectionPointLink")
    point = build("aus:ConnectionPoint", {"aus:connectionPointId": NMI})
    first = plant.wire.ask("PUT", place, point)
    assert (first.status, first.location) == (201, place)
    again = plant.wire.ask("PUT", place, point)
    assert (again.status, again.location) == (204, place)
    other = build("aus:ConnectionPoint", {"aus:connectionPointId": "2345667890"})
    moved = plant.wire.ask("PUT", place, other)
    assert (moved.status, moved.location) == (204, place), "the test client looks for it there"
    assert text(plant.wire.get(place), "connectionPointId") == "2345667890"


def test_S_ALL_54_an_aggregator_with_a_new_certificate(lab: Lab) -> None:
    old, new = lab.plant(), lab.plant()
    place = old.me().get("href")
    lab.utility.change_device(new.lfdi, revoked=True)
    assert new.wire.ask("GET", place).status in (403, 404)
    lab.utility.change_device(new.lfdi, revoked=False)
    lab.utility.change_device(new.lfdi, is_aggregator=True)
    assert new.wire.ask("GET", new.me().get("href")).status == 200


def test_S_ALL_56_an_LFDI_is_hexadecimal(lab: Lab) -> None:
    wire = lab.wire()
    for lfdi in ("NOT-AN-LFDI", "X" * 40, "3E4F45AB31EDFE5B67E343E5E4562E31984E23E", wire.lfdi + "00"):
        wrong = build("EndDevice", {"lFDI": lfdi, "sFDI": wire.certificate.sfdi, "changedTime": 0})
        assert wire.ask("POST", "/edev", wrong).status == 400
    assert wire.members("/edev") == []


def test_S_OPT_01_a_registered_device_registers_again(lab: Lab) -> None:
    plant = lab.plant()
    assert 400 <= plant.wire.ask("POST", "/edev", build("EndDevice", end_device(plant.lfdi))).status < 500
    assert plant.me() is not None


def test_S_OPT_02_a_connection_point_that_is_none(lab: Lab) -> None:
    plant = lab.plant()
    place = link(plant.me(), "ConnectionPointLink")
    for wrong in ("NOTAVALIDID", "", "12345678901234567890123456789012345", "12 4567890"):
        refused = plant.wire.ask("PUT", place, build("aus:ConnectionPoint", {"aus:connectionPointId": wrong}))
        assert refused.status in (400, 422), wrong
    assert plant.wire.ask("GET", place).status == 404


def test_S_OPT_03_a_connection_point(lab: Lab) -> None:
    plant = lab.plant()
    place = link(plant.me(), "ConnectionPointLink")
    assert plant.wire.ask("GET", place).status == 404
    plant.wire.put(place, "aus:ConnectionPoint", {"aus:connectionPointId": NMI})
    assert text(plant.wire.get(place), "connectionPointId") == NMI


def test_S_OPT_04_the_pin(lab: Lab) -> None:
    plant = lab.plant()
    registration = plant.wire.get(link(plant.me(), "RegistrationLink"))
    assert number(registration, "pIN") == PIN
    assert abs(number(registration, "dateTimeRegistered") - lab.now) <= 5
    lab.utility.change_device(plant.lfdi, pin=123455)
    assert number(plant.wire.get(link(plant.me(), "RegistrationLink")), "pIN") == 123455


# --- monitoring --------------------------------------------------------------------------------------------


def mrid_of(plant: Plant, name: str) -> str:
    return f"{plant.lfdi[:16]}{ord(name[0]):08X}00028547"


def meter_of(plant: Plant, name: str, uom: int) -> str:
    return f"{mrid_of(plant, name)[:-4]}{uom:04X}"


def mup(plant: Plant, name: str, quantities: dict[str, int], *, status: int = 201, **more: Any) -> str:
    listing = link(plant.dcap(), "MirrorUsagePointListLink")
    body = mirror(plant.lfdi, mrid_of(plant, name), quantities, **more)
    return plant.wire.post(listing, "MirrorUsagePoint", body, status=status)


def read(plant: Plant, place: str, name: str, uom: int, value: int) -> str:
    body = {
        "mRID": meter_of(plant, name, uom),
        "Reading": {"timePeriod": {"duration": 300, "start": plant.now()}, "value": value},
    }
    answer = plant.wire.ask("POST", place, build("MirrorMeterReading", body))
    assert answer.status in (201, 204)
    return answer.location


def test_S_ALL_06_mirrors_and_readings(lab: Lab) -> None:
    plant = lab.plant()
    assert plant.wire.members("/mup") == []
    quantities = {"W": 38, "var": 63, "Hz": 33, "V": 29}
    for name, flags in (("site", "0003"), ("device", "0049")):
        place = mup(plant, name, quantities, roleFlags=flags)
        assert text(plant.wire.get(place), "roleFlags") == flags
        for uom in quantities.values():
            for value in (5_000, 5_100, 5_200, -5_300):
                meter = read(plant, place, name, uom, value)
            latest = plant.wire.get(link(plant.wire.get(meter), "ReadingLink"))
            assert number(latest, "value") == -5_300
    assert len(plant.wire.members("/mup")) == 2
    assert len(plant.wire.members("/upt")) == 2
    period = {"duration": 300, "start": plant.now()}
    several = [
        {"mRID": meter_of(plant, "device", uom), "Reading": {"timePeriod": period, "value": 7}}
        for uom in quantities.values()
    ]
    uncounted = build("MirrorMeterReadingList", {"MirrorMeterReading": several})
    assert plant.wire.ask("POST", place, uncounted).status == 204, "all and results are left out in the field"
    assert number(plant.wire.get(link(plant.wire.get(meter), "ReadingLink")), "value") == 7


def test_S_ALL_07_mirrors_are_written_over(lab: Lab) -> None:
    plant = lab.plant()
    place = mup(plant, "m", {"W": 38, "V": 29}, roleFlags="0001")
    assert mup(plant, "m", {"W": 38, "V": 29}, status=204, roleFlags="0002") == place
    assert text(plant.wire.get(place), "roleFlags") == "0002"
    assert len(plant.wire.members("/mup")) == 1
    read(plant, place, "m", 38, 5_000)
    meter = read(plant, place, "m", 38, 6_000)
    assert number(plant.wire.get(link(plant.wire.get(meter), "ReadingLink")), "value") == 6_000
    retyped = {"mRID": meter_of(plant, "m", 38), "ReadingType": reading_type(63)}
    plant.wire.post(place, "MirrorMeterReading", retyped, status=204)
    assert number(plant.wire.get(link(plant.wire.get(meter), "ReadingTypeLink")), "uom") == 63
    unknown = {"mRID": meter_of(plant, "m", 999), "Reading": {"value": 1}}
    assert plant.wire.ask("POST", place, build("MirrorMeterReading", unknown)).status == 400


def put_status(plant: Plant, **values: Any) -> None:
    now = plant.now()
    place = link(plant.der(), "DERStatusLink")
    fields = {name: {"dateTime": now, "value": value} for name, value in values.items()}
    fields |= {"readingTime": now}  # type: ignore[dict-item]
    plant.wire.put(place, "DERStatus", fields)
    assert same(plant.wire.get(place), fields)


def test_S_ALL_08_connection_status(lab: Lab) -> None:
    plant = lab.plant()
    for value in ("07", "06", "07", "05", "07", "03", "07"):
        put_status(plant, genConnectStatus=value)


def test_S_ALL_09_operational_mode(lab: Lab) -> None:
    plant = lab.plant()
    for value in (2, 1, 3, 0, 2):
        put_status(plant, operationalModeStatus=value)


def test_S_ALL_10_capabilities_and_settings(lab: Lab) -> None:
    plant = lab.plant()
    put_ratings(plant, 10_000, "03")
    put_ratings(plant, 11_000, "04")


def test_S_ALL_55_settings_that_lack_something(lab: Lab) -> None:
    plant = lab.plant()
    put_ratings(plant, MAX_W)
    place = link(plant.der(), "DERSettingsLink")
    before = text(plant.wire.get(place), "setGradW")
    wrong = build("DERSettings", {"setGradW": 7, "setMaxW": watts(MAX_W)})
    assert plant.wire.ask("PUT", place, wrong).status == 400
    assert text(plant.wire.get(place), "setGradW") == before


def test_S_OPT_05_post_rates(lab: Lab) -> None:
    plant = lab.plant()
    place = mup(plant, "m", {"W": 38})
    for rate in (60, 300):
        lab.utility.change(place, postRate=rate)
        assert number(plant.wire.get(place), "postRate") == rate


# --- controls ----------------------------------------------------------------------------------------------


HALF = MAX_W // 2
CONTROLS: dict[str, dict[str, Any]] = {
    "11": {"opModExpLimW": 0},
    "12": {"opModGenLimW": 0},
    "13": {"opModImpLimW": 0},
    "14": {"opModLoadLimW": 0},
    "15": {"opModEnergize": False},
    "16": {"opModConnect": False},
    "17": {
        "opModExpLimW": HALF,
        "opModGenLimW": 0,
        "opModImpLimW": HALF,
        "opModLoadLimW": 0,
        "opModEnergize": False,
        "opModConnect": False,
    },
    "18": {"opModExpLimW": 0, "opModImpLimW": 0, "rampTms": 3_000},
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "19": {"opModExpLimW": 1_500},
    "20": {"opModGenLimW": 1_500},
    "21": {"opModImpLimW": 1_500},
    "22": {"opModLoadLimW": 1_500},
    "23": {"setGradW": 100},
    "24": {"opModExpLimW": HALF, "opModGenLimW": 0, "opModImpLimW": HALF, "opModLoadLimW": 0},
}


@pytest.fixture(scope="module")
def shared(lab: Lab) -> Site:
    return ready(lab)


@pytest.mark.parametrize("test", CONTROLS, ids=[f"S-ALL-{n}" for n in CONTROLS])
def test_active_controls(lab: Lab, shared: Site, test: str) -> None:
    modes = CONTROLS[test]
    href = lab.utility.control(shared.programs["P"], lab.now - 1, 300, base_of(modes))
    (control,) = [
        one for one in shared.plant.wire.members(f"{shared.programs['P']}/derc") if one.get("href") == href
    ]
    assert number(control, "EventStatus/currentStatus") == 1
    assert {name: applied(control, name) for name in modes} == expected(modes)
    assert len(child(control, "DERControlBase")) == len(modes)
    lab.utility.cancel(href)


def set_default(lab: Lab, program: str, values: dict[str, Any]) -> None:
    modes = {name: value for name, value in values.items() if name != "setGradW"}
    fields = {name: value for name, value in values.items() if name == "setGradW"}
    lab.utility.default(program, base_of(modes), **fields)


def check_default(default: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name == "setGradW":
            assert number(default, name) == value
        else:
            assert applied(default, name) == float(value)


@pytest.mark.parametrize("test", DEFAULTS, ids=[f"S-ALL-{n}" for n in DEFAULTS])
def test_default_controls(lab: Lab, shared: Site, test: str) -> None:
    set_default(lab, shared.programs["P"], DEFAULTS[test])
    program = shared.plant.wire.get(shared.programs["P"])
    check_default(shared.plant.wire.get(link(program, "DefaultDERControlLink")), DEFAULTS[test])


def test_S_ALL_25_subscribe(lab: Lab) -> None:
    aggregator = lab.plant()
    lab.utility.change_device(aggregator.lfdi, is_aggregator=True)
    assert child(aggregator.me(), "FunctionSetAssignmentsListLink") is None, "what it speaks for has them"
    plant = Plant(aggregator.wire, f"{aggregator.lfdi[:8]}{25 * 10**8 + PEN:032d}")
    lab.utility.register(plant.lfdi, aggregator=aggregator.lfdi)
    assert child(plant.me(), "SubscriptionListLink") is None, "it subscribes for all at one place"
    lab.subscribe(aggregator, "/edev")
    lab.utility.rates(EndDeviceList=30)
    assert child(lab.receiver.about("/edev"), "Resource").get("pollRate") == "30"

    assignments = link(plant.me(), "FunctionSetAssignmentsListLink")
    for one in plant.assignments():
        lab.utility.delete(one.get("href"))
    lab.subscribe(aggregator, assignments)
    group = lab.utility.group("fsa1", plant.lfdi)
    told = child(lab.receiver.about(assignments, description="fsa1"), "Resource")
    assert len(children(told, "FunctionSetAssignments")) == 1

    programs = f"{group}/derp"
    assert link(plant.assignments()[0], "DERProgramListLink") == programs, "it is there before a program is"
    lab.subscribe(aggregator, programs)
    first = lab.utility.program(group, 1, "first")
    assert lab.receiver.about(programs, description="first") is not None

    lab.subscribe(aggregator, f"{first}/derc")
    lab.utility.control(first, lab.now - 1, 300, base_of({"opModExpLimW": 0}), description="now")
    told = child(lab.receiver.about(f"{first}/derc", description="now"), "Resource")
    assert applied(children(told, "DERControl")[0], "opModExpLimW") == 0.0

    set_default(lab, first, {"opModExpLimW": 0})
    lab.subscribe(aggregator, f"{first}/dderc")
    set_default(lab, first, {"opModExpLimW": 2_000})
    told = child(lab.receiver.about(f"{first}/dderc"), "Resource")
    assert applied(told, "opModExpLimW") == 2_000.0


def test_S_ALL_26_subscriptions_are_renewed_and_deleted(lab: Lab, shared: Site) -> None:
    listing = f"{shared.programs['P']}/derc"
    plant = shared.plant
    first = lab.subscribe(plant, listing)
    body = {
        "subscribedResource": listing,
        "encoding": 0,
        "level": "+S1",
        "limit": 5,
        "notificationURI": lab.receiver.url,
    }
    place = link(plant.me(), "SubscriptionListLink")
    again = plant.wire.ask("POST", place, build("Subscription", body))
    assert again.status in (201, 204)
    assert again.location == first
    assert number(plant.wire.get(first), "limit") == 5
    plant.wire.put(first, "Subscription", body | {"limit": 7})
    assert number(plant.wire.get(first), "limit") == 7
    assert plant.wire.ask("DELETE", first).status in (200, 204)
    assert plant.wire.ask("GET", first).status == 404
    assert plant.wire.members(place) == []
    resubscribed = lab.subscribe(plant, listing)
    plant.wire.ask("DELETE", resubscribed)


@pytest.fixture(scope="module")
def told(lab: Lab) -> Site:
    """A site that is subscribed to its controls and its default."""
    site = ready(lab)
    set_default(lab, site.programs["P"], {"opModExpLimW": 0})
    lab.subscribe(site.plant, f"{site.programs['P']}/derc")
    lab.subscribe(site.plant, f"{site.programs['P']}/dderc")
    return site


@pytest.mark.parametrize("test", CONTROLS, ids=[f"S-ALL-{int(n) + 16}" for n in CONTROLS])
def test_active_controls_are_notified(lab: Lab, told: Site, test: str) -> None:
    modes = CONTROLS[test]
    listing = f"{told.programs['P']}/derc"
    lab.pass_time(400)  # the one before is over
    href = lab.utility.control(
        told.programs["P"], lab.now - 1, 300, base_of(modes), description=f"control {test}"
    )
    notified = child(lab.receiver.about(listing, description=f"control {test}"), "Resource")
    (control,) = children(notified, "DERControl")
    assert control.get("href") == href
    assert {name: applied(control, name) for name in modes} == expected(modes)


@pytest.mark.parametrize("test", DEFAULTS, ids=[f"S-ALL-{int(n) + 16}" for n in DEFAULTS])
def test_defaults_are_notified(lab: Lab, told: Site, test: str) -> None:
    lab.pass_time(2)
    place = f"{told.programs['P']}/dderc"
    set_default(lab, told.programs["P"], DEFAULTS[test])
    version = text(told.plant.wire.get(place), "version") or ""
    check_default(child(lab.receiver.about(place, version=version), "Resource"), DEFAULTS[test])


def test_S_ALL_41_responses(lab: Lab) -> None:
    site = ready(lab)
    limit = base_of({"opModExpLimW": 2 * MAX_W})
    asked = {"responseRequired": "03"}
    listing = f"{site.programs['P']}/derc"

    def states() -> list[int]:
        return [number(one, "EventStatus/currentStatus") for one in site.plant.wire.members(listing)]

    site.control("P", "1", 60, 60, limit, **asked)
    site.at(0)
    assert states() == [0]
    site.at(60)
    assert states() == [1]
    site.at(120)
    assert states() == []
    assert site.heard("1") == [1, 2, 3]

    site.control("P", "2", 420, 600, limit, **asked)
    site.at(130)
    site.at(425)
    assert states() == [1]
    lab.utility.cancel(site.events["2"])
    assert states() == [2]
    site.at(440)
    assert states() == [2], "a cancelled control is there for its duration"
    assert site.heard("2") == [1, 2, 6]
    lab.utility.delete(site.events["2"])

    site.control("P", "3", 1_000, 60, limit, **asked)
    site.at(450)
    lab.utility.cancel(site.events["3"])
    site.at(460)
    assert site.heard("3") == [1, 6]
    lab.utility.delete(site.events["3"])

    site.control("P", "4", 1_100, 600, limit, **asked)
    site.at(470)
    lab.pass_time(1)
    site.control("P", "5", 800, 600, limit, **asked)
    site.at(480)
    assert site.heard("4") == [1, 7]
    assert site.said("5") == [1]
    site.at(800)
    assert sorted(states()) == [1, 4]


def test_S_ALL_42_what_was_cancelled_stays_for_a_while(lab: Lab) -> None:
    site = ready(lab)
    set_default(lab, site.programs["P"], {"opModExpLimW": 1_500})
    site.control("P", "c", 0, 60, base_of({"opModExpLimW": 2 * MAX_W}), responseRequired="03")
    site.at(1)
    lab.utility.cancel(site.events["c"], reason="not needed")
    for t in (2, 32):
        site.at(t)
        (shown,) = site.plant.wire.members(f"{site.programs['P']}/derc")
        assert number(shown, "EventStatus/currentStatus") == 2
        assert text(shown, "EventStatus/reason") == "not needed"
    assert site.heard("c") == [1, 2, 6]
    site.at(61)
    assert site.plant.wire.members(f"{site.programs['P']}/derc") == []


def test_S_ALL_43_rates_change(lab: Lab) -> None:
    site = ready(lab)
    plant = site.plant
    places = {
        "DeviceCapability": "/dcap",
        "EndDeviceList": link(plant.dcap(), "EndDeviceListLink"),
        "FunctionSetAssignmentsList": link(plant.me(), "FunctionSetAssignmentsListLink"),
        "DERProgramList": f"{site.groups['P']}/derp",
        "DERList": link(plant.me(), "DERListLink"),
        "MirrorUsagePointList": link(plant.dcap(), "MirrorUsagePointListLink"),
    }
    for rates in ([300, 300, 300, 60, 60, 60], [60, 60, 60, 120, 120, 120]):
        lab.utility.rates(**dict(zip(places, rates, strict=True)))
        assert [int(plant.wire.get(place).get("pollRate")) for place in places.values()] == rates


def test_S_ALL_44_a_schedule_of_24(lab: Lab) -> None:
    site = ready(lab)
    orders = [
        {
            "interval": {"start": site.zero + 600 + 60 * n, "duration": 60},
            "DERControlBase": base_of({"opModExpLimW": 2 * MAX_W, "opModImpLimW": MAX_W}),
        }
        for n in range(24)
    ]
    listing = f"{site.programs['P']}/derc"
    lab.utility.add_all(listing, orders)
    seen = []
    for start in range(0, 24, 5):  # in small pages
        page = site.plant.wire.get(f"{listing}?s={start}&l=5")
        assert page.get("all") == "24"
        seen += children(page, "DERControl")
    assert [number(one, "interval/start") for one in seen] == [site.zero + 600 + 60 * n for n in range(24)]
    assert {number(one, "EventStatus/currentStatus") for one in seen} == {0}


def test_S_ALL_45_randomization(lab: Lab) -> None:
    site = ready(lab)
    for n in range(5):
        site.control("P", f"r{n}", 300 * n, 120, base_of({"opModExpLimW": 2 * MAX_W}), randomizeStart=60)
    site.at(0)
    assert len(site.plant.controls) == 5
    for control in site.plant.controls.values():
        assert number(control.document, "randomizeStart") == 60
        assert child(control.document, "randomizeDuration") is None


def test_S_ALL_46_notifications_arrive_after_an_outage(lab: Lab) -> None:
    site = ready(lab)
    listing = f"{site.programs['P']}/derc"
    lab.subscribe(site.plant, listing)
    lab.receiver.status = 503
    try:
        lab.utility.control(
            site.programs["P"], lab.now + 3_600, 300, base_of({"opModExpLimW": 0}), description="outage"
        )
        lab.receiver.refused()
        lab.wait_for(lambda: any(one["attempts"] for one in lab.utility.waiting(listing)))
        assert len(site.plant.wire.members(listing)) == 1
    finally:
        lab.receiver.status = 201
    lab.pass_time(300)
    notified = child(lab.receiver.about(listing, description="outage"), "Resource")
    (control,) = children(notified, "DERControl")
    assert number(control, "EventStatus/currentStatus") == 0
    assert len(site.plant.wire.members(listing)) == 1


def test_S_ALL_47_scaling(lab: Lab) -> None:
    site = ready(lab)
    site.control("P", "big", 0, 60, base_of({"opModExpLimW": 100_000}))
    site.at(0)
    assert applied(site.plant.control("big").document, "opModExpLimW") == 100_000.0
    tens = mirror(site.plant.lfdi, mrid_of(site.plant, "s"), {"W": 38})
    tens["MirrorMeterReading"][0]["ReadingType"] = reading_type(38, 1)
    place = site.plant.wire.post("/mup", "MirrorUsagePoint", tens)
    read(site.plant, place, "s", 38, 10_000)
    plain = mup(site.plant, "d", {"W": 38})
    too_large = {"mRID": meter_of(site.plant, "d", 38), "Reading": {"value": 3_000_000_000_000_000}}
    assert site.plant.wire.ask("POST", plain, build("MirrorMeterReading", too_large)).status == 400
    wrong = {"opModExpLimW": {"multiplier": 0, "value": 100_000}}
    body = {"interval": {"start": lab.now, "duration": 60}, "DERControlBase": wrong}
    assert lab.utility.ask("POST", f"/resources{site.programs['P']}/derc", body).status_code == 422
    negative = body | {"DERControlBase": {"opModExpLimW": watts(-5)}}
    assert lab.utility.ask("POST", f"/resources{site.programs['P']}/derc", negative).status_code == 422


def test_S_ALL_48_ramp_rates_change(lab: Lab, shared: Site) -> None:
    for rate in (100, 200):
        set_default(lab, shared.programs["P"], {"setGradW": rate})
        assert number(shared.plant.wire.get(f"{shared.programs['P']}/dderc"), "setGradW") == rate


def test_S_ALL_49_two_programs(lab: Lab) -> None:
    plant = lab.plant()
    for one in plant.assignments():
        lab.utility.delete(one.get("href"))
    groups = [lab.utility.group(name, plant.lfdi) for name in ("fsa1", "fsa2")]
    programs = [lab.utility.program(group, n) for n, group in enumerate(groups, 1)]
    set_default(lab, programs[0], {"opModExpLimW": 1_500})
    lab.utility.control(programs[1], lab.now, 300, base_of({"opModExpLimW": 2 * MAX_W}))
    assert len(plant.assignments()) == 2
    plant.step()
    assert [one.primacy for one in plant.programs] == [1, 2]
    assert plant.applied["opModExpLimW"] == "0 10000"


def test_S_ALL_50_three_days(lab: Lab) -> None:
    site = ready(lab)
    place = mup(site.plant, "m", {"W": 38})
    for hour in range(0, 73, 6):
        site.control(
            "P", f"h{hour}", 3_600 * hour + 60, 60, base_of({"opModExpLimW": hour}), responseRequired="03"
        )
        for t in (0, 60, 120):
            site.at(3_600 * hour + t)
        read(site.plant, place, "m", 38, hour)
        put_status(site.plant, genConnectStatus="07")
        assert site.plant.me() is not None
    assert site.heard("h72") == [1, 2, 3]


def test_S_ALL_57_responses_that_are_wrong(lab: Lab, shared: Site) -> None:
    href = lab.utility.control(
        shared.programs["P"], lab.now, 300, base_of({"opModExpLimW": 2 * MAX_W}), responseRequired="03"
    )
    control = shared.plant.wire.get(href)
    right = {
        "createdDateTime": lab.now,
        "endDeviceLFDI": shared.plant.lfdi,
        "status": 1,
        "subject": text(control, "mRID"),
    }
    place = control.get("replyTo")
    stranger = lab.plant()
    for wrong in (
        {"subject": "FF" * 16},
        {"endDeviceLFDI": "FF" * 20},
        {"endDeviceLFDI": stranger.lfdi},
        {"status": 99},
        {"status": 256},
        {"status": -1},
    ):
        answer = shared.plant.wire.ask("POST", place, build("DERControlResponse", right | wrong))
        assert 400 <= answer.status < 500, wrong
    foreign = right | {"endDeviceLFDI": stranger.lfdi}
    assert 400 <= stranger.wire.ask("POST", place, build("DERControlResponse", foreign)).status < 500
    assert lab.utility.event(href)["answers"] == []
    shared.plant.wire.post(place, "DERControlResponse", right)
    assert len(lab.utility.event(href)["answers"]) == 1
