"""Several processes that answer devices: forked from one that holds the socket and watches them."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

log = logging.getLogger(__name__)

RESTART_AFTER_S = 1.0  # a worker that dies at once must not be forked in a busy loop


def run_workers(count: int, work: Callable[[int], None]) -> None:
    """Run ``work(number)`` in ``count`` processes until SIGINT or SIGTERM; one that dies is started again.

    Call it before any event loop or thread is made. Returns when all workers have ended.
    """
    children: dict[int, int] = {}
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        del signum, frame
        stopping = True
        for pid in children:
            os.kill(pid, signal.SIGTERM)

    for number in range(count):
        children[_fork(number, work)] = number
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while children:
        pid, status = os.wait()
        number = children.pop(pid, -1)
        if number < 0 or stopping:
            continue
        log.error(
            "worker_died number=%d pid=%d status=%d restart_s=%.0f", number, pid, status, RESTART_AFTER_S
        )
        time.sleep(RESTART_AFTER_S)
        if not stopping:
            children[_fork(number, work)] = number


def _fork(number: int, work: Callable[[int], None]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
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
