from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.errors import LocalError
from openesi.provisioning.se import eui64, mmo
from openesi.provisioning.se.install_code import InstallCode, InstallCodeError

# code, CRC as printed, link key
VECTORS = [
    ("83FED3407A93", "2B70", "CD4FA064773F46941EC986C09963D1A8"),
    ("83FED3407A939738", "C552", "A833A77434F3BFBD7A7AB97942149287"),
    ("1122334455667788", "4AF7", "41618FC0C83B0E14A589954B16E31466"),
    ("83FED3407A939723A5C639FF", "4C12", "58C1828CF7F1C3FE29E7B1024AD84BFA"),
    ("83FED3407A939723A5C639B26916D505", "C3B5", "66B6900981E1EE3CA4206B6B861C02BB"),
]


@pytest.mark.parametrize(("code", "crc", "key"), VECTORS)
def test_link_key_follows_from_the_printed_code(code: str, crc: str, key: str) -> None:
    parsed = InstallCode.parse(code + crc)

    assert parsed.link_key.hex().upper() == key
    assert parsed.printed == code + crc


def test_a_code_may_be_typed_as_it_is_grouped_on_the_label() -> None:
    assert InstallCode.parse("83fe d340 7a93 9738 c552") == InstallCode.parse("83:FE-D3.407A939738C552")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "48, 64, 96 or 128 bits"),
        ("83FED3407A93", "48, 64, 96 or 128 bits"),
        ("83FED3407A939738C553", "CRC"),
        ("83FED3407A93973", "hexadecimal"),
        ("83FED3407A93 97G8", "hexadecimal"),
        ("8" * 200, "longer"),
    ],
)
def test_a_code_that_nobody_printed_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InstallCodeError, match=complaint):
        InstallCode.parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_code_or_an_error(text: str) -> None:
    with contextlib.suppress(InstallCodeError):
        assert len(InstallCode.parse(text).link_key) == 16


@given(st.sampled_from([6, 8, 12, 16]).flatmap(lambda n: st.binary(min_size=n, max_size=n)), st.data())
def test_one_wrong_digit_is_always_found(code: bytes, data: st.DataObject) -> None:
    printed = InstallCode(code).printed
    place = data.draw(st.integers(0, len(printed) - 1))
    wrong = data.draw(st.sampled_from([digit for digit in "0123456789ABCDEF" if digit != printed[place]]))

    with pytest.raises(InstallCodeError):
        InstallCode.parse(printed[:place] + wrong + printed[place + 1 :])


def test_the_secret_is_not_in_its_text_form() -> None:
    assert "83" not in repr(InstallCode.parse("83FED3407A932B70"))


def test_the_hash_refuses_what_its_length_field_cannot_say() -> None:
    with pytest.raises(LocalError):
        mmo.digest(bytes(mmo.MAX_MESSAGE_BYTES + 1))


@pytest.mark.parametrize("text", ["000D6F0000123456", "00:0d:6f:00:00:12:34:56", "00-0D-6F-00-00-12-34-56"])
def test_a_mac_address_is_read_in_every_writing(text: str) -> None:
    assert eui64.serialize(eui64.parse(text)) == "000D6F0000123456"


@pytest.mark.parametrize("text", ["", "000D6F000012345", "000D6F00001234567", "000D6F000012345G", "0" * 99])
def test_a_mac_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(eui64.AddressError):
        eui64.parse(text)
