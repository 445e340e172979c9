"""A device that is told of changes: by a real server, and what becomes of it when that does not work."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from client.conftest import House, serving
from client.test_agent import POLL_S, Driven
from openesi.client import Notify
from openesi.client.agent import State
from openesi.client.notifications import Received
from openesi.client.subscriptions import RENEW_S, Subscriptions
from openesi.sep2 import model as sep
from openesi.sep2.xml import parse_as

CONTROLS = "/derp/1/derc"
SETTINGS: dict[str, Any] = {
    "default_poll_rate": POLL_S,
    "post_rate": POLL_S,
    "notify_local": True,
    "notify_every_s": 0,
}


def notified(house: House) -> Driven:
    return Driven(house, house.issue(pin=111115), notify=Notify(host="127.0.0.1", bind="127.0.0.1"))


async def subscribed(house: House) -> dict[str, sep.Subscription]:
    rows = await house.service.store.read(lambda reader: list(reader.of_type("Subscription", limit=99)))
    found = [parse_as(row.body, sep.Subscription) for row in rows]
    return {one.subscribedResource: one for one in found}


async def until_told(driven: Driven, events: int) -> None:
    """Let the agent talk, its clock standing still, until it knows so many events."""
    assert driven.agent.programs is not None
    driven.house.clock.now += 2
    async with asyncio.timeout(15):
        while len(driven.agent.programs.scheduler.tracked) < events:
            await driven.agent.turn()
            await asyncio.sleep(0.01)


def count_requests(driven: Driven) -> Counter[str]:
    asked: Counter[str] = Counter()
    send = driven.agent.esi.request_raw

    async def counted(method: str, href: str, *rest: Any) -> Any:
        asked[f"{method} {href.partition('?')[0]}"] += 1
        return await send(method, href, *rest)

    driven.agent.esi.request_raw = counted  # type: ignore[method-assign]
    return asked


def test_a_device_subscribes_is_told_and_polls_no_more(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data, **SETTINGS) as house:
            driven = notified(house)
            await driven.live(2)  # what was read before it listens is subscribed to all the same
            async with driven.agent.listening():
                await driven.live(5)
                assert {"/edev/1/fsa", "/derp", CONTROLS, "/derp/1/dderc"} <= set(await subscribed(house))
                await driven.send(3_000, 60, opModMaxLimW=2_000)
                await until_told(driven, 1)
                await driven.live(POLL_S, step_s=10)
                asked = count_requests(driven)
                await driven.live(15 * POLL_S, step_s=10)
                assert asked[f"GET {CONTROLS}"] == 1  # a look now and then all the same
                assert asked["GET /edev/1/der"] == 15  # what is told goes on
                await driven.live(RENEW_S, step_s=2_400)
                assert asked["PUT /edev/1/sub/1"] == 1
            await driven.agent.esi.close()

    asyncio.run(scenario())


def test_a_change_that_was_not_told_brings_the_polls_back(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data, **SETTINGS) as house:
            driven = notified(house)
            async with driven.agent.listening():
                await driven.live(5)
                await driven.send(9_000, 60, opModMaxLimW=2_000)
                await until_told(driven, 1)
                await house.service.store.write(
                    lambda tx: [tx.watch(row.path, set()) for row in tx.of_type("Subscription", limit=99)]
                )
                await driven.send(9_100, 60, opModMaxLimW=2_000)
                await driven.live(20 * POLL_S, step_s=10)
                asked = count_requests(driven)
                await driven.live(10 * POLL_S, step_s=10)
                assert asked[f"GET {CONTROLS}"] == 10
            await driven.agent.esi.close()

    asyncio.run(scenario())


def test_a_restarted_device_ends_what_leads_nowhere(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data, **SETTINGS) as house:
            driven = notified(house)
            async with driven.agent.listening():
                await driven.live(5)
                old = await subscribed(house)
            async with driven.agent.listening():
                await driven.live(5)
                new = await subscribed(house)
            assert old.keys() == new.keys()
            assert not {one.notificationURI for one in old.values()} & {
                one.notificationURI for one in new.values()
            }
            await driven.agent.esi.close()

    asyncio.run(scenario())


def test_a_server_whose_name_nobody_knows_yet_is_polled(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data, **SETTINGS) as house:
            driven = notified(house)
            url, driven.agent.esi.url = driven.agent.esi.url, "https://nobody.invalid/dcap"
            async with driven.agent.listening():
                assert "nobody.invalid" in str(driven.agent.problem)
                driven.agent.esi.url = url
                await driven.live(5)
                assert driven.agent.state is State.CONNECTED
            assert await subscribed(house) == {}
            await driven.agent.esi.close()

    asyncio.run(scenario())


def test_a_server_that_takes_no_subscriptions_is_polled(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data, **SETTINGS | {"notify_local": False}) as house:
            driven = notified(house)
            async with driven.agent.listening():
                await driven.live(5)
                asked = count_requests(driven)
                await driven.live(10 * POLL_S, step_s=10)
                assert asked[f"GET {CONTROLS}"] == 10
                assert asked["POST /edev/1/sub"] == 0  # not asked again before an hour has gone by
            assert await subscribed(house) == {}
            await driven.agent.esi.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        pytest.param({}, True, id="ours"),
        pytest.param({"status": 1}, True, id="it ends"),
        pytest.param({"sender": bytes(20)}, False, id="somebody else's"),
        pytest.param({"path": "/elsewhere"}, False, id="another place"),
        pytest.param({"resource": "/derp/9/derc"}, False, id="never asked for"),
        pytest.param({"resource": "https://other.example/derp/1/derc"}, False, id="another server's"),
    ],
)
def test_whom_it_listens_to(data: Path, changes: dict[str, Any], taken: bool) -> None:
    async def scenario() -> None:
        async with serving(data, **SETTINGS) as house:
            driven = notified(house)
            async with driven.agent.listening():
                await driven.live(5)
                subscriptions = driven.agent._subscriptions
                assert isinstance(subscriptions, Subscriptions)
                (sender,) = driven.agent.esi.server_lfdis
                told = sep.Notification(
                    subscribedResource=changes.get("resource", CONTROLS),
                    status=changes.get("status", 0),
                    subscriptionURI=f"{house.url}/edev/1/sub/1",
                )
                path = changes.get("path", subscriptions.uri.partition("/ntfy/")[2])
                received = Received(
                    told, changes.get("sender", sender), path if path[:1] == "/" else f"/ntfy/{path}"
                )
                assert subscriptions.take(received, driven.agent.shared) is taken
                assert subscriptions.arrives is (taken and not changes)
                assert ("programs" in driven.agent.shared.hasten) is taken
            await driven.agent.esi.close()

    asyncio.run(scenario())


def test_a_server_that_tells_without_end_is_asked_once_a_second(data: Path) -> None:
    async def scenario() -> None:
        async with serving(data, **SETTINGS) as house:
            driven = notified(house)
            async with driven.agent.listening():
                await driven.live(5)
                subscriptions = driven.agent._subscriptions
                assert subscriptions is not None
                (sender,) = driven.agent.esi.server_lfdis
                path = "/ntfy/" + subscriptions.uri.partition("/ntfy/")[2]
                told = sep.Notification(
                    subscribedResource=CONTROLS, status=0, subscriptionURI=f"{house.url}/edev/1/sub/1"
                )
                asked = count_requests(driven)
                for _ in range(400):
                    house.clock.now += 0.01
                    assert subscriptions.take(Received(told, sender, path), driven.agent.shared)
                    await driven.agent.turn()
                assert 3 <= asked[f"GET {CONTROLS}"] <= 5
            await driven.agent.esi.close()

    asyncio.run(scenario())
