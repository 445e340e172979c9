"""What the roles exchange: a letter carries one message from a role to another."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

# What a log, a page or a journal must not show: the elements that carry secrets, in any prefix, and PINs.
_SECRETS: Final = re.compile(rb"(<(?:[\w.-]+:)?(?:installCode|password)(?:\s[^>]*)?>)[^<]*(<)")
_PINS: Final = re.compile(rb'("pin":)\d+')
_MASK: Final = rb"\1********\2"


class Language(StrEnum):
    """In what a letter's body is written."""

    CIM = "cim"  # IEC 61968, XML
    AMI = "ami"  # the network's own commands, JSON
    SEP2 = "sep2"  # the OpenESI operator's API, JSON


class Letter(msgspec.Struct, frozen=True):
    """One message under way.

    ``id`` is unique for its sender: a letter with the same id is the same letter.
    """

    id: str
    source: str
    target: str
    language: Language
    body: bytes
    label: str
    correlation: str = ""
    step: int = 0  # of the use case; 0 for what it does not list
    subject: str = ""  # the device it is about


def redact(body: bytes) -> bytes:
    """A body fit to be shown: install codes and PINs are masked. Keys in AMI commands are sealed anyway."""
    return _PINS.sub(rb'\1"********"', _SECRETS.sub(_MASK, body))
