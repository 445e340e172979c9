"""File download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute
from openesi.sep2.model.identification import List, Resource
from openesi.sep2.model.primitives import (
    AnyURI,
    HexBinary16,
    HexBinary160,
    String16,
    String32,
    UInt8,
    UInt16,
    UInt32,
)
from openesi.sep2.model.simple import PENType, TimeType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class File(Resource):
    """DOC"""

    activateTime: TimeType | None = None
    fileURI: AnyURI
    lFDI: HexBinary160 | None = None
    mfHwVer: String32 | None = None
    mfID: PENType
    mfModel: String32
    mfSerNum: String32 | None = None
    mfVer: String16
    size: UInt32
    type: HexBinary16


class FileList(List):
    """DOC"""

    File: tuple[sep.File, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class FileStatus(Resource):
    """DOC"""

    activateTime: TimeType | None = None
    FileLink: sep.FileLink | None = None
    loadPercent: UInt8
    nextRequestAttempt: TimeType
    request503Count: UInt16
    requestFailCount: UInt16
    status: UInt8
    statusTime: TimeType
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
