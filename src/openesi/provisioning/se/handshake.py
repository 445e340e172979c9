"""The Key Establishment cluster's conversation, without I/O and without a clock of its own.

    initiator                          responder
    InitiateKeyEstablishment   ->      certificate, and how long each computation takes
                               <-      the same of the responder
    EphemeralData              ->      a fresh public key
                               <-      the responder's
    ConfirmKey                 ->      MAC(U)
                               <-      MAC(V)

The tables ``INITIATOR`` and ``RESPONDER`` say which command is expected in which state; anything else ends
the exchange with TERMINATE. A request that arrives again is answered again with the same octets, so a lost
answer costs a repetition and nothing else. Source: Smart Energy profile 1.x, annex C.3.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final, Self

from openesi.errors import LocalError, PeerError
from openesi.provisioning.se import cbke, curve

SUITE: Final = 0x0001
# What the partner is told to wait for us, in seconds. Scalar multiplication in Python takes milliseconds.
EPHEMERAL_S: Final = 2
CONFIRM_S: Final = 2
WAIT_AFTER_FAILURE_S: Final = 10

INITIATE: Final = 0x00
EPHEMERAL_DATA: Final = 0x01
CONFIRM_KEY: Final = 0x02
TERMINATE: Final = 0x03

NAMES: Final = ("Initiate Key Establishment", "Ephemeral Data", "Confirm Key", "Terminate")

Reply = tuple[int, bytes]  # command, payload


class Status(IntEnum):
    """Why an exchange was terminated."""

    UNKNOWN_ISSUER = 1
    BAD_KEY_CONFIRM = 2
    BAD_MESSAGE = 3
    NO_RESOURCES = 4
    UNSUPPORTED_SUITE = 5
    INVALID_CERTIFICATE = 6


class State(Enum):
    """Where an exchange stands."""

    IDLE = "idle"
    AWAIT_CERTIFICATE = "awaiting the certificate"
    AWAIT_EPHEMERAL = "awaiting the ephemeral key"
    AWAIT_CONFIRMATION = "awaiting the confirmation"
    DONE = "done"
    TERMINATED = "terminated"


# state -> (the command expected in it, the state after it)
INITIATOR: Final = {
    State.AWAIT_CERTIFICATE: (INITIATE, State.AWAIT_EPHEMERAL),
    State.AWAIT_EPHEMERAL: (EPHEMERAL_DATA, State.AWAIT_CONFIRMATION),
    State.AWAIT_CONFIRMATION: (CONFIRM_KEY, State.DONE),
}
RESPONDER: Final = {
    State.IDLE: (INITIATE, State.AWAIT_EPHEMERAL),
    State.AWAIT_EPHEMERAL: (EPHEMERAL_DATA, State.AWAIT_CONFIRMATION),
    State.AWAIT_CONFIRMATION: (CONFIRM_KEY, State.DONE),
}


class Terminated(PeerError):
    """The partner did what the cluster answers with TERMINATE."""

    def __init__(self, message: str, code: Status) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Trust:
    """Who we are, and whose certificates we believe."""

    identity: cbke.Identity
    authority: bytes  # public key, 22 bytes
    issuer: bytes  # its name in certificates, 8 bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Who we are, from JSON with the hexadecimal ``certificate``, ``private_key`` and ``authority``.

        Raises ``LocalError`` if something is missing, or the key is not the certificate's.
        """
        try:
            said = json.loads(text)
            certificate, private, authority = (
                bytes.fromhex(said[name]) for name in ("certificate", "private_key", "authority")
            )
            identity = cbke.Identity(cbke.Certificate.parse(certificate), int.from_bytes(private))
            fits = cbke.public_key(identity.private) == identity.certificate.public_key(authority)
        except (ValueError, KeyError, TypeError, PeerError) as error:
            raise LocalError(
                "an identity is JSON with certificate (48 bytes), private_key (21) and authority (22), in "
                f"hexadecimal: {error}"
            ) from None
        if not fits:
            raise LocalError("the private key is not the certificate's, or another authority issued it")
        return cls(identity, authority, identity.certificate.issuer)


