"""Whether this machine knows what time it is: a board without a battery starts in the past."""

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime

BUILD_DATE = datetime(2026, 11, 22, tzinfo=UTC)
"""No clock that is right shows less than this: the program did not exist before.

It goes with each release: a test fails while it is older than the newest dated section of CHANGELOG.md.
"""

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2), as far as it is read, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernel_is_synchronised() -> bool:
    """Whether the kernel's clock is disciplined by somebody (NTP, PTP, GPS); False where it cannot say."""
    try:
        call = ctypes.CDLL(None, use_errno=True).adjtimex
        answer = _Timex()
        state = int(call(ctypes.byref(answer)))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR and not answer.status & _STA_UNSYNC


def time_is_known(
    wall: Callable[[], float] = time.time, synchronised: Callable[[], bool] = kernel_is_synchronised
) -> bool:
    """Whether dates may be compared with the clock: it is later than this build, or the kernel calls it right."""
    return wall() >= BUILD_DATE.timestamp() or synchronised()
