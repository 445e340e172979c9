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
    """The reduction that a device reached, in the unit that it was asked in."""

    type: UnitType
    value: UInt16


class Response(Resource):
    """A client's answer to an event: what it did with it, and when."""

    # when it happened, not when it was posted, by the event server's clock
    createdDateTime: TimeType | None = None
    endDeviceLFDI: HexBinary160  # the device that answers, also when an aggregator posts for it
    status: UInt8 | None = None  # enums.ResponseStatus (2018) or enums.ResponseStatus2023
    subject: mRIDType  # mRID of the event


class DERControlResponse(Response):
    """The answer to a DERControl."""

    # bits of enums.DERControlMode that the answer is about
    modesResponded: Annotated[DERControlType | None, IEEE_2023] = None
    # bits of enums.DERControlMode2 that the answer is about
    modesResponded2: Annotated[HexBinary32 | None, IEEE_2023] = None


class FlowReservationResponseResponse(Response):
    """The answer to a FlowReservationResponse."""


class DrResponse(Response):
    """The answer to an EndDeviceControl, with what the device really applied."""

    ApplianceLoadReduction: sep.ApplianceLoadReduction | None = None
    AppliedTargetReduction: sep.AppliedTargetReduction | None = None
    DutyCycle: sep.DutyCycle | None = None
    Offset: sep.Offset | None = None
    overrideDuration: UInt16 | None = None  # seconds for which the user overrode the event
    SetPoint: sep.SetPoint | None = None


class PriceResponse(Response):
    """The answer to a TimeTariffInterval."""


class ResponseList(List):
    """Answers, newest first."""

    Response: tuple[sep.Response, ...] = ()


class ResponseSet(IdentifiedObject):
    """A place for answers to go to."""

    ResponseListLink: sep.ResponseListLink | None = None


class ResponseSetList(List):
    """The places for answers that a server has."""

    ResponseSet: tuple[sep.ResponseSet, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class TextResponse(Response):
    """The answer to a TextMessage."""
