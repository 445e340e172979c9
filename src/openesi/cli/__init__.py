"""The ``openesi`` command: a table of nouns, each in a module of its own that is imported when it is called.

A noun's module holds a Typer application under the name the table gives, best made by
``openesi.cli.options.noun_app``. A noun whose module is not there is not shown. So a noun is added by one
line here and one file beside this one, and ``openesi --help`` imports none of them.

Commands raise the errors of ``openesi.errors``; here, in one place, they become a message on stderr and
an exit code.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from openesi import __version__
from openesi.errors import OpenESIError, Refused, Unreachable, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

DONE: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
NOT_REACHED: Final = 3
REFUSED: Final = 4
INTERRUPTED: Final = 130

EXIT_CODES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (WrongUsage, WRONG_USAGE),
    (Unreachable, NOT_REACHED),
    (ConnectionError, NOT_REACHED),
    (TimeoutError, NOT_REACHED),
    (Refused, REFUSED),
    (OpenESIError, FAILED),
    (OSError, FAILED),
)
"""What the shell is told, by the class of the error; the first line that fits counts."""


class Noun(NamedTuple):
    """A word after ``openesi``: where its commands live, and the sentence ``openesi --help`` has for it.

    ``extra`` names the optional dependencies it needs, as in ``pip install 'openesi[gateway]'``.
    """

    name: str
    where: str
    help: str
    extra: str | None = None


NOUNS: Final[dict[str, tuple[Noun, ...]]] = {
    "Start here": (
        Noun("demo", "openesi.cli.demo:app", "Bring up a whole house on this machine; nothing to configure."),
        Noun(
            "doctor", "openesi.cli.doctor:app", "Say what is wrong with this installation, and what mends it."
        ),
    ),
    "Server": (
        Noun("serve", "openesi.cli.serve:app", "Run the IEEE 2030.5 server and the operator's page."),
        Noun("pki", "openesi.cli.pki:app", "Make and read certificates by the 2030.5 profile."),
        Noun("device", "openesi.cli.device:app", "Register, list and remove devices."),
        Noun("discover", "openesi.cli.discover:app", "Find servers on this network."),
    ),
    "Operator": (
        Noun("program", "openesi.cli.program:app", "Make and list programs."),
        Noun("group", "openesi.cli.group:app", "Make groups of devices, and assign to them."),
        Noun("event", "openesi.cli.event:app", "Send, cancel, list and watch events."),
        Noun("rates", "openesi.cli.rates:app", "Say how often devices poll and post."),
        Noun("price", "openesi.cli.price:app", "Set and list prices."),
        Noun("message", "openesi.cli.message:app", "Send, cancel and list text messages."),
        Noun("file", "openesi.cli.file:app", "Offer firmware and other files to devices."),
        Noun("bill", "openesi.cli.bill:app", "Keep customers' accounts and what they cost."),
        Noun("prepay", "openesi.cli.prepay:app", "Keep prepaid accounts; pay into them."),
        Noun("reading", "openesi.cli.reading:app", "Show what meters measured."),
        Noun("log", "openesi.cli.log:app", "List what devices and the server noted."),
        Noun("dr", "openesi.cli.dr:app", "Ask loads to use less, now or later."),
        Noun("reservation", "openesi.cli.reservation:app", "Grant what vehicles ask for in advance."),
    ),
    "Everything, in the standard's terms": (
        Noun("resource", "openesi.cli.resource:app", "Read and write any resource as the operator."),
    ),
    "Ask a server by hand": (
        Noun("get", "openesi.cli.request:get", "Read a resource."),
        Noun("put", "openesi.cli.request:put", "Write a resource from a file."),
        Noun("post", "openesi.cli.request:post", "Add to a list from a file."),
    ),
    "Documents": (
        Noun("schema", "openesi.cli.schema:app", "Print the XSD that the model stands for."),
        Noun("validate", "openesi.cli.validate:app", "Check documents against the standard."),
        Noun("exi", "openesi.cli.exi:app", "Turn XML into EXI and back."),
    ),
    "Devices and gateways": (
        Noun("run", "openesi.cli.run:app", "Run one device as a real 2030.5 client."),
        Noun("fleet", "openesi.cli.fleet:app", "Run many devices as real 2030.5 clients."),
        Noun("points", "openesi.cli.points:app", "Read and write DER devices as SunSpec points."),
        Noun("gateway", "openesi.cli.gateway:app", "Read a smart meter and serve it in the home.", "gateway"),
        Noun("provision", "openesi.cli.provision:app", "Provision home devices through an AMI head-end."),
    ),
}
"""Every noun there can be, in the order of the help text."""

_HEAD: Final = """\
Usage: openesi [--debug] COMMAND ...

