"""Who may speak, and who it is that speaks: TLS contexts, and identity from a handshake or from a proxy.

IEEE 2030.5-2018, clause 6: TLS 1.2, ECDHE-ECDSA-AES128-CCM8 on P-256, certificates on both sides.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from urllib.parse import unquote

from openesi.errors import LocalError, PeerError
from openesi.pki.reading import BadCertificate, load_certificate
from openesi.sep2.identity import LFDI_OCTETS, lfdi_from_certificate, sfdi_from_lfdi
from openesi.server.message import Peer

# For SECLEVEL=0: from 3.2 on OpenSSL counts CCM8, with its 64-bit tag, as level 0.
CIPHERS = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
CIPHERS_WITH_GCM = "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0"

# Fatal alert bad_certificate(42), in the clear, as a client expects it before the server's Finished.
BAD_CERTIFICATE_RECORD = b"\x15\x03\x03\x00\x02\x02\x2a"

# Peers remembered for when they connect again, as some do for each poll: 2 kB each. Only verified ones get
# in, or what a trusted proxy sends.
_IDENTITIES_MAX = 4096

_SHA256_OCTETS = 32


class UntrustedPeer(PeerError):
    """The peer's certificate, or the place its identity header comes from, is not accepted."""


class ClientCertificate(Enum):
    """Whether a client without a certificate may speak at all."""

    REQUIRED = ssl.CERT_REQUIRED
    OPTIONAL = ssl.CERT_OPTIONAL  # a certificate that is presented is still verified


@dataclass(frozen=True, slots=True)
class TLSSettings:
    """What a TLS listener shows, and whom it trusts."""

    chain_file: Path
    """Own certificate, then its intermediates without the root, in PEM."""
    key_file: Path
    ca_files: tuple[Path, ...] = ()
    """Trusted CA certificates in PEM, roots or not; add the intermediates that clients do not send."""
    client_certificate: ClientCertificate = ClientCertificate.REQUIRED
    pinned: tuple[bytes, ...] = ()
    """Client certificates in DER that are trusted for themselves, self-signed ones as a rule."""
    allow_gcm: bool = False
    """Offer AES128-GCM after the mandatory CCM8."""
    verify_chain: Callable[[list[bytes]], str | None] | None = None
    """Sees the chain as presented (DER, leaf first) once OpenSSL trusts it; returns why it is refused."""


