"""Prepayment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute, Sep
from openesi.sep2.model.identification import IdentifiedObject, List, Resource, SubscribableList
from openesi.sep2.model.primitives import Int32, String32, UInt32
from openesi.sep2.model.simple import (
    CreditStatusType,
    CreditTypeType,
    CurrencyCode,
    PowerOfTenMultiplierType,
    PrepayModeType,
    ServiceStatusType,
    TimeType,
)

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class AccountBalance(Resource):
    """DOC"""

    availableCredit: sep.AccountingUnit
    creditStatus: CreditStatusType | None = None
    emergencyCredit: sep.AccountingUnit | None = None
    emergencyCreditStatus: CreditStatusType | None = None


class AccountingUnit(Sep):
    """DOC"""

    energyUnit: sep.RealEnergy | None = None
    monetaryUnit: CurrencyCode
    multiplier: PowerOfTenMultiplierType
    value: Int32


class CreditRegister(IdentifiedObject):
    """DOC"""

    creditAmount: sep.AccountingUnit
    creditType: CreditTypeType | None = None
    effectiveTime: TimeType
    token: String32


class CreditRegisterList(List):
    """DOC"""

    CreditRegister: tuple[sep.CreditRegister, ...] = ()


class Prepayment(IdentifiedObject):
    """DOC"""

    AccountBalanceLink: sep.AccountBalanceLink
    ActiveCreditRegisterListLink: sep.ActiveCreditRegisterListLink | None = None
    ActiveSupplyInterruptionOverrideListLink: sep.ActiveSupplyInterruptionOverrideListLink | None = None
    creditExpiryLevel: sep.AccountingUnit | None = None
    CreditRegisterListLink: sep.CreditRegisterListLink
    lowCreditWarningLevel: sep.AccountingUnit | None = None
    lowEmergencyCreditWarningLevel: sep.AccountingUnit | None = None
    prepayMode: PrepayModeType
    PrepayOperationStatusLink: sep.PrepayOperationStatusLink
    SupplyInterruptionOverrideListLink: sep.SupplyInterruptionOverrideListLink
    UsagePoint: tuple[sep.UsagePoint, ...] = ()
    UsagePointLink: sep.UsagePointLink | None = None


class PrepaymentList(SubscribableList):
    """DOC"""

    Prepayment: tuple[sep.Prepayment, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class PrepayOperationStatus(Resource):
    """DOC"""

    creditTypeChange: sep.CreditTypeChange | None = None
    creditTypeInUse: CreditTypeType | None = None
    serviceChange: sep.ServiceChange | None = None
    serviceStatus: ServiceStatusType


class ServiceChange(Sep):
    """DOC"""

    newStatus: ServiceStatusType
    startTime: TimeType


class SupplyInterruptionOverride(Resource):
    """DOC"""

    description: String32 | None = None
    interval: sep.DateTimeInterval


class SupplyInterruptionOverrideList(List):
    """DOC"""

    SupplyInterruptionOverride: tuple[sep.SupplyInterruptionOverride, ...] = ()


class CreditTypeChange(Sep):
    """DOC"""

    newType: CreditTypeType
    startTime: TimeType
