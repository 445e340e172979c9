"""Links, one type for each kind of target."""

from __future__ import annotations

from openesi.sep2.model.identification import Link, ListLink


class AccountBalanceLink(Link):
    """Link to the balance of a prepaid account."""


class ActiveBillingPeriodListLink(ListLink):
    """Link to the billing period that runs now."""


class ActiveCreditRegisterListLink(ListLink):
    """Link to the credit that counts now."""


class ActiveDERControlListLink(ListLink):
    """Link to the DER controls that are active now; deprecated in 2023."""


class ActiveEndDeviceControlListLink(ListLink):
    """Link to the load controls that are active now; deprecated in 2023."""


class ActiveFlowReservationListLink(ListLink):
    """Link to the flow reservations that are active now; used by no type."""


class ActiveProjectionReadingListLink(ListLink):
    """Link to the projections for the billing period that runs now."""


class ActiveSupplyInterruptionOverrideListLink(ListLink):
    """Link to the overrides that are in force now."""


class ActiveTargetReadingListLink(ListLink):
    """Link to the targets for the billing period that runs now."""


class ActiveTextMessageListLink(ListLink):
    """Link to the messages that are active now; deprecated in 2023."""


class ActiveTimeTariffIntervalListLink(ListLink):
    """Link to the tariff intervals that are active now; deprecated in 2023."""


class AssociatedDERProgramListLink(ListLink):
    """Link to the programs that a DER belongs to."""


class AssociatedUsagePointLink(Link):
    """Link to the usage point that meters a DER."""


class BillingPeriodListLink(ListLink):
    """Link to the billing periods of an agreement."""


class BillingReadingListLink(ListLink):
    """Link to the readings of a billing reading set."""


class BillingReadingSetListLink(ListLink):
    """Link to billing reading sets."""


class ConfigurationLink(Link):
    """Link to the settings of a device."""


class ConsumptionTariffIntervalListLink(ListLink):
    """Link to the consumption blocks of a tariff interval."""


class CreditRegisterListLink(ListLink):
    """Link to the top-ups of a prepaid account."""


class CustomerAccountLink(Link):
    """Link to a customer's account; used by no type."""


class CustomerAccountListLink(ListLink):
    """Link to customers' accounts."""


class CustomerAgreementListLink(ListLink):
    """Link to the agreements of an account."""


class DemandResponseProgramLink(Link):
    """Link to a demand response program."""


class DemandResponseProgramListLink(ListLink):
    """Link to demand response programs."""


class DERAvailabilityLink(Link):
    """Link to what a DER holds in reserve."""


class DefaultDERControlLink(Link):
    """Link to the default of a DER program."""


class DERCapabilityLink(Link):
    """Link to the nameplate of a DER."""


class DERControlListLink(ListLink):
    """Link to the controls of a DER program."""


class DERCurveLink(Link):
    """Link to the curve that a mode follows."""


class DERCurveListLink(ListLink):
    """Link to the curves of a DER program."""


class DERLink(Link):
    """Link to a DER; used by no type."""


class DERListLink(ListLink):
    """Link to the DERs of a device."""


class DERProgramLink(Link):
    """Link to a DER program; used by no type."""


class DERProgramListLink(ListLink):
    """Link to DER programs."""


class DERSettingsLink(Link):
    """Link to the settings of a DER."""


class DERStatusLink(Link):
    """Link to what a DER is doing now."""


class DeviceCapabilityLink(Link):
    """Link to the entry point of a server; used by no type."""


class DeviceInformationLink(Link):
    """Link to maker, model and versions of a device."""


class DeviceStatusLink(Link):
    """Link to how a device fares."""


class EndDeviceControlListLink(ListLink):
    """Link to the load controls of a demand response program."""


class EndDeviceLink(Link):
    """Link to an end device; used by no type."""


class EndDeviceListLink(ListLink):
    """Link to the end devices of a server."""


class FileLink(Link):
    """Link to the file that a device is loading."""


