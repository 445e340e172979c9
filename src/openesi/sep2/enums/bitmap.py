"""Bitmaps between octets and integers."""

from __future__ import annotations

from openesi.errors import LocalError


def bits(value: bytes) -> int:
    """Read a bitmap: bit 0 is the least significant bit of the last octet. A short one has no high bits."""
    return int.from_bytes(value, "big")


def to_bits(value: int, octets: int) -> bytes:
    """Write a bitmap in ``octets`` octets. Raises LocalError where it does not fit."""
    try:
        return value.to_bytes(octets, "big")
    except OverflowError as error:
        raise LocalError(f"bitmap {value:#x} does not fit in {octets} octets") from error
