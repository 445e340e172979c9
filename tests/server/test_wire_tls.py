"""Who gets in, and as whom: certificates, alerts, resumption, proxies, lost HTTP clients, foreign tools."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import subprocess
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import quote

import pytest

from openesi.errors import LocalError
from openesi.pki import Identity, check_chain
from openesi.sep2.identity import lfdi_from_certificate, sfdi_from_lfdi
from openesi.server.message import Peer, Request, Response
from openesi.server.tls import ClientCertificate, ProxySettings, ServerTLS, TLSSettings
from openesi.server.wire import serve

from .conftest import Client, Pki, Server, der_of

GET = b"GET /dcap HTTP/1.1\r\nHost: esi:8443\r\n\r\n"
GCM = "ECDHE-ECDSA-AES128-GCM-SHA256"


class Application:
    """Remembers who asked."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []

    def __call__(self, request: Request) -> Response:
        self.peers.append(request.peer)
        return Response(200, b"hello")


@pytest.fixture
def application() -> Application:
    return Application()


def refused_with(server: Server, context: ssl.SSLContext) -> str | None:
    """Return the alert that a client is refused with."""
    with pytest.raises(ssl.SSLError) as caught:
        server.connect(context)
    return caught.value.reason


# Certificates.


def test_a_device_is_known_before_its_first_request(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings())
    client = server.connect(pki.client_context(pki.device))
    client.ask(GET)
    client.ask(GET)
    first, second = application.peers
    lfdi = lfdi_from_certificate(der_of(pki.device))
    assert first == Peer(lfdi, sfdi_from_lfdi(lfdi), der_of(pki.device), False, "127.0.0.1")
    assert first is second
    assert client.sock.cipher()[0] == "ECDHE-ECDSA-AES128-CCM8"
    assert client.sock.version() == "TLSv1.2"


def test_the_server_shows_its_chain_without_the_root(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings())
    client = server.connect(pki.client_context(pki.device))
    shown = client.sock._sslobj.get_unverified_chain()
    assert "".join(c.public_bytes() for c in shown) == pki.server.cert.read_text()
    assert len(shown) == 2


