"""What is supported, per function set and resource, as a page: made from the tables the server works by.

``python -m openesi.server.catalogue`` prints docs/function-sets.md. What is special to a function set is what
the module that does it says of itself.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import resources as files
from typing import NamedTuple

from openesi.sep2 import lists
from openesi.sep2.enums import Subscribable
from openesi.sep2.resources import RESOURCES, Access, Resource
from openesi.server.tree import GROWN_BY, MADE_BY_SERVER
from openesi.server.view import subscribable


class FunctionSet(NamedTuple):
    """A function set: its name, the module of ``server.functions`` that does it, where its resources are."""

    name: str
    module: str
    places: tuple[str, ...]


FUNCTION_SETS = (
    FunctionSet("Device capability, self device", "device", ("/dcap", "/sdev")),
    FunctionSet("Time", "time", ("/tm",)),
    FunctionSet("Function set assignments", "groups", ("/edev/{}/fsa", "/fsa")),
    FunctionSet("Subscription and notification", "subscription", ("/edev/{}/sub", "/ntfy")),
    FunctionSet("Response", "response", ("/rsps",)),
    FunctionSet("Distributed energy resources", "der", ("/derp", "/edev/{}/der")),
    FunctionSet("Demand response and load control", "drlc", ("/dr", "/edev/{}/lsl")),
    FunctionSet("Pricing", "pricing", ("/tp",)),
    FunctionSet("Messaging", "messaging", ("/msg",)),
    FunctionSet("Flow reservation", "flow_reservation", ("/edev/{}/frq", "/edev/{}/frp")),
    FunctionSet("Metering", "metering", ("/upt",)),
    FunctionSet("Metering mirror", "metering_mirror", ("/mup",)),
    FunctionSet("Billing", "billing", ("/bill", "/brs")),
    FunctionSet("Prepayment", "prepayment", ("/ppy",)),
    FunctionSet("File download", "file", ("/file", "/edev/{}/fs")),
    FunctionSet("Log events", "log_event", ("/edev/{}/lel",)),
    FunctionSet("Configuration", "configuration", ("/edev/{}/cfg",)),
    FunctionSet(
        "Device information, device status, power status, network status, connection point",
        "device_information",
        ("/edev/{}/di", "/edev/{}/dstat", "/edev/{}/ps", "/edev/{}/ns", "/edev/{}/cp"),
    ),
    FunctionSet("End device and registration", "end_device", ("/edev",)),
)

_ACCESS = {
    Access.CERTIFIED: "any certificate that is trusted",
    Access.REGISTERED: "registered devices",
    Access.OWN: "its device, and the aggregator that speaks for it",
}
_HEAD = """\
# Function sets

Here you find, for every resource of the standard, what a device may do with it, what the operator may, how
its list is ordered and who sees it; and for each function set what the server does beyond storing and
serving. The tables are made from those that the server works by.

*Devices* names the methods that the device port answers (HEAD as GET); all others get 405. *Operator* tells
whether the [operator's API](operator.md) writes it: yes, made by the server, or how it comes about. A list is
in the order of its keys, `-` for descending, mRIDs as numbers; what the standard leaves open is in the order
of its href. *Told* are changes that a device can subscribe to.
"""


def render_page() -> str:
    """Return the page about function sets in Markdown."""
    parts = (f"## {one.name}\n\n{_said(one.module)}\n\n{_table(one)}\n" for one in FUNCTION_SETS)
    return "\n".join((_HEAD, _index(), *parts))


def _index() -> str:
    """Return the function sets with how many resources each has, and where their rules are."""
    rows = [f"| [{one.name}](#{_anchor(one.name)}) | {len(resources_of(one))} |" for one in FUNCTION_SETS]
    return "\n".join(("| function set | resources |", "| --- | --- |", *rows, ""))


def _anchor(heading: str) -> str:
    """Return the anchor that a heading of Markdown has."""
    return "".join(one for one in heading.lower().replace(" ", "-") if one.isalnum() or one == "-")


def resources_of(function_set: FunctionSet) -> list[Resource]:
    """Return the resources of a function set, in the order of the tree."""
    return [one for one in RESOURCES if _set_of(one) is function_set]


def _set_of(resource: Resource) -> FunctionSet:
    """Return the function set of a resource: the one with the longest place above it."""
    found = [
        (len(place), one)
        for one in FUNCTION_SETS
        for place in one.places
        if resource.path == place or resource.path.startswith(place + "/")
    ]
    return max(found, key=lambda pair: pair[0])[1]


def _table(function_set: FunctionSet) -> str:
    lines = [
        "| resource | path | devices | operator | order | told | seen by |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {' | '.join(_cells(one))} |" for one in resources_of(function_set)]
    return "\n".join(lines)


def _cells(resource: Resource) -> Iterator[str]:
    yield resource.name
    yield f"`{resource.path}`"
    yield " ".join(method for method in resource.methods if method != "HEAD")
    yield _operator(resource)
    order = lists.order_of(resource.item) if resource.item is not None else None
    yield "" if order is None else order or "href"
    yield "yes" if subscribable(resource) is not Subscribable.NO else ""
    yield _seen_by(resource)


def _seen_by(resource: Resource) -> str:
    if resource.path == "/fsa" or resource.path.startswith("/fsa/"):
        return "devices of the group"
    if resource.scoped:
        return "everyone their own"
    top = "/" + resource.path.split("/")[1]
    listing = resource.path.removesuffix("/{}")
    its_own = any(one.path == listing and one.scoped for one in RESOURCES)
    if not its_own and any(one.path == top and one.published for one in RESOURCES):
        return "registered devices, or the groups it is assigned to"
    return _ACCESS[resource.access]


def _operator(resource: Resource) -> str:
    if resource.name in GROWN_BY:
        return GROWN_BY[resource.name]
    if resource.name in MADE_BY_SERVER or resource.is_active_list:
        return "server"
    return "by assigning" if resource.is_assigned else "yes"


def _said(module: str) -> str:
    """Return what a module says of itself, its first line as a sentence of its own."""
    package = "openesi.server" if module == "groups" else "openesi.server.functions"
    source = files.files(package).joinpath(f"{module}.py").read_text("utf-8")
    text = ast.get_docstring(ast.parse(source)) or ""
    return text.replace("``", "`")


if __name__ == "__main__":
    sys.stdout.write(render_page())
