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
    """DOC"""

    capabilityInfo: HexBinary8
    NeighborListLink: sep.NeighborListLink | None = None
    shortAddress: UInt16


class IPAddr(Resource):
    """DOC"""

    address: HexBinary128
    RPLInstanceListLink: sep.RPLInstanceListLink | None = None


class IPAddrList(List):
    """DOC"""

    IPAddr: tuple[sep.IPAddr, ...] = ()


class IPInterface(Resource):
    """DOC"""

    ifDescr: String192 | None = None
    ifHighSpeed: UInt32 | None = None
    ifInBroadcastPkts: UInt32 | None = None
    ifIndex: UInt32 | None = None
    ifInDiscards: UInt32 | None = None
    ifInErrors: UInt32 | None = None
    ifInMulticastPkts: UInt32 | None = None
    ifInOctets: UInt32 | None = None
    ifInUcastPkts: UInt32 | None = None
    ifInUnknownProtos: UInt32 | None = None
    ifMtu: UInt32 | None = None
    ifName: String16 | None = None
    ifOperStatus: UInt8 | None = None
    ifOutBroadcastPkts: UInt32 | None = None
    ifOutDiscards: UInt32 | None = None
    ifOutErrors: UInt32 | None = None
    ifOutMulticastPkts: UInt32 | None = None
    ifOutOctets: UInt32 | None = None
    ifOutUcastPkts: UInt32 | None = None
    ifPromiscuousMode: Boolean | None = None
    ifSpeed: UInt32 | None = None
    ifType: UInt16 | None = None
    IPAddrListLink: sep.IPAddrListLink | None = None
    lastResetTime: Int64 | None = None
    lastUpdatedTime: Int64 | None = None
    LLInterfaceListLink: sep.LLInterfaceListLink | None = None


class IPInterfaceList(List):
    """DOC"""

    IPInterface: tuple[sep.IPInterface, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class LLInterface(Resource):
    """DOC"""

    CRCerrors: UInt32
    EUI64: HexBinary64
    IEEE_802_15_4: sep.IEEE_802_15_4 | None = None
    linkLayerType: UInt8
    LLAckNotRx: UInt32 | None = None
    LLCSMAFail: UInt32 | None = None
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
    """DOC"""

    LLInterface: tuple[sep.LLInterface, ...] = ()


class loWPAN(Sep):
    """DOC"""

    octetsRx: UInt32 | None = None
    octetsTx: UInt32 | None = None
    packetsRx: UInt32
    packetsTx: UInt32
    rxFragError: UInt32


class Neighbor(Resource):
    """DOC"""

    isChild: Boolean
    linkQuality: UInt8
    shortAddress: UInt16


class NeighborList(List):
    """DOC"""

    Neighbor: tuple[sep.Neighbor, ...] = ()


class RPLInstance(Resource):
    """DOC"""

    DODAGid: UInt8
    DODAGroot: Boolean
    flags: UInt8
    groundedFlag: Boolean
    MOP: UInt8
    PRF: UInt8
    rank: UInt16
    RPLInstanceID: UInt8
    RPLSourceRoutesListLink: sep.RPLSourceRoutesListLink | None = None
    versionNumber: UInt8


class RPLInstanceList(List):
    """DOC"""

    RPLInstance: tuple[sep.RPLInstance, ...] = ()


class RPLSourceRoutes(Resource):
    """DOC"""

    DestAddress: HexBinary128
    SourceRoute: HexBinary128


class RPLSourceRoutesList(List):
    """DOC"""

    RPLSourceRoutes: tuple[sep.RPLSourceRoutes, ...] = ()
