"""The messages: samples round trip, whatever comes is a message or an error with a reply code."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from openesi.provisioning.cim import codes, schema, soap, xml
from openesi.provisioning.cim.codes import CimError, Verb
from openesi.provisioning.cim.model import (
    PAYLOADS,
    EndDeviceControls,
    EndDeviceEvents,
    Error,
    Header,
    Kind,
    Level,
    MasterDataLinkageConfig,
    Message,
    Reply,
    Result,
    name_of,
    named,
)
from openesi.provisioning.cim.shape import MAX_TEXT

SAMPLES = Path(__file__).parent / "samples"
# sample -> the year in the namespace of its wrapper
MESSAGES = {
    "step1_controls.xml": 2017,
    "step13_linkage.xml": 2011,
    "step14_linkage.xml": 2011,
    "step14_reply.xml": 2011,
}


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def canonical(octets: bytes) -> bytes:
    tree = etree.fromstring(octets, etree.XMLParser(remove_blank_text=True))
    flat = [(node.tag, (node.text or "").strip(), sorted(node.attrib.items())) for node in tree.iter()]
    return repr(flat).encode()


@pytest.mark.parametrize(("name", "year"), MESSAGES.items())
def test_samples_round_trip(name: str, year: int) -> None:
    message = xml.parse(sample(name))

    written = xml.serialize(message, xml.Form(year=year))

    assert xml.parse(written) == message
    assert canonical(written) == canonical(sample(name).replace(b"+00:00", b"Z"))


@pytest.mark.parametrize("name", MESSAGES)
def test_samples_round_trip_in_the_generic_form(name: str) -> None:
    message = xml.parse(sample(name))

    written = xml.serialize(message, xml.GENERIC)

    assert xml.parse(written) == message
    assert b"<msg:Header>" in written


def test_the_request_of_step_1_says_what_the_use_case_lists() -> None:
    message = xml.parse(sample("step1_controls.xml"))

    assert isinstance(message.payload, EndDeviceControls)
    control = message.payload.EndDeviceControl[0]
    home, meter = control.EndDevices
    assert codes.is_window_open(control.EndDeviceControlType.ref)
    assert home.installCode == "83FED3407A939723A5C639B26916D505C3B5"
    assert home.electronicAddress is not None
    assert home.electronicAddress.mac == "000D6F0000123456"
    assert name_of(home.Names, "EndDeviceType") == "ProgCtlThermostat"
    assert name_of(meter.Names, "MeterNumber") == "M-55512345"
    assert control.primaryDeviceTiming is not None
    assert control.primaryDeviceTiming.duration == 60
    assert control.primaryDeviceTiming.interval is not None
    assert control.primaryDeviceTiming.interval.end == datetime(2026, 11, 20, 16, tzinfo=UTC)


def test_the_refusal_of_step_14_carries_its_code() -> None:
    message = xml.parse(sample("step14_reply.xml"))

    assert message.kind is Kind.RESPONSE
    assert message.reply is not None
    assert not message.reply.ok
    assert (message.reply.code, message.reply.reason) == ("2.16", "Invalid ServiceLocation(s)")
    assert message.reply.Error[0].ID is not None
    assert message.reply.Error[0].ID.value == "123456789"


def test_an_event_payload_is_read() -> None:
    header = b"<Verb>created</Verb><Noun>EndDeviceEvents</Noun>"
    payload = b"<Payload>" + sample("expiry_event_payload.xml") + b"</Payload>"

    message = xml.parse(generic(header, payload, kind=b"EventMessage"))

    assert message.kind is Kind.EVENT
    assert isinstance(message.payload, EndDeviceEvents)
    event = message.payload.EndDeviceEvent[0]
    assert event.EndDeviceEventType.ref == codes.EVENT_EXPIRED
    assert event.EndDeviceEventDetails[0].value == "000D6F0000123456"
    written = etree.fromstring(xml.serialize(message)).find("{*}Payload/{*}EndDeviceEvents")
    assert canonical(etree.tostring(written)) == canonical(sample("expiry_event_payload.xml"))


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b'<?xml version="1.0" encoding="ISO-8859-1"?>\n'])
def test_other_vendors_beginnings_do_not_matter(start: bytes) -> None:
    assert xml.parse(start + sample("step13_linkage.xml")) == xml.parse(sample("step13_linkage.xml"))


def test_other_vendors_prefixes_order_and_elements_do_not_matter() -> None:
    text = sample("step13_linkage.xml").decode()
    for old, new in (("mdlm:", "q:"), ("xmlns:mdlm", "xmlns:q"), ("xmlns:msg", "xmlns:z"), ("msg:", "z:")):
        text = text.replace(old, new)
    text = text.replace("<q:Header>", '<q:Header><v:Extra xmlns:v="urn:vendor"><v:A>1</v:A></v:Extra>')

    assert xml.parse(text.encode()) == xml.parse(sample("step13_linkage.xml"))


STEP_1 = sample("step1_controls.xml")
STEP_13 = sample("step13_linkage.xml")
START = b"2026-11-20T15:00:00Z"
LINKAGE = b"MasterDataLinkageConfig>"


def generic(header: bytes, payload: bytes = b"", kind: bytes = b"RequestMessage") -> bytes:
    return b"<%b><Header>%b</Header>%b</%b>" % (kind, header, payload, kind)


CONTROLS = b"<Verb>create</Verb><Noun>EndDeviceControls</Noun>"
BAD = {
    "not XML": (b"hello", "1.8"),
    "empty": (b"", "1.8"),
    "cut": (STEP_1[:400], "1.8"),
    "document type": (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "1.8"),
    "another encoding": ('<?xml version="1.0" encoding="iso-8859-1"?><a>Ã©</a>'.encode("latin-1"), "1.8"),
    "an encoding in which < is elsewhere": ("<a/>".encode("utf-16"), "1.8"),
    "too many": (b"<a>" + b"<b/>" * 60_000 + b"</a>", "3.1"),
    "long namespace": (b'<a xmlns="%b">' % (b"x" * 10_000) + b"<b/>" * 40_000 + b"</a>", "1.8"),
    "long namespace in one tag": (
        b'<a xmlns:p="%b" ' % (b"x" * 500_000) + b" ".join(b'p:a%d=""' % i for i in range(40_000)) + b"/>",
        "3.1",
    ),
    "too deep": (b"<a>" * 40 + b"</a>" * 40, "1.8"),
    "too large": (b"<a>" + b" " * xml.MAX_BYTES + b"</a>", "3.1"),
    "no header": (b"<CreateEndDeviceControls><Payload/></CreateEndDeviceControls>", "1.5"),
    "no noun": (generic(b"<Verb>create</Verb>"), "1.5"),
    "unknown verb": (generic(b"<Verb>explode</Verb><Noun>EndDeviceControls</Noun>"), "2.9"),
    "wrapper of another verb": (STEP_1.replace(b">create<", b">delete<"), "2.9"),
    "wrapper of another noun": (STEP_1.replace(b">EndDeviceControls<", b">MeterReadings<"), "2.5"),
    "payload of another noun": (
        STEP_13.replace(b"<" + LINKAGE, b"<EndDeviceEvents>").replace(b"</" + LINKAGE, b"</EndDeviceEvents>"),
        "2.5",
    ),
    "empty payload": (generic(CONTROLS, b"<Payload/>"), "1.7"),
    "missing element": (STEP_1.replace(b'<EndDeviceControlType ref="7.10.73.298"/>', b""), "1.7"),
    "element twice": (STEP_1.replace(b"<isPan>true</isPan>", b"<isPan>true</isPan>" * 2), "1.8"),
    "no boolean": (STEP_1.replace(b"<isPan>true</isPan>", b"<isPan>maybe</isPan>"), "1.8"),
    "no time": (STEP_1.replace(START, b"yesterday"), "1.8"),
    "no time zone": (STEP_1.replace(START, START[:-1]), "1.8"),
    "time beyond the calendar": (STEP_1.replace(START, b"0001-01-01T00:00:00+14:00"), "1.8"),
    "no number": (STEP_1.replace(b">60<", b">an hour<"), "1.8"),
    "endless number": (STEP_1.replace(b">60<", b">INF<"), "1.8"),
    "number that is none": (STEP_1.replace(b">60<", b">NaN<"), "1.8"),
    "endless text": (STEP_1.replace(b"PROV-2026", b"P" * (MAX_TEXT + 1)), "1.8"),
    "reply without reply": (
        generic(b"<Verb>reply</Verb><Noun>EndDeviceControls</Noun>", kind=b"ResponseMessage"),
        "1.5",
    ),
}


@pytest.mark.parametrize(("octets", "code"), BAD.values(), ids=BAD)
def test_bad_messages_are_refused_with_their_code(octets: bytes, code: str) -> None:
    with pytest.raises(CimError) as caught:
        xml.parse(octets)

    assert caught.value.code == code
    assert len(str(caught.value)) < 300


@settings(max_examples=150)
@given(st.data())
def test_any_damage_gives_a_message_or_a_reply_code(data: st.DataObject) -> None:
    octets = bytearray(sample(data.draw(st.sampled_from(list(MESSAGES)))))
    for _ in range(data.draw(st.integers(1, 6))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CimError):  # whose constructor knows the reply codes
        xml.parse(bytes(octets))


WRITABLE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
TEXT = st.text(WRITABLE, max_size=40)
HEADERS = st.builds(
    Header,
    Verb=st.just(Verb.CREATE),
    Noun=st.just("MasterDataLinkageConfig"),
    Source=TEXT,
    Comment=TEXT,
    MessageID=TEXT,
    AsyncReplyFlag=st.booleans(),
    Timestamp=st.datetimes(timezones=st.just(UTC)),
)


@settings(max_examples=50)
@given(HEADERS, st.sampled_from([xml.TYPED, xml.GENERIC]))
def test_what_is_written_is_read_again(header: Header, form: xml.Form) -> None:
    message = Message(kind=Kind.REQUEST, header=header, payload=MasterDataLinkageConfig())

    assert xml.parse(xml.serialize(message, form)) == message


def build_schemas(noun: str, folder: Path) -> etree.XMLSchema:
    (folder / "message.xsd").write_text(schema.message_schema())
    (folder / f"{noun}.xsd").write_text(schema.payload_schema(noun))
    year = MESSAGES["step1_controls.xml"] if noun == "EndDeviceControls" else 2011
    (folder / "wrapper.xsd").write_text(schema.wrapper_schema(noun, year=year))
    return etree.XMLSchema(file=str(folder / "wrapper.xsd"))


@pytest.mark.parametrize("name", MESSAGES)
def test_samples_validate_against_our_schema(name: str, tmp_path: Path) -> None:
    document = etree.fromstring(sample(name))
    rules = build_schemas(xml.parse(sample(name)).noun, tmp_path)

    assert rules.validate(document), rules.error_log


def test_the_schema_refuses_what_the_parser_refuses(tmp_path: Path) -> None:
    rules = build_schemas("EndDeviceControls", tmp_path)

    assert not rules.validate(etree.fromstring(BAD["missing element"][0]))
    assert not rules.validate(etree.fromstring(BAD["no boolean"][0]))


@pytest.mark.parametrize("noun", PAYLOADS)
def test_every_noun_has_a_schema_and_a_service(noun: str, tmp_path: Path) -> None:
    build = schema.wsdl(noun, "https://example.test/soap")

    assert etree.fromstring(build.encode()).tag.endswith("definitions")
    assert f"Create{noun}" in build
    etree.fromstring(schema.payload_schema(noun).encode())


def test_soap_carries_a_message_and_a_fault() -> None:
    message = xml.parse(sample("step14_reply.xml"))

    assert xml.read(soap.parse(soap.serialize(message)).body) == message
    fault = soap.fault_message(soap.parse(soap.serialize_fault(message)).body)
    assert fault is not None
    assert fault.reply == message.reply


@pytest.mark.parametrize(
    "octets",
    [
        b"<a/>",
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>',
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><a/></s:Body></s:Envelope>',
    ],
)
def test_what_is_no_envelope_is_refused(octets: bytes) -> None:
    with pytest.raises(CimError):
        soap.parse(octets)


@pytest.mark.parametrize("code", codes.CODES)
def test_every_code_has_words_and_an_http_status(code: str) -> None:
    error = CimError(code, "because")

    assert error.status in range(200, 600)
    assert error.reason.endswith(": because")


def test_a_reply_says_its_first_code() -> None:
    assert Reply(Result=Result.OK).code == "0.0"
    assert Reply(Result=Result.FAILED).code == "5.4"
    assert (
        Reply(Result=Result.FAILED, Error=(Error(code="2.4", level=Level.FATAL),)).reason == "Invalid Meter"
    )


def test_names_are_found_by_type_then_by_being_the_only_ones() -> None:
    assert name_of((named("1", "PremiseID"), named("2", "MAC")), "MAC") == "2"
    assert name_of((named("1", "PremiseID"),), "MAC") is None


@pytest.mark.parametrize("code", ["0.10.73.298", "3.10.73.298", "7.10.73.298"])
def test_three_kinds_of_devices_open_a_window(code: str) -> None:
    assert codes.is_window_open(code)
    assert not codes.is_window_close(code)
    assert not codes.is_window_open(code.replace("298", "300"))
