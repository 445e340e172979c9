"""Where links lead: references in a document, resolved against the place the document came from.

Links to the client's own server stay as they are written there (``/edev/3``); all others become absolute.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

from openesi.client.errors import BadAnswer
from openesi.sep2 import model as sep
from openesi.sep2 import schema
from openesi.sep2.schema import ValueType

MAX_URL = 2_048  # octets; the standard asks for 255, and a link is sent back as it came

# What nearly all links are: a path from the root, with nothing in it that joining could change.
_PLAIN = re.compile(r"/(?!/)[\w/?=&,%-]{0,1000}", re.ASCII)
_NOT_ROOTED = re.compile(rb'(?:href|replyTo)\s*=\s*["\'](?!/(?!/))|<(?:\w+:)?(?:fileURI|notificationURI)')


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def resolve(base: str, href: str) -> str:
    """Return the URL that ``href`` in a document from ``base`` leads to.

    Raises BadAnswer for what is too long, is no HTTP address, or leaves TLS.
    """
    if _PLAIN.fullmatch(href):
        return _root_of(base) + href
    try:
        url = urljoin(base, href)
        scheme = urlsplit(url).scheme
    except ValueError:
        raise BadAnswer(f"{href[:80]!r} is no address") from None
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise BadAnswer(f"{href[:80]!r} is no address that can be asked for")
    if scheme not in ("http", "https") or (scheme == "http" and base.startswith("https:")):
        raise BadAnswer(f"{href[:80]!r} leads away from TLS; it is not followed")
    return url


def paged(href: str, start: int, limit: int) -> str:
    """Return where so many members of a list are, from one on."""
    joint = "&" if "?" in href else "?"
    return f"{href}{joint}s={start}&l={limit}"


@lru_cache(maxsize=64)  # documents come from few places
def _root_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def needs_resolving(body: bytes) -> bool:
    """Tell whether a document holds references other than rooted paths; nearly none does."""
    return _NOT_ROOTED.search(body) is not None


def without_counts(document: Any) -> Any:
    """Return ``document`` without what its links say of how long the lists are that they lead to."""
    changes: dict[str, Any] = {}
    kind: type[sep.Sep] = type(document)
    for field in schema.fields(kind):
        value = getattr(document, field.name)
        if isinstance(value, sep.ListLink):
            changes[field.name] = sep.replace(value, all=None)
        elif isinstance(value, tuple):
            changes[field.name] = tuple(
                without_counts(one) if isinstance(one, msgspec.Struct) else one for one in value
            )
    return sep.replace(document, **changes) if changes else document


def resolve_all(document: Any, base: str, home: str) -> Any:
    """Return ``document`` (from ``base``) with all its references as a client of ``home`` can use them."""
    changes: dict[str, Any] = {}
    kind: type[sep.Sep] = type(document)
    for field in schema.fields(kind):
        value = getattr(document, field.name)
        if value is None:
            continue
        if isinstance(field.type, ValueType):
            if field.type.primitive.base == "anyURI":
                url = resolve(base, value)
                changes[field.name] = url[len(home) :] if origin_of(url) == home else url
        elif isinstance(value, tuple):
            changes[field.name] = tuple(resolve_all(one, base, home) for one in value)
        elif isinstance(value, msgspec.Struct):
            changes[field.name] = resolve_all(value, base, home)
    return sep.replace(document, **changes) if changes else document
