from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from gateway.simulate import Simulation, simulation
from openesi.errors import LocalError
from openesi.gateway.mqtt import Broker, publish_forever
from openesi.gateway.push import Topics, to_discovery, to_gateway_id, to_state
from openesi.gateway.record import SeriesName
from openesi.gateway.report import Clocks

TOPICS = Topics("openesi_test")


def clocks(sim: Simulation) -> Clocks:
    return Clocks(sim.now, 0.0)


@pytest.fixture
def sim() -> Simulation:
    sim = simulation()
    sim.run(100)
    return sim


def test_unknown_is_null_and_never_zero() -> None:
    silent = simulation("silence@0+9999")
    silent.run(300)
    state = json.loads(to_state(TOPICS, silent.record, clocks(silent)).payload)

    assert state == {
        "power_w": None,
        "time": None,
        "meter": "OFF",
        "link_strength_percent": None,
        "delivered_kwh": None,
        "received_kwh": None,
    }


def test_the_state_is_what_the_meter_said(sim: Simulation) -> None:
    publication = to_state(TOPICS, sim.record, clocks(sim))
    state = json.loads(publication.payload)
    newest = sim.record.current(SeriesName.POWER, sim.now)

    assert newest is not None
    assert not publication.retain, "a broker must not hand out an old power as current"
    assert state["power_w"] == newest.value
    assert state["delivered_kwh"] == pytest.approx(12345, abs=1)
    assert state["meter"] == "ON"


def test_discovery_has_what_home_assistant_requires(sim: Simulation) -> None:
    publication = to_discovery(TOPICS, sim.record, clocks(sim))
    document = json.loads(publication.payload)

    assert publication.topic == "homeassistant/device/openesi_test/config"
    assert publication.retain
    assert document["device"]["identifiers"] == ["openesi_test"]
    assert document["origin"]["name"] == "OpenESI"
    assert document["availability_topic"] == "openesi/openesi_test/availability"
    components = document["components"]
    assert all(c["platform"] and c["unique_id"] and c["value_template"] for c in components.values())
    assert len({c["unique_id"] for c in components.values()}) == len(components)
    assert components["power"]["device_class"] == "power"
    assert components["power"]["expire_after"] == 60
    assert components["delivered"]["state_class"] == "total_increasing"
    assert components["meter"]["platform"] == "binary_sensor"
    fields = json.loads(to_state(TOPICS, sim.record, clocks(sim)).payload)
    for component in components.values():
        assert component["value_template"].removeprefix("{{ value_json.").removesuffix(" }}") in fields


@pytest.mark.parametrize(
    ("text", "expected"), [("0xd8d5", "openesi_0xd8d5"), ("a b/#", "openesi_a_b"), ("", "openesi_gateway")]
)
def test_ids_hold_only_what_mqtt_and_the_hub_take(text: str, expected: str) -> None:
    assert to_gateway_id(text) == expected


def test_broker_addresses() -> None:
    assert Broker.parse("mqtt://hub") == Broker("hub", 1883, None, None, tls=False)
    assert Broker.parse("mqtts://u:p%40@hub:99") == Broker("hub", 99, "u", "p@", tls=True)
    assert "p%40" not in repr(Broker.parse("mqtt://u:p%40@hub"))
    for bad in ("hub", "http://hub", "mqtt://", "mqtt://hub:x"):
        with pytest.raises(LocalError, match="broker"):
            Broker.parse(bad)
    with pytest.raises(LocalError) as caught:
        Broker.parse("amqp://u:secret@hub")
    assert "secret" not in str(caught.value)


CONFIG = """
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


class RunningBroker:
    """A real broker in a process of its own, which can be ended and started again on the same port."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._config = directory / "broker.yaml"
        self._config.write_text(CONFIG.format(port=self.port))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [Path(sys.executable).with_name("amqtt"), "-c", self._config]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    broker = RunningBroker(tmp_path)
    broker.start()
    yield broker
    broker.end()


async def connect(port: int) -> aiomqtt.Client:
    for _ in range(100):
        try:
            return await aiomqtt.Client("127.0.0.1", port, identifier="hub").__aenter__()
        except aiomqtt.MqttError:
            await asyncio.sleep(0.1)
    raise AssertionError("the broker did not start")


def test_a_real_broker_gets_discovery_states_and_a_goodbye(sim: Simulation, broker: RunningBroker) -> None:
    async def listen() -> dict[str, list[str]]:
        hub = await connect(broker.port)
        await hub.subscribe("#")
        seen: dict[str, list[str]] = {}
        where = Broker.parse(f"mqtt://127.0.0.1:{broker.port}")
        publisher = asyncio.create_task(publish_forever(where, TOPICS, sim.record, lambda: clocks(sim)))
        messages = aiter(hub.messages)

        async def until(topic: str, count: int) -> None:
            async with asyncio.timeout(10):
                while len(seen.get(topic, [])) < count:
                    message = await anext(messages)
                    # type: ignore[arg-type]
                    seen.setdefault(str(message.topic), []).append(str(message.payload, "utf-8"))

        await until(TOPICS.state, 1)
        sim.run(8)  # a new reading: a new state
        await until(TOPICS.state, 2)
        await hub.publish(TOPICS.hub_status, "online")  # the hub has restarted
        await until(TOPICS.discovery, 3)
        publisher.cancel()
        await until(TOPICS.availability, 3)
        await asyncio.gather(publisher, return_exceptions=True)
        await hub.__aexit__(None, None, None)
        return seen

    seen = asyncio.run(listen())

    assert seen[TOPICS.availability][0] == "online"
    assert seen[TOPICS.availability][-1] == "offline"
    first, second = (json.loads(text)["time"] for text in seen[TOPICS.state][:2])
    assert second > first


def test_a_broker_that_is_down_or_restarts_disturbs_nothing(sim: Simulation, tmp_path: Path) -> None:
    broker = RunningBroker(tmp_path)

    async def listen() -> str:
        where = Broker.parse(f"mqtt://127.0.0.1:{broker.port}")
        publisher = asyncio.create_task(publish_forever(where, TOPICS, sim.record, lambda: clocks(sim)))
        await asyncio.sleep(0.2)  # the first try fails
        before = sim.record.count(SeriesName.POWER, 0, 1 << 32)
        sim.run(40)
        assert sim.record.count(SeriesName.POWER, 0, 1 << 32) == before + 10
        broker.start()
        hub = await connect(broker.port)
        await hub.subscribe(TOPICS.availability)
        async with asyncio.timeout(10):
            message = await anext(aiter(hub.messages))
        publisher.cancel()
        await asyncio.gather(publisher, return_exceptions=True)
        await hub.__aexit__(None, None, None)
        return str(message.payload, "utf-8")  # type: ignore[arg-type]

    try:
        assert asyncio.run(listen()) == "online"
    finally:
        broker.end()
