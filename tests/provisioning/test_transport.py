"""Messages over real HTTPS: a generic SOAP client from the WSDL, plain REST, and callers without rights."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import requests
import zeep
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from openesi.bounded_http import BoundedProtocol
from openesi.cli import main
from openesi.errors import LocalError
from openesi.provisioning import linkage
from openesi.provisioning.cim import soap, xml
from openesi.provisioning.cim.codes import CimError, Verb
from openesi.provisioning.cim.model import Header, Kind, Message
from openesi.provisioning.cim.soap import PASSWORD_DIGEST, WSSE, WSU
from openesi.provisioning.cim.soap import UsernameToken as Token
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.lifecycle import State as Stage
from openesi.provisioning.simulation import Utility, build
from openesi.provisioning.state import State
from openesi.provisioning.transport import http as http_module
from openesi.provisioning.transport.carrier import Carrier, Peer, Style
from openesi.provisioning.transport.gate import Gate
from openesi.provisioning.transport.host import Host, make_server
from openesi.provisioning.transport.http import Listener
from openesi.provisioning.world import World
from provisioning.conftest import Issuer

DR, HEAD_END, CIS = "DR-APPLICATION", "AMI-HEADEND", "CIS"
SECRETS = {
    DR: "a secret of the DR application",
    HEAD_END: "one of the head-end",
    CIS: "another one",
    "STRANGER": "known, but no peer",
}


SAMPLES = Path(__file__).parent / "samples"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A listener for all roles of a utility, in a thread of its own."""

    url: str
    utility: Utility
    ca: Path
    sessions: list[requests.Session] = field(default_factory=list)
    turned_away: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=["password", "certificate"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def running(issuer: Issuer, mode: str, tmp_path: Path) -> Iterator[Running]:
    yield from serve(issuer, tmp_path, need_certificates=mode == "certificate")


@pytest.fixture
def open_listener(issuer: Issuer, tmp_path: Path) -> Iterator[Running]:
    yield from serve(issuer, tmp_path, need_certificates=False)


def serve(issuer: Issuer, folder: Path, *, need_certificates: bool) -> Iterator[Running]:
    papers, port = issuer.issue("server"), free_port()
    started, done = threading.Event(), threading.Event()
    made: list[Running] = []

    def work() -> None:
        # One thread owns the database, as one event loop does in the real process.
        state = State(folder / "state.db")
        utility = build(state, World(state, now=time.time()))
        url = f"https://127.0.0.1:{port}"
        turned_away: list[str] = []
        listener = Listener(
            frozenset({DR, HEAD_END, CIS}),
            utility.world.accept,
            Gate(SECRETS),
            turned_away=lambda caller, reason, now: turned_away.append(f"{caller}: {reason}"),
        )
        server = make_server(
            listener,
            host="127.0.0.1",
            port=port,
            certificate=papers.certificate,
            key=papers.key,
            client_ca=issuer.file,
            clients_need_certificates=need_certificates,
        )
        made.append(Running(url, utility, issuer.file, turned_away=turned_away))

        async def live() -> None:
            task = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            started.set()
            while not done.is_set():
                await asyncio.sleep(0.02)
            server.should_exit = True
            await task

        asyncio.run(live())
        state.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(20)
    yield made[0]
    for session in made[0].sessions:
        session.close()
    done.set()
    thread.join(20)


def session_of(running: Running, issuer: Issuer, mode: str, name: str = DR) -> requests.Session:
    session = requests.Session()
    running.sessions.append(session)
    session.trust_env = False  # an authority from the environment would replace the test's own
    session.verify = str(running.ca)
    if mode == "certificate":
        papers = issuer.issue(name)
        session.cert = (str(papers.certificate), str(papers.key))
    return session


def client_of(running: Running, issuer: Issuer, mode: str, role: str, noun: str) -> zeep.Client:
    wsse = UsernameToken(DR, SECRETS[DR]) if mode == "password" else None
    session = session_of(running, issuer, mode)
    wsdl = f"{running.url}/{role}/soap/{noun}?wsdl"
    return zeep.Client(wsdl, transport=Transport(session=session), wsse=wsse)


def step_1(running: Running, **changes: object) -> dict[str, object]:
    home = running.utility.homes[0]
    now = time.time()
    device = {
        "installCode": home.code.printed,
        "isPan": True,
        "electronicAddress": {"mac": home.device},
        "Names": [{"name": home.device_type, "NameType": {"name": "EndDeviceType"}}],
    }
    meter = {"isPan": False, "Names": [{"name": home.meter, "NameType": {"name": "MeterNumber"}}]}
    interval = {"start": datetime.fromtimestamp(now, UTC), "end": datetime.fromtimestamp(now + 3600, UTC)}
    control = {
        "EndDeviceControlType": {"ref": "7.10.73.298"},
        "EndDevices": [device | changes, meter],
        "primaryDeviceTiming": {"interval": interval},
    }
    return {"EndDeviceControls": {"EndDeviceControl": [control]}}


def header(noun: str, verb: str = "create", **changes: object) -> dict[str, object]:
    return {
        "Verb": verb,
        "Noun": noun,
        "Timestamp": datetime.now(UTC),
        "Source": DR,
        "MessageID": f"test-{time.time_ns()}",
    } | changes


def test_a_generic_soap_client_opens_a_window_from_the_wsdl(
    running: Running, issuer: Issuer, mode: str
) -> None:
    client = client_of(running, issuer, mode, HEAD_END, "EndDeviceControls")

    answer = client.service.CreateEndDeviceControls(
        Header=header("EndDeviceControls"), Payload=step_1(running)
    )

    assert answer["Reply"]["Result"] == "OK"
    assert answer["Header"]["Verb"] == "reply"


def test_a_business_error_comes_back_as_a_reply(running: Running, issuer: Issuer, mode: str) -> None:
    client = client_of(running, issuer, mode, HEAD_END, "EndDeviceControls")

    answer = client.service.CreateEndDeviceControls(
        Header=header("EndDeviceControls"), Payload=step_1(running, installCode="83FED3407A939738C553")
    )

    assert answer["Reply"]["Result"] == "FAILED"
    assert answer["Reply"]["Error"][0]["code"] == "2.29"
    assert "CRC" in answer["Reply"]["Error"][0]["reason"]


def test_a_message_sent_twice_is_answered_alike_and_acts_once(
    running: Running, issuer: Issuer, mode: str
) -> None:
    client = client_of(running, issuer, mode, HEAD_END, "EndDeviceControls")
    head, payload = header("EndDeviceControls"), step_1(running)

    first = client.service.CreateEndDeviceControls(Header=head, Payload=payload)
    second = client.service.CreateEndDeviceControls(Header=head, Payload=payload)
    third = client.service.CreateEndDeviceControls(Header=head, Payload=step_1(running, mRID="other"))

    assert second["Header"]["MessageID"] == first["Header"]["MessageID"]
    assert third["Reply"]["Error"][0]["code"] == "2.15"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Timestamp": datetime(2020, 1, 1, tzinfo=UTC)}, "7.7"),
        ({"Timestamp": datetime(2100, 1, 1, tzinfo=UTC)}, "7.7"),
        ({"Source": "SOMEBODY"}, "2.14"),
        ({"Source": CIS}, "2.14"),
        ({"MessageID": None}, "1.5"),
        ({"MessageID": "x" * 200}, "1.8"),
        ({"Verb": "delete"}, "2.9"),
    ],
)
def test_stale_foreign_and_incomplete_messages_are_refused(
    open_listener: Running, issuer: Issuer, changes: dict[str, object], code: str
) -> None:
    client = client_of(open_listener, issuer, "password", HEAD_END, "EndDeviceControls")
    operation = "DeleteEndDeviceControls" if "Verb" in changes else "CreateEndDeviceControls"

    answer = client.service[operation](
        Header=header("EndDeviceControls") | changes, Payload=step_1(open_listener)
    )

    assert answer["Reply"]["Error"][0]["code"] == code


