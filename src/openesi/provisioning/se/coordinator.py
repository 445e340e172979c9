"""The coordinator of a home network: what the meter's ESI asks of the radio at its side.

``Coordinator`` is the whole of it: let a device join with a key, give it another key, send, put it out. A
network co-processor does that in its firmware (``provisioning.zigbee`` drives one); ``SimulatedCoordinator``
does it here, in frames: beacons, associations, the network key on its way, and both layers' security.

The other way, a coordinator tells the ESI of two things: ``Esi.asks_to_join`` and ``Esi.take``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from openesi.provisioning.se import aps, eui64, nwk, stack
from openesi.provisioning.se.memory import Memory
from openesi.provisioning.se.radio import Frame, Kind
from openesi.provisioning.se.security import FrameError
from openesi.provisioning.se.stack import Address, Stack

if TYPE_CHECKING:
    from openesi.provisioning.se.esi import Esi


class Coordinator(Protocol):
    """A radio that has formed the network and is its trust centre.

    Methods return frames for a simulated air to carry; a real radio returns none and acts by itself.
    """

    def admit(self, device: bytes, key: bytes, seconds: float) -> None:
        """Let a device join with its preconfigured key for so long; called again to renew."""
        ...

    def shut(self) -> None:
        """Let nobody join any more."""
        ...

    def trust(self, device: bytes, keys: tuple[bytes, ...]) -> None:
        """Secure messages with the first key; take those that are secured with any of them."""
        ...

    def forget(self, device: bytes) -> None:
        """Drop a device's keys and counters."""
        ...

    def send(self, to: Address, data: aps.ApsData, label: str, step: int) -> list[Frame]:
        """Send a message to a device that has joined."""
        ...

    def expel(self, to: Address) -> list[Frame]:
        """Put a device out of the network."""
        ...


class SimulatedCoordinator:
    """A coordinator of the simulated air (``radio.Ether``). Counters and network key are in ``memory``."""

    def __init__(self, own: bytes, memory: Memory) -> None:
        self._own = own
        self._memory = memory
        # A counter on disk may be behind the one used: start where none has been.
        self._stack = Stack(own, counter=memory.counter + stack.COUNTER_RESERVE)
        self._stack.network_key = memory.network_key

    def admit(self, device: bytes, key: bytes, seconds: float) -> None:
        """See ``Coordinator``. How long is for the ESI to say, which is asked for each beacon."""
        if device not in self._stack.link_keys:
            self._stack.link_keys[device] = (key,)

    def shut(self) -> None:
        """See ``Coordinator``. Here the ESI is asked each time."""

    def trust(self, device: bytes, keys: tuple[bytes, ...]) -> None:
        """See ``Coordinator``."""
        self._stack.link_keys[device] = keys

    def forget(self, device: bytes) -> None:
        """See ``Coordinator``."""
        self._stack.forget(device)

    def send(self, to: Address, data: aps.ApsData, label: str, step: int) -> list[Frame]:
        """See ``Coordinator``."""
        return [self._frame(to, self._stack.send_data(to, data), label, step)]

    def expel(self, to: Address) -> list[Frame]:
        """See ``Coordinator``."""
        key = self._stack.link_keys[to.eui64][0]
        octets = self._stack.send_command(to, aps.RemoveDevice(to.eui64), key)
        return [self._frame(to, octets, "Remove-Device", 0)]

    def receive(self, frame: Frame, esi: Esi, now: float) -> list[Frame]:
        """Take a frame; what cannot be opened is dropped."""
        match frame.kind:
            case Kind.BEACON_REQUEST:
                permit = b"\x01" if esi.permits_joining(now) else b"\x00"
                return [Frame(Kind.BEACON, self._own, frame.source, self._memory.pan, permit, "Beacon", 5)]
            case Kind.ASSOCIATION_REQUEST:
                return self._associate(frame.source, esi, now)
            case Kind.DATA:
                try:
                    received = self._stack.receive(frame.payload)
                except FrameError:
                    return []
                if isinstance(received.content, aps.ApsData):
                    return esi.take(received.source, received.content, now, key=received.link_key)
        return []

    def _associate(self, device: bytes, esi: Esi, now: float) -> list[Frame]:
        if not esi.asks_to_join(device, now):
            return [self._association(device, nwk.UNASSIGNED, status=2)]
        entry = self._memory.entries[eui64.serialize(device)]
        key = aps.TransportKey(self._memory.network_key, device, self._own)
        to = Address(device, entry.short)
        octets = self._stack.send_command(to, key, entry.preconfigured_key)
        return [
            self._association(device, entry.short, status=0),
            self._frame(to, octets, "Transport-Key (network key)", 6),
        ]

    def _association(self, device: bytes, short: int, *, status: int) -> Frame:
        payload = b"\x02" + short.to_bytes(2, "little") + bytes([status])
        label = "Association response" if status == 0 else "Association response (refused)"
        return Frame(Kind.ASSOCIATION_RESPONSE, self._own, device, self._memory.pan, payload, label, 6)

    def _frame(self, to: Address, octets: bytes, label: str, step: int) -> Frame:
        # On disk in strides: a save for each frame would wear out a meter's flash, and cost us a commit.
        if self._stack.counter >= self._memory.counter + stack.COUNTER_RESERVE:
            self._memory.counter = self._stack.counter
        return Frame(Kind.DATA, self._own, to.eui64, self._memory.pan, octets, label, step)
