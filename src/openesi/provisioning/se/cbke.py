"""Certificate-based key establishment, suite 1: implicit certificates (ECQV) and ECMQV on sect163k1.

Two devices that trust the same certificate authority agree on a link key that nobody else knows, with
certificates of 48 bytes. Use it on its own:

>>> authority = CertificateAuthority.generate(b"OPENESI0")
>>> home, meter = (authority.issue(eui64=bytes(7) + bytes([last])) for last in (1, 2))
>>> a, b = generate_key_pair(), generate_key_pair()
>>> keys = agree(home, a, peer=meter.certificate, peer_ephemeral=b.public, authority=authority.public)
>>> keys == agree(meter, b, peer=home.certificate, peer_ephemeral=a.public, authority=authority.public)
True

**Not constant time** (see ``curve``): for simulation, tests and tooling, not for a device
that strangers can time.

Source: Smart Energy profile 1.x, annex C (vectors in C.5); SEC 4 (ECQV); SEC 1, clause 3.4 (ECMQV).
"""

from __future__ import annotations

import hmac as stdlib_hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from openesi.errors import LocalError, PeerError
from openesi.provisioning.se import curve, mmo

CERTIFICATE_BYTES: Final = 48
EUI64_BYTES: Final = 8
_ATTRIBUTES: Final = bytes.fromhex(
    "01090006000000000000"
)  # the Smart Energy profile id, then what test CAs put there
_HALF_BITS: Final = (
    82  # ceil(163 / 2): with 81 both sides still agree, on a key that no other implementation gets
)

Entropy = Callable[[int], bytes]


class CertificateError(PeerError):
    """A certificate that is not one, or is not the sender's."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private scalar and its point in compressed form."""

    private: int = field(repr=False)
    public: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """An implicit certificate: the public key is not in it, it follows from it and the authority's key."""

    reconstruction: bytes  # 22 bytes, a compressed point
    subject: bytes  # the EUI-64, most significant byte first
    issuer: bytes  # 8 bytes, text by custom
    attributes: bytes = _ATTRIBUTES

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """The certificate in 48 octets; its point is checked when it is used."""
        if len(octets) != CERTIFICATE_BYTES:
            raise CertificateError(f"a suite 1 certificate is {CERTIFICATE_BYTES} bytes, not {len(octets)}")
        return cls(octets[:22], octets[22:30], octets[30:38], octets[38:])

    def serialize(self) -> bytes:
        """The 48 octets."""
        return self.reconstruction + self.subject + self.issuer + self.attributes

    def public_key(self, authority: bytes) -> bytes:
        """The subject's public key, if the owner of the key ``authority`` issued this certificate.

        An implicit certificate of another issuer also gives *some* key; that it is the wrong one shows when
        the key agreement's confirmation fails.
        """
        scaled = curve.multiply(_hash_scalar(self), curve.decode_point(self.reconstruction))
        return curve.encode_point(curve.add(scaled, curve.decode_point(authority)))


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device is born with: its certificate and the private key to it."""

    certificate: Certificate
    private: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class SharedKeys:
    """What both sides hold at the end: ``mac_key`` proves it, ``key_data`` is the new link key."""

    mac_key: bytes = field(repr=False)
    key_data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """An authority for tests and simulated homes. Real devices carry certificates of a commercial one."""

    name: bytes
    key: KeyPair

    @classmethod
    def generate(cls, name: bytes, *, entropy: Entropy = secrets.token_bytes) -> Self:
        """A new authority; ``name`` is the 8 bytes that its certificates carry as issuer."""
        if len(name) != EUI64_BYTES:
            raise LocalError(f"an issuer's name is {EUI64_BYTES} bytes, not {len(name)}")
        return cls(name, generate_key_pair(entropy))

    @property
    def public(self) -> bytes:
        """The authority's public key; whoever trusts it holds these 22 bytes."""
        return self.key.public

    def issue(self, *, eui64: bytes, entropy: Entropy = secrets.token_bytes) -> Identity:
        """A certificate for ``eui64`` (most significant byte first) and its private key."""
        if len(eui64) != EUI64_BYTES:
            raise LocalError(f"an EUI-64 is {EUI64_BYTES} bytes, not {len(eui64)}")
        request = generate_key_pair(entropy)
        # The device sends its request's point, the authority adds its own; here both are made at once.
        own = generate_key_pair(entropy)
        joined = curve.add(curve.decode_point(request.public), curve.decode_point(own.public))
        certificate = Certificate(curve.encode_point(joined), eui64, self.name)
        scale = _hash_scalar(certificate)
        contribution = (scale * own.private + self.key.private) % curve.N
        return Identity(certificate, (scale * request.private + contribution) % curve.N)


