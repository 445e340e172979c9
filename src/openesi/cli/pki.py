"""``openesi pki``: certificates by the 2030.5 profile, made and read."""

from __future__ import annotations

import contextlib
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openesi.cli import output
from openesi.cli.options import AsJson, DataDir, noun_app
from openesi.errors import WrongUsage
from openesi.pki import Authority, Description, Identity, Policy, check_chain, describe
from openesi.pki.authority import HARDWARE_TYPE, read_certificates, read_pin
from openesi.pki.profile import ANY_POLICY, INDEFINITE, host_name
from openesi.sep2.identity import format_lfdi, format_pin, format_sfdi, parse_pin, registration_code

if TYPE_CHECKING:
    from collections.abc import Iterable

app = noun_app(
    """Make and read certificates by the IEEE 2030.5 profile.

    A root (SERCA) signs an intermediate (MICA), which signs devices and the server. All of it is in DIR/pki.

    \b
    openesi pki init --data DIR
    openesi pki device inverter --data DIR
    openesi pki show DIR/pki/devices/inverter.pem
    """
)


@app.command()
def init(
    data: DataDir,
    *,
    host: Annotated[
        list[str] | None,
        typer.Option(
            "--host", metavar="HOST", help="Name or address clients reach the server by; may be repeated."
        ),
    ] = None,
    chain: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Certificates from root to device, both counted: 2, 3 (with MICA) or 4 (with MCA).",
        ),
    ] = 3,
    test: Annotated[
        bool,
        typer.Option(
            help="Mark certificates as test certificates; they are, until a device has been certified."
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Make the authority, and the server's certificate.

    \b
    openesi pki init --data DIR
    openesi pki init --data DIR --host esi.example.org --host 192.0.2.7
    """
    now = datetime.now(UTC)
    hosts = host or _names_of_this_machine()
    for name in hosts:
        host_name(name)  # a slip of the finger must not leave half of it done
    authority = Authority.create(data, now=now, length=chain, test=test)
    server = authority.issue_server(hosts, now=now)
    if as_json:
        output.write_json({"ca": str(authority.ca.resolve()), "server": _identity_json(server)})
        return
    output.write(output.render_facts(_identity_facts(server)))
    output.say(f"\nNext: openesi pki device NAME --data {data}")


@app.command()
def device(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A name for its files, and its serial number unless one is given."
        ),
    ],
    data: DataDir,
    *,
    pin: Annotated[
        str | None, typer.Option(metavar="N", help="The PIN on its label; drawn if not given.")
    ] = None,
    serial: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Hardware serial number in the certificate.")
    ] = None,
    hardware_type: Annotated[
        str, typer.Option(metavar="OID", help="Type of the hardware, from its maker's arc.")
    ] = HARDWARE_TYPE,
    self_signed: Annotated[
        bool,
        typer.Option("--self-signed", help="Sign it with its own key; the server must then know its LFDI."),
    ] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="New certificate, same key and PIN; LFDI and SFDI change.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make key, PIN and certificate of a device.

    What is there already is never overwritten.

    \b
    openesi pki device inverter --data DIR
    openesi pki device gateway --data DIR --self-signed --json
    """
    identity = Authority.open(data).issue_device(
        name,
        now=datetime.now(UTC),
        pin=None if pin is None else parse_pin(pin),
        serial=None if serial is None else serial.encode(),
        hw_type=hardware_type,
        self_signed=self_signed,
        renew=renew,
    )
    if as_json:
        output.write_json(_identity_json(identity))
        return
    output.write(output.render_facts(_identity_facts(identity)))
    output.say(f"\nNext: openesi device add --cert {identity.cert} --data {data}")
    output.say("Give the certificate, key and root files to the device; keep the key secret.")


@app.command()
def server(
    hosts: Annotated[
        list[str], typer.Argument(metavar="HOST...", help="Names and addresses clients reach it by.")
    ],
    data: DataDir,
    as_json: AsJson = False,
) -> None:
    """Make the server's certificate for other hosts.

    It replaces the one there is, which moves to DIR/pki/superseded; the key stays.

    \b
    openesi pki server esi.example.org 192.0.2.7 --data DIR
    """
    identity = Authority.open(data).issue_server(hosts, now=datetime.now(UTC))
    if as_json:
        output.write_json(_identity_json(identity))
        return
    output.write(output.render_facts(_identity_facts(identity)))
    output.say("\nNext: restart the server. Its LFDI and SFDI have changed.")


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A certificate or chain in PEM or DER.")],
    as_json: AsJson = False,
) -> None:
    """Print whose certificate a file holds.

    Also says where it differs from the profile of IEEE 2030.5.

    \b
    openesi pki show DIR/pki/devices/inverter.pem
    """
    chain = read_certificates(file)
    description = describe(chain[0])
    refused = check_chain(chain)
    if as_json:
        output.write_json(
            _description_json(description, file) | {"refused": refused, "certificates": len(chain)}
        )
        return
    output.write(output.render_facts(_description_facts(description, file, len(chain))))
    for remark in description.remarks:
        output.say(f"Not by the profile: {remark}.")
    if refused and not description.remarks:
        output.say(f"Servers must refuse this chain: {refused}.")


def _names_of_this_machine() -> list[str]:
    names = ["localhost", "127.0.0.1", "::1"]
    own = socket.gethostname()
    with contextlib.suppress(WrongUsage):  # a host may be called anything, "1234" among them
        host_name(own)
        names.append(own)
    return list(dict.fromkeys(names))


def _identity_json(identity: Identity) -> dict[str, Any]:
    return {
        "name": identity.name,
        "lfdi": format_lfdi(identity.lfdi),
        "sfdi": identity.sfdi,
        "pin": identity.pin,
        "registration_code": None if identity.pin is None else registration_code(identity.sfdi, identity.pin),
        "cert": str(identity.cert.resolve()),
        "key": str(identity.key.resolve()),
        "ca": str(identity.ca.resolve()),
    }


def _identity_facts(identity: Identity) -> list[tuple[str, str]]:
    pin = [] if identity.pin is None else [("PIN", format_pin(identity.pin))]
    return [
        ("Name", identity.name),
        ("LFDI", format_lfdi(identity.lfdi, group=4)),
        ("SFDI", format_sfdi(identity.sfdi)),
        *pin,
        ("Certificate", str(identity.cert)),
        ("Key", str(identity.key)),
        ("Root", str(identity.ca)),
    ]


def _description_json(description: Description, file: Path) -> dict[str, Any]:
    pin, key, ca = _beside(file)
    hardware = description.hardware
    return {
        "role": description.role.value,
        "lfdi": format_lfdi(description.lfdi),
        "sfdi": description.sfdi,
        "pin": pin,
        "cert": str(file.resolve()),
        "key": key and str(key.resolve()),
        "ca": ca and str(ca.resolve()),
        "subject": description.subject,
        "issuer": description.issuer,
        "not_before": description.not_before,
        "not_after": description.not_after,
        "policies": [{"oid": oid, "name": name} for oid, name in _named(description.policies)],
        "hardware": hardware and {"type": hardware.hw_type, "serial": _serial_text(hardware.serial)},
        "hosts": description.hosts,
        "remarks": description.remarks,
    }


def _description_facts(
    description: Description, file: Path, certificates: int
) -> list[tuple[str, str | int]]:
    pin, _, _ = _beside(file)
    hardware = description.hardware
    end = description.not_after
    facts = {
        "Kind": description.role.value,
        "LFDI": format_lfdi(description.lfdi, group=4),
        "SFDI": format_sfdi(description.sfdi),
        "PIN": "" if pin is None else format_pin(pin),
        "Subject": description.subject,
        "Issuer": description.issuer,
        "Hardware": hardware and f"{_serial_text(hardware.serial)} (type {hardware.hw_type})",
        "Hosts": ", ".join(description.hosts),
        "Valid": f"from {description.not_before:%Y-%m-%d %H:%M} UTC, "
        + ("without end" if end == INDEFINITE else f"until {end:%Y-%m-%d %H:%M} UTC"),
        "Policies": ", ".join(f"{name} ({oid})" for oid, name in _named(description.policies)),
        "Chain": f"{certificates} certificates in the file" if certificates > 1 else "",
    }
    return [(name, value) for name, value in facts.items() if value]


def _beside(file: Path) -> tuple[int | None, Path | None, Path | None]:
    """Return PIN, key and root as far as they lie beside a certificate in an authority's directory."""
    key = file.with_suffix(".key")
    roots = (directory / "serca.pem" for directory in (file.parent, file.parent.parent))
    return (
        read_pin(file.with_suffix(".pin")),
        key if key.is_file() else None,
        next((root for root in roots if root.is_file()), None),
    )


def _named(oids: Iterable[str]) -> list[tuple[str, str]]:
    names = {policy.value: policy.name.lower().replace("_", " ") for policy in Policy} | {ANY_POLICY: "any"}
    return [(oid, names.get(oid, "foreign")) for oid in oids]


def _serial_text(serial: bytes) -> str:
    text = serial.decode("ascii", errors="replace")
    return text if serial.isascii() and text.isprintable() else serial.hex().upper()
