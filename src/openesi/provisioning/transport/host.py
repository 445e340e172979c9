"""Roles in a process of their own, in real time: a listener, a caller, and the world between them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from pathlib import Path
from typing import Final, Protocol

import uvicorn

from openesi.bounded_http import BoundedProtocol
from openesi.errors import LocalError
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.state import State
from openesi.provisioning.transport.http import Listener
from openesi.provisioning.transport.operator_api import OperatorApi
from openesi.provisioning.world import World

# How long the loop sleeps at most: letters that another process wrote in our database are found after that.
IDLE_S: Final = 0.5
MAX_CONNECTIONS: Final = 200
MAX_CARRIED: Final = 500  # letters under way to peers at once
PRUNE_S: Final = 3600.0  # how often what is too old is dropped
TURNED_AWAY_S: Final = 1.0  # callers turned away are written down so often at most: anybody can be one


class CertifiedProtocol(BoundedProtocol):
    """HTTP/1.1 that tells the application the common name of the client's certificate."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Read the name from the TLS session."""
        super().connection_made(transport)
        certificate = transport.get_extra_info("peercert") or {}
        names = [
            value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"
        ]
        if names:
            self.app_state = {**self.app_state, "peer": names[0]}


class Bearer(Protocol):
    """A way to other processes: ``carrier.Carrier`` over HTTPS, ``stomp.StompLink`` over a broker."""

    def knows(self, target: str) -> bool:
        """Whether a role is reached by it."""
        ...

    async def carry(self, letter: Letter) -> bytes | None:
        """Bring a letter to its target and return the answer; None where there was none."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class Host:
    """Runs a world by the wall clock."""

    def __init__(self, state: State, carrier: Bearer, server: OperatorApi | None = None) -> None:
        self._state = state
        self.bearers = [carrier]  # the first that knows the target is taken
        self._server = server
        self._pruned = self._wrote_down = 0.0
        self._outgoing: list[Letter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self.world: World | None = None

    def carry(self, letter: Letter) -> None:
        """Give as ``carry`` to the world; the letter leaves when its transaction is on disk."""
        by_server = self._server is not None and letter.language is Language.SEP2
        if (by_server or self._bearer(letter) is not None) and len(self._tasks) < MAX_CARRIED:
            self._outgoing.append(letter)

    def accept(self, letter: Letter, now: float) -> bytes:
        """Give as ``accept`` to the listener."""
        if self.world is None:
            raise LocalError("the host has no world yet")
        reply = self.world.accept(letter, now)
        self._wake.set()
        return reply

    def turn_away(self, caller: str, reason: str, now: float) -> None:
        """Give as ``turned_away`` to the listener: the journal shows who tried to get in."""
        if now - self._wrote_down >= TURNED_AWAY_S:
            self._wrote_down = now
            with self._state.transaction():
                self._state.shelf("LISTENER").note(now, "turned away", detail=f"{caller}: {reason}")

    async def run(self) -> None:
        """Let time pass, until cancelled."""
        if self.world is None:
            raise LocalError("the host has no world yet")
        while True:
            now = time.time()
            if now - self._pruned >= PRUNE_S:
                self._pruned = now
                self._state.prune(now)
            self.world.run(now)
            self.world.refresh()
            outgoing, self._outgoing = self._outgoing, []
            for letter in outgoing:
                task = asyncio.create_task(self._send(self.world, letter))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            due = self.world.next_event()
            pause = IDLE_S if due is None else min(IDLE_S, max(0.0, due - time.time()))
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def close(self) -> None:
        """Stop what is under way; letters without an answer are sent again by whoever runs next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for bearer in self.bearers:
            await bearer.close()
        if self._server is not None:
            self._server.close()

    def _bearer(self, letter: Letter) -> Bearer | None:
        return next((one for one in self.bearers if one.knows(letter.target)), None)

    async def _send(self, world: World, letter: Letter) -> None:
        if self._server is not None and letter.language is Language.SEP2:
            reply = await asyncio.to_thread(self._server.answer, letter)
        else:
            bearer = self._bearer(letter)
            reply = await bearer.carry(letter) if bearer is not None else None
        if reply is not None:
            world.answer(letter, reply, time.time())
            self._wake.set()


def make_server(
    listener: Listener,
    *,
    host: str,
    port: int,
    certificate: Path,
    key: Path,
    client_ca: Path | None,
    clients_need_certificates: bool,
) -> uvicorn.Server:
    """An HTTPS server for a listener. With ``client_ca`` clients may show a certificate, or have to."""

    def context(config: uvicorn.Config, default: object) -> ssl.SSLContext:
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.load_cert_chain(certificate, key)
        if client_ca is not None:
            made.verify_mode = ssl.CERT_REQUIRED if clients_need_certificates else ssl.CERT_OPTIONAL
        return made

    return uvicorn.Server(
        uvicorn.Config(
            listener.app(),
            host=host,
            port=port,
            http=CertifiedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            limit_concurrency=MAX_CONNECTIONS,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            ssl_context_factory=context,
        )
    )
