"""Zigbee Device Objects: what devices ask each other before they trust each other (endpoint 0, profile 0).

Source: Zigbee specification, clause 2.4 (device profile) and 2.3.2 (descriptors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from openesi.provisioning.se import octets as wire
from openesi.provisioning.se.octets import EUI64, U8, U16, fields
from openesi.provisioning.se.security import FrameError

PROFILE: Final = 0x0000
ENDPOINT: Final = 0
RESPONSE: Final = 0x8000  # a response's cluster is its request's with this bit

NODE_DESC: Final = 0x0002
SIMPLE_DESC: Final = 0x0004
ACTIVE_EP: Final = 0x0005
MATCH_DESC: Final = 0x0006
DEVICE_ANNCE: Final = 0x0013
BIND: Final = 0x0021

NAMES: Final = {
    NODE_DESC: "Node_Desc",
    SIMPLE_DESC: "Simple_Desc",
    ACTIVE_EP: "Active_EP",
    MATCH_DESC: "Match_Desc",
    DEVICE_ANNCE: "Device_annce",
    BIND: "Bind",
}

SUCCESS: Final = 0x00
NO_DESCRIPTOR: Final = 0x89
MAX_CLUSTERS: Final = 32  # in one descriptor; a device of Smart Energy has a dozen

# Every payload starts with the transaction's number.
ANNOUNCE: Final = fields(tsn=U8, nwk=U16, eui64=EUI64, capability=U8)
ADDRESSED: Final = fields(tsn=U8, nwk=U16)  # Node_Desc_req and Active_EP_req
SIMPLE_REQUEST: Final = fields(tsn=U8, nwk=U16, endpoint=U8)
BIND_REQUEST: Final = fields(tsn=U8, source=EUI64, endpoint=U8, cluster=U16, mode=U8, target=EUI64, to=U8)
STATUS: Final = fields(tsn=U8, status=U8)
NODE_RESPONSE: Final = fields(
    tsn=U8,
    status=U8,
    nwk=U16,
    logical_type=U8,
    band=U8,
    mac_capability=U8,
    manufacturer=U16,
    max_buffer=U8,
    max_incoming=U16,
    server_mask=U16,
    max_outgoing=U16,
    capability=U8,
)


@dataclass(frozen=True, slots=True)
class SimpleDescriptor:
    """What an endpoint is: the device it plays, the clusters it serves (in) and uses (out)."""

    endpoint: int
    profile: int
    device: int
    in_clusters: tuple[int, ...]
    out_clusters: tuple[int, ...]

    def serialize(self) -> bytes:
        """The descriptor's octets."""
        head = bytes([self.endpoint]) + self.profile.to_bytes(2, "little") + self.device.to_bytes(2, "little")
        return head + b"\x00" + encode_list(self.in_clusters) + encode_list(self.out_clusters)


def parse_simple_descriptor(octets: bytes) -> SimpleDescriptor:
    """Read a descriptor. Raises ``FrameError``."""
    if len(octets) < 8:
        raise FrameError("the simple descriptor is cut short")
    in_clusters, rest = decode_list(octets[6:])
    out_clusters, _ = decode_list(rest)
    return SimpleDescriptor(
        octets[0],
        int.from_bytes(octets[1:3], "little"),
        int.from_bytes(octets[3:5], "little"),
        in_clusters,
        out_clusters,
    )


def encode_list(clusters: tuple[int, ...]) -> bytes:
    """A list of clusters, its length first."""
    return bytes([len(clusters)]) + b"".join(cluster.to_bytes(2, "little") for cluster in clusters)


def decode_list(octets: bytes) -> tuple[tuple[int, ...], bytes]:
    """A list of clusters and what follows it."""
    if not octets or octets[0] > MAX_CLUSTERS or len(octets) < 1 + 2 * octets[0]:
        raise FrameError("the list of clusters is cut short or too long")
    end = 1 + 2 * octets[0]
    return tuple(int.from_bytes(octets[at : at + 2], "little") for at in range(1, end, 2)), octets[end:]


def answer(
    cluster: int, payload: bytes, *, nwk: int, descriptor: SimpleDescriptor, max_buffer: int
) -> bytes | None:
    """The answer of a node with one endpoint to a request; None for clusters it does not serve."""
    if cluster == NODE_DESC:
        asked = wire.decode(ADDRESSED, payload)
        node = dict.fromkeys((field.name for field in NODE_RESPONSE), 0)
        node |= {"tsn": wire.number(asked, "tsn"), "nwk": nwk, "max_buffer": max_buffer}
        node |= {"max_incoming": max_buffer, "max_outgoing": max_buffer}
        return wire.encode(NODE_RESPONSE, node)
    if not payload:
        raise FrameError("the request is empty")
    head = payload[:1] + bytes([SUCCESS]) + nwk.to_bytes(2, "little")
    if cluster == ACTIVE_EP:
        return head + bytes([1, descriptor.endpoint])
    if cluster == SIMPLE_DESC:
        if wire.decode(SIMPLE_REQUEST, payload)["endpoint"] != descriptor.endpoint:
            return payload[:1] + bytes([NO_DESCRIPTOR]) + nwk.to_bytes(2, "little") + b"\x00"
        octets = descriptor.serialize()
        return head + bytes([len(octets)]) + octets
    if cluster == MATCH_DESC:
        wanted, _ = decode_list(payload[5:])
        matches = int.from_bytes(payload[3:5], "little") == descriptor.profile and any(
            one in descriptor.in_clusters for one in wanted
        )
        return head + (bytes([1, descriptor.endpoint]) if matches else b"\x00")
    if cluster == BIND:
        wire.decode(BIND_REQUEST, payload)
        return payload[:1] + bytes([SUCCESS])
    return None
