"""``openesi device``: who is registered, on a running or a stopped server's data directory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from openesi.cli import output
from openesi.cli.options import AsJson, DataDir, noun_app
from openesi.errors import LocalError, WrongUsage
from openesi.pki.authority import DIRECTORY, read_certificates
from openesi.pki.reading import load_certificate
from openesi.sep2 import identity
from openesi.sep2.editions import EDITIONS
from openesi.server import operator
from openesi.server.service import database_path
from openesi.server.settings import Settings
from openesi.store import Transaction
from openesi.store.sqlite import SQLiteStore

app = noun_app(
    """Register, list and remove devices.

    \b
    openesi device add --cert DIR/pki/devices/inverter.pem --data DIR
    openesi device list --data DIR
    openesi device revoke --lfdi 3E4F... --data DIR
    """
)

Certificate = Annotated[
    Path | None, typer.Option("--cert", metavar="FILE", help="The device's certificate, in PEM or DER.")
]
Lfdi = Annotated[str | None, typer.Option("--lfdi", metavar="HEX", help="Its LFDI, 40 hex digits.")]
Result = TypeVar("Result")


@app.command()
def add(
    data: DataDir,
    *,
    cert: Certificate = None,
    lfdi: Lfdi = None,
    pin: Annotated[
        str | None, typer.Option(metavar="N", help="The PIN on its label; 111115 if unknown.")
    ] = None,
    aggregator: Annotated[
        str | None, typer.Option(metavar="HEX", help="LFDI of the aggregator that speaks for it.")
    ] = None,
    is_aggregator: Annotated[
        bool, typer.Option("--is-aggregator", help="It may register devices of its own.")
    ] = False,
    edition: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"Speak to it in {', '.join(EDITIONS)}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register a device out of band; a running server knows it at once.

    A self-signed certificate is trusted for itself when it is given with --cert.
    """
    if edition is not None and edition not in EDITIONS:
        raise WrongUsage(f"There is no edition {edition!r}. Choose one of {', '.join(EDITIONS)}.")
    wanted, pinned = _identified(cert, lfdi)
    number = identity.parse_pin(pin) if pin is not None else Settings().default_pin
    manager = identity.parse_lfdi(aggregator) if aggregator else None

    def register(tx: Transaction) -> str:
        return operator.add_device(
            tx,
            wanted,
            pin=number,
            now=int(time.time()),
            settings=Settings(),
            aggregator_lfdi=manager,
            is_aggregator=is_aggregator,
            edition=edition,
            certificate=pinned,
        ).path

    href = _with_store(data, register)
    facts = {
        "href": href,
        "lfdi": identity.format_lfdi(wanted),
        "sfdi": identity.sfdi_from_lfdi(wanted),
        "pin": number,
    }
    if as_json:
        output.write_json(facts)
        return
    output.write(
        output.render_facts([
            ("EndDevice", href),
            ("LFDI", identity.format_lfdi(wanted)),
            ("SFDI", identity.format_sfdi(identity.sfdi_from_lfdi(wanted))),
            ("PIN", identity.format_pin(number)),
        ])
    )  # fmt: skip


_RIGHTS = {"is_aggregator": "aggregator", "revoked": "revoked"}


@app.command("list")
def list_(data: DataDir, *, as_json: AsJson = False) -> None:
    """List registered devices."""
    found = _with_store(data, operator.devices)
    if as_json:
        output.write_json([msgspec.to_builtins(device) for device in found])
        return
    rows = [
        (
            device.href,
            device.lfdi,
            device.sfdi,
            "" if device.pin is None else identity.format_pin(device.pin),
            device.managed_by or "",
            " ".join(_RIGHTS[name] for name in _RIGHTS if getattr(device, name)),
        )
        for device in found
    ]
    output.write(output.render_table(("EndDevice", "LFDI", "SFDI", "PIN", "managed by", ""), rows))
    if not rows:
        output.say(f"No device is registered. Next: openesi device add --cert FILE --data {data}")


@app.command()
def remove(data: DataDir, *, cert: Certificate = None, lfdi: Lfdi = None) -> None:
    """Forget a device and everything it wrote."""
    wanted, _ = _identified(cert, lfdi)
    _with_store(data, lambda tx: operator.remove_device(tx, wanted))
    output.say(f"Removed {identity.format_lfdi(wanted)}.")


@app.command()
def revoke(data: DataDir, *, cert: Certificate = None, lfdi: Lfdi = None) -> None:
    """Refuse a certificate from its next request on; what the device wrote stays."""
    wanted, _ = _identified(cert, lfdi)
    _with_store(data, lambda tx: operator.revoke(tx, wanted))
    output.say(f"Revoked {identity.format_lfdi(wanted)}. `openesi device restore` takes it back.")


@app.command()
def restore(data: DataDir, *, cert: Certificate = None, lfdi: Lfdi = None) -> None:
    """Take a revocation back."""
    wanted, _ = _identified(cert, lfdi)
    _with_store(data, lambda tx: operator.restore(tx, wanted))
    output.say(f"Restored {identity.format_lfdi(wanted)}.")


def _identified(cert: Path | None, lfdi: str | None) -> tuple[bytes, bytes | None]:
    """Return the LFDI that is meant, and the certificate if it is one to be pinned."""
    if (cert is None) == (lfdi is None):
        raise WrongUsage("Say which device: --cert FILE or --lfdi HEX, one of them.")
    if lfdi is not None:
        return identity.parse_lfdi(lfdi), None
    assert cert is not None
    leaf = read_certificates(cert)[0]
    certificate = load_certificate(leaf)
    self_signed = certificate.subject == certificate.issuer
    return identity.lfdi_from_certificate(leaf), leaf if self_signed else None


def _with_store(data: Path, change: Callable[[Transaction], Result]) -> Result:
    """Run a change on the database of a data directory; a running server notices by itself."""
    if not (database_path(data).exists() or (data / DIRECTORY).is_dir()):
        raise LocalError(f"{data} is no server's data directory. Make one: openesi pki init --data {data}")
    store = SQLiteStore(database_path(data))
    try:
        return store.run(change)
    finally:
        store.close_now()
