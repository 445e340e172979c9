"""A certified embedded client as the field has them, rebuilt from how it behaves: strict where it is strict.

It shares no code with the server. Its own socket, its own reader of XML that closes on whatever the real one
closes on: prefixes, unknown elements, wrong order, a self-closed simple element, an answer without
Content-Length. It speaks the 2018 edition or the draft 2.0.4, and sends its chain or its leaf alone.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from cryptography import x509

from openesi.pki import Authority, Identity
from openesi.sep2 import model as sep
from openesi.sep2.editions import DRAFT_2_0_4, IEEE_2018, Edition
from openesi.server import operator
from openesi.server.service import Place, Service, running
from openesi.server.settings import Settings

T = TypeVar("T")

NS_2018 = "urn:ieee:std:2030.5:ns"
NS_DRAFT = "http://ieee.org/2030.5"
MEDIA_TYPE = "application/sep+xml"
HEAD_OCTETS = 2_000
LONGEST_HREF = 127
LONGEST_LIST_HREF = 50

# --- the client's reader -----------------------------------------------------------------------------------

# What the client knows, in the order it insists on. Every other name is a simple value, or a link.
IDENTIFIED = "mRID description version "
KNOWN = {
    "DeviceCapability": "CustomerAccountListLink DemandResponseProgramListLink DERProgramListLink"
    " FileListLink MessagingProgramListLink PrepaymentListLink ResponseSetListLink TariffProfileListLink"
    " TimeLink UsagePointListLink EndDeviceListLink MirrorUsagePointListLink SelfDeviceLink",
    "Time": "currentTime dstEndTime dstOffset dstStartTime localTime quality tzOffset",
    "Registration": "dateTimeRegistered pIN",
    "EndDevice": "ConfigurationLink DERListLink deviceCategory DeviceInformationLink DeviceStatusLink"
    " FileStatusLink IPInterfaceListLink lFDI LoadShedAvailabilityListLink LogEventListLink PowerStatusLink"
    " sFDI changedTime enabled FlowReservationRequestListLink FlowReservationResponseListLink"
    " FunctionSetAssignmentsListLink postRate RegistrationLink SubscriptionListLink",
    "FunctionSetAssignments": "CustomerAccountListLink DemandResponseProgramListLink DERProgramListLink"
    " FileListLink MessagingProgramListLink PrepaymentListLink ResponseSetListLink TariffProfileListLink"
    " TimeLink UsagePointListLink mRID description version",
    "DER": "AssociatedDERProgramListLink AssociatedUsagePointLink CurrentDERProgramLink DERAvailabilityLink"
    " DERCapabilityLink DERSettingsLink DERStatusLink",
    "DERProgram": IDENTIFIED + "ActiveDERControlListLink DefaultDERControlLink DERControlListLink"
    " DERCurveListLink primacy",
    "DERControl": IDENTIFIED + "creationTime EventStatus interval randomizeDuration randomizeStart"
    " DERControlBase",
    "DefaultDERControl": IDENTIFIED + "DERControlBase setESDelay setGradW",
    "DERControlBase": "opModConnect opModEnergize opModFixedW opModMaxLimW rampTms",
    "DERCurve": IDENTIFIED + "creationTime CurveData curveType xMultiplier yMultiplier yRefType",
    "CurveData": "xvalue yvalue",
    "EventStatus": "currentStatus dateTime potentiallySuperseded potentiallySupersededTime reason",
    "interval": "duration start",
    "DERCapability": "modesSupported rtgMaxA rtgMaxVA rtgMaxW type",
    "rtgMaxA": "multiplier value",
    "rtgMaxVA": "multiplier value",
    "rtgMaxW": "multiplier value",
    "MirrorUsagePoint": IDENTIFIED
    + "roleFlags serviceCategoryKind status deviceLFDI MirrorMeterReading postRate",
    "LogEvent": "createdDateTime details extendedData functionSet logEventCode logEventID logEventPEN"
    " profileID",
    "Error": "maxRetryDuration reasonCode",
}
ITEMS = "EndDevice FunctionSetAssignments DER DERProgram DERControl DERCurve MirrorUsagePoint LogEvent"
KNOWN |= {f"{item}List": item for item in ITEMS.split()}
KNOWN_BY_DRAFT = KNOWN | {
    "EndDevice": KNOWN["EndDevice"]
    .replace("deviceCategory ", "")
    .replace(" postRate", "")
    .replace("LoadShedAvailabilityListLink", "LoadShedAvailabilityListLink loadShedDeviceCategory"),
    "DERCapability": "modesSupported rtgA rtgVA rtgW type",
    "rtgA": "multiplier value",
    "rtgVA": "multiplier value",
    "rtgW": "multiplier value",
}

TAG = re.compile(r"<(/?)([A-Za-z]\w*)((?: [\w:]+=\"[^\"<]*\")*)(/?)>")
ATTRIBUTE = re.compile(r" ([\w:]+)=\"([^\"<]*)\"")
NUMERIC = (
    "currentTime dstEndTime dstOffset dstStartTime localTime quality tzOffset dateTimeRegistered pIN sFDI"
    " changedTime version primacy creationTime currentStatus dateTime duration start randomizeDuration"
    " opModFixedW opModMaxLimW multiplier value serviceCategoryKind status postRate createdDateTime type"
    " functionSet logEventCode logEventID logEventPEN profileID reasonCode"
)
HEXADECIMAL = "mRID lFDI deviceLFDI roleFlags modesSupported deviceCategory loadShedDeviceCategory"
SIMPLE = dict.fromkeys(NUMERIC.split(), re.compile(r"-?\d+")) | dict.fromkeys(
    HEXADECIMAL.split(), re.compile(r"(?:[0-9A-Fa-f]{2})+")
)


class Refused(Exception):
    """The real client would close the connection, or crash."""


@dataclass
class Node:
    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = field(default_factory=list)
    namespace: str | None = field(default=None, compare=False)

    def all(self, name: str) -> list[Node]:
        return [child for child in self.children if child.name == name]

    def __getitem__(self, name: str) -> Node:
        (found,) = self.all(name)
        return found

    def number(self, *names: str) -> int:
        node = self
        for name in names:
            node = node[name]
        return int(node.text)

    @property
    def href(self) -> str:
        return self.attributes["href"]


def read(data: bytes, known: dict[str, str]) -> Node:
    """Read one document as the client does; raise Refused for what it does not take."""
    text = data.decode("utf-8")
    if text.startswith("<?xml "):
        text = text[text.index("?>") + 2 :].lstrip()
    root, end = _read_element(text, 0, known)
    if text[end:].strip():
        raise Refused(f"after the root: {text[end : end + 40]!r}")
    return root


def _read_element(text: str, at: int, known: dict[str, str]) -> tuple[Node, int]:
    tag = TAG.match(text, at)
    if tag is None or tag[1]:
        raise Refused(f"no plain start tag at {text[at : at + 60]!r}")
    name = tag[2]
    node = Node(name, dict(ATTRIBUTE.findall(tag[3])))
    node.namespace = node.attributes.pop("xmlns", None)
    compound = name in known or name.endswith("Link")
    if tag[4]:
        if not compound:
            raise Refused(f"<{name}/> is a simple element")
        return node, tag.end()
    at = tag.end()
    order = known.get(name, "").split()
    place = 0
    while True:
        mark = text.index("<", at)
        between, at = text[at:mark], mark
        if text.startswith("</", at):
            if not text.startswith(f"</{name}>", at):
                raise Refused(f"<{name}> ends as {text[at : at + 30]!r}")
            node.text = between
            _check_value(node, compound=compound)
            return node, at + len(name) + 3
        if between.strip():
            raise Refused(f"text {between!r} between the elements of {name}")
        child, at = _read_element(text, at, known)
        if child.name not in order[place:]:
            raise Refused(f"{child.name} in {name}: unknown, or in the wrong place")
        place = order.index(child.name)
        node.children.append(child)


def _check_value(node: Node, *, compound: bool) -> None:
    if compound:
        if node.text.strip():
            raise Refused(f"text {node.text!r} in {node.name}")
    elif node.name in SIMPLE and not SIMPLE[node.name].fullmatch(node.text):
        raise Refused(f"{node.name} is {node.text!r}")
    elif node.name == "description" and len(node.text.encode()) > 31:
        raise Refused(f"{node.name} has {len(node.text.encode())} octets")


# --- the client's connection -------------------------------------------------------------------------------


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class EmbeddedClient:
    """One device on one connection that it never opens again."""

    def __init__(
        self, port: int, device: Identity, root: Path, folder: Path, *, draft: bool, leaf_only: bool
    ) -> None:
        self.namespace = NS_DRAFT if draft else NS_2018
        self.known = KNOWN_BY_DRAFT if draft else KNOWN
        self.host = f"127.0.0.1:{port}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0")
        context.check_hostname = False
        context.load_verify_locations(root)
        chain = folder / "sent.pem"
        certificates = device.cert.read_text().split("-----BEGIN")
        chain.write_text("-----BEGIN".join(certificates[: 2 if leaf_only else None]))
        context.load_cert_chain(chain, device.key)
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        try:
            self.sock = context.wrap_socket(plain)
        except OSError:
            plain.close()
            raise
        self._file = self.sock.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self.sock.close()

    def send(self, method: str, path: str, body: str | None = None) -> None:
        """Send one request in one write: no User-Agent, no Connection, blanks after the length."""
        head = [
            f"{method} {path} HTTP/1.1",
            f"Date: {formatdate(usegmt=True)}",
            f"Host: {self.host}",
            f"Accept: {MEDIA_TYPE}; level=-S1",
        ]
        if body is not None:
            head += [f"Content-Type: {MEDIA_TYPE}", f"Content-Length: {len(body.encode()):<6}"]
        self.sock.sendall(("\r\n".join([*head, "", ""]) + (body or "")).encode())

    def receive(self) -> Answer:
        """Read one answer; raise Refused for what makes the real one hang or close."""
        line = self._file.readline()
        size = len(line)
        if not re.fullmatch(rb"HTTP/1\.1 \d{3} [^\r\n]*\r\n", line):
            raise Refused(f"status line {line!r}")
        status, headers = int(line[9:12]), dict[str, str]()
        while (line := self._file.readline()) != b"\r\n":
            size += len(line)
            name, _, value = line.decode("ascii").partition(":")
            headers[name.lower()] = value.strip()
        if size > HEAD_OCTETS or "transfer-encoding" in headers or headers.get("connection") == "close":
            raise Refused(f"{size} octets of head, {headers}")
        if status == 204:
            return Answer(status, headers, b"")
        if "content-length" not in headers:
            raise Refused(f"{status} without Content-Length")
        body = self._file.read(int(headers["content-length"]))
        kind = headers.get("content-type", "")
        if body and not re.fullmatch(r"application/sep\+xml(; ?[a-z]+=[\w+-]+)?", kind):
            raise Refused(f"Content-Type {kind!r}")
        return Answer(status, headers, body)

    def get(self, *targets: str) -> list[Node]:
        """GET all targets, each asked before the first is answered, and return the resources."""
        for target in targets:
            self.send("GET", target)
        return [self._resource(target, self.receive()) for target in targets]

    def get_list(self, link: Node) -> list[Node]:
        """GET a list whole, as the client does: ``all`` of the link, then what is missing."""
        if len(link.href) > LONGEST_LIST_HREF:
            raise Refused(f"list href {link.href}")
        expected = int(link.attributes.get("all", "0"))
        (page,) = self.get(f"{link.href}?l={min(expected, 255)}" if expected else link.href)
        total = int(page.attributes["all"])
        assert total == expected, link.href
        members = list(page.children)
        while len(members) < total:
            (page,) = self.get(f"{link.href}?s={len(members)}&l={min(total - len(members), 255)}")
            if page.attributes["results"] == "0":
                raise Refused(f"{link.href} never ends")
            members += page.children
        assert len({member.href for member in members}) == total
        return members

    def write(self, *requests: tuple[str, str, str]) -> list[Answer]:
        """PUT and POST bodies, each sent before the first is answered; all must be taken."""
        for request in requests:
            self.send(*request)
        answers = [self.receive() for _ in requests]
        for (method, path, _), answer in zip(requests, answers, strict=True):
            assert answer.status in (200, 201, 204), (method, path, answer)
            if method == "POST" and "location" not in answer.headers:
                raise Refused(f"POST {path} without Location")
        return answers

    def document(self, root: str, content: str, attributes: str = "") -> str:
        return f'<{root} xmlns="{self.namespace}"{attributes}>\n  {content}\n</{root}>\n'

    def _resource(self, target: str, answer: Answer) -> Node:
        assert answer.status == 200, (target, answer)
        root = read(answer.body, self.known)
        path = target.partition("?")[0]
        if root.attributes.get("href") != path:
            raise Refused(f"{target} calls itself {root.attributes.get('href')}")
        if root.name.endswith("List"):
            assert int(root.attributes["results"]) == len(root.children)
            for member in root.children:
                if not member.attributes.get("href", "").startswith("/"):
                    raise Refused(f"a member of {target} has no href of its own")
        for node in (root, *root.children, *(below for child in root.children for below in child.children)):
            if len(node.attributes.get("href", "")) > LONGEST_HREF:
                raise Refused(f"href {node.href}")
            if node.attributes.get("responseRequired", "00") != "00" and "replyTo" not in node.attributes:
                raise Refused("responseRequired without replyTo")
        return root


# --- the server, with a clock that the test sets -----------------------------------------------------------


class Utility:
    """A server on real sockets and files, in a thread; ``now`` is its clock."""

    def __init__(self, data: Path, edition: Edition) -> None:
        self.now = float(int(datetime.now(UTC).timestamp()))
        self.authority = Authority.create(data, now=datetime.now(UTC))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        place = Place(data=data, hosts=("127.0.0.1",), port=0)
        self._running = running(place, Settings(edition=edition), clock=lambda: self.now)
        self.service: Service = self.run(self._running.__aenter__())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def change(self, change: Callable[[Any], T]) -> T:
        return self.run(self.service.store.write(change))

    def send_control(self, *, in_s: int, duration_s: int, mode: sep.DERControlBase) -> None:
        order = operator.ControlOrder(base=mode, start=int(self.now) + in_s, duration_s=duration_s)
        now, settings = int(self.now), self.service.settings
        self.change(lambda tx: operator.send_control(tx, "/derp/1", order, now=now, settings=settings))

    def stop(self) -> None:
        self.run(self._running.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass
class Scene:
    utility: Utility
    client: EmbeddedClient
    device: Identity
    draft: bool


VARIANTS = {
    "2018": (IEEE_2018, False, False),
    "draft, leaf alone": (IEEE_2018, True, True),
    "draft on both sides, leaf alone": (DRAFT_2_0_4, True, True),
}


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    edition, draft, leaf_only = request.param
    utility = Utility(tmp_path / "data", edition)
    try:
        device = utility.authority.issue_device("inverter", now=datetime.now(UTC))
        root, port = utility.authority.ca, utility.service.wire.port
        client = EmbeddedClient(port, device, root, tmp_path, draft=draft, leaf_only=leaf_only)
        try:
            yield Scene(utility, client, device, draft)
        finally:
            client.close()
    finally:
        utility.stop()


def register(scene: Scene) -> Node:
    """Register in band by the sFDI alone and return the EndDevice."""
    client = scene.client
    dcap, time, devices = client.get("/dcap", "/tm", "/edev?l=1")
    assert dcap["EndDeviceListLink"].href == "/edev"
    assert time.number("currentTime") == scene.utility.now
    assert devices.attributes["all"] == "0"
    body = f"<sFDI>{scene.device.sfdi}</sFDI>\n  <changedTime>0</changedTime>"
    (created,) = client.write(("POST", "/edev", client.document("EndDevice", body)))
    assert created.status == 201
    (listed,) = client.get("/edev?l=1")
    (device,) = client.get(created.headers["location"])
    assert listed["EndDevice"] == device
    assert device["lFDI"].text.lower() == scene.device.lfdi.hex()
    assert device.number("sFDI") == scene.device.sfdi
    return device


def program_of(client: EmbeddedClient, device: Node) -> Node:
    """Return the first program of the device's first assignment."""
    assignments = client.get_list(device["FunctionSetAssignmentsListLink"])
    programs = client.get_list(assignments[0]["DERProgramListLink"])
    return programs[0]


