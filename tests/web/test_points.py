"""Points over the operator's API: devices post as devices do, and get what is set."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from openesi.sep2 import identity, xml
from openesi.sep2 import model as sep
from openesi.server import groups
from openesi.server.own_controls import KEPT_OVER
from openesi.web import point_board
from sunspec.charger import DOCUMENTS, EXPECTED, READINGS
from web.house import House, house_in, lfdi_of

POINT = "b124_WChaMax"
PLACES = {
    "DeviceInformation": "di",
    "PowerStatus": "ps",
    "DERSettings": "der/1/derg",  # before the capability, which it goes beyond
    "DERCapability": "der/1/dercap",
    "DERStatus": "der/1/ders",
    "DERAvailability": "der/1/dera",
}
STANDARD_STATUS = sep.DERStatus(
    readingTime=1,
    stateOfChargeStatus=sep.StateOfChargeStatusType(dateTime=1, value=777),
    inverterStatus=sep.InverterStatusType(dateTime=1, value=4),
    storConnectStatus=sep.ConnectStatusType(dateTime=1, value=b"\x07"),
    localControlModeStatus=sep.LocalControlModeStatusType(dateTime=1, value=0),
)


def sfdi_of(number: int) -> str:
    return f"{identity.sfdi_from_lfdi(lfdi_of(number)):012d}"


def plug_in(house: House, number: int) -> str:
    """Register the charger of VOLTTRON's test, as far as the standard lets it say what it says."""
    path = house.register(number)
    for name, place in PLACES.items():
        document = STANDARD_STATUS if name == "DERStatus" else DOCUMENTS[name]
        if name == "DeviceInformation":
            document = sep.replace(document, lFDI=lfdi_of(number))
        house.ask(number, "PUT", f"{path}/{place}", document)
    mirror = sep.MirrorUsagePoint(
        mRID=bytes((number,)) * 16,
        roleFlags=b"\x00\x00",
        serviceCategoryKind=0,
        status=1,
        deviceLFDI=lfdi_of(number),
        MirrorMeterReading=tuple(
            sep.MirrorMeterReading(
                mRID=bytes((number,)) * 15 + bytes((place,)),
                description=name,
                Reading=sep.Reading(value=value),
                ReadingType=sep.ReadingType(powerOfTenMultiplier=power),
            )
            for place, (name, (value, power)) in enumerate(READINGS.items(), 1)
        ),
    )
    house.ask(number, "POST", "/mup", mirror)
    return path


def controls(house: House, number: int) -> dict[str, sep.DERControl]:
    """Return the DERControls of all programs that a device finds by following its assignments."""
    found = {}
    assigned = xml.parse_as(
        house.ask(number, "GET", f"{device_of(house, number)}/fsa?l=50").body, sep.FunctionSetAssignmentsList
    )
    for assignment in assigned.FunctionSetAssignments:
        link = assignment.DERProgramListLink
        assert link is not None
        programs = xml.parse_as(house.ask(number, "GET", f"{link.href}?l=50").body, sep.DERProgramList)
        for program in programs.DERProgram:
            assert program.DERControlListLink is not None
            listed = xml.parse_as(
                house.ask(number, "GET", f"{program.DERControlListLink.href}?l=50").body, sep.DERControlList
            )
            found.update({control.href or "": control for control in listed.DERControl})
    return found


def device_of(house: House, number: int) -> str:
    listed = xml.parse_as(house.ask(number, "GET", "/edev").body, sep.EndDeviceList)
    return listed.EndDevice[0].href or ""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(Path(tmp_path_factory.mktemp("house"))) as made:
        plug_in(made, 1)
        plug_in(made, 2)
        yield made


@pytest.fixture
def points(api: httpx2.Client) -> Iterator[str]:
    path = f"/api/points/{sfdi_of(1)}"
    yield path
    api.delete(path)


def test_a_scrape_tells_all_26_points_of_every_device(api: httpx2.Client, points: str) -> None:
    wanted = {
        **EXPECTED,
        "b1_Opt": lfdi_of(1).hex().upper(),
        "b1_SN": sfdi_of(1),
        "b122_StorConn": 7,
        "b802_LocRemCtl": 1,
        "b802_State": 3,
    }
    one = api.get(points).json()
    assert one["values"] == wanted
    assert api.get("/api/points").json()[0] == one
    assert api.get(f"/api/points/{one['lfdi']}").json() == one
    assert [two["sfdi"] for two in api.get("/api/points?start=1&limit=1").json()] == [sfdi_of(2)]


