"""The errors that cross room boundaries. Each message says what to do next.

Rooms add their own children beside the code that raises them (``sip.RemoteError``, ``config.ConfigError``); all of
them are :class:`OffhookError`, so the daemon can tell a fault that it knows from a bug.
"""


class OffhookError(Exception):
    """A fault that offhook foresaw; ``str(error)`` is one line for a person, ending in what to do."""


class DeviceError(OffhookError):
    """A card, pin, gauge or other piece of hardware is missing, busy or not what the board file says."""


class NetworkError(OffhookError):
    """A name does not resolve, a socket cannot be bound or a server cannot be reached."""