def test_without_certificate_the_alert_is_handshake_failure(
    server: Server, pki: Pki, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    server.start(application, tls=pki.settings())
    assert refused_with(server, pki.client_context(None)) == "SSLV3_ALERT_HANDSHAKE_FAILURE"
    assert server.wire.statistics.handshakes_failed == 1
    assert "handshake_refused peer=127.0.0.1 reason='PEER_DID_NOT_RETURN_A_CERTIFICATE'" in caplog.text


@pytest.mark.parametrize("who", ["foreign", "self_signed"])
def test_from_a_stranger_the_alert_is_unknown_ca(
    server: Server, pki: Pki, application: Application, who: str
) -> None:
    server.start(application, tls=pki.settings())
    assert refused_with(server, pki.client_context(getattr(pki, who))) == "TLSV1_ALERT_UNKNOWN_CA"
    assert server.connect(pki.client_context(pki.device)).ask(GET).status == 200


def test_a_certificate_may_be_optional_but_not_wrong(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings(client_certificate=ClientCertificate.OPTIONAL))
    assert server.connect(pki.client_context(None)).ask(GET).status == 200
    assert application.peers[0] == Peer(None, None, None, False, "127.0.0.1")
    assert refused_with(server, pki.client_context(pki.foreign)) == "TLSV1_ALERT_UNKNOWN_CA"


def test_a_pinned_self_signed_certificate_is_trusted(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings(pinned=(der_of(pki.self_signed),)))
    assert server.connect(pki.client_context(pki.self_signed)).ask(GET).status == 200
    assert application.peers[0].self_signed
    assert application.peers[0].lfdi == lfdi_from_certificate(der_of(pki.self_signed))


def test_a_certificate_can_be_pinned_while_the_server_runs(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings())
    assert refused_with(server, pki.client_context(pki.self_signed)) == "TLSV1_ALERT_UNKNOWN_CA"
    assert server.wire.tls is not None
    server.wire.tls.pin(der_of(pki.self_signed))
    assert server.connect(pki.client_context(pki.self_signed)).ask(GET).status == 200


def test_a_pinned_certificate_cannot_vouch_for_another(
    server: Server, pki: Pki, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    (root,) = (
        pki.strangers.chain
    )  # self-signed, and a CA: what `openssl req -x509` makes for a device as well
    server.start(application, tls=pki.settings(pinned=(root,)))
    assert refused_with(server, pki.client_context(pki.foreign)) == "SSLV3_ALERT_BAD_CERTIFICATE"
    assert "certificate_refused" in caplog.text


def test_an_intermediate_alone_can_be_trusted(server: Server, pki: Pki, application: Application) -> None:
    settings = TLSSettings(pki.server.cert, pki.server.key, ca_files=(pki.authority.directory / "mica.pem",))
    server.start(application, tls=settings)
    assert server.connect(pki.client_context(pki.device)).ask(GET).status == 200


def test_the_chain_as_presented_can_be_refused(
    server: Server, pki: Pki, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[list[bytes]] = []

    def verify(chain: list[bytes]) -> str | None:
        seen.append(chain)
        return "a policy mapping in the MICA" if len(seen) == 1 else None

    server.start(application, tls=pki.settings(verify_chain=verify))
    assert refused_with(server, pki.client_context(pki.device)) == "SSLV3_ALERT_BAD_CERTIFICATE"
    assert "certificate_refused peer=127.0.0.1 reason='a policy mapping in the MICA'" in caplog.text
    assert server.connect(pki.client_context(pki.device)).ask(GET).status == 200
    assert seen == [[der_of(pki.device), pki.authority.chain[0]]] * 2
    assert server.wire.statistics.handshakes_failed == 1


def test_the_rules_of_the_standard_fit_in(server: Server, pki: Pki, application: Application) -> None:
    server.start(application, tls=pki.settings(verify_chain=check_chain))
    assert server.connect(pki.client_context(pki.device)).ask(GET).status == 200


# Sessions, suites, versions.


def test_a_resumed_session_keeps_the_identity_and_is_not_verified_again(
    server: Server, pki: Pki, application: Application
) -> None:
    chains = []
    server.start(application, tls=pki.settings(verify_chain=lambda chain: chains.append(chain)))
    context = pki.client_context(pki.device)
    first = server.connect(context)
    first.ask(GET)
    again = server.connect(context, session=first.sock.session)
    again.ask(GET)
    assert again.sock.session_reused
    assert application.peers[0] == application.peers[1]
    assert application.peers[1].lfdi == lfdi_from_certificate(der_of(pki.device))
    assert len(chains) == 1
    assert server.wire.statistics.handshakes_full == 1
    assert server.wire.statistics.handshakes_resumed == 1


def test_listeners_of_one_context_resume_each_others_sessions(
    server: Server, pki: Pki, application: Application
) -> None:
    tls = ServerTLS(pki.settings())  # as made before a fork
    context = pki.client_context(pki.device)
    session = server.start(application, tls=tls).connect(context).sock.session
    other = server.run(serve(application, host="127.0.0.1", tls=tls))
    plain = socket.create_connection(("127.0.0.1", other.port), timeout=10)
    with context.wrap_socket(plain, session=session) as sock:
        assert sock.session_reused
    server.run(other.close(1))


def test_gcm_only_where_it_is_allowed(server: Server, pki: Pki, application: Application) -> None:
    server.start(application, tls=pki.settings())
    assert (
        refused_with(server, pki.client_context(pki.device, ciphers=GCM)) == "SSLV3_ALERT_HANDSHAKE_FAILURE"
    )
    server.run(server.wire.close(1))
    server.start(application, tls=pki.settings(allow_gcm=True))
    assert server.connect(pki.client_context(pki.device, ciphers=GCM)).sock.cipher()[0] == GCM
    both = pki.client_context(pki.device, ciphers=f"{GCM}:ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0")
    assert server.connect(both).sock.cipher()[0] == "ECDHE-ECDSA-AES128-CCM8"


def test_tls_1_3_alone_is_refused(server: Server, pki: Pki, application: Application) -> None:
    server.start(application, tls=pki.settings())
    context = pki.client_context(pki.device)
    context.maximum_version = context.minimum_version = ssl.TLSVersion.TLSv1_3
    assert refused_with(server, context) == "TLSV1_ALERT_PROTOCOL_VERSION"


def test_the_server_says_goodbye_in_tls(server: Server, pki: Pki, application: Application) -> None:
    server.start(application, tls=pki.settings())
    client = server.connect(pki.client_context(pki.device))
    client.ask(b"GET / HTTP/1.0\r\n\r\n")
    client.sock.suppress_ragged_eofs = False  # an end without close_notify raises now
    assert client.is_closed()


def test_the_client_says_goodbye_in_tls(server: Server, pki: Pki, application: Application) -> None:
    server.start(application, tls=pki.settings())
    client = server.connect(pki.client_context(pki.device))
    client.ask(GET)
    tcp = client.sock.unwrap()  # raises unless the server answers close_notify with close_notify
    assert tcp.recv(1) == b""
    tcp.close()


# Settings that cannot work.


def test_settings_that_cannot_be_used_name_the_file(pki: Pki, tmp_path: Path) -> None:
    text = tmp_path / "not a certificate.pem"
    text.write_text("hello")
    for wrong in (
        TLSSettings(text, pki.server.key),
        TLSSettings(tmp_path / "not a certificate.pem.missing", pki.server.key),
        TLSSettings(pki.server.cert, pki.server.key, ca_files=(text,)),
    ):
        with pytest.raises(LocalError, match=r"not a certificate\.pem"):
            ServerTLS(wrong)
    with pytest.raises(LocalError, match="KEY_VALUES_MISMATCH"):
        ServerTLS(TLSSettings(pki.server.cert, pki.device.key))
    with pytest.raises(LocalError, match="cannot pin"):
        ServerTLS(pki.settings(pinned=(b"hello",)))


# Plain HTTP that lost its way.


def test_plain_http_on_the_tls_port_is_sent_to_https(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings())
    client = server.connect()
    answer = client.ask(b"GET /dcap?s=1 HTTP/1.1\r\nHost: esi:8443\r\n\r\n")
    assert answer.status == 301
    assert answer.headers["location"] == "https://esi:8443/dcap?s=1"
    assert client.is_closed()
    assert application.peers == []


def test_plain_http_on_the_tls_port_takes_no_body_from_anybody(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings())
    client = server.connect()
    assert client.ask(b"POST /mup HTTP/1.1\r\nHost: esi\r\nContent-Length: 1\r\n\r\n").status == 413
    assert client.is_closed()


def test_plain_http_on_the_tls_port_can_be_an_error(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings(), redirect_http=False)
    assert server.connect().ask(GET).status == 400
    assert application.peers == []


def test_a_handshake_in_small_pieces_is_not_taken_for_http(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings())
    tcp = socket.create_connection(("127.0.0.1", server.wire.port), timeout=10)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = pki.client_context(pki.device).wrap_bio(incoming, outgoing)
    for _ in range(10):
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            for octet in outgoing.read():
                tcp.sendall(bytes([octet]))
            incoming.write(tcp.recv(65536))
    tls.write(GET)
    tcp.sendall(outgoing.read())
    incoming.write(tcp.recv(65536))
    assert tls.read(15) == b"HTTP/1.1 200 OK"
    tcp.close()


# Behind a proxy.

PROXY = ProxySettings((ip_network("127.0.0.0/8"),))


def from_proxy(server: Server, value: str) -> Client:
    client = server.connect()
    client.send(f"GET / HTTP/1.1\r\nHost: esi\r\nX-Client-Cert: {value}\r\n\r\n".encode())
    return client


def pem(entity: Identity) -> str:
    return quote(ssl.DER_cert_to_PEM_cert(der_of(entity)), safe="")


def test_a_trusted_proxy_hands_over_the_certificate(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, proxy=PROXY)
    assert from_proxy(server, pem(pki.device)).receive().status == 200
    assert from_proxy(server, pem(pki.self_signed)).receive().status == 200
    lfdi = lfdi_from_certificate(der_of(pki.device))
    assert application.peers[0] == Peer(lfdi, sfdi_from_lfdi(lfdi), der_of(pki.device), False, "127.0.0.1")
    assert application.peers[1].self_signed


@pytest.mark.parametrize("digits", [64, 40])
def test_a_trusted_proxy_hands_over_a_hash(
    server: Server, pki: Pki, application: Application, digits: int
) -> None:
    lfdi = lfdi_from_certificate(der_of(pki.device))
    whole = hashlib.sha256(der_of(pki.device)).hexdigest()
    server.start(application, proxy=PROXY)
    assert from_proxy(server, whole[:digits].upper()).receive().status == 200
    assert application.peers == [Peer(lfdi, sfdi_from_lfdi(lfdi), None, False, "127.0.0.1")]


def test_each_request_of_a_proxy_has_its_own_identity(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, proxy=PROXY)
    client = from_proxy(server, "00" * 20)
    client.receive()
    client.ask(b"GET / HTTP/1.1\r\nHost: esi\r\nX-Client-Cert: " + b"11" * 20 + b"\r\n\r\n")
    client.ask(b"GET / HTTP/1.1\r\nHost: esi\r\nX-Client-Cert:\r\n\r\n")
    client.ask(b"GET / HTTP/1.1\r\nHost: esi\r\n\r\n")
    assert [peer.lfdi for peer in application.peers] == [bytes(20), b"\x11" * 20, None, None]


@pytest.mark.parametrize(
    "value", ["zz", "00", "-----BEGIN%20CERTIFICATE-----%0A", f"{'00' * 20}, {'11' * 20}"]
)
def test_an_identity_that_cannot_be_read_is_refused(
    server: Server, application: Application, value: str
) -> None:
    server.start(application, proxy=PROXY)
    assert from_proxy(server, value).receive().status == 400
    assert application.peers == []


def test_an_identity_from_anybody_else_is_refused_and_logged(
    server: Server, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    server.start(application, proxy=ProxySettings((ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))))
    assert from_proxy(server, "00" * 20).receive().status == 403
    assert application.peers == []
    assert "127.0.0.1, which is not a trusted proxy" in caplog.text
    assert server.connect().ask(GET).status == 200
    assert application.peers[0].lfdi is None


# Other people's clients.


def run(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    if shutil.which(str(words[0])) is None:
        pytest.skip(f"{words[0]} is not installed: `apt-get install {words[0]}` makes this test run")
    return subprocess.run(words, input=stdin, capture_output=True, timeout=20, check=False)


def test_curl(server: Server, pki: Pki, application: Application, tmp_path: Path) -> None:
    server.start(application, tls=pki.settings())
    base = f"https://127.0.0.1:{server.wire.port}"
    body = tmp_path / "body.xml"
    body.write_bytes(b"<Response/>" * 500)  # more than 1,024 octets: curl expects 100-continue
    tls = (
        "--tls-max",
        "1.2",
        "--ciphers",
        "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0",
        "--insecure",
        "--silent",
        "--show-error",
    )
    identity = ("--cert", pki.device.cert, "--key", pki.device.key)
    found = run("curl", *tls, *identity, f"{base}/dcap", f"{base}/tm")
    assert found.stdout == b"hellohello", found.stderr
    assert server.wire.statistics.connections == 1
    posted = run("curl", *tls, *identity, "--expect100-timeout", "10", "--data-binary", f"@{body}", base)
    assert posted.stdout == b"hello", posted.stderr
    refused = run("curl", *tls, f"{base}/dcap")
    assert refused.returncode != 0
    assert b"handshake failure" in refused.stderr


def s_client(server: Server, pki: Pki, entity: Identity, stdin: bytes, *more: str) -> str:
    done = run(
        *("openssl", "s_client", "-connect", f"127.0.0.1:{server.wire.port}", "-tls1_2", *more),
        *("-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0", "-CAfile", pki.authority.ca),
        *("-cert", entity.cert, "-cert_chain", entity.cert, "-key", entity.key),
        stdin=stdin,
    )
    return (done.stdout + done.stderr).decode(errors="replace")


def test_openssl_s_client(server: Server, pki: Pki, application: Application) -> None:
    server.start(application, tls=pki.settings())
    said = s_client(server, pki, pki.device, b"GET / HTTP/1.0\r\n\r\n", "-ign_eof")
    assert "Verify return code: 0 (ok)" in said
    assert "HTTP/1.1 200 OK" in said
    assert "hello" in said
    assert "alert number 48" in s_client(server, pki, pki.foreign, b"Q\n")


def test_a_client_cannot_renegotiate(server: Server, pki: Pki, application: Application) -> None:
    server.start(application, tls=pki.settings())
    assert "no renegotiation" in s_client(server, pki, pki.device, b"R\n")
