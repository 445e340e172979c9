"""NetworkStatus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute, Sep
from openesi.sep2.model.identification import List, Resource
from openesi.sep2.model.primitives import (
    Boolean,
    HexBinary8,
    HexBinary64,
    HexBinary128,
    Int64,
    String16,
    String192,
    UInt8,
    UInt16,
    UInt32,
)

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class IEEE_802_15_4(Sep):
    """The IEEE 802.15.4 part of a link layer interface."""

    capabilityInfo: HexBinary8  # bits as in the IEEE 802.15.4 association request
    NeighborListLink: sep.NeighborListLink | None = None
    shortAddress: UInt16


class IPAddr(Resource):
    """An IPv6 address of an interface; an IPv4 one in its mapped form."""

    address: HexBinary128
    RPLInstanceListLink: sep.RPLInstanceListLink | None = None


class IPAddrList(List):
    """The addresses of an interface."""

    IPAddr: tuple[sep.IPAddr, ...] = ()


class IPInterface(Resource):
    """An IP interface and its counters, named and counted as in RFC 2863."""

    ifDescr: String192 | None = None
    ifHighSpeed: UInt32 | None = None  # Mbit/s
    ifInBroadcastPkts: UInt32 | None = None
    ifIndex: UInt32 | None = None
    ifInDiscards: UInt32 | None = None
    ifInErrors: UInt32 | None = None
    ifInMulticastPkts: UInt32 | None = None
    ifInOctets: UInt32 | None = None
    ifInUcastPkts: UInt32 | None = None
    ifInUnknownProtos: UInt32 | None = None
    ifMtu: UInt32 | None = None  # octets
    ifName: String16 | None = None
    ifOperStatus: UInt8 | None = None  # numbers of the IF-MIB: 1 up, 2 down, 3 testing, ...
    ifOutBroadcastPkts: UInt32 | None = None
    ifOutDiscards: UInt32 | None = None
    ifOutErrors: UInt32 | None = None
    ifOutMulticastPkts: UInt32 | None = None
    ifOutOctets: UInt32 | None = None
    ifOutUcastPkts: UInt32 | None = None
    ifPromiscuousMode: Boolean | None = None
    ifSpeed: UInt32 | None = None  # bit/s
    ifType: UInt16 | None = None  # numbers of the IANA ifType registry
    IPAddrListLink: sep.IPAddrListLink | None = None
    lastResetTime: Int64 | None = None  # when the counters were set to 0
    lastUpdatedTime: Int64 | None = None  # when the counters were read
    LLInterfaceListLink: sep.LLInterfaceListLink | None = None


class IPInterfaceList(List):
    """The IP interfaces of a device."""

    IPInterface: tuple[sep.IPInterface, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class LLInterface(Resource):
    """A link layer interface and its counters."""

    CRCerrors: UInt32
    EUI64: HexBinary64  # of a 48-bit MAC address by putting FFFE in its middle
    IEEE_802_15_4: sep.IEEE_802_15_4 | None = None
    linkLayerType: UInt8  # enums.LinkLayerType
    LLAckNotRx: UInt32 | None = None  # frames whose acknowledgement did not come
    LLCSMAFail: UInt32 | None = None  # frames not sent because the channel was never clear
    LLFramesDropRx: UInt32 | None = None
    LLFramesDropTx: UInt32 | None = None
    LLFramesRx: UInt32 | None = None
    LLFramesTx: UInt32 | None = None
    LLMediaAccessFail: UInt32 | None = None
    LLOctetsRx: UInt32 | None = None
    LLOctetsTx: UInt32 | None = None
    LLRetryCount: UInt32 | None = None
    LLSecurityErrorRx: UInt32 | None = None
    loWPAN: sep.loWPAN | None = None


class LLInterfaceList(List):
    """The link layer interfaces below an IP interface."""

    LLInterface: tuple[sep.LLInterface, ...] = ()


class loWPAN(Sep):
    """Counters of the 6LoWPAN layer."""

    octetsRx: UInt32 | None = None
    octetsTx: UInt32 | None = None
    packetsRx: UInt32
    packetsTx: UInt32
    rxFragError: UInt32  # packets that could not be put together again


class Neighbor(Resource):
    """A neighbour on an IEEE 802.15.4 network."""

    isChild: Boolean  # it reaches the network through this device
    linkQuality: UInt8  # 0 worst to 255 best
    shortAddress: UInt16


class NeighborList(List):
    """The neighbours of an IEEE 802.15.4 interface."""

    Neighbor: tuple[sep.Neighbor, ...] = ()


class RPLInstance(Resource):
    """A routing instance of RPL (RFC 6550) that an address takes part in."""

    DODAGid: UInt8  # number of the routing graph
    DODAGroot: Boolean  # the device is the graph's root
    flags: UInt8  # the flags octet of the DODAG information object
    groundedFlag: Boolean  # the graph reaches the goal it is built for
    MOP: UInt8  # mode of operation
    PRF: UInt8  # preference of the graph's root, 7 most
    rank: UInt16  # position in the graph, lower is nearer to the root
    RPLInstanceID: UInt8
    RPLSourceRoutesListLink: sep.RPLSourceRoutesListLink | None = None
    versionNumber: UInt8  # of the graph


class RPLInstanceList(List):
    """The routing instances of an address."""

    RPLInstance: tuple[sep.RPLInstance, ...] = ()


class RPLSourceRoutes(Resource):
    """One source route that a root keeps."""

    DestAddress: HexBinary128  # IPv6 address that the route leads to
    SourceRoute: HexBinary128  # next IPv6 address on the way


class RPLSourceRoutesList(List):
    """The source routes of a routing instance."""

    RPLSourceRoutes: tuple[sep.RPLSourceRoutes, ...] = ()
