"""FunctionSetAssignments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute
from openesi.sep2.model.identification import Resource, SubscribableList
from openesi.sep2.model.primitives import String32, SubscribableType, UInt32
from openesi.sep2.model.simple import VersionType, mRIDType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class FunctionSetAssignmentsBase(Resource):
    """Links to the function sets that a server offers or assigns."""

    CustomerAccountListLink: sep.CustomerAccountListLink | None = None
    DemandResponseProgramListLink: sep.DemandResponseProgramListLink | None = None
    DERProgramListLink: sep.DERProgramListLink | None = None
    FileListLink: sep.FileListLink | None = None
    MessagingProgramListLink: sep.MessagingProgramListLink | None = None
    PrepaymentListLink: sep.PrepaymentListLink | None = None
    ResponseSetListLink: sep.ResponseSetListLink | None = None
    TariffProfileListLink: sep.TariffProfileListLink | None = None
    TimeLink: sep.TimeLink | None = None
    UsagePointListLink: sep.UsagePointListLink | None = None


class FunctionSetAssignments(FunctionSetAssignmentsBase):
    """One set of function set instances that a device is to use together, with their time source."""

    mRID: mRIDType
    description: String32 | None = None
    version: VersionType | None = None
    subscribable: Annotated[SubscribableType | None, Attribute("0")] = None


class FunctionSetAssignmentsList(SubscribableList):
    """The assignments of one EndDevice."""

    FunctionSetAssignments: tuple[sep.FunctionSetAssignments, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
