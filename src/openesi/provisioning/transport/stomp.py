"""Messages over a broker, by STOMP: what JMS does in the integration layers of utilities.

Each role has a queue, ``/queue/<role>``. A request carries ``reply-to`` and ``correlation-id``, as JMS has
them; its answer goes to that queue. Who may write to a queue is the broker's business: give each role a
user of its own, and let only its peers send to it. The generic form of messages is used, so a broker's
consumers need one schema.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

import stomp  # type: ignore[import-untyped]
from stomp.utils import Frame  # type: ignore[import-untyped]

from openesi.errors import Unreachable, WrongUsage
from openesi.provisioning.cim import xml
from openesi.provisioning.cim.codes import CimError
from openesi.provisioning.letters import Letter
from openesi.provisioning.transport.carrier import LOOPBACK
from openesi.provisioning.transport.http import fault_of, to_letter

TIMEOUT_S: Final = 20.0
MAX_AWAITED: Final = 1000  # requests without an answer; a broker may be up and its consumers down
# Seconds between attempts to reach a broker that is gone; the last one repeats.
RECONNECT_S: Final = (1.0, 2.0, 5.0, 15.0)
HEARTBEAT_MS: Final = 10_000  # a broker that is silent for longer than about this is gone, whatever TCP says
LOG: Final = logging.getLogger(__name__)
_REPLIES: Final = "/queue/{name}.replies"

Accept = Callable[[Letter, float], bytes]


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and how one logs in."""

    host: str
    port: int = 61613
    user: str = ""
    passcode: str = field(default="", repr=False)
    tls: bool = True
    ca_file: str | None = None
    virtual_host: str | None = None  # where a broker keeps several apart, as RabbitMQ does

    @classmethod
    def parse(cls, url: str, *, passcode: str = "", ca_file: str | None = None) -> Self:
        """The broker at ``stomps://USER@HOST:PORT?vhost=NAME``; on this machine ``stomp://``, without TLS.

        Raises ``WrongUsage``.
        """
        parts = urlsplit(url)
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme not in ("stomp", "stomps") or not host:
            raise WrongUsage(f"a broker is stomps://USER@HOST:PORT, not {url[:100]!r}")
        if parts.scheme == "stomp" and host not in LOOPBACK:
            raise WrongUsage(
                "install codes go over it: without TLS (stomp://) a broker is on this machine alone"
            )
        if parts.password:
            raise WrongUsage("a secret in an address is seen by others: give --broker-secret FILE")
        tls = parts.scheme == "stomps"
        names = parse_qs(parts.query).get("vhost", [None])
        user = unquote(parts.username or "")
        return cls(host, port or (61614 if tls else 61613), user, passcode, tls, ca_file, names[0])


class StompLink(stomp.ConnectionListener):  # type: ignore[misc]
    """Takes letters for the roles of this process, and carries theirs to the others.

    The library calls back in a thread of its own; everything is handed to ``loop``, where the roles live.
    """

    def __init__(
        self,
        name: str,
        roles: frozenset[str],
        accept: Accept,
        *,
        loop: asyncio.AbstractEventLoop,
        peers: frozenset[str] = frozenset(),
    ) -> None:
        self._roles = roles
        self._peers = peers
        self._accept = accept
        self._loop = loop
        self._replies = _REPLIES.format(name=name)
        self._awaited: dict[str, asyncio.Future[bytes]] = {}
        self._connection: Any = None

    def connect(self, broker: Broker) -> None:
        """Log in and listen. Raises ``Unreachable``."""
        connection = stomp.Connection12(
            [(broker.host, broker.port)],
            reconnect_attempts_max=3,
            vhost=broker.virtual_host,
            heartbeats=(HEARTBEAT_MS, HEARTBEAT_MS),
        )
        if broker.tls:
            connection.set_ssl([(broker.host, broker.port)], ca_certs=broker.ca_file)
        connection.set_listener("openesi", self)
        try:
            connection.connect(broker.user or None, broker.passcode or None, wait=True)
        except stomp.exception.StompException as error:
            raise Unreachable(f"the broker {broker.host}:{broker.port} does not answer: {error}") from error
        self._connection = connection
        for number, queue in enumerate((self._replies, *(f"/queue/{role}" for role in sorted(self._roles)))):
            connection.subscribe(queue, id=str(number), ack="auto")

    async def run(self, broker: Broker) -> None:
        """Stay connected, until cancelled; letters wait in the outbox while the broker is gone."""
        failures = 0
        while True:
            if self._connection is None or not self._connection.is_connected():
                try:
                    await asyncio.to_thread(self.connect, broker)
                    failures = 0
                except Unreachable as error:
                    LOG.warning("%s", error)
                    failures += 1
            await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])

    async def close(self) -> None:
        """Log out."""
        if self._connection is not None and self._connection.is_connected():
            await asyncio.to_thread(self._connection.disconnect)

    def knows(self, target: str) -> bool:
        """Whether a role is reached here."""
        return target in self._peers

    def on_message(self, frame: Frame) -> None:
        """Called by the library, in its thread."""
        self._loop.call_soon_threadsafe(self._take, dict(frame.headers), str(frame.body))

    async def carry(self, letter: Letter) -> bytes | None:
        """Send a letter and wait for the answer; None where none came in time, so it is sent again."""
        if self._connection is None or len(self._awaited) >= MAX_AWAITED:
            return None
        body = xml.serialize(xml.parse(letter.body), xml.GENERIC)
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._awaited[letter.id] = answer
        headers = {"reply-to": self._replies, "correlation-id": letter.id}
        try:
            self._connection.send(f"/queue/{letter.target}", body.decode(), "text/xml", headers)
            async with asyncio.timeout(TIMEOUT_S):
                return await answer
        except (TimeoutError, stomp.exception.StompException):
            return None
        finally:
            self._awaited.pop(letter.id, None)

    def _take(self, headers: dict[str, str], body: str) -> None:
        destination = headers.get("destination", "")
        octets = body.encode()
        if destination == self._replies:
            answer = self._awaited.get(headers.get("correlation-id", ""))
            if answer is not None and not answer.done():
                answer.set_result(octets[: xml.MAX_BYTES])
            return
        try:
            message = xml.parse(octets)
            source = message.head.Source or ""
            letter = to_letter(message, source, destination.removeprefix("/queue/"))
            reply = self._accept(letter, time.time())
        except CimError as error:
            reply = xml.serialize(fault_of(error), xml.GENERIC)
        if headers.get("reply-to"):
            back = {"correlation-id": headers.get("correlation-id", "")}
            try:
                self._connection.send(headers["reply-to"], reply.decode(), "text/xml", back)
            except stomp.exception.StompException as error:
                # The caller asks again with the same id, and gets the same answer.
                LOG.warning("an answer was lost: the broker is gone (%s)", type(error).__name__)
