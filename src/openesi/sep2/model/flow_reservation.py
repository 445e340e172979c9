"""FlowReservation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute, Sep
from openesi.sep2.model.event import Event
from openesi.sep2.model.identification import IdentifiedObject, List, SubscribableList
from openesi.sep2.model.primitives import UInt8, UInt16, UInt32
from openesi.sep2.model.simple import TimeType, mRIDType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class RequestStatus(Sep):
    """DOC"""

    dateTime: TimeType
    requestStatus: UInt8


class FlowReservationRequest(IdentifiedObject):
    """DOC"""

    creationTime: TimeType
    durationRequested: UInt16 | None = None
    energyRequested: sep.SignedRealEnergy
    intervalRequested: sep.DateTimeInterval
    powerRequested: sep.ActivePower
    RequestStatus: sep.RequestStatus


class FlowReservationRequestList(List):
    """DOC"""

    FlowReservationRequest: tuple[sep.FlowReservationRequest, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class FlowReservationResponse(Event):
    """DOC"""

    energyAvailable: sep.SignedRealEnergy
    powerAvailable: sep.ActivePower
    subject: mRIDType


class FlowReservationResponseList(SubscribableList):
    """DOC"""

    FlowReservationResponse: tuple[sep.FlowReservationResponse, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
