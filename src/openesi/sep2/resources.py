"""The resource tree of the standard: what there is, where, by which methods, for whom, in which order.

Paths are the samples of the standard's WADL (schema 2.0.4; no other is known for 2018): clients find them by
links, so they are ours to choose, and these are what people expect. One line is one resource; the engine
serves, lists, stores and documents whatever stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property

from openesi.sep2 import schema
from openesi.sep2.model._declare import Sep

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")


class Access(Enum):
    """Who may ask for a resource (IEEE 2030.5-2018, clause 6.2 and Table 12)."""

    CERTIFIED = "any client with a certificate that the server trusts"
    REGISTERED = "any registered device"
    OWN = "the device the resource belongs to, and the aggregator that manages it"


CERTIFIED, REGISTERED, OWN = Access


@dataclass(frozen=True)
class Resource:
    """One resource of the standard.

    ``path`` has ``{}`` for each identifier; ``modes`` are M(andatory), O(ptional), D(iscouraged), E(rror) for
    GET, HEAD, PUT, POST and DELETE, in this order; ``type_name`` is the type of its representation;
    ``ours`` marks the few that the WADL does not list.
    """

    name: str
    path: str
    modes: str
    access: Access
    type_name: str
    ours: bool = False

    @cached_property
    def model(self) -> type[Sep]:
        """The class of the representation."""
        return schema.structured_types()[self.type_name]

    @cached_property
    def item(self) -> type[Sep] | None:
        """The class of the members where the resource is a list."""
        field = schema.list_item(self.model)
        return field.type if field and not isinstance(field.type, schema.ValueType) else None

    @cached_property
    def is_active_list(self) -> bool:
        """Whether it shows those members of its base list that are active now."""
        return self.item is not None and self.name.startswith("Active")

    @cached_property
    def scoped(self) -> bool:
        """Whether everyone sees only their own members of this list."""
        return self.name in SCOPED

    @cached_property
    def published(self) -> bool:
        """Whether members of this list are for every registered device, unless groups alone see them."""
        return self.name in PUBLISHED

    @cached_property
    def is_gathered(self) -> bool:
        """Whether it is put together from lists that stand elsewhere."""
        return self.name in GATHERED

    @cached_property
    def is_assigned(self) -> bool:
        """Whether it is one of a group's lists, which show what the group is assigned."""
        return self.path.startswith("/fsa/{}/")

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods a server answers: all mandatory ones, and optional ones where a device writes."""
        served = "MO" if self.name in WRITTEN_BY_DEVICES else "M"
        return tuple(
            method
            for method, mode in zip(METHODS, self.modes, strict=True)
            if mode in served or (mode == "O" and method in ("GET", "HEAD"))
        )

    def at(self, *identifiers: object) -> str:
        """Return the path of one instance."""
        return self.path.format(*identifiers)


def _Row(name: str, path: str, modes: str, access: Access, *, type: str = "", ours: bool = False) -> Resource:
    return Resource(name, path, modes, access, type or name, ours)


# What a group can be assigned, by the top-level list that it comes from (IEEE 2030.5-2018, type
# FunctionSetAssignmentsBase).
ASSIGNED_LISTS = {
    "CustomerAccountList": "/bill",
    "DemandResponseProgramList": "/dr",
    "DERProgramList": "/derp",
    "FileList": "/file",
    "MessagingProgramList": "/msg",
    "PrepaymentList": "/ppy",
    "ResponseSetList": "/rsps",
    "TariffProfileList": "/tp",
    "UsagePointList": "/upt",
}

RESOURCES: tuple[Resource, ...] = (
    # Device capability, self, end device
    _Row("DeviceCapability", "/dcap", "MMEEE", CERTIFIED),
    _Row("SelfDevice", "/sdev", "MMDEE", CERTIFIED),
    _Row("EndDeviceList", "/edev", "MMEOE", CERTIFIED),
    _Row("EndDevice", "/edev/{}", "MMOEO", OWN),
    _Row("Registration", "/edev/{}/rg", "MMOEO", OWN),
    _Row("DeviceStatus", "/edev/{}/dstat", "MMMEO", OWN),
    # Function set assignments
    _Row("FunctionSetAssignmentsList", "/edev/{}/fsa", "MMEDE", OWN),
    _Row("FunctionSetAssignments", "/edev/{}/fsa/{}", "MMEED", OWN),
    # Subscription and notification
    _Row("SubscriptionList", "/edev/{}/sub", "MMEME", OWN),
    _Row("Subscription", "/edev/{}/sub/{}", "MMMEM", OWN),
    _Row("NotificationList", "/ntfy", "DDEME", OWN),
    _Row("Notification", "/ntfy/{}", "DDEEE", OWN),
    # Response
    _Row("ResponseSetList", "/rsps", "OOEDE", OWN),
    _Row("ResponseSet", "/rsps/{}", "OOEED", OWN),
    _Row("ResponseList", "/rsps/{}/rsp", "OOEME", OWN),
    _Row("Response", "/rsps/{}/rsp/{}", "OOEEO", OWN),
    _Row("PriceResponse", "/rsps/{}/rsp/{}", "OOEEO", OWN),
    _Row("TextResponse", "/rsps/{}/rsp/{}", "OOEEO", OWN),
    _Row("DERControlResponse", "/rsps/{}/rsp/{}", "OOEEO", OWN),
    _Row("FlowReservationResponseResponse", "/rsps/{}/rsp/{}", "OOEEO", OWN),
    _Row("DrResponse", "/rsps/{}/rsp/{}", "OOEEO", OWN),
    # Time
    _Row("Time", "/tm", "MMDEE", CERTIFIED),
    # Device information
    _Row("DeviceInformation", "/edev/{}/di", "MMMEO", OWN),
    _Row("SupportedLocaleList", "/edev/{}/di/loc", "MMEME", OWN),
    _Row("SupportedLocale", "/edev/{}/di/loc/{}", "MMMEM", OWN),
    # Power status
    _Row("PowerStatus", "/edev/{}/ps", "MMMEE", OWN),
    # Network status
    _Row("IPInterfaceList", "/edev/{}/ns", "MMEOE", OWN),
    _Row("IPInterface", "/edev/{}/ns/{}", "MMOEO", OWN),
    _Row("IPAddrList", "/edev/{}/ns/{}/addr", "MMEOE", OWN),
    _Row("IPAddr", "/edev/{}/ns/{}/addr/{}", "MMOEO", OWN),
    _Row("RPLInstanceList", "/edev/{}/ns/{}/addr/{}/rpl", "MMEOE", OWN),
    _Row("RPLInstance", "/edev/{}/ns/{}/addr/{}/rpl/{}", "MMOEO", OWN),
    _Row("RPLSourceRoutesList", "/edev/{}/ns/{}/addr/{}/rpl/{}/srt", "MMEOE", OWN),
    _Row("RPLSourceRoutes", "/edev/{}/ns/{}/addr/{}/rpl/{}/srt/{}", "MMOEO", OWN),
    _Row("LLInterfaceList", "/edev/{}/ns/{}/ll", "MMEOE", OWN),
    _Row("LLInterface", "/edev/{}/ns/{}/ll/{}", "MMOEO", OWN),
    _Row("NeighborList", "/edev/{}/ns/{}/ll/{}/nbh", "MMEOE", OWN),
    _Row("Neighbor", "/edev/{}/ns/{}/ll/{}/nbh/{}", "MMOEO", OWN),
    # Log events
    _Row("LogEventList", "/edev/{}/lel", "MMEME", OWN),
    _Row("LogEvent", "/edev/{}/lel/{}", "MMOEM", OWN),
    # Configuration
    _Row("Configuration", "/edev/{}/cfg", "MMMEE", OWN),
    _Row("PriceResponseCfgList", "/edev/{}/cfg/prcfg", "MMEME", OWN),
    _Row("PriceResponseCfg", "/edev/{}/cfg/prcfg/{}", "MMMEM", OWN),
    # File download
    _Row("FileList", "/file", "MMEDE", REGISTERED),
    _Row("File", "/file/{}", "MMDED", REGISTERED),
    _Row("FileStatus", "/edev/{}/fs", "MMMEE", OWN),
    # Demand response and load control
    _Row("DemandResponseProgramList", "/dr", "MMEDE", REGISTERED),
    _Row("DemandResponseProgram", "/dr/{}", "MMEED", REGISTERED),
    _Row("ActiveEndDeviceControlList", "/dr/{}/actedc", "MMEEE", REGISTERED, type="EndDeviceControlList"),
    _Row("EndDeviceControlList", "/dr/{}/edc", "MMEDE", REGISTERED),
    _Row("EndDeviceControl", "/dr/{}/edc/{}", "MMEED", REGISTERED),
    _Row("LoadShedAvailabilityList", "/edev/{}/lsl", "MMEME", OWN),
    _Row("LoadShedAvailability", "/edev/{}/lsl/{}", "MMOEM", OWN),
    # Metering
    _Row("UsagePointList", "/upt", "MMEOE", OWN),
    _Row("UsagePoint", "/upt/{}", "MMEEO", OWN),
    _Row("MeterReadingList", "/upt/{}/mr", "MMEOE", OWN),
    _Row("MeterReading", "/upt/{}/mr/{}", "MMEEO", OWN),
    _Row("ReadingType", "/upt/{}/mr/{}/rt", "MMOEE", OWN),
    _Row("ReadingSetList", "/upt/{}/mr/{}/rs", "MMEOE", OWN),
    _Row("ReadingSet", "/upt/{}/mr/{}/rs/{}", "MMEEO", OWN),
    _Row("ReadingList", "/upt/{}/mr/{}/rs/{}/r", "MMEOE", OWN),
    _Row("Reading", "/upt/{}/mr/{}/rs/{}/r/{}", "MMOEO", OWN),
    # Metering mirror
    _Row("MirrorUsagePointList", "/mup", "MMEME", OWN),
    _Row("MirrorUsagePoint", "/mup/{}", "OOMMM", OWN),
    # Pricing
    _Row("TariffProfileList", "/tp", "MMEDE", REGISTERED),
    _Row("TariffProfile", "/tp/{}", "MMEED", REGISTERED),
    _Row("RateComponentList", "/tp/{}/rc", "MMEDE", REGISTERED),
    _Row("RateComponent", "/tp/{}/rc/{}", "MMEED", REGISTERED),
    _Row("RateComponentReadingType", "/tp/{}/rc/{}/rt", "MMEEE", REGISTERED, type="ReadingType", ours=True),
    _Row(
        "ActiveTimeTariffIntervalList",
        "/tp/{}/rc/{}/acttti",
        "MMEEE",
        REGISTERED,
        type="TimeTariffIntervalList",
    ),
    _Row("TimeTariffIntervalList", "/tp/{}/rc/{}/tti", "MMEDE", REGISTERED),
    _Row("TimeTariffInterval", "/tp/{}/rc/{}/tti/{}", "MMEED", REGISTERED),
    _Row("ConsumptionTariffIntervalList", "/tp/{}/rc/{}/tti/{}/cti", "MMEDE", REGISTERED),
    _Row("ConsumptionTariffInterval", "/tp/{}/rc/{}/tti/{}/cti/{}", "MMEED", REGISTERED),
    # Messaging
    _Row("MessagingProgramList", "/msg", "MMEDE", REGISTERED),
    _Row("MessagingProgram", "/msg/{}", "MMEED", REGISTERED),
    _Row("ActiveTextMessageList", "/msg/{}/acttxt", "MMEEE", REGISTERED, type="TextMessageList"),
    _Row("TextMessageList", "/msg/{}/txt", "MMEDE", REGISTERED),
    _Row("TextMessage", "/msg/{}/txt/{}", "MMEED", REGISTERED),
    # Billing
    _Row("CustomerAccountList", "/bill", "MMEDE", OWN),
    _Row("CustomerAccount", "/bill/{}", "MMEED", OWN),
    _Row("CustomerAgreementList", "/bill/{}/ca", "MMEDE", OWN),
    _Row("CustomerAgreement", "/bill/{}/ca/{}", "MMEED", OWN),
    _Row("ActiveBillingPeriodList", "/bill/{}/ca/{}/actbp", "MMEEE", OWN, type="BillingPeriodList"),
    _Row("BillingPeriodList", "/bill/{}/ca/{}/bp", "MMEDE", OWN),
    _Row("BillingPeriod", "/bill/{}/ca/{}/bp/{}", "MMDED", OWN),
    _Row("ProjectionReadingList", "/bill/{}/ca/{}/pro", "MMEDE", OWN),
    _Row("ProjectionReading", "/bill/{}/ca/{}/pro/{}", "MMDED", OWN),
    _Row("BillingReadingSetList", "/brs", "MMEDE", OWN),
    _Row("BillingReadingSet", "/brs/{}", "MMEED", OWN),
    _Row("BillingReadingList", "/brs/{}/br", "MMEDE", OWN),
    _Row("BillingReading", "/brs/{}/br/{}", "MMDED", OWN),
    _Row("TargetReadingList", "/bill/{}/ca/{}/tar", "MMEDE", OWN),
    _Row("TargetReading", "/bill/{}/ca/{}/tar/{}", "MMEED", OWN),
    _Row("HistoricalReadingList", "/bill/{}/ca/{}/ver", "MMEDE", OWN),
    _Row("HistoricalReading", "/bill/{}/ca/{}/ver/{}", "MMEED", OWN),
    _Row("ServiceSupplier", "/bill/{}/ss", "MMEED", OWN),
    # Prepayment
    _Row("PrepaymentList", "/ppy", "MMEDE", OWN),
    _Row("Prepayment", "/ppy/{}", "MMEED", OWN),
    _Row("AccountBalance", "/ppy/{}/ab", "MMDEE", OWN),
    _Row("PrepayOperationStatus", "/ppy/{}/os", "MMDEE", OWN),
    _Row(
        "ActiveSupplyInterruptionOverrideList",
        "/ppy/{}/actsi",
        "MMEEE",
        OWN,
        type="SupplyInterruptionOverrideList",
    ),
    _Row("SupplyInterruptionOverrideList", "/ppy/{}/si", "MMEDE", OWN),
    _Row("SupplyInterruptionOverride", "/ppy/{}/si/{}", "MMDED", OWN),
    _Row("CreditRegisterList", "/ppy/{}/cr", "MMEOE", OWN),
    _Row("CreditRegister", "/ppy/{}/cr/{}", "MMEEO", OWN),
    # Flow reservation
    _Row("FlowReservationRequestList", "/edev/{}/frq", "MMEME", OWN),
    _Row("FlowReservationRequest", "/edev/{}/frq/{}", "MMMEO", OWN),
    _Row("FlowReservationResponseList", "/edev/{}/frp", "MMEDE", OWN),
    _Row("FlowReservationResponse", "/edev/{}/frp/{}", "MMEED", OWN),
    # Distributed energy resources
    _Row("DERList", "/edev/{}/der", "MMEOE", OWN),
    _Row("DER", "/edev/{}/der/{}", "MMOEO", OWN),
    _Row("AssociatedUsagePoint", "/edev/{}/der/{}/upt", "MMEEO", OWN, type="UsagePoint"),
    _Row("AssociatedDERProgramList", "/edev/{}/der/{}/derp", "MMEOE", OWN, type="DERProgramList"),
    _Row("CurrentDERProgram", "/edev/{}/der/{}/cdp", "MMEEO", OWN, type="DERProgram"),
    _Row("DERSettings", "/edev/{}/der/{}/derg", "MMMEE", OWN),
    _Row("DERStatus", "/edev/{}/der/{}/ders", "MMMEE", OWN),
    _Row("DERAvailability", "/edev/{}/der/{}/dera", "MMMEE", OWN),
    _Row("DERCapability", "/edev/{}/der/{}/dercap", "MMMEE", OWN),
    _Row("DERProgramList", "/derp", "MMEOE", REGISTERED),
    _Row("DERProgram", "/derp/{}", "MMEEO", REGISTERED),
    _Row("ActiveDERControlList", "/derp/{}/actderc", "MMEEE", REGISTERED, type="DERControlList"),
    _Row("DERControlList", "/derp/{}/derc", "MMEOE", REGISTERED),
    _Row("DERControl", "/derp/{}/derc/{}", "MMEEO", REGISTERED),
    _Row("DefaultDERControl", "/derp/{}/dderc", "MMOEE", REGISTERED),
    _Row("DERCurveList", "/derp/{}/dc", "MMEOE", REGISTERED),
    _Row("DERCurve", "/derp/{}/dc/{}", "MMEEO", REGISTERED),
    # Groups of devices and what they are assigned; a device sees its own in its FunctionSetAssignmentsList.
    _Row("GroupList", "/fsa", "MMEEE", REGISTERED, type="FunctionSetAssignmentsList", ours=True),
    _Row("Group", "/fsa/{}", "MMEEE", REGISTERED, type="FunctionSetAssignments", ours=True),
    *(
        _Row(f"Group{name}", f"/fsa/{{}}{path}", "MMEEE", REGISTERED, type=name, ours=True)
        for name, path in ASSIGNED_LISTS.items()
    ),
    # CSIP-AUS: where the site of a device is connected.
    _Row("ConnectionPoint", "/edev/{}/cp", "MMMEE", OWN, ours=True),
    # All intervals of a tariff together (CSIP-AUS 1.3).
    _Row(
        "CombinedTimeTariffIntervalList",
        "/tp/{}/tti",
        "MMEEE",
        REGISTERED,
        type="TimeTariffIntervalList",
        ours=True,
    ),
    # Lists that the WADL has links for and no path (ActiveTargetReadingListLink), and what stands below a
    # billing meter reading: its own type and sets.
    _Row(
        "ActiveProjectionReadingList",
        "/bill/{}/ca/{}/actpro",
        "MMEEE",
        OWN,
        type="ProjectionReadingList",
        ours=True,
    ),
    _Row(
        "ActiveTargetReadingList", "/bill/{}/ca/{}/acttar", "MMEEE", OWN, type="TargetReadingList", ours=True
    ),
    _Row("ActiveCreditRegisterList", "/ppy/{}/actcr", "MMEEE", OWN, type="CreditRegisterList", ours=True),
    *(
        _Row(f"{kind}{name}", f"/bill/{{}}/ca/{{}}/{short}/{{}}/{path}", "MMEEE", OWN, type=name, ours=True)
        for kind, short in (("Projection", "pro"), ("Target", "tar"), ("Historical", "ver"))
        for name, path in (
            ("ReadingType", "rt"),
            ("BillingReadingSetList", "brs"),
            ("BillingReadingSet", "brs/{}"),
            ("BillingReadingList", "brs/{}/br"),
            ("BillingReading", "brs/{}/br/{}"),
        )
    ),
    # Not in the WADL: the latest Reading, where MeterReading.ReadingLink leads, and what SelfDevice links to.
    _Row("LatestReading", "/upt/{}/mr/{}/r", "MMEEE", OWN, type="Reading", ours=True),
    _Row("SelfDeviceInformation", "/sdev/di", "MMEEE", CERTIFIED, type="DeviceInformation", ours=True),
    _Row("SelfDeviceStatus", "/sdev/dstat", "MMEEE", CERTIFIED, type="DeviceStatus", ours=True),
    _Row("SelfLogEventList", "/sdev/lel", "MMEEE", CERTIFIED, type="LogEventList", ours=True),
    _Row("SelfLogEvent", "/sdev/lel/{}", "MMEEE", CERTIFIED, type="LogEvent", ours=True),
)

# Where the standard leaves PUT, POST or DELETE optional, devices may use it on what is theirs. Programs,
# events, prices and accounts are the operator's, who has an interface of his own.
WRITTEN_BY_DEVICES = frozenset({
    "EndDeviceList", "EndDevice", "DeviceStatus", "DeviceInformation", "LogEvent", "LoadShedAvailability",
    "IPInterfaceList", "IPInterface", "IPAddrList", "IPAddr", "RPLInstanceList", "RPLInstance",
    "RPLSourceRoutesList", "RPLSourceRoutes", "LLInterfaceList", "LLInterface", "NeighborList", "Neighbor",
    "FlowReservationRequest", "DERList", "DER", "MirrorUsagePoint", "CreditRegisterList",
})  # fmt: skip

# Lists in which everyone sees only their own members.
SCOPED = frozenset({
    "EndDeviceList", "MirrorUsagePointList", "UsagePointList", "ResponseList", "CustomerAccountList",
    "PrepaymentList", "BillingReadingSetList", "NotificationList", "GroupList",
})  # fmt: skip

# Lists put together from others: the programs of all assignments of a device, the intervals of a tariff.
GATHERED = frozenset({"AssociatedDERProgramList", "CombinedTimeTariffIntervalList"})

# Lists of what is offered to all registered devices, or to groups of them (IEEE 2030.5-2018, 8.6).
PUBLISHED = frozenset({
    "DERProgramList", "DemandResponseProgramList", "TariffProfileList", "MessagingProgramList", "FileList",
    "ResponseSetList",
})  # fmt: skip


def instances_above(path: str) -> list[str]:
    """Return the instances that a path leads through, itself included: /edev/1 and /edev/1/der/1."""
    segments = path.split("/")
    return ["/".join(segments[: end + 1]) for end, segment in enumerate(segments) if segment.isdigit()]


@dataclass(frozen=True, slots=True)
class Match:
    """A path taken apart: which resource it names, and the identifiers in it."""

    resource: Resource
    ids: tuple[str, ...]


def match(path: str) -> Match | None:
    """Return what a path names, or None if the tree has no such place. Existence is not asked."""
    segments = path.split("/")
    if len(segments) > _DEEPEST or segments[0]:
        return None
    node = _trie()
    ids = []
    for segment in segments[1:]:
        child = node.children.get(segment)
        if child is None:
            if node.any is None or not segment.isdigit() or not segment.isascii() or len(segment) > 12:
                return None
            child = node.any
            ids.append(segment)
        node = child
    return Match(node.resource, tuple(ids)) if node.resource is not None else None


@cache
def by_name(name: str) -> Resource:
    """Return a resource by its name; raise KeyError if there is none."""
    return _by_name()[name]


@cache
def link_target(resource: Resource, link: str) -> Resource | None:
    """Return the resource that a link field of ``resource`` leads to by the tree, or None.

    A link leads to the child of that name (``DERListLink`` of ``/edev/1`` to ``/edev/1/der``), or else to the
    top-level resource of that name (``TimeLink`` to ``/tm``), or to what ``resource`` stands in.
    """
    wanted = link.removesuffix("Link")
    prefix = resource.path + "/"
    for one in RESOURCES:
        is_child = one.path.startswith(prefix) and "/" not in one.path[len(prefix) :]
        if is_child and wanted in (one.name, one.type_name if one.ours else one.name):
            return one
    top = next((one for one in RESOURCES if one.name == wanted and one.path.count("/") == 1), None)
    above = (one for one in RESOURCES if one.name == wanted and resource.path.startswith(one.path + "/"))
    return top or next(above, None)


def place_of(target: Resource, resource: Resource, path: str) -> str:
    """Return where ``link_target`` is for the instance of ``resource`` at ``path``."""
    if target.path.startswith(resource.path + "/"):
        return path + target.path[len(resource.path) :]
    if resource.path.startswith(target.path + "/"):
        return "/".join(path.split("/")[: target.path.count("/") + 1])
    return target.path


@cache
def base_list(active: Resource) -> Resource:
    """Return the list whose active members the list ``active`` shows."""
    parent = active.path.rpartition("/")[0]
    wanted = active.name.removeprefix("Active")
    return next(one for one in RESOURCES if one.name == wanted and one.path.rpartition("/")[0] == parent)


@cache
def member_of(listing: Resource) -> Resource | None:
    """Return the resource of a list's members, ``/edev/{}`` for ``/edev``; None where they live elsewhere."""
    return next((one for one in RESOURCES if one.path == listing.path + "/{}"), None)


