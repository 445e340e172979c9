"""A server that answers what a test tells it to, octet for octet, over real TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from openesi.pki import Authority

NS = "urn:ieee:std:2030.5:ns"
Script = Callable[[str, str], Awaitable[bytes]]


def document(
    xml: str, *, status: str = "200 OK", headers: str = "", kind: str = "application/sep+xml"
) -> bytes:
    body = xml.replace("NS", NS, 1).encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()
        + body
    )


def empty(status: str, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n{headers}\r\n".encode()


@dataclass
class Faulty:
    """``answers``: what to send for "GET /path"; a list is used up one by one, its last one stays."""

    port: int = 0
    answers: dict[str, list[bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: dict[str, list[bytes]] = field(default_factory=dict)  # what was sent, by "PUT /path"
    close_after_each: bool = False
    breaks_off: str = ""  # the request whose answer is the last of its connection

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/dcap"

    def on(self, request: str, *answers: bytes) -> None:
        self.answers[request] = list(answers)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                method, path, _ = lines[0].split(" ")
                lengths = [line for line in lines if line.lower().startswith("content-length:")]
                if lengths:
                    body = await reader.readexactly(int(lengths[0].partition(":")[2]))
                    self.bodies.setdefault(f"{method} {path}", []).append(body)
                self.asked.append(f"{method} {path}")
                known = self.answers.get(f"{method} {path}") or self.answers.get(
                    f"{method} {path.partition('?')[0]}"
                )
                answer = empty("404 Not Found") if known is None else known[0]
                if known is not None and len(known) > 1:
                    known.pop(0)
                writer.write(answer)
                await writer.drain()
                broken = self.breaks_off == f"{method} {path.partition('?')[0]}"
                if self.close_after_each or broken or not answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def misbehaving(
    authority: Authority, *, ciphers: str = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
) -> AsyncIterator[Faulty]:
    """Serve with the server certificate of ``authority``; every client certificate is welcome."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    server = authority.server()
    context.load_cert_chain(server.cert, server.key)
    faulty = Faulty()
    listener = await asyncio.start_server(faulty.talk, "127.0.0.1", 0, ssl=context)
    faulty.port = listener.sockets[0].getsockname()[1]
    try:
        yield faulty
    finally:
        listener.close()
        await listener.wait_closed()
        await asyncio.sleep(0)
