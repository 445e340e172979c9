"""The MQTT connection: publishes what ``push`` makes, reconnects for ever, never holds up anything else."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import aiomqtt

from openesi.errors import LocalError
from openesi.gateway.cache import Point
from openesi.gateway.push import Publication, Topics, to_availability, to_discovery, to_state
from openesi.gateway.record import MeterRecord, SeriesName
from openesi.gateway.report import Clocks

RETRY_S = (1.0, 2.0, 5.0, 10.0, 30.0)
TIMEOUT_S = 10.0  # for each publication: a broker that takes nothing is as good as down
QUIET_S = 15.0  # the state is repeated when the meter is silent, so that "unknown" is told too
MAX_QUEUED = 16  # messages that wait in the client; the next state replaces a lost one anyway

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to publish, from ``mqtt://USER:PASSWORD@HOST:PORT`` or ``mqtts://``."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool

    @classmethod
    def parse(cls, url: str) -> Broker:
        """Raises LocalError if ``url`` is not such an address."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise LocalError(f"{_without_password(url)!r} is no broker address") from None
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise LocalError(f"{_without_password(url)!r} is no broker: write mqtt://USER:PASSWORD@HOST:1883")
        tls = parts.scheme == "mqtts"
        return cls(
            parts.hostname,
            port or (8883 if tls else 1883),
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
            tls,
        )

    def __repr__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


async def publish_forever(
    broker: Broker, topics: Topics, record: MeterRecord, clocks: Callable[[], Clocks]
) -> None:
    """Publish until cancelled.

    A broker that is down, refuses or stalls is tried again; nothing else notices.
    """
    attempt = 0
    while True:
        try:
            async with _client(broker, topics) as client:
                attempt = 0
                _log.info("publishing to %r as %s", broker, topics.gateway_id)
                await _session(client, topics, record, clocks)
        except (aiomqtt.MqttError, OSError, TimeoutError) as error:
            wait_s = RETRY_S[min(attempt, len(RETRY_S) - 1)]
            attempt += 1
            log = _log.warning if attempt <= len(RETRY_S) else _log.debug
            log("no MQTT broker at %r (%s); next try in %.0f s", broker, error, wait_s)
            await asyncio.sleep(wait_s)


def _client(broker: Broker, topics: Topics) -> aiomqtt.Client:
    will = to_availability(topics, online=False)
    return aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        identifier=topics.gateway_id,
        will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True),
        tls_context=ssl.create_default_context() if broker.tls else None,
        timeout=TIMEOUT_S,
        keepalive=30,
        max_queued_outgoing_messages=MAX_QUEUED,
        max_queued_incoming_messages=MAX_QUEUED,
    )


async def _session(
    client: aiomqtt.Client, topics: Topics, record: MeterRecord, clocks: Callable[[], Clocks]
) -> None:
    await client.subscribe(topics.hub_status)
    loop, news = asyncio.get_running_loop(), asyncio.Event()

    def listener(name: SeriesName, point: Point) -> None:
        loop.call_soon_threadsafe(news.set)

    end = record.listen(listener)  # before the greeting: what comes meanwhile is told after it
    try:
        await _greet(client, topics, record, clocks)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_greet_again(client, topics, record, clocks))
            tasks.create_task(_report(client, topics, record, clocks, news))
    except* (aiomqtt.MqttError, TimeoutError) as group:
        raise aiomqtt.MqttError(str(group.exceptions[0])) from group
    finally:
        end()
        # The last will is for deaths; whoever leaves in order says so.
        await _say(client, to_availability(topics, online=False))


async def _report(
    client: aiomqtt.Client,
    topics: Topics,
    record: MeterRecord,
    clocks: Callable[[], Clocks],
    news: asyncio.Event,
) -> None:
    known_model = False
    while True:
        try:
            async with asyncio.timeout(QUIET_S):
                await news.wait()
        except TimeoutError:
            pass  # nothing new: tell that
        news.clear()
        if not known_model and record.snapshot(clocks().monotonic_s).device is not None:
            known_model = True
            await _say(client, to_discovery(topics, record, clocks()))
        await _say(client, to_state(topics, record, clocks()))


async def _greet_again(
    client: aiomqtt.Client, topics: Topics, record: MeterRecord, clocks: Callable[[], Clocks]
) -> None:
    async for message in client.messages:
        if message.payload == b"online":
            await _greet(client, topics, record, clocks)


async def _greet(
    client: aiomqtt.Client, topics: Topics, record: MeterRecord, clocks: Callable[[], Clocks]
) -> None:
    now = clocks()
    for publication in (
        to_discovery(topics, record, now),
        to_availability(topics, online=True),
        to_state(topics, record, now),
    ):
        await _say(client, publication)


async def _say(client: aiomqtt.Client, publication: Publication) -> None:
    await client.publish(publication.topic, publication.payload, qos=1, retain=publication.retain)


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"…@{tail}" if at and head else url
