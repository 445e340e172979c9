"""Devices, their power, time, log and files."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

IEEE_PEN: Final = 40732
"""The PEN under which the standard's own log event codes are written (37244 in 2013)."""


class DeviceCategory(IntFlag):
    """``DeviceCategoryType``: what a device is, and which devices an event is for."""

    PROGRAMMABLE_THERMOSTAT = 1 << 0
    STRIP_HEATER = 1 << 1
    BASEBOARD_HEATER = 1 << 2
    WATER_HEATER = 1 << 3
    POOL_PUMP = 1 << 4
    SAUNA = 1 << 5
    HOT_TUB = 1 << 6
    SMART_APPLIANCE = 1 << 7
    IRRIGATION_PUMP = 1 << 8
    MANAGED_COMMERCIAL_LOAD = 1 << 9
    SIMPLE_RESIDENTIAL_LOAD = 1 << 10
    EXTERIOR_LIGHTING = 1 << 11
    INTERIOR_LIGHTING = 1 << 12
    LOAD_CONTROL_SWITCH = 1 << 13
    ENERGY_MANAGEMENT_SYSTEM = 1 << 14
    SMART_ENERGY_MODULE = 1 << 15
    ELECTRIC_VEHICLE = 1 << 16
    EVSE = 1 << 17
    VIRTUAL_OR_MIXED_DER = 1 << 18
    RECIPROCATING_ENGINE = 1 << 19
    FUEL_CELL = 1 << 20
    PHOTOVOLTAIC = 1 << 21
    COMBINED_HEAT_AND_POWER = 1 << 22
    PHOTOVOLTAIC_WITH_STORAGE = 1 << 23
    OTHER_GENERATION = 1 << 24
    OTHER_STORAGE = 1 << 25
    MICROGRID_CONTROLLER = 1 << 26  # since 2023


class FunctionsImplemented(IntFlag):
    """``DeviceInformation.functionsImplemented``: function sets that a device uses as a client."""

    DEVICE_CAPABILITY = 1 << 0
    SELF_DEVICE = 1 << 1
    END_DEVICE = 1 << 2
    FUNCTION_SET_ASSIGNMENTS = 1 << 3
    SUBSCRIPTION = 1 << 4
    RESPONSE = 1 << 5
    TIME = 1 << 6
    DEVICE_INFORMATION = 1 << 7
    POWER_STATUS = 1 << 8
    NETWORK_STATUS = 1 << 9
    LOG_EVENT = 1 << 10
    CONFIGURATION = 1 << 11
    SOFTWARE_DOWNLOAD = 1 << 12
    DEMAND_RESPONSE = 1 << 13
    METERING = 1 << 14
    PRICING = 1 << 15
    MESSAGING = 1 << 16
    BILLING = 1 << 17
    PREPAYMENT = 1 << 18
    FLOW_RESERVATION = 1 << 19
    DER = 1 << 20


class DrlcOption(IntFlag):
    """``DRLCCapabilities.optionsImplemented``: bits 0 to 12 are reductions counted in ``Unit`` 0 to 12."""

    REDUCTION_KILOWATT_HOURS = 1 << 0
    REDUCTION_KILOWATTS = 1 << 1
    REDUCTION_WATTS = 1 << 2
    REDUCTION_CUBIC_METRES = 1 << 3
    REDUCTION_CUBIC_FEET = 1 << 4
    REDUCTION_US_GALLONS = 1 << 5
    REDUCTION_IMPERIAL_GALLONS = 1 << 6
    REDUCTION_BTU = 1 << 7
    REDUCTION_LITRES = 1 << 8
    REDUCTION_KILOPASCALS_GAUGE = 1 << 9
    REDUCTION_KILOPASCALS_ABSOLUTE = 1 << 10
    REDUCTION_MEGAJOULES = 1 << 11
    REDUCTION_UNITLESS = 1 << 12
    TEMPERATURE_SET_POINT = 1 << 16
    TEMPERATURE_OFFSET = 1 << 17
    DUTY_CYCLE = 1 << 18
    LOAD_ADJUSTMENT_PERCENTAGE = 1 << 19
    APPLIANCE_LOAD_REDUCTION = 1 << 20


