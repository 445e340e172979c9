"""Thousands of independent devices in one process: each with its own certificate, connection and polls."""

from __future__ import annotations

import asyncio
import gc
import logging
import random as random_module
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from openesi.client.agent import Agent, State
from openesi.client.backoff import RandomSource
from openesi.client.device import Device
from openesi.client.duties import WrongPIN
from openesi.client.follow import Events
from openesi.client.scheduler import Phase
from openesi.client.session import Client
from openesi.client.tls import TLSSettings, make_context
from openesi.devices.house import Credentials
from openesi.devices.wire import MAX_HANDSHAKES, Wire
from openesi.errors import OpenESIError

log = logging.getLogger(__name__)

TICK_S = 10.0  # devices of a fleet live in longer steps; what is due by the clock is done in time
STARTS_PER_S = 50.0  # new devices: each costs both sides a handshake
MAX_STARTING = 100  # devices in their first contact: where the server is slower than that, it sets the pace
REPORT_S = 1.0

FIRST_BUCKET_S = 1e-4
GROWTH = 1.1  # each bucket is 10 % longer than the one before: that is how exact a percentile is
BUCKETS = 150  # up to 160 s, longer than any request may take


class Histogram:
    """Durations, counted in buckets: percentiles of any number of requests in the same little room."""

    def __init__(self) -> None:
        self.counts = [0] * BUCKETS
        self.most_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        bound, number = FIRST_BUCKET_S, 0
        while seconds > bound and number < BUCKETS - 1:
            bound, number = bound * GROWTH, number + 1
        self.counts[number] += 1
        self.most_s = max(self.most_s, seconds)

    def percentile_s(self, percent: float) -> float | None:
        """Return the duration that so many percent stay within; None without any."""
        total = sum(self.counts)
        if not total:
            return None
        wanted, seen = total * percent / 100, 0
        for number, count in enumerate(self.counts):
            seen += count
            if seen >= wanted and count:
                return min(self.most_s, FIRST_BUCKET_S * GROWTH**number)
        return self.most_s

    def percentiles_ms(self) -> dict[str, float | None]:
        """Return the percentiles that a summary shows; 100 is the longest."""
        found = {f"p{percent}": self.percentile_s(percent) for percent in (50, 90, 99, 100)}
        return {name: None if one is None else round(one * 1000, 2) for name, one in found.items()}


