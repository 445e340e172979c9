"""The editions of the standard, as differences from the 2018 one.

A value of the model is always a value of the 2018 edition (plus what extensions add). An ``Edition`` says how
it is written for a peer of another edition and read from one: namespace, which fields exist under which
name, which numbers mean what. So one resource can be given to one client as 2018 and to another as 2013.

Sources: schemas 2.0.4 and 2.1.0; what 2023 and CSIP-AUS add is known in part (see docs/model.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from openesi.sep2 import model as sep
from openesi.sep2 import schema
from openesi.sep2.model._declare import CSIP_AUS_13 as _CSIP_AUS_13
from openesi.sep2.model._declare import Extension, Sep
from openesi.sep2.schema import Field, ValueType

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class WireField:
    """A field as one edition has it on the wire.

    ``attr`` is the model's attribute; ``to_model``/``from_model`` translate a value where the edition means
    something else by it; ``fallback`` is written where the edition requires what the model leaves open.
    """

    name: str
    attr: str
    field: Field
    type: ValueType | type[Sep]
    minimum: int
    maximum: int | None
    namespace: str
    to_model: Convert | None = None
    from_model: Convert | None = None
    fallback: Any = None


@dataclass(frozen=True, slots=True)
class Renumbering:
    """Another numbering of an enumeration or a bitmap: 2018 number by the edition's number.

    Numbers without a counterpart are dropped from bitmaps and become ``unknown`` in enumerations.
    """

    to_2018: Mapping[int, int]
    bitmap: bool = False
    unknown: int = 0

    def to_model(self, value: Any) -> Any:
        """Translate the edition's value into the model's."""
        return self._translate(value, self.to_2018)

    def from_model(self, value: Any) -> Any:
        """Translate the model's value into the edition's."""
        return self._translate(value, {new: old for old, new in self.to_2018.items()})

    def _translate(self, value: Any, table: Mapping[int, int]) -> Any:
        if not self.bitmap:
            return table.get(value, self.unknown)
        bits = int.from_bytes(value, "big")
        moved = sum(1 << new for old, new in table.items() if bits >> old & 1)
        return moved.to_bytes(4, "big")


@dataclass(frozen=True, eq=False)
class Edition:
    """One edition or profile of the standard.

    ``schema_id`` is the EXI schemaId and the ``level`` of the media type; ``tags`` name the extensions of the
    model that belong to it, ``without`` the types that it does not have yet; ``root_attributes`` stand on the
    top element of every document; ``own_fields`` replaces the fields that a type itself declares.
    ``moved`` tells in which namespace the extensions of a tag live here, where that is another.
    """

    name: str
    namespace: str
    schema_id: str
    version: str
    tags: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    root_attributes: Mapping[str, str] = field(default_factory=dict)
    renumbered: Mapping[str, Renumbering] = field(default_factory=dict)
    own_fields: Mapping[str, tuple[WireField, ...]] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)

    def has(self, cls: type[Sep]) -> bool:
        """Tell whether the type ``cls`` belongs to this edition."""
        extension = schema.extension_of(cls)
        return cls.__name__ not in self.without and (extension is None or extension.tag in self.tags)

    def namespace_of(self, cls: type[Sep]) -> str:
        """Return the namespace in which the global element of ``cls`` lives."""
        return self.extended_in(schema.extension_of(cls)) or self.namespace

    def extended_in(self, extension: Extension | None) -> str | None:
        """Return the namespace in which an extension lives here, None if it is the edition's own."""
        return self.moved.get(extension.tag, extension.namespace) if extension is not None else None

    def fields(self, cls: type[Sep]) -> tuple[WireField, ...]:
        """Return the fields of ``cls`` in this edition, in wire order, those of its bases first."""
        return tuple(wire for base in reversed(schema.lineage(cls)) for wire in self._declared_fields(base))

    @cached_property
    def most_results(self) -> int:
        """How many members of a list one document can hold: what the type of ``results`` counts to."""
        (results,) = (wire for wire in self.fields(sep.List) if wire.attr == "results")
        assert isinstance(results.type, ValueType)
        most = results.type.primitive.maximum
        assert most is not None
        return most

    def _declared_fields(self, cls: type[Sep]) -> Iterable[WireField]:
        own = self.own_fields.get(cls.__name__)
        if own is None:
            own = tuple(
                _same(declared)
                for declared in schema.own_fields(cls)
                if declared.extension is None or declared.extension.tag in self.tags
            )
        return map(self._localize, own)

    def _localize(self, wire: WireField) -> WireField:
        namespace = self.extended_in(wire.field.extension) or self.namespace
        renumbering = self.renumbered.get(wire.type.name) if isinstance(wire.type, ValueType) else None
        if renumbering is None:
            return replace(wire, namespace=namespace)
        return replace(
            wire,
            namespace=namespace,
            to_model=renumbering.to_model,
            from_model=renumbering.from_model,
        )

    @cached_property
    def types(self) -> dict[str, type[Sep]]:
        """Return the global elements of this edition: every structured type it has, by tag."""
        return {
            f"{{{self.namespace_of(cls)}}}{name}": cls
            for name, cls in schema.structured_types().items()
            if self.has(cls)
        }


