"""``openesi provision program``, ``customer``, ``meter``: what has to be known before a window is opened."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from openesi.cli import output
from openesi.cli.options import AsJson, DataDir
from openesi.errors import WrongUsage

METER_KEY_BYTES = 16


def program(
    data: DataDir,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Its name; none to list all.")] = "",
    *,
    real_time_prices: Annotated[
        bool, typer.Option("--real-time-prices", help="Its customers take part in no demand response.")
    ] = False,
    inactive: Annotated[bool, typer.Option("--inactive", help="No windows are opened for it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Enter a rate program in the DR application, or list them.

    \b
    openesi provision program WINTER-SAVER --data DIR
    openesi provision program --data DIR
    """
    from openesi.cli.provision_host import dr_application
    from openesi.provisioning.roles.dr_application import Program

    with dr_application(data) as dr:
        if name:
            dr.add_program(Program(name, real_time_prices=real_time_prices, active=not inactive))
            return
        found = dr.shelf.select_all(Program)
    if as_json:
        output.write_json(found)
        return
    rows = [(one.name, "yes" if one.real_time_prices else "", "" if one.active else "no") for one in found]
    output.write(output.render_table(("program", "real-time prices", "active"), rows))


def customer(
    data: DataDir,
    account: Annotated[str, typer.Argument(metavar="[ACCOUNT]", help="The account; none to list all.")] = "",
    *,
    premise: Annotated[str, typer.Option(help="Where the customer is supplied.")] = "",
    meter: Annotated[str, typer.Option(help="The meter there.")] = "",
    usage_point: Annotated[str, typer.Option(help="Its usage point, if the head-end knows one.")] = "",
    agreement: Annotated[
        list[str] | None,
        typer.Option("--agreement", metavar="PROGRAM=ID", help="An enrolment; give it once for each."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Enter a customer in the DR application, and premise and agreements in the CIS, or list them.

    \b
    openesi provision customer A-7 --data DIR --premise 555 --meter M-7 --agreement WINTER-SAVER=WS-7
    openesi provision customer --data DIR
    """
    from openesi.cli.provision_host import dr_application
    from openesi.provisioning.roles.cis import NAME as CIS
    from openesi.provisioning.roles.cis import Premise
    from openesi.provisioning.roles.dr_application import Customer

    with dr_application(data) as dr:
        if account:
            if not premise or not meter:
                raise WrongUsage("a customer has a premise and a meter: give --premise and --meter")
            agreements = dict(_agreement(one) for one in agreement or ())
            state = dr.shelf.state
            with state.transaction():
                dr.add_customer(Customer(account, premise, meter, usage_point, agreements))
                known = Premise(premise, account, meter, list(agreements.values()))
                state.shelf(CIS).insert(premise, known)
            return
        found = dr.shelf.select_all(Customer)
    if as_json:
        output.write_json(found)
        return
    rows = [
        (one.account, one.premise, one.meter, ", ".join(f"{of}={a}" for of, a in one.agreements.items()))
        for one in found
    ]
    output.write(output.render_table(("account", "premise", "meter", "agreements"), rows))


def meter(
    data: DataDir,
    number: Annotated[str, typer.Argument(metavar="[NUMBER]", help="The meter; none to list all.")] = "",
    *,
    usage_point: Annotated[str, typer.Option(help="What it measures.")] = "",
    out_of_service: Annotated[
        bool, typer.Option("--out-of-service", help="No windows are opened at it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Register a meter at the head-end, or list them; a new one gets a key of its own.

    \b
    openesi provision meter M-7 --data DIR --usage-point UP-7
    openesi provision meter M-7 --data DIR --out-of-service
    """
    from openesi.cli.provision_host import state_in
    from openesi.provisioning.roles.head_end import Meter
    from openesi.provisioning.roles.network import HEAD_END

    with state_in(data) as state:
        shelf = state.shelf(HEAD_END)
        if number:
            with state.transaction():
                known = shelf.select(Meter, number)
                key = known.key if known else secrets.token_bytes(METER_KEY_BYTES)
                point = usage_point or (known.usage_point if known else "")
                shelf.insert(number, Meter(number, point, key, in_service=not out_of_service))
            return
        found = shelf.select_all(Meter)
    if as_json:
        output.write_json(
            [
                {"number": one.number, "usage_point": one.usage_point, "in_service": one.in_service}
                for one in found
            ]
        )
        return
    rows = [(one.number, one.usage_point, "yes" if one.in_service else "no") for one in found]
    output.write(output.render_table(("meter", "usage point", "in service"), rows))


def _agreement(text: str) -> tuple[str, str]:
    program, mark, identifier = text.partition("=")
    if not mark or not program or not identifier:
        raise WrongUsage(f"--agreement is PROGRAM=ID, not {text!r}")
    return program, identifier