def test_a_value_that_is_set_is_read_back_and_reaches_this_device_alone(
    house: House, api: httpx2.Client, points: str
) -> None:
    told = api.put(f"{points}/{POINT}", json={"value": 12.5}).json()
    assert (told["value"], told["units"], told["writable"]) == (12.5, "W", True)
    assert api.get(f"{points}/{POINT}").json()["value"] == 12.5
    sent = controls(house, 1)[told["event"]]
    assert sent.DERControlBase == sep.DERControlBase(opModFixedW=-6_250)
    assert sent.EventStatus.currentStatus == 1
    assert sent.interval.duration == 86_400
    assert sent.responseRequired == b"\x03"
    assert told["event"] not in controls(house, 2)
    with pytest.raises(AssertionError):
        house.ask(2, "GET", told["event"])
    assert api.get(f"/api/points/{sfdi_of(2)}/{POINT}").json()["value"] is None


def test_zero_is_a_value_and_the_last_of_a_second_wins(house: House, api: httpx2.Client, points: str) -> None:
    events = [api.put(f"{points}/{POINT}", json={"value": value}).json()["event"] for value in (5, 20, 0)]
    assert api.get(f"{points}/{POINT}").json()["value"] == 0.0
    found = controls(house, 1)
    assert [found[event].EventStatus.currentStatus for event in events] == [4, 4, 1]
    assert found[events[-1]].DERControlBase.opModFixedW == 0
    assert len({found[event].mRID for event in events}) == 3


def test_what_was_set_is_taken_back(house: House, api: httpx2.Client, points: str) -> None:
    event = api.put(f"{points}/{POINT}", json={"value": 10}).json()["event"]
    assert api.delete(f"{points}/{POINT}").json() == {"cancelled": 1}
    assert api.get(f"{points}/{POINT}").json()["value"] is None
    assert controls(house, 1)[event].EventStatus.currentStatus == 2
    assert api.delete(f"{points}/{POINT}").json() == {"cancelled": 0}
    assert api.delete(points).json() == {"cancelled": 0}


def test_a_value_holds_for_its_duration(house: House, api: httpx2.Client, points: str) -> None:
    api.put(f"{points}/{POINT}", json={"value": 10, "duration_s": 60})
    house.ahead_s += 61
    assert api.get(f"{points}/{POINT}").json()["value"] is None


@pytest.mark.parametrize("taken_back", [False, True])
def test_who_sets_again_and_again_does_not_fill_the_devices_list(
    house: House, api: httpx2.Client, points: str, taken_back: bool
) -> None:
    for value in range(KEPT_OVER + 10):
        event = api.put(f"{points}/{POINT}", json={"value": value % 20}).json()["event"]
        if taken_back:
            api.delete(f"{points}/{POINT}")
    program = event.rpartition("/derc/")[0]
    listed = xml.parse_as(house.ask(1, "GET", f"{program}/derc?l=255").body, sep.DERControlList)
    assert listed.all <= 2 * KEPT_OVER + 5
    ours = [one.EventStatus.currentStatus for one in listed.DERControl]
    assert ours.count(2 if taken_back else 4) <= KEPT_OVER + 1


def test_the_operators_events_in_the_devices_program_stay(
    house: House, api: httpx2.Client, points: str
) -> None:
    event = api.put(f"{points}/{POINT}", json={"value": 10}).json()["event"]
    program = event.rpartition("/derc/")[0]
    sent = api.post("/api/events", json={"target_w": 100, "program": program}).json()["href"]
    api.delete(points)
    assert api.get(f"/api/events{sent}").json()["status"] == "active"
    api.delete(f"/api/events{sent}")


BAD = [
    ({"value": "much"}, 422, "float"),
    ({"value": True}, 422, "float"),
    ({"value": None}, 422, "float"),
    ({}, 422, "value"),
    ({"value": -1}, 422, "out of range"),
    ({"value": 20.01}, 422, "out of range"),
    ({"value": 1e300}, 422, "out of range"),
    ({"value": 1, "duration_s": 0}, 422, "duration_s"),
    ({"value": 1, "until": 5}, 422, "until"),
]