# --- what it does ------------------------------------------------------------------------------------------


def test_the_servers_certificate_is_one_that_the_client_takes(scene: Scene) -> None:
    cipher = scene.client.sock.cipher()
    assert cipher is not None
    assert cipher[0] == "ECDHE-ECDSA-AES128-CCM8"
    leaf = scene.client.sock.getpeercert(binary_form=True)
    assert leaf is not None
    for extension in x509.load_der_x509_certificate(leaf).extensions:
        must_be_critical = isinstance(
            extension.value,
            x509.KeyUsage | x509.BasicConstraints | x509.CertificatePolicies | x509.SubjectAlternativeName,
        )
        assert extension.critical == must_be_critical, extension.oid


def test_it_registers_walks_the_tree_and_puts_its_ratings(scene: Scene) -> None:
    client = scene.client
    device = register(scene)
    (registration,) = client.get(device["RegistrationLink"].href)
    assert registration.number("pIN") == 111115
    (dcap,) = client.get("/dcap")
    assert client.get_list(dcap["MirrorUsagePointListLink"]) == []
    program = program_of(client, device)
    (default,) = client.get(program["DefaultDERControlLink"].href)
    assert default.number("DERControlBase", "opModMaxLimW") == 10_000
    assert client.get_list(program["DERControlListLink"]) == []
    assert client.get_list(program["DERCurveListLink"]) == []
    (der,) = client.get_list(device["DERListLink"])
    links = [
        node.href for holder in (dcap, device, der, program) for node in holder.children if node.attributes
    ]
    for href in links:
        client.send("GET", href)
    assert [client.receive().status for _ in links] == [200] * len(links)  # one 404 and it never goes on
    now = int(scene.utility.now)
    readings = {
        "DERAvailability": f"<readingTime>{now}</readingTime>",
        "DERCapability": rated(draft=scene.draft),
        "DERSettings": "<modesEnabled>2000</modesEnabled><setGradW>100</setGradW>"
        f"<setMaxW><multiplier>0</multiplier><value>5000</value></setMaxW><updatedTime>{now}</updatedTime>",
        "DERStatus": f"<genConnectStatus><dateTime>{now}</dateTime><value>07</value></genConnectStatus>"
        f"<readingTime>{now}</readingTime>",
    }
    puts = [
        ("PUT", der[f"{name}Link"].href, client.document(name, content)) for name, content in readings.items()
    ]
    client.write(*puts)
    client.write(*puts)

    shown = "rtgW" if scene.draft and scene.utility.service.settings.edition is DRAFT_2_0_4 else "rtgMaxW"
    client.known = KNOWN | KNOWN_BY_DRAFT if shown == "rtgW" else KNOWN
    (capability,) = client.get(der["DERCapabilityLink"].href)
    assert capability.number(shown, "value") == 5_000
    # Bit 20 of the 2018 edition, 13 of the draft: opModMaxLimW.
    assert int(capability["modesSupported"].text, 16) == 1 << (13 if shown == "rtgW" else 20)


