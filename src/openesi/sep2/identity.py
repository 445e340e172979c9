"""Who is who: LFDI, SFDI, PIN and mRID.

IEEE 2030.5-2018, clause 6.3: everything that names a device is cut from the left end of one SHA-256 hash,
taken over the whole DER encoding of the device's certificate::

    SHA-256 of the certificate, 256 bits
    |<- 36 bits ->|                                                  |
    | SFDI        |                                                  |
    |<------------ 160 bits ------------>|                           |
    | LFDI                               |                           |

    3E4F45AB3 1EDFE5B67E343E5E4562E31984E23E5 ...
    '- 0x3E4F45AB3 = 16726121139, check digit 1 -> SFDI 167261211391, shown as 167-261-211-391

A new certificate is therefore a new device. Authorise by LFDI: 36 bits collide in a fleet of a million.

An mRID names an object (an event, a mirror, a reading set) for as long as it lives::

     127                              32 31            0
    |<------ 96 bits, maker's choice --->|<- PEN, 32 -->|
    | unique within the PEN              | IANA number  |

Numbers and octets in, numbers and octets out; nothing here reads a file or a clock.
"""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from openesi.errors import LocalError

LFDI_OCTETS: Final = 20
MRID_OCTETS: Final = 16
MRID_UNIQUE_BITS: Final = 96
PEN_BITS: Final = 32
PIN_DIGITS: Final = 6
SFDI_BITS: Final = 36
SFDI_DIGITS: Final = 12
SFDI_MAX: Final = 687194767357
"""The largest SFDI there is: 2**36 - 1 followed by its check digit 7. (The schema's remark says ...359.)"""

PEN_IEEE_2030_5: Final = 40732
"""The enterprise number of the standard itself: its log events and certificate policies."""

_TEXT_MAX_CHARS: Final = 128
"""Longest text the parsers look at (a web form may send anything); an LFDI with all separators is shorter."""

NMI_CHARS: Final = 10
_NMI_ALPHABET: Final = frozenset("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")

_SEPARATORS: Final = str.maketrans("", "", " -:.\t\r\n")
_RESERVED_UNIQUE: Final = (1 << MRID_UNIQUE_BITS) - 1


class IdentityError(LocalError):
    """A text or number is not the LFDI, SFDI, PIN or mRID it was given as."""


class RandomSource(Protocol):
    """What a PIN is drawn from: ``secrets.SystemRandom()`` in use, ``random.Random(seed)`` in tests."""

    def randrange(self, stop: int, /) -> int:
        """Return a number from 0 up to, not including, ``stop``."""
        ...


def check_digit(number: int) -> int:
    """Return the digit that makes the sum of all decimal digits a multiple of ten. No weights, not Luhn."""
    return -sum(map(int, str(number))) % 10


# LFDI


def lfdi_from_certificate(der: bytes) -> bytes:
    """Return the 20 octets of the LFDI of a certificate in DER, never PEM (clause 6.3.4)."""
    return hashlib.sha256(der).digest()[:LFDI_OCTETS]


def parse_lfdi(text: str) -> bytes:
    """Read an LFDI as people write it: any case, with separators, with or without 0x.

    Raises IdentityError unless 40 hexadecimal digits remain.
    """
    octets = _parse_hex(text, "an LFDI")
    if len(octets) != LFDI_OCTETS:
        raise IdentityError(
            f"{_shown(text)} is not an LFDI: it has {len(octets) * 2} hexadecimal digits, an LFDI has 40. "
            "`openesi pki show FILE` prints the LFDI of a certificate."
        )
    return octets


def format_lfdi(lfdi: bytes, *, group: int = 0) -> str:
    """Write an LFDI as 40 upper-case hexadecimal digits, for labels with a hyphen after each ``group``."""
    digits = _exactly(lfdi, LFDI_OCTETS, "an LFDI").hex().upper()
    if group <= 0:
        return digits
    return "-".join(digits[i : i + group] for i in range(0, len(digits), group))


# SFDI


def sfdi_from_lfdi(lfdi: bytes) -> int:
    """Return the SFDI of an LFDI: its leftmost 36 bits in decimal, then the check digit (clause 6.3.3)."""
    left = int.from_bytes(_exactly(lfdi, LFDI_OCTETS, "an LFDI")[:5]) >> (5 * 8 - SFDI_BITS)
    return left * 10 + check_digit(left)


