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
    """How far a request has come: all a client may change of it."""

    dateTime: TimeType
    requestStatus: UInt8  # enums.RequestState


class FlowReservationRequest(IdentifiedObject):
    """A device's wish for power and energy in a span of time.

    Positive charges the device, negative discharges it: the other way round than in DER resources.
    """

    creationTime: TimeType
    durationRequested: UInt16 | None = None  # seconds that the transfer takes at least
    energyRequested: sep.SignedRealEnergy
    intervalRequested: sep.DateTimeInterval  # the span in which it may happen
    powerRequested: sep.ActivePower
    RequestStatus: sep.RequestStatus


class FlowReservationRequestList(List):
    """The requests of an EndDevice, earliest start first."""

    FlowReservationRequest: tuple[sep.FlowReservationRequest, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class FlowReservationResponse(Event):
    """The server's answer to a request, as an event; a duration of 0 denies it."""

    energyAvailable: sep.SignedRealEnergy
    powerAvailable: sep.ActivePower
    subject: mRIDType  # mRID of the request


class FlowReservationResponseList(SubscribableList):
    """The answers to an EndDevice's requests, earliest start first."""

    FlowReservationResponse: tuple[sep.FlowReservationResponse, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
