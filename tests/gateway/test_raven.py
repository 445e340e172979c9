from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.gateway.fragments import FragmentError, InstantaneousDemand, from_fragment
from openesi.gateway.raven import MAX_FRAGMENT_CHARS, Fragment, StreamDecoder

DEMAND = b"""<InstantaneousDemand>\r
  <DeviceMacId>0xd8d5b9000000054e</DeviceMacId>\r
  <MeterMacId>0x00135003001aecf6</MeterMacId>\r
  <TimeStamp>0x1be173c4</TimeStamp>\r
  <Demand>0x001540</Demand>\r
  <Multiplier>0x00000001</Multiplier>\r
  <Divisor>0x000003e8</Divisor>\r
</InstantaneousDemand>\r
"""
GOOD = StreamDecoder().receive(DEMAND)[0]


def test_a_fragment_is_read() -> None:
    assert GOOD.root == "InstantaneousDemand"
    assert GOOD.get("Demand") == "0x001540"
    assert GOOD.get("DEMAND") == "0x001540"
    assert GOOD.get("Price") is None
    assert len(GOOD.fields) == 6


def test_one_byte_at_a_time_reads_the_same() -> None:
    decoder = StreamDecoder()

    assert [f for i in range(len(DEMAND)) for f in decoder.receive(DEMAND[i : i + 1])] == [GOOD]
    assert decoder.damaged == 0


@pytest.mark.parametrize(
    ("before", "damaged"),
    [
        (b"mand><DeviceMacId>0xd8d5b9000000054e</DeviceMacId></InstantaneousDemand>", 0),
        (DEMAND[:200], 1),
        (DEMAND[:100] + b"</Multi", 1),
        (DEMAND[:-25], 1),
        (b"<InstantaneousDemand><Demand>0x0015", 1),
        (b"<InstantaneousDemand><Demand>0x0015</Divisor>", 1),
        (b"<InstantaneousDemand></Demand>", 1),
        (b"<InstantaneousDemand>xyz<Demand>", 1),
        (bytes(range(256)), 0),
        (b"<" * 300, 0),
        (b"<" + b"a" * 300 + b"\r\n", 0),
        (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]>", 0),
        (b"<Warning>" + b"<a>b</a>" * 500, 1),
        (b"<Warning><Text>" + b"x" * (2 * MAX_FRAGMENT_CHARS), 1),
    ],
)
def test_a_good_fragment_after_a_bad_one_is_never_lost(before: bytes, damaged: int) -> None:
    decoder = StreamDecoder()

    assert decoder.receive(before + DEMAND) == [GOOD]
    assert decoder.damaged == damaged


def test_a_splice_seen_in_the_field() -> None:
    cut = DEMAND.index(b"</Multiplier>") + len(b"</Multi")

    assert StreamDecoder().receive(DEMAND[:cut] + DEMAND) == [GOOD]


def test_case_control_characters_and_misspelt_root_do_not_matter() -> None:
    shouted = DEMAND.replace(b"</D", b"</d").replace(b"Multiplier", b"MULTIPLIER")
    noisy = DEMAND.replace(b"0x", b"\x000\x07x\xff").replace(b"Demand>0", b"demand>0")
    misspelt = DEMAND.replace(b"</InstantaneousDemand>", b"</InstantaneousDemnd>")

    for variant in (shouted, noisy, misspelt):
        assert [f.get("demand") for f in StreamDecoder().receive(variant)] == ["0x001540"]


def test_a_misspelt_closing_tag_of_a_field_is_good_enough_for_text() -> None:
    (info,) = StreamDecoder().receive(
        b"<DeviceInfo><ModelId>Z106</ModlId><FWVersion>2</FWVersion></DeviceInfo>"
    )

    assert info == Fragment("DeviceInfo", (("modelid", "Z106"), ("fwversion", "2")), strict=False)


def test_text_is_windows_1252_with_escapes() -> None:
    (warning,) = StreamDecoder().receive(b"<Warning><Text>5 \x80 &amp; more</Text></Warning>")

    assert warning.get("Text") == "5 € & more"


def test_empty_elements_are_fields() -> None:
    (fragment,) = StreamDecoder().receive(b"<MeterList><DeviceMacId/><MeterMacId></MeterMacId></MeterList>")

    assert fragment.fields == (("devicemacid", ""), ("metermacid", ""))


@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from([DEMAND, DEMAND[:77], b"<", b"</", b"<Warning>"]))
    )
)
def test_any_bytes_give_fragments_or_nothing_and_memory_stays_small(chunks: list[bytes]) -> None:
    decoder = StreamDecoder()

    for chunk in chunks:
        for fragment in decoder.receive(chunk):
            assert fragment.root != ""
            assert len(fragment.fields) <= 65
    assert len(decoder._pending) <= 64
    assert len(decoder._text) <= MAX_FRAGMENT_CHARS
    decoder.reset()
    assert decoder.receive(DEMAND) == [GOOD]


@given(st.integers(0, len(DEMAND) - 1), st.integers(1, 60))
def test_lost_bytes_never_make_a_wrong_number(start: int, length: int) -> None:
    for fragment in StreamDecoder().receive(DEMAND[:start] + DEMAND[start + length :]):
        try:
            message = from_fragment(fragment)
        except FragmentError:
            continue
        if isinstance(message, InstantaneousDemand):
            assert message.demand == 0x1540