class ServerTLS:
    """A server context with its rules. Make it before any fork, so that all workers share the ticket keys."""

    def __init__(self, settings: TLSSettings) -> None:
        """Load the files. Raises LocalError that names the one that cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS_WITH_GCM if settings.allow_gcm else CIPHERS)
        context.set_ecdh_curve("prime256v1")
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.verify_mode = ssl.VerifyMode(settings.client_certificate.value)
        # What the operator names as CA is trusted, be it a root or an intermediate.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            context.load_cert_chain(settings.chain_file, settings.key_file)
        except (OSError, ssl.SSLError) as error:
            files = f"{settings.chain_file} with key {settings.key_file}"
            raise LocalError(
                f"cannot use certificate {files}: {error}. `openesi pki init` makes a pair."
            ) from error
        for file in settings.ca_files:
            try:
                context.load_verify_locations(cafile=file)
            except (OSError, ssl.SSLError) as error:
                raise LocalError(
                    f"cannot use CA file {file}: {error}. It must hold PEM certificates."
                ) from error
        self.context = context
        self._verify_chain = settings.verify_chain
        self._pinned: set[bytes] = set()
        for certificate in settings.pinned:
            self.pin(certificate)

    def pin(self, certificate: bytes) -> None:
        """Trust a client certificate (DER) for itself, from now on. Raises LocalError if it is none."""
        try:
            self.context.load_verify_locations(cadata=certificate)
        except (ssl.SSLError, ValueError) as error:
            raise LocalError(f"cannot pin a certificate: {error}. Give exactly one, in DER.") from error
        self._pinned.add(certificate)

    def accept(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """Begin the server's side of a connection."""
        return self.context.wrap_bio(incoming, outgoing, server_side=True)

    def identify(self, tls: ssl.SSLObject, address: str) -> Peer:
        """Return who completed this handshake. Raises UntrustedPeer.

        Call it before anything of the server's last flight is sent: who is refused then has no ticket. So a
        resumed session, which carries no chain to look at, is always one that passed here before.
        """
        leaf = tls.getpeercert(binary_form=True)
        if leaf is None:
            return Peer(None, None, None, False, address)
        if not tls.session_reused:
            self._check_chain(tls)
        return _peer_from_certificate(leaf, address)

    def _check_chain(self, tls: ssl.SSLObject) -> None:
        verified = _chain(tls, verified=True)
        if len(verified) > 1 and verified[-1] in self._pinned:
            raise UntrustedPeer(
                "issued by a pinned certificate, which is trusted for itself alone", status=403
            )
        if self._verify_chain is not None:
            reason = self._verify_chain(_chain(tls, verified=False))
            if reason is not None:
                raise UntrustedPeer(reason, status=403)


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """A proxy in front that ends TLS and hands the client's certificate over in a header.

    The proxy must verify the certificate, and set the header on every request, empty if there was none.
    """

    networks: tuple[IPv4Network | IPv6Network, ...]
    """Where the proxies are; the header from anywhere else refuses the request."""
    header: str = "x-client-cert"
    """Lower case. Holds the certificate (PEM, URL-encoded), its SHA-256, or its LFDI (hexadecimal)."""

    def identify(self, value: str | None, address: str) -> Peer:
        """Return whom the header names. Raises UntrustedPeer (403, or 400 if it cannot be read)."""
        if not _within(address, self.networks):
            if value is not None:
                raise UntrustedPeer(f"{self.header} from {address}, which is not a trusted proxy", status=403)
            return Peer(None, None, None, False, address)
        return _peer_from_header(value or "", address)


def _chain(tls: ssl.SSLObject, *, verified: bool) -> list[bytes]:
    """Return the peer's certificates (DER, leaf first), as verified up to the anchor or as presented."""
    if sys.version_info >= (3, 13):
        return tls.get_verified_chain() if verified else tls.get_unverified_chain()
    # The same calls exist since 3.10, on the object behind SSLObject, and return objects of the C module.
    import _ssl

    inner = tls._sslobj  # type: ignore[attr-defined]
    chain = inner.get_verified_chain() if verified else inner.get_unverified_chain()
    return [certificate.public_bytes(_ssl.ENCODING_DER) for certificate in chain or ()]


@lru_cache(maxsize=_IDENTITIES_MAX)
def _peer_from_certificate(certificate: bytes, address: str) -> Peer:
    try:
        parsed = load_certificate(certificate)
    except BadCertificate as error:
        raise UntrustedPeer(str(error)) from error
    lfdi = lfdi_from_certificate(certificate)
    return Peer(lfdi, sfdi_from_lfdi(lfdi), certificate, parsed.issuer == parsed.subject, address)


@lru_cache(maxsize=_IDENTITIES_MAX)
def _peer_from_header(value: str, address: str) -> Peer:
    if not value:
        return Peer(None, None, None, False, address)
    try:
        if value.startswith("-----BEGIN"):
            return _peer_from_certificate(ssl.PEM_cert_to_DER_cert(unquote(value)), address)
        digest = bytes.fromhex(value)
    except ValueError as error:
        raise UntrustedPeer(f"identity header cannot be read: {error}") from error
    if len(digest) not in (LFDI_OCTETS, _SHA256_OCTETS):
        raise UntrustedPeer(f"identity header has {len(digest)} octets; an LFDI has 20, a SHA-256 has 32")
    lfdi = digest[:LFDI_OCTETS]
    return Peer(lfdi, sfdi_from_lfdi(lfdi), None, False, address)


@lru_cache(maxsize=_IDENTITIES_MAX)
def _within(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    ip = ip_address(address.partition("%")[0])
    if ip.version == 6 and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip.version == network.version and ip in network for network in networks)