@dataclass(slots=True)
class Statistics:
    """What a fleet went through; the Observer of all its wires.

    ``lag`` is how late the fleet itself was: when it grows, latencies tell of it, and not of the server.
    """

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)
    handshakes: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)
    resumed: int = 0
    last_error: str | None = None

    def connected(self, seconds: float, *, resumed: bool) -> None:
        """Take note of a handshake."""
        self.handshakes.add(seconds)
        self.resumed += resumed

    def answered(self, method: str, status: int, seconds: float) -> None:
        """Take note of an answer."""
        self.requests[method] += 1
        self.statuses[status] += 1
        self.latency.add(seconds)

    def failed(self, method: str, error: OpenESIError) -> None:
        """Take note that none came."""
        self.requests[method] += 1
        self.gave_up(error)

    def gave_up(self, error: BaseException) -> None:
        """Take note of why."""
        self.failures[type(error).__name__] += 1
        self.last_error = str(error)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a run, as text and JSON show it. Times in s, energy in Wh, power in W."""

    devices: int
    connected: int
    waiting: int
    refused: int
    duration_s: float
    requests: int
    requests_per_s: float
    by_method: dict[str, int]
    by_status: dict[str, int]
    errors: dict[str, int]
    last_error: str | None
    latency_ms: dict[str, float | None]
    handshakes: int
    handshakes_resumed: int
    handshake_ms: dict[str, float | None]
    own_lag_ms: dict[str, float | None]
    own_cpu_s: float
    events_received: int
    events_obeyed: int
    responses_sent: int
    power_w: float
    energy_shed_wh: float


@dataclass(slots=True)
class Fleet:
    """Devices at one server. ``make`` makes one at a time (s since 1970)."""

    url: str
    make: Callable[[float], Device]
    credentials: Sequence[Credentials]
    register: bool = True
    starts_per_s: float = STARTS_PER_S
    seed: int | None = None
    statistics: Statistics = field(default_factory=Statistics)
    agents: list[Agent] = field(default_factory=list)
    began: float = 0.0
    cpu_began: float = 0.0

    async def run(self, seconds: float | None, *, report: Callable[[Fleet], None] | None = None) -> Summary:
        """Run until ``seconds`` are over or the task is cancelled; then hang up and sum up."""
        self.began, self.cpu_began = time.monotonic(), time.process_time()
        random = random_module.Random(self.seed)  # noqa: S311 (spreads load)
        running: set[asyncio.Task[None]] = set()
        reporting = asyncio.create_task(self._report(report))
        starting = asyncio.Semaphore(MAX_STARTING)
        handshakes = asyncio.Semaphore(MAX_HANDSHAKES)
        try:
            async with asyncio.timeout(seconds):
                for who in self.credentials:
                    await starting.acquire()
                    try:
                        agent = self._agent(who, random, handshakes)
                    except OpenESIError as error:  # a certificate that cannot be used; the others can
                        self.statistics.gave_up(error)
                        starting.release()
                        continue
                    task = asyncio.create_task(_live(agent, starting))
                    task.add_done_callback(self._ended)
                    running.add(task)
                    await asyncio.sleep(random.uniform(0.5, 1.5) / self.starts_per_s)
                if running:
                    await asyncio.wait(running)
        except TimeoutError:
            pass
        finally:
            for task in (*running, reporting):
                task.cancel()
            await asyncio.gather(*running, reporting, return_exceptions=True)
            await asyncio.gather(*(agent.esi.close() for agent in self.agents))
            await asyncio.sleep(0)  # lets the transports say goodbye
            gc.unfreeze()
        return self.summary()

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.began

    @property
    def connected(self) -> int:
        """How many devices are connected now."""
        return sum(agent.state is State.CONNECTED for agent in self.agents)

    def summary(self) -> Summary:
        """Return how it stands."""
        said, duration_s = self.statistics, self.seconds
        states = Counter(agent.state for agent in self.agents)
        tracked = [one for agent in self.agents for followed in agent.events for one in _tracked(followed)]
        total = sum(said.requests.values())
        devices: list[Any] = [agent.device for agent in self.agents]
        return Summary(
            devices=len(self.agents),
            connected=states[State.CONNECTED],
            waiting=states[State.WAITING] + states[State.CONNECTING],
            refused=states[State.REFUSED],
            duration_s=round(duration_s, 1),
            requests=total,
            requests_per_s=round(total / duration_s, 1) if duration_s else 0.0,
            by_method=dict(sorted(said.requests.items())),
            by_status={str(status): count for status, count in sorted(said.statuses.items())},
            errors=dict(sorted(said.failures.items())),
            last_error=said.last_error,
            latency_ms=said.latency.percentiles_ms(),
            handshakes=sum(said.handshakes.counts),
            handshakes_resumed=said.resumed,
            handshake_ms=said.handshakes.percentiles_ms(),
            own_lag_ms=said.lag.percentiles_ms(),
            own_cpu_s=round(time.process_time() - self.cpu_began, 1),
            events_received=len(tracked),
            events_obeyed=sum(one.took_part for one in tracked if one.phase is not Phase.SCHEDULED),
            responses_sent=sum(agent.shared.responses_sent for agent in self.agents),
            power_w=round(sum(_told(device, "power_w") for device in devices), 1),
            energy_shed_wh=round(sum(_told(device, "shed_wh") for device in devices), 1),
        )

    def _agent(self, who: Credentials, random: RandomSource, handshakes: asyncio.Semaphore) -> Agent:
        tls = TLSSettings(cert=who.cert, key=who.key, ca=(who.ca,))
        wire = Wire(lambda: make_context(tls), self.statistics, handshakes)
        client = Client(self.url, tls=tls, transport=wire)
        agent = Agent(
            client,
            self.make(time.time()),
            pin=who.pin,
            register=self.register,
            random=random,  # one for all: each of its own would take 2.5 kB
            tick_s=TICK_S,
        )
        self.agents.append(agent)
        return agent

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Take note of a device that gave up; the others go on."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.statistics.gave_up(error)
            log.error("device gave up reason=%s", error)

    async def _report(self, report: Callable[[Fleet], None] | None) -> None:
        loop, settled = asyncio.get_running_loop(), 0
        while True:
            if settled < len(self.agents):
                # Devices stay until the end. Of ten thousand the collector walks over two million objects,
                # and everything stands still for seconds.
                settled = len(self.agents)
                gc.collect()  # of what came since the last time
                gc.freeze()
            if report is not None:
                report(self)
            wanted = loop.time() + REPORT_S
            await asyncio.sleep(REPORT_S)
            self.statistics.lag.add(max(0.0, loop.time() - wanted))


async def _live(agent: Agent, starting: asyncio.Semaphore) -> None:
    """Make the first contact, and go on from there at a point of its own in the interval between polls."""
    try:
        try:
            agent.tick()
            await agent.turn()
            agent.spread()
        finally:
            starting.release()
        await agent.run()
    except WrongPIN:
        agent.state = State.REFUSED
        raise


def _tracked(followed: Events) -> Iterable[Any]:
    return followed.scheduler.tracked.values()


def _told(device: Any, name: str) -> float:
    """Return a number that a device, or the state of its model, knows; 0 where it has none."""
    model = getattr(device, "state", device)
    return float(getattr(model, name, 0.0))
