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
    """What is left on a prepaid account."""

    availableCredit: sep.AccountingUnit  # may be negative while interruption is overridden
    creditStatus: CreditStatusType | None = None
    emergencyCredit: sep.AccountingUnit | None = None
    emergencyCreditStatus: CreditStatusType | None = None


class AccountingUnit(Sep):
    """An amount of money or of energy: value x 10^multiplier."""

    energyUnit: sep.RealEnergy | None = None  # the unit where credit is counted in energy
    monetaryUnit: CurrencyCode  # ISO 4217 number
    multiplier: PowerOfTenMultiplierType
    value: Int32


class CreditRegister(IdentifiedObject):
    """A top-up of a prepaid account."""

    creditAmount: sep.AccountingUnit
    creditType: CreditTypeType | None = None
    effectiveTime: TimeType  # when the credit counts from
    token: String32  # proof of payment


class CreditRegisterList(List):
    """The top-ups of an account, newest first."""

    CreditRegister: tuple[sep.CreditRegister, ...] = ()


class Prepayment(IdentifiedObject):
    """A prepaid account and its levels, all in the units of the available credit."""

    AccountBalanceLink: sep.AccountBalanceLink
    ActiveCreditRegisterListLink: sep.ActiveCreditRegisterListLink | None = None
    ActiveSupplyInterruptionOverrideListLink: sep.ActiveSupplyInterruptionOverrideListLink | None = None
    creditExpiryLevel: sep.AccountingUnit | None = None  # credit at which service may change, as a rule 0
    CreditRegisterListLink: sep.CreditRegisterListLink
    lowCreditWarningLevel: sep.AccountingUnit | None = None  # below it credit is low
    lowEmergencyCreditWarningLevel: sep.AccountingUnit | None = None  # below it emergency credit is low
    prepayMode: PrepayModeType
    PrepayOperationStatusLink: sep.PrepayOperationStatusLink
    SupplyInterruptionOverrideListLink: sep.SupplyInterruptionOverrideListLink
    UsagePoint: tuple[sep.UsagePoint, ...] = ()
    UsagePointLink: sep.UsagePointLink | None = None


class PrepaymentList(SubscribableList):
    """The prepaid accounts that the reader may see."""

    Prepayment: tuple[sep.Prepayment, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class PrepayOperationStatus(Resource):
    """Whether a prepaid service is on and what will change."""

    creditTypeChange: sep.CreditTypeChange | None = None
    creditTypeInUse: CreditTypeType | None = None
    serviceChange: sep.ServiceChange | None = None
    serviceStatus: ServiceStatusType


class ServiceChange(Sep):
    """A change of service that is to come."""

    newStatus: ServiceStatusType
    startTime: TimeType


class SupplyInterruptionOverride(Resource):
    """A span of time in which supply is not cut, whatever the balance."""

    description: String32 | None = None
    interval: sep.DateTimeInterval


class SupplyInterruptionOverrideList(List):
    """Overrides of an account, earliest start first."""

    SupplyInterruptionOverride: tuple[sep.SupplyInterruptionOverride, ...] = ()


class CreditTypeChange(Sep):
    """A change of the credit in use that is to come."""

    newType: CreditTypeType
    startTime: TimeType
