"""Certificates of others: read, described, and checked against the 2030.5 profile. No I/O."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtensionOID, SignatureAlgorithmOID

from openesi.errors import PeerError
from openesi.pki.hardware import TYPE_ID, HardwareModuleName, decode_hardware_module_name
from openesi.pki.profile import INDEFINITE, POLICY_ARC, Role
from openesi.sep2.identity import lfdi_from_certificate, sfdi_from_lfdi

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

CHAIN_MAX: Final = 4
"""Most certificates in a chain (SERCA > MCA > MICA > device); a peer may present any number."""
CERTIFICATE_MAX_OCTETS: Final = 8192
"""Largest certificate looked at, ten times a usual one; a peer may put anything into it."""
FILE_MAX_OCTETS: Final = 1 << 20
"""Largest certificate file read: someone may name the wrong file."""
CHECKED_MAX: Final = 4096
"""Certificates whose verdict is remembered, about 3 MB. Only those of a completed handshake come here, so
a stranger cannot push the others out; the least recently used goes first."""

_E = TypeVar("_E", bound=x509.ExtensionType)

_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")

_FORBIDDEN: Final = {
    ExtensionOID.POLICY_MAPPINGS: "policyMappings",
    ExtensionOID.NAME_CONSTRAINTS: "nameConstraints",
}
"""Refused even when not critical (clause 6.11.10.1)."""

_MAY_BE_CRITICAL: Final = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
}
"""The extensions the profile has as critical; any other that is critical is refused."""

_NAMES: Final = {
    ExtensionOID.EXTENDED_KEY_USAGE: "extendedKeyUsage",
    ExtensionOID.SUBJECT_KEY_IDENTIFIER: "subjectKeyIdentifier",
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER: "authorityKeyIdentifier",
    ExtensionOID.POLICY_CONSTRAINTS: "policyConstraints",
    ExtensionOID.INHIBIT_ANY_POLICY: "inhibitAnyPolicy",
    ExtensionOID.CRL_DISTRIBUTION_POINTS: "cRLDistributionPoints",
}

_UNREADABLE: Final = (
    ValueError,
    TypeError,  # a name that holds a bit string where text belongs
    CryptographyDeprecationWarning,  # such as a negative serial number: the parser's next version refuses it
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
"""What the X.509 parser raises for what it cannot read."""


class BadCertificate(PeerError):
    """Octets that are no certificate, or a certificate that cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=403)


@dataclass(frozen=True, slots=True)
class Description:
    """What a certificate says, in the words of the standard."""

    lfdi: bytes
    sfdi: int
    role: Role
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    policies: tuple[str, ...]
    hardware: HardwareModuleName | None
    hosts: tuple[str, ...]
    remarks: tuple[str, ...]
    """Where it differs from the profile, in words; a server need not refuse it for these."""


def load_pem_or_der(data: bytes) -> list[bytes]:
    """Return the certificates of a file, each as the DER octets that were written; leaf first as in the file.

    PEM may hold a chain and other things besides (keys are passed over). Raises BadCertificate if there is
    none.
    """
    if len(data) > FILE_MAX_OCTETS:
        raise BadCertificate("This is no certificate file: it is larger than 1 MB.")
    blocks = _PEM.findall(data)
    if not blocks:
        if b"-----BEGIN" in data:
            raise BadCertificate(
                "This file holds no certificate (a private key, perhaps); give the certificate file."
            )
        blocks = [base64.b64encode(data)]
    try:
        certificates = [base64.b64decode(b"".join(block.split()), validate=True) for block in blocks]
    except binascii.Error as error:
        raise BadCertificate(f"The certificate is damaged: {error}. Copy the file again.") from None
    for der in certificates:
        load_certificate(der)
    return certificates


def load_certificate(der: bytes) -> x509.Certificate:
    """Return the certificate in these DER octets, or raise BadCertificate."""
    if len(der) > CERTIFICATE_MAX_OCTETS:
        raise BadCertificate(f"The certificate is larger than {CERTIFICATE_MAX_OCTETS} octets.")
    try:
        with _parser_warnings():
            certificate = x509.load_der_x509_certificate(der)
            # The parser reads names only when asked; asked here, they are no surprise later.
            _ = certificate.subject, certificate.issuer
        return certificate
    except _UNREADABLE as error:
        raise BadCertificate(f"This is not a certificate in DER or PEM: {_first_line(error)}") from None


def check_chain(chain: Sequence[bytes]) -> str | None:
    """Say why a presented chain (DER, leaf first, with or without the root) must be refused, or None.

    This is what clause 6.11.10 asks beyond RFC 5280 and common verifiers let pass; signatures, dates,
    basicConstraints and trust are the TLS library's work, done before. Verdicts are kept per certificate,
    so asking again is cheap.
    """
    if not chain:
        return "no certificate was presented"
    if len(chain) > CHAIN_MAX:
        return f"the chain has {len(chain)} certificates, the profile allows {CHAIN_MAX}"
    for place, der in enumerate(chain):
        if reason := _check_certificate(der):
            return f"{'the device certificate' if place == 0 else f'CA certificate {place}'}: {reason}"
    return None


