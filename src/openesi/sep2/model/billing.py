"""Billing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute, Sep
from openesi.sep2.model.identification import IdentifiedObject, List, Resource, SubscribableList
from openesi.sep2.model.metering_mirror import MeterReadingBase, ReadingBase, ReadingSetBase
from openesi.sep2.model.primitives import Int32, Int48, String20, String32, String42, UInt16, UInt32
from openesi.sep2.model.simple import ChargeKind, PowerOfTenMultiplierType, TimeType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class BillingPeriod(Resource):
    """A billing period and what it cost so far."""

    billLastPeriod: Int48 | None = None  # of the period before, in the account's currency and scale
    billToDate: Int48 | None = None  # of this period, in the account's currency and scale
    interval: sep.DateTimeInterval
    statusTimeStamp: TimeType | None = None  # when billToDate held


class BillingPeriodList(SubscribableList):
    """The billing periods of an agreement."""

    BillingPeriod: tuple[sep.BillingPeriod, ...] = ()


class BillingMeterReadingBase(MeterReadingBase):
    """What billed, projected and target readings share."""

    BillingReadingSetListLink: sep.BillingReadingSetListLink | None = None
    ReadingTypeLink: sep.ReadingTypeLink | None = None


class BillingReading(ReadingBase):
    """A billed amount of the commodity and what it cost."""

    Charge: tuple[sep.Charge, ...] = ()


class BillingReadingList(List):
    """The readings of a billing reading set."""

    BillingReading: tuple[sep.BillingReading, ...] = ()


class BillingReadingSet(ReadingSetBase):
    """Billing readings of one span of time."""

    BillingReadingListLink: sep.BillingReadingListLink | None = None


class BillingReadingSetList(SubscribableList):
    """Billing reading sets, newest first."""

    BillingReadingSet: tuple[sep.BillingReadingSet, ...] = ()


class Charge(Sep):
    """A cost or a credit."""

    description: String20 | None = None
    kind: ChargeKind | None = None
    value: Int32  # in the account's currency and scale


class CustomerAccount(IdentifiedObject):
    """A customer of a service provider."""

    currency: UInt16  # ISO 4217 number
    customerAccount: String42 | None = None  # account number
    CustomerAgreementListLink: sep.CustomerAgreementListLink | None = None
    customerName: String42 | None = None
    pricePowerOfTenMultiplier: PowerOfTenMultiplierType  # of all amounts below it
    ServiceSupplierLink: sep.ServiceSupplierLink | None = None


class CustomerAccountList(SubscribableList):
    """The accounts that the reader may see."""

    CustomerAccount: tuple[sep.CustomerAccount, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class CustomerAgreement(IdentifiedObject):
    """A contract of a customer for one service."""

    ActiveBillingPeriodListLink: sep.ActiveBillingPeriodListLink | None = None
    ActiveProjectionReadingListLink: sep.ActiveProjectionReadingListLink | None = None
    ActiveTargetReadingListLink: sep.ActiveTargetReadingListLink | None = None
    BillingPeriodListLink: sep.BillingPeriodListLink | None = None
    HistoricalReadingListLink: sep.HistoricalReadingListLink | None = None
    PrepaymentLink: sep.PrepaymentLink | None = None
    ProjectionReadingListLink: sep.ProjectionReadingListLink | None = None
    serviceAccount: String42 | None = None  # number of the contract
    serviceLocation: String42 | None = None  # where the service is delivered
    TargetReadingListLink: sep.TargetReadingListLink | None = None
    TariffProfileLink: sep.TariffProfileLink | None = None
    UsagePointLink: sep.UsagePointLink | None = None


class CustomerAgreementList(SubscribableList):
    """The agreements of an account."""

    CustomerAgreement: tuple[sep.CustomerAgreement, ...] = ()


class HistoricalReading(BillingMeterReadingBase):
    """What was used in past billing periods."""


class HistoricalReadingList(List):
    """The historical readings of an agreement."""

    HistoricalReading: tuple[sep.HistoricalReading, ...] = ()


class ProjectionReading(BillingMeterReadingBase):
    """What is likely to be used."""


class ProjectionReadingList(List):
    """The projections of an agreement."""

    ProjectionReading: tuple[sep.ProjectionReading, ...] = ()


class TargetReading(BillingMeterReadingBase):
    """What a customer means to use."""


class TargetReadingList(List):
    """The targets of an agreement."""

    TargetReading: tuple[sep.TargetReading, ...] = ()


class ServiceSupplier(IdentifiedObject):
    """The company that supplies the service."""

    email: String32 | None = None
    phone: String20 | None = None
    providerID: UInt32 | None = None  # its PEN
    web: String42 | None = None


class ServiceSupplierList(List):
    """The service suppliers that the server knows."""

    ServiceSupplier: tuple[sep.ServiceSupplier, ...] = ()
