"""SOAP 1.1 around a message, and the user name that WS-Security may put in its header.

Sources: SOAP 1.1; OASIS Web Services Security UsernameToken Profile 1.1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from openesi.provisioning.cim import xml
from openesi.provisioning.cim.codes import CimError
from openesi.provisioning.cim.model import Kind, Message
from openesi.provisioning.cim.shape import parse_value, serialize_value

NAMESPACE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PROFILE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
PASSWORD_TEXT: Final = f"{_PROFILE}#PasswordText"
PASSWORD_DIGEST: Final = f"{_PROFILE}#PasswordDigest"
MAX_NONCE_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class UsernameToken:
    """Who says to be calling, and the proof: a password, or a digest over nonce, time and password."""

    username: str
    password: str = field(repr=False)
    digest: bool = False
    nonce: bytes = b""
    created: datetime | None = None
    created_text: str = ""

    def proves(self, secret: str) -> bool:
        """Whether the token was made by somebody who knows ``secret``."""
        if not self.digest:
            return hmac.compare_digest(self.password.encode(), secret.encode())
        # SHA-1 is what the profile says; the secret is protected by TLS, the digest only keeps it out of the
        # message.
        made = hashlib.sha1(self.nonce + self.created_text.encode() + secret.encode())  # noqa: S324
        return hmac.compare_digest(self.password.encode(), base64.b64encode(made.digest()))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What came in a SOAP request: the body's element, and the user name if there is one."""

    body: Element
    token: UsernameToken | None


def parse(octets: bytes) -> Envelope:
    """Open an envelope. Raises ``CimError``."""
    root = xml.parse_tree(octets)
    if root.tag != f"{{{NAMESPACE}}}Envelope":
        raise CimError("1.8", "the document is no SOAP 1.1 envelope")
    body = root.find(f"{{{NAMESPACE}}}Body")
    if body is None or len(body) != 1:
        raise CimError("1.8", "the SOAP body has to hold one element")
    token = root.find(f"{{{NAMESPACE}}}Header/{{{WSSE}}}Security/{{{WSSE}}}UsernameToken")
    return Envelope(body[0], _read_token(token) if token is not None else None)


def serialize(message: Message, form: xml.Form = xml.TYPED, *, token: UsernameToken | None = None) -> bytes:
    """A message in its envelope."""
    return _envelope(xml.render(message, form), _render_token(token) if token else "")


def serialize_fault(message: Message, form: xml.Form = xml.TYPED, *, client: bool = True) -> bytes:
    """A SOAP fault with the message in its detail; ``client``: the caller made the mistake."""
    reason = message.reply.reason if message.reply else "the message cannot be answered"
    code = "Client" if client else "Server"
    fault = Message(kind=Kind.FAULT, header=None, reply=message.reply)
    detail = xml.render(fault, form if message.header is None else xml.GENERIC)
    return _envelope(
        f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>{escape(reason)}</faultstring>"
        f"<detail>{detail}</detail></s:Fault>"
    )


def fault_message(body: Element) -> Message | None:
    """The fault message inside a SOAP fault, if the body is one and holds one."""
    if xml.local(body) != "Fault":
        return None
    detail = body.find("detail")
    if detail is None or not len(detail):
        raise CimError(
            "5.3", f"the peer answered with a SOAP fault: {body.findtext('faultstring', '')[:200]}"
        )
    return xml.read(detail[0])


def _envelope(body: str, header: str = "") -> bytes:
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<s:Envelope xmlns:s="{NAMESPACE}">{head}<s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


def _read_token(element: Element) -> UsernameToken:
    username = element.findtext(f"{{{WSSE}}}Username", "")
    password = element.find(f"{{{WSSE}}}Password")
    if password is None or not username:
        raise CimError("7.3", "the UsernameToken needs a Username and a Password")
    kind = password.get("Type", PASSWORD_TEXT)
    if kind == PASSWORD_TEXT:
        return UsernameToken(username, password.text or "")
    if kind != PASSWORD_DIGEST:
        raise CimError("7.3", "the Password is of a type that is not served")
    created = element.findtext(f"{{{WSU}}}Created", "")
    try:
        nonce = base64.b64decode(element.findtext(f"{{{WSSE}}}Nonce", ""), validate=True)
        moment = parse_value(datetime, created)
    except (binascii.Error, ValueError) as error:
        raise CimError("7.3", f"a password digest needs a Nonce and a Created time: {error}") from None
    if not 0 < len(nonce) <= MAX_NONCE_BYTES:
        raise CimError("7.3", f"a Nonce has 1 to {MAX_NONCE_BYTES} bytes")
    return UsernameToken(username, password.text or "", True, nonce, moment, created)


def _render_token(token: UsernameToken) -> str:
    kind = PASSWORD_DIGEST if token.digest else PASSWORD_TEXT
    extra = ""
    if token.digest and token.created is not None:
        extra = (
            f"<wsse:Nonce>{base64.b64encode(token.nonce).decode()}</wsse:Nonce>"
            f'<wsu:Created xmlns:wsu="{WSU}">{serialize_value(token.created)}</wsu:Created>'
        )
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}"><wsse:UsernameToken>'
        f"<wsse:Username>{escape(token.username)}</wsse:Username>"
        f'<wsse:Password Type="{kind}">{escape(token.password)}</wsse:Password>{extra}'
        "</wsse:UsernameToken></wsse:Security>"
    )
