"""The vendored files are the published ones, byte for byte."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

VENDOR = Path(__file__).parents[2] / "src/openesi/web/static/vendor"


def test_every_vendored_file_is_listed_with_its_hash() -> None:
    packages = tomllib.loads((VENDOR / "vendor.toml").read_text())["package"]
    listed = {name: digest for package in packages for name, digest in package["sha256"].items()}

    shipped = {
        str(file.relative_to(VENDOR)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*")
        if file.is_file() and file.name != "vendor.toml"
    }

    assert shipped == listed
