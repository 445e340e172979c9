"""Streams to objects and back for documents that keep to the schema, without events or text in between.

Tables and functions are made per type when it is first met, for non-strict grammars. Whatever is not plain
(a deviation, an unusual encoding, an error) raises ``NotPlain``: the caller then takes the events of
``decode_events`` and ``encode_events``, which handle everything and name the place of an error. So this layer
holds no error texts, and hostile input costs at most one futile start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openesi.exi.binding import TypeBinding
from openesi.exi.grammar import Grammars
from openesi.exi.header import header_bits
from openesi.exi.limits import DEFAULT_LIMITS, Limits
from openesi.exi.object_reader import Plans, read_document
from openesi.exi.object_writer import Writers


class ObjectCodec:
    """Encodes and decodes objects of the classes that are bound to a schema's types.

    The document element of a class is the global element that has the name of its type.
    """

    def __init__(
        self, grammars: Grammars, bindings: Mapping[str, TypeBinding], *, schema_id: str | None = None
    ) -> None:
        self._plans = Plans(grammars, bindings)
        self._writers = Writers(grammars, bindings, header=header_bits(schema_id))

    def decode(self, data: bytes, *, position: int, limits: Limits = DEFAULT_LIMITS) -> Any:
        """Return the object of a body that begins at bit ``position``.

        Raises:
            NotPlain: for any other stream.
        """
        return read_document(self._plans, data, position, limits)

    def encode(self, value: Any) -> bytes:
        """Return ``value`` as a stream with the codec's ``schema_id`` in its header.

        Raises:
            NotPlain: for a value of another class, out of bounds, or with something the schema does not have.
        """
        return self._writers.document(value)
