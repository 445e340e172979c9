from __future__ import annotations

import re

import openesi


def test_version_is_semantic() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", openesi.__version__)