class FileListLink(ListLink):
    """Link to files on offer."""


class FileStatusLink(Link):
    """Link to how far a device has come with a file."""


class FlowReservationRequestListLink(ListLink):
    """Link to the flow reservations that a device asks for."""


class FlowReservationResponseListLink(ListLink):
    """Link to the answers to a device's flow reservations."""


class FunctionSetAssignmentsListLink(ListLink):
    """Link to the function sets assigned to a device."""


class HistoricalReadingListLink(ListLink):
    """Link to past use of an agreement."""


class IPAddrListLink(ListLink):
    """Link to the addresses of an interface."""


class IPInterfaceListLink(ListLink):
    """Link to the IP interfaces of a device."""


class LLInterfaceListLink(ListLink):
    """Link to the link layer interfaces below an IP interface."""


class LoadShedAvailabilityListLink(ListLink):
    """Link to what load a device offers to shed."""


class LogEventListLink(ListLink):
    """Link to the log of a device."""


class MessagingProgramListLink(ListLink):
    """Link to sources of messages."""


class MeterReadingLink(Link):
    """Link to a meter reading; used by no type."""


class MeterReadingListLink(ListLink):
    """Link to the measured quantities of a usage point."""


class MirrorUsagePointListLink(ListLink):
    """Link to where devices create mirrors."""


class NeighborListLink(ListLink):
    """Link to the neighbours of an IEEE 802.15.4 interface."""


class NotificationListLink(ListLink):
    """Link to where a client takes notifications; used by no type."""


class PowerStatusLink(Link):
    """Link to where a device's power comes from."""


class PrepaymentLink(Link):
    """Link to the prepaid account of an agreement."""


class PrepaymentListLink(ListLink):
    """Link to prepaid accounts."""


class PrepayOperationStatusLink(Link):
    """Link to whether a prepaid service is on."""


class PriceResponseCfgListLink(ListLink):
    """Link to the price settings of a device."""


class ProjectionReadingListLink(ListLink):
    """Link to projected use of an agreement."""


class RateComponentLink(Link):
    """Link to a rate component."""


class RateComponentListLink(ListLink):
    """Link to the parts of a tariff."""


class ReadingLink(Link):
    """Link to the present value of a quantity."""


class ReadingListLink(ListLink):
    """Link to the readings of a set."""


class ReadingSetListLink(ListLink):
    """Link to the history of a quantity."""


class ReadingTypeLink(Link):
    """Link to what readings measure."""


class RegistrationLink(Link):
    """Link to the PIN of a device."""


class ResponseListLink(ListLink):
    """Link to the answers in a response set."""


class ResponseSetListLink(ListLink):
    """Link to the places for answers to events."""


class RPLInstanceListLink(ListLink):
    """Link to the routing instances of an address."""


class RPLSourceRoutesListLink(ListLink):
    """Link to the source routes of a routing instance."""


class SelfDeviceLink(Link):
    """Link to the server's own device."""


class ServiceSupplierLink(Link):
    """Link to the company that supplies the service."""


class SubscriptionListLink(ListLink):
    """Link to the subscriptions of a device."""


class SupplyInterruptionOverrideListLink(ListLink):
    """Link to the times in which supply is not cut."""


class SupportedLocaleListLink(ListLink):
    """Link to the languages that a device can show."""


class TargetReadingListLink(ListLink):
    """Link to the targets of an agreement."""


class TariffProfileLink(Link):
    """Link to the tariff of an agreement."""


class TariffProfileListLink(ListLink):
    """Link to tariffs."""


class TextMessageListLink(ListLink):
    """Link to the messages of a program."""


class TimeLink(Link):
    """Link to the server's time."""


class TimeTariffIntervalListLink(ListLink):
    """Link to the intervals of a rate component."""


class UsagePointLink(Link):
    """Link to the usage point of an agreement or account."""


class UsagePointListLink(ListLink):
    """Link to usage points."""
