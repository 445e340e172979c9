"""What an independent program makes of our certificates: the openssl command."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from openesi.pki import Authority, Identity
from openesi.sep2.identity import lfdi_from_certificate

CIPHER = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
OpenSSL = Callable[..., str]


@pytest.mark.parametrize("length", [2, 3, 4])
@pytest.mark.parametrize("purpose", ["sslclient", "sslserver"])
def test_openssl_verifies_chains(
    openssl: OpenSSL, tmp_path: Path, now: datetime, length: int, purpose: str
) -> None:
    authority = Authority.create(tmp_path, now=now, length=length)
    identity = (
        authority.issue_server(["localhost", "127.0.0.1"], now=now)
        if purpose == "sslserver"
        else authority.issue_device("inverter", now=now)
    )
    openssl(
        *("verify", "-x509_strict", "-policy_check", "-purpose", purpose),
        *("-CAfile", identity.ca, "-untrusted", identity.cert, identity.cert),
    )


def test_openssl_accepts_host_name_and_address_of_the_server(
    openssl: OpenSSL, tmp_path: Path, now: datetime
) -> None:
    server = Authority.create(tmp_path, now=now).issue_server(["esi.example", "127.0.0.1", "::1"], now=now)
    verify = ("verify", "-CAfile", server.ca, "-untrusted", server.cert)
    for option, value in (("hostname", "esi.example"), ("ip", "127.0.0.1"), ("ip", "::1")):
        openssl(*verify, f"-verify_{option}", value, server.cert)
    openssl(*verify, "-verify_hostname", "else.example", server.cert, code=2)


def test_openssl_refuses_a_device_of_another_authority(
    openssl: OpenSSL, tmp_path: Path, now: datetime
) -> None:
    one, other = (Authority.create(tmp_path / name, now=now) for name in ("one", "other"))
    device = one.issue_device("inverter", now=now)
    openssl("verify", "-CAfile", other.ca, "-untrusted", device.cert, device.cert, code=2)


def test_openssl_reads_what_the_profile_says(openssl: OpenSSL, authority: Authority, now: datetime) -> None:
    device = authority.issue_device("read", now=now)
    text = openssl("x509", "-in", device.cert, "-noout", "-text")
    for line in (
        "Version: 3 (0x2)",
        "Signature Algorithm: ecdsa-with-SHA256",
        "Not After : Dec 31 23:59:59 9999 GMT",
        "ASN1 OID: prime256v1",
        "X509v3 Key Usage: critical\n                Digital Signature, Key Agreement",
        "X509v3 Certificate Policies: critical\n                Policy: 1.3.6.1.4.1.40732.1.1",
        "Policy: 1.3.6.1.4.1.40732.2.1",
        "X509v3 Subject Alternative Name: critical\n                othername: ",
    ):
        assert line in text
    assert "Extended Key Usage" not in text
    der = openssl("asn1parse", "-in", device.cert)
    assert "GENERALIZEDTIME   :99991231235959Z" in der


def test_openssl_hashes_to_the_same_lfdi(openssl: OpenSSL, authority: Authority, now: datetime) -> None:
    device = authority.issue_device("hashed", now=now)
    printed = openssl("x509", "-in", device.cert, "-noout", "-fingerprint", "-sha256")
    fingerprint = printed.partition("=")[2].strip().replace(":", "")
    assert bytes.fromhex(fingerprint)[:20] == device.lfdi


def context(side: int, identity: Identity, trusted: tuple[Path, ...]) -> ssl.SSLContext:
    made = ssl.SSLContext(side)
    made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHER)
    made.load_cert_chain(identity.cert, identity.key)
    for file in trusted:
        made.load_verify_locations(file)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


def accept_one(listener: socket.socket, server: ssl.SSLContext, seen: dict[str, object]) -> None:
    connection, _ = listener.accept()
    connection.settimeout(10)
    try:
        with server.wrap_socket(connection, server_side=True) as tls:
            seen["lfdi"] = lfdi_from_certificate(tls.getpeercert(binary_form=True) or b"")
            seen["cipher"] = (tls.cipher() or ("",))[0]
            tls.sendall(b"hello from the server\n")
            tls.unwrap().close()
    except ssl.SSLError as error:
        seen["error"] = error.reason
        connection.close()


def handshake_with_s_client(
    openssl: OpenSSL, server: ssl.SSLContext, *options: str | Path, code: int = 0
) -> dict[str, object]:
    seen: dict[str, object] = {}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=accept_one, args=(listener, server, seen))
        thread.start()
        try:
            seen["text"] = openssl(
                *("s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}", "-tls1_2"),
                *("-cipher", CIPHER, "-quiet", "-verify_return_error", "-verify_ip", "127.0.0.1", *options),
                code=code,
            )
        finally:
            thread.join(timeout=15)
    return seen


@pytest.mark.parametrize("sends_intermediates", [True, False])
def test_mutual_tls_with_ccm8(
    openssl: OpenSSL, tmp_path: Path, now: datetime, sends_intermediates: bool
) -> None:
    authority = Authority.create(tmp_path, now=now, length=4)
    server = authority.issue_server(["127.0.0.1"], now=now)
    device = authority.issue_device("inverter", now=now)
    chain = ("-cert_chain", device.cert) if sends_intermediates else ()
    seen = handshake_with_s_client(
        openssl,
        context(ssl.PROTOCOL_TLS_SERVER, server, authority.trusted_files()),
        *("-CAfile", server.ca, "-cert", device.cert, "-key", device.key, *chain),
    )
    assert "hello from the server" in str(seen["text"])
    assert seen["cipher"] == "ECDHE-ECDSA-AES128-CCM8"
    assert seen["lfdi"] == device.lfdi


def test_mutual_tls_with_a_self_signed_device_that_is_pinned(
    openssl: OpenSSL, tmp_path: Path, now: datetime
) -> None:
    authority = Authority.create(tmp_path, now=now)
    server = authority.issue_server(["127.0.0.1"], now=now)
    device = authority.issue_device("gateway", now=now, self_signed=True)
    pinned = (*authority.trusted_files(), device.cert)
    seen = handshake_with_s_client(
        openssl,
        context(ssl.PROTOCOL_TLS_SERVER, server, pinned),
        *("-CAfile", server.ca, "-cert", device.cert, "-key", device.key),
    )
    assert seen["lfdi"] == device.lfdi


def test_a_device_of_another_authority_is_refused_in_the_handshake(
    openssl: OpenSSL, tmp_path: Path, now: datetime
) -> None:
    ours, theirs = (Authority.create(tmp_path / name, now=now) for name in ("ours", "theirs"))
    server = ours.issue_server(["127.0.0.1"], now=now)
    stranger = theirs.issue_device("inverter", now=now)
    seen = handshake_with_s_client(
        openssl,
        context(ssl.PROTOCOL_TLS_SERVER, server, ours.trusted_files()),
        *("-CAfile", server.ca, "-cert", stranger.cert, "-key", stranger.key, "-cert_chain", stranger.cert),
        code=1,
    )
    assert "lfdi" not in seen
    assert seen["error"] == "CERTIFICATE_VERIFY_FAILED"