The open Energy Services Interface: IEEE 2030.5 server, client and tools.
"""

_TAIL: Final = """\
Options
  --help     Show this text; `openesi COMMAND --help` shows more.
  --version  Show the version.
  --debug    Show the full traceback of an error; anywhere on the line.

Exit codes
  0 done, 1 failed, 2 wrong usage, 3 server not reached, 4 refused (TLS, access), 130 interrupted.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. Data goes to stdout, everything else to stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug, arguments = _take_debug(arguments)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # outermost: every error ends as a message and an exit code
        if debug:
            raise
        return _report(error)
    return code


def available_nouns() -> dict[str, Noun]:
    """Return the nouns whose module is there, by name."""
    nouns = (noun for section in NOUNS.values() for noun in section)
    return {noun.name: noun for noun in nouns if _is_there(noun)}


def render_help() -> str:
    """Return the text of ``openesi --help``."""
    nouns = available_nouns()
    width = max((len(name) for name in nouns), default=0)
    parts = [_HEAD]
    for title, section in NOUNS.items():
        lines = [f"  {noun.name:<{width}}  {noun.help}" for noun in section if noun.name in nouns]
        if lines:
            parts.append("\n".join([title, *lines, ""]))
    return "\n".join([*parts, _TAIL])


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        sys.stderr.write(render_help())
        return WRONG_USAGE
    name, *rest = arguments
    if name in ("--help", "-h"):
        sys.stdout.write(render_help())
        return DONE
    if name == "--version":
        sys.stdout.write(f"openesi {__version__}\n")
        return DONE
    nouns = available_nouns()
    if name not in nouns:
        raise WrongUsage(_unknown(name, list(nouns)))
    return _run(nouns[name], rest)


def _run(noun: Noun, arguments: list[str]) -> int:
    app = _load(noun)
    try:
        app(arguments, prog_name=f"openesi {noun.name}")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE if end.code is None else FAILED
    return DONE


def _load(noun: Noun) -> typer.Typer:
    module_name, _, attribute = noun.where.partition(":")
    try:
        app: typer.Typer = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "openesi":
            raise
        wanted = f"openesi[{noun.extra}]" if noun.extra else "openesi"
        raise OpenESIError(
            f"`openesi {noun.name}` needs the package {error.name}, which is not installed. "
            f"Run: python -m pip install '{wanted}'"
        ) from error
    return app


def _is_there(noun: Noun) -> bool:
    return importlib.util.find_spec(noun.where.partition(":")[0]) is not None


def _unknown(name: str, names: list[str]) -> str:
    import difflib  # only a slip of the finger needs it

    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean `openesi {near[0]}`?" if near else " `openesi --help` lists the commands."
    return f"There is no command {name!r}.{hint}"


def _take_debug(arguments: list[str]) -> tuple[bool, list[str]]:
    """Take ``--debug`` out of the options, wherever it stands before a ``--``."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != "--debug"]
    return len(options) < end, options + arguments[end:]


def _report(error: Exception) -> int:
    from openesi.cli.output import say  # a command that goes well may print nothing

    for kind, code in EXIT_CODES:
        if isinstance(error, kind):
            say(f"openesi: {error}")
            return code
    say(
        f"openesi: unexpected {type(error).__name__}: {error}\n"
        "This is a mistake in OpenESI. Run the command again with --debug and report what it prints."
    )
    return FAILED


def _silence_stdout() -> None:
    """Point stdout nowhere: its reader has gone, and the interpreter would complain when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