class OperatingState(IntEnum):
    """``DeviceStatus.opState``."""

    NOT_APPLICABLE = 0
    NOT_OPERATING = 1
    OPERATING = 2
    STARTING = 3
    SHUTTING_DOWN = 4
    AT_DISCONNECT_LEVEL = 5
    KILOWATT_RAMPING = 6
    KILOVAR_RAMPING = 7


class TemperatureSubject(IntEnum):
    """``Temperature.subject``: where a temperature was taken."""

    ENCLOSURE = 0
    TRANSFORMER = 1
    HEAT_SINK = 2


class PowerSource(IntEnum):
    """``PowerSourceType``: where a device's power comes from."""

    NONE = 0
    MAINS = 1
    BATTERY = 2
    LOCAL_GENERATION = 3
    EMERGENCY = 4
    UNKNOWN = 5


class BatteryStatus(IntEnum):
    """``PowerStatus.batteryStatus``."""

    UNKNOWN = 0
    NORMAL = 1
    LOW = 2  # less time left than PowerConfiguration.lowChargeThreshold
    DEPLETED = 3
    NOT_APPLICABLE = 4


class TimeQuality(IntEnum):
    """``Time.quality``: how good a clock is; lower is better."""

    AUTHORITATIVE = 3  # from an external source such as NTP
    FROM_AUTHORITATIVE = 4  # from a source of quality 3
    MANUAL = 5  # set by hand, or from a source of quality 4
    FROM_MANUAL = 6  # from a source of quality 5
    UNCOORDINATED = 7  # on purpose, as in a test


class LinkLayerType(IntEnum):
    """``LLInterface.linkLayerType``."""

    UNSPECIFIED = 0
    ETHERNET = 1  # IEEE 802.3
    WLAN = 2  # IEEE 802.11
    PAN = 3  # IEEE 802.15
    PLC = 4  # power line


class LogProfile(IntEnum):
    """``LogEvent.profileID``: whose codes a log event has."""

    NONE = 0
    VENDOR = 1
    IEEE_2030_5 = 2
    HOME_AUTOMATION = 3
    BUILDING_AUTOMATION = 4


class LogFunctionSet(IntEnum):
    """``LogEvent.functionSet``: which function set a log event is about."""

    GENERAL = 0
    SUBSCRIPTION = 1
    END_DEVICE = 2
    FUNCTION_SET_ASSIGNMENTS = 3
    RESPONSE = 4
    DEMAND_RESPONSE = 5
    METERING = 6
    PRICING = 7
    MESSAGING = 8
    BILLING = 9
    PREPAYMENT = 10
    DER = 11  # codes: twice the bit of AlarmStatus, and one more when it is back to normal
    TIME = 12
    SOFTWARE_DOWNLOAD = 13
    DEVICE_INFORMATION = 14
    POWER_STATUS = 15
    NETWORK_STATUS = 16
    LOG_EVENT = 17
    CONFIGURATION = 18
    SECURITY = 19


class FileType(IntEnum):
    """``File.type``, in two octets; from 8000 (hexadecimal) up they are the maker's own."""

    SOFTWARE_IMAGE = 0
    SECURITY_CREDENTIAL = 1
    CONFIGURATION = 2
    LOG = 3


class FileState(IntEnum):
    """``FileStatus.status``: how far a device has come with a file."""

    NONE = 0
    LOADING = 1
    LOAD_FAILED = 2
    VERIFYING = 3
    VERIFICATION_FAILED = 4
    WAITING_TO_ACTIVATE = 5
    ACTIVATION_FAILED = 6
    ACTIVATING = 7
    ACTIVATED = 8
