"""A real server with its operator's listener in a thread, and devices that post to it as devices do."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from openesi.sep2 import identity, xml
from openesi.sep2 import model as sep
from openesi.sep2.enums import FlowDirection, RoleFlag, to_bits
from openesi.server import operator
from openesi.server.message import Peer, Request, Response
from openesi.server.service import Place, Service, running
from openesi.server.settings import Settings
from openesi.store import Transaction
from openesi.web import listener
from openesi.web.live import Live

T = TypeVar("T")
XML = "application/sep+xml"
PIN = 123455


def lfdi_of(number: int) -> bytes:
    return bytes((number, 0x4F, 0xAA, 0x5E, number)) + bytes(range(11)) + number.to_bytes(4, "big")


class House:
    """One server; its clock runs, and ``ahead_s`` is added to it. ``token`` is the operator's."""

    def __init__(self, folder: Path, *, token: str | None = None, **settings: Any) -> None:
        self.token = token
        self.folder = folder
        self.settings = Settings(**{"default_poll_rate": 60, "post_rate": 60} | settings)
        self.ahead_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="house", daemon=True)
        self._stack, self._page = AsyncExitStack(), AsyncExitStack()
        self.service: Service
        self.live: Live
        self.url: str

    def clock(self) -> float:
        return time.time() + self.ahead_s

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def start(self, web_port: int = 0) -> None:
        self._thread.start()

        async def begin() -> None:
            place = Place(data=self.folder, hosts=("127.0.0.1",), port=0)
            self.service = await self._stack.enter_async_context(
                running(place, self.settings, clock=self.clock)
            )
            self.live = Live(self.service)
            self.url = await self._page.enter_async_context(
                listener.listening(
                    self.service, host="127.0.0.1", port=web_port, live=self.live, token=self.token
                )
            )

        self.run(begin())

    async def shut_page(self) -> None:
        """Take the operator's listener away; the server goes on."""
        await self._page.aclose()

    def stop(self) -> None:
        self.run(self.shut_page())
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def change(self, change: Callable[[Transaction], T]) -> T:
        return self.run(self.service.store.write(change))

    def register(self, number: int) -> str:
        row = self.change(
            lambda tx: operator.add_device(
                tx, lfdi_of(number), pin=PIN, now=int(self.clock()), settings=self.settings
            )
        )
        return row.path

    def ask(self, device: int, method: str, target: str, document: sep.Sep | None = None) -> Response:
        """Send one request as a device, without the wire; it must not be refused."""
        response = self.answered(device, method, target, document)
        assert response.status < 400, (method, target, response)
        return response

    def answered(self, device: int, method: str, target: str, document: sep.Sep | None = None) -> Response:
        """Send one request as a device, without the wire."""
        lfdi = lfdi_of(device)
        peer = Peer(
            lfdi=lfdi,
            sfdi=identity.sfdi_from_lfdi(lfdi),
            certificate=None,
            self_signed=False,
            address="192.0.2.1",
        )
        headers = {"accept": XML, "content-type": XML, "host": "esi"}
        body = b"" if document is None else xml.serialize(document)
        path, _, query = target.partition("?")
        request = Request(method, target, path, query, headers, body, peer)

        async def answer() -> Response:
            result = self.service.application(request)
            return result if isinstance(result, Response) else await result

        return self.run(answer())

    def install(self, number: int, *, max_w: int = 5_000, der_type: int = 4, model: str = "Sunny 5") -> str:
        """Register a device and post what an inverter posts first."""
        path = self.register(number)
        now = int(self.clock())
        power = operator.active_power(max_w)
        self.ask(number, "PUT", f"{path}/di", information(lfdi_of(number), model, now))
        self.ask(
            number,
            "PUT",
            f"{path}/der/1/dercap",
            sep.DERCapability(modesSupported=b"\x00\x00\x00\x01", rtgMaxW=power, type=der_type),
        )
        self.ask(
            number, "PUT", f"{path}/der/1/derg", sep.DERSettings(setGradW=100, setMaxW=power, updatedTime=now)
        )
        self.ask(
            number,
            "PUT",
            f"{path}/der/1/ders",
            sep.DERStatus(
                readingTime=now,
                genConnectStatus=sep.ConnectStatusType(dateTime=now, value=b"\x07"),
                inverterStatus=sep.InverterStatusType(dateTime=now, value=4),
            ),
        )
        return path

    def post_power(self, number: int, power_w: float, *, grid: bool = False) -> None:
        """Post what a device gives, or with ``grid`` what a grid meter draws."""
        role = RoleFlag.IS_PREMISES_AGGREGATION_POINT if grid else RoleFlag.IS_DER | RoleFlag.IS_SUBMETER
        flow = FlowDirection.FORWARD if grid else FlowDirection.REVERSE
        mirror = sep.MirrorUsagePoint(
            mRID=bytes((number,)) * 16,
            description="Grid meter" if grid else "Inverter",
            roleFlags=to_bits(role, 2),
            serviceCategoryKind=0,
            status=1,
            deviceLFDI=lfdi_of(number),
            postRate=60,
            MirrorMeterReading=(
                sep.MirrorMeterReading(
                    mRID=bytes((number,)) * 15 + b"\x01",
                    Reading=sep.Reading(value=round(power_w)),
                    ReadingType=sep.ReadingType(uom=38, flowDirection=flow, kind=37, powerOfTenMultiplier=0),
                ),
            ),
        )
        self.ask(number, "POST", "/mup", mirror)

    def respond(self, number: int, event: str, status: int) -> None:
        subject = xml.parse_as(self.ask(number, "GET", event).body, sep.DERControl).mRID
        answer = sep.DERControlResponse(
            endDeviceLFDI=lfdi_of(number), subject=subject, status=status, createdDateTime=int(self.clock())
        )
        self.ask(number, "POST", "/rsps/1/rsp", answer)


def information(lfdi: bytes, model: str, now: int) -> sep.DeviceInformation:
    return sep.DeviceInformation(
        lFDI=lfdi,
        mfDate=now,
        mfHwVer="1",
        mfID=40732,
        mfModel=model,
        mfSerNum="1",
        primaryPower=1,
        secondaryPower=0,
        swActTime=now,
        swVer="2.1.0",
    )


@contextmanager
def house_in(folder: Path, **settings: Any) -> Iterator[House]:
    house = House(folder, **settings)
    house.start()
    try:
        yield house
    finally:
        house.stop()
