"""Who has offered and who owes an answer, in one dialog (:rfc:`3264`; :rfc:`6337` says which message may carry what).

::

                 we_offer                                   they_offer
    IDLE ───────────────────> OFFERED        IDLE ─────────────────────────> OWING
      ^   they_answer, withdrawn │             ^    we_answer, withdrawn        │
      └──────────────────────────┘             └────────────────────────────────┘

Only while nothing stands open may either side offer. Session descriptions are kept as they are, not looked into.
"""

from enum import Enum

from offhook.sip.events import Body
from offhook.sip.messages.multipart import find_part

SDP = "application/sdp"


class Phase(Enum):
    """IDLE: nothing stands open. OFFERED: the other side is to answer. OWING: we are."""

    IDLE = "idle"
    OFFERED = "offered"
    OWING = "owing"


class OfferAnswer:
    """The exchange of one dialog; ``local`` and ``remote`` are the descriptions in force, None before the first."""

    def __init__(self) -> None:
        self.phase = Phase.IDLE
        self.local: Body | None = None
        self.remote: Body | None = None
        self.said = 0  # how many descriptions of ours went out
        self._offer: Body | None = None

    @property
    def complete(self) -> bool:
        """True once there is a session and nothing stands open: either side may offer anew."""
        return self.phase is Phase.IDLE and self.local is not None and self.remote is not None

    def we_offer(self, body: Body) -> None:
        """An offer of ours goes out."""
        self.phase, self._offer = Phase.OFFERED, body
        self.said += 1

    def they_offer(self, body: Body) -> None:
        """An offer of theirs came in."""
        self.phase, self._offer = Phase.OWING, body

    def we_answer(self, body: Body) -> None:
        """Our answer to their offer goes out."""
        self.local, self.remote = body, self._offer
        self.said += 1
        self._close()

    def they_answer(self, body: Body) -> None:
        """Their answer to our offer came in."""
        self.local, self.remote = self._offer, body
        self._close()

    def withdrawn(self) -> None:
        """The open offer was refused, or will never be answered: what was before stays in force."""
        self._close()

    def _close(self) -> None:
        self.phase, self._offer = Phase.IDLE, None


def session_part(body: Body | None) -> Body | None:
    """Return the session description in a body, alone or among other parts; None where there is none."""
    if body is None:
        return None
    part = find_part(body.content_type, body.data, SDP)
    if part is None:
        return None
    return body if part is body.data else Body(SDP, part)
