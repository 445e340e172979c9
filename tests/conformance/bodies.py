"""Bodies that procedures share, and how what was sent is compared with what is served."""

from __future__ import annotations

from typing import Any

from conformance.wire import name_of

QUANTITIES = {"W": 38, "var": 63, "Hz": 33, "V": 29}


def reading_type(uom: int, multiplier: int = 0) -> dict[str, int]:
    return {
        "accumulationBehaviour": 12,
        "commodity": 1,
        "dataQualifier": 0,
        "flowDirection": 1,
        "kind": 37,
        "phase": 0,
        "powerOfTenMultiplier": multiplier,
        "uom": uom,
    }


def mirror(lfdi: str, mrid: str, quantities: dict[str, int] = QUANTITIES, **more: Any) -> dict[str, Any]:
    readings = [
        {"mRID": f"{mrid[:-4]}{uom:04X}", "description": name, "ReadingType": reading_type(uom)}
        for name, uom in quantities.items()
    ]
    return {
        "mRID": mrid,
        "description": "DER",
        "roleFlags": "0009",
        "serviceCategoryKind": 0,
        "status": 1,
        "deviceLFDI": lfdi,
        "MirrorMeterReading": readings,
        **more,
    }


def same(document: Any, fields: dict[str, Any]) -> bool:
    """Tell whether a document says what was put, and nothing else."""
    shown = {name_of(one): one for one in document}
    if shown.keys() != fields.keys():
        return False
    return all(
        same(shown[name], value) if isinstance(value, dict) else shown[name].text == str(value)
        for name, value in fields.items()
    )


def equal(inside: Any, document: Any) -> bool:
    """Tell whether a notification's Resource is what a GET shows."""

    def said(element: Any) -> Any:
        own = {name: value for name, value in element.attrib.items() if not name.startswith("{")}
        return own, (element.text or "").strip(), [(name_of(one), said(one)) for one in element]

    return bool(said(inside) == said(document))