def sfdi_from_certificate(der: bytes) -> int:
    """Return the SFDI of a DER certificate."""
    return sfdi_from_lfdi(lfdi_from_certificate(der))


def lfdis_of_sfdi(sfdi: int) -> tuple[bytes, bytes] | None:
    """Return the least and the greatest LFDI with this SFDI; None for what is none."""
    if not sfdi_is_valid(sfdi):
        return None
    left = sfdi // 10 << 4  # 36 bits, then 4 of the next hexadecimal digit
    rest = LFDI_OCTETS - 5
    return left.to_bytes(5) + bytes(rest), (left | 0xF).to_bytes(5) + b"\xff" * rest


def sfdi_is_valid(sfdi: int) -> bool:
    """Tell whether a number can be an SFDI: 36 bits and a check digit that fits."""
    return 0 <= sfdi <= SFDI_MAX and check_digit(sfdi) == 0


def parse_sfdi(text: str) -> int:
    """Read an SFDI as people write it, with hyphens and leading zeros; raise IdentityError if it is none."""
    digits = _without_separators(text, "an SFDI")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= SFDI_DIGITS):
        raise IdentityError(f"{_shown(text)} is not an SFDI: up to 12 decimal digits are expected.")
    if not sfdi_is_valid(int(digits)):
        raise IdentityError(
            f"{_shown(text)} is not an SFDI: its check digit does not fit. Compare it with the label again."
        )
    return int(digits)


def format_sfdi(sfdi: int) -> str:
    """Write an SFDI for people: ``167-261-211-391``."""
    digits = format_sfdi_dns(sfdi)
    return "-".join(digits[i : i + 3] for i in range(0, SFDI_DIGITS, 3))


def format_sfdi_dns(sfdi: int) -> str:
    """Write an SFDI as DNS-SD names have it: 12 digits with leading zeros (which XML leaves away)."""
    if not 0 <= sfdi < 10**SFDI_DIGITS:
        raise IdentityError(f"{sfdi} is not an SFDI: it has more than 12 digits or is negative.")
    return f"{sfdi:0{SFDI_DIGITS}d}"


# PIN


def pin_is_valid(pin: int) -> bool:
    """Tell whether a number can be a PIN: at most six digits, their sum a multiple of ten (clause 6.3.5)."""
    return 0 <= pin < 10**PIN_DIGITS and check_digit(pin) == 0


def make_pin(random: RandomSource) -> int:
    """Draw a PIN: five random digits and the check digit. It proves a registration; no key may come of it."""
    left = random.randrange(10 ** (PIN_DIGITS - 1))
    return left * 10 + check_digit(left)


def parse_pin(text: str) -> int:
    """Read a PIN from a label or a form; raise IdentityError if it has no fitting check digit."""
    digits = _without_separators(text, "a PIN")
    if not (
        digits.isascii() and digits.isdigit() and len(digits) <= PIN_DIGITS and pin_is_valid(int(digits))
    ):
        raise IdentityError(
            f"{_shown(text)} is not a PIN: six digits, the last a check digit (111115 is one)."
        )
    return int(digits)


def format_pin(pin: int) -> str:
    """Write a PIN with its leading zeros, which the number in Registration.pIN has lost."""
    if not 0 <= pin < 10**PIN_DIGITS:
        raise IdentityError(f"{pin} is not a PIN: it has more than 6 digits or is negative.")
    return f"{pin:0{PIN_DIGITS}d}"


def registration_code(sfdi: int, pin: int) -> str:
    """Return the code printed on a label: the SFDI followed by the PIN (clause 6.3.6), 18 digits."""
    return format_sfdi_dns(sfdi) + format_pin(pin)


# mRID


def nmi_is_valid(text: str) -> bool:
    """Return whether a text is an Australian National Metering Identifier, with or without its check digit.

    10 letters and digits without I and O; the check digit is the one of AEMO's "National Metering Identifier
    Procedure": from the right, every other character code doubled, the digits of all of them summed.
    """
    body, given = text[:NMI_CHARS], text[NMI_CHARS:]
    if len(body) != NMI_CHARS or not set(body) <= _NMI_ALPHABET:
        return False
    codes = [ord(char) * (2 - place % 2) for place, char in enumerate(reversed(body))]
    digits = sum(int(digit) for code in codes for digit in str(code))
    return given in ("", str(-digits % 10))


