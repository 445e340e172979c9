"""The caller: carries letters to other processes, as SOAP or as plain REST."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import httpx2

from openesi.provisioning.cim import soap, xml
from openesi.provisioning.cim.codes import CimError
from openesi.provisioning.letters import Letter

TIMEOUT_S: Final = 20.0
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})  # where secrets may go without TLS
MAX_ANSWER_BYTES: Final = xml.MAX_BYTES


class Style(StrEnum):
    """How a peer is spoken to."""

    SOAP = "soap"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a role is reached: the base URL of its process, and the secret we call with."""

    url: str
    style: Style = Style.SOAP
    secret: str = field(default="", repr=False)


class Carrier:
    """Carries letters to peers. ``trust`` verifies them, and holds our client certificate if there is one."""

    def __init__(self, peers: dict[str, Peer], trust: ssl.SSLContext) -> None:
        self._peers = peers
        self._client = httpx2.AsyncClient(verify=trust, timeout=TIMEOUT_S)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def knows(self, target: str) -> bool:
        """Whether there is an address for a role."""
        return target in self._peers

    async def carry(self, letter: Letter) -> bytes | None:
        """Bring a letter to its peer and return the answer; None where there was none."""
        peer = self._peers[letter.target]
        message = xml.parse(letter.body)
        url = f"{peer.url.rstrip('/')}/{letter.target}/{peer.style}/{message.noun}"
        try:
            if peer.style is Style.REST:
                auth = (
                    httpx2.BasicAuth(letter.source, peer.secret) if peer.secret else httpx2.USE_CLIENT_DEFAULT
                )
                return await self._post(url, letter.body, _HEADERS, auth)
            token = soap.UsernameToken(letter.source, peer.secret) if peer.secret else None
            body = soap.serialize(message, token=token)
            action = f'"http://iec.ch/TC57/{xml.YEAR}/{message.noun}/{xml.wrapper_name(message)}"'
            return _open(await self._post(url, body, {**_HEADERS, "SOAPAction": action}))
        except (httpx2.HTTPError, TimeoutError, CimError):
            return None

    async def _post(
        self, url: str, body: bytes, headers: dict[str, str], auth: Any = httpx2.USE_CLIENT_DEFAULT
    ) -> bytes:
        """The answer's body; a peer that answers without end or too slowly is hung up on."""
        answer = bytearray()
        async with (
            asyncio.timeout(2 * TIMEOUT_S),
            self._client.stream("POST", url, content=body, headers=headers, auth=auth) as response,
        ):
            async for piece in response.aiter_raw():
                answer += piece
                if len(answer) > MAX_ANSWER_BYTES:
                    raise CimError("3.1", f"an answer has at most {MAX_ANSWER_BYTES} bytes")
        return bytes(answer)


# No compression: what is small on the way would be of any size here.
_HEADERS: Final = {"Content-Type": "text/xml; charset=utf-8", "Accept-Encoding": "identity"}


def _open(octets: bytes) -> bytes:
    """The message in a SOAP answer, fault or not."""
    body = soap.parse(octets).body
    fault = soap.fault_message(body)
    return xml.serialize(fault, xml.GENERIC) if fault is not None else xml.serialize(xml.read(body))
