"""The XML codec: every value comes back, every document is read as XML and its schema mean it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

import strategies
from openesi.sep2 import editions, xml
from openesi.sep2 import model as sep
from openesi.sep2.editions import EDITIONS, IEEE_2018
from openesi.sep2.enums import EventState
from openesi.sep2.errors import DecodeError, EncodeError, ReasonCode

NS = "urn:ieee:std:2030.5:ns"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
INTERVAL = "<duration>60</duration><start>0</start>"


def interval(inside: str, *, before: str = "", attributes: str = "") -> bytes:
    return f'{before}<DateTimeInterval xmlns="{NS}"{attributes}>{inside}</DateTimeInterval>'.encode()


def read_duration(text: str) -> int:
    return xml.parse_as(
        interval(f"<duration>{text}</duration><start>0</start>"), sep.DateTimeInterval
    ).duration


def refusal(document: bytes) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        xml.parse(document)
    assert caught.value.status == 400
    return caught.value


@settings(max_examples=80, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("edition", EDITIONS.values(), ids=list(EDITIONS))
def test_what_is_written_is_read_back(edition, data):
    value = data.draw(strategies.documents(edition))
    assert xml.parse(xml.serialize(value, edition), edition) == value


# --- what is accepted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        interval(INTERVAL),
        interval(INTERVAL, before='<?xml version="1.0" encoding="UTF-8"?>\n'),
        interval(INTERVAL, before="\ufeff"),
        interval(INTERVAL, before="<!-- a -->\n<?pi?>"),
        interval(INTERVAL, attributes=' unknown="1"'),
        interval(INTERVAL, attributes=f' xmlns:xsi="{XSI}" xsi:schemaLocation="{NS} sep.xsd"'),
        interval(INTERVAL, attributes=f' xmlns:xsi="{XSI}" xsi:type="DateTimeInterval"'),
        interval("\n  <duration>60</duration>\r\n\t<start>0</start>\n"),
        interval("<duration>6<!-- a -->0</duration><?pi?><start><![CDATA[0]]></start>"),
        interval("<duration>&#54;0</duration><start>0</start>"),
        interval("<duration unit='s'>60</duration><start>0</start>"),
        interval(f"<new>1</new><duration>60</duration><new><newer/></new><start>0</start><x xmlns=''/>{''}"),
        f'<s:DateTimeInterval xmlns:s="{NS}"><s:duration>60</s:duration><s:start>0</s:start>'
        "</s:DateTimeInterval>".encode(),
    ],
)
def test_reads_all_that_xml_allows(document):
    assert xml.parse(document) == sep.DateTimeInterval(duration=60, start=0)


@pytest.mark.parametrize("text", ["60", " 60\n", "+60", "0060", "0" * 5000 + "60"])
def test_reads_integers_as_xml_schema_does(text):
    assert read_duration(text) == 60


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "6_0",
        "\uff16\uff10",
        "\u0666\u0660",
        "60.0",
        "6e1",
        "0x3C",
        "6 0",
        "--60",
        "+",
        "\u00a060",
        "sixty",
        "NaN",
    ],
)
def test_refuses_what_only_python_takes_for_an_integer(text):
    assert "is no UInt32" in str(refusal(interval(f"<duration>{text}</duration><start>0</start>")))


@pytest.mark.parametrize("text", ["-1", "4294967296", "9" * 40])
def test_refuses_integers_out_of_bounds(text):
    error = refusal(interval(f"<duration>{text}</duration><start>0</start>"))
    assert error.reason is ReasonCode.VALUES
    assert error.path == "DateTimeInterval/duration"
    assert "out of bounds for UInt32 (0 to 4294967295)" in error.problem


def test_refuses_more_digits_than_any_bound_needs_without_converting_them():
    assert "is no UInt32" in str(refusal(interval(f"<duration>{'9' * 500_000}</duration><start>0</start>")))


def test_negative_zero_is_zero():
    assert read_duration("-0") == 0


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), (" false ", False), ("0", False)], ids=str
)
def test_reads_booleans_as_xml_schema_does(text, value):
    document = f'<DERControlBase xmlns="{NS}"><opModConnect>{text}</opModConnect></DERControlBase>'
    assert xml.parse(document.encode()) == sep.DERControlBase(opModConnect=value)


@pytest.mark.parametrize("text", ["True", "yes", "", "2", "\u00a0true"])
def test_refuses_other_words_for_a_boolean(text):
    document = f'<DERControlBase xmlns="{NS}"><opModConnect>{text}</opModConnect></DERControlBase>'
    assert "is no boolean" in str(refusal(document.encode()))


@pytest.mark.parametrize(
    ("text", "value"),
    [("0A", b"\x0a"), ("0a", b"\x0a"), (" 000A\n", b"\x00\x0a"), ("", b"")],
)
def test_reads_pairs_of_hex_digits_in_either_case(text, value):
    document = f'<Reading xmlns="{NS}"><qualityFlags>{text}</qualityFlags></Reading>'
    assert xml.parse(document.encode()) == sep.Reading(qualityFlags=value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1", "is no HexBinary16"),
        ("0x01", "is no HexBinary16"),
        ("00 01", "is no HexBinary16"),
        ("\uff10\uff11", "is no HexBinary16"),
        ("000001", "3 octets, HexBinary16 has at most 2"),
    ],
)
def test_refuses_other_hex(text, problem):
    document = f'<Reading xmlns="{NS}"><qualityFlags>{text}</qualityFlags></Reading>'
    assert problem in str(refusal(document.encode()))


def test_strings_keep_their_white_space_and_are_counted_in_octets():
    def described(text: str) -> bytes:
        inside = f"<mRID>01</mRID><description>{text}</description>"
        return f'<IdentifiedObject xmlns="{NS}">{inside}</IdentifiedObject>'.encode()

    assert xml.parse(described(" a \n b ")) == sep.IdentifiedObject(mRID=b"\x01", description=" a \n b ")
    assert xml.parse(described("é" * 16)) == sep.IdentifiedObject(mRID=b"\x01", description="é" * 16)
    assert "34 octets, String32 has at most 32" in str(refusal(described("é" * 17)))


def test_self_closed_simple_elements_are_empty():
    document = f'<IdentifiedObject xmlns="{NS}"><mRID/><description/></IdentifiedObject>'
    assert xml.parse(document.encode()) == sep.IdentifiedObject(mRID=b"", description="")


# --- what is refused, and what is said ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "path", "problem"),
    [
        ("<start>0</start><duration>60</duration>", "DateTimeInterval/duration", "out of order"),
        (INTERVAL + "<start>0</start>", "DateTimeInterval/start", "out of order, or twice"),
        ("<duration>60</duration>", "DateTimeInterval", "start missing"),
        ("", "DateTimeInterval", "duration, start missing"),
        ("60" + INTERVAL, "DateTimeInterval", "text '60' between elements"),
        ("<duration>60</duration>60<start>0</start>", "DateTimeInterval/duration", "text '60' after it"),
        (INTERVAL + "<x/>60", "DateTimeInterval/x", "text '60' after it"),
        ("<duration><s>60</s></duration><start>0</start>", "DateTimeInterval/duration", "elements inside"),
        ("<duration>60<s/></duration><start>0</start>", "DateTimeInterval/duration", "elements inside"),
    ],
)
def test_says_what_is_wrong_and_where(inside, path, problem):
    error = refusal(interval(inside))
    assert error.path == path
    assert problem in error.problem
    assert error.reason is ReasonCode.FORMAT


@pytest.mark.parametrize("counts", ["", ' all="2"', ' results="2"', ' all="2" results="2"'])
def test_the_counts_of_a_posted_list_may_be_left_out(counts: str):
    reading = "<MirrorMeterReading><mRID>0{}</mRID></MirrorMeterReading>"
    body = reading.format(1) + reading.format(2)
    posted = f'<MirrorMeterReadingList xmlns="{NS}"{counts}>{body}</MirrorMeterReadingList>'.encode()
    read = xml.parse(posted, count=True)
    assert (read.all, read.results, len(read.MirrorMeterReading)) == (2, 2, 2)
    if counts.count("=") < 2:
        with pytest.raises(DecodeError, match="missing"):
            xml.parse(posted)


def test_errors_inside_lists_and_attributes_have_a_path():
    bad = f'<DERControlList xmlns="{NS}" all="1" results="x"/>'
    assert refusal(bad.encode()).path == "DERControlList/@results"
    missing = f'<DERControlList xmlns="{NS}" all="1"/>'
    assert "@results missing" in str(refusal(missing.encode()))
    deep = (
        f'<TimeTariffIntervalList xmlns="{NS}" all="1" results="1"><TimeTariffInterval><mRID>1</mRID>'
        "</TimeTariffInterval></TimeTariffIntervalList>"
    )
    assert refusal(deep.encode()).path == "TimeTariffIntervalList/TimeTariffInterval/mRID"


def test_counts_repeated_elements():
    point = "<CurveData><xvalue>1</xvalue><yvalue>1</yvalue></CurveData>"
    curve = (
        f'<DERCurve xmlns="{NS}"><mRID>01</mRID><creationTime>0</creationTime>%s<curveType>11</curveType>'
        "<xMultiplier>0</xMultiplier><yMultiplier>0</yMultiplier><yRefType>2</yRefType></DERCurve>"
    )
    assert len(xml.parse_as((curve % (10 * point)).encode(), sep.DERCurve).CurveData) == 10
    assert "11 CurveData, allowed 1 to 10" in str(refusal((curve % (11 * point)).encode()))
    assert "CurveData missing" in str(refusal((curve % "").encode()))


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (b"", "not well-formed"),
        (b"<", "not well-formed"),
        (b"<Time", "not well-formed"),
        (interval(INTERVAL)[:-1], "not well-formed"),
        (interval(INTERVAL) + b"<x/>", "not well-formed"),
        (interval(INTERVAL).replace(b"60", b"6\x000"), "not well-formed"),
        (interval(INTERVAL).replace(b"60", b"6\xff0"), "not well-formed"),
        (interval(INTERVAL).decode().encode("utf-16"), "not well-formed"),
        (interval(INTERVAL).replace(b"<start>", b"<start a='1' a='2'>"), "not well-formed"),
        (interval(INTERVAL).replace(b"<start>", b"<x:start>"), "not well-formed"),
        (b"<DateTimeInterval>" + INTERVAL.encode() + b"</DateTimeInterval>", "namespace (none)"),
        (b'<Tame xmlns="urn:ieee:std:2030.5:ns"/>', "'Tame' is no element of the standard"),
        (b'<Time xmlns="http://zigbee.org/sep"/>', "it is edition 2013's"),
        (b'<Time xmlns="http://ieee.org/2030.5"/>', "it is edition 2.0.4's"),
    ],
)
def test_refuses_what_is_no_document_of_the_edition(document, problem):
    assert problem in str(refusal(document))


def test_reads_utf_8_whatever_the_document_claims():
    claimed = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    document = (
        f'{claimed}<IdentifiedObject xmlns="{NS}"><mRID/><description>é</description></IdentifiedObject>'
    )
    assert xml.parse_as(document.encode(), sep.IdentifiedObject).description == "é"
    refusal(document.encode("iso-8859-1"))
    assert xml.parse(interval(INTERVAL, before='<?xml version="1.0" encoding="no-such"?>'))


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE DateTimeInterval>",
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE x [<!ENTITY a "60">]>',
        "<!-- a --><!DOCTYPE x>",
        "\ufeff<!DOCTYPE x>",
        '<?xml version="1.0"?><!DOCTYPE x>',
        "  <!DOCTYPE x>",
    ],
)
def test_refuses_document_types_and_so_entities(doctype):
    assert "document type declaration" in str(refusal(interval(INTERVAL, before=doctype)))


def test_parse_as_names_the_type_it_wanted():
    assert xml.parse_as(interval(INTERVAL), sep.DateTimeInterval).duration == 60
    with pytest.raises(DecodeError, match="is a DateTimeInterval, expected Time"):
        xml.parse_as(interval(INTERVAL), sep.Time)


@pytest.mark.parametrize("name", ["DateTimeInterval", "NoSuchType", "", "a:b:"])
def test_an_xsi_type_that_is_no_subtype_is_refused(name):
    document = (
        f'<Notification xmlns="{NS}" xmlns:xsi="{XSI}"><subscribedResource>/x</subscribedResource>'
        f'<Resource xsi:type="{name}"/><status>0</status><subscriptionURI>/s</subscriptionURI></Notification>'
    )
    error = refusal(document.encode())
    assert error.path == "Notification/Resource"
    assert "xsi:type" in error.problem


# --- what is written ----------------------------------------------------------------------------------------


def test_writes_what_embedded_readers_take():
    value = sep.DERProgramList(
        href="/derp",
        all=1,
        results=1,
        DERProgram=(
            sep.DERProgram(href='/a?b&c"<>', mRID=b"\x00\xab", description="", version=0, primacy=1),
        ),
    )
    assert xml.serialize(value) == (
        b'<DERProgramList xmlns="urn:ieee:std:2030.5:ns" href="/derp" all="1" results="1">'
        b'<DERProgram href="/a?b&amp;c&quot;&lt;&gt;"><mRID>00AB</mRID><description></description>'
        b"<version>0</version><primacy>1</primacy></DERProgram></DERProgramList>"
    )


@settings(max_examples=60, deadline=None)
@given(value=strategies.documents(IEEE_2018))
def test_writes_no_self_closed_prefixed_or_odd_element(value):
    document = xml.serialize(value)
    assert not document.startswith(b"<?")
    assert b"/>" not in document
    tree = etree.fromstring(document)
    assert all(one.prefix is None for one in tree.iter())
    assert xml.serialize(xml.parse(document)) == document


def test_writes_the_concrete_type_of_a_notification():
    notification = _notification(sep.DERControlList(href="/derp/1/derc", all=0, results=0))
    document = xml.serialize(notification)
    assert f'<Resource xmlns:xsi="{XSI}" xsi:type="DERControlList" href="/derp/1/derc"'.encode() in document
    assert xml.parse(document) == notification


def test_enumerations_are_integers():
    status = sep.EventStatus(currentStatus=EventState.ACTIVE, dateTime=0, potentiallySuperseded=False)
    assert b"<currentStatus>1</currentStatus>" in xml.serialize(status)


def _notification(resource: sep.Sep) -> sep.Sep:
    return sep.Notification(
        subscribedResource="/derp/1/derc", Resource=resource, status=0, subscriptionURI="/edev/1/sub/1"
    )


def _interval(**changed: object) -> sep.Sep:
    return sep.DateTimeInterval(**{"duration": 60, "start": 0} | changed)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (_interval(duration=-1), "DateTimeInterval.duration"),
        (_interval(duration=2**32), "DateTimeInterval.duration"),
        (_interval(start=2**63), "DateTimeInterval.start"),
        (_interval(duration=True), "DateTimeInterval.duration"),
        (_interval(duration=1.0), "DateTimeInterval.duration"),
        (_interval(duration="60"), "DateTimeInterval.duration"),
        (_interval(duration=None), "DateTimeInterval.duration is required"),
        (sep.DERControlBase(opModConnect=1), "DERControlBase.opModConnect"),
        (sep.DERControlBase(opModTargetW=sep.WattHour(multiplier=0, value=1)), "opModTargetW: WattHour"),
        (sep.DERControlBase(opModTargetW=5), "DERControlBase.opModTargetW"),
        (sep.Reading(qualityFlags=b"\x00\x00\x00"), "ReadingBase.qualityFlags"),
        (sep.Reading(qualityFlags="01"), "ReadingBase.qualityFlags"),
        (sep.Reading(qualityFlags=bytearray(b"\x01")), "ReadingBase.qualityFlags"),
        (sep.Reading(timePeriod=_interval(start=None)), "DateTimeInterval.start is required"),
        (sep.Resource(href=b"/x"), "Resource.href"),
        (sep.Resource(href="/\x00"), "Resource.href"),
        (sep.Resource(href="/\ud800"), "Resource.href"),
        (sep.IdentifiedObject(mRID=b"", description="\x1b"), "IdentifiedObject.description"),
        (sep.IdentifiedObject(mRID=b"", description="\uffff"), "IdentifiedObject.description"),
        (sep.IdentifiedObject(mRID=b"", description="é" * 17), "34 octets, at most 32"),
        (sep.DERList(all=0, results=0, DER=None), "DERList.DER"),
        (sep.DERList(all=1, results=1, DER=[sep.DER()]), "DERList.DER"),
        (sep.DERList(all=1, results=1, DER=(sep.Time,)), "DERList.DER"),
        (_notification(_interval()), "Notification.Resource"),
    ],
    ids=str,
)
def test_nothing_but_what_the_standard_allows_is_written(value, message):
    with pytest.raises(EncodeError, match=message):
        xml.serialize(value)


def test_curve_points_are_counted_when_written():
    points = (sep.CurveData(xvalue=0, yvalue=0),) * 11
    curve = sep.DERCurve(
        mRID=b"\1", creationTime=0, CurveData=points, curveType=11, xMultiplier=0, yMultiplier=0, yRefType=2
    )
    with pytest.raises(EncodeError, match=r"DERCurve\.CurveData"):
        xml.serialize(curve)


def test_only_values_of_the_model_are_written():
    with pytest.raises(EncodeError, match="int does not exist"):
        xml.serialize(5)  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match="ConnectionPoint does not exist in edition 2018"):
        xml.serialize(sep.ConnectionPoint(connectionPointId="NMI"))


def test_edition_of_tells_by_namespace_and_schema_version():
    stamp = sep.TimeConfiguration(dstEndRule=b"\0", dstOffset=0, dstStartRule=b"\0", tzOffset=0)
    for name in ("2018", "2023", "2013", "2.0.4"):
        assert xml.edition_of(xml.serialize(stamp, EDITIONS[name])) is EDITIONS[name]
    for name in ("csip-aus-1.2", "csip-aus-1.3"):
        point = xml.serialize(sep.ConnectionPoint(connectionPointId="NMI"), EDITIONS[name])
        assert xml.edition_of(point) is EDITIONS[name]
    assert xml.edition_of(b"<x/>") is None
    assert xml.edition_of(b'<x xmlns="urn:other"/>') is None
    assert editions.IEEE_2018 is xml.edition_of(interval(INTERVAL, attributes=' schemaVer="2.1"'))
