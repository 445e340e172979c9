from __future__ import annotations

import itertools
import stat
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from openesi.errors import LocalError, WrongUsage
from openesi.pki import (
    Authority,
    IdentityExists,
    NoAuthority,
    Policy,
    Role,
    check_chain,
    describe,
    load_pem_or_der,
)
from openesi.pki.authority import TRUSTED_FILES_MAX, read_certificates
from openesi.pki.profile import INDEFINITE, key_identifier
from openesi.sep2.identity import IdentityError, pin_is_valid, sfdi_from_lfdi


def certificate(path: Path) -> x509.Certificate:
    return x509.load_der_x509_certificate(read_certificates(path)[0])


def extension(cert: x509.Certificate, kind: type[x509.ExtensionType]) -> x509.Extension[x509.ExtensionType]:
    return cert.extensions.get_extension_for_class(kind)


@pytest.mark.parametrize(
    ("length", "names"), [(2, ["serca"]), (3, ["mica", "serca"]), (4, ["mica", "mca", "serca"])]
)
def test_chains_of_each_length(tmp_path: Path, now: datetime, length: int, names: list[str]) -> None:
    authority = Authority.create(tmp_path, now=now, length=length)
    assert [describe(der).role.value.lower() for der in authority.chain] == names
    device = authority.issue_device("inverter", now=now)
    chain = read_certificates(device.cert)
    assert len(chain) == length - 1, "the root is not sent"
    assert chain[1:] == list(authority.chain[:-1])
    assert check_chain(chain) is None
    assert check_chain([*chain, authority.chain[-1]]) is None
    parsed = [x509.load_der_x509_certificate(der) for der in [*chain, authority.chain[-1]]]
    for child, parent in itertools.pairwise(parsed):
        child.verify_directly_issued_by(parent)
    assert all(describe(der).remarks == () for der in [*chain, authority.chain[-1]])


ALL_ROLES = {
    "serca": ({"basicConstraints", "keyUsage", "certificatePolicies"}, {"subjectKeyIdentifier"}),
    "mca": (
        {"basicConstraints", "keyUsage", "certificatePolicies"},
        {"subjectKeyIdentifier", "authorityKeyIdentifier"},
    ),
    "mica": (
        {"basicConstraints", "keyUsage", "certificatePolicies"},
        {"subjectKeyIdentifier", "authorityKeyIdentifier"},
    ),
    "devices/inverter": ({"keyUsage", "certificatePolicies", "subjectAltName"}, {"authorityKeyIdentifier"}),
    "server": ({"keyUsage", "certificatePolicies", "subjectAltName"}, {"authorityKeyIdentifier"}),
    "devices/alone": ({"keyUsage", "certificatePolicies"}, set()),
}


@pytest.mark.parametrize("file", ALL_ROLES)
def test_each_certificate_holds_exactly_what_its_column_of_the_profile_says(
    everything: Authority, file: str
) -> None:
    cert = certificate(everything.directory / f"{file}.pem")
    critical = {e.oid._name for e in cert.extensions if e.critical}
    plain = {e.oid._name for e in cert.extensions if not e.critical}
    assert (critical, plain) == ALL_ROLES[file]
    assert cert.version is x509.Version.v3
    assert cert.not_valid_after_utc == INDEFINITE
    assert cert.signature_algorithm_oid.dotted_string == "1.2.840.10045.4.3.2"
    key = cert.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    policies = extension(cert, x509.CertificatePolicies).value
    assert isinstance(policies, x509.CertificatePolicies)
    assert all(policy.policy_qualifiers is None for policy in policies)


@pytest.mark.parametrize(("file", "path_length"), [("serca", None), ("mca", 1), ("mica", 0)])
def test_cas_sign_and_bound_the_path(everything: Authority, file: str, path_length: int | None) -> None:
    cert = certificate(everything.directory / f"{file}.pem")
    constraints = extension(cert, x509.BasicConstraints).value
    assert constraints == x509.BasicConstraints(ca=True, path_length=path_length)
    usage = extension(cert, x509.KeyUsage).value
    assert isinstance(usage, x509.KeyUsage)
    assert usage.key_cert_sign
    assert usage.crl_sign is (file == "serca")
    assert not usage.digital_signature


