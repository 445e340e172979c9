"""The kinds of home devices, in every language that names them; one line each.

Columns: name in messages, Zigbee Smart Energy device id, DRLC device classes, IEEE 2030.5
``DeviceCategoryType``. The DRLC classes and the categories of 2030.5 have different bits for the same
things, so ``CLASSES`` maps them one by one. Sources: Smart Energy profile 1.x, annex D.2 (device class);
IEEE 2030.5, ``DeviceCategoryType``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from openesi.provisioning.se.clusters import DeviceClass, DeviceId


@dataclass(frozen=True, slots=True)
class DeviceType:
    """One kind of device."""

    name: str
    zigbee: DeviceId
    classes: DeviceClass
    category: int  # bits of DeviceCategoryType


def _bit(*positions: int) -> int:
    return sum(1 << position for position in positions)


_ANY: Final = DeviceClass(0)
TYPES: Final = (
    DeviceType("ProgCtlThermostat", DeviceId.THERMOSTAT, DeviceClass.HVAC, _bit(0)),
    DeviceType(
        "LoadControlDevice",
        DeviceId.LOAD_CONTROL,
        DeviceClass.WATER_HEATER | DeviceClass.POOL_PUMP | DeviceClass.SIMPLE_LOAD,
        _bit(13),
    ),
    DeviceType("InPremisesDisplay", DeviceId.IN_HOME_DISPLAY, _ANY, _bit(14)),
    DeviceType("SmartAppliance", DeviceId.SMART_APPLIANCE, DeviceClass.SMART_APPLIANCE, _bit(7)),
)
BY_NAME: Final = {kind.name: kind for kind in TYPES}

# DRLC device class -> bits of DeviceCategoryType that an EndDeviceControl for it names.
CLASSES: Final = {
    DeviceClass.HVAC: _bit(0),  # programmable communicating thermostat
    DeviceClass.STRIP_HEATER: _bit(1, 2),  # strip heaters; baseboard heaters have a bit of their own
    DeviceClass.WATER_HEATER: _bit(3),
    DeviceClass.POOL_PUMP: _bit(4, 5, 6),  # pool pump, sauna, hot tub: one class in DRLC
    DeviceClass.SMART_APPLIANCE: _bit(7),
    DeviceClass.IRRIGATION_PUMP: _bit(8),
    DeviceClass.MANAGED_LOAD: _bit(9),  # managed commercial and industrial loads
    DeviceClass.SIMPLE_LOAD: _bit(10),  # simple miscellaneous loads
    DeviceClass.EXTERIOR_LIGHTING: _bit(11),
    DeviceClass.INTERIOR_LIGHTING: _bit(12),
    DeviceClass.ELECTRIC_VEHICLE: _bit(16, 17),  # the vehicle, and its supply equipment
    DeviceClass.GENERATION: _bit(*range(18, 26)),  # all kinds of DER
}


def categories(classes: DeviceClass) -> int:
    """The bits of ``DeviceCategoryType`` that stand for DRLC device classes."""
    bits = 0
    for one in classes:
        bits |= CLASSES[one]
    return bits


def classes(category: int) -> DeviceClass:
    """The DRLC device classes for bits of ``DeviceCategoryType``; bits without a class are dropped."""
    found = DeviceClass(0)
    for one, bits in CLASSES.items():
        if category & bits:
            found |= one
    return found
