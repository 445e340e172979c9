"""What ``openesi provision`` does with files, sockets and certificates."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import time
import uuid
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from openesi.cli import output
from openesi.cli.api import server_of
from openesi.errors import LocalError, Refused, Unreachable, WrongUsage
from openesi.provisioning import linkage
from openesi.provisioning.board import Board
from openesi.provisioning.cim import xml
from openesi.provisioning.cim.codes import Verb
from openesi.provisioning.cim.model import Header, Kind, Message, Payload, moment
from openesi.provisioning.diagram import render_body
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.roles.cis import NAME as CIS
from openesi.provisioning.roles.dr_application import NAME as DR
from openesi.provisioning.roles.dr_application import DrApplication
from openesi.provisioning.roles.meter_esi import MeterEsi
from openesi.provisioning.roles.network import HEAD_END
from openesi.provisioning.roles.sep2_head_end import NAME as SEP2
from openesi.provisioning.roles.sep2_head_end import Sep2HeadEnd
from openesi.provisioning.se import eui64
from openesi.provisioning.se.handshake import Trust
from openesi.provisioning.simulation import RealRadio, build, default_services
from openesi.provisioning.state import State
from openesi.provisioning.transport.carrier import Carrier, Peer, Style
from openesi.provisioning.transport.gate import Gate, read_private
from openesi.provisioning.transport.host import Host, make_server
from openesi.provisioning.transport.http import Listener
from openesi.provisioning.transport.operator_api import OperatorApi
from openesi.provisioning.world import World

ROLES: Final = (DR, HEAD_END, SEP2, CIS)
FILE: Final = "provisioning.db"
REJOIN_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Options:
    """What ``serve`` was told."""

    data: Path
    roles: tuple[str, ...]
    host: str
    port: int
    certificate: Path
    key: Path
    users: Path | None
    client_ca: Path | None
    peers: tuple[str, ...]
    secret_file: Path | None
    ca: Path | None
    subscribers: tuple[str, ...]
    sep2_api: str | None
    sep2_token: Path | None
    homes: int
    install: bool
    radio: str | None
    identity: Path | None
    web_port: int | None
    broker: str | None
    broker_secret: Path | None
    zone: ZoneInfo
    loss: float
    delay_s: float


@contextlib.contextmanager
def state_in(data: Path) -> Iterator[State]:
    """The state file of a data directory; the directory is made if it is not there."""
    data.mkdir(parents=True, exist_ok=True)
    with State.opened(data / FILE) as state:
        yield state


@contextlib.contextmanager
def dr_application(data: Path) -> Iterator[DrApplication]:
    """The DR application on its data. A running ``serve`` finds what it puts in the outbox."""
    with state_in(data) as state:
        yield DrApplication(state, peers=frozenset({HEAD_END, SEP2, CIS}))


def run(options: Options) -> None:
    """Serve until interrupted."""
    with state_in(options.data) as state:
        asyncio.run(_serve(options, state))


async def _serve(options: Options, state: State) -> None:
    if options.web_port is None:
        await _serve_roles(options, state, None, "")
        return
    from openesi.cli.provision_page import showing  # with it comes what `status` and the like can do without

    board = Board(state)
    with showing(board, title="Provisioning", host="127.0.0.1", port=options.web_port) as url:
        await _serve_roles(options, state, board, url)


async def _serve_roles(options: Options, state: State, board: Board | None, page: str) -> None:
    roles = frozenset(options.roles or ROLES)
    if unknown := roles - set(ROLES):
        raise WrongUsage(f"there is no role {sorted(unknown)[0]}; there are {', '.join(ROLES)}")
    server_api = OperatorApi(options.sep2_api, _operator_token(options)) if options.sep2_api else None
    host = Host(
        state,
        Carrier(_peers(options), _trust(options.ca, options.certificate, options.key)),
        server_api,
    )
    world = host.world = World(state, now=time.time(), carry=host.carry)
    if board is not None:
        world.watch, world.settled = board.hear, board.look
    radio = _Radio(options.radio, options.identity) if options.radio and options.identity else None
    on = RealRadio(radio.link, radio.trust) if radio else None
    utility = build(
        state,
        world,
        homes=options.homes,
        services=default_services(options.zone),
        radio=on,
        subscribers=options.subscribers,
    )
    if options.loss or options.delay_s:
        utility.disturb(loss=options.loss, delay_s=options.delay_s, dice=random.Random())  # noqa: S311
    world.add(Sep2HeadEnd(state, peers=frozenset({DR})))
    for role in set(ROLES) - roles:
        world.remove(role)
    if options.install and HEAD_END in roles:
        for home in utility.homes[1 if radio else 0 :]:
            utility.install(home, rejoin_s=REJOIN_S)
    if radio is not None:
        await radio.start(world, utility.homes[0].esi)
    queues = [_join_broker(options, host, roles)] if options.broker else []
    gate = Gate.from_file(options.users) if options.users else None
    listener = Listener(roles, host.accept, gate, turned_away=host.turn_away)
    server = make_server(
        listener,
        host=options.host,
        port=options.port,
        certificate=options.certificate,
        key=options.key,
        client_ca=options.client_ca,
        clients_need_certificates=options.users is None,
    )
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has a flag, no event
        await asyncio.sleep(0.02)
    tasks = [asyncio.create_task(one) for one in (host.run(), *queues)]
    if server.started:
        bound = server.servers[0].sockets[0].getsockname()[1]
        output.write(f"ready https://{options.host}:{bound} {page}".rstrip())
    try:
        # One without the others would go on answering, and send nothing any more: end all, with the reason.
        done, _ = await asyncio.wait({serving, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if radio is not None:
            await radio.link.close()
        await host.close()


def _join_broker(options: Options, host: Host, roles: frozenset[str]) -> Coroutine[None, None, None]:
    """What takes letters from a broker's queues, and leaves those for roles that are not here in theirs."""
    try:
        from openesi.provisioning.transport.stomp import Broker, StompLink
    except ModuleNotFoundError as error:
        raise LocalError("a broker needs stomp-py. Run: python -m pip install 'openesi[stomp]'") from error
    secret = _secret(options.broker_secret)
    ca = str(options.ca) if options.ca else None
    broker = Broker.parse(options.broker or "", passcode=secret, ca_file=ca)
    others = frozenset(ROLES) - roles
    link = StompLink(
        "-".join(sorted(roles)), roles, host.accept, loop=asyncio.get_running_loop(), peers=others
    )
    host.bearers.append(link)
    return link.run(broker)


