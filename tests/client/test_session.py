from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from client.conftest import House, serving
from openesi.client import AccessRefused, Client, NotThere
from openesi.errors import LocalError, WrongUsage
from openesi.sep2 import model as sep
from openesi.sep2.errors import EncodeError
from openesi.server import operator


def run(scenario) -> None:  # type: ignore[no-untyped-def]
    asyncio.run(scenario)


async def add_controls(house: House, count: int, program: str = "/derp/1") -> None:
    now = int(house.clock())

    def add(tx) -> None:  # type: ignore[no-untyped-def]
        for number in range(count):
            order = operator.ControlOrder(
                base=sep.DERControlBase(opModMaxLimW=number), start=now + 60 + number, duration_s=600
            )
            operator.send_control(tx, program, order, now=now, settings=house.service.settings)

    await house.service.store.write(add)


async def register(esi: Client) -> str:
    href = await esi.post("/edev", sep.EndDevice(lFDI=esi.lfdi, sFDI=esi.sfdi, changedTime=0))
    assert href is not None
    return href


def test_a_device_registers_and_reads_its_controls(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data) as house, house.client() as esi:
            assert await esi.end_device() is None
            href = await register(esi)
            device = await esi.end_device()
            assert device is not None
            assert device.href == href
            await add_controls(house, 3)
            limits = [control.DERControlBase.opModMaxLimW async for control in esi.der_controls()]
            assert limits == [0, 1, 2]

    run(scenario())


def test_plain_http_is_led_to_tls(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data) as house, house.client(url=house.url.replace("https:", "http:")) as esi:
            assert (await esi.device_capability()).TimeLink is not None
            assert esi.url == house.url  # it has moved for good
            await register(esi)

    run(scenario())


def test_a_list_comes_whole_whatever_its_pages(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data) as house, house.client(page=15) as esi:
            await register(esi)
            await add_controls(house, 40)
            listed = await esi.fetch_list("/derp/1/derc", sep.DERControlList)
            assert [one.DERControlBase.opModMaxLimW for one in listed.DERControl] == list(range(40))
            assert (listed.all, listed.results) == (40, 40)

    run(scenario())


def test_the_same_answer_is_the_same_document(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data) as house, house.client() as esi:
            await register(esi)
            first = await esi.get("/derp/1/derc?l=9")
            assert await esi.get("/derp/1/derc?l=9") is first
            await add_controls(house, 1)
            assert await esi.get("/derp/1/derc?l=9") is not first

    run(scenario())


def test_what_is_not_there_or_not_ours(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data, in_band_registration=False) as house, house.client() as esi:
            with pytest.raises(NotThere, match="GET /nowhere is answered with 404"):
                await esi.get("/nowhere")
            with pytest.raises(AccessRefused, match="403"):
                await register(esi)

    run(scenario())


def test_what_cannot_be_encoded_is_not_sent(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data) as house, house.client() as esi:
            with pytest.raises(EncodeError):
                await esi.post("/edev", sep.EndDevice(lFDI=bytes(30), sFDI=0, changedTime=0))
            assert esi.requests == 0

    run(scenario())


def test_wrong_addresses_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="no address of a server"):
        Client("localhost:8443", ca="ca.pem")
    with pytest.raises(WrongUsage, match="--ca"):
        Client("https://localhost:8443")
    with pytest.raises(LocalError, match=r"none\.pem"):
        Client("https://localhost:8443", ca=tmp_path / "none.pem")