def rated(*, draft: bool) -> str:
    """Return the content of a DERCapability of 5 kW."""
    names = ("rtgA", "rtgVA", "rtgW") if draft else ("rtgMaxA", "rtgMaxVA", "rtgMaxW")
    ratings = zip(names, (22, 5_000, 5_000), strict=True)
    modes = "2000" if draft else "100000"  # without leading zero octets
    return (
        f"<modesSupported>{modes}</modesSupported>"
        + "".join(f"<{n}><multiplier>0</multiplier><value>{v}</value></{n}>" for n, v in ratings)
        + "<type>4</type>"
    )


def test_it_obeys_a_control_and_says_so(scene: Scene) -> None:
    client, utility = scene.client, scene.utility
    device = register(scene)
    utility.send_control(in_s=60, duration_s=120, mode=sep.DERControlBase(opModMaxLimW=4_000))
    program = program_of(client, device)
    (control,) = client.get_list(program["DERControlListLink"])
    assert control.number("EventStatus", "currentStatus") == 0
    assert control.number("DERControlBase", "opModMaxLimW") == 4_000
    assert control.attributes["responseRequired"] == "03"
    respond(client, control, 1)

    for before_start_s, status in ((1, 0), (0.001, 0), (0, 1)):
        utility.now = control.number("interval", "start") - before_start_s
        (now,) = client.get(control.href)
        assert now.number("EventStatus", "currentStatus") == status, before_start_s
    respond(client, control, 2)

    utility.now += 120
    respond(client, control, 3)
    (program,) = client.get(program.href)
    assert client.get_list(program["DERControlListLink"]) == []
    kept = utility.run(utility.service.store.read(lambda reader: reader.count("/rsps/1/rsp")))
    assert kept == 3


