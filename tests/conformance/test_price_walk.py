"""The walk from a tariff to the price that holds now: ten messages, first with all, later with the last two.

What the utility offers is the example in GE's overview of the standard of 2013: a flat rate, 0.113 USD/kWh.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.lab import Lab, lab_in, schema
from conformance.plant import Plant
from conformance.wire import Element, child, children, hrefs, link, name_of, number, text

BEGIN = 1_357_516_800  # 2013-01-07
PAST = BEGIN - 86_400

TARIFF: dict[str, Any] = {
    "mRID": "799794F4620B17E00000E566",
    "description": "Standard Rate",
    "currency": 840,
    "pricePowerOfTenMultiplier": -6,
    "primacy": 0,
    "rateCode": "FLAT",
    "serviceCategoryKind": 0,
}
COMPONENT: dict[str, Any] = {
    "mRID": "FC000B07143D24FC0000E566",
    "description": "Standard Rate",
    "roleFlags": "01",
}
READING: dict[str, Any] = {
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
}
INTERVAL: dict[str, Any] = {
    "mRID": "EF06FA23DC0A0F650000E566",
    "description": "Standard Rate",
    "creationTime": PAST,
    "interval": {"duration": 28_800, "start": BEGIN},
    "randomizeDuration": 300,
    "randomizeStart": 300,
    "touTier": 1,
}
PRICE: dict[str, Any] = {"consumptionBlock": 1, "price": 113_000, "startValue": 0}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_in(Path(tmp_path_factory.mktemp("prices"))) as made:
        made.reach(BEGIN - 3_600)
        yield made


def display(lab: Lab, edition: str) -> Plant:
    """Return a display that speaks an edition."""
    plant = lab.plant()
    lab.utility.change_device(plant.lfdi, edition=edition)
    plant.wire.schema = schema(edition)
    return plant


@pytest.fixture(scope="module", autouse=True)
def tariff(lab: Lab) -> str:
    later = {
        "interval": {"duration": 28_800, "start": BEGIN + 28_800},
        "touTier": 1,
        "ConsumptionTariffInterval": [{"consumptionBlock": 1, "price": 226_000, "startValue": 0}],
    }
    now = INTERVAL | {"ConsumptionTariffInterval": [PRICE]}
    component = COMPONENT | {"ReadingType": READING, "TimeTariffInterval": [now, later]}
    return lab.utility.add("/tp", TARIFF | {"RateComponent": [component]})


def says(element: Element, fields: dict[str, Any]) -> None:
    """Check that a document says what was offered."""
    for name, value in fields.items():
        found = child(element, name)
        assert found is not None, f"{name_of(element)} has no {name}"
        if isinstance(value, dict):
            says(found, value)
        elif name in ("mRID", "roleFlags"):
            assert int(found.text, 16) == int(value, 16)
        else:
            assert found.text == str(value), name


def only(element: Element) -> Element:
    """Return the one member of a list of one."""
    assert (element.get("all"), element.get("results")) == ("1", "1")
    (one,) = children(element, name_of(element).removesuffix("List"))
    return one


@pytest.mark.parametrize("edition", ["2018", "2013", "2.0.4", "2023", "csip-aus-1.3"])
def test_the_walk(lab: Lab, edition: str) -> None:
    lab.reach(BEGIN + 60)
    plant = display(lab, edition)
    wire = plant.wire
    found = only(wire.get(link(plant.dcap(), "TariffProfileListLink")))  # 1, 2
    says(found, TARIFF)
    component = only(wire.get(link(found, "RateComponentListLink")))  # 3, 4
    says(component, COMPONENT)
    assert child(component, "TimeTariffIntervalListLink").get("all") == "2"
    kind = wire.get(link(component, "ReadingTypeLink"))  # 5, 6
    says(kind, READING)
    if edition == "2023":  # it has given up lists of what is active
        assert child(component, "ActiveTimeTariffIntervalListLink") is None
        (interval,) = [
            one
            for one in wire.members(link(component, "TimeTariffIntervalListLink"))
            if number(one, "EventStatus/currentStatus") == 1
        ]
    else:
        active = wire.get(link(component, "ActiveTimeTariffIntervalListLink"))  # 7, 8
        assert active.get("subscribable") == "1"
        interval = only(active)
    says(interval, INTERVAL)
    unsure = "true" if edition == "2023" else "false"  # there it says nothing any more
    status = {"currentStatus": 1, "dateTime": BEGIN, "potentiallySuperseded": unsure}
    says(interval, {"EventStatus": status})
    block = only(wire.get(link(interval, "ConsumptionTariffIntervalListLink")))  # 9, 10
    says(block, PRICE)
    per_kwh = number(block, "price") * 10.0 ** number(found, "pricePowerOfTenMultiplier")
    assert round(per_kwh, 6) == 0.113
    assert all(wire.ask("GET", href).status == 200 for href in hrefs(interval) if href.startswith("/"))


def test_later_only_what_is_active_is_asked_for(lab: Lab, tariff: str) -> None:
    lab.reach(BEGIN + 60)
    wire = display(lab, "2018").wire
    component = only(wire.get(f"{tariff}/rc"))
    place = link(component, "ActiveTimeTariffIntervalListLink")
    for moment, price in ((BEGIN + 60, "113000"), (BEGIN + 28_800, "226000")):
        lab.reach(moment)
        # The first is randomized: it may hold for up to ten minutes beside the second.
        seen = [
            text(one, "price")
            for interval in wire.members(place)
            for one in wire.members(link(interval, "ConsumptionTariffIntervalListLink"))
        ]
        assert price in seen
    lab.reach(BEGIN + 3 * 28_800)
    assert wire.members(place) == [], "no interval for now: the price is not known"


def test_an_interval_is_superseded_with_its_prices(lab: Lab) -> None:
    now = lab.now
    interval = {
        "interval": {"start": now, "duration": 600},
        "touTier": 0,
        "ConsumptionTariffInterval": [PRICE],
    }
    component = {"roleFlags": "00", "ReadingType": READING, "TimeTariffInterval": [interval]}
    href = lab.utility.add("/tp", TARIFF | {"mRID": "AA" * 16, "RateComponent": [component]})
    wire = display(lab, "2018").wire
    place = f"{href}/rc/1/acttti"
    (old,) = wire.members(place)
    same = lab.utility.supersede(old.get("href"), touTier=1)
    (shown,) = wire.members(place)
    assert shown.get("href") == same
    says(only(wire.get(link(shown, "ConsumptionTariffIntervalListLink"))), PRICE)
    dearer = lab.utility.supersede(same, ConsumptionTariffInterval=[PRICE | {"price": 500_000}])
    (shown,) = wire.members(place)
    assert shown.get("href") == dearer
    assert number(only(wire.get(link(shown, "ConsumptionTariffIntervalListLink"))), "price") == 500_000
