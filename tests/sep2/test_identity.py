from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.sep2 import identity
from openesi.sep2.identity import IdentityError

GE_LFDI = bytes.fromhex("3E4F45AB31EDFE5B67E343E5E4562E31984E23E5")
GE_SFDI = 167261211391

lfdis = st.binary(min_size=20, max_size=20)
pens = st.integers(0, 2**32 - 1)


def test_the_printed_example_of_lfdi_and_sfdi() -> None:
    assert identity.sfdi_from_lfdi(GE_LFDI) == GE_SFDI
    assert identity.format_sfdi(GE_SFDI) == "167-261-211-391"
    assert identity.format_sfdi_dns(GE_SFDI) == "167261211391"
    assert identity.format_lfdi(GE_LFDI) == "3E4F45AB31EDFE5B67E343E5E4562E31984E23E5"
    assert identity.format_lfdi(GE_LFDI, group=4) == "3E4F-45AB-31ED-FE5B-67E3-43E5-E456-2E31-984E-23E5"


def test_lfdi_is_the_left_end_of_the_hash_of_the_der_octets() -> None:
    der = b"any octets stand for a certificate"
    assert identity.lfdi_from_certificate(der).hex() == hashlib.sha256(der).hexdigest()[:40]
    assert identity.sfdi_from_certificate(der) // 10 == int(hashlib.sha256(der).hexdigest()[:9], 16)


@pytest.mark.parametrize(
    ("number", "digit"), [(16726121139, 1), (2**36 - 1, 7), (11111, 5), (0, 0), (19, 0), (18598914, 5)]
)
def test_check_digit_completes_the_digit_sum_to_a_multiple_of_ten(number: int, digit: int) -> None:
    assert identity.check_digit(number) == digit


@pytest.mark.parametrize(
    "text",
    [
        "3e4f45ab31edfe5b67e343e5e4562e31984e23e5",
        "3E4F-45AB-31ED-FE5B-67E3-43E5-E456-2E31-984E-23E5",
        "3E:4F:45:AB:31:ED:FE:5B:67:E3:43:E5:E4:56:2E:31:98:4E:23:E5",
        " 0x3E4F45AB 31EDFE5B 67E343E5 E4562E31 984E23E5\n",
    ],
)
def test_lfdi_is_read_as_people_write_it(text: str) -> None:
    assert identity.parse_lfdi(text) == GE_LFDI


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "3E4F",
        "3E4F45AB31EDFE5B67E343E5E4562E31984E23E",
        "Z" * 40,
        "0" * 42,
        "0" * 100_000,
        "\u0664" * 40,
    ],
)
def test_what_is_not_an_lfdi_is_refused_with_a_short_message(text: str) -> None:
    with pytest.raises(IdentityError) as caught:
        identity.parse_lfdi(text)
    assert "is not an LFDI" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("sfdi", "valid"),
    [
        (GE_SFDI, True),
        (GE_SFDI + 1, False),
        (687194767357, True),
        (687194767360, False),
        (0, True),
        (-1, False),
        (10**40, False),
    ],
)
def test_sfdi_check(sfdi: int, valid: bool) -> None:
    assert identity.sfdi_is_valid(sfdi) is valid


def test_largest_sfdi_is_that_of_36_set_bits() -> None:
    assert identity.sfdi_from_lfdi(b"\xff" * 20) == identity.SFDI_MAX == 687194767357


def test_sfdi_with_leading_zeros() -> None:
    assert identity.format_sfdi_dns(18598919) == "000018598919"
    assert identity.format_sfdi(0) == "000-000-000-000"


@pytest.mark.parametrize("text", ["167-261-211-392", "", "-", "1" * 13, "16726121139a", "\u0661"])
def test_what_is_not_an_sfdi_is_refused(text: str) -> None:
    with pytest.raises(IdentityError, match="is not an SFDI"):
        identity.parse_sfdi(text)


@pytest.mark.parametrize("number", [-1, 10**12])
def test_numbers_too_long_for_an_sfdi_are_not_formatted(number: int) -> None:
    with pytest.raises(IdentityError):
        identity.format_sfdi(number)


@given(lfdis)
def test_sfdi_of_any_lfdi_is_valid_and_survives_every_form(lfdi: bytes) -> None:
    sfdi = identity.sfdi_from_lfdi(lfdi)
    assert identity.sfdi_is_valid(sfdi)
    assert identity.parse_sfdi(identity.format_sfdi(sfdi)) == sfdi
    assert identity.parse_sfdi(identity.format_sfdi_dns(sfdi)) == sfdi
    assert identity.parse_sfdi(str(sfdi)) == sfdi


@given(lfdis, st.integers(0, 20))
def test_lfdi_forms_round_trip(lfdi: bytes, group: int) -> None:
    assert identity.parse_lfdi(identity.format_lfdi(lfdi, group=group)) == lfdi


