"""A thread that must never be late: SCHED_FIFO, memory locked, the collector out of the way."""

import ctypes
import gc
import os
import resource
import signal

PRIORITY = 50
_LONGEST_SPIN_US = 1_000_000
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


def go_realtime() -> bool:
    """Ask for SCHED_FIFO and locked memory; return whether the scheduler granted its part.

    Needs CAP_SYS_NICE or ``LimitRTPRIO=``, and ``LimitMEMLOCK=``; without them the process stays as it is.
    """
    # On fault: only what is used gets locked, not every page of every library (mlockall(2), Linux 4.4).
    ctypes.CDLL(None, use_errno=True).mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)
    # A loop that spins would starve the whole device: the kernel ends it (SIGXCPU), and signalling starts it again.
    resource.setrlimit(resource.RLIMIT_RTTIME, (_LONGEST_SPIN_US, 2 * _LONGEST_SPIN_US))
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError:
        return False
    return True


def leave_signals_to_signalling() -> None:
    """End when signalling closes the socket, not by the signals that the whole group is sent."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def freeze_collector() -> None:
    """Keep what lives now out of all later collections, and collect only when :func:`collect_idle` is called."""
    gc.collect()
    gc.freeze()
    gc.disable()


def collect_idle() -> None:
    """Collect what calls left behind, at a moment when nobody listens."""
    gc.collect()
