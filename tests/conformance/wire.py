"""A 2030.5 client written for these tests alone: ``ssl``, ``http.client`` and ``lxml``, nothing of ours.

It is deliberately simple: documents are made from plain dictionaries and read with XPath-like paths, and what
comes back is held against the XSD before anybody looks at it.
"""

from __future__ import annotations

import hashlib
import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

SEP = "urn:ieee:std:2030.5:ns"
AUS = "https://csipaus.org/ns"
AUS13 = "https://csipaus.org/ns/v1.3"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML = "application/sep+xml"
CIPHER = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
PREFIXES = {"aus": AUS}

Element = Any  # what lxml calls an element


def build(name: str, fields: dict[str, Any], **attributes: str) -> bytes:
    """Write a document: dictionaries nest, lists repeat, ``aus:x`` is of CSIP-AUS, None is left out."""
    root = etree.Element(_tag(name), nsmap={None: SEP, "aus": AUS}, attrib=attributes)
    _fill(root, fields)
    return etree.tostring(root)


def _fill(parent: Element, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if one is None:
                continue
            child = etree.SubElement(parent, _tag(name))
            if isinstance(one, dict):
                _fill(child, one)
            else:
                child.text = str(one).lower() if isinstance(one, bool) else str(one)


def _tag(name: str) -> str:
    prefix, _, rest = name.rpartition(":")
    return f"{{{PREFIXES.get(prefix, SEP)}}}{rest}"


def child(element: Element, path: str) -> Element | None:
    """Return the first descendant at ``a/b``, whatever its namespace."""
    return element.find("/".join(f"{{*}}{step}" for step in path.split("/")))


def children(element: Element, path: str) -> list[Element]:
    return list(element.findall("/".join(f"{{*}}{step}" for step in path.split("/"))))


def text(element: Element, path: str) -> str | None:
    found = child(element, path)
    return None if found is None else found.text


def number(element: Element, path: str) -> int:
    found = text(element, path)
    assert found is not None, f"no {path} in {name_of(element)}"
    return int(found)


def scaled(element: Element) -> float:
    """Return the value of a quantity with its multiplier."""
    return float(number(element, "value") * 10.0 ** number(element, "multiplier"))


def name_of(element: Element) -> str:
    return str(etree.QName(element).localname)


def link(element: Element, name: str) -> str:
    """Return the href of a link that must be there."""
    found = child(element, name)
    assert found is not None, f"{name_of(element)} has no {name}"
    href: str = found.get("href")
    return href


def check_digit(digits: int) -> int:
    return -sum(map(int, str(digits))) % 10


class Answer:
    """One HTTP answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def location(self) -> str:
        return self.headers["location"]

    def __repr__(self) -> str:
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


class Schema:
    """The XSD of an edition, as other people's validator reads it."""

    def __init__(self, file: Path) -> None:
        self._schema = etree.XMLSchema(etree.parse(file))
        self.checked = 0

    def check(self, body: bytes, where: str) -> Element:
        document = etree.fromstring(body)
        if not self._schema.validate(document):
            raise AssertionError(f"{where}: {self._schema.error_log.last_error}\n{body.decode()}")
        self.checked += 1
        return document


class Certificate:
    """A key pair in two files, and what the standard makes of it (2018, 6.3)."""

    def __init__(self, cert: Path, key: Path, ca: Path) -> None:
        self.cert, self.key, self.ca = cert, key, ca
        first = cert.read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        self.lfdi = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()[:40].upper()
        self.sfdi = sfdi_of(self.lfdi)

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHER)
        context.check_hostname = False  # device certificates name no host (2018, 6.11)
        context.load_verify_locations(self.ca)
        context.load_cert_chain(self.cert, self.key)
        return context


def sfdi_of(lfdi: str) -> int:
    left = int(lfdi[:9], 16)
    return left * 10 + check_digit(left)