def rest_message(running: Running) -> bytes:
    home = running.utility.homes[0]
    now = time.time()
    window = linkage.Window(
        home.device, home.device_type, home.meter, "", now, now + 3600, "PROV-1", home.code.printed
    )
    head = Header(
        Verb=Verb.CREATE,
        Noun="EndDeviceControls",
        Timestamp=datetime.now(UTC),
        Source=DR,
        MessageID=f"rest-{time.time_ns()}",
    )
    return xml.serialize(Message(kind=Kind.REQUEST, header=head, payload=linkage.to_controls(window, DR)))


def test_plain_rest_takes_the_same_messages(open_listener: Running) -> None:
    url = f"{open_listener.url}/{HEAD_END}/rest/EndDeviceControls"
    trust = ssl.create_default_context(cafile=open_listener.ca)
    body = rest_message(open_listener)

    with httpx2.Client(verify=trust) as client:
        good = client.post(url, content=body, auth=(DR, SECRETS[DR]))
        nobody = client.post(url, content=body)
        wrong = client.post(url, content=body, auth=(DR, "guess"))
        broken = client.post(url, content=body[:300], auth=(DR, SECRETS[DR]))
        bomb = client.post(url, content=b"<!DOCTYPE a []><a/>", auth=(DR, SECRETS[DR]))
        large = client.post(url, content=b" " * (xml.MAX_BYTES + 1), auth=(DR, SECRETS[DR]))
        elsewhere = client.post(url.replace("Controls", "Events"), content=body, auth=(DR, SECRETS[DR]))

    codes = [
        reply.code
        for answer in (good, nobody, wrong, broken, bomb, large, elsewhere)
        if (reply := xml.parse(answer.content).reply) is not None
    ]
    assert codes == ["0.0", "7.2", "7.4", "1.8", "1.8", "3.1", "2.5"]
    assert [answer.status_code for answer in (good, nobody, wrong, broken, large)] == [
        200,
        401,
        401,
        400,
        429,
    ]


