"""Billing and prepayment: whose it is, what is active when, credits that count once, supply that stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.xsd import print_schema
from openesi.server import groups
from openesi.server.functions.base import MAX_MEMBERS
from server.esi import START, Esi, hrefs, location
from server.hand import deep, merge, put, remove, write

OTHER = 2
DAY = 86_400


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path)
    server.register(1)
    server.register(OTHER)
    yield server
    server.close()


def span(start: int, days: int = 30) -> dict[str, int]:
    return {"start": start, "duration": days * DAY}


def money(value: int, multiplier: int = -2) -> dict[str, int]:
    return {"monetaryUnit": 840, "multiplier": multiplier, "value": value}


def reading_set(start: int, days: int, *readings: dict[str, Any]) -> dict[str, Any]:
    return {"timePeriod": span(start, days), "BillingReading": list(readings)}


def account(**fields: Any) -> dict[str, Any]:
    tier = {"touTier": 1, "value": 512, "Charge": [{"kind": 0, "value": 6_100}, {"kind": 1, "value": -250}]}
    agreement = {
        "serviceLocation": "1 Main Street",
        "serviceAccount": "A-17",
        "BillingPeriod": [
            {"interval": span(START - 30 * DAY), "billToDate": 11_500},
            {"interval": span(START), "billToDate": 40, "billLastPeriod": 11_500},
        ],
        "ProjectionReading": [
            {
                "description": "This month",
                "ReadingType": {"uom": 72, "commodity": 1, "numberOfTouTiers": 2},
                "BillingReadingSet": [reading_set(START + DAY, 30, tier, {"touTier": 0, "value": 900})],
            }
        ],
        "TargetReading": [{"description": "Less than last year"}],
        "HistoricalReading": [
            {"description": "Last month", "BillingReadingSet": [reading_set(START, -0 + 1)]}
        ],
    }
    values = {
        "currency": 840,
        "pricePowerOfTenMultiplier": -2,
        "customerName": "Ada",
        "ServiceSupplier": {"description": "The utility", "phone": "+1 555 0100", "providerID": 37244},
        "CustomerAgreement": [agreement],
    }
    return values | fields


# --- billing -----------------------------------------------------------------------------------------------


def test_an_account_with_all_below_it_is_shown_to_its_device_alone(esi: Esi) -> None:
    path = write(esi, "/bill", account(), device=1)
    valid = etree.XMLSchema(etree.fromstring(print_schema().encode()))
    waiting, seen = {path}, set()
    while waiting:
        href = waiting.pop()
        seen.add(href)
        answer = esi.ask("GET", f"{href}?l=255")
        assert answer.status == 200, href
        valid.assertValid(etree.fromstring(answer.body))
        waiting |= {one for one in hrefs(answer.body) if one.startswith(path)} - seen
        assert esi.ask("GET", href, device=OTHER).status == 404

    assert {one.rpartition("/ca/1/")[2] for one in seen} >= {
        "actbp", "bp", "actpro", "pro", "acttar", "tar", "ver", "pro/1/rt", "pro/1/brs/1/br",
    }  # fmt: skip
    assert esi.get("/bill?l=9").all == 1
    assert esi.get("/bill?l=9", device=OTHER).all == 0
    charge = esi.get(f"{path}/ca/1/pro/1/brs/1/br?l=9").BillingReading[1].Charge
    assert [(one.kind, one.value) for one in charge] == [(0, 6_100), (1, -250)]
    assert (
        deep(esi, path)["CustomerAgreement"][0]["ProjectionReading"][0]["ReadingType"]["numberOfTouTiers"]
        == 2
    )


def test_an_account_of_several_devices_is_assigned_to_their_group(esi: Esi) -> None:
    path = write(esi, "/bill", account())
    assert esi.ask("GET", path).status == 404
    group = esi.change(lambda tx: groups.add_group(tx, "Ada's house", settings=esi.settings))
    for device in ("/edev/1", "/edev/2"):
        esi.change(lambda tx, device=device: groups.join(tx, group, tx.get(device)))
    esi.change(lambda tx: groups.assign(tx, group, path))

    for device in (1, OTHER):
        assert esi.get(f"{group}/bill?l=9", device=device).CustomerAccount[0].href == path
        assert esi.ask("GET", f"{path}/ca/1/bp", device=device).status == 200
    esi.register(3)
    assert esi.ask("GET", f"{path}/ca/1/bp", device=3).status == 404


def test_periods_and_projections_are_active_in_their_span_to_the_second(esi: Esi) -> None:
    agreement = write(esi, "/bill", account(), device=1) + "/ca/1"

    def active(name: str) -> int:
        return esi.get(f"{agreement}/{name}?l=9").all

    assert [one.interval.start for one in esi.get(f"{agreement}/bp?l=9").BillingPeriod] == [
        START,
        START - 30 * DAY,
    ]
    assert esi.get(f"{agreement}/actbp?l=9").BillingPeriod[0].interval.start == START
    assert (active("actbp"), active("actpro"), active("acttar")) == (1, 0, 0)
    assert esi.get(agreement).ActiveProjectionReadingListLink.all == 0
    esi.now = START + DAY - 0.5
    assert active("actpro") == 0
    esi.now = START + DAY
    assert active("actpro") == 1
    assert esi.get(agreement).ActiveProjectionReadingListLink.all == 1
    merge(esi, f"{agreement}/pro/1", {"description": "Seen anew"})
    assert esi.get(f"{agreement}/actpro?l=9").ProjectionReading[0].description == "Seen anew"
    esi.now = START + 30 * DAY
    assert (active("actbp"), active("actpro")) == (0, 1)
    esi.restart()
    esi.now = START + 31 * DAY
    assert (active("actbp"), active("actpro")) == (0, 0)
    write(esi, f"{agreement}/pro/1/brs", reading_set(START + 31 * DAY, 1))
    assert active("actpro") == 1
    remove(esi, f"{agreement}/pro/1/brs/2")
    assert active("actpro") == 0
    assert active("pro") == 1


def test_a_clock_that_is_set_forward_and_back_leaves_no_trace_but_in_the_log(esi: Esi) -> None:
    agreement = write(esi, "/bill", account(), device=1) + "/ca/1"
    path = prepaid(esi)
    esi.post(f"{path}/cr", credit(effectiveTime=START + 60))
    write(esi, f"{path}/si", {"interval": {"start": START, "duration": 600}})
    assert esi.get(f"{path}/actsi").all == 1

    esi.now = START + 40 * DAY
    assert (esi.get(f"{agreement}/actbp").all, esi.get(f"{path}/actsi").all) == (0, 0)
    assert balance(esi, path) == (3_000, 0)
    esi.now = START + 30
    esi.runner.run(esi.application.note_clock_step(-40.0 * DAY))
    assert (esi.get(f"{agreement}/actbp").all, esi.get(f"{path}/actsi").all) == (1, 1)
    assert esi.get(f"{agreement}/actpro").all == 0
    esi.now = START + DAY
    assert esi.get(f"{agreement}/actpro").all == 1
    assert esi.get(f"{path}/actsi").all == 0
    assert balance(esi, path) == (3_000, 0)  # counted once


@pytest.mark.parametrize(
    ("name", "key"),
    [("customerName", "customerName"), ("mRID", "mRID")],
)
def test_accounts_are_ordered_by_name_then_by_mrid(esi: Esi, name: str, key: str) -> None:
    for value in ("AA", "CC", "BB"):
        write(esi, "/bill", account(**{name: value}), device=1)
    shown = [getattr(one, key) for one in esi.get("/bill?l=9").CustomerAccount]

    assert shown == sorted(shown, reverse=name == "mRID")


BAD_ACCOUNTS = {
    "unknown field": {"customerNames": "Ada"},
    "currency out of bounds": {"currency": 65_536},
    "name too long": {"customerName": "é" * 22},
    "no duration": {"CustomerAgreement": [{"BillingPeriod": [{"interval": span(START, 0)}]}]},
    "tier beyond its type": {
        "CustomerAgreement": [
            {
                "TargetReading": [
                    {
                        "ReadingType": {"numberOfTouTiers": 2},
                        "BillingReadingSet": [reading_set(START, 1, {"touTier": 3, "value": 1})],
                    }
                ]
            }
        ]
    },
    "tier missing": {
        "CustomerAgreement": [
            {
                "HistoricalReading": [
                    {
                        "ReadingType": {"numberOfTouTiers": 2},
                        "BillingReadingSet": [reading_set(START, 1, {"value": 1})],
                    }
                ]
            }
        ]
    },
    "charge out of bounds": {
        "CustomerAgreement": [
            {
                "TargetReading": [
                    {"BillingReadingSet": [reading_set(START, 1, {"Charge": [{"value": 2**31}]})]}
                ]
            }
        ]
    },
    "link to nothing": {"CustomerAgreement": [{"UsagePointLink": {"href": "/upt/99"}}]},
    "link to another kind": {"CustomerAgreement": [{"TariffProfileLink": {"href": "/derp/1"}}]},
}


@pytest.mark.parametrize("fields", BAD_ACCOUNTS.values(), ids=BAD_ACCOUNTS)
def test_accounts_that_make_no_sense_are_refused_whole(esi: Esi, fields: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        write(esi, "/bill", account(**fields), device=1)

    assert esi.get("/bill").all == 0


@pytest.mark.parametrize("name", ["actbp", "actpro", "acttar"])
def test_active_lists_take_no_members(esi: Esi, name: str) -> None:
    agreement = write(esi, "/bill", account(), device=1) + "/ca/1"

    with pytest.raises(LocalError, match="made by the server"):
        write(esi, f"{agreement}/{name}", {})


# --- prepayment --------------------------------------------------------------------------------------------


def prepaid(esi: Esi, *, cents: int = 1_000, mode: int = 1, **fields: Any) -> str:
    values = {
        "prepayMode": mode,
        "lowCreditWarningLevel": money(500),
        "AccountBalance": {"availableCredit": money(cents)},
        "PrepayOperationStatus": {"serviceStatus": 0},
    }
    return write(esi, "/ppy", values | fields, device=1)


def credit(token: str = "0000-1111", *, number: int = 1, **fields: Any) -> sep.CreditRegister:
    values = {
        "mRID": number.to_bytes(16, "big"),
        "creditAmount": sep.AccountingUnit(**money(20, 0)),
        "effectiveTime": START,
        "token": token,
    }
    return sep.CreditRegister(**(values | fields))


def balance(esi: Esi, path: str) -> tuple[int, int]:
    shown = esi.get(f"{path}/ab")
    return shown.availableCredit.value, shown.creditStatus


def test_a_credit_that_a_device_posts_counts_once_and_at_its_time(esi: Esi) -> None:
    path = prepaid(esi, cents=100)
    assert balance(esi, path) == (100, 1)
    posted = esi.post(f"{path}/cr", credit())
    later = esi.post(f"{path}/cr", credit("later", number=2, effectiveTime=START + 60))

    assert (posted.status, later.status) == (201, 201)
    assert balance(esi, path) == (2_100, 0)
    assert location(esi.post(f"{path}/cr", credit())) == location(posted)
    assert balance(esi, path) == (2_100, 0)
    assert [one.token for one in esi.get(f"{path}/actcr?l=9").CreditRegister] == ["0000-1111"]
    esi.now = START + 59
    assert balance(esi, path) == (2_100, 0)
    esi.restart()
    esi.now = START + 60
    assert balance(esi, path) == (4_100, 0)
    esi.now = START
    esi.restart()
    esi.now = START + 120
    assert balance(esi, path) == (4_100, 0)
    assert [one.token for one in esi.get(f"{path}/cr?l=9").CreditRegister] == ["later", "0000-1111"]
    assert esi.get(f"{path}/actcr?l=9").all == 2


def test_a_token_is_used_once_in_all_accounts_and_after_its_record_is_gone(esi: Esi) -> None:
    path, second = prepaid(esi), prepaid(esi)
    made = location(esi.post(f"{path}/cr", credit()))

    assert esi.post(f"{path}/cr", credit(number=7)).status == 400
    assert esi.post(f"{second}/cr", credit()).status == 400
    assert esi.post(f"{path}/cr", credit("another")).status == 400  # the same mRID
    remove(esi, made)
    assert esi.post(f"{path}/cr", credit()).status == 400
    with pytest.raises(LocalError, match="was used"):
        write(esi, f"{path}/cr", {"creditAmount": money(1), "effectiveTime": START, "token": "0000-1111"})
    assert balance(esi, path) == (3_000, 0)
    assert balance(esi, second) == (1_000, 0)


def test_a_credit_to_come_can_be_called_off(esi: Esi) -> None:
    path = prepaid(esi)
    values = {"creditAmount": money(100), "effectiveTime": START + 60, "token": "x"}
    remove(esi, write(esi, f"{path}/cr", values))
    esi.now = START + 100
    assert balance(esi, path) == (1_000, 0)
    write(esi, f"{path}/cr", values)
    assert balance(esi, path) == (1_100, 0)
    with pytest.raises(LocalError, match="does not change"):
        merge(esi, f"{path}/cr/2", {"description": "more"})


BAD_CREDITS = {
    "nothing": {"creditAmount": sep.AccountingUnit(**money(0))},
    "negative": {"creditAmount": sep.AccountingUnit(**money(-5))},
    "another currency": {"creditAmount": sep.AccountingUnit(**money(5) | {"monetaryUnit": 978})},
    "beyond 32 bits": {"creditAmount": sep.AccountingUnit(**money(2**31 - 1, 9))},
    "a scale nobody knows": {"creditAmount": sep.AccountingUnit(**money(1, 100))},
    "reserved type": {"creditType": 9},
    "in ten years": {"effectiveTime": START + 3_650 * DAY},
}


@pytest.mark.parametrize("fields", BAD_CREDITS.values(), ids=BAD_CREDITS)
def test_credits_that_cannot_count_are_refused(esi: Esi, fields: dict[str, Any]) -> None:
    path = prepaid(esi)

    assert esi.post(f"{path}/cr", credit(**fields)).status == 400
    assert balance(esi, path) == (1_000, 0)
    assert esi.get(f"{path}/cr").all == 0


@pytest.mark.parametrize(("mode", "status"), [(0, 403), (1, 201), (2, 201), (3, 403)])
def test_devices_top_up_only_where_the_account_is_not_the_suppliers(esi: Esi, mode: int, status: int) -> None:
    path = prepaid(esi, mode=mode)

    assert esi.post(f"{path}/cr", credit()).status == status
    assert esi.post(f"{path}/cr", credit("mine"), device=OTHER).status == 404
    for name in ("ab", "os"):
        assert esi.ask("PUT", f"{path}/{name}", b"<x/>").status == 405


def test_one_device_cannot_fill_the_server_with_credits(esi: Esi) -> None:
    path = prepaid(esi)

    def fill(tx: Any) -> None:
        from openesi.server.functions.base import insert_member

        for number in range(MAX_MEMBERS):
            insert_member(tx, f"{path}/cr", credit(str(number), number=number + 10))

    esi.change(fill)
    assert esi.post(f"{path}/cr", credit("one more")).status == 400


def test_the_status_of_the_credit_follows_its_levels(esi: Esi) -> None:
    path = prepaid(esi, cents=600)
    assert balance(esi, path) == (600, 0)
    merge(esi, path, {"lowCreditWarningLevel": money(10, 0)})
    assert balance(esi, path) == (600, 1)
    merge(esi, path, {"creditExpiryLevel": money(6, 0)})
    assert balance(esi, path) == (600, 2)
    put(esi, f"{path}/ab", {"availableCredit": money(-1), "emergencyCredit": money(5)})
    shown = esi.get(f"{path}/ab")
    assert (shown.creditStatus, shown.emergencyCreditStatus) == (3, 0)
    with pytest.raises(LocalError, match="monetaryUnit"):
        merge(esi, path, {"lowCreditWarningLevel": money(10) | {"monetaryUnit": 36}})


def test_supply_is_not_cut_inside_an_override(esi: Esi) -> None:
    path = prepaid(esi)
    planned = {"serviceStatus": 0, "serviceChange": {"newStatus": 1, "startTime": START + 100}}
    put(esi, f"{path}/os", planned)
    write(esi, f"{path}/si", {"description": "Heat wave", "interval": {"start": START + 50, "duration": 100}})

    assert esi.get(f"{path}/os").serviceChange.startTime == START + 150
    assert esi.get(f"{path}/actsi?l=9").all == 0
    esi.now = START + 50
    assert esi.get(f"{path}/actsi?l=9").SupplyInterruptionOverride[0].description == "Heat wave"
    with pytest.raises(LocalError, match="override"):
        put(esi, f"{path}/os", {"serviceStatus": 1})
    esi.now = START + 149
    assert esi.get(f"{path}/os").serviceStatus == 0
    esi.now = START + 150
    assert esi.get(f"{path}/actsi?l=9").all == 0
    shown = esi.get(f"{path}/os")
    assert (shown.serviceStatus, shown.serviceChange) == (1, None)


def test_what_is_planned_for_a_service_happens_at_its_second(esi: Esi) -> None:
    change = {"newType": 1, "startTime": START + 10}
    status = {"serviceStatus": 0, "creditTypeInUse": 0, "creditTypeChange": change}
    path = prepaid(esi, PrepayOperationStatus=status)

    assert esi.get(f"{path}/os").creditTypeInUse == 0
    esi.now = START + 10
    shown = esi.get(f"{path}/os")
    assert (shown.creditTypeInUse, shown.creditTypeChange) == (1, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"AccountBalance": None},
        {"PrepayOperationStatus": None},
        {"prepayMode": 256},
        {"prepayMode": 4},
        {"prepayMode": "ESI"},
        {"Token": "x"},
        {"lowCreditWarningLevel": money(1) | {"monetaryUnit": 36}},
        {"SupplyInterruptionOverride": [{"interval": {"start": START, "duration": 0}}]},
    ],
    ids=str,
)
def test_prepaid_accounts_that_make_no_sense_are_refused(esi: Esi, fields: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        prepaid(esi, **fields)

    assert esi.get("/ppy").all == 0


def test_what_is_no_credit_is_refused(esi: Esi) -> None:
    path = prepaid(esi)
    right = xml.serialize(credit())
    for wrong in (
        right.replace(b"<token>0000-1111</token>", b""),
        right.replace(b"0000-1111", b"x" * 33),
        xml.serialize(sep.SupportedLocale(locale="en")),
    ):
        assert esi.ask("POST", f"{path}/cr", wrong).status == 400, wrong
    assert balance(esi, path) == (1_000, 0)


def test_what_the_documentation_shows_is_taken(esi: Esi) -> None:
    page = (Path(__file__).parents[2] / "docs" / "accounts.md").read_text()
    projection, gas = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL))
    agreement = write(esi, "/bill", account(), device=1) + "/ca/1"
    made = write(esi, f"{agreement}/pro", projection)
    assert esi.get(f"{made}/brs/1/br/1").Charge[0].value == 6_100
    point = write(esi, "/upt", gas, device=1)
    assert esi.get(f"{point}/mr/1/r").value == 12_345


def test_an_agreement_names_no_tariff_or_meter_that_was_removed(esi: Esi) -> None:
    meter = write(esi, "/upt", {"roleFlags": "00", "serviceCategoryKind": 0, "status": 1}, device=1)
    tariff = write(esi, "/tp", {"primacy": 1, "serviceCategoryKind": 0})
    links = {"UsagePointLink": {"href": meter}, "TariffProfileLink": {"href": tariff}}
    path = write(esi, "/bill", account(CustomerAgreement=[links]), device=1) + "/ca/1"
    assert hrefs(esi.ask("GET", path, device=1).body) >= {meter, tariff}
    remove(esi, tariff)
    assert hrefs(esi.ask("GET", path, device=1).body) & {meter, tariff} == {meter}
    remove(esi, meter)
    assert not hrefs(esi.ask("GET", path, device=1).body) & {meter, tariff}