def link_fields(cls: type[Sep]) -> Iterator[schema.Field]:
    """Yield the fields of ``cls`` that are links to other resources."""
    for field in schema.fields(cls):
        if not isinstance(field.type, schema.ValueType) and field.name.endswith("Link"):
            yield field


@cache
def link_holders(cls: type[Sep]) -> tuple[schema.Field, ...]:
    """Return the fields of ``cls`` whose values hold links: IEEE_802_15_4 of LLInterface is one."""
    return tuple(
        field
        for field in schema.fields(cls)
        if not isinstance(field.type, schema.ValueType)
        and not field.many
        and not field.name.endswith("Link")
        and any(link_fields(field.type))
    )


class _Node:
    __slots__ = ("any", "children", "resource")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.resource: Resource | None = None


@cache
def _trie() -> _Node:
    root = _Node()
    for resource in RESOURCES:
        node = root
        for segment in resource.path.split("/")[1:]:
            if segment == "{}":
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.children.setdefault(segment, _Node())
        # The Response subtypes share one path: the base type stands for them.
        node.resource = node.resource or resource
    return root


@cache
def _by_name() -> dict[str, Resource]:
    return {resource.name: resource for resource in RESOURCES}


_DEEPEST = max(resource.path.count("/") for resource in RESOURCES) + 1