@pytest.mark.parametrize("style", ["--soap", "--rest"])
def test_each_step_is_sent_by_hand_by_whose_it_is(
    open_listener: Running, tmp_path: Path, style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home = open_listener.utility.homes[0]
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)

    def send(what: str, *words: str, own: str) -> int:
        secret.write_text(own + "\n")
        place = ["--to", open_listener.url, "--ca", str(open_listener.ca), "--secret-file", str(secret)]
        rest = ["--rest"] if style == "--rest" else []
        return main(["provision", "send", what, home.device, *words, *place, *rest])

    opened = ("--meter", home.meter, "--install-code", home.code.printed)
    joined = ("--premise", home.premise, "--agreement", "DR-SUMMER-SAVER-0001")
    assert send("open", *opened, own=SECRETS[DR]) == 0
    assert send("provisioned", "--meter", home.meter, own=SECRETS[HEAD_END]) == 0
    assert send("joined", *joined, own=SECRETS[DR]) == 0
    assert send("joined", "--premise", "1", own=SECRETS[DR]) == 1
    assert send("joined", *joined, own="a guess") == 4

    shown = capsys.readouterr()
    assert shown.out.count("<msg:Result>OK</msg:Result>") == 3
    assert "2.16" in shown.err
    assert "7.4" in shown.err
    secret.chmod(0o644)
    assert send("joined", *joined, own=SECRETS[DR]) == 1
    assert "chmod 600" in capsys.readouterr().err


def test_soap_without_a_name_is_a_fault(open_listener: Running, issuer: Issuer) -> None:
    client = client_of(open_listener, issuer, "nobody", HEAD_END, "EndDeviceControls")

    with pytest.raises(zeep.exceptions.Fault, match="user name"):
        client.service.CreateEndDeviceControls(
            Header=header("EndDeviceControls"), Payload=step_1(open_listener)
        )
    assert "127.0.0.1: Authentication required" in open_listener.turned_away[0]


def test_a_caller_without_a_certificate_does_not_get_through_tls(issuer: Issuer, tmp_path: Path) -> None:
    runs = serve(issuer, tmp_path, need_certificates=True)
    running = next(runs)
    trust = ssl.create_default_context(cafile=running.ca)

    with httpx2.Client(verify=trust) as client, pytest.raises(httpx2.HTTPError):
        client.get(f"{running.url}/{HEAD_END}/soap/EndDeviceControls?wsdl")
    next(runs, None)


