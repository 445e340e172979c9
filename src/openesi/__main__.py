"""``python -m openesi`` is the ``openesi`` command."""

from __future__ import annotations

import sys

from openesi.cli import main

sys.exit(main())
