"""Runs in VOLTTRON's environment: connects to the platform and makes the calls it reads, one JSON per line.

A line is ``[peer, method, arguments]``; the answer is ``{"result": ...}`` or ``{"error": "..."}``. Without a
peer, ``hear`` waits for the first message that is published under a prefix, ``peers`` lists who is connected.
"""

from __future__ import annotations

import gevent.monkey

gevent.monkey.patch_all()

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

import gevent  # noqa: E402
from gevent.event import AsyncResult, Event  # noqa: E402
from volttron.client.vip.agent import Agent  # noqa: E402
from volttron.types.auth.auth_credentials import CredentialsFactory  # noqa: E402

TIMEOUT_S = 20


def hear(agent: Agent, prefix: str, seconds: float) -> object:
    heard: AsyncResult = AsyncResult()

    def take(peer, sender, bus, topic, headers, message) -> None:
        del peer, sender, bus, headers
        heard.set([topic, message])

    agent.vip.pubsub.subscribe("pubsub", prefix, take).get(timeout=TIMEOUT_S)
    try:
        return heard.get(timeout=seconds)
    finally:
        agent.vip.pubsub.unsubscribe("pubsub", prefix, take).get(timeout=TIMEOUT_S)


def main() -> None:
    agent = Agent(
        credentials=CredentialsFactory.load_from_environ(), address=os.environ["VOLTTRON_PLATFORM_ADDRESS"]
    )
    started = Event()
    task = gevent.spawn(agent.core.run, started)
    started.wait(TIMEOUT_S)
    print(json.dumps({"result": "ready"}), flush=True)
    for line in sys.stdin:
        peer, method, arguments = json.loads(line)
        try:
            if method == "hear":
                answer = {"result": hear(agent, *arguments)}
            elif method == "peers":
                answer = {"result": agent.vip.peerlist().get(timeout=TIMEOUT_S)}
            else:
                answer = {"result": agent.vip.rpc.call(peer, method, *arguments).get(timeout=TIMEOUT_S)}
        except (Exception, gevent.Timeout) as error:  # noqa: BLE001 (all that it says is told)
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer, default=str), flush=True)
    task.kill(timeout=1)


if __name__ == "__main__":
    main()
