"""The same messages over a broker: a real one, in this process."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from coilmq.queue import QueueManager
from coilmq.server.socket_server import ThreadedStompServer
from coilmq.store.memory import MemoryQueue
from coilmq.topic import TopicManager

from openesi.errors import Unreachable
from openesi.provisioning.cim import xml
from openesi.provisioning.simulation import build
from openesi.provisioning.state import State
from openesi.provisioning.transport.stomp import Broker, StompLink
from openesi.provisioning.world import World

HEAD_END, DR = "AMI-HEADEND", "DR-APPLICATION"


@pytest.fixture
def broker() -> Iterator[Broker]:
    server = ThreadedStompServer(
        ("127.0.0.1", 0), queue_manager=QueueManager(store=MemoryQueue()), topic_manager=TopicManager()
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Broker("127.0.0.1", server.server_address[1], tls=False, virtual_host=socket.getfqdn())
    server.shutdown()
    server.server_close()
    thread.join(10)


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
            dr.close()
            head_end.close()
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