def respond(client: EmbeddedClient, control: Node, status: int) -> None:
    """Answer a control as for a managed device without LFDI, the subject without leading zero octets."""
    subject = control["mRID"].text.lower()
    while subject.startswith("00"):
        subject = subject[2:]
    body = client.document(
        "DERControlResponse",
        f"<createdDateTime>{1_800_000_000 + status}</createdDateTime><endDeviceLFDI>00</endDeviceLFDI>"
        f"<status>{status}</status><subject>{subject}</subject>",
    )
    (answer,) = client.write(("POST", control.attributes["replyTo"], body))
    assert answer.status == 201


def test_a_list_in_pages_is_whole(scene: Scene) -> None:
    client = scene.client
    device = register(scene)
    for number in range(7):
        mode = sep.DERControlBase(opModMaxLimW=1_000 * number)
        scene.utility.send_control(in_s=100 + 100 * number, duration_s=60, mode=mode)
    link = program_of(client, device)["DERControlListLink"]
    whole = client.get_list(link)
    assert [one.number("DERControlBase", "opModMaxLimW") for one in whole] == list(range(0, 7_000, 1_000))

    pages = client.get(f"{link.href}?l=3", f"{link.href}?s=3&l=4", f"{link.href}?s=6&l=1", f"{link.href}?s=9")
    assert [page.attributes["all"] for page in pages] == ["7"] * 4
    assert [page.attributes["results"] for page in pages] == ["3", "4", "1", "0"]
    assert [one for page in pages[:2] for one in page.children] == whole
    assert pages[2].children == whole[6:]