def build_mrid(unique: int, pen: int) -> bytes:
    """Return the 16 octets of an mRID from 96 bits of the maker's choice and the maker's PEN."""
    if not 0 <= unique < _RESERVED_UNIQUE:
        raise IdentityError(
            "The left part of an mRID is 96 bits, and not all of them set: that form is `reserved_mrid`."
        )
    return _join_mrid(unique, pen)


def derive_mrid(pen: int, *names: bytes | str) -> bytes:
    """Return the mRID that always comes out for the same names, such as an LFDI and what the object is for.

    A mirror must keep its mRID over a restart of the device; whoever stores nothing derives it.
    The names are kept apart: ("ab", "c") and ("a", "bc") give different mRIDs.
    """
    digest = hashlib.sha256()
    for name in names:
        octets = name.encode() if isinstance(name, str) else name
        digest.update(len(octets).to_bytes(8) + octets)
    unique = int.from_bytes(digest.digest()[: MRID_UNIQUE_BITS // 8])
    return build_mrid(unique if unique != _RESERVED_UNIQUE else 0, pen)


def reserved_mrid(pen: int) -> bytes:
    """Return the mRID of an object still being made: all bits set, then the PEN. It need not be unique."""
    return _join_mrid(_RESERVED_UNIQUE, pen)


def mrid_is_reserved(mrid: bytes) -> bool:
    """Tell whether an mRID has the reserved form of an object still being made."""
    return split_mrid(mrid)[0] == _RESERVED_UNIQUE


def split_mrid(mrid: bytes) -> tuple[int, int]:
    """Return (unique part, PEN) of an mRID; senders may have dropped leading zero octets."""
    if len(mrid) > MRID_OCTETS:
        raise IdentityError(f"An mRID has at most 16 octets, this has {len(mrid)}.")
    number = int.from_bytes(mrid)
    return number >> PEN_BITS, number & ((1 << PEN_BITS) - 1)


def parse_mrid(text: str) -> bytes:
    """Read an mRID of any case, short or with separators, as 16 octets; else raise IdentityError."""
    octets = _parse_hex(text, "an mRID")
    if len(octets) > MRID_OCTETS:
        raise IdentityError(f"{_shown(text)} is not an mRID: it has more than 32 hexadecimal digits.")
    return octets.rjust(MRID_OCTETS, b"\0")


def format_mrid(mrid: bytes) -> str:
    """Write an mRID as 32 upper-case hexadecimal digits."""
    if len(mrid) > MRID_OCTETS:
        raise IdentityError(f"An mRID has at most 16 octets, this has {len(mrid)}.")
    return mrid.rjust(MRID_OCTETS, b"\0").hex().upper()


def _join_mrid(unique: int, pen: int) -> bytes:
    if not 0 <= pen < 1 << PEN_BITS:
        raise IdentityError(f"{pen} is not an enterprise number: it does not fit 32 bits.")
    return (unique << PEN_BITS | pen).to_bytes(MRID_OCTETS)


def _exactly(octets: bytes, length: int, what: str) -> bytes:
    if len(octets) != length:
        raise IdentityError(f"{what.capitalize()} has {length} octets, this has {len(octets)}.")
    return octets


def _without_separators(text: str, what: str) -> str:
    if len(text) > _TEXT_MAX_CHARS:
        raise IdentityError(f"{_shown(text)} is not {what}: it is too long.")
    return text.translate(_SEPARATORS)


def _parse_hex(text: str, what: str) -> bytes:
    digits = _without_separators(text, what)
    if digits[:2] in ("0x", "0X"):
        digits = digits[2:]
    if not digits or len(digits) % 2:
        raise IdentityError(
            f"{_shown(text)} is not {what}: an even number of hexadecimal digits is expected."
        )
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise IdentityError(
            f"{_shown(text)} is not {what}: it has characters other than 0-9 and A-F."
        ) from None


def _shown(text: str) -> str:
    """Return the text as it may stand in a message: short, and without control characters."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
