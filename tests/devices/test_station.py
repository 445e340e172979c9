"""A charging station: what it draws under what it is told, and what it says of itself."""

from __future__ import annotations

import pytest

from openesi.client.der import Orders
from openesi.client.device import DERDevice, MeteredDevice, PoweredDevice
from openesi.devices.station import EFFICIENCY, ChargingStation
from openesi.sep2 import model as sep
from openesi.sep2 import validate, xml
from openesi.sep2.enums import InverterStatus, StorageModeStatus

NOW = 1_800_000_000


def told(**modes: object) -> Orders:
    return Orders(base=sep.DERControlBase(**modes), events={b"1": tuple(modes)})  # type: ignore[arg-type]


def after(station: ChargingStation, seconds: int) -> ChargingStation:
    for second in range(seconds + 1):
        station.advance(NOW + second)
    return station


@pytest.mark.parametrize(
    ("modes", "power_w"),
    [
        ({}, 7_400),
        ({"opModFixedW": -10_000}, 7_400),
        ({"opModFixedW": -2_500}, 1_850),
        ({"opModFixedW": 0}, 0),
        ({"opModFixedW": 5_000}, 0),
        ({"opModConnect": False}, 0),
        ({"opModEnergize": False, "opModFixedW": -2_500}, 0),
    ],
)
def test_it_draws_what_it_is_told(modes: dict[str, object], power_w: float) -> None:
    station = ChargingStation()
    station.obey(told(**modes))
    after(station, 60)
    assert station.readings("")["PhasePowerAvg"] == power_w
    assert station.energy_wh == pytest.approx(power_w / 60)
    assert station.stored_wh == pytest.approx(18_000 + power_w * EFFICIENCY / 60)


def test_it_stops_when_the_vehicle_has_what_it_wants() -> None:
    station = after(ChargingStation(stored_share=0.7999), 60)
    assert station.power_w == 0
    status = station.status(NOW)
    assert status.inverterStatus is not None
    assert status.inverterStatus.value == InverterStatus.STANDBY
    assert status.storageModeStatus is not None
    assert status.storageModeStatus.value == StorageModeStatus.HOLDING


def test_a_clock_that_was_set_is_not_lived_through() -> None:
    station = after(ChargingStation(), 1)
    station.advance(NOW + 86_400)
    assert station.stored_wh < 18_100


def test_all_that_it_says_is_as_the_standard_wants_it() -> None:
    station = after(ChargingStation(), 10)
    assert isinstance(station, DERDevice)
    assert isinstance(station, MeteredDevice)
    assert isinstance(station, PoweredDevice)
    for document in (
        station.information(bytes(20)),
        station.capability(),
        station.settings(),
        station.status(NOW),
        station.availability(NOW),
        station.power_status(NOW),
    ):
        assert xml.parse(xml.serialize(document)) == document
        assert validate.problems(document) == [], type(document).__name__
