"""Prices, bills, prepayment; and the urgency of messages."""

from __future__ import annotations

from enum import IntEnum


class CostKind(IntEnum):
    """``CostKindType``: what ``EnvironmentalCost.amount`` counts."""

    CARBON_DIOXIDE_GRAMS = 0
    SULPHUR_DIOXIDE_GRAMS = 1
    NITROGEN_OXIDES_GRAMS = 2
    RENEWABLE_PERCENT = 3


class ChargeKind(IntEnum):
    """``ChargeKind``."""

    CONSUMPTION = 0
    REBATE = 1
    AUXILIARY = 2
    DEMAND = 3
    TAX = 4


class PrepayMode(IntEnum):
    """``PrepayModeType``: who keeps the account."""

    CENTRAL_WALLET = 0
    ESI = 1
    LOCAL = 2
    CREDIT = 3


class CreditStatus(IntEnum):
    """``CreditStatusType``."""

    OK = 0
    LOW = 1
    EXHAUSTED = 2
    NEGATIVE = 3


class CreditType(IntEnum):
    """``CreditTypeType``: which credit is topped up or used."""

    REGULAR = 0
    EMERGENCY = 1
    REGULAR_THEN_EMERGENCY = 2
    EMERGENCY_THEN_REGULAR = 3


class ServiceStatus(IntEnum):
    """``ServiceStatusType``: whether a prepaid service is on."""

    CONNECTED = 0
    DISCONNECTED = 1
    ARMED_FOR_CONNECT = 2  # the customer may switch it on
    ARMED_FOR_DISCONNECT = 3
    NO_CONTACTOR = 4
    LOAD_LIMITED = 5


class Priority(IntEnum):
    """``PriorityType`` of a text message."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    CRITICAL = 3
