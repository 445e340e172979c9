"""CSIP-AUS test procedures for servers, what 1.3 adds: storage and prices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.aus import base_of, ready, watts
from conformance.lab import Lab, lab_in
from conformance.wire import child, children, link, number, scaled, text


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_in(Path(tmp_path_factory.mktemp("aus13")), "csip-aus-1.3") as made:
        yield made


def test_S_STO_03_a_storage_target_and_an_export_limit(lab: Lab) -> None:
    site = ready(lab)
    ratings = {
        "modesEnabled": "00000001",
        "setGradW": 1_000,
        "setMaxW": watts(5_000),
        "setMaxWh": watts(10_000),
    }
    ratings |= {"updatedTime": site.plant.now(), "aus:vppModesEnabled": "01", "aus:setMinWh": watts(0)}
    place = link(site.plant.der(), "DERSettingsLink")
    site.plant.wire.put(place, "DERSettings", ratings)
    assert text(site.plant.wire.get(place), "vppModesEnabled") == "01"
    base = base_of({"opModExpLimW": 10_000}) | {"opModStorageTargetW": watts(-2_500)}
    site.control("P", "storage", 300, 300, base, responseRequired="03")
    site.at(0)
    shown = child(site.plant.control("storage").document, "DERControlBase/opModStorageTargetW")
    assert scaled(shown) == -2_500
    assert site.at(300)["opModStorageTargetW"] == "0 -2500"
    site.at(600)
    assert site.heard("storage") == [1, 2, 3]


def test_S_PRC_01_all_intervals_of_a_tariff_in_one_list(lab: Lab) -> None:
    plant = lab.plant()
    group = lab.utility.group("prices", plant.lfdi)
    now = lab.now

    def component(*prices: int) -> dict[str, Any]:
        intervals = [
            {
                "interval": {"start": now + 10 * n, "duration": 10},
                "touTier": 0,
                "ConsumptionTariffInterval": [{"consumptionBlock": 0, "startValue": 0, "price": price}],
            }
            for n, price in enumerate(prices)
        ]
        kind = {"commodity": 2, "flowDirection": 1, "uom": 72}
        return {"roleFlags": "00", "ReadingType": kind, "TimeTariffInterval": intervals}

    tariff = {"primacy": 1, "serviceCategoryKind": 0, "currency": 36, "pricePowerOfTenMultiplier": -3}
    tariff |= {"RateComponent": [component(100, 150), component(200)]}
    lab.utility.add("/tp", tariff, group=group)
    lab.utility.rates(TariffProfileList=300, TimeTariffIntervalList=120)
    (assignment,) = [one for one in plant.assignments() if text(one, "description") == "prices"]
    listing = plant.wire.get(link(assignment, "TariffProfileListLink") + "?l=9")
    assert listing.get("pollRate") == "300"
    (profile,) = children(listing, "TariffProfile")
    combined = plant.wire.get(link(profile, "CombinedTimeTariffIntervalListLink") + "?l=255")
    assert combined.get("pollRate") == "120"
    intervals = children(combined, "TimeTariffInterval")
    assert len(intervals) == 3
    components = plant.wire.members(link(profile, "RateComponentListLink"))
    assert len(components) == 2
    for interval in intervals:
        assert plant.wire.get(link(interval, "RateComponentLink")) is not None
        summary = child(interval, "ConsumptionTariffIntervalListSummary")
        assert number(summary, "ConsumptionTariffInterval/price") in (100, 150, 200)
    assert len({link(one, "RateComponentLink") for one in intervals}) == 2
    lab.reach(now + 30)
    assert plant.wire.members(link(profile, "CombinedTimeTariffIntervalListLink")) == []
