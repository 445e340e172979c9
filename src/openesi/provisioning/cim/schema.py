"""The XML schema and the WSDL that the declarations of ``model`` stand for, in our own words.

They hold what provisioning uses and let elements of others pass, so a document that validates here is a
subset of the standard's.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import quoteattr

from openesi.provisioning.cim.codes import PAST
from openesi.provisioning.cim.model import PAYLOADS, Header, Kind, Reply, Request
from openesi.provisioning.cim.shape import Place, members
from openesi.provisioning.cim.xml import MESSAGE_NAMESPACE, YEAR, payload_namespace, wrapper_namespace

XSD: Final = "http://www.w3.org/2001/XMLSchema"
WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"
WSDL_SOAP: Final = "http://schemas.xmlsoap.org/wsdl/soap/"
HTTP_TRANSPORT: Final = "http://schemas.xmlsoap.org/soap/http"

_SIMPLE: Final = {str: "string", bool: "boolean", float: "float", int: "integer", datetime: "dateTime"}
_PARTS: Final = {"Header": Header, "Request": Request, "Reply": Reply}
# the messages' parts, in order: (part, required)
_SEQUENCE: Final = {
    Kind.REQUEST: (("Header", True), ("Request", False), ("Payload", False)),
    Kind.RESPONSE: (("Header", True), ("Reply", True), ("Payload", False)),
    Kind.EVENT: (("Header", True), ("Payload", False)),
    Kind.FAULT: (("Reply", True),),
}


def message_schema() -> str:
    """The envelope's schema, with the generic messages."""
    types = _Types("tns")
    elements = "".join(_message_element(kind.value, kind, types) for kind in Kind)
    return _document(MESSAGE_NAMESPACE, elements + types.render())


def payload_schema(noun: str) -> str:
    """The schema of one payload."""
    types = _Types("tns")
    name = types.name(PAYLOADS[noun])
    return _document(payload_namespace(noun), f'<xs:element name="{noun}" type="{name}"/>' + types.render())


def wrapper_schema(noun: str, *, year: int = YEAR) -> str:
    """The schema of the strongly typed messages of one noun."""
    elements = ""
    for verb in PAST:
        elements += _typed_element(f"{verb.capitalize()}{noun}", Kind.REQUEST, noun)
        elements += _typed_element(f"{PAST[verb].capitalize()}{noun}", Kind.EVENT, noun)
    elements += _typed_element(f"{noun}ResponseMessage", Kind.RESPONSE, noun)
    elements += _typed_element(f"{noun}FaultMessage", Kind.FAULT, noun)
    imports = _import(MESSAGE_NAMESPACE, "message.xsd") + _import(payload_namespace(noun), f"{noun}.xsd")
    spaces = f' xmlns:msg="{MESSAGE_NAMESPACE}" xmlns:p="{payload_namespace(noun)}"'
    return _document(wrapper_namespace(noun, year), imports + elements, spaces)


def wsdl(noun: str, location: str, *, year: int = YEAR) -> str:
    """The service for one noun at ``location``: an operation for each verb, requests and events."""
    verbs = [verb.capitalize() for pair in PAST.items() for verb in pair]
    target = f"http://iec.ch/TC57/{year}/Execute{noun}"
    action = f"http://iec.ch/TC57/{year}/{noun}"
    messages = "".join(_wsdl_message(f"{verb}{noun}") for verb in verbs)
    messages += _wsdl_message(f"{noun}ResponseMessage") + _wsdl_message(f"{noun}FaultMessage")
    ports = "".join(
        f'<operation name="{verb}{noun}"><input message="tns:{verb}{noun}"/>'
        f'<output message="tns:{noun}ResponseMessage"/>'
        f'<fault name="Fault" message="tns:{noun}FaultMessage"/></operation>'
        for verb in verbs
    )
    bindings = "".join(
        f'<operation name="{verb}{noun}"><soap:operation soapAction="{action}/{verb}{noun}"/>'
        '<input><soap:body use="literal"/></input><output><soap:body use="literal"/></output>'
        '<fault name="Fault"><soap:fault name="Fault" use="literal"/></fault></operation>'
        for verb in verbs
    )
    schemas = "".join(
        _body(text) for text in (message_schema(), payload_schema(noun), wrapper_schema(noun, year=year))
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<definitions xmlns="{WSDL}" xmlns:soap="{WSDL_SOAP}"'
        f' xmlns:tns="{target}" xmlns:w="{wrapper_namespace(noun, year)}" targetNamespace="{target}">'
        f"<types>{schemas}</types>{messages}"
        f'<portType name="{noun}_Port">{ports}</portType>'
        f'<binding name="{noun}_Binding" type="tns:{noun}_Port">'
        f'<soap:binding style="document" transport="{HTTP_TRANSPORT}"/>{bindings}</binding>'
        f'<service name="Execute{noun}"><port name="{noun}_Port" binding="tns:{noun}_Binding">'
        f"<soap:address location={quoteattr(location)}/></port></service></definitions>\n"
    )


