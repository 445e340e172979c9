"""Metering."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class RoleFlag(IntFlag):
    """``RoleFlagsType``: what a usage point is there for."""

    IS_MIRROR = 1 << 0
    IS_PREMISES_AGGREGATION_POINT = 1 << 1
    IS_PEV = 1 << 2
    IS_DER = 1 << 3
    IS_REVENUE_QUALITY = 1 << 4
    IS_DC = 1 << 5
    IS_SUBMETER = 1 << 6


class QualityFlag(IntFlag):
    """``ReadingBase.qualityFlags``."""

    VALID = 1 << 0
    MANUALLY_EDITED = 1 << 1
    ESTIMATED_BY_REFERENCE_DAY = 1 << 2
    ESTIMATED_BY_INTERPOLATION = 1 << 3
    QUESTIONABLE = 1 << 4
    DERIVED = 1 << 5
    PROJECTED = 1 << 6


class AccumulationBehaviour(IntEnum):
    """``AccumulationBehaviourType``: how one value follows from the last."""

    NOT_APPLICABLE = 0
    CUMULATIVE = 3  # never falls, until it rolls over
    DELTA_DATA = 4  # the change since the last value
    INDICATING = 6  # goes up and down
    SUMMATION = 9  # a meter's dial
    INSTANTANEOUS = 12


class Commodity(IntEnum):
    """``CommodityType``: what is metered."""

    NOT_APPLICABLE = 0
    ELECTRICITY_SECONDARY = 1  # as consumers are supplied
    ELECTRICITY_PRIMARY = 2  # as on the grid's medium voltage
    AIR = 4
    NATURAL_GAS = 7
    PROPANE = 8
    POTABLE_WATER = 9
    STEAM = 10
    WASTE_WATER = 11
    HEATING_FLUID = 12
    COOLING_FLUID = 13


class DataQualifier(IntEnum):
    """``DataQualifierType``: what a value is of the samples behind it."""

    NOT_APPLICABLE = 0
    AVERAGE = 2
    MAXIMUM = 8
    MINIMUM = 9
    NORMAL = 12
    STANDARD_DEVIATION_OF_POPULATION = 29
    STANDARD_DEVIATION_OF_SAMPLE = 30


class FlowDirection(IntEnum):
    """``FlowDirectionType``: which way it flows, as the meter sees it."""

    NOT_APPLICABLE = 0
    FORWARD = 1  # delivered to the customer: import
    REVERSE = 19  # received from the customer: export


class Kind(IntEnum):
    """``KindType``: what quantity it is."""

    NOT_APPLICABLE = 0
    CURRENCY = 3
    DEMAND = 8
    ENERGY = 12
    POWER = 37


class Phase(IntEnum):
    """``PhaseCode``."""

    NOT_APPLICABLE = 0
    C = 32
    CN = 33
    CA = 40
    B = 64
    BN = 65
    BC = 66
    A = 128
    AN = 129
    AB = 132
    ABC = 224


class ServiceKind(IntEnum):
    """``ServiceKind``: the service that is metered and paid for."""

    ELECTRICITY = 0
    GAS = 1
    WATER = 2
    TIME = 3
    PRESSURE = 4
    HEAT = 5
    COOLING = 6


class Uom(IntEnum):
    """``UomType``: the unit of a value, before its power of ten."""

    NOT_APPLICABLE = 0
    AMPERES = 5
    KELVINS = 6
    DEGREES_CELSIUS = 23
    VOLTS = 29
    JOULES = 31
    HERTZ = 33
    WATTS = 38
    CUBIC_METRES = 42
    VOLT_AMPERES = 61
    VARS = 63
    COS_THETA = 65  # displacement power factor
    VOLTS_SQUARED = 67
    AMPERES_SQUARED = 69
    VOLT_AMPERE_HOURS = 71
    WATT_HOURS = 72
    VAR_HOURS = 73
    AMPERE_HOURS = 106
    CUBIC_FEET = 119
    CUBIC_FEET_PER_HOUR = 122
    CUBIC_METRES_PER_HOUR = 125
    US_GALLONS = 128
    US_GALLONS_PER_HOUR = 129
    IMPERIAL_GALLONS = 130
    IMPERIAL_GALLONS_PER_HOUR = 131
    BTU = 132
    BTU_PER_HOUR = 133
    LITRES = 134
    LITRES_PER_HOUR = 137
    PASCALS_GAUGE = 140
    PASCALS_ABSOLUTE = 155
    THERMS = 169


class Tou(IntEnum):
    """``TOUType``: time of use tiers."""

    NOT_APPLICABLE = 0
    A, B, C, D, E, F, G, H, I, J, K, L, M, N, O = range(1, 16)  # noqa: E741 (the standard's letters)


class ConsumptionBlock(IntEnum):
    """``ConsumptionBlockType``."""

    NOT_APPLICABLE = 0
    BLOCK_1, BLOCK_2, BLOCK_3, BLOCK_4, BLOCK_5, BLOCK_6, BLOCK_7, BLOCK_8 = range(1, 9)
    BLOCK_9, BLOCK_10, BLOCK_11, BLOCK_12, BLOCK_13, BLOCK_14, BLOCK_15, BLOCK_16 = range(9, 17)