def _operator_token(options: Options) -> str:
    """The token of the OpenESI server's operator: of a file, the environment, or a server on this machine."""
    if options.sep2_token is not None:
        return read_private(options.sep2_token).strip()
    _, headers = server_of(options.sep2_api, None)
    return headers.get("Authorization", "").removeprefix("Bearer ")


class _Radio:
    """The radio of the first meter, and who that meter is there."""

    def __init__(self, port: str, identity: Path) -> None:
        try:
            from openesi.provisioning import zigbee
        except ModuleNotFoundError as error:
            raise LocalError(
                "a real radio needs bellows. Run: python -m pip install 'openesi[zigbee]'"
            ) from error
        self.link = zigbee.ZigbeeRadio()
        self.trust = Trust.parse(read_private(identity))
        self._application = zigbee.application_class()(zigbee.configuration(port))
        self._write_key = zigbee.write_ember_key

    async def start(self, world: World, esi: MeterEsi) -> None:
        """Start the radio, and with it the meter's home network."""

        def changed() -> None:
            world.poke(esi)
            world.poke_home(esi)

        devices = {eui64.parse(mac): entry.short for mac, entry in esi.esi.memory.entries.items()}
        await self.link.start(
            self._application, esi, write_key=self._write_key, devices=devices, changed=changed
        )


