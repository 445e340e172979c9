"""A public key infrastructure as devices have it, and a wire that runs in its own thread."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from openesi.server.message import Application
from openesi.server.tls import TLSSettings
from openesi.server.wire import Wire, serve

T = TypeVar("T")

CCM8 = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass
class Entity:
    """A certificate with its key and, but for roots, the chain of its issuers."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    chain_file: Path
    key_file: Path

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


class Pki:
    """SERCA -> MICA -> device, with the critical extensions of IEEE 2030.5-2018, 6.11."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.serca = self.issue("SERCA", is_ca=True)
        self.mica = self.issue("MICA", issuer=self.serca, is_ca=True)
        self.server = self.issue("server", issuer=self.mica)
        self.device = self.issue("device", issuer=self.mica)
        self.self_signed = self.issue("self-signed")
        stranger = self.issue("another SERCA", is_ca=True)
        self.foreign = self.issue("foreign device", issuer=stranger)

    def issue(self, name: str, *, issuer: Entity | None = None, is_ca: bool = False) -> Entity:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(FOREVER)
            .add_extension(_key_usage(is_ca), critical=True)
            .add_extension(_policy(), critical=True)
        )
        if is_ca:
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        certificate = builder.sign((issuer or _Key(key)).key, hashes.SHA256())
        entity = Entity(certificate, key, self.folder / f"{name}.pem", self.folder / f"{name}.key")
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        if issuer is not None and issuer.certificate.issuer != issuer.certificate.subject:
            pem += issuer.chain_file.read_bytes()
        entity.chain_file.write_bytes(pem)
        entity.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return entity

    def settings(self, **changes: Any) -> TLSSettings:
        return TLSSettings(
            self.server.chain_file, self.server.key_file, ca_files=(self.serca.chain_file,), **changes
        )

    def client_context(self, entity: Entity | None, *, ciphers: str = CCM8) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        context.check_hostname = False
        context.load_verify_locations(self.serca.chain_file)
        if entity is not None:
            context.load_cert_chain(entity.chain_file, entity.key_file)
        return context


@dataclass
class _Key:
    key: ec.EllipticCurvePrivateKey


def _key_usage(is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_agreement=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        encipher_only=False,
        decipher_only=False,
    )


def _policy() -> x509.CertificatePolicies:
    generic_device = ObjectIdentifier("1.3.6.1.4.1.40732.1.1")
    return x509.CertificatePolicies([x509.PolicyInformation(generic_device, None)])


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A device with a socket, and nothing between it and the octets."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._file = sock.makefile("rb")

    def send(self, *octets: bytes) -> None:
        for piece in octets:
            self.sock.sendall(piece)

    def receive(self, *, head_only: bool = False) -> Answer:
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        status = int(line.split()[1])
        headers = {}
        while (line := self._file.readline()) != b"\r\n":
            name, _, value = line.decode("ascii").partition(":")
            headers[name.lower()] = value.strip()
        assert "transfer-encoding" not in headers
        if status in (100, 204):
            assert "content-length" not in headers
            return Answer(status, headers, b"")
        length = int(headers["content-length"])
        return Answer(status, headers, b"" if head_only else self._file.read(length))

    def ask(self, octets: bytes) -> Answer:
        self.send(octets)
        return self.receive()

    def is_closed(self) -> bool:
        """True once the server has said all; a reset connection raises."""
        return self._file.read(1) == b""

    def close(self) -> None:
        self._file.close()
        self.sock.close()


class Server:
    """A wire in a thread with an event loop of its own."""

    def __init__(self) -> None:
        self.wire: Wire
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._clients: list[Client] = []
        self._thread.start()

    def start(self, application: Application, **options: Any) -> Server:
        self.wire = self.run(serve(application, host="127.0.0.1", **options))
        return self

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def call(self, function: Callable[[], T]) -> T:
        async def called() -> T:
            return function()

        return self.run(called())

    def pass_time(self, seconds: float) -> None:
        """Do what the wire does once a second, as if so much time had passed."""
        self.call(lambda: self.wire.sweep(self._loop.time() + seconds))

    def connect(self, context: ssl.SSLContext | None = None, session: ssl.SSLSession | None = None) -> Client:
        plain = socket.create_connection(("127.0.0.1", self.wire.port), timeout=10)
        try:
            sock = plain if context is None else context.wrap_socket(plain, session=session)
        except ssl.SSLError:
            plain.close()
            raise
        client = Client(sock)
        self._clients.append(client)
        return client

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        if hasattr(self, "wire"):
            self.run(self.wire.close(1))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()
