"""Demand response and flow reservation."""

from __future__ import annotations

from enum import IntEnum


class ApplianceLoadReduction(IntEnum):
    """``ApplianceLoadReductionType``."""

    DELAY = 0  # start later
    TEMPORARY_REDUCTION = 1


class Unit(IntEnum):
    """``UnitType``: what a reduction of load is counted in."""

    KILOWATT_HOURS = 0
    KILOWATTS = 1
    WATTS = 2
    CUBIC_METRES = 3
    CUBIC_FEET = 4
    US_GALLONS = 5
    IMPERIAL_GALLONS = 6
    BTU = 7
    LITRES = 8
    KILOPASCALS_GAUGE = 9
    KILOPASCALS_ABSOLUTE = 10
    MEGAJOULES = 11
    UNITLESS = 12


class RequestState(IntEnum):
    """``RequestStatus.requestStatus`` of a flow reservation."""

    REQUESTED = 0
    CANCELLED = 1
