"""Messaging: texts for people. Several of a program may be shown at once, none supersedes another (10.6).

Whether a person has read it is asked by bit 2 of responseRequired, and answered by a TextResponse with
status 11.
"""

from __future__ import annotations

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.server.functions.base import Behaviour, Offer

MAX_TEXT = 4_096  # octets; devices show at least 100


def _complete(offer: Offer, message: sep.TextMessage) -> sep.TextMessage:
    del offer
    if not message.textMessage.strip():
        raise LocalError("textMessage is empty")
    if len(message.textMessage.encode()) > MAX_TEXT:
        raise LocalError(f"textMessage has more than {MAX_TEXT} octets; devices show at least 100")
    return message


BEHAVIOURS = {"TextMessage": Behaviour(complete=_complete)}
