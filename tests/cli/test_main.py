from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from openesi import __version__, cli
from openesi.errors import LocalError, PeerError, Refused, Unreachable, WrongUsage

COMMANDS = '''
from openesi import errors
from openesi.cli.options import noun_app
from openesi.cli import output

app = noun_app("A noun for tests.")

@app.command()
def fail(kind: str, number: int = 0) -> None:
    """Raise an error."""
    raise eval(kind)

@app.command()
def many() -> None:
    """Print more than a pipe holds."""
    for n in range(100_000):
        output.write(f"line {n}")
'''


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A noun ``odd`` with commands that go wrong, in a module outside the package."""
    (tmp_path / "odd_commands.py").write_text(COMMANDS)
    (tmp_path / "needs_more.py").write_text("import a_package_that_is_not_there")
    monkeypatch.syspath_prepend(tmp_path)
    nouns = (
        cli.Noun("odd", "odd_commands:app", "Odd."),
        cli.Noun("rich-man", "needs_more:app", "Needs an extra.", "gold"),
        cli.Noun("later", "not_written_yet:app", "Not there."),
    )
    monkeypatch.setattr(cli, "NOUNS", {"Odd": nouns})


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    source = str(Path(cli.__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-m", "openesi", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PYTHONPATH": source, "PATH": ""},
    )


def test_python_m_openesi_prints_the_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"openesi {__version__}\n", "")


def test_without_a_command_the_help_goes_to_stderr() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == cli.render_help()


def test_help_imports_no_command_and_none_of_their_libraries() -> None:
    code = textwrap.dedent(
        """
        import sys
        from openesi.cli import main
        main(["--help"])
        heavy = {"typer", "rich", "cryptography", "msgspec", "asyncio", "ssl", "starlette"} & set(sys.modules)
        ours = {name for name in sys.modules if name.startswith("openesi.cli.")}
        assert not heavy | ours, heavy | ours
        """
    )
    env = {"PYTHONPATH": str(Path(cli.__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=30, env=env)


def test_help_fits_80_columns_and_names_the_exit_codes() -> None:
    text = cli.render_help()
    assert "4 refused" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("noun", cli.available_nouns().values(), ids=lambda noun: noun.name)
def test_every_noun_that_is_shown_can_be_loaded_and_explains_itself(
    noun: cli.Noun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([noun.name, "--help"]) == 0
    assert f"openesi {noun.name}" in capsys.readouterr().out


@pytest.mark.usefixtures("odd")
def test_a_noun_whose_module_is_missing_is_not_shown() -> None:
    assert "later" not in cli.render_help()
    assert "odd" in cli.render_help()
    assert cli.main(["later"]) == 2


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (WrongUsage("no"), 2),
        (Unreachable("no"), 3),
        (ConnectionRefusedError(111, "no"), 3),
        (TimeoutError("no"), 3),
        (Refused("no"), 4),
        (PeerError("no", status=404), 1),
        (LocalError("no"), 1),
        (FileNotFoundError(2, "no"), 1),
        (KeyError("no"), 1),
        (KeyboardInterrupt(), 130),
        (SystemExit(7), 7),
    ],
    ids=repr,
)
def test_each_error_has_its_exit_code_and_no_traceback(
    raised: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    expression = repr(raised) if not isinstance(raised, LocalError | PeerError) else f"errors.{raised!r}"
    assert cli.main(["odd", "fail", expression]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert ("no" in printed.err) is (not isinstance(raised, KeyboardInterrupt | SystemExit))


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_debug_shows_the_traceback_wherever_it_stands(place: int) -> None:
    arguments = ["odd", "fail", "KeyError('no')"]
    arguments.insert(place, "--debug")
    with pytest.raises(KeyError):
        cli.main(arguments)


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-option"],
        ["odd"],
        ["odd", "no-such-verb"],
        ["odd", "fail"],
        ["odd", "fail", "x", "--number", "y"],
        ["oddd"],
    ],
)
def test_wrong_usage_is_2_with_a_message_on_stderr(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err


@pytest.mark.usefixtures("odd")
def test_a_slip_of_the_finger_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["od"])
    assert "Did you mean `openesi odd`?" in capsys.readouterr().err


@pytest.mark.usefixtures("odd")
def test_a_missing_package_names_the_extra_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rich-man"]) == 1
    assert "pip install 'openesi[gold]'" in capsys.readouterr().err


@pytest.mark.usefixtures("odd")
def test_escape_sequences_of_a_peer_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["odd", "fail", r"errors.PeerError('name \x1b[31mred')"])
    assert capsys.readouterr().err == "openesi: name \\x1b[31mred\n"


def test_a_reader_that_goes_away_is_no_error_message(tmp_path: Path) -> None:
    (tmp_path / "odd_commands.py").write_text(COMMANDS)
    code = (
        "import sys; from openesi import cli;"
        "cli.NOUNS['Odd'] = (cli.Noun('odd', 'odd_commands:app', ''),); sys.exit(cli.main(['odd', 'many']))"
    )
    env = {"PYTHONPATH": f"{Path(cli.__file__).parents[2]}:{tmp_path}"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line 0\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 1
