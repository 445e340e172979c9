"""The gateway's own TLS certificate: made at the first start, kept, and known by its fingerprint."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from openesi.errors import LocalError
from openesi.gateway.files import CERTIFICATE_FILE, KEY_FILE

VALID_DAYS = 3650  # nobody will look after it; clients trust the fingerprint, which must not change by itself


def find_or_make_certificate(directory: Path) -> tuple[Path, Path]:
    """Paths of certificate and key in ``directory``, made there if there are none.

    Making happens in a child process, so that the gateway does not carry the library for it (8 MB) for
    months. Raises LocalError if it fails.
    """
    certificate, key = directory / CERTIFICATE_FILE, directory / KEY_FILE
    if not (certificate.exists() and key.exists()):
        directory.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "openesi.gateway.certificate", str(directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
        if done.returncode != 0:
            raise LocalError(f"could not make a certificate in {directory}: {done.stderr.strip()[-300:]}")
    return certificate, key


def read_fingerprint(certificate: Path) -> str:
    """SHA-256 of the certificate as browsers show it. Raises LocalError if the file is no certificate."""
    try:
        der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    except ValueError as error:
        raise LocalError(f"{certificate} is not a certificate: remove it and start again") from error
    digest = hashlib.sha256(der).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def make_certificate(directory: Path, *, now: datetime) -> None:
    """Write a self-signed P-256 certificate for this host's names and addresses, key readable by the owner
    only.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private_key = ec.generate_private_key(ec.SECP256R1())
    host = socket.gethostname()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"OpenESI gateway {host}"[:64])])
    dns_names = dict.fromkeys([host, f"{host}.local", "localhost"])
    names: list[x509.GeneralName] = [x509.DNSName(dns) for dns in dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in _own_addresses()]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private_key, hashes.SHA256())
    )
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle = os.open(directory / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    (directory / CERTIFICATE_FILE).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _own_addresses() -> list[str]:
    """Loopback and the addresses this host has now; a later one is covered by the fingerprint only."""
    addresses = ["127.0.0.1", "::1"]
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((target, 9))  # sends nothing; asks which address would be used
                addresses.append(probe.getsockname()[0])
            except OSError:
                continue  # no route for this family
    return list(dict.fromkeys(addresses))


if __name__ == "__main__":
    make_certificate(Path(sys.argv[1]), now=datetime.now(UTC))
