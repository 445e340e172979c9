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
    """DOC"""

    billLastPeriod: Int48 | None = None
    billToDate: Int48 | None = None
    interval: sep.DateTimeInterval
    statusTimeStamp: TimeType | None = None


class BillingPeriodList(SubscribableList):
    """DOC"""

    BillingPeriod: tuple[sep.BillingPeriod, ...] = ()


class BillingMeterReadingBase(MeterReadingBase):
    """DOC"""

    BillingReadingSetListLink: sep.BillingReadingSetListLink | None = None
    ReadingTypeLink: sep.ReadingTypeLink | None = None


class BillingReading(ReadingBase):
    """DOC"""

    Charge: tuple[sep.Charge, ...] = ()


class BillingReadingList(List):
    """DOC"""

    BillingReading: tuple[sep.BillingReading, ...] = ()


class BillingReadingSet(ReadingSetBase):
    """DOC"""

    BillingReadingListLink: sep.BillingReadingListLink | None = None


class BillingReadingSetList(SubscribableList):
    """DOC"""

    BillingReadingSet: tuple[sep.BillingReadingSet, ...] = ()


class Charge(Sep):
    """DOC"""

    description: String20 | None = None
    kind: ChargeKind | None = None
    value: Int32


class CustomerAccount(IdentifiedObject):
    """DOC"""

    currency: UInt16
    customerAccount: String42 | None = None
    CustomerAgreementListLink: sep.CustomerAgreementListLink | None = None
    customerName: String42 | None = None
    pricePowerOfTenMultiplier: PowerOfTenMultiplierType
    ServiceSupplierLink: sep.ServiceSupplierLink | None = None


class CustomerAccountList(SubscribableList):
    """DOC"""

    CustomerAccount: tuple[sep.CustomerAccount, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class CustomerAgreement(IdentifiedObject):
    """DOC"""

    ActiveBillingPeriodListLink: sep.ActiveBillingPeriodListLink | None = None
    ActiveProjectionReadingListLink: sep.ActiveProjectionReadingListLink | None = None
    ActiveTargetReadingListLink: sep.ActiveTargetReadingListLink | None = None
    BillingPeriodListLink: sep.BillingPeriodListLink | None = None
    HistoricalReadingListLink: sep.HistoricalReadingListLink | None = None
    PrepaymentLink: sep.PrepaymentLink | None = None
    ProjectionReadingListLink: sep.ProjectionReadingListLink | None = None
    serviceAccount: String42 | None = None
    serviceLocation: String42 | None = None
    TargetReadingListLink: sep.TargetReadingListLink | None = None
    TariffProfileLink: sep.TariffProfileLink | None = None
    UsagePointLink: sep.UsagePointLink | None = None


class CustomerAgreementList(SubscribableList):
    """DOC"""

    CustomerAgreement: tuple[sep.CustomerAgreement, ...] = ()


class HistoricalReading(BillingMeterReadingBase):
    """DOC"""


class HistoricalReadingList(List):
    """DOC"""

    HistoricalReading: tuple[sep.HistoricalReading, ...] = ()


class ProjectionReading(BillingMeterReadingBase):
    """DOC"""


class ProjectionReadingList(List):
    """DOC"""

    ProjectionReading: tuple[sep.ProjectionReading, ...] = ()


class TargetReading(BillingMeterReadingBase):
    """DOC"""


class TargetReadingList(List):
    """DOC"""

    TargetReading: tuple[sep.TargetReading, ...] = ()


class ServiceSupplier(IdentifiedObject):
    """DOC"""

    email: String32 | None = None
    phone: String20 | None = None
    providerID: UInt32 | None = None
    web: String42 | None = None


class ServiceSupplierList(List):
    """DOC"""

    ServiceSupplier: tuple[sep.ServiceSupplier, ...] = ()
