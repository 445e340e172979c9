"""Throw octets at the EXI codec: any of them give a document or our error, in bounded time, and nothing else.

``python fuzz/fuzz_exi.py --exhaustive`` reads every truncation and every flipped bit of 50 test vectors.
``python fuzz/fuzz_exi.py --corpus DIR`` writes all vectors to a directory, for the fuzzer to begin with.
``python fuzz/fuzz_exi.py [libFuzzer options] DIR`` fuzzes until it is stopped; needs ``pip install atheris``.
What it finds goes into tests/exi/test_hostile.py.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]


def exhaust(count: int) -> None:
    """Break the smallest of the vectors in every way, spread over all kinds of them."""
    from exi.documents import vectors
    from exi.invariant import broken, verdict

    chosen = sorted(vectors(), key=lambda one: len(one.sep))[:count]
    started = time.perf_counter()
    tried = read = 0
    for vector in chosen:
        for stream in broken(vector.sep):
            tried += 1
            read += verdict(stream) == "read"
    took = time.perf_counter() - started
    sys.stdout.write(f"{len(chosen)} vectors, {tried} broken streams, {read} of them read, in {took:.0f} s\n")


def write_corpus(folder: Path) -> None:
    """Write every vector to a file of its own."""
    from exi.documents import roots, vectors

    folder.mkdir(parents=True, exist_ok=True)
    for vector in (*vectors(), *roots()):
        (folder / vector.name).write_bytes(vector.sep)


def fuzz() -> None:
    """Run the fuzzer on the codec."""
    import atheris

    with atheris.instrument_imports(include=["openesi"]):
        from exi.invariant import verdict

    atheris.Setup(sys.argv, lambda data: verdict(data) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--exhaustive"]:
            exhaust(50)
        case ["--corpus", folder]:
            write_corpus(Path(folder))
        case _:
            fuzz()
