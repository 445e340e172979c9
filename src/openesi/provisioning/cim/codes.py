"""Verbs, reply codes and end-device types, as tables.

Sources: IEC 61968-100:2013 (verbs, reply code categories), IEC 61968-9 (end-device control and event types;
the composition of the event types is ours, from the standard's lists of domains, subdomains and events).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from openesi.errors import PeerError


class Verb(StrEnum):
    """What is to be done (present tense), what has been done (past tense), or ``reply``."""

    CREATE = "create"
    CHANGE = "change"
    CANCEL = "cancel"
    CLOSE = "close"
    DELETE = "delete"
    GET = "get"
    EXECUTE = "execute"
    CREATED = "created"
    CHANGED = "changed"
    CANCELED = "canceled"
    CLOSED = "closed"
    DELETED = "deleted"
    EXECUTED = "executed"
    REPLY = "reply"


PAST: Final = {
    Verb.CREATE: Verb.CREATED,
    Verb.CHANGE: Verb.CHANGED,
    Verb.CANCEL: Verb.CANCELED,
    Verb.CLOSE: Verb.CLOSED,
    Verb.DELETE: Verb.DELETED,
    Verb.EXECUTE: Verb.EXECUTED,
}
EVENTS: Final = frozenset(PAST.values())

CODES: Final = {
    "0.0": "No errors",
    "0.1": "Partial result, more messages follow",
    "0.2": "Partial result, nothing follows",
    "0.3": "Simple acknowledgment",
    "1.5": "Header elements missing",
    "1.6": "Request elements missing",
    "1.7": "Payload elements missing",
    "1.8": "Does not validate against the schema",
    "1.9": "Unsupported revision",
    "2.4": "Invalid Meter",
    "2.5": "Invalid Noun",
    "2.6": "Invalid ReadingType",
    "2.9": "Invalid Verb",
    "2.10": "Unsupported ReadingType",
    "2.12": "Invalid UsagePoint",
    "2.13": "Meter and UsagePoint do not match",
    "2.14": "Invalid Source",
    "2.15": "Invalid Request ID",
    "2.16": "Invalid ServiceLocation",
    "2.17": "Meter and ServiceLocation do not match",
    "2.18": "ComModule and Meter do not match",
    "2.19": "Invalid CustomerAccount",
    "2.20": "Invalid ServiceSupplier",
    "2.21": "CustomerAccount and ServiceSupplier do not match",
    "2.22": "Invalid Customer",
    "2.23": "Customer and CustomerAccount do not match",
    "2.24": "Invalid CustomerAgreement",
    "2.25": "CustomerAccount and CustomerAgreement do not match",
    "2.26": "CustomerAgreement and UsagePoint do not match",
    "2.27": "CustomerAccount and UsagePoint do not match",
    "2.28": "ServiceSupplier and UsagePoint do not match",
    "2.29": "Object relationship mismatch",
    "2.30": "Invalid ComModule",
    "2.31": "Invalid ServiceCategory",
    "2.32": "Invalid UsagePointLocation",
    "2.33": "Invalid PricingStructure",
    "3.1": "Too many items in the request",
    "3.2": "Too many pending requests",
    "4.1": "Request timed out",
    "5.1": "High system activity",
    "5.2": "Not attempted",
    "5.3": "Attempted and failed",
    "5.4": "Several errors",
    "5.5": "Reading types unavailable in the meter data system",
    "5.6": "Reading types unavailable in the AMI",
    "5.7": "Data unavailable",
    "5.8": "Mandatory fields missing",
    "5.9": "Aborted to keep the transaction whole",
    "6.1": "Cancelled by rule",
    "6.2": "On hold by rule",
    "6.3": "Released by rule",
    "6.4": "Rescheduled by rule",
    "6.5": "Cancelled by a user",
    "7.1": "Temporary authentication failure",
    "7.2": "Authentication required",
    "7.3": "Authentication mechanism insufficient",
    "7.4": "Authentication failed",
    "7.5": "Not authorised",
    "7.6": "Encryption required",
    "7.7": "Against policy",
}

# The first figure of a code decides the HTTP status of a REST answer; exceptions stand whole.
_HTTP_BY_CATEGORY: Final = {"0": 200, "1": 400, "2": 422, "3": 429, "4": 504, "5": 503, "6": 409, "7": 403}
_HTTP_BY_CODE: Final = {"2.5": 400, "2.9": 400, "7.2": 401, "7.4": 401}


def http_status(code: str) -> int:
    """The HTTP status that goes with a reply code."""
    return _HTTP_BY_CODE.get(code, _HTTP_BY_CATEGORY[code.split(".")[0]])


class CimError(PeerError):
    """A message that is answered with an error. ``code`` is a reply code of ``CODES``."""

    def __init__(self, code: str, detail: str = "", *, subject: str | None = None) -> None:
        self.code = code
        self.reason = f"{CODES[code]}: {detail}" if detail else CODES[code]
        self.subject = subject
        super().__init__(self.reason, status=http_status(code))


# End-device types are <type>.<domain>.<subdomain>.<action or event>.
WINDOW_OPEN: Final = "7.10.73.298"
WINDOW_CLOSE: Final = "7.10.73.299"
# What others send for the same: n/a, electric meter, PAN gateway.
WINDOW_TYPES: Final = ("0", "3", "7")

EVENT_WINDOW_OPENED: Final = "7.10.73.39"
EVENT_WINDOW_CLOSED: Final = "7.10.73.16"
EVENT_EXPIRED: Final = "7.10.73.64"
EVENT_JOINED: Final = "12.10.74.29"
EVENT_JOIN_FAILED: Final = "12.10.74.85"
EVENT_NOT_AUTHORIZED: Final = "12.10.74.38"
EVENT_MISMATCHED: Final = "12.10.74.159"
EVENT_REMOVED: Final = "12.10.74.212"
EVENT_KEY_ESTABLISHED: Final = "12.12.32.29"
EVENT_KEY_FAILED: Final = "12.12.32.85"
EVENT_PROVISIONED: Final = "12.10.90.50"


def is_window_open(code: str) -> bool:
    """Whether a control type opens the pairing window."""
    return _same_control(code, WINDOW_OPEN)


def is_window_close(code: str) -> bool:
    """Whether a control type closes the pairing window."""
    return _same_control(code, WINDOW_CLOSE)


def _same_control(code: str, control: str) -> bool:
    kind, _, rest = code.partition(".")
    return kind in WINDOW_TYPES and rest == control.partition(".")[2]
