"""What holds for the repository as a whole: pins, links, sizes, and documents that name what exists."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import typer.main
from packaging.requirements import Requirement

import openesi
from openesi import cli

ROOT = Path(__file__).parent.parent
FOLDERS = (".ci", ".github", "bench", "docs", "examples", "requirements", "scripts", "src", "tests")
TEXT_SUFFIXES = {
    "",
    ".css",
    ".html",
    ".js",
    ".json",
    ".md",
    ".py",
    ".sh",
    ".sql",
    ".toml",
    ".tsv",
    ".txt",
    ".xml",
    ".yml",
}

MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:work|home|root)/")
PACKAGE_HOST = re.compile(
    r"pypi\.org|pythonhosted\.org|deb\.debian\.org|archive\.ubuntu\.com|npmjs\.(?:org|com)|crates\.io"
)

FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
GROUPS = PYPROJECT["dependency-groups"]
EXTRAS = PROJECT["optional-dependencies"]
OURS = {
    name: EXTRAS[name] for name in EXTRAS if name != "volttron"
}  # that one is for an environment of its own


def text_files() -> Iterator[tuple[str, str]]:
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    for folder in FOLDERS:
        found += (ROOT / folder).rglob("*")
    for path in found:
        if path.is_file() and path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts:
            yield str(path.relative_to(ROOT)), path.read_text()


def offences(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in text_files()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def pins(name: str) -> dict[str, str]:
    """Name -> version, of one file of pins."""
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    found = [
        Requirement(line.removesuffix("\\")) for line in lines if line and not line.startswith(("#", " "))
    ]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in found}


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md"), *(ROOT / "docs").rglob("*.md")])


def commands(program: str) -> Iterator[tuple[str, list[str]]]:
    """The arguments of each line in a document's code blocks that runs ``program``, and where it stands."""
    for document in documents():
        for block in FENCE.findall(document.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True) if program in line else []
                if words and Path(words[0]).name == program:
                    yield f"{document.relative_to(ROOT)}: {line}", words[1:]


def test_no_file_names_a_path_of_one_machine() -> None:
    assert offences(MACHINE_PATH) == []


def test_no_file_names_a_package_host() -> None:
    assert offences(PACKAGE_HOST) == []


def test_source_files_are_short_enough_to_read() -> None:
    long = {
        name
        for name, text in text_files()
        if name.startswith("src/") and name.endswith(".py") and text.count("\n") > 800
    }
    assert long == set()


def test_every_dependency_says_why_it_is_there() -> None:
    listed = [*PROJECT["dependencies"], *chain(*EXTRAS.values()), *chain(*GROUPS.values())]
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    explained = [re.match(r'\s*"([^"]+)",\s+# \S', line) for line in lines]
    assert set(listed) - {match[1] for match in explained if match} == set()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("run.txt", [*PROJECT["dependencies"], *EXTRAS["fast"], *GROUPS["build"]]),
        ("dev.txt", [*PROJECT["dependencies"], *chain(*OURS.values()), *GROUPS["build"], *GROUPS["dev"]]),
        (
            "volttron.txt",
            [*PROJECT["dependencies"], *EXTRAS["volttron"], *GROUPS["build"], *GROUPS["volttron"]],
        ),
        ("lock.txt", GROUPS["lock"]),
    ],
)
def test_pins_cover_what_pyproject_asks_for(name: str, wanted: list[str]) -> None:
    pinned = pins(name)
    missing = [
        text
        for text in wanted
        if not Requirement(text).specifier.contains(pinned.get(Requirement(text).name, "0.dev0"))
    ]
    assert missing == [], "run `make lock`"


def test_using_and_developing_install_the_same_versions() -> None:
    assert pins("run.txt").items() <= pins("dev.txt").items()


@pytest.mark.parametrize("name", ["run.txt", "dev.txt", "lock.txt"])
def test_every_pin_is_exact_hashed_and_from_no_named_place(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    entries = re.sub(r"\\\n", "", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    assert [
        entry for entry in entries if not re.match(r"[\w.-]+==[\w.]+ .*--hash=sha256:[0-9a-f]{64}", entry)
    ] == []
    assert "://" not in text
    assert "index" not in text


def test_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == openesi.__version__


def anchors(document: Path) -> set[str]:
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(document.read_text())
    }


def test_relative_links_lead_somewhere() -> None:
    broken = []
    for document in documents():
        for link in LINK.findall(FENCE.sub("", document.read_text())):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (document.parent / path) if path else document
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
                broken.append(f"{document.relative_to(ROOT)}: {link}")
    assert broken == []


def test_every_page_of_the_documentation_is_linked() -> None:
    linked = {
        (document.parent / link.partition("#")[0]).resolve()
        for document in (ROOT / "README.md", ROOT / "docs" / "index.md")
        for link in LINK.findall(document.read_text())
    }
    pages = set((ROOT / "docs").rglob("*.md")) - {ROOT / "docs" / "index.md"}
    assert {str(page.relative_to(ROOT)) for page in pages if page.resolve() not in linked} == set()


def test_documented_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for _, words in commands("make") for word in words if re.fullmatch(r"[a-z]+", word)}
    assert named >= {"demo", "test"}
    assert named - targets == set()


def complaint(words: list[str]) -> str | None:
    """What keeps ``openesi`` from understanding ``words``, if anything does."""
    if words[0].startswith("-"):
        return None if words[0] in ("--help", "--version", "--debug") else f"no option {words[0]}"
    noun = cli.available_nouns().get(words[0])
    if noun is None:
        return f"no command {words[0]!r}"
    module, _, attribute = noun.where.partition(":")
    command = typer.main.get_command(getattr(importlib.import_module(module), attribute))
    rest = words[1:]
    known = {"--help", "--debug"}
    while True:
        known |= {name for option in command.params for name in option.opts + option.secondary_opts}
        children = getattr(command, "commands", {})
        if not children or not rest or rest[0].startswith("-"):
            break
        if rest[0] not in children:
            return f"no command {rest[0]!r}"
        command, rest = children[rest[0]], rest[1:]
    unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
    return f"no option {', '.join(unknown)}" if unknown else None


@pytest.mark.parametrize(
    "page", [page for page in documents() if "```python" in page.read_text()], ids=lambda page: page.stem
)
def test_python_in_the_documentation_runs(page: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    program = [sys.executable, "-W", "error", "-c", "\n".join(blocks)]  # one page, typed from top to bottom
    done = subprocess.run(program, cwd=ROOT / "src", capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_documented_commands_exist() -> None:
    complaints = [(where, why) for where, words in commands("openesi") if (why := complaint(words))]
    assert complaints == []


def test_the_wheel_carries_the_whole_package_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = (ROOT / "src").rglob("*")
    files = {path.relative_to(ROOT / "src").as_posix() for path in package if path.is_file()}
    assert packed == {name for name in files if not name.endswith(".pyc")}
