"""Smart Energy's clusters as tables: identifiers, attributes, commands and their fields.

Source: Smart Energy profile 1.x, annex D (Price, DRLC, Metering, Messaging);
Zigbee Cluster Library (Time, Basic).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from openesi.provisioning.se.octets import I8, I16, TEXT, U8, U16, U32, Field, fields
from openesi.provisioning.se.zcl import Attribute

PROFILE: Final = 0x0109
# Zigbee counts seconds from 2000-01-01T00:00:00Z; Unix from 30 years before.
EPOCH_S: Final = 946_684_800


class Cluster(IntEnum):
    """The clusters of a home device and of the energy services interface."""

    BASIC = 0x0000
    IDENTIFY = 0x0003
    TIME = 0x000A
    PRICE = 0x0700
    DRLC = 0x0701
    METERING = 0x0702
    MESSAGING = 0x0703
    KEY_ESTABLISHMENT = 0x0800


# Under the network key alone; every other cluster of the profile asks for the link key.
NETWORK_KEY_ONLY: Final = frozenset({Cluster.BASIC, Cluster.IDENTIFY, Cluster.KEY_ESTABLISHMENT})


class DeviceId(IntEnum):
    """The devices of the profile."""

    ENERGY_SERVICES_INTERFACE = 0x0500
    METERING = 0x0501
    IN_HOME_DISPLAY = 0x0502
    THERMOSTAT = 0x0503
    LOAD_CONTROL = 0x0504
    SMART_APPLIANCE = 0x0505


class DeviceClass(IntFlag):
    """DRLC's device classes: which devices an event is for."""

    HVAC = 1 << 0
    STRIP_HEATER = 1 << 1
    WATER_HEATER = 1 << 2
    POOL_PUMP = 1 << 3
    SMART_APPLIANCE = 1 << 4
    IRRIGATION_PUMP = 1 << 5
    MANAGED_LOAD = 1 << 6
    SIMPLE_LOAD = 1 << 7
    EXTERIOR_LIGHTING = 1 << 8
    INTERIOR_LIGHTING = 1 << 9
    ELECTRIC_VEHICLE = 1 << 10
    GENERATION = 1 << 11


@dataclass(frozen=True, slots=True)
class Command:
    """A cluster's command; ``from_server`` tells the two directions, which count separately, apart."""

    cluster: Cluster
    identifier: int
    name: str
    fields: tuple[Field, ...] = ()
    from_server: bool = False


# Bits of TimeStatus: the clock is the network's (and set), and so are its zone and daylight saving.
TIME_MASTER: Final = 0b0011
TIME_MASTER_ZONE: Final = 0b0100
TIME_ATTRIBUTES: Final = (
    Attribute(0x0000, 0xE2, "Time"),
    Attribute(0x0001, 0x18, "TimeStatus"),
    Attribute(0x0002, 0x2B, "TimeZone"),
    Attribute(0x0003, 0x23, "DstStart"),
    Attribute(0x0004, 0x23, "DstEnd"),
    Attribute(0x0005, 0x2B, "DstShift"),
    Attribute(0x0006, 0x23, "StandardTime"),
    Attribute(0x0007, 0x23, "LocalTime"),
)
METERING_ATTRIBUTES: Final = (
    Attribute(0x0000, 0x25, "CurrentSummationDelivered"),
    Attribute(0x0300, 0x30, "UnitOfMeasure"),
    Attribute(0x0301, 0x22, "Multiplier"),
    Attribute(0x0302, 0x22, "Divisor"),
    Attribute(0x0400, 0x2A, "InstantaneousDemand"),
)
KEY_ATTRIBUTES: Final = (Attribute(0x0000, 0x19, "KeyEstablishmentSuite"),)
DRLC_CLIENT_ATTRIBUTES: Final = (
    Attribute(0x0000, 0x20, "UtilityEnrollmentGroup"),
    Attribute(0x0001, 0x20, "StartRandomizeMinutes"),
    Attribute(0x0002, 0x20, "StopRandomizeMinutes"),
    Attribute(0x0003, 0x21, "DeviceClassValue"),
)
SERVER_ATTRIBUTES: Final = {
    Cluster.TIME: TIME_ATTRIBUTES,
    Cluster.METERING: METERING_ATTRIBUTES,
    Cluster.KEY_ESTABLISHMENT: KEY_ATTRIBUTES,
}

LOAD_CONTROL_EVENT: Final = Command(
    Cluster.DRLC,
    0x00,
    "LoadControlEvent",
    fields(
        issuerEventID=U32,
        deviceClass=U16,
        utilityEnrollmentGroup=U8,
        startTime=U32,
        durationInMinutes=U16,
        criticalityLevel=U8,
        coolingTemperatureOffset=U8,
        heatingTemperatureOffset=U8,
        coolingTemperatureSetPoint=I16,
        heatingTemperatureSetPoint=I16,
        averageLoadAdjustment=I8,
        dutyCycle=U8,
        eventControl=U8,
    ),
    from_server=True,
)
GET_SCHEDULED_EVENTS: Final = Command(
    Cluster.DRLC, 0x01, "GetScheduledEvents", fields(startTime=U32, numberOfEvents=U8)
)
GET_CURRENT_PRICE: Final = Command(Cluster.PRICE, 0x00, "GetCurrentPrice", fields(commandOptions=U8))
PUBLISH_PRICE: Final = Command(
    Cluster.PRICE,
    0x00,
    "PublishPrice",
    fields(
        providerID=U32,
        rateLabel=TEXT,
        issuerEventID=U32,
        currentTime=U32,
        unitOfMeasure=U8,
        currency=U16,
        priceTrailingDigitAndTier=U8,
        numberOfPriceTiersAndRegisterTier=U8,
        startTime=U32,
        durationInMinutes=U16,
        price=U32,
        priceRatio=U8,
        generationPrice=U32,
        generationPriceRatio=U8,
    ),
    from_server=True,
)
GET_LAST_MESSAGE: Final = Command(Cluster.MESSAGING, 0x00, "GetLastMessage")
DISPLAY_MESSAGE: Final = Command(
    Cluster.MESSAGING,
    0x00,
    "DisplayMessage",
    fields(messageID=U32, messageControl=U8, startTime=U32, durationInMinutes=U16, message=TEXT),
    from_server=True,
)
COMMANDS: Final = (
    LOAD_CONTROL_EVENT,
    GET_SCHEDULED_EVENTS,
    GET_CURRENT_PRICE,
    PUBLISH_PRICE,
    GET_LAST_MESSAGE,
    DISPLAY_MESSAGE,
)