def test_it_mirrors_a_meter_and_logs(scene: Scene) -> None:
    client, now = scene.client, int(scene.utility.now)
    device = register(scene)
    (dcap,) = client.get("/dcap")
    mirrors = dcap["MirrorUsagePointListLink"].href
    units = (38, 61, 63, 65, 29, 5, 33)
    meter_readings = "".join(
        f"<MirrorMeterReading><mRID>0a1b2c3d0000000{number}0000d431</mRID><description>q{unit}</description>"
        f"<ReadingType><powerOfTenMultiplier>0</powerOfTenMultiplier><uom>{unit}</uom></ReadingType>"
        "</MirrorMeterReading>"
        for number, unit in enumerate(units)
    )
    lfdi = scene.device.lfdi.hex().lstrip("0").rjust(40, "0")
    mirror = client.document(
        "MirrorUsagePoint",
        "<mRID>0a1b2c3d000000090000d431</mRID><description>meter</description><roleFlags>09</roleFlags>"
        "<serviceCategoryKind>0</serviceCategoryKind><status>1</status>"
        f"<deviceLFDI>{lfdi}</deviceLFDI>{meter_readings}",
    )
    (created,) = client.write(("POST", mirrors, mirror))
    assert created.status == 201
    href = created.headers["location"]
    (shown,) = client.get(href)
    assert shown["deviceLFDI"].text.lower() == scene.device.lfdi.hex()
    assert shown.number("postRate") == 300
    assert int(shown["mRID"].text, 16) == 0x0A1B2C3D000000090000D431
    (again,) = client.write(("POST", mirrors, mirror))
    assert again.headers["location"] == href

    def reading(number: int, value: int) -> str:
        return client.document(
            "MirrorMeterReading",
            f"<mRID>0a1b2c3d0000000{number}0000d431</mRID><description>q</description>"
            f"<lastUpdateTime>{now}</lastUpdateTime><nextUpdateTime>{now + 300}</nextUpdateTime>"
            f"<Reading><timePeriod><duration>0</duration><start>{now}</start></timePeriod>"
            f"<value>{value}</value></Reading>",
        )

    client.write(*(("POST", href, reading(number, 100 + number)) for number in range(len(units))))
    log = client.document(
        "LogEvent",
        f"<createdDateTime>{now}</createdDateTime><functionSet>0</functionSet><logEventCode>1</logEventCode>"
        "<logEventID>0</logEventID><logEventPEN>37244</logEventPEN><profileID>2</profileID>",
    )
    (logged,) = client.write(("POST", device["LogEventListLink"].href, log))
    assert logged.status == 201
    (event,) = client.get(logged.headers["location"])
    assert (event.number("logEventPEN"), event.number("createdDateTime")) == (37244, now)