def test_key_identifiers_have_eight_octets_and_link_the_chain(everything: Authority) -> None:
    serca, mca, mica = (
        certificate(everything.directory / f"{name}.pem") for name in ("serca", "mca", "mica")
    )
    device = certificate(everything.directory / "devices/inverter.pem")
    for child, parent in ((mca, serca), (mica, mca), (device, mica)):
        above = extension(parent, x509.SubjectKeyIdentifier).value
        below = extension(child, x509.AuthorityKeyIdentifier).value
        assert isinstance(above, x509.SubjectKeyIdentifier)
        assert isinstance(below, x509.AuthorityKeyIdentifier)
        assert len(above.digest) == 8
        assert above.digest[0] >> 4 == 0b0100
        assert below.key_identifier == above.digest == key_identifier(parent.public_key())  # type: ignore[arg-type]
        assert below.authority_cert_issuer is None


def test_device_has_no_subject_and_is_named_by_its_hardware(everything: Authority) -> None:
    path = everything.directory / "devices/inverter.pem"
    description = describe(read_certificates(path)[0])
    assert certificate(path).subject.rdns == []
    assert description.role is Role.DEVICE
    assert description.hardware is not None
    assert description.hardware.serial == b"inverter"
    assert description.policies == (Policy.GENERIC_DEVICE, Policy.TEST)


def test_self_signed_device(everything: Authority) -> None:
    path = everything.directory / "devices/alone.pem"
    description = describe(read_certificates(path)[0])
    assert len(read_certificates(path)) == 1
    assert description.role is Role.SELF_SIGNED
    assert description.policies == (Policy.SELF_SIGNED,)
    assert description.remarks == ()
    assert check_chain(read_certificates(path)) is None


def test_without_test_policy_nothing_carries_it(tmp_path: Path, now: datetime) -> None:
    for length in (2, 3):
        authority = Authority.create(tmp_path / str(length), now=now, length=length, test=False)
        device = authority.issue_device("meter", now=now)
        for der in (*authority.chain, *read_certificates(device.cert)):
            assert Policy.TEST not in describe(der).policies


def test_identity_has_what_a_registration_needs(authority: Authority, now: datetime) -> None:
    device = authority.issue_device("registration", now=now)
    assert device == authority.device("registration")
    assert device.sfdi == sfdi_from_lfdi(device.lfdi)
    assert device.pin is not None
    assert pin_is_valid(device.pin)
    assert "registration" in authority.device_names()
    assert load_pem_or_der(device.ca.read_bytes()) == [authority.chain[-1]]


def test_a_given_pin_is_kept_with_its_zeros(authority: Authority, now: datetime) -> None:
    device = authority.issue_device("zeros", now=now, pin=19)
    assert device.pin == 19
    assert device.cert.with_suffix(".pin").read_text() == "000019\n"
    with pytest.raises(IdentityError):
        authority.issue_device("wrong-pin", now=now, pin=111114)


def test_keys_are_private(authority: Authority, now: datetime) -> None:
    device = authority.issue_device("modes", now=now)
    server = authority.issue_server(["localhost"], now=now)
    keys = {*authority.directory.glob("*.key"), device.key, server.key, device.cert.with_suffix(".pin")}
    assert len(keys) == 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in keys} == {0o600}
    assert stat.S_IMODE(authority.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(device.cert.stat().st_mode) == 0o644


def test_nothing_temporary_stays(authority: Authority, now: datetime) -> None:
    authority.issue_device("tidy", now=now)
    assert not list(authority.directory.rglob(".*"))
    assert [file.name for file in authority.directory.parent.iterdir()] == ["pki"]


def test_an_authority_is_never_made_twice(tmp_path: Path, now: datetime) -> None:
    first = Authority.create(tmp_path, now=now)
    with pytest.raises(IdentityExists, match="is kept"):
        Authority.create(tmp_path, now=now)
    assert Authority.open(tmp_path).chain == first.chain


def test_a_device_is_never_overwritten(tmp_path: Path, now: datetime) -> None:
    authority = Authority.create(tmp_path, now=now)
    device = authority.issue_device("pump", now=now)
    before = device.cert.read_bytes(), device.key.read_bytes()
    with pytest.raises(IdentityExists, match="--renew"):
        authority.issue_device("pump", now=now)
    assert (device.cert.read_bytes(), device.key.read_bytes()) == before


def test_renewal_keeps_key_and_pin_and_gives_a_new_lfdi(tmp_path: Path, now: datetime) -> None:
    authority = Authority.create(tmp_path, now=now)
    old = authority.issue_device("pump", now=now)
    old_key, old_cert = old.key.read_bytes(), old.cert.read_bytes()
    new = authority.issue_device("pump", now=now, renew=True)
    assert new.lfdi != old.lfdi
    assert (new.pin, new.key.read_bytes()) == (old.pin, old_key)
    kept = list((authority.directory / "superseded").iterdir())
    assert [file.read_bytes() for file in kept] == [old_cert]


def test_an_interrupted_issue_is_finished_with_the_same_key(tmp_path: Path, now: datetime) -> None:
    authority = Authority.create(tmp_path, now=now)
    device = authority.issue_device("pump", now=now)
    key = device.key.read_bytes()
    device.cert.unlink()
    again = authority.issue_device("pump", now=now)
    assert (again.pin, again.key.read_bytes()) == (device.pin, key)


def test_server_certificate_is_replaced_for_new_hosts_with_the_same_key(
    tmp_path: Path, now: datetime
) -> None:
    authority = Authority.create(tmp_path, now=now)
    old = authority.issue_server(["localhost", "127.0.0.1"], now=now)
    key = old.key.read_bytes()
    new = authority.issue_server(["esi.example", "[::1]"], now=now)
    assert new.key.read_bytes() == key
    assert new.lfdi != old.lfdi
    description = describe(read_certificates(new.cert)[0])
    assert description.hosts == ("esi.example", "::1")
    assert description.hardware is not None
    assert description.remarks == ()
    assert Policy.SERVICE_PROVIDER in description.policies
    assert len(list((authority.directory / "superseded").iterdir())) == 1


@pytest.mark.parametrize("host", ["", "-x", "a b", "http://x", "1.2.3", "x" * 64, "münchen.example", "a..b"])
def test_what_is_no_host_is_refused(authority: Authority, now: datetime, host: str) -> None:
    with pytest.raises(WrongUsage, match="neither a host name"):
        authority.issue_server([host], now=now)


def test_a_server_needs_a_host(authority: Authority, now: datetime) -> None:
    with pytest.raises(WrongUsage, match="at least one"):
        authority.issue_server([], now=now)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 64, "a\n", "ä"])