def _same(declared: Field) -> WireField:
    return WireField(
        declared.name, declared.name, declared, declared.type, declared.minimum, declared.maximum, ""
    )


# --- 2013, and the draft 2.0.4 between 2013 and 2018 -------------------------------------------------------

_ZERO_A = sep.CurrentRMS(multiplier=0, value=0)


# 2.0.4 gives a power factor the sign of the EEI: positive absorbs var (under-excited), negative injects.
def _with_excitation(value: sep.PowerFactor) -> sep.PowerFactorWithExcitation:
    return sep.PowerFactorWithExcitation(
        displacement=abs(value.displacement), excitation=value.displacement > 0, multiplier=value.multiplier
    )


def _without_excitation(value: sep.PowerFactorWithExcitation) -> sep.PowerFactor:
    signed = value.displacement if value.excitation else -value.displacement
    return sep.PowerFactor(displacement=signed, multiplier=value.multiplier)


def _unsigned(value: sep.PowerFactor) -> sep.PowerFactor:
    return sep.PowerFactor(displacement=abs(value.displacement), multiplier=value.multiplier)


def _negative(value: sep.PowerFactor) -> sep.PowerFactor:
    return sep.PowerFactor(displacement=-value.displacement, multiplier=value.multiplier)


# The wire order of the types that differ. "old=new" is a renamed field, "!" one that 2.0.4 requires.
_ORDER_2013 = {
    "AbstractDevice": "ConfigurationLink DERListLink DeviceInformationLink DeviceStatusLink FileStatusLink"
    " IPInterfaceListLink lFDI LoadShedAvailabilityListLink loadShedDeviceCategory=deviceCategory"
    " LogEventListLink PowerStatusLink sFDI",
    "EndDevice": "changedTime enabled FlowReservationRequestListLink FlowReservationResponseListLink"
    " FunctionSetAssignmentsListLink RegistrationLink SubscriptionListLink",
    "Subscription": "Condition encoding level limit notificationURI",
    "DeviceInformation": "DRLCCapabilities functionsImplemented lFDI mfDate mfHwVer mfID mfInfo mfModel"
    " mfSerNum primaryPower secondaryPower SupportedLocaleListLink swActTime swVer pollRate",
    "DefaultDERControl": "DERControlBase setESDelay setESHighFreq setESHighVolt setESLowFreq setESLowVolt"
    " setESRandomDelay setGradW setSoftGradW",
    "DERSettings": "modesEnabled setESDelay setESHighFreq setESHighVolt setESLowFreq setESLowVolt"
    " setESRandomDelay setGradW setMaxA setMaxAh setMaxChargeRateVA setMaxChargeRateW"
    " setMaxDischargeRateVA setMaxDischargeRateW setMaxVA setMaxVar setMaxVarNeg setMaxW setMaxWh"
    " setMinPF=setMinPFOverExcited setMinPFNeg=setMinPFUnderExcited setSoftGradW setVRef setVRefOfs"
    " updatedTime",
    "DERCapability": "modesSupported rtgA=rtgMaxA! rtgAbnormalCategory rtgAh=rtgMaxAh rtgMaxChargeRateVA"
    " rtgMaxChargeRateW rtgMaxDischargeRateVA rtgMaxDischargeRateW rtgMinPF=rtgMinPFOverExcited"
    " rtgMinPFNeg=rtgMinPFUnderExcited rtgNormalCategory rtgOverExcitedPF rtgOverExcitedW"
    " rtgUnderExcitedPF rtgUnderExcitedW rtgVA=rtgMaxVA rtgVar=rtgMaxVar rtgVarNeg=rtgMaxVarNeg"
    " rtgW=rtgMaxW rtgWh=rtgMaxWh type",
    "DERControlBase": "opModConnect opModEnergize opModFixedPF=opModFixedPFInjectW opModFixedVar opModFixedW"
    " opModFreqDroop opModFreqWatt opModHFRTMustTrip opModHVRTMomentaryCessation opModHVRTMustTrip"
    " opModLFRTMustTrip opModLVRTMomentaryCessation opModLVRTMustTrip opModMaxLimW opModTargetVar"
    " opModTargetW opModVoltVar opModVoltWatt opModWattPF opModWattVar rampTms",
    "DERControl": "DERControlBase",
    "DERCurve": "creationTime CurveData curveType openLoopTms rampDecTms rampIncTms rampPT1Tms xMultiplier"
    " yMultiplier yRefType",
    "CurveData": "xvalue yvalue",
    "DERStatus": "genConnectStatus inverterStatus localControlModeStatus manufacturerStatus"
    " operationalModeStatus readingTime stateOfChargeStatus storageModeStatus storConnectStatus",
    "PowerFactor": "displacement multiplier",
    "List": "all results",
    "ListLink": "all",
    "SubscribableList": "all results",
}
_TYPES_2013 = {
    "Subscription.limit": "UInt16",
    "DefaultDERControl.setESDelay": "UInt16",
    "DefaultDERControl.setESRandomDelay": "UInt16",
    "DERSettings.setESDelay": "UInt16",
    "DERSettings.setESRandomDelay": "UInt16",
    "PowerFactor.displacement": "Int16",
    "List.all": "UInt16",
    "List.results": "UInt8",
    "ListLink.all": "UInt16",
    "SubscribableList.all": "UInt16",
    "SubscribableList.results": "UInt8",
}
_COUNT = {"from_model": lambda count: min(count, 0xFFFF)}  # there may be more than an edition can count
_SIGNED_PF = {"to_model": _unsigned, "from_model": _negative}
_CHANGES_2013: dict[str, dict[str, Any]] = {
    "DERCapability.rtgA": {"fallback": _ZERO_A},
    "DERCapability.rtgMinPF": {"to_model": _unsigned},
    "DERCapability.rtgMinPFNeg": _SIGNED_PF,
    "DERCapability.rtgOverExcitedPF": {"to_model": _unsigned},
    "DERCapability.rtgUnderExcitedPF": {"to_model": _unsigned},
    "DERSettings.setMinPF": {"to_model": _unsigned},
    "DERSettings.setMinPFNeg": _SIGNED_PF,
    "List.all": _COUNT,
    "ListLink.all": _COUNT,
    "SubscribableList.all": _COUNT,
    "DERControlBase.opModFixedPF": {
        "type": sep.PowerFactor,
        "to_model": _with_excitation,
        "from_model": _without_excitation,
    },
}
_RENUMBERED_2013 = {
    "DERControlType": Renumbering(
        {
            19: 0, 20: 1, 11: 2, 12: 3, 15: 5, 14: 6, 16: 7, 2: 8, 1: 9, 10: 11, 7: 13, 8: 14, 9: 16,
            5: 18, 6: 19, 13: 20, 18: 21, 17: 22, 0: 23, 4: 24, 3: 25, 21: 26,
        },
        bitmap=True,
    ),
    "DERCurveType": Renumbering(
        {1: 0, 9: 2, 6: 4, 7: 5, 8: 7, 4: 9, 5: 10, 0: 11, 3: 12, 2: 13, 10: 14}, unknown=255
    ),
    "DERType": Renumbering({**{n: n for n in range(6)}, 80: 80, 81: 82, 82: 83}),
    "DeviceCategoryType": Renumbering(
        {**{n: n for n in range(13)}, 13: 16, 14: 24, 15: 13, 16: 21, 17: 17, 18: 18, 19: 14, 20: 15},
        bitmap=True,
    ),
}  # fmt: skip


