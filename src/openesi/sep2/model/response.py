"""Response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import IEEE_2023, Attribute, Sep
from openesi.sep2.model.identification import IdentifiedObject, List, Resource
from openesi.sep2.model.primitives import HexBinary32, HexBinary160, UInt8, UInt16, UInt32
from openesi.sep2.model.simple import DERControlType, TimeType, UnitType, mRIDType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class AppliedTargetReduction(Sep):
    """DOC"""

    type: UnitType
    value: UInt16


class Response(Resource):
    """DOC"""

    createdDateTime: TimeType | None = None
    endDeviceLFDI: HexBinary160
    status: UInt8 | None = None
    subject: mRIDType


class DERControlResponse(Response):
    """DOC"""

    modesResponded: Annotated[DERControlType | None, IEEE_2023] = None
    modesResponded2: Annotated[HexBinary32 | None, IEEE_2023] = None


class FlowReservationResponseResponse(Response):
    """DOC"""


class DrResponse(Response):
    """DOC"""

    ApplianceLoadReduction: sep.ApplianceLoadReduction | None = None
    AppliedTargetReduction: sep.AppliedTargetReduction | None = None
    DutyCycle: sep.DutyCycle | None = None
    Offset: sep.Offset | None = None
    overrideDuration: UInt16 | None = None
    SetPoint: sep.SetPoint | None = None


class PriceResponse(Response):
    """DOC"""


class ResponseList(List):
    """DOC"""

    Response: tuple[sep.Response, ...] = ()


class ResponseSet(IdentifiedObject):
    """DOC"""

    ResponseListLink: sep.ResponseListLink | None = None


class ResponseSetList(List):
    """DOC"""

    ResponseSet: tuple[sep.ResponseSet, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class TextResponse(Response):
    """DOC"""