@lru_cache(maxsize=CHECKED_MAX)
def _check_certificate(der: bytes) -> str | None:
    try:
        with _parser_warnings():
            extensions = load_certificate(der).extensions
    except BadCertificate as error:
        return str(error)
    except _UNREADABLE as error:
        return f"its extensions cannot be read: {_first_line(error)}"
    for extension in extensions:
        if name := _FORBIDDEN.get(extension.oid):
            return f"{name} is not allowed"
        if extension.critical and extension.oid not in _MAY_BE_CRITICAL:
            return f"the extension {_extension_name(extension.oid)} must not be critical"
    return None


def describe(der: bytes) -> Description:
    """Say what a certificate holds; raise BadCertificate if it cannot be read."""
    certificate = load_certificate(der)
    try:
        with _parser_warnings():
            return _describe(der, certificate)
    except _UNREADABLE as error:
        raise BadCertificate(f"The certificate cannot be read: {_first_line(error)}") from None


def _describe(der: bytes, certificate: x509.Certificate) -> Description:
    lfdi = lfdi_from_certificate(der)
    names = _extension(certificate, x509.SubjectAlternativeName) or ()
    policies = _extension(certificate, x509.CertificatePolicies) or ()
    role = _role(certificate)
    return Description(
        lfdi=lfdi,
        sfdi=sfdi_from_lfdi(lfdi),
        role=role,
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        policies=tuple(policy.policy_identifier.dotted_string for policy in policies),
        hardware=_hardware(names),
        hosts=tuple(str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress)),
        remarks=tuple(_remarks(der, certificate, role)),
    )


def _remarks(der: bytes, certificate: x509.Certificate, role: Role) -> list[str]:
    key = certificate.public_key()
    policies = _extension(certificate, x509.CertificatePolicies) or ()
    is_ca = role in (Role.SERCA, Role.MCA, Role.MICA)
    wrong = {
        "the key is not P-256": not (
            isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
        ),
        "the signature is not ecdsa-with-SHA256": certificate.signature_algorithm_oid
        != SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        "it ends, where the profile has 99991231235959Z": certificate.not_valid_after_utc != INDEFINITE,
        "it has no keyUsage, or not as critical": not _is_critical(certificate, x509.KeyUsage),
        "it has no certificatePolicies, or not as critical": role is not Role.SERCA
        and not _is_critical(certificate, x509.CertificatePolicies),
        "none of its policies is of IEEE 2030.5": not is_ca
        and not any(p.policy_identifier.dotted_string.startswith(POLICY_ARC) for p in policies),
        "a policy has qualifiers": any(policy.policy_qualifiers for policy in policies),
        "it has an extendedKeyUsage": _extension(certificate, x509.ExtendedKeyUsage) is not None,
        "its subject is empty, but subjectAltName is not critical": not certificate.subject.rdns
        and not _is_critical(certificate, x509.SubjectAlternativeName),
        "it has no readable hardwareModuleName": role is Role.DEVICE
        and _hardware(_extension(certificate, x509.SubjectAlternativeName) or ()) is None,
    }
    remarks = [text for text, is_wrong in wrong.items() if is_wrong]
    if refused := _check_certificate(der):
        remarks.insert(0, f"servers must refuse it: {refused}")
    return remarks


def _role(certificate: x509.Certificate) -> Role:
    constraints = _extension(certificate, x509.BasicConstraints)
    itself = certificate.subject == certificate.issuer and bool(certificate.subject.rdns)
    if constraints is None or not constraints.ca:
        return Role.SELF_SIGNED if itself else Role.DEVICE
    if itself:
        return Role.SERCA
    return Role.MICA if constraints.path_length == 0 else Role.MCA


def _hardware(names: x509.SubjectAlternativeName | tuple[()]) -> HardwareModuleName | None:
    for name in names:
        if isinstance(name, x509.OtherName) and name.type_id.dotted_string == TYPE_ID:
            with contextlib.suppress(PeerError):  # `remarks` tells of a device without a readable name
                return decode_hardware_module_name(name.value)
    return None


def _extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _is_critical(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(kind).critical
    except x509.ExtensionNotFound:
        return False


def _extension_name(oid: x509.ObjectIdentifier) -> str:
    name = _NAMES.get(oid)
    return f"{name} ({oid.dotted_string})" if name else oid.dotted_string


@contextlib.contextmanager
def _parser_warnings() -> Iterator[None]:
    """Raise what the parser will refuse one day; drop its other warnings, or strangers could fill our log."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        yield


def _first_line(error: Exception) -> str:
    """Return the parser's message, short: it may quote what a stranger wrote."""
    return (str(error).splitlines() or [type(error).__name__])[0][:100]