def _fields_2013(type_name: str) -> tuple[WireField, ...]:
    cls = schema.structured_types()[type_name]
    declared = {one.name: one for one in schema.own_fields(cls)}
    found = []
    for word in _ORDER_2013[type_name].split():
        name, _, attr = word.rstrip("!").partition("=")
        wire = replace(_same(declared[attr or name]), name=name)
        path = f"{type_name}.{name}"
        if word.endswith("!"):
            wire = replace(wire, minimum=1)
        if path in _TYPES_2013:
            wire = replace(wire, type=schema.value_types()[_TYPES_2013[path]])
        found.append(replace(wire, **_CHANGES_2013.get(path, {})))
    return tuple(found)


_OWN_2013 = {name: _fields_2013(name) for name in _ORDER_2013}

IEEE_2018 = Edition("2018", "urn:ieee:std:2030.5:ns", "S1", "2.1.0")
IEEE_2023 = Edition(
    "2023",
    "urn:ieee:std:2030.5:ns",
    "S2",
    "2.2",
    tags=frozenset({"2023"}),
    root_attributes={"schemaVer": "2.2"},
)
IEEE_2013 = Edition(
    "2013",
    "http://zigbee.org/sep",
    "S0",
    "2.0.0",
    without=frozenset({"GPSLocationType", "PowerFactorWithExcitation", "ReactiveSusceptance"}),
    renumbered=_RENUMBERED_2013,
    own_fields=_OWN_2013,
)