class Handshake:
    """One exchange with one partner. ``keys`` is there when ``state`` is DONE."""

    def __init__(
        self,
        trust: Trust,
        partner: bytes,
        *,
        initiator: bool,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.state = State.IDLE
        self.keys: cbke.SharedKeys | None = None
        self.failure: Status | None = None
        self._trust = trust
        self._partner = partner
        self._initiator = initiator
        self._entropy = entropy
        self._ephemeral: cbke.KeyPair | None = None
        self._certificate: cbke.Certificate | None = None
        self._transcript: cbke.Transcript | None = None
        self._answered: dict[
            tuple[int, bytes], list[Reply]
        ] = {}  # at most the three requests of one exchange

    def start(self) -> list[Reply]:
        """The initiator's first command."""
        self.state = State.AWAIT_CERTIFICATE
        return [self._own_certificate()]

    def receive(self, command: int, payload: bytes) -> list[Reply]:
        """Take one command of the partner; returns what to send."""
        if command == TERMINATE:
            self.state = State.TERMINATED
            self.failure = Status(payload[0]) if payload and 1 <= payload[0] <= 6 else Status.BAD_MESSAGE
            return []
        if not self._initiator and (command, payload) in self._answered:
            return self._answered[command, payload]
        table = INITIATOR if self._initiator else RESPONDER
        expected, following = table.get(self.state, (None, self.state))
        if self._initiator and command != expected:
            return []  # a late repetition of an answer that is dealt with
        try:
            if command != expected:
                raise Terminated("the command is not the one expected now", Status.BAD_MESSAGE)
            replies = self._HANDLERS[command](self, payload)
        except (Terminated, curve.CurveError, cbke.CertificateError) as error:
            return [self._terminate(error)]
        self.state = following
        if not self._initiator:
            self._answered[command, payload] = replies
        return replies

    def _receive_certificate(self, payload: bytes) -> list[Reply]:
        if len(payload) != 4 + cbke.CERTIFICATE_BYTES:
            raise Terminated("the initiation is not 52 bytes long", Status.BAD_MESSAGE)
        if int.from_bytes(payload[:2], "little") != SUITE:
            raise Terminated("only suite 1 is served", Status.UNSUPPORTED_SUITE)
        certificate = cbke.Certificate.parse(payload[4:])
        if certificate.issuer != self._trust.issuer:
            raise Terminated("the certificate's issuer is unknown", Status.UNKNOWN_ISSUER)
        if certificate.subject != self._partner:
            raise Terminated("the certificate is of another device", Status.INVALID_CERTIFICATE)
        self._certificate = certificate
        return [self._own_ephemeral()] if self._initiator else [self._own_certificate()]

    def _receive_ephemeral(self, payload: bytes) -> list[Reply]:
        if len(payload) != curve.POINT_BYTES or self._certificate is None:
            raise Terminated("the ephemeral key is not 22 bytes long", Status.BAD_MESSAGE)
        # The responder draws its own key now, the initiator repeats the one it has sent.
        answer = self._own_ephemeral()
        if self._ephemeral is None:
            raise Terminated("there is no ephemeral key of ours", Status.NO_RESOURCES)
        self.keys = cbke.agree(
            self._trust.identity,
            self._ephemeral,
            peer=self._certificate,
            peer_ephemeral=payload,
            authority=self._trust.authority,
        )
        own = self._trust.identity.certificate.subject
        mine, theirs = self._ephemeral.public, payload
        if self._initiator:
            self._transcript = cbke.Transcript(own, self._partner, mine, theirs)
            return [(CONFIRM_KEY, self._transcript.initiator_mac(self.keys.mac_key))]
        self._transcript = cbke.Transcript(self._partner, own, theirs, mine)
        return [answer]

    def _receive_confirmation(self, payload: bytes) -> list[Reply]:
        if self.keys is None or self._transcript is None:
            raise Terminated("there is nothing to confirm yet", Status.BAD_MESSAGE)
        key = self.keys.mac_key
        expected = self._transcript.responder_mac if self._initiator else self._transcript.initiator_mac
        if not cbke.confirms(expected(key), payload):
            raise Terminated("the partner holds another key", Status.BAD_KEY_CONFIRM)
        return [] if self._initiator else [(CONFIRM_KEY, self._transcript.responder_mac(key))]

    def _own_certificate(self) -> Reply:
        head = SUITE.to_bytes(2, "little") + bytes([EPHEMERAL_S, CONFIRM_S])
        return INITIATE, head + self._trust.identity.certificate.serialize()

    def _own_ephemeral(self) -> Reply:
        if self._ephemeral is None:
            self._ephemeral = cbke.generate_key_pair(self._entropy)
        return EPHEMERAL_DATA, self._ephemeral.public

    def _terminate(self, error: PeerError) -> Reply:
        match error:
            case Terminated():
                self.failure = error.code
            case cbke.CertificateError():
                self.failure = Status.INVALID_CERTIFICATE
            case _:
                self.failure = Status.BAD_MESSAGE
        self.state = State.TERMINATED
        self.keys = None
        return TERMINATE, bytes([self.failure, WAIT_AFTER_FAILURE_S]) + SUITE.to_bytes(2, "little")

    _HANDLERS: Final = {
        INITIATE: _receive_certificate,
        EPHEMERAL_DATA: _receive_ephemeral,
        CONFIRM_KEY: _receive_confirmation,
    }