def _peers(options: Options) -> dict[str, Peer]:
    secret = _secret(options.secret_file)
    peers = {}
    for text in options.peers:
        name, mark, url = text.partition("=")
        if not mark or not url.startswith("https://"):
            raise WrongUsage(f"--peer is ROLE=https://HOST:PORT, not {text!r}")
        peers[name] = Peer(url, Style.SOAP, secret)
    return peers


def _secret(path: Path | None) -> str:
    """What we call with; files that others can read are refused."""
    return read_private(path).strip() if path else ""


def _trust(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    trust = ssl.create_default_context(cafile=ca)
    if certificate is not None and key is not None:
        trust.load_cert_chain(certificate, key)
    return trust


@dataclass(frozen=True, slots=True)
class Call:
    """One message, by hand."""

    what: str
    device: str
    source: str
    meter: str
    premise: str
    agreement: str
    device_type: str
    install_code: str
    minutes: float


def by_hand(
    call: Call,
    *,
    to: str,
    secret_file: Path | None,
    cert: Path | None,
    key: Path | None,
    ca: Path | None,
    rest: bool,
    dry_run: bool,
) -> str:
    """Send one message and return the answer to be read; with ``dry_run`` the message itself."""
    target, message = _message(call, time.time())
    body = xml.serialize(message)
    if dry_run:
        if call.install_code:
            output.say("the install code is masked here; --to sends it")
        return render_body(body)
    if not to.startswith("https://"):
        raise WrongUsage("say where to: --to https://HOST:PORT, or --dry-run to see the message only")
    secret = _secret(secret_file)
    peer = Peer(to, Style.REST if rest else Style.SOAP, secret)
    letter = Letter(
        message.head.MessageID or "",
        message.head.Source or "",
        target,
        Language.CIM,
        body,
        xml.wrapper_name(message),
    )

    async def carry() -> bytes | None:
        carrier = Carrier({target: peer}, _trust(ca, cert, key))
        try:
            return await carrier.carry(letter)
        finally:
            await carrier.close()

    answer = asyncio.run(carry())
    if answer is None:
        raise Unreachable(
            f"{to} did not answer; is `openesi provision serve` running there, and --ca its CA?"
        )
    reply = xml.parse(answer).reply
    if reply is not None and not reply.ok:
        kind = Refused if reply.code.startswith("7.") else LocalError
        raise kind(f"refused with {reply.code}: {reply.reason}")
    return render_body(answer)


def _message(call: Call, now: float) -> tuple[str, Message]:
    """The role that takes the message, and the message."""
    device = call.device.upper()
    head_end = SEP2 if linkage.is_lfdi(device) else HEAD_END
    source = call.source or (head_end if call.what == "provisioned" else DR)
    payload: Payload
    if call.what in ("open", "close"):
        target = head_end
        window = linkage.Window(
            device,
            call.device_type,
            call.meter,
            "",
            now,
            now + call.minutes * 60,
            f"HAND-{uuid.uuid4().hex[:8]}",
            call.install_code,
            open=call.what == "open",
        )
        payload = linkage.to_controls(window, source)
    elif call.what in ("provisioned", "joined"):
        target = DR if call.what == "provisioned" else CIS
        state = linkage.PROVISIONED if call.what == "provisioned" else linkage.JOINED
        kind = linkage.PROVISIONING if call.what == "provisioned" else linkage.JOIN
        said = linkage.Linkage(
            device, state, now, meter=call.meter, premise=call.premise, agreement=call.agreement
        )
        payload = linkage.to_linkage(said, kind=kind, by=source, now=now)
    else:
        raise WrongUsage(f"there is no message {call.what!r}; there are open, close, provisioned, joined")
    header = Header(
        Verb=Verb.CREATE,
        Noun=type(payload).__name__,
        Timestamp=moment(now),
        Source=source,
        MessageID=str(uuid.uuid4()),
        CorrelationID=str(uuid.uuid4()),
    )
    return target, Message(kind=Kind.REQUEST, header=header, payload=payload)
