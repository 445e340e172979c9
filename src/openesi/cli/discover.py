"""``openesi discover``: which servers answer on this network."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from openesi.cli import output
from openesi.cli.options import AsJson, noun_app
from openesi.errors import Unreachable, WrongUsage

if TYPE_CHECKING:
    from openesi.discovery import Found

app = noun_app("Find servers on this network.", single=True)


@app.command()
def discover(
    *,
    sfdi: Annotated[
        str | None, typer.Option(metavar="N", help="Find the server that has registered this device.")
    ] = None,
    subtype: Annotated[
        str | None, typer.Option(metavar="NAME", help="Find servers with a function set, as derp or mup.")
    ] = None,
    interface: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Ask on this interface only; repeatable.")
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="How long to listen.")] = 3.0,
    as_json: AsJson = False,
) -> None:
    """Ask by multicast which 2030.5 servers are there: xmDNS on the site, mDNS on the link.

    What they say of themselves is not proven: the certificate is, when you connect.

    \b
    openesi discover
    openesi discover --sfdi 167-261-211-391
    """
    from openesi.discovery import SUBTYPES, browse
    from openesi.sep2.identity import parse_sfdi

    if sfdi is not None and subtype is not None:
        raise WrongUsage("Give --sfdi or --subtype, not both.")
    if subtype is not None and subtype not in SUBTYPES:
        raise WrongUsage(f"There is no subtype {subtype!r}. Choose one of {', '.join(SUBTYPES)}.")
    wanted = parse_sfdi(sfdi) if sfdi is not None else subtype
    enough = 1 if sfdi is not None else None
    found = asyncio.run(browse(wanted, timeout_s=timeout, interface_names=interface or (), enough=enough))
    if as_json:
        output.write_json([_facts(one) for one in found])
    elif found:
        output.write(
            output.render_table(
                ("URL", "SERVER", "DOMAIN", "LEVEL"),
                [(one.url, one.instance, one.domain, one.level) for one in found],
            )
        )
    if not found:
        raise Unreachable(
            "No server answered. Is one running with discovery on, on the same network, and is this device "
            "registered there?"
            if sfdi is not None
            else "No server answered. Is one running with discovery on, on the same network?"
        )


def _facts(one: Found) -> dict[str, object]:
    return {
        "url": one.url,
        "instance": one.instance,
        "domain": one.domain,
        "host": one.host,
        "addresses": one.addresses,
        "port": one.port,
        "https_port": one.https_port,
        "dcap": one.dcap,
        "path": one.path,
        "level": one.level,
    }
