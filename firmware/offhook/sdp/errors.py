"""Why a session description cannot be used."""

from offhook.errors import OffhookError


class NotAcceptable(OffhookError):
    """A description that this phone cannot take part in.

    ``status`` is the SIP status to refuse an offer with, ``warning`` the code for a Warning header
    (:rfc:`3261#section-20.43`); ``str(error)`` is fit for its text.
    """

    status = 488

    def __init__(self, reason: str, warning: int = 399) -> None:
        super().__init__(reason)
        self.warning = warning


class MalformedDescription(NotAcceptable):
    """A description that breaks the grammar of :rfc:`8866`."""

    status = 400


class UnwritableDescription(OffhookError):
    """A description of ours that holds a line break where none may be."""
