from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.errors import LocalError, PeerError
from openesi.pki.hardware import (
    HardwareModuleName,
    decode_hardware_module_name,
    encode_hardware_module_name,
)

arcs = st.integers(0, 2**70)
oids = st.one_of(
    st.tuples(st.integers(0, 1), st.integers(0, 39), arcs, arcs),
    st.tuples(st.just(2), arcs, arcs),
).map(lambda parts: ".".join(map(str, parts)))


def test_golden_octets() -> None:
    name = HardwareModuleName("1.3.6.1.4.1.40732.1", b"SN-1")
    octets = bytes.fromhex("3011 0609 2b060104 0182be1c01 0404 534e2d31")
    assert encode_hardware_module_name(name) == octets
    assert decode_hardware_module_name(octets) == name


@given(oids, st.binary(min_size=1, max_size=64))
def test_round_trip(oid: str, serial: bytes) -> None:
    name = HardwareModuleName(oid, serial)
    assert decode_hardware_module_name(encode_hardware_module_name(name)) == name


@given(st.binary(max_size=40))
def test_any_octets_give_a_name_or_our_error(octets: bytes) -> None:
    with contextlib.suppress(PeerError):
        decode_hardware_module_name(octets)


@pytest.mark.parametrize("oid", ["", "1", "3.1", "1.40.1", "1.-3", "1.3.x", "2.25." + "9" * 200])
def test_what_is_no_object_identifier_is_refused(oid: str) -> None:
    with pytest.raises(LocalError, match="object identifier"):
        encode_hardware_module_name(HardwareModuleName(oid, b"1"))


@pytest.mark.parametrize("serial", [b"", bytes(65)])
def test_serial_has_bounds(serial: bytes) -> None:
    with pytest.raises(LocalError, match="serial"):
        encode_hardware_module_name(HardwareModuleName("1.3.6", serial))
