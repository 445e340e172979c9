"""Resource, List, Link and the ladder of inheritance."""

from __future__ import annotations

from typing import Annotated

from openesi.sep2.model._declare import Attribute, Sep
from openesi.sep2.model.primitives import AnyURI, HexBinary8, String32, SubscribableType, UInt32
from openesi.sep2.model.simple import VersionType, mRIDType


class Link(Sep):
    """DOC"""

    href: Annotated[AnyURI, Attribute()]


class ListLink(Link):
    """DOC"""

    all: Annotated[UInt32 | None, Attribute()] = None


class Resource(Sep):
    """DOC"""

    href: Annotated[AnyURI | None, Attribute()] = None


class IdentifiedObject(Resource):
    """DOC"""

    mRID: mRIDType
    description: String32 | None = None
    version: VersionType | None = None


class List(Resource):
    """DOC"""

    all: Annotated[UInt32, Attribute()]
    results: Annotated[UInt32, Attribute()]


class RespondableResource(Resource):
    """DOC"""

    replyTo: Annotated[AnyURI | None, Attribute()] = None
    responseRequired: Annotated[HexBinary8 | None, Attribute("00")] = None


class RespondableIdentifiedObject(RespondableResource):
    """DOC"""

    mRID: mRIDType
    description: String32 | None = None
    version: VersionType | None = None


class RespondableSubscribableIdentifiedObject(RespondableResource):
    """DOC"""

    mRID: mRIDType
    description: String32 | None = None
    version: VersionType | None = None
    subscribable: Annotated[SubscribableType | None, Attribute("0")] = None


class SubscribableResource(Resource):
    """DOC"""

    subscribable: Annotated[SubscribableType | None, Attribute("0")] = None


class SubscribableIdentifiedObject(SubscribableResource):
    """DOC"""

    mRID: mRIDType
    description: String32 | None = None
    version: VersionType | None = None


class SubscribableList(SubscribableResource):
    """DOC"""

    all: Annotated[UInt32, Attribute()]
    results: Annotated[UInt32, Attribute()]
