"""The XML Schema that the model stands for, printed for any edition.

For 2018 it accepts and refuses what the schema of the standard does; what it says about types and values is
in the words of this project. Where an edition has extensions in namespaces of their own, each namespace is a
schema document of its own, and the documents import each other.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import IntEnum, IntFlag
from xml.etree import ElementTree as ET

from openesi.sep2 import editions, enums, schema
from openesi.sep2.editions import Edition, WireField
from openesi.sep2.model import Sep
from openesi.sep2.model._declare import Extension
from openesi.sep2.schema import ValueType

XS = "http://www.w3.org/2001/XMLSchema"
_BUILT_IN = {"boolean": "xs:boolean", "anyURI": "xs:anyURI", "string": "xs:string"}


def print_schema(edition: Edition = editions.IEEE_2018) -> str:
    """Return the schema document of the edition's own namespace.

    Where the edition has extensions elsewhere, the document imports those that ``print_schemas`` returns
    beside it, by file name.
    """
    return _Printer(edition, edition.namespace).document()


def print_schemas(edition: Edition = editions.IEEE_2018) -> dict[str, str]:
    """Return every schema document of the edition by file name, that of its own namespace first."""
    return {
        _file_name(edition, namespace): _Printer(edition, namespace).document()
        for namespace in _prefixes(edition)
    }


class _Printer:
    """Prints the document of one namespace. Names of its own namespace need no prefix there."""

    def __init__(self, edition: Edition, namespace: str) -> None:
        self.edition = edition
        self.namespace = namespace
        self.prefixes = _prefixes(edition)
        self.is_main = namespace == edition.namespace
        self.types = [cls for cls in schema.structured_types().values() if edition.has(cls)]

    def document(self) -> str:
        attributes = {
            "xmlns:xs": XS,
            "xmlns": self.namespace,
            "targetNamespace": self.namespace,
            "elementFormDefault": "qualified",
            "attributeFormDefault": "unqualified",
            "version": self.edition.version,
        }
        others = [namespace for namespace in self.prefixes if namespace != self.namespace]
        attributes |= {f"xmlns:{self.prefixes[namespace]}": namespace for namespace in others}
        root = ET.Element("xs:schema", attributes)
        _document(root, f"IEEE 2030.5, edition {self.edition.name}, as OpenESI declares it.")
        for namespace in others:
            place = {"namespace": namespace, "schemaLocation": _file_name(self.edition, namespace)}
            ET.SubElement(root, "xs:import", place)
        if self.is_main:
            self._add_simple_types(root)
        self._add_structured_types(root)
        self._add_foreign_elements(root)
        ET.indent(root)
        return ET.tostring(root, encoding="unicode") + "\n"

    def _add_simple_types(self, root: ET.Element) -> None:
        in_attributes = {
            wire.type.name
            for cls in self.types
            for wire in self.edition.fields(cls)
            if wire.field.attribute and isinstance(wire.type, ValueType)
        }
        for value in schema.value_types().values():
            if value.name == value.primitive.name:
                _add_primitive(root, value)
            elif value.name in in_attributes:  # XML Schema wants a simple type there
                self._add_derived(root, value)
            else:
                self._add_named(root, value)

    def _add_derived(self, root: ET.Element, value: ValueType) -> None:
        simple = ET.SubElement(root, "xs:simpleType", {"name": value.name})
        _document(simple, self._values_text(value))
        ET.SubElement(simple, "xs:restriction", {"base": value.primitive.name})

    def _add_named(self, root: ET.Element, value: ValueType) -> None:
        ET.SubElement(root, "xs:element", {"name": value.name, "type": value.name})
        outer = ET.SubElement(root, "xs:complexType", {"name": value.name})
        _document(outer, self._values_text(value))
        content = ET.SubElement(outer, "xs:simpleContent")
        ET.SubElement(content, "xs:extension", {"base": value.primitive.name})

    def _values_text(self, value: ValueType) -> str:
        """Say what the numbers are, except where the edition numbers otherwise."""
        if value.name in self.edition.renumbered:
            return ""
        values = enums.BY_TYPE.get(value.name)
        return _describe(values) if values else _describe_bounds(value)

    def _add_structured_types(self, root: ET.Element) -> None:
        for cls in self.types:
            if self.edition.namespace_of(cls) == self.namespace:
                ET.SubElement(root, "xs:element", {"name": cls.__name__, "type": cls.__name__})
                self._add_structured(root, cls)

    def _add_structured(self, root: ET.Element, cls: type[Sep]) -> None:
        outer = ET.SubElement(root, "xs:complexType", {"name": cls.__name__})
        _document(outer, inspect.cleandoc(cls.__doc__ or ""))
        holder = outer
        lineage = schema.lineage(cls)
        if len(lineage) > 1:
            content = ET.SubElement(outer, "xs:complexContent")
            holder = ET.SubElement(content, "xs:extension", {"base": self._type_name(lineage[1])})
        own = [wire for wire in self.edition.fields(cls) if wire.field.owner == cls.__name__]
        elements = [wire for wire in own if not wire.field.attribute]
        if elements:
            sequence = ET.SubElement(holder, "xs:sequence")
            for wire in elements:
                self._add_element(sequence, wire)
        for wire in own:
            if wire.field.attribute:
                self._add_attribute(holder, wire)
        if holder is outer:
            for name in self.edition.root_attributes:
                ET.SubElement(holder, "xs:attribute", {"name": name, "type": "xs:string"})

    def _add_element(self, sequence: ET.Element, wire: WireField) -> None:
        if wire.namespace == self.namespace:
            attributes = {"name": wire.name, "type": self._type_name(wire.type)}
        else:
            attributes = {"ref": f"{self.prefixes[wire.namespace]}:{wire.name}"}
        if wire.minimum != 1:
            attributes["minOccurs"] = str(wire.minimum)
        if wire.maximum != 1:
            attributes["maxOccurs"] = "unbounded" if wire.maximum is None else str(wire.maximum)
        element = ET.SubElement(sequence, "xs:element", attributes)
        values = enums.BY_FIELD.get(f"{wire.field.owner}.{wire.field.name}")
        _document(element, _describe(values) if values else "")

    def _add_attribute(self, holder: ET.Element, wire: WireField) -> None:
        attributes = {"name": wire.name, "type": self._type_name(wire.type)}
        if wire.field.default is not None:
            attributes["default"] = wire.field.default
        elif wire.minimum:
            attributes["use"] = "required"
        ET.SubElement(holder, "xs:attribute", attributes)

    def _add_foreign_elements(self, root: ET.Element) -> None:
        """Declare what the extensions of this namespace add to types of other namespaces."""
        wanted = {
            wire.name: self._type_name(wire.type)
            for cls in self.types
            for wire in self.edition.fields(cls)
            if wire.field.extension is not None and not wire.field.attribute
            if wire.namespace == self.namespace != self.edition.namespace_of(cls)
        }
        for name, type_name in wanted.items():
            if name != type_name:  # else it is the element of a type that is declared here
                ET.SubElement(root, "xs:element", {"name": name, "type": type_name})

    def _type_name(self, kind: ValueType | type[Sep]) -> str:
        if isinstance(kind, ValueType):
            built_in = _BUILT_IN.get(kind.name)
            if built_in:
                return built_in
            name, namespace = kind.name, self.edition.namespace
        else:
            name, namespace = kind.__name__, self.edition.namespace_of(kind)
        return name if namespace == self.namespace else f"{self.prefixes[namespace]}:{name}"


def _prefixes(edition: Edition) -> dict[str, str]:
    """Return a prefix for each namespace of the edition, its own first."""
    others = {
        extension.prefix: namespace
        for extension in _extensions()
        if extension.tag in edition.tags and (namespace := edition.extended_in(extension)) is not None
    }
    return {edition.namespace: "sep"} | {namespace: prefix for prefix, namespace in sorted(others.items())}


def _extensions() -> Iterator[Extension]:
    for cls in schema.structured_types().values():
        found = [schema.extension_of(cls), *(field.extension for field in schema.own_fields(cls))]
        yield from (extension for extension in found if extension is not None)


def _file_name(edition: Edition, namespace: str) -> str:
    own = namespace == edition.namespace
    return f"{f'sep-{edition.name}' if own else _prefixes(edition)[namespace]}.xsd"


def _add_primitive(root: ET.Element, value: ValueType) -> None:
    simple = ET.SubElement(root, "xs:simpleType", {"name": value.name})
    primitive = value.primitive
    restriction = ET.SubElement(simple, "xs:restriction", {"base": f"xs:{primitive.base}"})
    if primitive.max_length is not None:
        ET.SubElement(restriction, "xs:maxLength", {"value": str(primitive.max_length)})
    if primitive.facets:
        if primitive.minimum:  # the base of those from 0 up is unsigned
            ET.SubElement(restriction, "xs:minInclusive", {"value": str(primitive.minimum)})
        ET.SubElement(restriction, "xs:maxInclusive", {"value": str(primitive.maximum)})


def _document(parent: ET.Element, text: str) -> None:
    if text:
        annotation = ET.SubElement(parent, "xs:annotation")
        ET.SubElement(annotation, "xs:documentation").text = text


def _describe(values: type[IntEnum] | type[IntFlag]) -> str:
    bitmap = issubclass(values, IntFlag)
    numbers = (f"{value.bit_length() - 1 if bitmap else value.value} {value.name}" for value in values)
    return f"{'Bits' if bitmap else 'Values'}: {', '.join(numbers)}"


def _describe_bounds(value: ValueType) -> str:
    if value.meant_maximum is None:
        return ""
    least = value.primitive.minimum if value.meant_minimum is None else value.meant_minimum
    return f"From {least} to {value.meant_maximum}."
