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
