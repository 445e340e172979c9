"""Several processes that answer devices: forked from one that holds the socket and watches them."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from openesi.errors import LocalError

log = logging.getLogger(__name__)

RESTART_AFTER_S = 1.0  # a worker that dies at once must not be forked in a busy loop
YOUNG_S = 10.0  # a worker that dies younger than this did not serve
MAX_YOUNG_DEATHS = 5  # in a row; then something is wrong that starting again does not mend
_PR_SET_PDEATHSIG = 1  # Linux, prctl(2)


def run_workers(count: int, work: Callable[[int], None]) -> None:
    """Run ``work(number)`` in ``count`` processes until SIGINT or SIGTERM; one that dies is started again.

    Call it before any event loop or thread is made. Returns when all workers have ended; raises LocalError
    when they keep dying as soon as they are started.
    """
    children: dict[int, int] = {}
    started: dict[int, float] = {}
    young_deaths = 0
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        del signum, frame
        stopping = True
        for pid in children:
            os.kill(pid, signal.SIGTERM)

    def fork(number: int) -> None:
        pid = _fork(number, work)
        children[pid] = number
        started[pid] = time.monotonic()

    for number in range(count):
        fork(number)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while children:
        pid, status = os.wait()
        number = children.pop(pid, -1)
        if number < 0 or stopping:
            continue
        young = time.monotonic() - started.pop(pid) < YOUNG_S
        young_deaths = young_deaths + 1 if young else 0
        log.error(
            "worker_died number=%d pid=%d status=%d restart_s=%.0f", number, pid, status, RESTART_AFTER_S
        )
        if young_deaths > MAX_YOUNG_DEATHS:
            stop(signal.SIGTERM, None)
            continue
        time.sleep(RESTART_AFTER_S)
        if not stopping:
            fork(number)
    if young_deaths > MAX_YOUNG_DEATHS:
        raise LocalError("the workers die as soon as they are started: see the log for why")


def _fork(number: int, work: Callable[[int], None]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        if sys.platform == "linux":  # a worker must not outlive the one who watches it, however that ended
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        work(number)
        code = 0
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        log.exception("worker_failed number=%d", number)
        raise
    finally:
        sys.stdout.flush()
        os._exit(code)
