"""EXI 1.0 (W3C Recommendation, second edition) for any schema it is given as plain data.

Schema-informed, bit-packed streams, strict and non-strict, with string tables, xsi:type, xsi:nil, and
deviations from the schema by the built-in grammars. No I/O, and nothing of any particular schema: see
``openesi.sep2.exi`` for how IEEE 2030.5 uses it.

Two ways through a document: as events, which handle all that can be in one, or as objects of classes that are
bound to the schema's types, which is many times faster and handles what keeps to the schema. ::

    grammars = Grammars(schema)
    header = read_header(data)
    for event in decode_events(data, grammars, position=header.body):
        ...
    data = encode_events(events_from_xml(document), grammars, schema_id="S1")
"""

from openesi.exi.binding import FieldBinding, NotPlain, TypeBinding
from openesi.exi.decoder import decode_events
from openesi.exi.encoder import encode_events
from openesi.exi.errors import ExiDecodeError, ExiEncodeError, ExiLimitError
from openesi.exi.events import Attribute, Characters, EndElement, Event, StartElement
from openesi.exi.grammar import Grammars
from openesi.exi.header import Header, header_bits, read_header
from openesi.exi.limits import DEFAULT_LIMITS, Limits
from openesi.exi.objects import ObjectCodec
from openesi.exi.schema import XSI, AttributeUse, ComplexType, Particle, QName, Schema, SimpleType
from openesi.exi.trace import trace
from openesi.exi.xml import XmlError, events_from_xml, xml_from_events

__all__ = [
    "DEFAULT_LIMITS",
    "XSI",
    "Attribute",
    "AttributeUse",
    "Characters",
    "ComplexType",
    "EndElement",
    "Event",
    "ExiDecodeError",
    "ExiEncodeError",
    "ExiLimitError",
    "FieldBinding",
    "Grammars",
    "Header",
    "Limits",
    "NotPlain",
    "ObjectCodec",
    "Particle",
    "QName",
    "Schema",
    "SimpleType",
    "StartElement",
    "TypeBinding",
    "XmlError",
    "decode_events",
    "encode_events",
    "events_from_xml",
    "header_bits",
    "read_header",
    "trace",
    "xml_from_events",
]