@pytest.mark.parametrize(
    "said", [b"", b"POST /", b"POST /CIS/rest/MasterDataLinkageConfig HTTP/1.1\r\nHost: a\r\n"]
)
def test_a_caller_who_says_nothing_is_hung_up_on(
    said: bytes, issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedProtocol, "quiet_s", 0.2)
    for running in serve(issuer, tmp_path, need_certificates=False):
        trust = ssl.create_default_context(cafile=issuer.file)
        port = int(running.url.rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as line,
        ):
            line.sendall(said)
            with contextlib.suppress(ConnectionResetError, ssl.SSLError):
                assert line.recv(1) == b""


def test_a_message_that_trickles_is_given_up(
    open_listener: Running, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "BODY_S", 0.2)
    trust = ssl.create_default_context(cafile=issuer.file)
    port = int(open_listener.url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        line.sendall(
            f"POST /{CIS}/rest/EndDeviceEvents HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n<a".encode()
        )
        answer = b""
        while b"did not arrive within" not in answer:
            more = line.recv(10_000)
            assert more, answer
            answer += more

    assert answer.startswith(b"HTTP/1.1 504")


def test_a_password_digest_is_good_once() -> None:
    import base64
    import hashlib

    gate = Gate({DR: "secret"})
    now = time.time()
    created = datetime.fromtimestamp(now, UTC)
    text = created.isoformat()
    digest = base64.b64encode(hashlib.sha1(b"nonce" + text.encode() + b"secret").digest()).decode()
    token = Token(DR, digest, True, b"nonce", created, text)

    assert gate.by_token(token, now) == DR
    with pytest.raises(CimError, match="used before"):
        gate.by_token(token, now + 1)
    with pytest.raises(CimError, match="not of now"):
        gate.by_token(Token(DR, digest, True, b"nonce", created, text), now + 1000)


def test_a_digest_is_not_good_again_with_its_bytes_shared_out_anew() -> None:
    """The end of the nonce becomes white space before the time: the same hash, by another nonce."""
    import base64
    import hashlib

    gate = Gate({DR: "secret"})
    now = time.time()
    text = datetime.fromtimestamp(now, UTC).isoformat()
    digest = base64.b64encode(hashlib.sha1(b"nonce " + text.encode() + b"secret").digest()).decode()

    def call(nonce: bytes, created: str) -> str:
        token = (
            f'<w:Security xmlns:w="{WSSE}" xmlns:u="{WSU}"><w:UsernameToken><w:Username>{DR}</w:Username>'
            f'<w:Password Type="{PASSWORD_DIGEST}">{digest}</w:Password>'
            f"<w:Nonce>{base64.b64encode(nonce).decode()}</w:Nonce><u:Created>{created}</u:Created>"
            "</w:UsernameToken></w:Security>"
        )
        envelope = soap.parse(
            f'<s:Envelope xmlns:s="{soap.NAMESPACE}"><s:Header>{token}</s:Header><s:Body><a/></s:Body>'
            "</s:Envelope>".encode()
        )
        assert envelope.token is not None
        return gate.by_token(envelope.token, now)

    assert call(b"nonce ", text) == DR
    with pytest.raises(CimError, match="used before"):
        call(b"nonce", f" {text}")


class Endless(asyncio.Protocol):
    """A peer whose answer does not end."""

    head = b"Content-Length: 9999999999"
    body = b" " * (1 << 21)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"HTTP/1.1 200 OK\r\n" + self.head + b"\r\n\r\n" + self.body)


class Bomb(Endless):
    """A peer that compresses its answer, though nobody asked for it."""

    body = gzip.compress(bytes(1 << 24))
    head = f"Content-Encoding: gzip\r\nContent-Length: {len(body)}".encode()


