"""The standard's documents as EXI: both encodings say the same, each edition has its own grammar."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import strategies
from openesi import exi
from openesi.sep2 import editions, model, xml
from openesi.sep2 import exi as sep_exi
from openesi.sep2.editions import CSIP_AUS_12, DRAFT_2_0_4, IEEE_2013, IEEE_2018, IEEE_2023, Edition
from openesi.sep2.errors import DecodeError, EncodeError
from openesi.sep2.model import Sep
from sep2 import samples

TIME = model.Time(currentTime=1, dstEndTime=2, dstOffset=3600, dstStartTime=4, quality=7, tzOffset=-28800)
DAY = model.DateTimeInterval(duration=86400, start=1379905200)
SPOKEN = ["2018", "csip-aus-1.2", "csip-aus-1.3"]


@given(strategies.documents(IEEE_2018))
@settings(max_examples=150)
def test_what_is_encoded_is_decoded(value: Sep) -> None:
    stream = sep_exi.encode(value)

    assert sep_exi.decode(stream) == value
    assert sep_exi.decode_as(stream, type(value)) == value


@given(strategies.documents(IEEE_2018))
@settings(max_examples=80)
def test_objects_and_events_give_the_same_octets(value: Sep) -> None:
    document = xml.serialize(value)

    assert sep_exi.encode(value) == sep_exi.from_xml(document)
    assert xml.parse(sep_exi.to_xml(sep_exi.encode(value))) == value


@given(strategies.documents(IEEE_2018))
@settings(max_examples=60)
def test_strict_streams_hold_the_same_document(value: Sep) -> None:
    strict = exi.Grammars(sep_exi.schema_of(IEEE_2018), strict=True)
    stream = exi.encode_events(exi.events_from_xml(xml.serialize(value)), strict)
    events = exi.decode_events(stream, strict, position=exi.read_header(stream).body)

    assert xml.parse(exi.xml_from_events(events, namespace=IEEE_2018.namespace).encode()) == value


def test_every_shape_of_an_object_is_written() -> None:
    """More shapes than functions are kept for: which optional fields of a Reading are set."""
    optional = {
        "href": "/r",
        "qualityFlags": b"\1",
        "timePeriod": DAY,
        "value": -5,
        "localID": b"",
        "touTier": 3,
    }
    for names in itertools.chain.from_iterable(itertools.combinations(optional, n) for n in range(7)):
        reading = model.Reading(**{name: optional[name] for name in names})
        assert sep_exi.encode(reading) == sep_exi.from_xml(xml.serialize(reading))
        several = model.ReadingList(all=3, results=3, Reading=(reading, model.Reading(value=1), reading))
        assert sep_exi.decode(sep_exi.encode(several)) == several


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**48 - 1))
def test_numbers_of_every_size(value: int, time: int, number: int) -> None:
    documents = (
        model.UnitValueType(multiplier=0, unit=0, value=value),
        model.DateTimeInterval(duration=0, start=time),
        model.RealEnergy(multiplier=0, value=number),
    )
    for document in documents:
        assert sep_exi.encode(document) == sep_exi.from_xml(xml.serialize(document))
        assert sep_exi.decode(sep_exi.encode(document)) == document


@pytest.mark.parametrize("edition", [editions.EDITIONS[name] for name in SPOKEN], ids=SPOKEN)
@pytest.mark.parametrize("make", [samples.full, samples.least])
def test_every_type_comes_back(make, edition: Edition) -> None:
    for cls in edition.types.values():
        value = make(cls, edition)
        assert sep_exi.decode(sep_exi.encode(value, edition), edition) == value


@pytest.mark.parametrize("edition", [IEEE_2013, DRAFT_2_0_4], ids=["2013", "2.0.4"])
@pytest.mark.parametrize("make", [samples.full, samples.least])
def test_older_editions_read_from_exi_what_they_read_from_xml(make, edition: Edition) -> None:
    for cls in edition.types.values():
        value = make(cls, edition)
        document = xml.serialize(value, edition)
        stream = sep_exi.encode(value, edition)
        assert stream == sep_exi.from_xml(document, edition)
        assert sep_exi.decode(stream, edition) == xml.parse(document, edition)


def test_the_schema_has_the_names_that_codes_depend_on() -> None:
    of_2018, of_2013 = sep_exi.grammars_of(IEEE_2018), sep_exi.grammars_of(IEEE_2013)

    assert (len(of_2018.globals), len(of_2013.globals)) == (324, 321)
    assert len(of_2018.names[IEEE_2018.namespace]) == 724
    codes = [of_2018.global_codes[name] for name in ("AbstractDevice", "EndDevice", "Time", "mRIDType")]
    assert codes == [0, 110, 302, 323]
    assert (of_2013.global_codes["EndDevice"], of_2013.global_codes["Time"]) == (110, 299)


def test_the_schema_id_chooses_the_edition() -> None:
    assert sep_exi.edition_of(sep_exi.encode(TIME)) is IEEE_2018
    assert sep_exi.edition_of(sep_exi.encode(TIME, IEEE_2013)) is IEEE_2013
    assert sep_exi.decode(sep_exi.encode(TIME, IEEE_2013)) == TIME
    assert sep_exi.encode(TIME).startswith(bytes.fromhex("a030114cc7"))
    assert sep_exi.encode(TIME, IEEE_2013).startswith(bytes.fromhex("a030114cc3"))


def test_a_peer_speaks_its_own_edition_where_the_schema_id_fits() -> None:
    of_2018, of_2013 = sep_exi.encode(TIME), sep_exi.encode(TIME, IEEE_2013)

    assert sep_exi.edition_of(of_2018, CSIP_AUS_12) is CSIP_AUS_12
    assert sep_exi.edition_of(of_2018, DRAFT_2_0_4) is DRAFT_2_0_4
    assert sep_exi.edition_of(of_2013, DRAFT_2_0_4) is DRAFT_2_0_4
    assert sep_exi.edition_of(of_2013, IEEE_2018) is IEEE_2013
    assert sep_exi.edition_of(of_2018, IEEE_2013) is IEEE_2018
    assert sep_exi.edition_of(of_2018, IEEE_2023) is IEEE_2018


def test_the_draft_says_s1_and_is_read_by_either_name() -> None:
    stream = sep_exi.encode(TIME, DRAFT_2_0_4)

    assert exi.read_header(stream).schema_id == "S1"
    assert sep_exi.decode(stream, DRAFT_2_0_4) == TIME
    assert sep_exi.decode(sep_exi.encode(TIME, IEEE_2013), DRAFT_2_0_4) == TIME


def test_another_schema_than_the_peer_speaks_is_refused() -> None:
    with pytest.raises(DecodeError, match="'S0' where edition 2018") as caught:
        sep_exi.decode(sep_exi.encode(TIME, IEEE_2013), IEEE_2018)
    assert caught.value.status == 415


def test_the_2023_edition_is_refused_and_says_why() -> None:
    with pytest.raises(EncodeError, match="send application/sep\\+xml"):
        sep_exi.encode(TIME, IEEE_2023)
    with pytest.raises(EncodeError, match="S2"):
        sep_exi.from_xml(xml.serialize(TIME), IEEE_2023)
    with pytest.raises(DecodeError, match="S2") as caught:
        sep_exi.decode(sep_exi.encode(TIME), IEEE_2023)
    assert caught.value.status == 415


def test_a_stream_without_options_needs_an_edition() -> None:
    stream = exi.encode_events(exi.events_from_xml(xml.serialize(TIME)), sep_exi.grammars_of(IEEE_2018))

    assert sep_exi.decode(stream, IEEE_2018) == TIME
    with pytest.raises(DecodeError, match="names no schema"):
        sep_exi.decode(stream)


def test_extensions_travel_as_deviations() -> None:
    """CSIP-AUS elements are not in the schema that S1 names, so they go by the built-in grammars."""
    device = model.EndDevice(
        sFDI=167261211391, changedTime=1, ConnectionPointLink=model.ConnectionPointLink(href="/edev/1/cp")
    )
    stream = sep_exi.encode(device, CSIP_AUS_12)

    assert stream == sep_exi.from_xml(xml.serialize(device, CSIP_AUS_12))
    assert b"https://csipaus.org/ns" in sep_exi.to_xml(stream)
    assert sep_exi.decode(stream, CSIP_AUS_12) == device
    assert sep_exi.decode(stream, IEEE_2018) == model.EndDevice(sFDI=167261211391, changedTime=1)


def test_what_a_peer_leaves_out_is_an_error_with_its_place() -> None:
    document = b'<EndDevice xmlns="urn:ieee:std:2030.5:ns" href="/e"><sFDI>1</sFDI></EndDevice>'
    with pytest.raises(DecodeError, match="EndDevice: changedTime missing"):
        sep_exi.decode(sep_exi.from_xml(document))


def test_what_the_standard_does_not_allow_is_not_encoded() -> None:
    with pytest.raises(EncodeError, match=r"UsagePoint\.|Time"):
        sep_exi.encode(
            model.Time(currentTime=1, dstEndTime=2, dstOffset=3, dstStartTime=4, quality=256, tzOffset=0)
        )
    with pytest.raises(EncodeError):
        sep_exi.encode(model.Link(href="\x00"))
    with pytest.raises(EncodeError):
        sep_exi.encode(model.Link(href=None))  # type: ignore[arg-type]


def test_another_type_than_expected_is_refused() -> None:
    with pytest.raises(DecodeError, match="the document is a Time, expected EndDevice"):
        sep_exi.decode_as(sep_exi.encode(TIME), model.EndDevice)


def test_a_notification_carries_the_type_of_its_resource() -> None:
    notification = model.Notification(
        subscribedResource="/edev/1/der/1/ders",
        Resource=model.DERStatus(readingTime=1),
        status=0,
        subscriptionURI="/edev/1/sub/1",
    )
    stream = sep_exi.encode(notification)

    assert stream == sep_exi.from_xml(xml.serialize(notification))
    assert sep_exi.decode(stream) == notification


def test_no_xml_is_an_error() -> None:
    with pytest.raises(DecodeError, match="not well-formed"):
        sep_exi.from_xml(b"<Time")
    with pytest.raises(DecodeError, match="document type"):
        sep_exi.from_xml(b"<!DOCTYPE Time><Time/>")
