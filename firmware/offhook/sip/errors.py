"""What can be wrong with SIP: ours (:class:`LocalError`) or theirs (:class:`RemoteError`).

The invariant of the whole room: bytes from outside either parse or raise :class:`RemoteError`, never anything else.
"""

from typing import TYPE_CHECKING

from offhook.errors import OffhookError

if TYPE_CHECKING:
    from offhook.sip.messages.message import Request, Response


class ProtocolError(OffhookError):
    """A rule of SIP was broken; raised only as one of its two children."""


class LocalError(ProtocolError):
    """We were about to send something that SIP does not allow; the message says what to change."""


class RemoteError(ProtocolError):
    """Something that came in breaks a rule.

    ``status`` and ``reason`` are what to answer with; status 0: drop it silently (a response, an ACK, a keep-alive).
    ``reason`` never repeats bytes from outside. ``partial`` is what could be read; where it is a request, its top Via
    is readable and its headers are enough to build the answer. ``fatal``: the stream has lost its framing: answer,
    then close.
    """

    def __init__(
        self, status: int, reason: str, partial: "Request | Response | None" = None, *, fatal: bool = False
    ) -> None:
        super().__init__(f"{status} {reason}" if status else reason)
        self.status = status
        self.reason = reason
        self.partial = partial
        self.fatal = fatal
