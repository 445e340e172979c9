"""DeviceCapability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute
from openesi.sep2.model.function_set_assignments import FunctionSetAssignmentsBase
from openesi.sep2.model.primitives import UInt32

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class DeviceCapability(FunctionSetAssignmentsBase):
    """DOC"""

    EndDeviceListLink: sep.EndDeviceListLink | None = None
    MirrorUsagePointListLink: sep.MirrorUsagePointListLink | None = None
    SelfDeviceLink: sep.SelfDeviceLink | None = None
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
