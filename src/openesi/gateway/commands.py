"""The closed list of what may be sent to the dongle. What is not here cannot be sent.

The gateway only reads, and reads only the Simple Metering cluster (ZigBee 075356r15, annex D.3) besides what
the dongle itself knows. So there is no price, no message, no confirmation, no factory reset, no fast poll, no
period to close, and a schedule can be switched on for demand and summation alone.
``tests/gateway/test_commands.py`` names every command of the manual that stays out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from openesi.errors import LocalError

MIN_INTERVAL_S = 4  # what ZigBee SEP 1.x and the dongle allow: one read every four seconds
MAX_INTERVAL_S = 3600

SCHEDULED_READS = frozenset({"demand", "summation"})
"""What the dongle may ask the meter by itself: the two registers this gateway is for."""

SCHEDULES_OFF = ("price", "message")
"""Switched off at each start and read back: other clusters, which a RAVEn asks for by default."""

SCHEDULES_OFF_IF_PRESENT = frozenset({"scheduled_prices", "billing_period", "block_period"})
"""What an EMU-2 has besides; switched off when the dongle lists it."""


class Query(Enum):
    """The commands that only ask. The value is the name on the wire."""

    INITIALIZE = "initialize"  # resets the XML parser of the dongle, nothing else
    RESTART = "restart"  # of the dongle; it stays registered
    CONNECTION_STATUS = "get_connection_status"
    DEVICE_INFO = "get_device_info"
    SCHEDULE = "get_schedule"
    METER_LIST = "get_meter_list"
    METER_INFO = "get_meter_info"
    NETWORK_INFO = "get_network_info"
    DEMAND = "get_instantaneous_demand"
    SUMMATION = "get_current_summation_delivered"


_FROM_THE_METER = frozenset({Query.DEMAND, Query.SUMMATION})
_OF_ONE_METER = _FROM_THE_METER | {Query.METER_INFO, Query.SCHEDULE}
_MAC = re.compile(r"0x[0-9a-f]{16}\Z")


@dataclass(frozen=True, slots=True)
class Command:
    """Bytes that may go to the dongle. Made by this module only."""

    name: str
    wire: bytes


def query(what: Query, *, meter_mac_id: str = "") -> Command:
    """Ask ``what``; demand and summation are read from the meter, not from the dongle's memory.

    ``meter_mac_id`` is needed only when the dongle knows several meters. Raises LocalError if it is not one.
    """
    fields = _meter_field(meter_mac_id) if what in _OF_ONE_METER else ""
    if what in _FROM_THE_METER:
        fields += "<Refresh>Y</Refresh>"
    return _command(what.value, fields)


def schedule_read(event: str, interval_s: int, *, meter_mac_id: str = "") -> Command:
    """Have the dongle read ``event`` every ``interval_s`` seconds and report it.

    Raises LocalError for anything but demand and summation, and for an interval outside 4 s to an hour.
    """
    if event not in SCHEDULED_READS:
        raise LocalError(f"the gateway does not let the dongle read {event!r}: only demand and summation")
    if not MIN_INTERVAL_S <= interval_s <= MAX_INTERVAL_S:
        raise LocalError(
            f"{interval_s} s is not a possible interval: choose {MIN_INTERVAL_S} to {MAX_INTERVAL_S} s"
        )
    return _set_schedule(event, interval_s, "Y", meter_mac_id)


def schedule_off(event: str, *, meter_mac_id: str = "") -> Command:
    """Have the dongle stop asking the meter for ``event``.

    Raises LocalError for an event that is not known.
    """
    if event not in SCHEDULES_OFF and event not in SCHEDULES_OFF_IF_PRESENT:
        raise LocalError(f"no schedule {event!r} that this gateway switches off")
    return _set_schedule(event, 0xFFFF_FFFF, "N", meter_mac_id)


def _set_schedule(event: str, frequency_s: int, enabled: str, meter_mac_id: str) -> Command:
    return _command(
        "set_schedule",
        f"{_meter_field(meter_mac_id)}<Event>{event}</Event>"
        f"<Frequency>0x{frequency_s:08x}</Frequency><Enabled>{enabled}</Enabled>",
    )


def _meter_field(meter_mac_id: str) -> str:
    if not meter_mac_id:
        return ""
    if not _MAC.match(meter_mac_id):
        raise LocalError(f"{meter_mac_id!r} is not a meter's MAC id: write it like 0x00135003001aecf6")
    return f"<MeterMacId>{meter_mac_id}</MeterMacId>"


def _command(name: str, fields: str) -> Command:
    return Command(name, f"<Command><Name>{name}</Name>{fields}</Command>\r\n".encode("ascii"))
