"""The asking side of discovery: which packets to send, and what the answers say. No sockets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, ip_address
from typing import Final

from openesi.discovery.dns import (
    BadPacket,
    Message,
    Name,
    Question,
    Record,
    Srv,
    Type,
    fold,
    format_name,
    parse,
    serialize,
)
from openesi.discovery.names import Address, device_subtype, parse_txt, service_name, subtype_name

MAX_FOUND: Final = 64  # servers remembered; anybody on the link may claim to be many
MAX_HOSTS: Final = 128
MAX_ADDRESSES: Final = 8  # of one host
DEFAULT_HTTPS: Final = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A server that answered, as it describes itself: nothing of it is proven before its certificate is.

    ``https_port`` is None where only plain HTTP is offered (on ``port``); ``path`` is the top resource of the
    function set that was asked for; addresses of one link carry its interface, as ``fe80::1%eth0``.
    """

    instance: str
    domain: str
    host: str
    addresses: tuple[str, ...]
    port: int
    https_port: int | None
    dcap: str
    path: str | None
    level: str | None

    @property
    def url(self) -> str:
        """Where its DeviceCapability is."""
        scheme, port = ("http", self.port) if self.https_port is None else ("https", self.https_port)
        address = self.addresses[0]
        return f"{scheme}://{f'[{address}]' if ':' in address else address}:{port}{self.dcap}"


@dataclass(slots=True)
class Browser:
    """One search in one domain: for all servers, for those with a function set, or for a device's own.

    ``wanted`` is a subtype (``derp``), an SFDI, or None for all of them.
    """

    wanted: str | int | None
    domain: str
    bad: int = 0
    _instances: dict[Name, Name] = field(default_factory=dict)  # folded -> as told
    _services: dict[Name, Srv] = field(default_factory=dict)
    _texts: dict[Name, bytes] = field(default_factory=dict)
    _hosts: dict[Name, dict[Address, str]] = field(default_factory=dict)

    @property
    def name(self) -> Name:
        """What is asked for."""
        if self.wanted is None:
            return service_name(self.domain)
        subtype = self.wanted if isinstance(self.wanted, str) else device_subtype(self.wanted)
        return subtype_name(subtype, self.domain)

    def query(self) -> bytes:
        """Return the packet to send next: the question, and what is missing of those who answered."""
        questions = [Question(self.name, Type.PTR, unicast=True)]
        for instance, told in self._instances.items():
            service = self._services.get(instance)
            if service is None or instance not in self._texts:
                questions.append(Question(told, Type.ANY, unicast=True))
            elif fold(service.target) not in self._hosts:
                questions.append(Question(service.target, Type.ANY, unicast=True))
        return serialize(Message(questions=tuple(questions[:16])))

    def collect(self, packet: bytes, *, interface: str = "") -> None:
        """Take what a packet tells; bad ones are counted."""
        try:
            message = parse(packet)
        except BadPacket:
            self.bad += 1
            return
        if not message.response:
            return
        records = (*message.answers, *message.additionals)
        for record in message.answers:
            if record.type == Type.PTR and fold(record.name) == fold(self.name):
                self._take_instance(record)
        for record in records:
            self._take(record, interface)

    def found(self) -> list[Found]:
        """Return the servers of which everything is known."""
        return list(self._complete())

    def _take_instance(self, record: Record) -> None:
        assert isinstance(record.data, tuple)
        key = fold(record.data)
        if record.ttl_s == 0:
            self._instances.pop(key, None)
        elif len(self._instances) < MAX_FOUND:
            self._instances[key] = record.data

    def _take(self, record: Record, interface: str) -> None:
        key = fold(record.name)
        if isinstance(record.data, Srv):
            if key in self._instances:
                self._services[key] = record.data
        elif record.type == Type.TXT and isinstance(record.data, bytes):
            if key in self._instances and len(record.data) > len(self._texts.get(key, b"")):
                self._texts[key] = record.data  # the one with `path` says more
        elif record.type in (Type.A, Type.AAAA) and isinstance(record.data, bytes):
            if key not in self._hosts and len(self._hosts) >= MAX_HOSTS:
                return
            addresses = self._hosts.setdefault(key, {})
            if len(addresses) < MAX_ADDRESSES:
                addresses[ip_address(record.data)] = interface

    def _complete(self) -> Iterator[Found]:
        for instance, told in self._instances.items():
            service, text = self._services.get(instance), self._texts.get(instance)
            pairs = parse_txt(text) if text is not None else None
            if service is None or pairs is None:
                continue
            addresses = _ordered(self._hosts.get(fold(service.target), {}))
            if not addresses:
                continue
            https = _https_port(pairs)
            if https == 0:
                continue
            yield Found(
                instance=told[0].decode("utf-8", "replace"),
                domain=self.domain,
                host=format_name(service.target),
                addresses=addresses,
                port=service.port,
                https_port=https,
                dcap=pairs["dcap"] or "",
                path=pairs.get("path"),
                level=pairs.get("level"),
            )


def merge(found: list[Found]) -> list[Found]:
    """Return each server once, though it may answer in several domains: by instance and port."""
    merged: dict[tuple[str, int, int | None], Found] = {}
    for one in found:
        key = (one.instance, one.port, one.https_port)
        known = merged.get(key)
        both = one.addresses if known is None else tuple(dict.fromkeys(known.addresses + one.addresses))
        merged[key] = replace(known or one, addresses=both)
    return list(merged.values())


def _https_port(pairs: dict[str, str | None]) -> int | None:
    """Return the TLS port; None: no TLS, 0: not a port."""
    if "https" not in pairs:
        return None
    value = pairs["https"]
    if not value:
        return DEFAULT_HTTPS
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= 0xFFFF):
        return 0
    return int(value)


def _ordered(addresses: dict[Address, str]) -> tuple[str, ...]:
    """Return addresses as text, those that reach farthest first."""
    ranked = sorted(addresses, key=lambda one: (one.is_link_local, one.version == 4))
    return tuple(
        f"{one}%{addresses[one]}"
        if isinstance(one, IPv6Address) and one.is_link_local and addresses[one]
        else str(one)
        for one in ranked
    )
