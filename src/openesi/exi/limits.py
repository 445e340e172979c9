"""How much one stream may cost its reader."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Named bounds of one decoding; whoever sends streams could abuse each of them.

    A length in EXI is a free integer and a repeated string costs two octets, so neither memory nor output is
    bounded by the size of the input alone.
    """

    input_max_octets: int = 4 << 20
    depth_max: int = 64  # nesting by undeclared elements is as deep as the sender likes
    values_max: int = 500_000  # elements, attributes and texts together
    string_max_chars: int = 1 << 16  # before anything is allocated for it
    binary_max_octets: int = 1 << 16
    names_max: int = (
        1_000  # new namespaces and local names, each kept with a grammar to the end of the stream
    )
    output_max_chars: int = 16 << 20  # a hit of two octets can repeat a long string


DEFAULT_LIMITS = Limits()

# 64 bits take ten groups of seven; more are zeros for padding, or a number that nobody has.
INTEGER_MAX_OCTETS = 10