# What VOLTTRON's SEP2 agent (5.1 to 8.2) spoke: the names of the schema before 2.0.4, where they are known.
_NAMES_VOLTTRON = {
    "DERCapability": {
        "rtgMaxChargeRateW": "rtgMaxChargeRate",
        "rtgMaxDischargeRateW": "rtgMaxDischargeRate",
    },
    "DERControlBase": {"opModFixedW": "opModFixedFlow", "opModMaxLimW": "opModFixedW"},
    "DERSettings": {
        "setMaxChargeRateW": "setMaxChargeRate",
        "setMaxDischargeRateW": "setMaxDischargeRate",
    },
}


def _fields_volttron(type_name: str) -> tuple[WireField, ...]:
    names = _NAMES_VOLTTRON[type_name]
    renamed = (replace(wire, name=names.get(wire.name, wire.name)) for wire in _OWN_2013[type_name])
    return tuple(sorted(renamed, key=lambda wire: wire.name.lower()))


def _with_value(type_name: str, **changes: Any) -> tuple[WireField, ...]:
    cls = schema.structured_types()[type_name]
    fields = {one.name: _same(one) for one in schema.own_fields(cls)}
    fields["value"] = replace(fields["value"], **changes)
    return tuple(fields.values())


def _octets(value: int) -> bytes:
    return value.to_bytes(2 if value > 0xFF else 1)


# That agent let any number pass as a status, so devices may send more than 8 bits; storage keeps 16.
_NUMBER, _BITS = (schema.value_types()[name] for name in ("UInt16", "HexBinary16"))
_WIDE_NUMBERS = {
    name: _with_value(name, type=_NUMBER) for name in ("InverterStatusType", "LocalControlModeStatusType")
}
_WIDE_BITS = _with_value("ConnectStatusType", type=_BITS)
WIDE_STATUS = {**_WIDE_NUMBERS, "ConnectStatusType": _WIDE_BITS}
_DECIMAL_BITS = tuple(
    replace(
        wire,
        type=_NUMBER,
        field=replace(wire.field, type=_BITS),
        to_model=_octets,
        from_model=lambda value: int.from_bytes(value),
    )
    if wire.name == "value"
    else wire
    for wire in _WIDE_BITS
)
VOLTTRON = replace(
    IEEE_2013,
    name="volttron",
    own_fields={
        **_OWN_2013,
        **_WIDE_NUMBERS,
        "ConnectStatusType": _DECIMAL_BITS,
        **{name: _fields_volttron(name) for name in _NAMES_VOLTTRON},
    },
)
DRAFT_2_0_4 = replace(IEEE_2013, name="2.0.4", namespace="http://ieee.org/2030.5", version="2.0.4")
CSIP_AUS_12 = replace(IEEE_2018, name="csip-aus-1.2", tags=frozenset({"csip-aus-1.2"}))
# Version 1.3 has one namespace for all its elements, those of 1.2 with them (bsgip/envoy-schema 2.7).
CSIP_AUS_13 = replace(
    IEEE_2018,
    name="csip-aus-1.3",
    tags=frozenset({"csip-aus-1.2", "csip-aus-1.3"}),
    moved={"csip-aus-1.2": str(_CSIP_AUS_13.namespace)},
)

EDITIONS = {
    edition.name: edition
    for edition in (IEEE_2018, IEEE_2023, IEEE_2013, DRAFT_2_0_4, CSIP_AUS_12, CSIP_AUS_13)
}
