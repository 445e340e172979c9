"""SunSpec CSIP conformance test procedures, the server's side: BASIC-001 to BASIC-029."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.bodies import QUANTITIES, mirror, reading_type
from conformance.lab import PIN, Lab, Site
from conformance.plant import Plant
from conformance.wire import build, child, children, link, number, sfdi_of, text

LIMIT = "opModMaxLimW"
PF = "opModFixedPFInjectW"


def at_limit(percent: int) -> dict[str, Any]:
    return {LIMIT: percent}


def test_BASIC_001_identity_and_pin_of_oneself_and_of_all_that_one_manages(lab: Lab) -> None:
    plant = lab.plant()
    me = plant.me()
    assert number(me, "sFDI") == sfdi_of(plant.lfdi)
    registration = plant.wire.get(link(me, "RegistrationLink"))
    assert number(registration, "pIN") == PIN
    managed = [f"{part:040X}" for part in (0x3E4F45AB << 128 | 7, 0x4E4F45AB << 128 | 8)]
    for lfdi in managed:
        lab.utility.register(lfdi, aggregator=plant.lfdi)
    seen = plant.wire.members(link(plant.dcap(), "EndDeviceListLink"))
    assert {text(one, "lFDI") for one in seen} == {plant.lfdi, *managed}
    for one in seen:
        assert number(one, "sFDI") == sfdi_of(text(one, "lFDI") or "")
        assert number(plant.wire.get(link(one, "RegistrationLink")), "pIN") == PIN


def test_BASIC_002_seven_levels_of_groups(lab: Lab) -> None:
    site = lab.site(
        System=100, SubTransmission=95, Substation=93, Feeder=91, Segment=89, Transformer=87, Point=85
    )
    site.default("System", opModMaxLimW=9_000)
    site.default("Point", opModMaxLimW=7_000)
    assert site.at(0)[LIMIT] == "7000"
    assert [one.primacy for one in site.plant.programs][:7] == [85, 87, 89, 91, 93, 95, 100]
    site.control("Point", "control", 60, 60, at_limit(5_000))
    assert site.at(10)[LIMIT] == "7000"
    assert site.at(61)[LIMIT] == "5000"
    assert site.at(121)[LIMIT] == "7000"
    assert site.heard("control") == [1, 2, 3]


def test_BASIC_003_another_subtree_during_the_test(lab: Lab) -> None:
    site = lab.site(SY=89)
    site.default("SY", opModMaxLimW=9_000)
    other = lab.utility.group("Other feeder")
    program = lab.utility.program(other, 80, "Other")
    lab.utility.default(program, at_limit(4_000))
    assert site.at(0)[LIMIT] == "9000"
    lab.utility.leave(site.groups["SY"], site.plant.lfdi)
    lab.utility.join(other, site.plant.lfdi)
    assert site.at(60)[LIMIT] == "4000"
    assert site.plant.wire.ask("GET", site.programs["SY"]).status == 404
    lab.utility.leave(other, site.plant.lfdi)
    lab.utility.join(site.groups["SY"], site.plant.lfdi)
    assert site.at(120)[LIMIT] == "9000"


VOLTS = [(0, 5_000), (1_000, 5_000), (1_100, 6_000)]
CURVES = {
    "BASIC-004": {
        "opModLVRTMomentaryCessation": 9,
        "opModLVRTMustTrip": 10,
        "opModHVRTMomentaryCessation": 4,
        "opModHVRTMustTrip": 5,
    },
    "BASIC-005": {"opModLFRTMustTrip": 7, "opModHFRTMustTrip": 2},
    "BASIC-006": {"opModVoltVar": 11},
    "BASIC-011": {"opModVoltWatt": 12},
    "BASIC-012": {"opModFreqWatt": 0},
}


@pytest.mark.parametrize(("test", "kinds"), CURVES.items(), ids=CURVES)
def test_curves(lab: Lab, test: str, kinds: dict[str, int]) -> None:
    site = lab.site(SP=85)
    links = {}
    for mode, kind in kinds.items():
        curve = {
            "curveType": kind,
            "CurveData": [{"xvalue": x, "yvalue": y} for x, y in VOLTS],
            "openLoopTms": 500,
            "xMultiplier": -2,
            "yMultiplier": -2,
            "yRefType": 2 if kind == 11 else 1 if kind in (0, 12) else 0,
        }
        href = lab.utility.add(f"{site.programs['SP']}/dc", curve)
        links[mode] = {"href": href}
    site.control("SP", test, 60, 60, links)
    site.default("SP", opModEnergize=True)
    assert site.at(0) == {"opModEnergize": "true", LIMIT: "10000"}
    control = site.plant.control(test).document
    for mode, kind in kinds.items():
        curve = site.plant.curve(control, mode)
        assert number(curve, "curveType") == kind
        assert [(number(p, "xvalue"), number(p, "yvalue")) for p in children(curve, "CurveData")] == VOLTS
        assert number(curve, "openLoopTms") == 500
    assert set(site.at(60)) == {"opModEnergize", LIMIT, *kinds}
    assert set(site.at(120)) == {"opModEnergize", LIMIT}
    assert site.heard(test) == [1, 2, 3]


def test_BASIC_007_ramp_rates_come_as_defaults_only(lab: Lab) -> None:
    site = lab.site(SP=85)
    lab.utility.default(site.programs["SP"], at_limit(9_000), setGradW=100, setSoftGradW=27)
    site.at(0)
    default = site.plant.defaults[0]
    assert (number(default, "setGradW"), number(default, "setSoftGradW")) == (100, 27)
    version = number(default, "version")
    lab.utility.default(site.programs["SP"], at_limit(9_000), setGradW=200, setSoftGradW=27)
    site.at(10)
    assert number(site.plant.defaults[0], "setGradW") == 200
    assert number(site.plant.defaults[0], "version") > version


FACTOR = {"displacement": 950, "excitation": True, "multiplier": -3}
MODES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "BASIC-008": (
        {PF: {"displacement": 1_000, "excitation": False, "multiplier": -3}},
        {PF: FACTOR},
        {PF: "950 true -3"},
    ),
    "BASIC-009": ({"opModEnergize": True}, {"opModEnergize": False}, {"opModEnergize": "false"}),
    "BASIC-009-connect": ({"opModConnect": True}, {"opModConnect": False}, {"opModConnect": "false"}),
    "BASIC-010": (at_limit(10_000), {LIMIT: 6_000, "rampTms": 500}, {LIMIT: "6000"}),
    "BASIC-012-droop": (
        {"opModFreqDroop": {"dBOF": 36, "dBUF": 36, "kOF": 50, "kUF": 50, "openLoopTms": 500}},
        {"opModFreqDroop": {"dBOF": 20, "dBUF": 20, "kOF": 30, "kUF": 30, "openLoopTms": 100}},
        {"opModFreqDroop": "20 20 30 30 100"},
    ),
    "BASIC-013": ({"opModFixedW": 10_000}, {"opModFixedW": -5_000}, {"opModFixedW": "-5000"}),
    "BASIC-014": (
        {"opModTargetW": {"multiplier": 1, "value": 1_000}},
        {"opModTargetW": {"multiplier": 1, "value": -4_000}},
        {"opModTargetW": "1 -4000"},
    ),
}


@pytest.mark.parametrize("test", MODES)
def test_modes(lab: Lab, test: str) -> None:
    default, base, expected = MODES[test]
    site = lab.site(SP=85)
    lab.utility.default(site.programs["SP"], default)
    before = site.at(0)
    assert default.keys() <= before.keys()
    site.control("SP", test, 60, 60, base)
    assert site.at(30) == before
    assert site.at(60) == before | expected
    assert site.at(120) == before
    assert site.heard(test) == [1, 2, 3]


def test_BASIC_015_a_full_schedule_and_the_rest_cancelled(lab: Lab) -> None:
    site = lab.site(SP=85)
    site.default("SP", opModMaxLimW=9_000)
    orders = [
        {
            "interval": {"start": site.zero + 60 * number_, "duration": 60},
            "DERControlBase": at_limit(1_000 + number_),
            "description": f"step {number_}",
            "responseRequired": "07",
        }
        for number_ in range(1, 25)
    ]
    events = lab.utility.add_all(f"{site.programs['SP']}/derc", orders)
    assert site.at(0)[LIMIT] == "9000"
    assert len(site.plant.controls) == 24
    for number_ in range(1, 4):
        assert site.at(60 * number_)[LIMIT] == str(1_000 + number_)
        assert site.at(60 * number_ + 59)[LIMIT] == str(1_000 + number_)
    lab.utility.cancel(*events[2:])
    assert site.at(60 * 3 + 59.5)[LIMIT] == "9000"
    site.control("SP", "one more", 300, 60, at_limit(2_000))
    assert site.at(300)[LIMIT] == "2000"
    assert site.at(360)[LIMIT] == "9000"
    assert [site.said(f"step {n}") for n in (1, 2)] == [[1, 2, 3]] * 2
    assert site.said("step 3") == [1, 2, 6]
    assert all(site.said(f"step {n}") == [1, 6] for n in range(4, 25))
    assert site.heard("one more") == [1, 2, 3]


def test_BASIC_016_two_programs_two_defaults(lab: Lab) -> None:
    site = lab.site(SY=89, SP=85)
    site.default("SY", opModMaxLimW=9_000)
    site.default("SP", opModMaxLimW=8_000)
    assert site.at(0)[LIMIT] == "8000"
    for default in site.plant.defaults:
        assert default.get("replyTo") is None  # a default is not answered (2018)


def test_BASIC_017_one_program_without_default(lab: Lab) -> None:
    site = lab.site(SP=85)
    site.control("SP", "control", 60, 60, {"opModFixedW": 5_000})
    assert "opModFixedW" not in site.at(0)
    program = next(one for one in site.plant.programs if one.href == site.programs["SP"])
    assert child(program.document, "DefaultDERControlLink") is None
    assert site.at(60)["opModFixedW"] == "5000"
    assert "opModFixedW" not in site.at(120)
    assert site.heard("control") == [1, 2, 3]


def test_BASIC_018_one_program_with_default(lab: Lab) -> None:
    site = lab.site(SP=85)
    site.default("SP", opModMaxLimW=9_000)
    site.control("SP", "control", 60, 60, at_limit(5_000))
    assert [site.at(t)[LIMIT] for t in (0, 60, 119, 120)] == ["9000", "5000", "5000", "9000"]
    assert site.heard("control") == [1, 2, 3]


def test_BASIC_019_two_that_do_not_overlap(lab: Lab) -> None:
    site = lab.site(SP=85)
    site.default("SP", opModMaxLimW=9_000)
    site.control("SP", "first", 60, 60, at_limit(5_000))
    site.control("SP", "second", 180, 60, at_limit(4_000))
    seen = [site.at(t)[LIMIT] for t in (0, 60, 120, 180, 240)]
    assert seen == ["9000", "5000", "9000", "4000", "9000"]
    assert site.heard("first") == site.heard("second") == [1, 2, 3]


def two_programs(lab: Lab) -> Site:
    site = lab.site(SY=89, SP=85)
    site.default("SY", opModMaxLimW=9_000)
    site.default("SP", opModMaxLimW=8_000)
    return site


def test_BASIC_020_two_programs_that_do_not_overlap(lab: Lab) -> None:
    site = two_programs(lab)
    site.control("SY", "SY", 60, 60, at_limit(5_000))
    site.control("SP", "SP", 180, 60, at_limit(4_000))
    assert [site.at(t)[LIMIT] for t in (0, 60, 120, 180, 240)] == ["8000", "5000", "8000", "4000", "8000"]
    assert site.heard("SY") == site.heard("SP") == [1, 2, 3]


def test_BASIC_021_overlapping_SY_first_and_both_known(lab: Lab) -> None:
    site = two_programs(lab)
    site.control("SY", "SY", 60, 120, at_limit(5_000))
    site.control("SP", "SP", 120, 120, at_limit(4_000))
    assert [site.at(t)[LIMIT] for t in (0, 60, 120, 180, 240)] == ["8000", "8000", "4000", "4000", "8000"]
    assert site.heard("SY") == [1, 7]
    assert site.heard("SP") == [1, 2, 3]


def test_BASIC_022_overlapping_SP_first(lab: Lab) -> None:
    site = two_programs(lab)
    site.control("SP", "SP", 120, 120, at_limit(4_000))
    site.control("SY", "SY", 180, 120, at_limit(5_000))
    seen = [site.at(t)[LIMIT] for t in (0, 120, 180, 240, 299, 301)]
    assert seen == ["8000", "4000", "4000", "8000", "8000", "8000"]
    assert site.heard("SY") == [1, 7]
    assert site.heard("SP") == [1, 2, 3]


def test_BASIC_023_SP_is_made_while_SY_runs(lab: Lab) -> None:
    site = two_programs(lab)
    site.control("SY", "SY", 60, 240, at_limit(5_000))
    assert [site.at(t)[LIMIT] for t in (0, 60)] == ["8000", "5000"]
    site.at(80)
    site.control("SP", "SP", 120, 120, at_limit(4_000))
    assert [site.at(t)[LIMIT] for t in (90, 120, 240, 290)] == ["5000", "4000", "8000", "8000"]
    assert site.said("SY") == [1, 2, 7]
    assert site.heard("SP") == [1, 2, 3]


INDEPENDENT: dict[str, tuple[tuple[int, int], tuple[int, int], bool]] = {
    "BASIC-024": ((60, 120), (120, 120), False),
    "BASIC-025": ((120, 120), (60, 120), False),
    "BASIC-026": ((60, 120), (120, 120), True),
}


@pytest.mark.parametrize("test", INDEPENDENT)
def test_independent(lab: Lab, test: str) -> None:
    system, point, late = INDEPENDENT[test]
    site = lab.site(SY=89, SP=85)
    site.default("SY", opModFixedW=9_000)
    site.default("SP", opModFixedVar={"refType": 1, "value": 1_000})
    site.control("SY", "SY", *system, {"opModFixedW": 5_000})
    seen: dict[int, tuple[str, str]] = {}
    for t in (0, 60, 120, 180, 240):
        if t == 120 and late:
            site.at(90)
        if (t == 0 and not late) or (t == 120 and late):
            site.control("SP", "SP", *point, {"opModFixedVar": {"refType": 1, "value": 500}})
        now = site.at(t)
        seen[t] = now["opModFixedW"], now["opModFixedVar"]
    for t, (watts, var) in seen.items():
        assert watts == ("5000" if system[0] <= t < sum(system) else "9000"), t
        assert var == ("1 500" if point[0] <= t < sum(point) else "1 1000"), t
    assert site.heard("SY") == site.heard("SP") == [1, 2, 3]


def test_BASIC_027_log_events(lab: Lab) -> None:
    plant = lab.plant()
    listing = link(plant.me(), "LogEventListLink")
    for count in range(5):
        event = {
            "createdDateTime": plant.now() - 10 + count,
            "functionSet": 0,
            "logEventCode": 1,
            "logEventID": count,
            "logEventPEN": 40_732,
            "profileID": 2,
        }
        assert plant.wire.ask("GET", plant.wire.post(listing, "LogEvent", event)).status == 200
    seen = plant.wire.get(f"{listing}?l=255")
    assert (seen.get("all"), seen.get("results")) == ("5", "5")
    assert [number(one, "logEventID") for one in children(seen, "LogEvent")] == [4, 3, 2, 1, 0]


STATES = {
    "inverter": {
        "genConnectStatus": "07",
        "inverterStatus": 4,
        "localControlModeStatus": 1,
        "manufacturerStatus": "ok",
        "operationalModeStatus": 2,
    },
    "storage": {
        "localControlModeStatus": 1,
        "manufacturerStatus": "ok",
        "operationalModeStatus": 2,
        "readingTime": None,
        "stateOfChargeStatus": 6_000,
        "storageModeStatus": 1,
        "storConnectStatus": "07",
    },
}


@pytest.mark.parametrize("kind", STATES, ids=[f"BASIC-028-{kind}" for kind in STATES])
def test_status_of_der(lab: Lab, kind: str) -> None:
    plant = lab.plant()
    now = plant.now()
    values: dict[str, Any] = {
        name: {"dateTime": now, "value": value} for name, value in STATES[kind].items() if value is not None
    }
    values["readingTime"] = now
    order = ["genConnectStatus", "inverterStatus", "localControlModeStatus", "manufacturerStatus"]
    order += [
        "operationalModeStatus",
        "readingTime",
        "stateOfChargeStatus",
        "storageModeStatus",
        "storConnectStatus",
    ]
    place = link(plant.der(), "DERStatusLink")
    for _ in range(2):
        plant.wire.put(place, "DERStatus", {name: values[name] for name in order if name in values})
    shown = plant.wire.get(place)
    assert number(shown, "readingTime") == now
    for name, value in STATES[kind].items():
        if value is not None:
            assert text(shown, f"{name}/value") == str(value)


def test_BASIC_029_metering_mirror(lab: Lab) -> None:
    plant = lab.plant()
    mrid = f"{plant.lfdi[:24]}00000001"
    listing = link(plant.dcap(), "MirrorUsagePointListLink")
    place = plant.wire.post(listing, "MirrorUsagePoint", mirror(plant.lfdi, mrid))
    again = plant.wire.post(listing, "MirrorUsagePoint", mirror(plant.lfdi, mrid), status=204)
    assert again == place
    shown = plant.wire.get(place)
    assert number(shown, "postRate") > 0
    assert child(shown, "MirrorMeterReading") is None
    for name, uom in QUANTITIES.items():
        reading = {
            "mRID": f"{mrid[:-4]}{uom:04X}",
            "Reading": {
                "qualityFlags": "0001",
                "timePeriod": {"duration": 300, "start": plant.now()},
                "value": -uom,
            },
        }
        told = plant.wire.post(place, "MirrorMeterReading", reading, status=204)
        meter = plant.wire.get(told)
        assert text(meter, "description") == name
        assert number(plant.wire.get(link(meter, "ReadingTypeLink")), "uom") == uom
        assert number(plant.wire.get(link(meter, "ReadingLink")), "value") == -uom
    (point,) = plant.wire.members(link(plant.dcap(), "UsagePointListLink"))
    assert int(text(point, "roleFlags") or "", 16) & 1, "isMirror"
    assert text(point, "deviceLFDI") == plant.lfdi
    assert text(point, "mRID") == mrid
    assert len(plant.wire.members(link(point, "MeterReadingListLink"))) == 4


def test_BASIC_029_an_aggregator_posts_for_what_it_manages(lab: Lab) -> None:
    plant = lab.plant()
    managed = f"{0x5E4F45AB << 128 | 9:040X}"
    lab.utility.register(managed, aggregator=plant.lfdi)
    assert Plant(plant.wire, managed).me() is not None
    listing = link(plant.dcap(), "MirrorUsagePointListLink")
    plant.wire.post(listing, "MirrorUsagePoint", mirror(managed, f"{plant.lfdi[:24]}00000002"))


def reading_set(mrid: str, start: int, *values: int) -> dict[str, Any]:
    readings = [{"value": value, "localID": f"{n:02X}"} for n, value in enumerate(values)]
    return {"mRID": mrid, "timePeriod": {"duration": 900, "start": start}, "Reading": readings}


def test_MUP_the_requirements_on_mirrors(lab: Lab) -> None:
    """MUP.005 to MUP.019: what a mirror's posts create, overwrite, add, and where the answer leads."""
    plant = lab.plant()
    wire, point = plant.wire, f"{plant.lfdi[:24]}00000001"
    place = wire.post("/mup", "MirrorUsagePoint", mirror(plant.lfdi, point))
    (shown,) = wire.members("/upt")
    quantity = f"{point[:-4]}{QUANTITIES['W']:04X}"

    def post(name: str, fields: dict[str, Any], **counts: str) -> tuple[int, str]:
        answer = wire.ask("POST", place, build(name, fields, **counts))
        return answer.status, answer.headers.get("location", "")

    status, meter = post("MirrorMeterReading", {"mRID": quantity, "Reading": {"value": 5}})
    assert (status, text(wire.get(meter), "mRID")) == (204, quantity)
    both = {"MirrorMeterReading": [{"mRID": quantity, "Reading": {"value": 6}}]}
    counts = {"all": "1", "results": "1"}
    assert post("MirrorMeterReadingList", both, **counts) == (204, f"{shown.get('href')}/mr")
    latest = link(wire.get(meter), "ReadingLink")
    assert number(wire.get(latest), "value") == 6
    sets = [f"{plant.lfdi[:24]}0000000{letter}" for letter in "AB"]
    for mrid, start, values, expected in (
        (sets[0], 1_000, (1, 2), 201),
        (sets[0], 1_000, (7, 8), 204),  # sent again it replaces
        (sets[1], 1_900, (9,), 201),
    ):
        body = {"mRID": quantity, "MirrorReadingSet": reading_set(mrid, start, *values)}
        assert post("MirrorMeterReading", body)[0] == expected
    found = wire.members(link(wire.get(meter), "ReadingSetListLink"))
    readings = [wire.members(link(one, "ReadingListLink")) for one in found]
    assert [number(one, "timePeriod/start") for one in found] == [1_900, 1_000], "the newest first"
    assert [[number(one, "value") for one in each] for each in readings] == [[9], [7, 8]]
    unknown = {"mRID": "CD" * 16, "Reading": {"value": 5}}
    assert post("MirrorMeterReading", unknown)[0] == 400
    half = {"MirrorMeterReading": [{"mRID": quantity, "Reading": {"value": 66}}, unknown]}
    assert post("MirrorMeterReadingList", half, all="2", results="2")[0] == 400
    assert number(wire.get(latest), "value") == 6, "all of a post or nothing"
    assert post("MirrorMeterReading", unknown | {"ReadingType": reading_type(38)})[0] == 201
    stranger = lab.plant().wire
    for method, body in (("POST", build("MirrorMeterReading", unknown)), ("GET", None), ("DELETE", None)):
        assert stranger.ask(method, place, body).status in (403, 404)
    assert wire.ask("DELETE", place).status == 204
    assert number(wire.get(shown.get("href")), "status") == 0, "what it told stays, as off"
    assert post("MirrorMeterReading", {"mRID": quantity, "Reading": {"value": 5}})[0] == 404
    wire.post("/mup", "MirrorUsagePoint", mirror(plant.lfdi, point))
    assert number(wire.get(shown.get("href")), "status") == 1
