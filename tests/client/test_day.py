"""A whole day of an inverter at a real server, in some seconds."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from client.conftest import serving
from openesi.client.agent import Agent, State
from openesi.devices.solar import SolarInverter
from openesi.devices.sun import Site
from openesi.sep2 import model as sep
from openesi.server import operator
from openesi.server.documents import read_document

HOUR = 3_600
POLL_S = 900
MIDNIGHT = 1_800_057_600


@pytest.mark.timeout(120)
def test_a_day_of_trouble(tmp_path: Path) -> None:
    """Cancelled, superseded, restarted, cut off, and the server's clock is set: everything is said once."""

    async def scenario() -> None:
        async with serving(tmp_path / "data", default_poll_rate=600, post_rate=POLL_S) as house:
            house.clock.now = float(MIDNIGHT)
            settings, own = house.service.settings, house.issue()
            skew = 0.0

            def device() -> tuple[SolarInverter, Agent]:
                made = SolarInverter(site=Site(latitude=-30, longitude=0), stored_share=0.0)
                agent = Agent(
                    house.client(own),
                    made,
                    random=random.Random(1),
                    local=lambda: house.clock.now - skew,
                    fallback_s=0.0,
                    memory=tmp_path / "memory.json",
                )
                return made, agent

            async def order(program: str, start: int, duration: int) -> str:
                made = operator.ControlOrder(
                    base=sep.DERControlBase(opModMaxLimW=4_000), start=start, duration_s=duration
                )
                now = int(house.clock())
                row = await house.service.store.write(
                    lambda tx: operator.send_control(tx, program, made, now=now, settings=settings)
                )
                return row.path

            stronger = await house.service.store.write(
                lambda tx: operator.add_program(tx, description="near", primacy=1, settings=settings)
            )
            paths = [await order("/derp/1", MIDNIGHT + hour * HOUR + 1_800, 1_200) for hour in range(24)]
            inverter, agent = device()
            url = agent.esi.url
            for second in range(0, 25 * HOUR, 120):
                house.clock.now = float(MIDNIGHT + second)
                now = int(house.clock.now)
                if second == 5 * HOUR + 1_920:
                    await house.service.store.write(
                        lambda tx, now=now: operator.cancel_event(tx, paths[5], now=now)
                    )
                elif second == 8 * HOUR + 1_920:  # in the middle of an event
                    await agent.esi.close()
                    inverter, agent = device()
                elif second == 12 * HOUR + 600:
                    agent.esi.url = "https://127.0.0.1:1/dcap"
                elif second == 13 * HOUR + 3_000:
                    agent.esi.url = url
                elif second == 15 * HOUR:
                    await order(stronger.path, MIDNIGHT + 16 * HOUR + 1_200, 1_200)
                elif second == 18 * HOUR:
                    skew = 40.0  # the device's clock stands still for a while
                agent.tick()
                while await agent.turn() <= 0:
                    pass
                if second in (12 * HOUR + 2_160, 13 * HOUR + 2_160):
                    assert inverter.state.power_w == 2_000  # obeyed without the server
            assert not agent.problems
            rows = await house.service.store.read(lambda reader: list(reader.page("/rsps/1/rsp", limit=200)))
            said = [read_document(row, sep.Response) for row in rows]
            assert len({(one.subject, one.status) for one in said}) == len(said)
            statuses = [one.status for one in said]
            assert {status: statuses.count(status) for status in set(statuses)} == {
                1: 25,
                2: 24,
                3: 23,
                6: 1,
                7: 1,
            }
            await agent.esi.close()

    asyncio.run(scenario())


@pytest.mark.timeout(120)
def test_a_day(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(
            tmp_path / "data", default_poll_rate=POLL_S, post_rate=POLL_S, response_required=3
        ) as house:
            house.clock.now = float(MIDNIGHT)
            settings = house.service.settings
            device = SolarInverter(site=Site(latitude=-30, longitude=0), stored_share=0.0)
            esi = house.client()
            agent = Agent(esi, device, random=random.Random(1), local=house.clock, fallback_s=0.0)

            async def order(start: int, duration: int, limit: int) -> None:
                made = operator.ControlOrder(
                    base=sep.DERControlBase(opModMaxLimW=limit), start=start, duration_s=duration
                )
                now = int(house.clock())
                await house.service.store.write(
                    lambda tx: operator.send_control(tx, "/derp/1", made, now=now, settings=settings)
                )

            for hour in range(24):  # every hour, announced at midnight: half an hour at 40 %
                await order(MIDNIGHT + hour * HOUR + 1_800, 1_800, 4_000)
            powers: dict[int, float] = {}
            for second in range(0, 24 * HOUR + POLL_S, 120):
                house.clock.now = float(MIDNIGHT + second)
                agent.tick()
                while await agent.turn() <= 0:
                    pass
                powers[second] = device.state.power_w
            assert agent.state is State.CONNECTED
            assert not agent.problems
            assert max(powers[hour * HOUR + 2_400] for hour in range(24)) == 2_000
            assert powers[12 * HOUR + 1_200] > 4_500
            assert powers[0] == powers[23 * HOUR] == 0
            assert device.state.shed_wh > 5_000
            assert device.state.stored_wh > 9_000  # it took what was not let out
            rows = await house.service.store.read(lambda reader: list(reader.page("/rsps/1/rsp", limit=200)))
            statuses = [read_document(row, sep.Response).status for row in rows]
            assert {status: statuses.count(status) for status in set(statuses)} == {1: 24, 2: 24, 3: 24}
            await esi.close()

    asyncio.run(scenario())
