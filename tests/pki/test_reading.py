from __future__ import annotations

import contextlib
import re
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.pki import Authority, BadCertificate, Role, check_chain, describe, load_pem_or_der
from openesi.pki.authority import read_certificates
from openesi.pki.profile import BACKDATED, INDEFINITE
from openesi.pki.reading import CHAIN_MAX, load_certificate

NAME_CONSTRAINTS = x509.NameConstraints([x509.DNSName("example")], None)
POLICY_MAPPINGS = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("2.5.29.33"),
    bytes.fromhex("301830160609 2b0601040182be1c01 0609 2b0601040182be1c02".replace(" ", "")),
)
PRIVATE = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.40732.99"), b"\x05\x00")
CLIENT_AUTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


def ca_with(extension: x509.ExtensionType | None, now: datetime, *, critical: bool) -> bytes:
    """A MICA that has one extension more than the profile."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "MICA")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "SERCA")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(INDEFINITE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("extension", "critical", "reason"),
    [
        pytest.param(None, False, None, id="profile"),
        pytest.param(CLIENT_AUTH, True, r"extendedKeyUsage .* must not be critical", id="COMM-004D"),
        pytest.param(CLIENT_AUTH, False, None, id="extendedKeyUsage"),
        pytest.param(NAME_CONSTRAINTS, False, "nameConstraints is not allowed", id="COMM-004E"),
        pytest.param(NAME_CONSTRAINTS, True, "nameConstraints is not allowed", id="critical nameConstraints"),
        pytest.param(POLICY_MAPPINGS, False, "policyMappings is not allowed", id="COMM-004F"),
        pytest.param(POLICY_MAPPINGS, True, "policyMappings is not allowed", id="critical policyMappings"),
        pytest.param(
            PRIVATE, True, r"1\.3\.6\.1\.4\.1\.40732\.99 must not be critical", id="unknown critical"
        ),
        pytest.param(PRIVATE, False, None, id="unknown"),
    ],
)
def test_extensions_of_a_ca(
    authority: Authority,
    now: datetime,
    extension: x509.ExtensionType | None,
    critical: bool,
    reason: str | None,
) -> None:
    leaf = authority.chain[0]
    verdict = check_chain([leaf, ca_with(extension, now, critical=critical)])
    if reason is None:
        assert verdict is None
    else:
        assert re.search("^CA certificate 1: .*" + reason, verdict or "")


def test_length_of_a_presented_chain_is_bounded(authority: Authority) -> None:
    assert check_chain([]) == "no certificate was presented"
    assert check_chain([authority.chain[0]] * CHAIN_MAX) is None
    assert "the profile allows 4" in (check_chain([authority.chain[0]] * (CHAIN_MAX + 1)) or "")


def test_octets_that_are_no_certificate_are_refused() -> None:
    assert "not a certificate" in (check_chain([b"nonsense"]) or "")
    assert "larger than" in (check_chain([bytes(10_000)]) or "")


def test_describe_remarks_what_differs_from_the_profile(now: datetime) -> None:
    description = describe(ca_with(POLICY_MAPPINGS, now, critical=False))
    assert description.role is Role.MICA
    assert description.remarks == (
        "servers must refuse it: policyMappings is not allowed",
        "it has no keyUsage, or not as critical",
        "it has no certificatePolicies, or not as critical",
    )


def test_pem_and_der_give_the_same_octets(authority: Authority) -> None:
    root = authority.chain[-1]
    assert load_pem_or_der(root) == [root]
    assert load_pem_or_der(authority.ca.read_bytes()) == [root]


def test_a_chain_with_a_key_and_windows_line_ends_is_read(authority: Authority, now: datetime) -> None:
    device = authority.issue_device("combined", now=now)
    text = device.key.read_bytes() + b"a remark\n" + device.cert.read_bytes()
    assert load_pem_or_der(text.replace(b"\n", b"\r\n")) == read_certificates(device.cert)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a certificate"),
        (b"hello", "not a certificate"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private key, perhaps"),
        (b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n", "damaged"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a certificate"),
        (bytes(2_000_000), "larger than 1 MB"),
    ],
)
def test_files_without_a_certificate_say_so(data: bytes, message: str) -> None:
    with pytest.raises(BadCertificate, match=message):
        load_pem_or_der(data)


def test_errors_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("hello")
    with pytest.raises(BadCertificate, match=r"cert\.pem: "):
        read_certificates(tmp_path / "cert.pem")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_certificates_give_a_verdict_or_our_error(authority: Authority, data: st.DataObject) -> None:
    der = bytearray(data.draw(st.sampled_from(authority.chain)))
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    check_chain([bytes(der)])
    with contextlib.suppress(BadCertificate):
        describe(bytes(der))


def test_a_name_that_is_no_text_is_a_bad_certificate(authority: Authority) -> None:
    der = authority.chain[0].replace(b"\x0c\x07OpenESI", b"\x03\x07OpenESI")
    assert der != authority.chain[0]
    with pytest.raises(BadCertificate):
        load_certificate(der)


def test_a_name_of_the_wrong_length_is_read_without_a_warning(authority: Authority) -> None:
    """The parser warns of a countryName of seven letters."""
    root = authority.chain[-1]
    der = root.replace(b"\x06\x03\x55\x04\x0a\x0c\x07", b"\x06\x03\x55\x04\x06\x0c\x07")
    assert der != root
    assert describe(der).subject.endswith("C=OpenESI")


def test_a_malformed_hardware_name_is_remarked(authority: Authority, now: datetime) -> None:
    der = read_certificates(authority.issue_device("malformed", now=now).cert)[0]
    broken = der.replace(b"\x04\x09malformed", b"\x05\x09malformed")
    assert broken != der
    assert describe(broken).hardware is None
    assert describe(broken).remarks == ("it has no readable hardwareModuleName",)


def test_a_negative_serial_number_is_a_bad_certificate(authority: Authority) -> None:
    serial = load_certificate(authority.chain[0]).serial_number
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    with pytest.raises(BadCertificate):
        load_certificate(authority.chain[0].replace(octets, bytes([octets[0] | 0x80]) + octets[1:]))
