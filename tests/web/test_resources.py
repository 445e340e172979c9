"""Every resource of the tree over the operator's API, seen by devices as they see it."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from openesi.sep2 import identity, xml
from openesi.sep2 import model as sep
from web.house import House, lfdi_of

POWER = {"multiplier": 0, "value": 2_000}


def lfdi(number: int) -> str:
    return identity.format_lfdi(lfdi_of(number))


def seen(house: House, device: int, target: str) -> Any:
    """Return what a device gets."""
    return xml.parse(house.ask(device, "GET", target).body)


def made(response: httpx2.Response, status: int = 201) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def control(house: House, *, in_s: int = 600, duration_s: int = 60, **fields: Any) -> dict[str, Any]:
    start = int(house.clock()) + in_s
    base = {"DERControlBase": {"opModMaxLimW": 5_000}}
    return {"interval": {"start": start, "duration": duration_s}, **base, **fields}


def program(api: httpx2.Client, **fields: Any) -> str:
    href: str = made(api.post("/api/resources/derp", json={"primacy": 9, "description": "P", **fields}))[
        "href"
    ]
    return href


def test_a_whole_tariff_is_one_call_and_devices_walk_it(house: House, api: httpx2.Client) -> None:
    now = int(house.clock())
    tariff = {
        "description": "Time of use",
        "currency": 840,
        "pricePowerOfTenMultiplier": -6,
        "primacy": 1,
        "serviceCategoryKind": 0,
        "RateComponent": [
            {
                "roleFlags": "00",
                "ReadingType": {"commodity": 1, "uom": 72, "powerOfTenMultiplier": 3},
                "TimeTariffInterval": [
                    {
                        "interval": {"start": now - 60, "duration": 3_600},
                        "touTier": 1,
                        "ConsumptionTariffInterval": [
                            {"consumptionBlock": 0, "startValue": 0, "price": 113_000}
                        ],
                    }
                ],
            }
        ],
    }
    house.register(21)
    href = made(api.post("/api/resources/tp", json=tariff))["href"]
    component = seen(house, 21, f"{href}/rc").RateComponent[0]
    assert seen(house, 21, component.ReadingTypeLink.href).uom == 72
    interval = seen(house, 21, component.ActiveTimeTariffIntervalListLink.href).TimeTariffInterval[0]
    assert interval.EventStatus.currentStatus == 1
    price = seen(house, 21, interval.ConsumptionTariffIntervalListLink.href).ConsumptionTariffInterval[0]
    assert price.price == 113_000
    again = made(api.get(f"/api/resources{href}?deep=4"), 200)
    assert (
        again["RateComponent"][0]["TimeTariffInterval"][0]["ConsumptionTariffInterval"][0]["price"] == 113_000
    )
    assert api.delete(f"/api/resources{href}").json() == {"removed": 5}
    assert api.get(f"/api/resources{href}").status_code == 404


def test_what_was_read_can_be_written_again(house: House, api: httpx2.Client) -> None:
    href = program(api, description="Read")
    before = made(api.get(f"/api/resources{href}"), 200)
    after = made(api.put(f"/api/resources{href}", json=before), 200)
    assert after == before
    patched = made(api.patch(f"/api/resources{href}", json={"primacy": 3, "description": None}), 200)
    assert patched["primacy"] == 3
    assert "description" not in patched
    assert patched["version"] == 1


def test_a_dry_run_leaves_nothing_and_shows_what_would_be_served(house: House, api: httpx2.Client) -> None:
    href = program(api)
    shown = api.post(f"/api/resources{href}/derc?dry_run=true&format=xml", json=control(house))
    assert shown.status_code == 200
    document = xml.parse(shown.content)
    assert isinstance(document, sep.DERControl)
    assert document.href == f"{href}/derc/1"
    assert made(api.get(f"/api/resources{href}/derc"), 200)["all"] == 0


def test_bulk_is_all_or_nothing(house: House, api: httpx2.Client) -> None:
    href = program(api)
    wrong = [*(control(house, in_s=600 + 60 * number) for number in range(5)), control(house, duration_s=0)]
    refused = api.post(f"/api/resources{href}/derc", json=wrong)
    assert refused.status_code == 422
    assert "[6]" in refused.json()["error"]
    assert made(api.get(f"/api/resources{href}/derc"), 200)["all"] == 0
    assert made(api.post(f"/api/resources{href}/derc", json=wrong[:5]))["created"] == 5
    assert made(api.get(f"/api/resources{href}/derc?limit=2"), 200)["results"] == 2


def test_groups_alone_see_what_is_theirs(house: House, api: httpx2.Client) -> None:
    member, stranger = house.register(31), house.register(32)
    group = made(api.post("/api/groups", json={"description": "Feeder", "devices": [lfdi(31)]}))["href"]
    href = made(api.post(f"/api/resources/derp?group={group}", json={"primacy": 5}))["href"]
    made(api.post(f"/api/resources{href}/derc", json=control(house)))

    assignments = seen(house, 31, f"{member}/fsa?l=255").FunctionSetAssignments
    ours = next(one for one in assignments if one.href == group)
    programs = seen(house, 31, f"{ours.DERProgramListLink.href}?l=255")
    assert [one.href for one in programs.DERProgram] == [href]
    assert ours.TariffProfileListLink is None
    assert len(seen(house, 31, f"{href}/derc?l=255").DERControl) == 1
    assert href in [one.href for one in seen(house, 31, f"{member}/der/1/derp?l=255").DERProgram]

    assert all(one.href != group for one in seen(house, 32, f"{stranger}/fsa?l=255").FunctionSetAssignments)
    for place in (href, f"{href}/derc", f"{href}/derc/1", f"{href}/dderc", group, f"{group}/derp"):
        with pytest.raises(AssertionError, match="404"):
            house.ask(32, "GET", place)
    assert href not in [one.href for one in seen(house, 31, "/derp?l=255").DERProgram]

    assert api.delete(f"/api/groups{group.removeprefix('/fsa')}/devices/{lfdi(31)}").status_code == 204
    with pytest.raises(AssertionError, match="404"):
        house.ask(31, "GET", href)
    assert api.put(f"/api/groups{group.removeprefix('/fsa')}/devices/{lfdi(32)}").status_code == 204
    assert seen(house, 32, href).primacy == 5


SPAN = {"start": 1_800_000_000, "duration": 600}
OFFERED: dict[str, dict[str, Any]] = {
    "derp": {
        "primacy": 5,
        "DERControl": [{"interval": {**SPAN, "start": 4_000_000_000}, "DERControlBase": {"opModMaxLimW": 9}}],
        "DefaultDERControl": {"DERControlBase": {"opModMaxLimW": 500}},
    },
    "tp": {
        "currency": 840,
        "pricePowerOfTenMultiplier": -6,
        "primacy": 1,
        "serviceCategoryKind": 0,
        "RateComponent": [{"roleFlags": "00", "ReadingType": {"commodity": 1, "uom": 72}}],
    },
    "msg": {"primacy": 1, "locale": "en"},
    "dr": {"primacy": 1},
    "rsps": {},
    "bill": {"currency": 840, "pricePowerOfTenMultiplier": 0},
    "upt": {"roleFlags": "00", "serviceCategoryKind": 0, "status": 1},
}


def walked(house: House, device: int) -> dict[str, str]:
    """Return all that a device finds by following links, without what the time is."""
    found: dict[str, str] = {}
    todo = ["/dcap"]
    while todo:
        path = todo.pop()
        text = house.ask(device, "GET", f"{path}?l=255").body.decode()
        found[path] = re.sub(r"(Time>)\d+", r"\1", text)
        todo += [one for one in re.findall(r'href="(/[^"]*)"', text) if one not in found and one not in todo]
    return found


def test_a_stranger_to_a_group_cannot_tell_that_it_is_assigned_anything(
    house: House, api: httpx2.Client
) -> None:
    house.register(42)
    house.register(43)
    before = walked(house, 43)
    group = made(api.post("/api/groups", json={"description": "Few", "devices": [lfdi(42)]}))["href"]
    for listing, offered in OFFERED.items():
        made(api.post(f"/api/resources/{listing}?group={group}", json={"description": "Few", **offered}))
    after, members = walked(house, 43), walked(house, 42)
    assert after == before
    hidden = members.keys() - after.keys()
    assert {path.split("/")[1] for path in hidden} == {*OFFERED, "edev", "fsa"}
    for path in hidden:
        nowhere = re.sub(r"\d+", "77777", path, count=1)
        for method in ("GET", "HEAD", "DELETE"):
            answers = [house.answered(43, method, one).status for one in (path, nowhere)]
            assert answers[0] == answers[1] >= 400, (method, path)


def test_membership_ends_by_whatever_is_removed(house: House, api: httpx2.Client) -> None:
    """What a device of a group saw, it sees no more: nor does its aggregator, nor who comes next."""
    member, aggregator = house.register(38), house.register(39)
    managed = made(api.post("/api/devices", json={"lfdi": lfdi(40), "aggregator": lfdi(39)}))["href"]
    devices = {"devices": [lfdi(38), lfdi(40)]}
    group = made(api.post("/api/groups", json={"description": "Few", "default": True, **devices}))["href"]
    href = program(api, description="Few")
    answers = made(api.post(f"/api/resources/rsps?group={group}", json={"description": "Few"}))["href"]
    account = {"description": "Few", "currency": 840, "pricePowerOfTenMultiplier": 0}
    account_href = made(api.post(f"/api/resources/bill?group={group}", json=account))["href"]
    assert api.put(f"/api/groups{group.removeprefix('/fsa')}/assigned{href}").status_code == 204
    made(api.patch(f"/api/resources{href}?visible=assigned", json={}), 200)
    alias = f"/api/resources{member}/fsa/2"
    refused = api.patch(alias, json={"description": "Ours"})
    assert (refused.status_code, group in refused.text) == (422, True)
    for viewer in (38, 39, 40):
        for shown in (href, answers, account_href):
            assert seen(house, viewer, shown).description == "Few"

    assert api.patch("/api/resources/rsps/1?visible=assigned", json={}).status_code == 422  # all answer there

    made(api.delete(alias), 200)
    made(api.delete(f"/api/resources{managed}"), 200)
    for viewer in (38, 39):
        for hidden in (href, f"{href}/derc", answers, f"{answers}/rsp", account_href, group):
            with pytest.raises(AssertionError, match="404"):
                house.ask(viewer, "GET", hidden)
        assert answers not in [one.href for one in seen(house, viewer, "/rsps?l=9").ResponseSet]

    made(api.delete(f"/api/resources{group}"), 200)
    later = house.register(41)
    assert made(api.get(f"/api/resources{later}/fsa"), 200)["all"] == 1
    assert made(api.get(f"/api/resources{aggregator}/fsa"), 200)["all"] == 1


def test_primacy_moves_a_program_in_the_lists_of_its_groups(house: House, api: httpx2.Client) -> None:
    house.register(33)
    group = made(api.post("/api/groups", json={"description": "Swap", "devices": [lfdi(33)]}))["href"]
    first, second = (
        made(api.post(f"/api/resources/derp?group={group}", json={"primacy": primacy}))["href"]
        for primacy in (10, 20)
    )

    def order() -> list[str | None]:
        return [one.href for one in seen(house, 33, f"{group}/derp?l=255").DERProgram]

    assert order() == [first, second]
    made(api.patch(f"/api/resources{second}", json={"primacy": 1}), 200)
    assert order() == [second, first]
    assert api.delete(f"/api/resources{second}").status_code == 200
    assert order() == [first]
    assert seen(house, 33, f"{group}/derp?l=255").all == 1


def test_an_aggregator_sees_what_its_devices_are_assigned(house: House, api: httpx2.Client) -> None:
    house.register(34)
    body = {"lfdi": lfdi(35), "aggregator": lfdi(34)}
    device = made(api.post("/api/devices", json=body))["href"]
    group = made(api.post("/api/groups", json={"description": "Managed", "devices": [lfdi(35)]}))["href"]
    href = made(api.post(f"/api/resources/derp?group={group}", json={"primacy": 5}))["href"]
    assert group in [one.href for one in seen(house, 34, f"{device}/fsa?l=255").FunctionSetAssignments]
    assert seen(house, 34, href).primacy == 5
    assert seen(house, 35, href).primacy == 5


def test_new_devices_belong_to_the_default_groups(house: House, api: httpx2.Client) -> None:
    group = made(api.post("/api/groups", json={"description": "New ones", "default": True}))["href"]
    device = house.register(36)
    assert group in [one.href for one in seen(house, 36, f"{device}/fsa?l=255").FunctionSetAssignments]
    number = group.rpartition("/")[2]
    assert made(api.patch(f"/api/groups/{number}", json={"default": False}), 200)["default"] is False
    later = house.register(37)
    assert group not in [one.href for one in seen(house, 37, f"{later}/fsa?l=255").FunctionSetAssignments]
    assert made(api.get(f"/api/groups/{number}/devices"), 200) == [{"href": device, "lfdi": lfdi(36)}]
    assert api.delete(f"/api/groups/{number}").status_code == 204
    assert group not in [one.href for one in seen(house, 36, f"{device}/fsa?l=255").FunctionSetAssignments]


def test_a_newer_event_takes_the_place_of_an_older(house: House, api: httpx2.Client) -> None:
    href = program(api)
    old = made(api.post(f"/api/resources{href}/derc", json=control(house, in_s=-10, duration_s=600)))["href"]
    changes = {"DERControlBase": {"opModMaxLimW": 100}}
    new = made(api.post(f"/api/supersede?event={old}", json=changes))
    assert new["event"]["DERControlBase"] == {"opModMaxLimW": 100}
    assert new["status"] == "active"
    assert made(api.get(f"/api/events{old}"), 200)["status"] == "superseded"
    assert api.post(f"/api/supersede?event={old}", json=changes).status_code == 422
    assert api.post("/api/supersede?event=/derp/1/derc/99999", json={}).status_code == 404


def test_events_are_cancelled_together_or_not_at_all(house: House, api: httpx2.Client) -> None:
    href = program(api)
    sent = made(
        api.post(f"/api/resources{href}/derc", json=[control(house, in_s=600 + 60 * one) for one in range(3)])
    )["hrefs"]
    assert api.post("/api/cancel", json={"events": [*sent, "/derp/1/derc/9999"]}).status_code == 404
    assert made(api.get(f"/api/resources{sent[0]}"), 200)["EventStatus"]["currentStatus"] == 0
    cancelled = made(api.post("/api/cancel", json={"events": sent, "reason": "rain"}), 200)
    assert {one["status"] for one in cancelled} == {"cancelled"}
    assert cancelled[0]["event"]["EventStatus"]["reason"] == "rain"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "hint"),
    [
        ("POST", "nowhere", {}, 404, "no place /nowhere"),
        ("POST", "derp/999/derc", {}, 404, "nothing at /derp/999"),
        ("POST", "derp", {"primacy": 256}, 422, "DERProgram/primacy: 256 is not between 0 and 255"),
        ("POST", "derp", {"Primacy": 1}, 422, "is primacy meant?"),
        ("POST", "derp", {}, 422, "primacy is required"),
        ("POST", "derp", {"primacy": "1"}, 422, "a whole number is wanted, not a string"),
        ("POST", "derp", [[]], 422, "an object is wanted"),
        ("POST", "derp", {"primacy": 1, "mRID": "0G"}, 422, "hexadecimal"),
        ("POST", "derp", {"primacy": 1, "description": "x" * 33}, 422, "33 octets, String32 holds 32"),
        ("POST", "derp/1/actderc", {}, 422, "is made by the server"),
        ("POST", "dcap", {}, 422, "is made by the server"),
        ("POST", "edev", {"sFDI": 1}, 422, "POST /api/devices"),
        ("PUT", "derp", {}, 422, "is a list"),
        ("PUT", "derp/999", {"primacy": 1}, 404, "nothing at /derp/999"),
        ("PATCH", "derp/999", {"primacy": 1}, 404, "nothing at /derp/999"),
        ("DELETE", "derp/999", None, 404, "nothing at /derp/999"),
        ("DELETE", "derp", None, 422, "remove its members"),
        ("GET", "derp?depp=1", None, 422, "there is no parameter 'depp'"),
        ("GET", "derp?deep=99", None, 422, "deep is a number from 0 to"),
        ("POST", "derp?dry_run=yes", {"primacy": 1}, 422, "dry_run is true or false"),
        ("POST", "upt?device=" + "AB" * 20, {"roleFlags": "00"}, 422, "is registered"),
        ("POST", "tp", {"primacy": 1, "serviceCategoryKind": 0, "RateComponent": {}}, 422, "array"),
        (
            "POST",
            "tp",
            {"primacy": 1, "serviceCategoryKind": 0, "RateComponent": [{"roleFlags": "00"}]},
            422,
            "ReadingType is required",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_said_with_the_path_to_it(
    api: httpx2.Client, method: str, path: str, body: Any, status: int, hint: str
) -> None:
    options = {} if body is None else {"json": body}
    refused = api.request(method, f"/api/resources/{path}", **options)
    assert refused.status_code == status, refused.text
    assert hint in refused.json()["error"]


def test_the_same_mrid_twice_in_a_list_is_refused(api: httpx2.Client) -> None:
    body = {"primacy": 1, "mRID": "00AA000000000000000000000000BB01"}
    assert api.post("/api/resources/derp", json=body).status_code == 201
    refused = api.post("/api/resources/derp", json=body)
    assert refused.status_code == 422
    assert "mRID already" in refused.json()["error"]


def test_the_table_tells_what_an_operator_writes(api: httpx2.Client) -> None:
    table = {one["name"]: one for one in api.get("/api/resources").json()}
    assert table["DERControlList"]["operator_writes"]
    assert table["DERControlList"]["list_of"] == "DERControl"
    assert not table["ActiveDERControlList"]["operator_writes"]
    assert not table["Time"]["operator_writes"]


def test_who_sees_a_resource_is_read_back(house: House, api: httpx2.Client) -> None:
    house.register(29)
    group = made(api.post("/api/groups", json={"description": "Pilot"}))["href"]
    account = {"currency": 840, "pricePowerOfTenMultiplier": 0, "CustomerAgreement": [{}]}
    own = made(api.post(f"/api/resources/bill?device={lfdi(29)}", json=account))["href"]
    program = {"primacy": 5, "DefaultDERControl": {"DERControlBase": {"opModMaxLimW": 1}}}
    closed = made(api.post(f"/api/resources/derp?group={group}", json=program))["href"]
    nobody = {"lfdi": None, "groups": []}
    for path, told in {
        "/derp/1": {"visible": "public", **nobody},
        "/derp/1/dderc": {"visible": "public", **nobody},
        f"{closed}/dderc": {"visible": "assigned", "lfdi": None, "groups": [group]},
        f"{own}/ca/1": {"visible": "device", "lfdi": lfdi(29), "groups": []},
    }.items():
        assert made(api.get(f"/api/visible{path}"), 200) == told, path
    assert api.put(f"/api/groups{group.removeprefix('/fsa')}/assigned{own}").status_code == 204
    assert made(api.get(f"/api/visible{own}"), 200)["groups"] == [group]
    for path in ("/derp/999", "/nonsense"):
        assert api.get(f"/api/visible{path}").status_code == 404