@pytest.mark.parametrize("peer", [Endless, Bomb])
@pytest.mark.parametrize("style", Style)
def test_an_answer_that_fills_memory_is_none(issuer: Issuer, style: Style, peer: type[Endless]) -> None:
    async def ask() -> bytes | None:
        papers = issuer.issue("endless")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(papers.certificate, papers.key)
        server = await asyncio.get_running_loop().create_server(peer, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        trust = ssl.create_default_context(cafile=issuer.file)
        carrier = Carrier({CIS: Peer(f"https://127.0.0.1:{port}", style)}, trust)
        body = (SAMPLES / "step14_linkage.xml").read_bytes()
        try:
            return await carrier.carry(Letter("1", DR, CIS, Language.CIM, body, "step 14"))
        finally:
            await carrier.close()
            server.close()

    answer = asyncio.run(ask())

    assert answer is None or answer == peer.body  # which no role can read, and so asks again


def test_who_cannot_write_down_what_happens_says_so_and_ends(issuer: Issuer, tmp_path: Path) -> None:
    """A process that answered on and sent nothing would look as if it were alive."""
    papers = issuer.issue("serve")
    users = tmp_path / "users.json"
    users.touch(mode=0o600)
    users.write_text(json.dumps(SECRETS))
    words = ["--data", tmp_path, "--port", "0", "--cert", papers.certificate, "--key", papers.key]
    command = [sys.executable, "-m", "openesi", "provision", "serve", *words, "--users", users, "--install"]
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready ")
        with contextlib.closing(sqlite3.connect(tmp_path / "provisioning.db")) as other:
            other.execute("DROP TABLE outbox")
        _, said = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "provisioning.db cannot be used (no such table: outbox)" in said


def test_secrets_that_others_can_read_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    path.write_text(json.dumps(SECRETS))
    path.chmod(0o644)

    with pytest.raises(LocalError, match="chmod 600"):
        Gate.from_file(path)
    path.chmod(0o600)
    assert Gate.from_file(path).by_basic("Basic Q0lTOmFub3RoZXIgb25l") == CIS


def test_secrets_that_are_guessed_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(SECRETS | {"CIS": ""}))

    with pytest.raises(LocalError, match="CIS has less than 8 characters"):
        Gate.from_file(path)


def test_the_wsdl_names_the_address_it_was_asked_at(open_listener: Running, issuer: Issuer) -> None:
    session = session_of(open_listener, issuer, "nobody")
    place = f"/{HEAD_END}/soap/EndDeviceControls"

    wsdl = session.get(f"{open_listener.url}{place}?wsdl", headers={"Host": "ami.example:9443"}).text

    assert f'location="https://ami.example:9443{place}"' in wsdl


def test_who_was_turned_away_is_written_down_but_not_each_time(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db")
    host = Host(state, Carrier({}, ssl.create_default_context()))

    for second in range(4):
        host.turn_away("192.0.2.1", "user name or password is wrong", 1e9 + second / 2)

    lines = [entry.detail for entry in state.select_journal() if entry.event == "turned away"]
    state.close()
    assert lines == ["192.0.2.1: user name or password is wrong"] * 2


def test_what_is_too_old_to_matter_is_dropped_while_serving(tmp_path: Path) -> None:
    async def live() -> tuple[bytes, bytes] | None:
        state = State(tmp_path / "state.db")
        shelf = state.shelf(DR)
        shelf.insert_reply("old", b"digest", b"reply", time.time() - 9 * 86_400)
        host = Host(state, Carrier({}, ssl.create_default_context()))
        host.world = World(state, now=time.time())
        task = asyncio.create_task(host.run())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        kept = shelf.select_reply("old")
        state.close()
        return kept

    assert asyncio.run(live()) is None


@pytest.mark.parametrize(("style", "behind_s"), [(Style.SOAP, 0), (Style.REST, 60)])
def test_the_cis_in_a_process_of_its_own(
    issuer: Issuer, tmp_path: Path, style: Style, behind_s: float
) -> None:
    """All 14 steps, in real time or the first 13 before it; the last over HTTPS to another database."""
    runs = serve(issuer, tmp_path, need_certificates=False)
    remote = next(runs)

    async def live() -> Stage:
        trust = ssl.create_default_context(cafile=issuer.file)
        carrier = Carrier({CIS: Peer(remote.url, style, SECRETS[DR])}, trust)
        state = State(tmp_path / "own.db")
        host = Host(state, carrier)
        world = World(state, now=time.time() - behind_s, carry=host.carry)
        host.world = world
        utility = build(state, world)
        world.remove(CIS)
        home = utility.homes[0]
        utility.open_window(home)
        utility.install(home)
        task = asyncio.create_task(host.run())
        deadline = time.monotonic() + 15
        while utility.stage(home) is not Stage.CONFIRMED and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await host.close()
        reached = utility.stage(home)
        state.close()
        return reached

    assert asyncio.run(live()) is Stage.CONFIRMED
    next(runs, None)