def generate_key_pair(entropy: Entropy = secrets.token_bytes) -> KeyPair:
    """A fresh key pair; ``entropy(n)`` gives n random bytes."""
    while True:
        private = int.from_bytes(entropy(curve.FIELD_BYTES)) & (1 << 163) - 1
        if 0 < private < curve.N:
            return KeyPair(private, public_key(private))


def public_key(private: int) -> bytes:
    """The compressed point that belongs to a private scalar."""
    return curve.encode_point(curve.multiply(private, curve.G))


def agree(
    own: Identity, ephemeral: KeyPair, *, peer: Certificate, peer_ephemeral: bytes, authority: bytes
) -> SharedKeys:
    """The keys shared with the owner of ``peer``. Raises ``curve.CurveError`` for points that are none."""
    return derive_keys(shared_secret(own.private, ephemeral, peer.public_key(authority), peer_ephemeral))


def shared_secret(private: int, ephemeral: KeyPair, peer_public: bytes, peer_ephemeral: bytes) -> bytes:
    """ECMQV with cofactor: the 21 octets Z."""
    scalar = (ephemeral.private + _half(ephemeral.public) * private) % curve.N
    if scalar == 0:
        raise LocalError("the ephemeral key cancels the static one; draw another")
    static = curve.multiply(_half(peer_ephemeral), curve.decode_point(peer_public))
    joined = curve.add(curve.decode_point(peer_ephemeral), static)
    doubled = curve.add(joined, joined)  # the cofactor first: a point of small order ends here, as infinity
    return curve.multiply(scalar, doubled).x_bytes


def derive_keys(secret: bytes) -> SharedKeys:
    """The MAC key and the link key from the shared secret Z."""
    return SharedKeys(
        mmo.digest(secret + (1).to_bytes(4)),
        mmo.digest(secret + (2).to_bytes(4)),
    )


@dataclass(frozen=True, slots=True)
class Transcript:
    """Who talked to whom with which ephemeral keys: what the two confirmations are computed over."""

    initiator: bytes  # EUI-64, most significant byte first
    responder: bytes
    initiator_ephemeral: bytes
    responder_ephemeral: bytes

    def initiator_mac(self, mac_key: bytes) -> bytes:
        """MAC(U): proves to the responder that the initiator has the key."""
        return mmo.hmac(
            mac_key,
            b"\x02" + self.initiator + self.responder + self.initiator_ephemeral + self.responder_ephemeral,
        )

    def responder_mac(self, mac_key: bytes) -> bytes:
        """MAC(V): proves to the initiator that the responder has the key."""
        return mmo.hmac(
            mac_key,
            b"\x03" + self.responder + self.initiator + self.responder_ephemeral + self.initiator_ephemeral,
        )


def confirms(expected: bytes, received: bytes) -> bool:
    """Whether a confirmation is the expected one, in time that does not depend on where they differ."""
    return stdlib_hmac.compare_digest(expected, received)


def _hash_scalar(certificate: Certificate) -> int:
    return int.from_bytes(mmo.digest(certificate.serialize()))


def _half(public: bytes) -> int:
    return int.from_bytes(public[1:]) % (1 << _HALF_BITS) + (1 << _HALF_BITS)