def test_six_requests_are_answered_in_order_also_behind_one_that_fails(scene: Scene) -> None:
    client = scene.client
    device = register(scene)
    (der,) = client.get_list(device["DERListLink"])
    availability = client.document("DERAvailability", f"<readingTime>{int(scene.utility.now)}</readingTime>")
    log = client.document(
        "LogEvent",
        "<createdDateTime>1</createdDateTime><functionSet>0</functionSet><logEventCode>1</logEventCode>"
        "<logEventID>0</logEventID><logEventPEN>37244</logEventPEN><profileID>2</profileID>",
    )
    logs = device["LogEventListLink"].href
    client.send("PUT", der["DERAvailabilityLink"].href, availability)
    client.send("GET", "/nowhere")
    client.send("POST", logs, log)
    client.send("PUT", der["DERAvailabilityLink"].href, client.document("Time", ""))
    client.send("GET", f"{logs}?l=1")
    client.send("GET", "/tm")

    answers = [client.receive() for _ in range(6)]

    assert [answer.status for answer in answers] == [204, 404, 201, 400, 200, 200]
    assert [read(answers[at].body, client.known).name for at in (1, 3, 4, 5)] == [
        "Error",
        "Error",
        "LogEventList",
        "Time",
    ]
    assert read(answers[4].body, client.known).attributes["all"] == "1"


