"""The operator's API over real HTTP, with a real server behind it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.routing import Route

from openesi.server import operator
from openesi.web import api as web_api
from openesi.web import pages
from web.house import PIN, House, house_in, lfdi_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "operator.md"
LFDI = {number: lfdi_of(number).hex().upper() for number in range(20)}
WAIT_S = 10.0


def test_a_device_is_registered_shown_and_forgotten(api: httpx2.Client) -> None:
    made = api.post("/api/devices", json={"lfdi": LFDI[7], "pin": PIN})
    assert made.status_code == 201
    assert made.json()["lfdi"] == LFDI[7]
    assert [one["lfdi"] for one in api.get("/api/devices").json()] == [LFDI[7]]

    detail = api.get(f"/api/devices/{LFDI[7]}").json()
    assert (detail["pin"], detail["state"], detail["last_seen"]) == (PIN, "unheard", None)
    assert detail["posted"]["DeviceInformation"] is None
    assert list(detail["posted"]["DER"].values()) == [{}]

    assert api.post("/api/devices", json={"lfdi": LFDI[7]}).status_code == 409
    assert api.delete(f"/api/devices/{LFDI[7]}").status_code == 204
    assert api.get("/api/devices").json() == []
    assert api.get(f"/api/devices/{LFDI[7]}").status_code == 404


def test_a_device_tells_what_it_has_posted(api: httpx2.Client, house: House) -> None:
    path = house.install(1)
    house.post_power(1, 3_000)
    try:
        detail = api.get(f"/api/devices/{LFDI[1]}").json()
        assert detail["state"] == "online"
        assert detail["power_w"] == 3_000
        assert detail["status"] == "tracking MPPT"
        assert detail["posted"]["DeviceInformation"]["mfModel"] == "Sunny 5"
        der = detail["posted"]["DER"][f"{path}/der/1"]
        assert der["DERSettings"]["setMaxW"] == {"multiplier": 0, "value": 5_000}
        assert der["DERCapability"]["modesSupported"] == "00000001"
        assert "DERAvailability" not in der
    finally:
        api.delete(f"/api/devices/{LFDI[1]}")


def test_an_event_is_sent_answered_and_cancelled(api: httpx2.Client, house: House) -> None:
    for number in (2, 3):
        house.install(number)
    sent = api.post("/api/events", json={"limit_w": 2_000, "duration_s": 600, "description": "Peak"})
    assert sent.status_code == 201
    event = sent.json()["href"]
    house.respond(2, event, 1)
    house.respond(2, event, 2)

    detail = api.get(f"/api/events{event}").json()
    assert (detail["status"], detail["limit_percent"], detail["limit_w"]) == ("active", 20, 2_000)
    assert detail["description"] == "Peak"
    assert [one["lfdi"] for one in detail["answers"]] == [LFDI[2]]
    assert [one["name"] for one in detail["answers"][0]["responses"]] == ["received", "started"]
    assert detail["silent"] == [LFDI[3]]
    assert api.get(f"/api/events/{detail['mrid']}").json() == detail

    assert [one["href"] for one in api.get("/api/events", params={"program": "/derp/1"}).json()] == [event]
    cancelled = api.delete(f"/api/events/{detail['mrid']}")
    assert cancelled.json()["status"] == "cancelled"
    assert api.delete(f"/api/events{event}").status_code == 422
    for number in (2, 3):
        api.delete(f"/api/devices/{LFDI[number]}")


def test_an_event_of_a_group_is_shared_and_answered_by_its_devices_alone(
    api: httpx2.Client, house: House
) -> None:
    for number in (4, 5, 6):
        house.install(number)  # 5 kW each
    group = api.post("/api/groups", json={"description": "Two", "devices": [LFDI[4]]}).json()["href"]
    program = api.post("/api/programs", json={"description": "Two", "groups": [group]}).json()["href"]
    order = {"limit_w": 4_000, "program": program, "duration_s": 600}
    sent = api.post("/api/events", json=order).json()
    assert (sent["limit_percent"], sent["limit_w"], sent["responses"]["silent"]) == (80, 4_000, 1)

    def shown() -> dict[str, Any]:
        house.run(house.live.catch_up())
        house.run(house.live.step())
        return next(msgspec.to_builtins(one) for one in house.live.events() if one.href == sent["href"])

    def told() -> tuple[Any, ...]:
        listed = next(one for one in api.get("/api/events").json() if one["href"] == sent["href"])
        detail = api.get(f"/api/events{sent['href']}").json()
        for one in (listed, shown()):
            assert (one["limit_w"], one["responses"]) == (detail["limit_w"], detail["responses"])
        assert len(detail["silent"]) == detail["responses"]["silent"]
        return detail["limit_w"], detail["responses"]["received"], detail["responses"]["silent"]

    assert told() == (4_000, 0, 1)
    house.respond(4, sent["href"], 1)
    assert told() == (4_000, 1, 0)
    api.put(f"/api/groups{group.removeprefix('/fsa')}/devices/{LFDI[5]}")
    assert told() == (8_000, 1, 1)
    assert house.live.timeline.limit_w(house.live.roster.max_w) is None  # the others are not limited
    nobody = api.post("/api/groups", json={"description": "Nobody"}).json()["href"]
    alone = api.post("/api/programs", json={"description": "Nobody", "groups": [nobody]}).json()["href"]
    refused = api.post("/api/events", json={**order, "program": alone})
    assert (refused.status_code, alone in refused.text) == (422, True)
    for number in (4, 5, 6):
        api.delete(f"/api/devices/{LFDI[number]}")
    api.delete(f"/api/resources{program}")


def test_events_that_are_over_are_listed_when_asked_for(tmp_path: Path) -> None:
    with house_in(tmp_path) as house, httpx2.Client(base_url=house.url) as api:
        event = api.post("/api/events", json={"limit_percent": 50, "duration_s": 60}).json()["href"]
        house.ahead_s = 61
        listed = api.get("/api/events?ended=true").json()
        assert [(one["href"], one["status"]) for one in listed] == [(event, "completed")]
        assert api.get("/api/events").json() == []


def test_readings_and_their_history(tmp_path: Path) -> None:
    with house_in(tmp_path) as house, httpx2.Client(base_url=house.url) as api:
        house.install(4)
        house.install(5)
        house.post_power(4, 3_000)
        house.post_power(5, -1_000, grid=True)
        found = api.get("/api/readings?range=15m").json()
        assert (found["power"]["devices_w"], found["power"]["house_w"]) == (3_000, 2_000)
        assert {one["lfdi"]: one["power_w"] for one in found["meters"]} == {LFDI[4]: 3_000, LFDI[5]: 1_000}
        assert found["history"]["columns"] == ["at", "devices_w", "grid_w", "limit_w"]
        assert found["history"]["rows"][-1][1] == 3_000
        api.post("/api/events", json={"limit_percent": 40, "duration_s": 600})
        assert api.get("/api/readings?range=15m").json()["history"]["rows"][-1][3] == 4_000
        for span in ("24h", "48h"):
            history = api.get("/api/readings", params={"range": span}).json()["history"]
            assert history["step_s"] == 60
            assert history["rows"][-1][3] == 4_000


def test_programs_and_their_default(api: httpx2.Client) -> None:
    made = api.post("/api/programs", json={"description": "Feeder 12", "primacy": 10})
    assert made.status_code == 201
    path = made.json()["href"]
    assert api.put("/api/default", json={"program": path, "limit_percent": 80}).status_code == 204
    listed = {one["href"]: one for one in api.get("/api/programs").json()}
    assert listed[path]["description"] == "Feeder 12"
    assert listed[path]["default_limit_percent"] == 80


def test_health_versions_and_status(api: httpx2.Client) -> None:
    assert api.get("/-/health").json()["status"] == "ok"
    assert "2018" in api.get("/-/versions").json()["editions"]
    assert api.get("/api/status").json()["server"].startswith("https://127.0.0.1:")


NONSENSE = [
    ("GET", "/nothing", None, 404),
    ("GET", "/api/nothing", None, 404),
    ("GET", "/static/../pages.py", None, 404),
    ("GET", "/static/%2e%2e/pages.py", None, 404),
    ("DELETE", "/api/status", None, 405),
    ("POST", "/", None, 405),
    ("GET", "/api/readings?range=9y", None, 422),
    ("GET", "/api/devices?limit=x", None, 422),
    ("GET", "/api/devices?limit=-1", None, 422),
    ("GET", "/api/devices/xyz", None, 422),
    ("GET", f"/api/devices/{LFDI[19]}", None, 404),
    ("DELETE", f"/api/devices/{LFDI[19]}", None, 404),
    ("GET", "/api/events/derp/1/derc/99", None, 404),
    ("GET", "/api/events/derp/1", None, 404),
    ("GET", "/api/events/" + "F" * 32, None, 404),
    ("GET", "/api/events?program=/derp/99", None, 422),
    ("DELETE", "/api/events/derp/1/derc/99", None, 404),
    ("POST", "/api/events", {}, 422),
    ("GET", "/api/events?ended=yes", None, 422),
    ("GET", "/api/readings?rang=15m", None, 422),
    ("POST", "/api/events?dryrun=true", {"limit_percent": 1}, 422),
    ("POST", "/api/events?dry_run=True", {"limit_percent": 1}, 422),  # a slip must not send
    ("POST", "/api/events", {"limit_w": 1, "limit_percent": 1}, 422),
    ("POST", "/api/events", {"limit_w": 1_000}, 422),  # nobody has told what 100 % is
    ("POST", "/api/events", {"limit_percent": 101}, 422),
    ("POST", "/api/events", {"limit_percent": 1, "duration_s": 0}, 422),
    ("POST", "/api/events", {"limit_percent": 1, "duration_s": 60, "start": 1_000}, 422),
    ("POST", "/api/events", {"limit_percent": 1, "surprise": 1}, 422),
    ("POST", "/api/events", {"limit_percent": 1, "program": "/derp/99"}, 422),
    ("POST", "/api/events", {"limit_percent": 1, "description": "ü" * 30}, 422),
    ("POST", "/api/events", {"limit_percent": 1, "start": 2**70}, 422),
    ("POST", "/api/events", {"target_w": 1e30}, 422),
    ("POST", "/api/devices", {"lfdi": "12"}, 422),
    ("POST", "/api/devices", {"lfdi": LFDI[18], "pin": 111111}, 422),
    ("POST", "/api/devices", {"lfdi": LFDI[18], "edition": "1999"}, 422),
    ("POST", "/api/programs", {"description": ""}, 422),
    ("POST", "/api/programs", {"description": "ü" * 30}, 422),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), NONSENSE)
def test_nonsense_is_refused_in_json_with_words(
    api: httpx2.Client, method: str, path: str, body: object, status: int
) -> None:
    before = api.get("/api/events").json()
    refused = api.request(method, path, json=body)
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/json"
    assert len(refused.json()["error"]) > 5
    assert api.get("/api/events").json() == before


@pytest.mark.parametrize("path", ["/api/events", "/api/resources/derp"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"control":' * 5_000,
        b'{"description": "\\ud800"}',
        b'{"description": "\xed\xa0\x80"}',
        b'{"primacy": %s}' % (b"9" * 4_000),
    ],
    ids=["nothing", "cut off", "deep", "half a character", "half a character raw", "huge number"],
)
def test_bodies_that_are_no_json_are_refused(api: httpx2.Client, path: str, body: bytes) -> None:
    refused = api.post(path, content=body, headers={"content-type": "application/json"})
    assert refused.status_code == 422
    assert 5 < len(refused.json()["error"]) < 300


def test_the_field_that_is_wrong_is_named_first(api: httpx2.Client) -> None:
    refused = api.post("/api/events", json={"limit_percent": 50, "randomize_start_s": 7_200})
    assert refused.json()["error"] == "randomize_start_s: expected int <= 3600"


def test_bodies_that_are_of_another_kind_or_too_long_are_refused(api: httpx2.Client) -> None:
    headers = {"content-type": "application/json"}
    many = b"[" + b"[]," * 4_000_001 + b"[]]"
    assert api.post("/api/resources/derp", content=many, headers=headers).status_code == 413
    assert api.post("/api/events", content=b" " * 100_000, headers=headers).status_code == 413
    assert api.post("/api/events", content=b"{}").status_code == 415


def test_a_fault_of_ours_is_told_in_json(api: httpx2.Client, house: House, monkeypatch: Any) -> None:
    def broken(*args: object, **names: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(operator, "devices", broken)
    answer = api.get("/api/devices")
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.json()["error"]


def test_every_route_is_documented_and_every_documented_route_is_there(house: House) -> None:
    routes = {(method, path) for method, path, _ in web_api.ENDPOINTS}
    routes |= {("GET", one.path) for one in pages.routes(house.live) if isinstance(one, Route)}
    documented = set(re.findall(r"^### `([A-Z]+) (\S+)`$", DOCUMENT.read_text(), re.MULTILINE))
    assert documented == {(method, path.replace(":path", "")) for method, path in routes}


def test_the_openapi_document_names_every_endpoint_and_no_reference_is_loose(api: httpx2.Client) -> None:
    document = api.get("/api/openapi.json").json()
    described = {(method.upper(), path) for path, one in document["paths"].items() for method in one}
    endpoints = {(method, path.replace(":path", "")) for method, path, _ in web_api.ENDPOINTS}
    assert endpoints <= described
    assert all(path.startswith("/api/resources/") for _, path in described - endpoints)
    names = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert names == document["components"]["schemas"].keys()
    body = document["components"]["schemas"]["NewEvent"]
    assert body["additionalProperties"] is False
    control = document["components"]["schemas"]["GivenDERControl"]
    assert control["required"] == ["interval", "DERControlBase"]
    tariff = document["components"]["schemas"]["GivenTariffProfile"]
    assert tariff["properties"]["RateComponent"]["items"]["$ref"].endswith("GivenRateComponent")
    post = document["paths"]["/api/resources/derp/{n1}/derc"]["post"]
    shown = post["responses"]["2XX"]["content"]["application/json"]["schema"]["anyOf"]
    assert [one.get("required") for one in shown] == [None, ["created", "hrefs"]]  # one, or an array
    history = document["paths"]["/api/points-history/{sfdi}"]["get"]["parameters"]
    assert [one["name"] for one in history] == ["sfdi", "name", "since"]
    assert all(one["summary"] for path in document["paths"].values() for one in path.values())
