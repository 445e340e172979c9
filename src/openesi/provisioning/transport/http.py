"""The listener for messages: SOAP and plain REST on the same messages, with WSDL and schemas to start from.

    POST /{role}/soap/{noun}   SOAP 1.1, document/literal      GET /{role}/soap/{noun}?wsdl
    POST /{role}/rest/{noun}   the message itself              GET /schema/{name}.xsd

A caller is asked who it is before its message is looked at (``gate``).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from openesi.provisioning import linkage
from openesi.provisioning.cim import schema, soap, xml
from openesi.provisioning.cim.codes import CimError, http_status
from openesi.provisioning.cim.model import PAYLOADS, Error, Kind, Level, Message, Reply, Result
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.transport.gate import Gate

BODY_S: Final = 20.0  # for a message to arrive; a caller who trickles holds a connection no longer
XML: Final = "text/xml; charset=utf-8"
# The step of the use case that a message starts or ends, by who takes it and what it is about.
_STEPS: Final = {
    ("AMI-HEADEND", "EndDeviceControls"): 1,
    ("SEP2-HEADEND", "EndDeviceControls"): 1,
    ("DR-APPLICATION", "MasterDataLinkageConfig"): 13,
    ("CIS", "MasterDataLinkageConfig"): 14,
}

# Takes a letter for a role in this process and returns the answer.
Accept = Callable[[Letter, float], bytes]


class Listener:
    """The routes for the roles of one process."""

    def __init__(
        self,
        roles: frozenset[str],
        accept: Accept,
        gate: Gate | None,
        *,
        turned_away: Callable[[str, str, float], None] = lambda caller, reason, now: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._roles = roles
        self._accept = accept
        self._gate = gate
        self._turned_away = turned_away
        self._clock = clock

    def routes(self) -> list[Route]:
        """To be mounted in a Starlette application."""
        return [
            Route("/{role}/soap/{noun}", self._soap, methods=["POST"]),
            Route("/{role}/soap/{noun}", self._wsdl, methods=["GET"]),
            Route("/{role}/rest/{noun}", self._rest, methods=["POST"]),
            Route("/schema/{name}.xsd", self._schema, methods=["GET"]),
        ]

    def app(self) -> Starlette:
        """An application of these routes alone."""
        return Starlette(routes=self.routes())

    async def _soap(self, request: Request) -> Response:
        try:
            envelope = soap.parse(await _body(request))
            source = self._caller(request, envelope.token)
            reply = self._take(request, source, xml.read(envelope.body))
        except CimError as error:
            status = 401 if error.status == 401 else 500
            fault = soap.serialize_fault(fault_of(error), client=not error.code.startswith(("3.", "5.")))
            return Response(fault, status, media_type=XML, headers=_challenge(status))
        return Response(soap.serialize(reply), media_type=XML)

    async def _rest(self, request: Request) -> Response:
        try:
            octets = await _body(request)
            source = self._caller(request, None)
            reply = self._take(request, source, xml.parse(octets))
        except CimError as error:
            body = xml.serialize(fault_of(error), xml.GENERIC)
            return Response(body, error.status, media_type=XML, headers=_challenge(error.status))
        status = http_status(reply.reply.code) if reply.reply else 200
        return Response(xml.serialize(reply), status, media_type=XML)

    async def _wsdl(self, request: Request) -> Response:
        role, noun = request.path_params["role"], request.path_params["noun"]
        if role not in self._roles or noun not in PAYLOADS:
            return Response("there is no such service\n", 404, media_type="text/plain")
        # The address that the caller came by: behind a name or a forwarded port it is the right one.
        return Response(schema.wsdl(noun, str(request.url.replace(query=""))), media_type=XML)

    async def _schema(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == "message":
            return Response(schema.message_schema(), media_type=XML)
        if name in PAYLOADS:
            return Response(schema.payload_schema(name), media_type=XML)
        if name.removesuffix("Message") in PAYLOADS:
            return Response(schema.wrapper_schema(name.removesuffix("Message")), media_type=XML)
        return Response("there is no such schema\n", 404, media_type="text/plain")

    def _caller(self, request: Request, token: soap.UsernameToken | None) -> str:
        try:
            return self._identify(request, token)
        except CimError as error:
            address = request.client.host if request.client else "somebody"
            self._turned_away(address, error.reason, self._clock())
            raise

    def _identify(self, request: Request, token: soap.UsernameToken | None) -> str:
        certificate = request.scope.get("state", {}).get("peer")
        if isinstance(certificate, str):
            return certificate
        if self._gate is not None and token is not None:
            return self._gate.by_token(token, self._clock())
        if self._gate is not None and "authorization" in request.headers:
            return self._gate.by_basic(request.headers["authorization"])
        raise CimError("7.2", "call with a client certificate, or with user name and secret")

    def _take(self, request: Request, source: str, message: Message) -> Message:
        role, noun = request.path_params["role"], request.path_params["noun"]
        if role not in self._roles:
            raise CimError("2.5", f"no role {role[:64]} is here")
        if message.header is None:
            raise CimError("1.5", "the message has no Header")
        if message.noun != noun:
            raise CimError("2.5", f"the message is about {message.noun[:64]}, the address about {noun[:64]}")
        letter = to_letter(message, source, role)
        return xml.parse(self._accept(letter, self._clock()))


def to_letter(message: Message, source: str, role: str) -> Letter:
    """The letter for ``role`` that a message from an authenticated ``source`` makes."""
    octets = xml.serialize(message)
    return Letter(
        id=message.head.MessageID or hashlib.sha256(octets).hexdigest(),
        source=source,
        target=role,
        language=Language.CIM,
        body=octets,
        label=xml.wrapper_name(message),
        correlation=message.head.CorrelationID or "",
        step=0 if message.kind is Kind.RESPONSE else _STEPS.get((role, message.noun), 0),
        subject=linkage.subject_of(message.payload),
    )


async def _body(request: Request) -> bytes:
    """The request's body; stops reading as soon as it is too long, or takes too long."""
    octets = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                octets += chunk
                if len(octets) > xml.MAX_BYTES:
                    raise CimError("3.1", f"a message has at most {xml.MAX_BYTES} bytes")
    except TimeoutError:
        raise CimError("4.1", f"the message did not arrive within {BODY_S:.0f} s") from None
    except ClientDisconnect:
        raise CimError("4.1", "the caller hung up before its message was complete") from None
    return bytes(octets)


def fault_of(error: CimError) -> Message:
    """The fault message that carries an error."""
    reply = Reply(
        Result=Result.FAILED, Error=(Error(code=error.code, level=Level.FATAL, reason=error.reason),)
    )
    return Message(kind=Kind.FAULT, reply=reply)


def _challenge(status: int) -> dict[str, str]:
    return {"WWW-Authenticate": 'Basic realm="openesi provisioning"'} if status == 401 else {}
