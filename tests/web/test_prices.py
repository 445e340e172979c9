"""The walk to the price that GE's slides on IEEE 2030.5 show, over the wire, as a device makes it.

The server is a real one over TLS; its clock stands in January 2013. What it must answer is in
``tests/sep2/documents/2013-ge-*.xml``, and is compared by what it means: hrefs are the server's to choose.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from openesi.pki import Authority
from openesi.sep2 import model as sep
from openesi.sep2 import schema, xml
from openesi.sep2.editions import EDITIONS
from web.house import House

DOCUMENTS = Path(__file__).parent.parent / "sep2" / "documents"
CREATED, START, DAY = 1_357_430_400, 1_357_516_800, 86_400
Ask = Callable[[str], Any]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.ahead_s = CREATED - time.time()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def ask(house: House, tmp_path: Path) -> Iterator[Callable[[str], Ask]]:
    """Return what makes a device that speaks an edition: its GET over mutual TLS."""
    authority = Authority.open(tmp_path)
    with contextlib.ExitStack() as open_:

        def connect(edition: str) -> Ask:
            device = authority.issue_device(f"display-{edition}", now=datetime.now(UTC))
            body = {"lfdi": device.lfdi.hex(), "edition": edition}
            assert httpx2.post(f"{house.url}/api/devices", json=body).status_code == 201
            context = ssl.create_default_context(cafile=authority.ca)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0")
            context.load_cert_chain(device.cert, device.key)
            port = house.service.wire.port
            connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=10)
            open_.callback(connection.close)

            def get(target: str) -> Any:
                connection.request("GET", target, headers={"Accept": "application/sep+xml"})
                response = connection.getresponse()
                content = response.read()
                assert response.status == 200, (target, response.status)
                return xml.parse(content, EDITIONS[edition])

            return get

        yield connect


def interval(start: int, tier: int, price: int) -> dict[str, Any]:
    return {
        "description": "Standard Rate",
        "interval": {"start": start, "duration": 28_800},
        "randomizeDuration": 300,
        "randomizeStart": 300,
        "touTier": tier,
        "responseRequired": "00",
        "ConsumptionTariffInterval": [{"consumptionBlock": 1, "price": price, "startValue": 0}],
    }


def standard_rate() -> dict[str, Any]:
    """Return the tariff of the slides as the operator writes it: five intervals, the first one theirs."""
    first = interval(START, 1, 113_000) | {"mRID": "ef06fa23dc0a0f650000e566"}
    later = [interval(START + DAY * day, 1, 113_000 + day) for day in range(1, 5)]
    return {
        "mRID": "799794f4620b17e00000e566",
        "description": "Standard Rate",
        "currency": 840,
        "pricePowerOfTenMultiplier": -6,
        "primacy": 0,
        "rateCode": "FLAT",
        "serviceCategoryKind": 0,
        "RateComponent": [
            {
                "mRID": "fc000b07143d24fc0000e566",
                "description": "Standard Rate",
                "roleFlags": "0001",
                "ReadingType": {
                    "accumulationBehaviour": 9,
                    "commodity": 1,
                    "dataQualifier": 12,
                    "flowDirection": 1,
                    "kind": 37,
                    "numberOfConsumptionBlocks": 1,
                    "numberOfTouTiers": 1,
                    "phase": 0,
                    "powerOfTenMultiplier": 3,
                    "uom": 72,
                },
                "TimeTariffInterval": [first, *later],
            }
        ],
    }


def expected(name: str) -> Any:
    return xml.parse((DOCUMENTS / f"2013-ge-{name}.xml").read_bytes(), EDITIONS["2013"])


def says(served: Any, wanted: Any, where: str = "") -> Iterator[str]:
    """Yield what a document says otherwise than another; hrefs, and what only one of them says, are free."""
    for field in schema.fields(type(wanted)):
        one, other = getattr(wanted, field.name), getattr(served, field.name)
        place = f"{where}/{field.name}"
        if one is None or field.name == "href":
            continue
        if isinstance(one, tuple):
            if len(one) != len(other):
                yield f"{place}: {len(other)}"
            for left, right in zip(other, one, strict=False):
                yield from says(left, right, place)
        elif isinstance(one, sep.Sep):
            yield from says(other, one, place)
        elif isinstance(one, bytes):
            if int.from_bytes(one, "big") != int.from_bytes(other, "big"):
                yield f"{place}: {other.hex()}"
        elif one != other:
            yield f"{place}: {other}"


@pytest.mark.parametrize("edition", ["2013", "2018"])
def test_the_walk_to_the_price_is_answered_as_on_the_slides(
    house: House, ask: Callable[[str], Ask], edition: str
) -> None:
    made = httpx2.post(f"{house.url}/api/resources/tp", json=standard_rate())
    assert made.status_code == 201, made.text
    get = ask(edition)
    house.ahead_s += START + 60 - house.clock()

    capability = get("/dcap")
    tariffs = get(f"{capability.TariffProfileListLink.href}?l=255")
    components = get(f"{tariffs.TariffProfile[0].RateComponentListLink.href}?l=255")
    component = components.RateComponent[0]
    kind = get(component.ReadingTypeLink.href)
    active = get(f"{component.ActiveTimeTariffIntervalListLink.href}?l=255")
    blocks = get(f"{active.TimeTariffInterval[0].ConsumptionTariffIntervalListLink.href}?l=255")
    answers = (tariffs, components, kind, active, blocks)
    wanted = (
        "1-tariff-profile-list", "2-rate-component-list", "3-reading-type", "4-time-tariff-interval-list",
        "5-consumption-tariff-interval-list",
    )  # fmt: skip
    for answer, name in zip(answers, wanted, strict=True):
        assert list(says(answer, expected(name))) == [], name
    price, multiplier = (
        blocks.ConsumptionTariffInterval[0].price,
        tariffs.TariffProfile[0].pricePowerOfTenMultiplier,
    )
    assert price * 10.0**multiplier == pytest.approx(0.113)  # dollars a kWh

    # After the first time: only the interval and its blocks; between intervals there is no price, not 0.
    house.ahead_s += 28_800 + 600
    assert get(component.ActiveTimeTariffIntervalListLink.href).all == 0
    house.ahead_s += DAY - 28_800
    active = get(component.ActiveTimeTariffIntervalListLink.href)
    assert active.TimeTariffInterval[0].interval.start == START + DAY
    blocks = get(active.TimeTariffInterval[0].ConsumptionTariffIntervalListLink.href)
    assert blocks.ConsumptionTariffInterval[0].price == 113_001


def test_csip_aus_gets_all_intervals_of_a_tariff_with_their_blocks(
    house: House, ask: Callable[[str], Ask]
) -> None:
    tariff = standard_rate()
    feed_in = dict(tariff["RateComponent"][0], mRID="01", roleFlags="0008")
    feed_in["ReadingType"] = {**feed_in["ReadingType"], "flowDirection": 19}
    feed_in["TimeTariffInterval"] = [interval(START + 3_600, 1, -50_000)]
    tariff["RateComponent"].append(feed_in)
    assert httpx2.post(f"{house.url}/api/resources/tp", json=tariff).status_code == 201
    get = ask("csip-aus-1.3")

    profile = get("/tp").TariffProfile[0]
    assert profile.CombinedTimeTariffIntervalListLink.all == 6
    combined = get(f"{profile.CombinedTimeTariffIntervalListLink.href}?s=0&l=3")
    assert (combined.all, combined.results, combined.pollRate, combined.subscribable) == (6, 3, 60, 0)
    starts = [one.interval.start for one in combined.TimeTariffInterval]
    assert starts == [START, START + 3_600, START + DAY]
    export = combined.TimeTariffInterval[1]
    component = get(export.RateComponentLink.href)
    assert get(component.ReadingTypeLink.href).flowDirection == 19
    assert export.ConsumptionTariffIntervalListSummary.ConsumptionTariffInterval[0].price == -50_000
    late = get(f"{profile.CombinedTimeTariffIntervalListLink.href}?a={START + DAY}&l=9")
    assert [one.interval.start for one in late.TimeTariffInterval] == [START + DAY * day for day in (2, 3, 4)]
    assert get(f"{profile.CombinedTimeTariffIntervalListLink.href}?s=5&l=9").results == 1
    assert get("/tp/1/rc").subscribable == 1

    plain = ask("2018")
    assert plain("/tp").TariffProfile[0].CombinedTimeTariffIntervalListLink is None
    shown = plain("/tp/1/rc/1/tti").TimeTariffInterval[0]
    assert (shown.RateComponentLink, shown.ConsumptionTariffIntervalListSummary) == (None, None)
