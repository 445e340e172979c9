"""SunSpec CSIP procedures, the server's side: COMM-002 to COMM-004, with certificates that are made here."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from conformance.lab import Lab, lab_in
from conformance.wire import CIPHER, Certificate, name_of
from openesi.pki import Authority

Key = ec.EllipticCurvePrivateKey
DEVICE_POLICIES = ("1.3.6.1.4.1.40732.1.1", "1.3.6.1.4.1.40732.2.1")
HARDWARE_MODULE = ObjectIdentifier("1.3.6.1.5.5.7.8.4")
NAME = bytes.fromhex("300c06062b060104010104020102")  # hwType 1.3.6.1.4.1.1, hwSerialNum 0102
PURPOSE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
CONSTRAINTS = x509.NameConstraints([x509.DNSName("example")], None)
MAPPINGS = x509.UnrecognizedExtension(
    ObjectIdentifier("2.5.29.33"), bytes.fromhex("3018301606092b06010401827d010106092b06010401827d0102")
)


class Maker:
    """A root and what it issues, by the profile of the standard (2018, 6.11)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = self._ca("SERCA", None, length=None)
        self._count = 0

    def _sign(
        self,
        subject: x509.Name,
        key: Key,
        issuer: tuple[x509.Certificate, Key] | None,
        extensions: list[tuple[x509.ExtensionType, bool]],
    ) -> x509.Certificate:
        signer = issuer[1] if issuer else key
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer[0].subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
        )
        if issuer is not None:
            identifier = issuer[0].extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            extensions = [
                *extensions,
                (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
            ]
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    def _ca(
        self,
        name: str,
        issuer: tuple[x509.Certificate, Key] | None,
        *,
        length: int | None,
        extra: tuple[x509.ExtensionType, bool] | None = None,
    ) -> tuple[x509.Certificate, Key]:
        key = ec.generate_private_key(ec.SECP256R1())
        digest = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=True, path_length=length), True),
            (usage(signs=True), True),
            (policies("2.5.29.32.0"), True),
            (x509.SubjectKeyIdentifier(bytes([0x40 | digest[-8] & 0x0F]) + digest[-7:]), False),
        ]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._sign(subject, key, issuer, extensions + ([extra] if extra else [])), key

    def device(self, *cas: str, extra: tuple[x509.ExtensionType, bool] | None = None) -> Certificate:
        """Issue a device's certificate below these CAs, the last of which has an extension more."""
        chain: list[tuple[x509.Certificate, Key]] = [self.root]
        for number, name in enumerate(cas, 1):
            is_last = number == len(cas)
            chain.append(
                self._ca(name, chain[-1], length=len(cas) - number, extra=extra if is_last else None)
            )
        key = ec.generate_private_key(ec.SECP256R1())
        hardware = x509.SubjectAlternativeName([x509.OtherName(HARDWARE_MODULE, NAME)])
        extensions = [(hardware, True), (usage(signs=False), True), (policies(*DEVICE_POLICIES), True)]
        leaf = self._sign(x509.Name([]), key, chain[-1], extensions)
        return self._written([leaf, *(one for one, _ in reversed(chain[1:]))], key)

    def self_signed(self) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alone")])
        extensions = [(usage(signs=False), True), (policies("1.3.6.1.4.1.40732.2.2"), True)]
        return self._written([self._sign(subject, key, None, extensions)], key)

    def _written(self, chain: list[x509.Certificate], key: Key) -> Certificate:
        self._count += 1
        cert, secret = (self.folder / f"{self._count}.{kind}" for kind in ("pem", "key"))
        cert.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return Certificate(cert, secret, self.folder / "pki" / "serca.pem")


def usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_agreement=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        encipher_only=False,
        decipher_only=False,
    )


def policies(*oids: str) -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in oids])


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(Path(tmp_path_factory.mktemp("lab")))


@pytest.fixture(scope="module")
def lab(maker: Maker) -> Iterator[Lab]:
    Authority.create(maker.folder, now=datetime.now(UTC))
    root = maker.root[0].public_bytes(serialization.Encoding.PEM)
    (maker.folder / "pki" / "trusted" / "other.pem").write_bytes(root)
    with lab_in(maker.folder) as made:
        yield made


ACCEPTED = {"COMM-004A": (), "COMM-004B": ("MICA",), "COMM-004C": ("MCA", "MICA")}
REFUSED = {
    "COMM-004D": (PURPOSE, True),
    "COMM-004E": (CONSTRAINTS, False),
    "COMM-004F": (MAPPINGS, False),
}


@pytest.mark.parametrize("test", ACCEPTED)
def test_chains_that_are_accepted(lab: Lab, maker: Maker, test: str) -> None:
    wire = lab.wire(maker.device(*ACCEPTED[test]))
    lab.utility.register(wire.lfdi)
    assert name_of(wire.get("/dcap")) == "DeviceCapability"
    assert len(wire.members("/edev")) == 1


def is_refused(lab: Lab, certificate: Certificate) -> bool:
    """Tell whether a client is turned away: an alert, a disconnect, or 403."""
    try:
        return lab.wire(certificate).ask("GET", "/dcap").status == 403
    except (ssl.SSLError, ConnectionError):
        return True


@pytest.mark.parametrize("test", REFUSED)
def test_chains_that_are_refused(lab: Lab, maker: Maker, test: str) -> None:
    certificate = maker.device("MICA", extra=REFUSED[test])
    lab.utility.register(certificate.lfdi)
    assert is_refused(lab, certificate)


def test_COMM_004G_self_signed(lab: Lab, maker: Maker) -> None:
    certificate = maker.self_signed()
    lab.utility.register(certificate.lfdi)
    assert is_refused(lab, certificate)


def test_COMM_002_and_003_out_of_band_by_the_mandatory_suite(lab: Lab) -> None:
    plant = lab.plant()
    plant.me()
    name, version, _ = plant.wire.cipher
    assert (name, version) == ("ECDHE-ECDSA-AES128-CCM8", "TLSv1.2")


@pytest.mark.parametrize(
    ("version", "ciphers"),
    [
        (ssl.TLSVersion.TLSv1_3, CIPHER),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256"),
    ],
)
def test_COMM_003_nothing_else(lab: Lab, version: ssl.TLSVersion, ciphers: str) -> None:
    wire = lab.wire(lab.certificate())
    wire.context.maximum_version = version
    wire.context.minimum_version = version
    wire.context.set_ciphers(ciphers)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        wire.ask("GET", "/dcap")