def test_names_of_devices_cannot_leave_the_directory(authority: Authority, now: datetime, name: str) -> None:
    with pytest.raises(WrongUsage, match="no name for a device"):
        authority.issue_device(name, now=now)


def test_chain_length_is_bounded(tmp_path: Path, now: datetime) -> None:
    with pytest.raises(WrongUsage, match="2, 3 or 4"):
        Authority.create(tmp_path, now=now, length=5)


def test_missing_authority_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoAuthority, match="openesi pki init --data"):
        Authority.open(tmp_path)


def test_missing_identities_say_what_to_do(tmp_path: Path, now: datetime) -> None:
    authority = Authority.create(tmp_path, now=now)
    with pytest.raises(NoAuthority, match="pki server HOST"):
        authority.server()
    with pytest.raises(NoAuthority, match="pki device meter"):
        authority.device("meter")


def test_the_root_key_is_not_needed_to_issue_but_that_of_the_mica_is(tmp_path: Path, now: datetime) -> None:
    authority = Authority.create(tmp_path, now=now)
    (authority.directory / "serca.key").unlink()
    authority.issue_device("one", now=now)
    (authority.directory / "mica.key").unlink()
    with pytest.raises(LocalError, match=r"mica\.key is not there"):
        authority.issue_device("two", now=now)


def test_a_damaged_key_is_named(tmp_path: Path, now: datetime) -> None:
    authority = Authority.create(tmp_path, now=now)
    (authority.directory / "mica.key").write_text("nonsense")
    with pytest.raises(LocalError, match=r"mica\.key holds no readable private key"):
        authority.issue_device("one", now=now)


def test_roots_of_others_are_trusted_when_put_there(tmp_path: Path, now: datetime) -> None:
    ours = Authority.create(tmp_path / "ours", now=now)
    theirs = Authority.create(tmp_path / "theirs", now=now)
    own = ours.trusted_files()
    assert [file.name for file in own] == ["mica.pem", "serca.pem"]
    (ours.directory / "trusted" / "theirs.pem").write_bytes(theirs.ca.read_bytes())
    assert ours.trusted_files() == (*own, ours.directory / "trusted" / "theirs.pem")
    assert ours.trusted() == (*ours.chain, theirs.chain[-1])


def test_trusted_files_are_bounded(tmp_path: Path, now: datetime) -> None:
    authority = Authority.create(tmp_path, now=now)
    for number in range(TRUSTED_FILES_MAX + 1):
        (authority.directory / "trusted" / f"{number}.pem").touch()
    with pytest.raises(LocalError, match="more than 256"):
        authority.trusted_files()


def test_two_authorities_differ_in_name(tmp_path: Path, now: datetime) -> None:
    one, two = (Authority.create(tmp_path / name, now=now) for name in ("one", "two"))
    assert describe(one.chain[-1]).subject != describe(two.chain[-1]).subject
