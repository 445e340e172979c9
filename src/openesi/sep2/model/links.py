"""Links, one type for each kind of target."""

from __future__ import annotations

from openesi.sep2.model.identification import Link, ListLink


class AccountBalanceLink(Link):
    """DOC"""


class ActiveBillingPeriodListLink(ListLink):
    """DOC"""


class ActiveCreditRegisterListLink(ListLink):
    """DOC"""


class ActiveDERControlListLink(ListLink):
    """DOC"""


class ActiveEndDeviceControlListLink(ListLink):
    """DOC"""


class ActiveFlowReservationListLink(ListLink):
    """DOC"""


class ActiveProjectionReadingListLink(ListLink):
    """DOC"""


class ActiveSupplyInterruptionOverrideListLink(ListLink):
    """DOC"""


class ActiveTargetReadingListLink(ListLink):
    """DOC"""


class ActiveTextMessageListLink(ListLink):
    """DOC"""


class ActiveTimeTariffIntervalListLink(ListLink):
    """DOC"""


class AssociatedDERProgramListLink(ListLink):
    """DOC"""


class AssociatedUsagePointLink(Link):
    """DOC"""


class BillingPeriodListLink(ListLink):
    """DOC"""


class BillingReadingListLink(ListLink):
    """DOC"""


class BillingReadingSetListLink(ListLink):
    """DOC"""


class ConfigurationLink(Link):
    """DOC"""


class ConsumptionTariffIntervalListLink(ListLink):
    """DOC"""


class CreditRegisterListLink(ListLink):
    """DOC"""


class CustomerAccountLink(Link):
    """DOC"""


class CustomerAccountListLink(ListLink):
    """DOC"""


class CustomerAgreementListLink(ListLink):
    """DOC"""


class DemandResponseProgramLink(Link):
    """DOC"""


class DemandResponseProgramListLink(ListLink):
    """DOC"""


class DERAvailabilityLink(Link):
    """DOC"""


class DefaultDERControlLink(Link):
    """DOC"""


class DERCapabilityLink(Link):
    """DOC"""


class DERControlListLink(ListLink):
    """DOC"""


class DERCurveLink(Link):
    """DOC"""


class DERCurveListLink(ListLink):
    """DOC"""


class DERLink(Link):
    """DOC"""


class DERListLink(ListLink):
    """DOC"""


class DERProgramLink(Link):
    """DOC"""


class DERProgramListLink(ListLink):
    """DOC"""


class DERSettingsLink(Link):
    """DOC"""


class DERStatusLink(Link):
    """DOC"""


class DeviceCapabilityLink(Link):
    """DOC"""


class DeviceInformationLink(Link):
    """DOC"""


class DeviceStatusLink(Link):
    """DOC"""


class EndDeviceControlListLink(ListLink):
    """DOC"""


class EndDeviceLink(Link):
    """DOC"""


class EndDeviceListLink(ListLink):
    """DOC"""


class FileLink(Link):
    """DOC"""


class FileListLink(ListLink):
    """DOC"""


class FileStatusLink(Link):
    """DOC"""


class FlowReservationRequestListLink(ListLink):
    """DOC"""


class FlowReservationResponseListLink(ListLink):
    """DOC"""


class FunctionSetAssignmentsListLink(ListLink):
    """DOC"""


class HistoricalReadingListLink(ListLink):
    """DOC"""


class IPAddrListLink(ListLink):
    """DOC"""


class IPInterfaceListLink(ListLink):
    """DOC"""


class LLInterfaceListLink(ListLink):
    """DOC"""


class LoadShedAvailabilityListLink(ListLink):
    """DOC"""


class LogEventListLink(ListLink):
    """DOC"""


class MessagingProgramListLink(ListLink):
    """DOC"""


class MeterReadingLink(Link):
    """DOC"""


class MeterReadingListLink(ListLink):
    """DOC"""


class MirrorUsagePointListLink(ListLink):
    """DOC"""


class NeighborListLink(ListLink):
    """DOC"""


class NotificationListLink(ListLink):
    """DOC"""


class PowerStatusLink(Link):
    """DOC"""


class PrepaymentLink(Link):
    """DOC"""


class PrepaymentListLink(ListLink):
    """DOC"""


class PrepayOperationStatusLink(Link):
    """DOC"""


class PriceResponseCfgListLink(ListLink):
    """DOC"""


class ProjectionReadingListLink(ListLink):
    """DOC"""


class RateComponentLink(Link):
    """DOC"""


class RateComponentListLink(ListLink):
    """DOC"""


class ReadingLink(Link):
    """DOC"""


class ReadingListLink(ListLink):
    """DOC"""


class ReadingSetListLink(ListLink):
    """DOC"""


class ReadingTypeLink(Link):
    """DOC"""


class RegistrationLink(Link):
    """DOC"""


class ResponseListLink(ListLink):
    """DOC"""


class ResponseSetListLink(ListLink):
    """DOC"""


class RPLInstanceListLink(ListLink):
    """DOC"""


class RPLSourceRoutesListLink(ListLink):
    """DOC"""


class SelfDeviceLink(Link):
    """DOC"""


class ServiceSupplierLink(Link):
    """DOC"""


class SubscriptionListLink(ListLink):
    """DOC"""


class SupplyInterruptionOverrideListLink(ListLink):
    """DOC"""


class SupportedLocaleListLink(ListLink):
    """DOC"""


class TargetReadingListLink(ListLink):
    """DOC"""


class TariffProfileLink(Link):
    """DOC"""


class TariffProfileListLink(ListLink):
    """DOC"""


class TextMessageListLink(ListLink):
    """DOC"""


class TimeLink(Link):
    """DOC"""


class TimeTariffIntervalListLink(ListLink):
    """DOC"""


class UsagePointLink(Link):
    """DOC"""


class UsagePointListLink(ListLink):
    """DOC"""
