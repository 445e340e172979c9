"""The same messages over a broker: a real one, in this process."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest
from coilmq.queue import QueueManager
from coilmq.server.socket_server import ThreadedStompServer
from coilmq.store.memory import MemoryQueue
from coilmq.topic import TopicManager

from openesi.errors import Unreachable, WrongUsage
from openesi.provisioning.cim import xml
from openesi.provisioning.lifecycle import State as Stage
from openesi.provisioning.roles import base
from openesi.provisioning.simulation import build
from openesi.provisioning.state import State
from openesi.provisioning.transport import stomp
from openesi.provisioning.transport.carrier import Carrier
from openesi.provisioning.transport.host import Host
from openesi.provisioning.transport.stomp import Broker, StompLink
from openesi.provisioning.world import World

HEAD_END, DR, CIS = "AMI-HEADEND", "DR-APPLICATION", "CIS"
OURS = {DR, HEAD_END}
SERVING = "a broker"


@pytest.fixture
def server() -> Iterator[ThreadedStompServer]:
    """A broker that has its port, and serves once ``start`` was called."""
    server = ThreadedStompServer(
        ("127.0.0.1", 0), queue_manager=QueueManager(store=MemoryQueue()), topic_manager=TopicManager()
    )
    before = set(threading.enumerate())
    yield server
    for thread in set(threading.enumerate()) - before:
        if thread.name == SERVING:
            server.shutdown()
        if isinstance(thread, threading.Timer):  # its heartbeats, which it never ends
            thread.cancel()
    server.server_close()


def start(server: ThreadedStompServer) -> None:
    threading.Thread(name=SERVING, target=server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def broker(server: ThreadedStompServer) -> Broker:
    start(server)
    return Broker("127.0.0.1", server.server_address[1], tls=False, virtual_host=socket.getfqdn())


def test_a_window_is_requested_over_a_broker_and_nonsense_is_refused(broker: Broker) -> None:
    async def live() -> tuple[bytes | None, bytes | None]:
        loop = asyncio.get_running_loop()
        state = State(":memory:")
        utility = build(state, World(state, now=time.time()))
        utility.open_window(utility.homes[0])
        letter = utility.dr.due(time.time())[0]
        head_end = StompLink("HE", frozenset({HEAD_END}), utility.world.accept, loop=loop)
        dr = StompLink("DR", frozenset(), utility.world.accept, loop=loop)
        head_end.connect(broker)
        dr.connect(broker)
        try:
            good = await dr.carry(letter)
            headers = {"reply-to": "/queue/DR.replies", "correlation-id": "nonsense"}
            answer: asyncio.Future[bytes] = loop.create_future()
            dr._awaited["nonsense"] = answer
            dr._connection.send(f"/queue/{HEAD_END}", "<a/>", "text/xml", headers)
            bad = await asyncio.wait_for(answer, 10)
        finally:
            await dr.close()
            await head_end.close()
            state.close()
        return good, bad

    good, bad = asyncio.run(live())

    assert good is not None
    assert bad is not None
    accepted, refused = xml.parse(good).reply, xml.parse(bad).reply
    assert accepted is not None
    assert accepted.ok
    assert refused is not None
    assert refused.code == "1.5"


def test_a_broker_that_is_not_there_is_said_so() -> None:
    async def live() -> None:
        link = StompLink("DR", frozenset(), lambda letter, now: b"", loop=asyncio.get_running_loop())
        link.connect(Broker("127.0.0.1", 1, tls=False))

    with pytest.raises(Unreachable, match="does not answer"):
        asyncio.run(live())


def test_all_fourteen_steps_with_the_cis_behind_a_broker_that_comes_late(
    server: ThreadedStompServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The DR application and the CIS in two hosts; the broker is started when step 14 already waits."""
    monkeypatch.setattr(base, "BACKOFF_S", (0.3,))
    monkeypatch.setattr(stomp, "RECONNECT_S", (0.1,))
    url = f"stomp://127.0.0.1:{server.server_address[1]}?vhost={socket.getfqdn()}"

    async def live() -> Stage:
        ours, theirs = (Side(tmp_path / name, roles) for name, roles in (("dr.db", OURS), ("cis.db", {CIS})))
        sides = (ours, theirs)
        tasks = [asyncio.create_task(one) for side in sides for one in side.work(Broker.parse(url))]
        home = ours.utility.homes[0]
        ours.utility.open_window(home)
        ours.utility.install(home)
        await until(lambda: ours.utility.stage(home) is Stage.REPORTED)
        start(server)
        await until(lambda: ours.utility.stage(home) is Stage.CONFIRMED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        reached = ours.utility.stage(home)
        for side in sides:
            await side.host.close()
            side.state.close()
        return reached

    assert asyncio.run(live()) is Stage.CONFIRMED


class Side:
    """Some of the roles in a host of their own."""

    def __init__(self, path: Path, roles: set[str]) -> None:
        self.state = State(path)
        self.host = Host(self.state, Carrier({}, ssl.create_default_context()))
        self.host.world = World(self.state, now=time.time(), carry=self.host.carry)
        self.utility = build(self.state, self.host.world)
        for role in {DR, HEAD_END, CIS} - roles:
            self.host.world.remove(role)
        peers = frozenset({DR, HEAD_END, CIS} - roles)
        loop = asyncio.get_running_loop()
        self.link = StompLink(path.stem, frozenset(roles), self.host.accept, loop=loop, peers=peers)
        self.host.bearers.append(self.link)

    def work(self, broker: Broker) -> tuple[Coroutine[None, None, None], Coroutine[None, None, None]]:
        return self.host.run(), self.link.run(broker)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("stomp://broker.example:61613", "without TLS"),
        ("stomps://user:secret@broker.example", "--broker-secret FILE"),
        ("amqps://broker.example", "a broker is stomps://"),
        ("stomps://broker.example:x", "a broker is stomps://"),
        ("stomps://", "a broker is stomps://"),
    ],
)
def test_a_broker_is_not_spoken_to_carelessly(url: str, complaint: str) -> None:
    with pytest.raises(WrongUsage, match=complaint):
        Broker.parse(url)


def test_a_brokers_address_says_who_we_are_there() -> None:
    broker = Broker.parse("stomps://dr%20app@broker.example?vhost=utility", passcode="secret")

    assert broker == Broker("broker.example", 61614, "dr app", "secret", True, None, "utility")
    assert "secret" not in repr(broker)
