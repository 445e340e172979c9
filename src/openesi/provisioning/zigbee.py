"""A real radio under the meter's ESI: an EmberZNet co-processor on a serial line, by the library bellows.

The firmware is trust centre and coordinator: it forms the network, hands out the network key under the
install code's, answers device-object requests and secures messages. The library (and zigpy below it) speaks
to the firmware. Here is only what lies between the two and ``se.esi``: ``Coordinator`` towards the ESI, and a
subclass of the library's application towards the radio.

bellows and zigpy are GPL-3.0; nothing else here imports them. ``pip install 'openesi[zigbee]'``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import bellows.zigbee.application  # type: ignore[import-untyped]
import zigpy.application
import zigpy.config
import zigpy.exceptions
import zigpy.types
import zigpy.zdo.types

from openesi.errors import LocalError, Unreachable
from openesi.provisioning.se import aps, esi, eui64, zdo
from openesi.provisioning.se import octets as wire
from openesi.provisioning.se.radio import Frame
from openesi.provisioning.se.security import FrameError
from openesi.provisioning.se.stack import Address

LOG: Final = logging.getLogger(__name__)
MAX_ACTIONS: Final = 200  # waiting for the radio; what is beyond is dropped, as the air would drop it
ACTION_S: Final = 30.0  # the longest that the radio may take for one
NO_ENTRY: Final = 0xFF
PERMIT_MAX_S: Final = 254  # what fits the one octet of a permit-join

Application = zigpy.application.ControllerApplication
TYPES: Final[Any] = zigpy.types  # its constructors have no types themselves
_FAILURES: Final = (
    OSError,
    TimeoutError,
    zigpy.exceptions.ZigbeeException,
    zigpy.exceptions.RadioException,
)
# Puts a device's link key into the radio's key table. zigpy has no word for it, so each library has its own.
WriteKey = Callable[[Any, zigpy.types.EUI64, zigpy.types.KeyData], Awaitable[None]]


class Meter(Protocol):
    """What the radio tells: ``roles.meter_esi.MeterEsi`` is one."""

    eui64: bytes

    def device_asks(self, device: bytes, short: int, now: float) -> bool:
        """Whether a device that associates may stay."""
        ...

    def device_says(self, device: bytes, data: aps.ApsData, now: float) -> None:
        """A message arrived."""
        ...


class ZigbeeRadio:
    """A ``se.coordinator.Coordinator``. What it is asked is done one after the other, as the radio allows."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._actions: asyncio.Queue[Callable[[], Awaitable[object]]] = asyncio.Queue(MAX_ACTIONS)
        self._application: Any = None
        self._write_key: WriteKey | None = None
        self._meter: Meter | None = None
        self._changed: Callable[[], None] = lambda: None
        self._worker: asyncio.Task[None] | None = None

    async def start(
        self,
        application: Any,
        meter: Meter,
        *,
        write_key: WriteKey,
        devices: dict[bytes, int],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Start the radio for ``meter``.

        ``application`` is an instance of what ``application_class`` made; ``devices`` are those in the
        network already, with their short addresses; ``changed`` is called after the meter was told something.
        Raises ``Unreachable`` if there is no radio, ``LocalError`` if it is not this meter's.
        """
        self._application, self._meter, self._write_key = application, meter, write_key
        self._changed = changed
        application.radio = self
        try:
            await application.startup(auto_form=True)
        except _FAILURES as error:
            raise Unreachable(f"the radio does not answer: {_reason(error)}") from error
        own = _from_ieee(application.state.node_info.ieee)
        if own != meter.eui64:
            await application.shutdown()
            raise LocalError(
                f"the radio is {eui64.serialize(own)}, the certificate is of {eui64.serialize(meter.eui64)}: "
                "an ESI needs a certificate for the address of its radio"
            )
        for device, short in devices.items():
            application.add_device(_to_ieee(device), TYPES.NWK(short))
        self._worker = asyncio.create_task(self._work())

    async def idle(self) -> None:
        """Return when everything asked so far is done."""
        await self._actions.join()

    async def close(self) -> None:
        """Stop the radio; the network stays, without anybody to let in new devices."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            await self._application.shutdown()

    # -- asked by the ESI

    def admit(self, device: bytes, key: bytes, seconds: float) -> None:
        """See ``Coordinator``."""
        time_s = max(0, min(PERMIT_MAX_S, round(seconds)))
        self._do(
            lambda: self._application.permit_with_link_key(
                _to_ieee(device), TYPES.KeyData(key), time_s=time_s
            )
        )

    def shut(self) -> None:
        """See ``Coordinator``."""
        self._do(lambda: self._application.permit(0))

    def trust(self, device: bytes, keys: tuple[bytes, ...]) -> None:
        """See ``Coordinator``. The firmware holds one key for each device, so only the newest counts."""
        write = self._write_key
        if write is not None:
            self._do(lambda: write(self._application, _to_ieee(device), TYPES.KeyData(keys[0])))

    def forget(self, device: bytes) -> None:
        """See ``Coordinator``. The firmware drops a key when the device joins anew, or another is written."""

    def send(self, to: Address, data: aps.ApsData, label: str, step: int) -> list[Frame]:
        """See ``Coordinator``."""
        options = TYPES.TransmitOptions.ACK
        if data.secure:
            options |= TYPES.TransmitOptions.APS_Encryption
        packet = TYPES.ZigbeePacket(
            src=_address(0x0000),
            src_ep=data.source_endpoint,
            dst=_address(to.short),
            dst_ep=data.destination_endpoint,
            tsn=_transaction(data),
            profile_id=data.profile,
            cluster_id=data.cluster,
            data=TYPES.SerializableBytes(data.payload),
            tx_options=options,
        )
        self._do(lambda: self._application.send_packet(packet))
        return []

    def expel(self, to: Address) -> list[Frame]:
        """See ``Coordinator``."""

        async def remove() -> None:
            device = self._application.devices.pop(_to_ieee(to.eui64), None)
            if device is not None:
                await self._application.force_remove(device)

        self._do(remove)
        return []

    # -- told by the radio

    def joined(self, device: bytes, short: int) -> None:
        """A device has associated; whether it can read the network key is to be seen."""
        if self._meter is None:
            return
        if not self._meter.device_asks(device, short, self._clock()):
            self.expel(Address(device, short))
        self._changed()

    def heard(self, device: bytes, data: aps.ApsData) -> None:
        """A message has arrived."""
        # The firmware answers requests between device objects; the ESI gets its own answers and the news.
        if data.profile == zdo.PROFILE and not (
            data.cluster & zdo.RESPONSE or data.cluster == zdo.DEVICE_ANNCE
        ):
            return
        if self._meter is not None:
            self._meter.device_says(device, data, self._clock())
            self._changed()

    def _do(self, action: Callable[[], Awaitable[object]]) -> None:
        try:
            self._actions.put_nowait(action)
        except asyncio.QueueFull:
            LOG.warning("the radio does not keep up; something it was asked is dropped")

    async def _work(self) -> None:
        while True:
            action = await self._actions.get()
            try:
                async with asyncio.timeout(ACTION_S):
                    await action()
            except (LocalError, *_FAILURES) as error:
                # Whoever waits for it asks again; a device that is out of range is nobody's fault.
                LOG.warning("the radio could not do it: %s", _reason(error))
            finally:
                self._actions.task_done()


def application_class(library: type[Application] | None = None) -> type[Application]:
    """An application of a zigpy radio library (bellows if none is named) that is an ESI's radio.

    It leaves out what zigpy does for home automation: it does not interview devices, and keeps none.
    """
    base: Any = library or bellows.zigbee.application.ControllerApplication

    class SmartEnergyRadio(base):  # type: ignore[misc]
        radio: ZigbeeRadio

        async def register_endpoints(self) -> None:
            await self.add_endpoint(
                zigpy.zdo.types.SimpleDescriptor(
                    endpoint=esi.DESCRIPTOR.endpoint,
                    profile=esi.DESCRIPTOR.profile,
                    device_type=esi.DESCRIPTOR.device,
                    device_version=0,
                    input_clusters=list(esi.DESCRIPTOR.in_clusters),
                    output_clusters=list(esi.DESCRIPTOR.out_clusters),
                )
            )

        async def permit(self, time_s: int = 60, node: Any = None) -> None:
            # zigpy's own: that of bellows makes a well-known key good for everybody.
            await Application.permit(self, time_s, node)

        def handle_join(self, nwk: Any, ieee: Any, parent_nwk: Any, *, handle_rejoin: bool = True) -> None:
            del handle_rejoin
            device = self.devices.get(ieee) or self.add_device(ieee, nwk)
            device.nwk = nwk
            if parent_nwk is not None:  # None: it has announced itself, and so was in already
                self.radio.joined(_from_ieee(ieee), int(nwk))

        def packet_received(self, packet: zigpy.types.ZigbeePacket) -> None:
            data = _from_packet(packet)
            if data.profile == zdo.PROFILE and data.cluster == zdo.DEVICE_ANNCE:
                self._announced(data)
            try:
                device = self.get_device_with_address(packet.src)
            except (KeyError, ValueError):
                LOG.info("a message from %s, which is not in the network, is dropped", packet.src)
                return
            if device.ieee == self.state.node_info.ieee:  # the radio asks itself what it is
                super().packet_received(packet)
            else:
                self.radio.heard(_from_ieee(device.ieee), data)

        def _announced(self, data: aps.ApsData) -> None:
            with contextlib.suppress(FrameError):
                said = wire.decode(zdo.ANNOUNCE, data.payload)
                ieee = said["eui64"]
                if isinstance(ieee, bytes):
                    self.handle_join(TYPES.NWK(wire.number(said, "nwk")), _to_ieee(ieee), None)

    made: type[Application] = SmartEnergyRadio
    return made


def configuration(path: str) -> dict[str, Any]:
    """What a radio at ``path`` (a device file, or ``socket://HOST:PORT``) is started with."""
    return {
        zigpy.config.CONF_DEVICE: {zigpy.config.CONF_DEVICE_PATH: path},
        zigpy.config.CONF_DATABASE: None,
        zigpy.config.CONF_NWK_BACKUP_ENABLED: False,
        zigpy.config.CONF_TOPO_SCAN_ENABLED: False,
        zigpy.config.CONF_STARTUP_ENERGY_SCAN: False,
        zigpy.config.CONF_OTA: {zigpy.config.CONF_OTA_ENABLED: False},
    }


async def write_ember_key(application: Any, ieee: zigpy.types.EUI64, key: zigpy.types.KeyData) -> None:
    """Put a link key into the key table of EmberZNet. Raises ``LocalError`` if the firmware does not take it.

    Source: EZSP reference (UG100, UG600): findKeyTableEntry, addOrUpdateKeyTableEntry; from version 13 on
    importLinkKey.
    """
    ezsp = application._ezsp  # bellows has no method of its own for this
    if ezsp.ezsp_version < 13:
        (status,) = await ezsp.addOrUpdateKeyTableEntry(address=ieee, linkKey=True, keyData=key)
    else:
        (index,) = await ezsp.findKeyTableEntry(address=ieee, linkKey=True)
        if index == NO_ENTRY:
            index = await _free_entry(ezsp)
        (status,) = await ezsp.importLinkKey(index=index, address=ieee, key=key)
    if int(status) != 0:
        raise LocalError(f"the radio did not take the link key of {ieee}: {status!r}")


async def _free_entry(ezsp: Any) -> int:
    for index in range(esi.MAX_DEVICES):
        answer = await ezsp.exportLinkKeyByIndex(index=index)
        if int(answer[-1]) != 0:  # the status, which says that nothing is there
            return index
    raise LocalError(f"the radio's key table is full ({esi.MAX_DEVICES} devices)")


def _from_packet(packet: zigpy.types.ZigbeePacket) -> aps.ApsData:
    return aps.ApsData(
        cluster=int(packet.cluster_id),
        payload=packet.data.serialize(),
        profile=int(packet.profile_id),
        source_endpoint=int(packet.src_ep or 0),
        destination_endpoint=int(packet.dst_ep or 0),
        secure=TYPES.TransmitOptions.APS_Encryption in packet.tx_options,
    )


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _transaction(data: aps.ApsData) -> int:
    """The number by which question and answer belong together."""
    place = 0 if data.profile == zdo.PROFILE else 1  # after the frame control of the cluster library
    return data.payload[place] if len(data.payload) > place else 0


def _address(short: int) -> Any:
    return TYPES.AddrModeAddress(addr_mode=TYPES.AddrMode.NWK, address=TYPES.NWK(short))


def _to_ieee(device: bytes) -> Any:
    return TYPES.EUI64(device[::-1])


def _from_ieee(ieee: zigpy.types.EUI64) -> bytes:
    return bytes(ieee.serialize())[::-1]