class _Types:
    """The complex and enumerated types that a schema needs, each rendered once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._wanted: list[type] = []

    def name(self, kind: type) -> str:
        if kind in _SIMPLE:
            return f"xs:{_SIMPLE[kind]}"
        if kind not in self._wanted:
            self._wanted.append(kind)
        return f"{self._prefix}:{kind.__name__}Type"

    def render(self) -> str:
        # The list grows while it is walked: a type may want others.
        return "".join(
            self._enumeration(kind) if issubclass(kind, StrEnum) else self._complex(kind)
            for kind in self._wanted
        )

    def _enumeration(self, kind: type[StrEnum]) -> str:
        values = "".join(f'<xs:enumeration value="{value}"/>' for value in kind)
        restriction = f'<xs:restriction base="xs:string">{values}</xs:restriction>'
        return f'<xs:simpleType name="{kind.__name__}Type">{restriction}</xs:simpleType>'

    def _complex(self, kind: type) -> str:
        table = members(kind)
        attributes = "".join(
            f'<xs:attribute name="{one.name}" type="{self.name(one.type)}"'
            f"{' use=' + quoteattr('required') if one.required else ''}/>"
            for one in table
            if one.place is Place.ATTRIBUTE
        )
        content = [one for one in table if one.place is Place.CONTENT]
        if content:
            base = self.name(content[0].type)
            inner = f'<xs:extension base="{base}">{attributes}</xs:extension>'
            inner = f"<xs:simpleContent>{inner}</xs:simpleContent>"
            return f'<xs:complexType name="{kind.__name__}Type">{inner}</xs:complexType>'
        elements = "".join(
            f'<xs:element name="{one.name}" type="{self.name(one.type)}"'
            f"{'' if one.required else ' minOccurs=' + quoteattr('0')}"
            f"{' maxOccurs=' + quoteattr('unbounded') if one.many else ''}/>"
            for one in table
            if one.place is Place.ELEMENT
        )
        other = '<xs:any namespace="##other" processContents="lax" minOccurs="0" maxOccurs="unbounded"/>'
        sequence = f"<xs:sequence>{elements}{other}</xs:sequence>"
        return f'<xs:complexType name="{kind.__name__}Type">{sequence}{attributes}</xs:complexType>'


def _message_element(name: str, kind: Kind, types: _Types) -> str:
    parts = "".join(
        _any_payload()
        if part == "Payload"
        else f'<xs:element name="{part}" type="{types.name(_PARTS[part])}"{_occurs(required)}/>'
        for part, required in _SEQUENCE[kind]
    )
    return f'<xs:element name="{name}">{_sequence(parts)}</xs:element>'


def _typed_element(name: str, kind: Kind, noun: str) -> str:
    payload = (
        '<xs:element name="Payload" minOccurs="0"><xs:complexType><xs:sequence>'
        f'<xs:element ref="p:{noun}"/></xs:sequence></xs:complexType></xs:element>'
    )
    parts = "".join(
        payload
        if part == "Payload"
        else f'<xs:element name="{part}" type="msg:{part}Type"{_occurs(required)}/>'
        for part, required in _SEQUENCE[kind]
    )
    return f'<xs:element name="{name}">{_sequence(parts)}</xs:element>'


def _sequence(parts: str) -> str:
    return f"<xs:complexType><xs:sequence>{parts}</xs:sequence></xs:complexType>"


def _any_payload() -> str:
    return (
        '<xs:element name="Payload" minOccurs="0"><xs:complexType><xs:sequence>'
        '<xs:any namespace="##other" processContents="lax" minOccurs="0" maxOccurs="unbounded"/>'
        "</xs:sequence></xs:complexType></xs:element>"
    )


def _occurs(required: bool) -> str:
    return "" if required else ' minOccurs="0"'


def _import(namespace: str, location: str) -> str:
    return f'<xs:import namespace="{namespace}" schemaLocation="{location}"/>'


def _wsdl_message(name: str) -> str:
    return f'<message name="{name}"><part name="body" element="w:{name}"/></message>'


def _document(namespace: str, body: str, spaces: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<xs:schema xmlns:xs="{XSD}" xmlns:tns="{namespace}"{spaces}'
        f' targetNamespace="{namespace}" elementFormDefault="qualified">{body}</xs:schema>\n'
    )


def _body(document: str) -> str:
    """A schema to stand inside a WSDL: no XML declaration, and imports by namespace alone."""
    text = document.partition("\n")[2].strip()
    for name in ("message", *PAYLOADS):
        text = text.replace(f' schemaLocation="{name}.xsd"', "")
    return text
