"""Documents in, points out: the values of VOLTTRON's own test, and what SunSpec means by them."""

from __future__ import annotations

from typing import Any

import pytest

from openesi.sep2 import model as sep
from openesi.sep2.enums import InverterStatus
from openesi.sunspec import table, values
from openesi.sunspec.table import standard_table
from openesi.sunspec.values import Metered, Posted, Semantics
from sunspec.charger import DOCUMENTS, EXPECTED, LFDI, NOW, RAW, SFDI, charger


def test_all_26_points_of_the_documented_charger() -> None:
    assert values.read_points(standard_table(), charger(), Semantics.DOCUMENTED) == EXPECTED
    assert values.read_points(standard_table(), charger(), Semantics.RAW) == {**EXPECTED, **RAW}


def test_values_have_the_types_that_the_table_gives() -> None:
    found = values.read_points(standard_table(), charger(), Semantics.RAW)
    types = {"string": str, "int": int, "float": float, "bool": bool}
    for name, value in found.items():
        if value is not None:
            assert type(value) is types[standard_table()[name].type.value], name


def test_before_anything_was_posted_only_the_identity_is_known() -> None:
    found = values.read_points(standard_table(), Posted(lfdi=LFDI, sfdi=SFDI), Semantics.DOCUMENTED)
    assert {name: value for name, value in found.items() if value is not None} == {
        "b1_Opt": EXPECTED["b1_Opt"],
        "b1_SN": "097935300833",
    }


def test_a_device_cannot_claim_another_ones_lfdi() -> None:
    assert DOCUMENTS["DeviceInformation"].lFDI != LFDI  # type: ignore[attr-defined]
    assert (
        values.read_points(standard_table(), charger(), Semantics.DOCUMENTED)["b1_Opt"] == LFDI.hex().upper()
    )


def _status(**parts: Any) -> Posted:
    return Posted(lfdi=LFDI, sfdi=SFDI, documents={"DERStatus": sep.DERStatus(readingTime=NOW, **parts)})


def _state(inverter: int, connected: int | None = None) -> values.Value:
    parts: dict[str, Any] = {"inverterStatus": sep.InverterStatusType(dateTime=NOW, value=inverter)}
    if connected is not None:
        parts["storConnectStatus"] = sep.ConnectStatusType(dateTime=NOW, value=bytes((connected,)))
    return values.read_points(standard_table(), _status(**parts), Semantics.DOCUMENTED)["b802_State"]


def test_the_state_is_that_of_sunspec_802() -> None:
    assert [_state(one) for one in range(11)] == [None, 4, 4, 2, 3, 3, 1, 99, 4, 3, None]
    assert _state(InverterStatus.SLEEPING, connected=0) == 1
    assert _state(InverterStatus.SLEEPING, connected=1) == 4
    assert _state(InverterStatus.TRACKING_MPPT, connected=0) == 3


@pytest.mark.parametrize(("told", "documented"), [(0, 1), (1, 0)])
def test_sunspec_counts_local_and_remote_the_other_way_round(told: int, documented: int) -> None:
    posted = _status(localControlModeStatus=sep.LocalControlModeStatusType(dateTime=NOW, value=told))
    assert values.read_points(standard_table(), posted, Semantics.DOCUMENTED)["b802_LocRemCtl"] == documented
    assert values.read_points(standard_table(), posted, Semantics.RAW)["b802_LocRemCtl"] == told


def test_a_reading_type_without_multiplier_counts_as_it_is() -> None:
    posted = Posted(lfdi=LFDI, sfdi=SFDI, metered=(Metered("PhaseCurrentAvg", 24, sep.ReadingType()),))
    assert values.read_points(standard_table(), posted, Semantics.DOCUMENTED)["b113_A"] == 24.0


def test_devices_of_today_are_read_by_the_quantity_where_no_description_fits() -> None:
    volts = Metered("Voltage", 2301, sep.ReadingType(uom=29, powerOfTenMultiplier=-1))
    exported = Metered("Out", 7, sep.ReadingType(uom=72, flowDirection=19, powerOfTenMultiplier=3))
    posted = Posted(lfdi=LFDI, sfdi=SFDI, metered=(volts, exported))
    found = values.read_points(standard_table(), posted, Semantics.DOCUMENTED)
    assert (found["b113_DCV"], found["b122_ActWh"], found["b113_WH"]) == (230.1, 7000.0, None)
    assert values.read_points(standard_table(), posted, Semantics.RAW)["b113_DCV"] is None


def test_any_resource_and_field_by_path() -> None:
    rows = [
        {"Point": "left", "Resource": "PowerStatus", "Field": "PEVInfo.energyRequestNow", "Units": "Wh"},
        {"Point": "source", "Resource": "PowerStatus", "Field": "currentPowerSource"},
        {"Point": "target", "Resource": "PowerStatus", "Field": "PEVInfo.targetStateOfCharge"},
        {"Point": "who", "Resource": "DeviceInformation", "Field": "mfSerNum"},
        {"Point": "modes", "Resource": "DERCapability", "Field": "modesSupported"},
        {"Point": "raw_state", "Resource": "DERStatus", "Field": "inverterStatus.dateTime"},
        {"Point": "text", "Resource": "DERCapability", "Field": "rtgWh", "Type": "string"},
        {"Point": "unwritten", "Resource": "DeviceStatus", "Field": "opState"},
    ]
    found = values.read_points(table.parse_rows(rows), charger(), Semantics.DOCUMENTED)
    assert found == {
        "left": 6100.0,
        "source": 3,
        "target": 10.0,
        "who": "1234567890",
        "modes": 1,
        "raw_state": NOW,
        "text": "1230.0",
        "unwritten": None,
    }
