"""Whom a client trusts, and what it shows of itself (IEEE 2030.5-2018, clause 6).

TLS 1.2 with ECDHE-ECDSA-AES128-CCM8, or GCM where a server has no CCM8, and certificates on both sides. Host
names are not compared unless asked: certificates of the 2030.5 profile carry a hardware name, so a server is
known by its chain, or by its LFDI.
"""

from __future__ import annotations

import ssl
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from openesi.errors import LocalError, WrongUsage
from openesi.pki.reading import check_chain
from openesi.sep2.identity import format_lfdi, lfdi_from_certificate

# From 3.2 on OpenSSL counts CCM8, with its 64-bit tag, as security level 0.
CIPHERS = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
# Stronger suites may be added; many servers' TLS libraries lack CCM8, or leave it out as they come.
CIPHERS_WITH_GCM = (
    "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:@SECLEVEL=0"
)

# OP_LEGACY_SERVER_CONNECT of OpenSSL 3, a constant that Python has from 3.12 on.
_LEGACY_SERVER_CONNECT = 0x4


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSSettings:
    """What a client shows and whom it trusts. Give ``ca``, ``server_lfdi`` or both; there is no third way.

    ``cert`` is PEM, own certificate first, then its intermediates; ``ca`` are PEM files of roots or
    intermediates. ``server_lfdi`` names the one server to be spoken to; alone it pins a server whose
    certificate no CA vouches for, a self-signed one for instance. ``hostname`` also compares the host name;
    ``profile`` holds the server's chain to the certificate profile of the standard. ``allow_gcm`` offers
    stronger suites after the mandatory one. ``legacy_renegotiation`` lets servers without RFC 5746 in: old
    meters.
    """

    cert: Path | None = None
    key: Path | None = None
    ca: tuple[Path, ...] = ()
    server_lfdi: bytes | None = None
    hostname: bool = False
    profile: bool = True
    allow_gcm: bool = True
    legacy_renegotiation: bool = False


def make_context(settings: TLSSettings) -> ssl.SSLContext:
    """Return a context that finishes a handshake only with a server that ``settings`` trust.

    Raises LocalError that names the file that cannot be used.
    """
    if not settings.ca and settings.server_lfdi is None:
        raise WrongUsage("Say which server to trust: --ca FILE with its CA, or --server-lfdi with its LFDI.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS_WITH_GCM if settings.allow_gcm else CIPHERS)
    context.set_ecdh_curve("prime256v1")
    context.check_hostname = settings.hostname and bool(settings.ca)
    # Without a CA the certificate's own hash decides, in the handshake below.
    context.verify_mode = ssl.CERT_REQUIRED if settings.ca else ssl.CERT_NONE
    # What the user names as CA is trusted, be it a root or an intermediate.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if settings.legacy_renegotiation:
        context.options |= _LEGACY_SERVER_CONNECT
    _load_files(context, settings)
    context.sslobject_class = _checked(settings.server_lfdi, profile=settings.profile)
    return context


def _load_files(context: ssl.SSLContext, settings: TLSSettings) -> None:
    if settings.cert is not None:
        try:
            context.load_cert_chain(settings.cert, settings.key)
        except (OSError, ssl.SSLError) as error:
            files = f"{settings.cert} with key {settings.key or settings.cert}"
            raise LocalError(f"cannot use certificate {files}: {error}") from error
    for file in settings.ca:
        try:
            context.load_verify_locations(cafile=file)
        except (OSError, ssl.SSLError) as error:
            raise LocalError(f"cannot use CA file {file}: {error}. It must hold PEM certificates.") from error


def _refusal(chain: list[bytes], server_lfdi: bytes | None, *, profile: bool) -> str | None:
    """Return why a server with this chain (DER, leaf first) is refused, None if it is not."""
    if not chain:
        return "the server shows no certificate"
    lfdi = lfdi_from_certificate(chain[0])
    if server_lfdi is not None and lfdi != server_lfdi:
        return f"the server's LFDI is {format_lfdi(lfdi)}, expected {format_lfdi(server_lfdi)}"
    return check_chain(chain) if profile else None


@lru_cache(maxsize=64)  # a class takes 3 kB, and devices of a fleet are told the same
def _checked(server_lfdi: bytes | None, *, profile: bool) -> type[ssl.SSLObject]:
    """Return the class of connections that fail their handshake where ``_refusal`` says why.

    In the handshake, for nothing may be sent to a server that is not the right one; HTTP libraries offer no
    place between handshake and first request.
    """

    class Checked(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            if self.session_reused:
                return  # it shows no chain: the handshake that began the session was checked
            reason = _refusal(_presented_chain(self), server_lfdi, profile=profile)
            if reason is not None:
                raise ssl.SSLCertVerificationError(1, reason)

    return Checked


def _presented_chain(tls: ssl.SSLObject) -> list[bytes]:
    if sys.version_info >= (3, 13):
        return tls.get_unverified_chain()
    # The same call exists since 3.10, on the object behind SSLObject, and returns objects of the C module.
    import _ssl

    chain = tls._sslobj.get_unverified_chain()  # type: ignore[attr-defined]
    return [certificate.public_bytes(_ssl.ENCODING_DER) for certificate in chain or ()]
