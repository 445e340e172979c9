"""Interfaces of this machine, and sockets that hear one group on one of them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import ifaddr

from openesi.discovery.names import GROUPS, PORT, SITE, Address

HOPS: Final = 255  # RFC 6762, 11

# What Python's socket module does not name on Linux: hear only groups that this very socket has joined.
_IP_MULTICAST_ALL: Final = 49
_IPV6_MULTICAST_ALL: Final = 29


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface and its addresses, those that reach farthest first."""

    name: str
    index: int
    addresses: tuple[Address, ...]

    def addresses_for(self, domain: str, hosts: frozenset[Address] | None = None) -> tuple[Address, ...]:
        """Return what to tell in a domain: no link-local ones to a site; of ``hosts`` only, if given."""
        return tuple(
            one
            for one in self.addresses
            if (hosts is None or one in hosts) and not (domain == SITE and one.is_link_local)
        )


def interfaces(wanted: Sequence[str] = ()) -> list[Interface]:
    """Return the interfaces with an address, without loopback unless it is asked for by name."""
    found = []
    for adapter in ifaddr.get_adapters():
        if adapter.index is None or (wanted and adapter.name not in wanted):
            continue
        addresses = [ip_address(one.ip if isinstance(one.ip, str) else one.ip[0]) for one in adapter.ips]
        if not wanted:
            addresses = [one for one in addresses if not one.is_loopback]
        if addresses:
            addresses.sort(key=lambda one: (one.is_link_local, one.version == 4))
            found.append(Interface(adapter.name, adapter.index, tuple(addresses)))
    return found


def group_address(group: str, interface: Interface) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return where a packet for all goes."""
    return (group, PORT, 0, interface.index) if ":" in group else (group, PORT)


def groups(domain: str, interface: Interface) -> Iterator[str]:
    """Return the groups of a domain that an interface can reach."""
    versions = {one.version for one in interface.addresses}
    return (group for group in GROUPS[domain] if ip_address(group).version in versions)


def open_group(group: str, interface: Interface) -> socket.socket:
    """Return a socket that hears what is sent to a group on one interface, and sends there from port 5353.

    It is bound to the group: what is sent to this machine alone, from wherever, never comes in. Others on
    this machine may hear the same. Raises OSError.
    """
    sock = _open(group, interface)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        parsed = ip_address(group)
        if isinstance(parsed, IPv6Address):
            member = parsed.packed + struct.pack("@I", interface.index)
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, _member(parsed, interface))
        sock.bind(group_address(group, interface))
    except OSError:
        sock.close()
        raise
    return sock


def open_asking(group: str, interface: Interface) -> socket.socket:
    """Return a socket with a port of its own, to which answers come that are meant for us alone.

    Port 5353 belongs to all who listen on this machine, and only one of them would get the answer.
    Raises OSError.
    """
    sock = _open(group, interface)
    try:
        sock.bind(("::" if ":" in group else "0.0.0.0", 0))  # noqa: S104, it has to hear the network
    except OSError:
        sock.close()
        raise
    return sock


def _open(group: str, interface: Interface) -> socket.socket:
    parsed = ip_address(group)
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if isinstance(parsed, IPv6Address):
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface.index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _member(parsed, interface))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
    except OSError:
        sock.close()
        raise
    return sock


def _member(group: IPv4Address, interface: Interface) -> bytes:
    """Return the kernel's ip_mreqn: group, no address, index of the interface."""
    return group.packed + bytes(4) + struct.pack("@i", interface.index)