@pytest.mark.parametrize(("body", "status", "words"), BAD)
def test_a_value_that_cannot_be_set_changes_nothing(
    house: House, api: httpx2.Client, points: str, body: dict[str, Any], status: int, words: str
) -> None:
    event = api.put(f"{points}/{POINT}", json={"value": 7}).json()["event"]
    answer = api.put(f"{points}/{POINT}", json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert api.get(f"{points}/{POINT}").json()["value"] == 7.0
    assert controls(house, 1)[event].EventStatus.currentStatus == 1


def test_numbers_that_json_does_not_have_are_refused(api: httpx2.Client, points: str) -> None:
    headers = {"content-type": "application/json"}
    for text in (b'{"value": NaN}', b'{"value": Infinity}', b'{"value": 1e999}', b'{"value": '):
        assert api.put(f"{points}/{POINT}", content=text, headers=headers).status_code == 422


def test_unknown_devices_and_points_are_told_apart(house: House, api: httpx2.Client, points: str) -> None:
    before = house.run(house.service.store.read(lambda reader: groups.groups(reader)))
    for path, status, words in (
        ("/api/points/097935300833", 404, "no device"),
        ("/api/points/123", 422, ""),
        (f"{points}/b124_WChaMin", 404, "did you mean b124_WChaMax"),
        (f"/api/points-history/{sfdi_of(1)}?name=b0", 404, "no point"),
    ):
        answer = api.get(path)
        assert answer.status_code == status, path
        assert words in answer.json()["error"]
    assert api.put("/api/points/097935300833/b124_WChaMax", json={"value": 1}).status_code == 404
    assert api.put(f"{points}/nothing", json={"value": 1}).status_code == 404
    refused = api.put(f"{points}/b113_A", json={"value": 1})
    assert refused.status_code == 422
    assert "read only" in refused.json()["error"]
    assert house.run(house.service.store.read(lambda reader: groups.groups(reader))) == before


def test_without_a_known_maximum_nothing_is_set(house: House, api: httpx2.Client) -> None:
    house.register(3)
    answer = api.put(f"/api/points/{sfdi_of(3)}/{POINT}", json={"value": 1})
    assert answer.status_code == 422
    assert "setMaxChargeRateW" in answer.json()["error"]
    assert not [one for one in controls(house, 3) if not one.startswith("/derp/1/")]
    api.delete(f"/api/devices/{lfdi_of(3).hex()}")


def test_a_device_that_goes_takes_its_program_along(house: House, api: httpx2.Client) -> None:
    plug_in(house, 4)
    event = api.put(f"/api/points/{sfdi_of(4)}/{POINT}", json={"value": 1}).json()["event"]
    assert api.delete(f"/api/devices/{lfdi_of(4).hex()}").status_code == 204
    assert api.get(f"/api/events{event}").status_code == 404
    assert not [
        one
        for one in house.run(house.service.store.read(lambda reader: groups.groups(reader)))
        if sfdi_of(4) in (one.description or "")
    ]


def test_two_devices_with_one_sfdi_are_told_apart_by_their_lfdi(house: House, api: httpx2.Client) -> None:
    twin = lfdi_of(1)[:5] + bytes(15)
    assert identity.sfdi_from_lfdi(twin) == identity.sfdi_from_lfdi(lfdi_of(1))
    made = api.post("/api/devices", json={"lfdi": twin.hex()})
    assert made.status_code == 201
    for method, path in (("GET", f"/api/points/{sfdi_of(1)}"), ("PUT", f"/api/points/{sfdi_of(1)}/{POINT}")):
        answer = api.request(method, path, json={"value": 1} if method == "PUT" else None)
        assert answer.status_code == 422
        assert "LFDI" in answer.json()["error"]
    assert api.get(f"/api/points/{lfdi_of(1).hex()}").json()["values"]["b113_A"] == 24.0
    api.delete(f"/api/devices/{twin.hex()}")
    assert api.get(f"/api/points/{sfdi_of(1)}").status_code == 200


def test_a_table_of_ones_own(api: httpx2.Client, points: str) -> None:
    config = f"/api/points-config/{sfdi_of(1)}"
    assert len(api.get(config).json()["rows"]) == 26
    text = "Point,Resource,Field,Writable\nleft,PowerStatus,PEVInfo.energyRequestNow,\n"
    text += "limit,DERControl,DERControlBase.opModFixedW,TRUE\n"
    told = api.put(config, json={"csv": text})
    assert [row["Point"] for row in told.json()["rows"]] == ["left", "limit"]
    assert api.get(points).json()["values"] == {"left": 6100.0, "limit": None}
    assert api.put(f"{points}/limit", json={"value": 4}).json()["value"] == 4.0
    assert len(api.get(f"/api/points/{sfdi_of(2)}").json()["values"]) == 26
    for body, words in (
        ({"csv": "Point,Resource,Field\nx,DERStatus,nothing\n"}, "no field"),
        ({"csv": text, "rows": []}, "not both"),
        ({"rows": []}, "empty"),
        ({"semantics": "mine"}, "semantics"),
    ):
        answer = api.put(config, json=body)
        assert answer.status_code == 422
        assert words in answer.json()["error"]
    assert api.get(points).json()["values"] == {"left": 6100.0, "limit": 4.0}
    assert api.delete(config).status_code == 204
    assert len(api.get(points).json()["values"]) == 26


def test_a_table_for_everyone_in_raw_numbers(api: httpx2.Client, points: str) -> None:
    text = "Volttron Point Name,SEP2 Resource Name,SEP2 Field Name,Units,Writable,Default\n"
    text += "limit,DERControl,DERControlBase.opModFixedFlow,W,TRUE,NA\n"
    text += "where,DERStatus,localControlModeStatus,NA,FALSE,NA\n"
    api.put("/api/points-config", json={"csv": text, "semantics": "volttron-raw"})
    try:
        assert api.put(f"{points}/limit", json={"value": -100}).json()["value"] == -100.0
        assert api.get(f"/api/points/{sfdi_of(2)}").json()["values"] == {"limit": None, "where": 0}
        own = f"/api/points-config/{sfdi_of(2)}"
        assert api.put(own, json={"rows": None}).json()["semantics"] == "volttron-raw"
        api.delete(own)
    finally:
        api.delete("/api/points-config")


def test_history_and_stream_tell_what_changes(house: House, api: httpx2.Client, points: str) -> None:
    api.get(points)
    heard: list[dict[str, Any]] = []
    subscribed, done = threading.Event(), threading.Event()

    def listen() -> None:
        url = f"{house.url}/api/points-live/{sfdi_of(1)}"
        with httpx2.stream("GET", url, timeout=20) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    heard.append(json.loads(line.removeprefix("data: "))["values"])
                    subscribed.set()
                    if heard[-1].get("b113_A") == 25.0:
                        done.set()
                        return

    thread = threading.Thread(target=listen)
    thread.start()
    assert subscribed.wait(10)
    api.put(f"{points}/{POINT}", json={"value": 3})
    reading = sep.MirrorMeterReading(mRID=bytes((1,)) * 15 + b"\x08", Reading=sep.Reading(value=25))
    house.ask(1, "POST", "/mup/1", reading)
    assert done.wait(10)
    thread.join()
    assert len(heard[0]) == 26
    assert {POINT: 3.0} in heard
    rows = api.get(f"/api/points-history/{sfdi_of(1)}?name=b113_A").json()["rows"]
    assert [value for _, _, value in rows][-2:] == [24.0, 25.0]
    assert rows == sorted(rows)
    later = api.get(f"/api/points-history/{sfdi_of(1)}?since={rows[-1][0]}").json()["rows"]
    assert ["b113_A", 25.0] in [row[1:] for row in later]
    for never in ("never", "nan", "inf"):
        assert api.get(f"/api/points-history/{sfdi_of(1)}?since={never}").status_code == 422
    house.ask(1, "POST", "/mup/1", sep.replace(reading, Reading=sep.Reading(value=24)))


def test_no_more_listeners_and_devices_are_kept_than_there_is_room_for(
    house: House, api: httpx2.Client, points: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(point_board, "MAX_LISTENERS", 0)
    refused = api.get(f"/api/points-live/{sfdi_of(1)}")
    assert refused.status_code == 503
    assert "programs follow" in refused.json()["error"]
    monkeypatch.setattr(point_board, "MAX_FOLLOWED", 1)
    api.get(points)
    api.get(f"/api/points/{sfdi_of(2)}")
    house.ask(1, "PUT", f"{device_of(house, 1)}/ps", DOCUMENTS["PowerStatus"])
    begun = api.get(f"/api/points-history/{sfdi_of(1)}").json()["rows"]
    assert len({at for at, _, _ in begun}) == 1, "a device that had to make room begins anew"
