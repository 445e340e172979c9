"""Scalars of sect163k1 in powers of tau, the map (x, y) -> (x^2, y^2), which takes the place of doubling.

On this curve tau^2 + 2 = tau, so tau is a quadratic integer, a scalar has an expansion in its powers, and
tau^163 is the identity. An integer of the ring Z[tau] is a pair (a, b) that stands for a + b tau.

Source: J. Solinas, Efficient arithmetic on Koblitz curves (2000): reduction, width-w expansion.
"""

from __future__ import annotations

from typing import Final

from openesi.provisioning.se.field import DEGREE

WIDTH: Final = 4  # of the windows: a digit is zero or odd and smaller than 8, and four in five are zero

Number = tuple[int, int]


def expand(scalar: int) -> list[int]:
    """Digits of ``scalar`` modulo tau^163 - 1, the lowest first; one in five is not zero.

    A digit u stands for the element ``SHORT[abs(u)]`` of the ring, with u's sign.
    """
    return _expand(_modulo(scalar, _FULL_TURN), WIDTH, _RESIDUES)


def _times(left: Number, right: Number) -> Number:
    (a, b), (c, d) = left, right
    return a * c - 2 * b * d, a * d + b * c + b * d


def _norm(number: Number) -> int:
    a, b = number
    return a * a + a * b + 2 * b * b


def _power(exponent: int) -> Number:
    result = 1, 0
    for _ in range(exponent):
        result = _times(result, (0, 1))
    return result


def _modulo(scalar: int, modulus: Number) -> Number:
    """A small element that differs from ``scalar`` by a multiple of ``modulus``."""
    a, b = modulus
    norm = _norm(modulus)
    quotient = _round(scalar * (a + b), norm), _round(-scalar * b, norm)
    multiple = _times(quotient, modulus)
    return scalar - multiple[0], -multiple[1]


def _round(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _expand(number: Number, width: int, residues: dict[int, Number]) -> list[int]:
    (a, b), digits = number, []
    while a or b:
        digit = 0
        if a & 1:
            # tau is _ROOT modulo 2^width; the digit is the residue of least size.
            digit = (a + b * _ROOT[width] + (1 << width - 1)) % (1 << width) - (1 << width - 1)
            c, d = residues[abs(digit)]
            a, b = (a - c, b - d) if digit > 0 else (a + c, b + d)
        digits.append(digit)
        a, b = b + a // 2, -a // 2  # divided by tau
    return digits


_ROOT: Final = {2: 2, WIDTH: 6}  # t with t^2 + 2 = t modulo 2^width, even
_FULL_TURN: Final = _power(DEGREE)[0] - 1, _power(DEGREE)[1]
_RESIDUES: Final = {digit: _modulo(digit, _power(WIDTH)) for digit in range(1, 1 << WIDTH - 1, 2)}
# Digit -> its expansion in digits of one, to make the points that the digits stand for.
SHORT: Final = {digit: _expand(residue, 2, {1: (1, 0)}) for digit, residue in _RESIDUES.items()}
