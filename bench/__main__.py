"""Run the benches one after another: ``python -m bench [PART ...]``.

Each is a program of its own that prints a table and writes bench/results/PART.json. They share no process,
so that none warms or burdens another.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(wanted: list[str]) -> int:
    """Run the wanted parts, or all; return 1 if any of them failed."""
    parts = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    if unknown := set(wanted) - set(parts):
        print(f"No such bench: {', '.join(sorted(unknown))}. There are: {', '.join(parts)}.", file=sys.stderr)
        return 2
    failed = []
    for part in wanted or parts:
        print(f"== {part}", flush=True)
        command = [sys.executable, "-m", f"{HERE.name}.{part}"]
        if subprocess.run(command, cwd=HERE.parent, check=False).returncode:
            failed.append(part)
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
