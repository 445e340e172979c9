"""The certificate profile of IEEE 2030.5 as a table, and certificates built from it. No I/O.

Chains run SERCA > (MCA >) MICA > device, two to four certificates long (IEEE 2030.5-2018, clause 6.11).
Each role is one entry of ``PROFILES``; where the table leaves a choice, this is what is made here:

- Devices have an empty subject and therefore a critical subjectAltName. Their name is the hardwareModuleName.
- A server is a device whose subjectAltName also holds its host names and addresses. So a 2030.5 client,
  which looks at the chain only, and a client that checks host names are both content. There is no
  extendedKeyUsage: absent means "any use", and the profile has none.
- All keys are P-256, all signatures ecdsa-with-SHA256, all certificates end at 99991231235959Z: there is no
  renewal and no revocation list in this PKI.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from openesi.errors import WrongUsage
from openesi.pki.hardware import TYPE_ID, HardwareModuleName, encode_hardware_module_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INDEFINITE: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""notAfter of every certificate: GeneralizedTime 99991231235959Z, clause 6.11.2."""

BACKDATED: Final = timedelta(days=1)
"""How far notBefore lies back: a device whose clock is a little slow must not refuse a new certificate."""

POLICY_ARC: Final = "1.3.6.1.4.1.40732"
ANY_POLICY: Final = "2.5.29.32.0"


class Policy(enum.StrEnum):
    """Certificate policies of clauses 6.11.7.2 and 6.11.7.3."""

    GENERIC_DEVICE = f"{POLICY_ARC}.1.1"
    MOBILE_DEVICE = f"{POLICY_ARC}.1.2"
    POST_MANUFACTURE = f"{POLICY_ARC}.1.3"
    TEST = f"{POLICY_ARC}.2.1"
    SELF_SIGNED = f"{POLICY_ARC}.2.2"
    SERVICE_PROVIDER = f"{POLICY_ARC}.2.3"
    BULK_ISSUED = f"{POLICY_ARC}.2.4"


class Role(enum.Enum):
    """What a certificate is for: a column of the profile."""

    SERCA = "SERCA"
    MCA = "MCA"
    MICA = "MICA"
    DEVICE = "device"
    SELF_SIGNED = "self-signed device"


class Uses(enum.Flag):
    """The bits of keyUsage that the profile knows."""

    DIGITAL_SIGNATURE = enum.auto()
    KEY_AGREEMENT = enum.auto()
    KEY_CERT_SIGN = enum.auto()
    CRL_SIGN = enum.auto()


@dataclass(frozen=True, slots=True)
class Profile:
    """One column of the profile: what a certificate of this role holds beside names, key and dates."""

    uses: Uses
    ca: bool
    path_length: int | None
    key_identifier: bool
    authority_key_identifier: bool


PROFILES: Final[dict[Role, Profile]] = {
    Role.SERCA: Profile(Uses.KEY_CERT_SIGN | Uses.CRL_SIGN, True, None, True, False),
    Role.MCA: Profile(Uses.KEY_CERT_SIGN, True, 1, True, True),
    Role.MICA: Profile(Uses.KEY_CERT_SIGN, True, 0, True, True),
    Role.DEVICE: Profile(Uses.DIGITAL_SIGNATURE | Uses.KEY_AGREEMENT, False, None, False, True),
    Role.SELF_SIGNED: Profile(Uses.DIGITAL_SIGNATURE, False, None, False, False),
}

ISSUED_POLICIES: Final = (
    Policy.GENERIC_DEVICE,
    Policy.MOBILE_DEVICE,
    Policy.POST_MANUFACTURE,
    Policy.SERVICE_PROVIDER,
)
"""What an MCA or MICA made here may certify; ``Policy.TEST`` comes to it unless it is said otherwise."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate that signs others, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_key() -> ec.EllipticCurvePrivateKey:
    """Return a new P-256 key, the only kind the profile knows."""
    return ec.generate_private_key(ec.SECP256R1())


def build_certificate(
    role: Role,
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: Issuer | None,
    now: datetime,
    policies: Iterable[str],
    subject: str = "",
    alternative_names: Sequence[x509.GeneralName] = (),
) -> x509.Certificate:
    """Return a certificate by the profile of ``role``, signed by ``issuer``, or by its own key if that is
    None.

    ``subject`` is a common name; devices have none and are named by ``alternative_names`` instead.
    """
    profile = PROFILES[role]
    name = distinguished_name(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(INDEFINITE)
        .add_extension(_key_usage(profile.uses), critical=True)
        .add_extension(_policies(policies), critical=True)
    )
    if profile.ca:
        constraints = x509.BasicConstraints(ca=True, path_length=profile.path_length)
        builder = builder.add_extension(constraints, critical=True)
    if profile.key_identifier:
        identifier = x509.SubjectKeyIdentifier(key_identifier(key.public_key()))
        builder = builder.add_extension(identifier, critical=False)
    if profile.authority_key_identifier and issuer:
        parent = x509.AuthorityKeyIdentifier(key_identifier(issuer.key.public_key()), None, None)
        builder = builder.add_extension(parent, critical=False)
    if alternative_names:
        names = x509.SubjectAlternativeName(alternative_names)
        builder = builder.add_extension(names, critical=True)
    return builder.sign(issuer.key if issuer else key, hashes.SHA256())


def distinguished_name(common_name: str) -> x509.Name:
    """Return a subject: organisation and common name, or nothing at all for a device."""
    if not common_name:
        return x509.Name([])
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "OpenESI"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def key_identifier(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the 8 octets by which the profile names a key: RFC 5280, clause 4.2.1.2, method 2.

    ::

        |0100|<- the last 60 bits of SHA-1 over the subjectPublicKey bits ->|
    """
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    digest = hashlib.sha1(point, usedforsecurity=False).digest()[-8:]
    return bytes((0x40 | digest[0] & 0x0F,)) + digest[1:]


def device_name(hardware: HardwareModuleName) -> x509.OtherName:
    """Return the entry of subjectAltName that names a device."""
    return x509.OtherName(x509.ObjectIdentifier(TYPE_ID), encode_hardware_module_name(hardware))


def host_name(host: str) -> x509.GeneralName:
    """Return the entry of subjectAltName for a host name or an IP address; raise WrongUsage for else."""
    try:
        return x509.IPAddress(ip_address(host.strip("[]")))
    except ValueError:
        pass
    labels = host.rstrip(".").split(".")
    if not all(_is_label(label) for label in labels) or labels[-1].isdigit() or len(host) > 253:
        raise WrongUsage(f"{host!r} is neither a host name nor an IP address.")
    return x509.DNSName(".".join(labels))


def _is_label(label: str) -> bool:
    return (
        0 < len(label) <= 63
        and label.isascii()
        and label.replace("-", "").replace("_", "").isalnum()
        and not label.startswith("-")
        and not label.endswith("-")
    )


def _key_usage(uses: Uses) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=Uses.DIGITAL_SIGNATURE in uses,
        key_agreement=Uses.KEY_AGREEMENT in uses,
        key_cert_sign=Uses.KEY_CERT_SIGN in uses,
        crl_sign=Uses.CRL_SIGN in uses,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        encipher_only=False,
        decipher_only=False,
    )


def _policies(policies: Iterable[str]) -> x509.CertificatePolicies:
    """Return the extension; qualifiers are never written."""
    return x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(p), None) for p in policies]
    )
