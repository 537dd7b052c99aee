"""What can be wrong with what a person asks of the signal processing."""

from offhook.errors import OffhookError


class ToneError(OffhookError):
    """A tone's notation is wrong; the message shows how to write it."""
