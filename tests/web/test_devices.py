"""Devices and rates over the operator's API, and what the devices notice of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from openesi.pki import Authority
from openesi.sep2 import identity, xml
from openesi.store import Transaction
from web.house import House, house_in, lfdi_of


def lfdi(number: int) -> str:
    return identity.format_lfdi(lfdi_of(number))


def seen(house: House, device: int, target: str) -> Any:
    return xml.parse(house.ask(device, "GET", target).body)


def made(response: httpx2.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def test_what_the_server_says_of_a_device_is_changed_and_read_back(house: House, api: httpx2.Client) -> None:
    href = house.register(61)
    before = seen(house, 61, href).changedTime
    house.ahead_s += 5
    shown = made(api.patch(f"/api/devices/{lfdi(61)}", json={"pin": 555555, "post_rate_s": 120}))
    assert shown["pin"] == 555555
    assert seen(house, 61, f"{href}/rg").pIN == 555555
    assert seen(house, 61, href).postRate == 120
    assert seen(house, 61, href).changedTime > before
    made(api.patch(f"/api/devices/{lfdi(61)}", json={"post_rate_s": None}))
    assert seen(house, 61, href).postRate is None


def test_what_a_certificate_may_do_is_read_back(house: House, api: httpx2.Client) -> None:
    body = {"lfdi": lfdi(60), "is_aggregator": True, "edition": "2013"}
    href = made(api.post("/api/devices", json=body), 201)["href"]
    assert made(api.get(f"/api/resources{href}"))["DERListLink"]["all"] == 0
    made(api.patch(f"/api/devices/{lfdi(60)}", json={"revoked": True, "post_rate_s": 60}))
    shown = made(api.get(f"/api/devices/{lfdi(60)}"))
    listed = {one["href"]: one for one in made(api.get("/api/devices?limit=100000"))}[href]
    for one in (shown, listed):
        assert (one["is_aggregator"], one["revoked"], one["edition"]) == (True, True, "2013")
    assert shown["post_rate_s"] == 60
    assert "FunctionSetAssignmentsListLink" not in made(api.get(f"/api/resources{href}"))
    assert api.delete(f"/api/devices/{lfdi(60)}").status_code == 204
    made(api.post("/api/devices", json=body), 201)
    assert made(api.get(f"/api/devices/{lfdi(60)}"))["revoked"] is False


@pytest.mark.parametrize(("field", "gone", "back"), [("enabled", False, True), ("revoked", True, False)])
def test_a_device_is_shut_out_and_let_in_again(
    house: House, api: httpx2.Client, field: str, gone: bool, back: bool
) -> None:
    number = 62 + gone
    href = house.register(number)
    made(api.patch(f"/api/devices/{lfdi(number)}", json={field: gone}))
    with pytest.raises(AssertionError, match=r"40[34]"):
        house.ask(number, "GET", f"{href}/rg")
    made(api.patch(f"/api/devices/{lfdi(number)}", json={field: back}))
    assert seen(house, number, f"{href}/rg").pIN


def test_a_certificate_registers_its_device_with_its_groups(
    house: House, api: httpx2.Client, tmp_path: Path
) -> None:
    device = Authority.create(tmp_path, now=datetime.now(UTC)).issue_device("one", now=datetime.now(UTC))
    group = made(api.post("/api/groups", json={"description": "With certificates"}), 201)["href"]
    body = {"certificate": device.cert.read_text(), "groups": [group], "edition": "csip-aus-1.2"}
    added = made(api.post("/api/devices", json=body), 201)
    assert added["lfdi"] == identity.format_lfdi(device.lfdi)
    shown = made(api.get(f"/api/devices/{added['lfdi']}"))
    assert shown["groups"] == [group]
    listed = {one["lfdi"]: one for one in made(api.get("/api/devices?limit=100000"))}
    assert listed[added["lfdi"]]["edition"] == "csip-aus-1.2"
    assert api.post("/api/devices", json=body).status_code == 409
    assert api.delete(f"/api/devices/{added['lfdi']}").status_code == 204
    assert made(api.get(f"/api/groups{group.removeprefix('/fsa')}"))["devices"] == 0


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({}, "one of them"),
        ({"lfdi": "A" * 40, "certificate": "x"}, "one of them"),
        ({"certificate": "nonsense"}, "certificate"),
        ({"lfdi": "A" * 40, "edition": "2001"}, "edition is one of"),
        ({"lfdi": "A" * 40, "pin": 123456}, "PIN"),
        ({"lfdi": "A" * 40, "groups": ["/fsa/999"]}, "no group /fsa/999"),
        ({"lfdi": "A" * 40, "colour": "red"}, "colour"),
    ],
)
def test_a_device_that_makes_no_sense_is_refused_and_not_there(
    house: House, api: httpx2.Client, body: dict[str, Any], hint: str
) -> None:
    refused = api.post("/api/devices", json=body)
    assert refused.status_code in (400, 422)
    assert hint in refused.json()["error"]
    assert api.get(f"/api/devices/{'A' * 40}").status_code == 404


def test_rates_hold_from_the_next_answer_on_and_over_restarts(tmp_path: Path) -> None:
    with house_in(tmp_path) as house, httpx2.Client(base_url=house.url) as api:
        href = house.register(1)
        assert seen(house, 1, "/derp").pollRate == 60
        wanted = {"poll_s": {"DERProgramList": 15, "Registration": 7}, "post_s": 45}
        told = made(api.put("/api/rates", json=wanted))
        assert told == {"poll_s": wanted["poll_s"], "default_poll_s": 60, "post_s": 45}
        assert seen(house, 1, "/derp").pollRate == 15
        assert seen(house, 1, f"{href}/rg").pollRate == 7
        assert seen(house, 1, "/dcap").pollRate == 60
        house.post_power(1, 100)
    with house_in(tmp_path) as house, httpx2.Client(base_url=house.url) as api:
        assert seen(house, 1, "/derp").pollRate == 15
        assert made(api.put("/api/rates", json={}))["poll_s"] == {}
        assert seen(house, 1, "/derp").pollRate == 60
        assert "pollRate" in api.put("/api/rates", json={"poll_s": {"DERControl": 5}}).json()["error"]
        assert api.put("/api/rates", json={"default_poll_s": 0}).status_code == 422


def test_rates_set_by_another_process_are_seen(house: House) -> None:
    from openesi.server.rates import Rates, keep_rates
    from openesi.store.sqlite import SQLiteStore

    house.register(68)
    other = SQLiteStore(house.folder / "openesi.db")

    def change(tx: Transaction) -> None:
        keep_rates(tx, Rates(default_poll_s=33))

    other.run(change)
    assert seen(house, 68, "/derp").pollRate == 33
    other.run(lambda tx: keep_rates(tx, Rates()))
    other.close_now()
    assert seen(house, 68, "/derp").pollRate == 60