def test_the_drafts_device_category_is_understood(scene: Scene) -> None:
    client = scene.client
    category = (
        "<loadShedDeviceCategory>010000</loadShedDeviceCategory>"  # bit 16 of the draft: smart inverter
        if scene.draft
        else "<deviceCategory>200000</deviceCategory>"  # bit 21 of the 2018 edition
    )
    body = f"{category}<sFDI>{scene.device.sfdi}</sFDI><changedTime>0</changedTime>"
    (created,) = client.write(("POST", "/edev", client.document("EndDevice", body)))
    speaks_draft = scene.utility.service.settings.edition is DRAFT_2_0_4
    client.known = KNOWN_BY_DRAFT if speaks_draft else KNOWN
    (device,) = client.get(created.headers["location"])

    shown = device["loadShedDeviceCategory" if speaks_draft else "deviceCategory"]
    assert int(shown.text, 16) == 1 << (16 if speaks_draft else 21)
    assert device.namespace == (NS_DRAFT if speaks_draft else NS_2018)


@pytest.mark.parametrize(
    "document",
    [
        '<s:Time xmlns:s="urn:x" href="/tm"/>',
        '<Time href="/tm"><quality/></Time>',
        '<Time href="/tm"><quality>7</quality><currentTime>1</currentTime></Time>',
        '<Time href="/tm"><weather>1</weather></Time>',
        '<Time href="/tm"><quality>+7</quality></Time>',
        '<!DOCTYPE Time><Time href="/tm"/>',
        '\ufeff<Time href="/tm"/>',
    ],
    ids=["prefix", "self-closed", "order", "unknown", "number", "DOCTYPE", "BOM"],
)
def test_the_client_is_strict(document: str) -> None:
    with pytest.raises(Refused):
        read(document.encode(), KNOWN)