@given(lfdis, st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_of_an_sfdi_is_always_noticed(lfdi: bytes, place: int, shift: int) -> None:
    digits = list(identity.format_sfdi_dns(identity.sfdi_from_lfdi(lfdi)))
    digits[place] = str((int(digits[place]) + shift) % 10)
    assert not identity.sfdi_is_valid(int("".join(digits)))


@pytest.mark.parametrize("length", [0, 19, 21, 32])
def test_other_lengths_are_not_lfdis(length: int) -> None:
    with pytest.raises(IdentityError, match="20 octets"):
        identity.sfdi_from_lfdi(bytes(length))
    with pytest.raises(IdentityError, match="20 octets"):
        identity.format_lfdi(bytes(length))


@pytest.mark.parametrize(
    ("pin", "valid"), [(111115, True), (19, True), (0, True), (111114, False), (1000009, False), (-19, False)]
)
def test_pin_check(pin: int, valid: bool) -> None:
    assert identity.pin_is_valid(pin) is valid


def test_pin_keeps_its_leading_zeros_in_text() -> None:
    assert identity.format_pin(19) == "000019"
    assert identity.parse_pin("000019") == 19
    assert identity.parse_pin("111-115") == 111115


@pytest.mark.parametrize("text", ["", "111114", "0111115", "pin", "1111.15x"])
def test_what_is_not_a_pin_is_refused(text: str) -> None:
    with pytest.raises(IdentityError, match="is not a PIN"):
        identity.parse_pin(text)


def test_numbers_too_long_for_a_pin_are_not_formatted() -> None:
    with pytest.raises(IdentityError):
        identity.format_pin(1_000_000)


@given(st.integers())
def test_every_drawn_pin_is_valid(seed: int) -> None:
    pin = identity.make_pin(random.Random(seed))
    assert identity.pin_is_valid(pin)
    assert identity.parse_pin(identity.format_pin(pin)) == pin


def test_registration_code_is_sfdi_then_pin() -> None:
    assert identity.registration_code(GE_SFDI, 111115) == "167261211391111115"
    assert identity.registration_code(0, 19) == "000000000000000019"


@given(st.integers(0, 2**96 - 2), pens)
def test_mrid_parts_round_trip(unique: int, pen: int) -> None:
    mrid = identity.build_mrid(unique, pen)
    assert len(mrid) == 16
    assert identity.split_mrid(mrid) == (unique, pen)
    assert identity.split_mrid(mrid.lstrip(b"\0")) == (unique, pen)
    assert identity.parse_mrid(identity.format_mrid(mrid)) == mrid
    assert not identity.mrid_is_reserved(mrid)


def test_reserved_mrid_is_all_set_bits_then_the_pen() -> None:
    mrid = identity.reserved_mrid(40732)
    assert identity.format_mrid(mrid) == "F" * 24 + "00009F1C"
    assert identity.mrid_is_reserved(mrid)


def test_a_plain_mrid_cannot_take_the_reserved_form() -> None:
    with pytest.raises(IdentityError, match="reserved"):
        identity.build_mrid(2**96 - 1, 40732)


def test_mrid_written_as_a_uuid_or_short_is_read() -> None:
    assert identity.parse_mrid("0b006dcc-9fa5-4c07-b9a0-0000 00009f1c").endswith(bytes.fromhex("00009f1c"))
    assert identity.parse_mrid("9F1C") == bytes(14) + b"\x9f\x1c"


@pytest.mark.parametrize("text", ["", "0" * 34, "123", "mRID"])
def test_what_is_not_an_mrid_is_refused(text: str) -> None:
    with pytest.raises(IdentityError, match="is not an mRID"):
        identity.parse_mrid(text)


@pytest.mark.parametrize("call", [identity.split_mrid, identity.format_mrid])
def test_mrids_longer_than_16_octets_are_refused(call: object) -> None:
    with pytest.raises(IdentityError, match="at most 16"):
        call(bytes(17))  # type: ignore[operator]


@pytest.mark.parametrize("pen", [-1, 2**32])
def test_pen_has_32_bits(pen: int) -> None:
    with pytest.raises(IdentityError, match="enterprise number"):
        identity.build_mrid(1, pen)


def test_derived_mrid_is_stable_over_releases() -> None:
    mrid = identity.derive_mrid(40732, GE_LFDI, "power")
    assert identity.format_mrid(mrid) == "FA66E1D2E90F2730D500105400009F1C"


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4), pens)
def test_derived_mrid_depends_on_each_name(one: list[bytes], other: list[bytes], pen: int) -> None:
    mrids = identity.derive_mrid(pen, *one), identity.derive_mrid(pen, *other)
    assert (mrids[0] == mrids[1]) is (one == other)
    assert identity.split_mrid(mrids[0])[1] == pen
