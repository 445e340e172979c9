from __future__ import annotations

import re
from enum import Enum, IntFlag
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.errors import LocalError
from openesi.sep2 import enums, model, schema
from openesi.sep2.enums.fields import BY_FIELD, BY_TYPE
from openesi.sep2.model import DERControlBase, DERSettings

# The numbers of the standard, written once more and apart from the code.
VALUES: dict[str, str] = {
    "EventState": "0 1 2 3 4 5",
    "ResponseStatus": "1 2 3 4 5 6 7 8 9 10 11 12 13 14 252 253 254",
    "ResponseStatus2023": "12 13 14 251",
    "DERType": "0 1 2 3 4 5 6 80 81 82 83",
    "DERUnitRef": "0 1 2 3 4 5 6 7 8",
    "InverterStatus": "0 1 2 3 4 5 6 7 8 9 10",
    "OperatingState": "0 1 2 3 4 5 6 7",
    "TimeQuality": "3 4 5 6 7",
    "LogFunctionSet": " ".join(map(str, range(20))),
    "FileState": "0 1 2 3 4 5 6 7 8",
    "NotificationStatus": "0 1 2 3 4",
    "ReasonCode": "0 1 2 3 4",
    "Unit": " ".join(map(str, range(13))),
    "AccumulationBehaviour": "0 3 4 6 9 12",
    "Commodity": "0 1 2 4 7 8 9 10 11 12 13",
    "DataQualifier": "0 2 8 9 12 29 30",
    "FlowDirection": "0 1 19",
    "Kind": "0 3 8 12 37",
    "Phase": "0 32 33 40 64 65 66 128 129 132 224",
    "Uom": "0 5 6 23 29 31 33 38 42 61 63 65 67 69 71 72 73 106 119 122 125 128 129 130 131 132 133 134"
    " 137 140 155 169",
    "Tou": " ".join(map(str, range(16))),
    "ConsumptionBlock": " ".join(map(str, range(17))),
}
BITS: dict[str, int] = {
    "ResponseRequired": 3,
    "DeviceCategory": 27,
    "FunctionsImplemented": 21,
    "DERControlMode": 32,
    "DERControlMode2": 10,
    "DefaultDERControlSetting": 9,
    "AlarmStatus": 11,
    "ConnectStatus": 5,
    "ConnectStatus2": 2,
    "RoleFlag": 7,
    "QualityFlag": 7,
    "DoeMode": 4,
    "VppMode": 1,
}


@pytest.mark.parametrize(("name", "numbers"), VALUES.items())
def test_an_enumeration_has_the_numbers_of_the_standard(name: str, numbers: str) -> None:
    assert sorted(getattr(enums, name)) == [int(number) for number in numbers.split()]


@pytest.mark.parametrize(("name", "count"), BITS.items())
def test_a_bitmap_has_the_bits_of_the_standard(name: str, count: int) -> None:
    assert [int(bit) for bit in getattr(enums, name)] == [1 << n for n in range(count)]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (enums.EventState.CANCELLED_WITH_RANDOMIZATION, 3),
        (enums.ResponseStatus.SUPERSEDED, 7),
        (enums.ResponseStatus.REJECTED_EXPIRED, 254),
        (enums.DERControlMode.opModEnergize, 1 << 3),
        (enums.DERControlMode.opModMaxLimW, 1 << 20),
        (enums.DERControlMode.opModWattVar, 1 << 26),
        (enums.DERCurveType.opModLVRTMustTrip, 10),
        (enums.DERCurveType.opModVoltVar, 11),
        (enums.DeviceCategory.EVSE, 1 << 17),
        (enums.DeviceCategory.OTHER_STORAGE, 1 << 25),
        (enums.DERType.PHOTOVOLTAIC, 4),
        (enums.DERUnitRef.statWAvail, 7),
        (enums.InverterStatus.FAULT, 7),
        (enums.RoleFlag.IS_SUBMETER, 1 << 6),
        (enums.FlowDirection.REVERSE, 19),
        (enums.Uom.WATT_HOURS, 72),
        (enums.Phase.ABC, 224),
        (enums.Kind.POWER, 37),
        (enums.LogFunctionSet.SECURITY, 19),
        (enums.FunctionsImplemented.DER, 1 << 20),
        (enums.DrlcOption.APPLIANCE_LOAD_REDUCTION, 1 << 20),
    ],
)
def test_names_stand_for_the_right_number(value: int, number: int) -> None:
    assert value == number


def test_a_mode_is_named_as_the_element_it_stands_for() -> None:
    modes = {field.name for field in schema.own_fields(DERControlBase) if field.name.startswith("opMod")}
    named = {mode.name for kind in (enums.DERControlMode, enums.DoeMode, enums.VppMode) for mode in kind}
    assert modes <= named
    curves = {field.name for field in schema.own_fields(DERControlBase) if field.type_name == "DERCurveLink"}
    assert curves == {curve.name for curve in enums.DERCurveType}


def test_a_setting_is_named_as_the_field_it_stands_for() -> None:
    settings = {field.name for field in schema.fields(DERSettings)}
    assert settings >= {setting.name for setting in enums.DefaultDERControlSetting}


def test_every_place_that_is_said_to_hold_an_enumeration_exists() -> None:
    fields = {
        f"{field.owner}.{field.name}"
        for cls in schema.structured_types().values()
        for field in schema.own_fields(cls)
    }
    assert set(BY_FIELD) <= fields
    assert set(BY_TYPE) <= set(schema.value_types())


def test_values_of_knows_bitmaps_from_enumerations() -> None:
    """A bitmap is octets on the wire, an enumeration a number; File.type alone is a number in octets."""
    for cls in schema.structured_types().values():
        for field in schema.own_fields(cls):
            values = enums.values_of(field)
            if values is None or f"{field.owner}.{field.name}" == "File.type":
                continue
            assert isinstance(field.type, schema.ValueType)
            assert issubclass(values, IntFlag) == (not field.type.is_integer), field


def test_every_enumeration_that_a_comment_of_the_model_names_exists() -> None:
    sources = Path(model.__file__).parent.glob("*.py")
    named = {name for source in sources for name in re.findall(r"\benums\.(\w+)", source.read_text())}
    assert len(named) > 50
    assert not {name for name in named if not hasattr(enums, name)}


def test_every_enumeration_is_documented() -> None:
    kinds = [value for value in vars(enums).values() if isinstance(value, type) and issubclass(value, Enum)]
    assert len(kinds) > 50
    assert not [kind for kind in kinds if not kind.__doc__]


@given(st.binary(max_size=8))
def test_bits_come_back_as_the_octets_they_came_from(octets: bytes) -> None:
    assert enums.to_bits(enums.bits(octets), len(octets)) == octets


def test_a_short_bitmap_has_no_high_bits() -> None:
    assert enums.bits(b"\x03") == enums.bits(b"\x00\x03") == 3


def test_unknown_bits_are_kept() -> None:
    assert enums.ConnectStatus(0x81) == 0x81
    assert enums.ConnectStatus.CONNECTED in enums.ConnectStatus(0x81)


@pytest.mark.parametrize(("value", "octets"), [(256, 1), (-1, 4)])
def test_a_bitmap_that_does_not_fit_is_refused(value: int, octets: int) -> None:
    with pytest.raises(LocalError, match="does not fit"):
        enums.to_bits(value, octets)
