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
    """A file that devices may load: firmware, credentials, settings."""

    activateTime: TimeType | None = None  # absent: load, but wait; not in the future: activate at once
    fileURI: AnyURI  # where its bytes are, with HTTP Range
    lFDI: HexBinary160 | None = None  # absent: for any device that the other fields fit
    mfHwVer: String32 | None = None
    mfID: PENType  # PEN of the maker
    mfModel: String32
    mfSerNum: String32 | None = None
    mfVer: String16  # version of the file
    size: UInt32  # octets
    type: HexBinary16  # enums.FileType


class FileList(List):
    """Files on offer, newest version first; a query may filter by its members' fields."""

    File: tuple[sep.File, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class FileStatus(Resource):
    """How far a device has come with loading a file."""

    activateTime: TimeType | None = None  # copied from the File
    FileLink: sep.FileLink | None = None  # absent while there is nothing to load
    loadPercent: UInt8  # 0 to 100
    nextRequestAttempt: TimeType
    request503Count: UInt16  # times the server was busy, for this file
    requestFailCount: UInt16  # times a request failed otherwise, for this file
    status: UInt8  # enums.FileState
    statusTime: TimeType
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None
