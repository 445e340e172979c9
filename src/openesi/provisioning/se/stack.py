"""The part of a Zigbee stack that both ends share: addresses, keys, counters, frames in and out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from openesi.errors import LocalError
from openesi.provisioning.se import aps, mmo, nwk, security
from openesi.provisioning.se.security import FrameError, KeyId

# Counters must never repeat under one key. Those on disk run ahead by this much, so that a crash repeats
# none.
COUNTER_RESERVE: Final = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """A partner, at both layers."""

    eui64: bytes
    short: int


@dataclass(frozen=True, slots=True)
class Received:
    """What a frame carried, and who proved to have sent it."""

    source: bytes  # EUI-64
    content: aps.ApsData | aps.TransportKey | aps.RemoveDevice
    link_key: bytes | None = field(default=None, repr=False)  # the one that opened it


class Stack:
    """One node's frames. Raises ``FrameError`` for what it cannot read; the caller drops those."""

    def __init__(self, eui64: bytes, *, short: int = 0, counter: int = 0) -> None:
        self.eui64 = eui64
        self.short = short
        self.counter = counter
        self.network_key: bytes | None = None
        # partner -> the keys it may use, newest first; two while a new one is not confirmed by use
        self.link_keys: dict[bytes, tuple[bytes, ...]] = {}
        # (partner, layer) -> last counter seen. Only who holds a key gets in, so it is bounded by the key
        # table.
        self._seen: dict[tuple[bytes, KeyId], int] = {}
        self._sequence = 0

    def forget(self, partner: bytes) -> None:
        """Drop a partner's keys and counters."""
        self.link_keys.pop(partner, None)
        for key_id in KeyId:
            self._seen.pop((partner, key_id), None)

    def send_data(self, to: Address, data: aps.ApsData) -> bytes:
        """The octets of a message, secured with the link key if it says so, and with the network key."""
        header, payload = aps.serialize_data(data, self._next_sequence())
        if data.secure:
            keys = self.link_keys.get(to.eui64)
            if not keys:
                raise LocalError("there is no link key for this partner yet")
            payload = self._protect(header, payload, keys[0], KeyId.LINK)
        frame = nwk.NwkFrame(to.short, self.short, self._next_sequence(), header + payload)
        self.counter += 1
        return nwk.serialize(frame, key=self.network_key, counter=self.counter, source=self.eui64)

    def send_command(
        self, to: Address, command: aps.TransportKey | aps.RemoveDevice, link_key: bytes
    ) -> bytes:
        """The octets of a trust-centre command, under the key-transport key of ``link_key``."""
        header, body = aps.serialize_command(command, self._next_sequence())
        sealed = self._protect(header, body, mmo.key_transport_key(link_key), KeyId.TRANSPORT)
        return nwk.serialize(nwk.NwkFrame(to.short, self.short, self._next_sequence(), header + sealed))

    def receive(self, octets: bytes) -> Received:
        """Open a frame, outer layer first. Old counters are refused as repetitions."""
        outer = nwk.parse(octets)
        if outer.secured is None:
            return self._receive_command(outer.payload)
        if self.network_key is None:
            raise FrameError("there is no network key yet")
        inner = aps.parse(outer.secured.open(self.network_key))
        self._count(outer.secured.source, outer.secured)
        if inner.command:
            raise FrameError("commands come under the key-transport key")
        source = outer.secured.source
        if inner.secured is None:
            return Received(source, aps.parse_data(inner, inner.body))
        for key in self.link_keys.get(source, ()):
            try:
                payload = inner.secured.open(key)
            except FrameError:
                continue
            self._count(source, inner.secured)
            return Received(source, aps.parse_data(inner, payload), key)
        raise FrameError("the message is secured with a link key that is not this partner's")

    def _receive_command(self, octets: bytes) -> Received:
        frame = aps.parse(octets)
        if not frame.command or frame.secured is None or frame.secured.key_id is not KeyId.TRANSPORT:
            raise FrameError("in the clear only the trust centre's secured commands are taken")
        for key in self.link_keys.get(frame.secured.source, ()):
            try:
                body = frame.secured.open(mmo.key_transport_key(key))
            except FrameError:
                continue
            self._count(frame.secured.source, frame.secured)
            return Received(frame.secured.source, aps.parse_command(body), key)
        raise FrameError("the command is secured with another link key: is the install code right?")

    def _count(self, source: bytes, secured: security.Secured) -> None:
        place = source, secured.key_id
        if secured.counter <= self._seen.get(place, -1):
            raise FrameError("the frame's counter is not newer than the last one: a repetition")
        self._seen[place] = secured.counter

    def _protect(self, header: bytes, payload: bytes, key: bytes, key_id: KeyId) -> bytes:
        self.counter += 1
        return security.protect(
            header, payload, key=key, key_id=key_id, counter=self.counter, source=self.eui64
        )

    def _next_sequence(self) -> int:
        self._sequence = self._sequence + 1 & 0xFF
        return self._sequence