class Wire:
    """One client's connection to the server; each answer with a body is held against the XSD."""

    def __init__(self, server: str, certificate: Certificate, schema: Schema) -> None:
        self.certificate = certificate
        self.schema = schema
        self.aus = AUS  # the namespace that is spoken in
        self.context = certificate.context()
        self.move(server)

    def move(self, server: str) -> None:
        """Speak to a server at another place from now on."""
        parts = urlsplit(server)
        assert parts.hostname is not None
        self.server = server
        self._connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, context=self.context, timeout=20
        )

    @property
    def lfdi(self) -> str:
        return self.certificate.lfdi

    @property
    def cipher(self) -> tuple[str, str, int]:
        """Return suite, version and bits of the connection, which must have been used."""
        assert isinstance(self._connection.sock, ssl.SSLSocket)
        found = self._connection.sock.cipher()
        assert found is not None
        return found

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str | None) -> Answer:
        """Send one request; headers in keywords, ``content_type=...``; None leaves one out."""
        given: dict[str, str | None] = {"accept": XML, "content-type": XML if body is not None else None}
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        kept = {name: value for name, value in given.items() if value is not None}
        if body is not None and self.aus != AUS:
            body = body.replace(f'"{AUS}"'.encode(), f'"{self.aus}"'.encode())
        try:
            self._connection.request(method, target, body, kept)
            response = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._connection.close()  # closed after a refusal, as HTTP allows: once more on a new connection
            self._connection.request(method, target, body, kept)
            response = self._connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, found, response.read())
        assert "date" in found
        if answer.status == 405:
            assert "allow" in found, f"405 without Allow: {method} {target}"
        if answer.body and found.get("content-type", "").startswith(XML):
            document = self.schema.check(answer.body, f"{method} {target}")
            if answer.status >= 400:
                assert name_of(document) == "Error"
        return answer

    def get(self, target: str) -> Element:
        """Return the document at ``target``, which must be there."""
        answer = self.ask("GET", target)
        assert answer.status == 200, f"GET {target}: {answer}"
        assert answer.headers["content-type"].startswith(XML)
        document = etree.fromstring(answer.body)
        assert document.get("href") == target.partition("?")[0], f"{target} says it is {document.get('href')}"
        return document

    def members(self, target: str) -> list[Element]:
        """Return all members of a list, page by page as a client with little memory would."""
        found: list[Element] = []
        while True:
            page = self.get(f"{target}?s={len(found)}&l=255")
            here = [one for one in page if name_of(one) == name_of(page).removesuffix("List")]
            assert len(here) == int(page.get("results"))
            found += here
            if len(found) >= int(page.get("all")):
                return found
            assert here, f"{target} says it has {page.get('all')} members and shows {len(found)}"

    def put(self, target: str, name: str, fields: dict[str, Any]) -> Answer:
        answer = self.ask("PUT", target, build(name, fields))
        assert answer.status in (201, 204), f"PUT {target}: {answer}"
        return answer

    def post(self, target: str, name: str, fields: dict[str, Any], status: int = 201) -> str:
        """POST a document, and return its Location."""
        answer = self.ask("POST", target, build(name, fields))
        assert answer.status == status, f"POST {target}: {answer}"
        return answer.location

    def close(self) -> None:
        self._connection.close()


def hrefs(document: Element) -> Iterator[str]:
    """Yield every href and replyTo in a document."""
    for element in document.iter():
        for name in ("href", "replyTo"):
            found = element.get(name)
            if found is not None:
                yield found


def crawl(wire: Wire) -> dict[str, str]:
    """Follow every href from DeviceCapability on; return the name of what stands at each."""
    found: dict[str, str] = {}
    waiting = ["/dcap"]
    while waiting:
        target = waiting.pop()
        if target in found:
            continue
        assert target.startswith("/"), target
        document = wire.get(f"{target}?l=255")
        found[target] = name_of(document)
        if name_of(document).endswith("List"):
            assert document.get("results") == document.get("all")
        waiting += [href for href in hrefs(document) if href.startswith("/")]
    return found


def pattern(path: str) -> str:
    """Return a path with ``{}`` for each identifier, as the operator's table of resources has it."""
    return "/".join("{}" if step.isdigit() else step for step in path.split("/"))
