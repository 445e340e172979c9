"""Types that CSIP-AUS adds in namespaces of its own."""

from __future__ import annotations

from typing import Annotated, ClassVar

from openesi.sep2.model._declare import CSIP_AUS_12, CSIP_AUS_13, Extension
from openesi.sep2.model.identification import Link, ListLink, Resource
from openesi.sep2.model.primitives import String32


class ConnectionPoint(Resource):
    """Where a site is connected to the grid."""

    extension: ClassVar[Extension] = CSIP_AUS_12
    connectionPointId: Annotated[String32, CSIP_AUS_12]  # in Australia the National Metering Identifier


class ConnectionPointLink(Link):
    """Link to the connection point of a device."""

    extension: ClassVar[Extension] = CSIP_AUS_12


class CombinedTimeTariffIntervalListLink(ListLink):
    """Link to the intervals of all rate components of a tariff."""

    extension: ClassVar[Extension] = CSIP_AUS_13
