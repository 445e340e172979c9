"""Documents that are nearly of the standard, as servers of the field send them, and how clients read them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.editions import IEEE_2018
from openesi.sep2.errors import DecodeError, EncodeError
from strategies import documents

NS = 'xmlns="urn:ieee:std:2030.5:ns"'
MRID = b"\x0a\xb7" + bytes(13) + b"\x01"


def control(base: str = "<opModMaxLimW>1</opModMaxLimW>", status: str = "", more: str = "") -> str:
    return (
        f'<DERControl {NS} href="/c" replyTo="/r" responseRequired="03"><mRID>01</mRID>'
        f"<creationTime>5</creationTime>{status}<interval><duration>1</duration><start>2</start></interval>"
        f"{more}<DERControlBase>{base}</DERControlBase></DERControl>"
    )


@pytest.mark.parametrize(
    ("document", "value"),
    [
        pytest.param(f'<DERList {NS} href="/d"/>', sep.DERList(href="/d", all=0, results=0), id="no counts"),
        pytest.param(
            f'<DERList {NS} all="" results="1" pollRate="-5"><DER href="/1"/></DERList>',
            sep.DERList(all=1, results=1, DER=(sep.DER(href="/1"),)),
            id="counts and rates that are none",
        ),
        pytest.param(
            f"<EndDevice {NS}><sFDI>5</sFDI><lFDI>0xABC</lFDI><enabled>True</enabled></EndDevice>",
            sep.EndDevice(lFDI=b"\x0a\xbc", sFDI=5, changedTime=0, enabled=True),
            id="order, odd digits, 0x, True, no changedTime",
        ),
        pytest.param(
            f"<FunctionSetAssignments {NS}><mRID>0AB70000-0000-0000-0000-000000000001</mRID>"
            f"<description>{'x' * 40}</description></FunctionSetAssignments>",
            sep.FunctionSetAssignments(mRID=MRID, description="x" * 32),
            id="hyphens, too long",
        ),
        pytest.param(
            f'<EndDevice {NS} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">text<sFDI>5</sFDI>'
            '<changedTime>1</changedTime><enabled xsi:nil="true"/><enabled>1</enabled>'
            "<RegistrationLink/></EndDevice>",
            sep.EndDevice(sFDI=5, changedTime=1, enabled=True),
            id="text, nil, a link to nowhere",
        ),
        pytest.param(
            '<Time><currentTime>7</currentTime></Time>',
            sep.Time(
                currentTime=7, dstEndTime=0, dstOffset=0, dstStartTime=0, quality=7, tzOffset=0
            ),
            id="no namespace",
        ),
        pytest.param(
            f'<EndDeviceList {NS} all="2" results="2"><EndDevice><sFDI>x</sFDI></EndDevice>'
            "<EndDevice><sFDI>5</sFDI><changedTime>1</changedTime></EndDevice></EndDeviceList>",
            sep.EndDeviceList(all=2, results=2, EndDevice=(sep.EndDevice(sFDI=5, changedTime=1),)),
            id="one bad member",
        ),
        pytest.param(
            f"<ActivePower {NS}><multiplier>-2</multiplier><value>500000</value></ActivePower>",
            sep.ActivePower(multiplier=0, value=5_000),
            id="no room",
        ),
        pytest.param(
            f"<ActivePower {NS}><value>-99999</value><multiplier>0</multiplier></ActivePower>",
            sep.ActivePower(multiplier=1, value=-9_999),
            id="no room, towards 0",
        ),
        pytest.param(
            f"<ActivePower {NS}><multiplier>3</multiplier><value>1.50</value></ActivePower>",
            sep.ActivePower(multiplier=2, value=15),
            id="not whole",
        ),
    ],
)  # fmt: skip
def test_what_is_meant_is_read_and_remarked(document: str, value: sep.Sep) -> None:
    with pytest.raises(DecodeError):
        xml.parse(document.encode())
    found, remarks = xml.parse_tolerantly(document.encode())
    assert found == value
    assert remarks


def test_a_control_without_status_is_scheduled_and_keeps_its_attributes_as_elements() -> None:
    text = control().replace(' replyTo="/r" responseRequired="03"', "")
    text = text.replace("<mRID>", "<replyTo>/r</replyTo><responseRequired>3</responseRequired><mRID>")
    found, _ = xml.parse_tolerantly(text.encode())
    assert isinstance(found, sep.DERControl)
    assert (found.replyTo, found.responseRequired, found.EventStatus.currentStatus) == ("/r", b"\x03", 0)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(
            control(base="<opModMaxLimW>x</opModMaxLimW><opModConnect>true</opModConnect>"), id="base"
        ),
        pytest.param(
            control(status="<EventStatus><currentStatus>cancelled</currentStatus></EventStatus>"), id="status"
        ),
        pytest.param(control().replace("<mRID>01</mRID>", ""), id="nothing to answer with"),
        pytest.param(control().replace("<duration>1</duration>", "<duration>h</duration>"), id="interval"),
        pytest.param(f"<Time {NS}/>", id="a time without time"),
        pytest.param("<Nonsense/>", id="another element"),
        pytest.param("<Time", id="not XML"),
    ],
)
def test_no_half_of_an_instruction_is_taken(document: str) -> None:
    with pytest.raises(DecodeError):
        xml.parse_tolerantly(document.encode())


@settings(max_examples=60, deadline=None)
@given(documents(IEEE_2018))
def test_what_is_exact_is_read_as_ever(value: sep.Sep) -> None:
    assert xml.parse_tolerantly(xml.serialize(value)) == (value, [])


@settings(max_examples=120, deadline=None)
@given(documents(IEEE_2018), st.data())
def test_whatever_is_done_to_a_document_it_is_read_or_refused(value: sep.Sep, data: st.DataObject) -> None:
    text = bytearray(xml.serialize(value))
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        text[start:end] = data.draw(
            st.sampled_from([b"", b"<", b'"', b"-1", b"0x", b"9" * 30, b"</DER>", b" xmlns='urn:x'", b"\xff"])
        )
    try:
        found, remarks = xml.parse_tolerantly(bytes(text))
    except DecodeError:
        return
    assert isinstance(found, sep.Sep)
    assert all(isinstance(one, str) for one in remarks)
    try:
        again = xml.serialize(found)
    except EncodeError:
        return  # a control character, say, that XML may hold in one way only
    assert xml.parse(again) == found  # what was mended is exact
