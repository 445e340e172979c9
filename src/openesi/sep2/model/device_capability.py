"""DeviceCapability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute
from openesi.sep2.model.function_set_assignments import FunctionSetAssignmentsBase
from openesi.sep2.model.primitives import UInt32

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class DeviceCapability(FunctionSetAssignmentsBase):
    """The entry point: links to every function set that the server offers to this client."""

    EndDeviceListLink: sep.EndDeviceListLink | None = None
    MirrorUsagePointListLink: sep.MirrorUsagePointListLink | None = None
    SelfDeviceLink: sep.SelfDeviceLink | None = None
    # seconds between polls of it and all below it; so in every type
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
