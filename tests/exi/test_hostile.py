"""Whatever octets come in: a document or our error, within bounds of time and size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exi import documents
from exi.documents import NON_STRICT, STRICT
from exi.invariant import broken, verdict
from openesi import exi
from openesi.sep2 import exi as sep_exi
from openesi.sep2 import model
from openesi.sep2.errors import DecodeError, ReasonCode

CONTROL = bytes.fromhex(
    "a030114cc66e0092f656465762f310012022000000010287c9e8b5663dbfcb6cfc687cbc8ac5c63309c47ca200034bd959195d8b"
    "cc4bdb1bd9cbfe56ba33bc102c377fa4414090040d2f656465762f312f66736110617b2b232bb179897b9339"
)
SMALL = [one for one in documents.vectors() if len(one.sep) < 60]


BAD = {
    "nothing": (b"", 400, "ends at octet 0"),
    "4 octets": (CONTROL[:4], 400, "ends at octet 4"),
    "6 octets": (CONTROL[:6], 400, "ends at octet 6"),
    "95 octets": (CONTROL[:95], 400, "EndDevice/RegistrationLink: the stream ends at octet 95"),
    "schemaId S2": (bytes.fromhex("a030114cca6478"), 415, "S2 is not spoken"),
    "no schemaId": (bytes.fromhex("8032001cbd918d85c380"), 415, "names no schema"),
    "strict": (bytes.fromhex("a030114cc4640072f64636170e"), 415, "strict"),
    "document element 325": (bytes.fromhex("a030114cc745"), 400, "document element 325"),
    "version 2": (b"\xa1", 415, "version"),
    "other first bits": (b"\x20\x30", 400, "first two bits"),
    "string of 2^40": (bytes.fromhex("a030114cc66404040404040100"), 400, "1099511627774 characters"),
    "surrogate": (bytes.fromhex("a030114cc664001c05801f00"), 400, "0xd800"),
    "200 octets announced": (bytes.fromhex("a030114cc66e964008"), 400, "EndDevice/lFDI: the stream ends"),
    "xml": (b'<Time xmlns="urn:ieee:std:2030.5:ns"/>', 400, "first two bits"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_streams_are_refused_with_the_place(name: str) -> None:
    stream, status, words = BAD[name]
    with pytest.raises(DecodeError) as caught:
        sep_exi.decode(stream)

    assert words in str(caught.value)
    assert caught.value.status == status


FOUND_BY_FUZZING = {
    "an href that ends with a no-break space": "a030114cc6947fffffff878145edaeaef3e11e4006140023000000000000"
    "100000004e00ec000042",
}


@pytest.mark.parametrize("name", FOUND_BY_FUZZING)
def test_what_fuzzing_found(name: str) -> None:
    assert verdict(bytes.fromhex(FOUND_BY_FUZZING[name]))


def test_a_value_out_of_bounds_is_refused_as_in_xml() -> None:
    stream = bytes.fromhex("a030114cc66ed404040404040200009c")
    assert b"<sFDI>281474976710656<" in sep_exi.to_xml(stream)
    with pytest.raises(DecodeError, match="out of bounds") as caught:
        sep_exi.decode(stream)

    assert caught.value.reason is ReasonCode.VALUES
    assert caught.value.path == "EndDevice/sFDI"


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        ("a030114cc66478", b'<DeviceCapability xmlns="urn:ieee:std:2030.5:ns"/>'),
        (
            "a030114cc664001ffffa1f00",
            '<DeviceCapability xmlns="urn:ieee:std:2030.5:ns" href="\U0010ffff"/>'.encode(),
        ),
    ],
)
def test_unusual_streams_are_read(stream: str, text: bytes) -> None:
    assert sep_exi.to_xml(bytes.fromhex(stream)) == text


def test_octets_after_the_document_are_ignored() -> None:
    assert sep_exi.decode(CONTROL + b"garbage") == sep_exi.decode(CONTROL)
    assert sep_exi.to_xml(CONTROL + b"garbage") == sep_exi.to_xml(CONTROL)


def test_the_cookie_is_accepted() -> None:
    assert sep_exi.decode(b"$EXI" + CONTROL) == sep_exi.decode(CONTROL)
    assert sep_exi.to_xml(b"$EXI" + CONTROL) == sep_exi.to_xml(CONTROL)


@pytest.mark.parametrize("vector", SMALL[::6], ids=lambda one: one.name)
def test_every_truncation_and_flipped_bit_is_an_error_or_a_document(vector: documents.Vector) -> None:
    outcomes = [verdict(stream) for stream in broken(vector.sep)]

    assert len(outcomes) == 9 * len(vector.sep)
    assert all(one.startswith(("400", "415")) for one in outcomes[: len(vector.sep) - 1])


@given(st.binary(max_size=64))
def test_any_octets_after_a_header(body: bytes) -> None:
    verdict(bytes.fromhex("a030114cc6") + body)


@given(st.binary(max_size=16))
def test_any_octets(data: bytes) -> None:
    verdict(data)


@given(st.binary(min_size=1, max_size=64))
def test_any_octets_in_strict_grammars(data: bytes) -> None:
    try:
        events = list(exi.decode_events(data, STRICT))
    except exi.ExiDecodeError:
        return
    again = exi.encode_events(events, STRICT)
    assert list(exi.decode_events(again, STRICT, position=8)) == events


def limited(**limits: int) -> exi.ExiLimitError:
    """Read the largest vector with lower limits."""
    stream = documents.vectors()[-1].sep
    with pytest.raises(exi.ExiLimitError) as caught:
        list(exi.decode_events(stream, NON_STRICT, position=39, limits=exi.Limits(**limits)))
    return caught.value


def test_each_limit_is_held() -> None:
    assert "octets" in str(limited(input_max_octets=100))
    assert "deep" in str(limited(depth_max=2))
    assert "more than 50 elements" in str(limited(values_max=50))
    assert "characters" in str(limited(string_max_chars=3))
    assert "binary" in str(limited(binary_max_octets=1))
    assert "document of more than 1000" in str(limited(output_max_chars=1000))
    assert limited(values_max=50).status == 413


def test_new_names_are_limited() -> None:
    document = "".join(f"<v:e{number}/>" for number in range(20))
    events = exi.events_from_xml(f'<v:e xmlns:v="urn:example:vendor">{document}</v:e>'.encode())
    stream = exi.encode_events(events, NON_STRICT)

    assert list(exi.decode_events(stream, NON_STRICT, position=8)) == events
    with pytest.raises(exi.ExiLimitError, match="names"):
        list(exi.decode_events(stream, NON_STRICT, position=8, limits=exi.Limits(names_max=10)))


def test_objects_hold_the_same_limits() -> None:
    stream = documents.vectors()[-1].sep
    codec = sep_exi._codec(sep_exi.edition_of(stream))
    assert codec.decode(stream, position=39) is not None
    for name in ("input_max_octets", "depth_max", "values_max", "string_max_chars"):
        with pytest.raises(exi.NotPlain):
            codec.decode(stream, position=39, limits=exi.Limits(**{name: 2}))


def test_a_repeated_string_cannot_unfold_without_end() -> None:
    """A hit of two octets repeats a string: 300 octets in must not become megabytes out."""
    text = "x" * 9000
    entries = "".join(f'<v:e a="{text}"/>' for _ in range(200))
    events = exi.events_from_xml(f'<v:l xmlns:v="urn:example:vendor">{entries}</v:l>'.encode())
    stream = exi.encode_events(events, NON_STRICT, schema_id="S1")
    assert len(stream) < 11_000

    with pytest.raises(DecodeError, match="characters") as caught:
        sep_exi.to_xml(stream)
    assert caught.value.reason is ReasonCode.LIMIT


def test_nesting_by_types_that_hold_each_other_is_limited() -> None:
    """A Notification can hold a Notification by xsi:type, and so on."""
    opening = '<Resource xsi:type="Notification"><subscribedResource>/a</subscribedResource>'
    closing = "<status>0</status><subscriptionURI>/b</subscriptionURI></Resource>"
    document = (
        '<Notification xmlns="urn:ieee:std:2030.5:ns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        "<subscribedResource>/a</subscribedResource>"
        f"{opening * 100}{closing * 100}"
        "<status>0</status><subscriptionURI>/b</subscriptionURI></Notification>"
    )
    stream = sep_exi.from_xml(document.encode())

    with pytest.raises(DecodeError, match="nested") as caught:
        sep_exi.decode(stream)
    assert caught.value.reason is ReasonCode.LIMIT


def test_a_type_is_said_once() -> None:
    """The row of xsi:type, twice: no document can have the same attribute twice."""
    reading = model.Notification(
        subscribedResource="/a", Resource=model.Reading(), status=0, subscriptionURI="/b"
    )
    stream = sep_exi.encode(reading)
    bits = f"{int.from_bytes(stream):0{8 * len(stream)}b}"
    type_name = "101000000000100001010"  # the namespace, the name Reading
    start = bits.index("10000" + type_name) + 5 + len(type_name)
    again = "1001000" + type_name  # the escape of a Reading, xsi:type
    broken_bits = (bits[:start] + again + bits[start:]).ljust(8 * len(stream) + 32, "0")

    with pytest.raises(DecodeError, match="twice"):
        sep_exi.decode(int(broken_bits, 2).to_bytes(len(broken_bits) // 8))
