"""The dialogs that one INVITE of ours has made: early ones, the one that was answered, those that lost.

Each To tag is a dialog of its own with media of its own (:rfc:`3960`). The newest early media is followed; when a
dialog is answered whose media is not the one that was followed last, its description is told again.
"""

from collections.abc import Callable, Iterator

from offhook.sip.calls.offeranswer import Phase, session_part
from offhook.sip.calls.reoffers import Owed
from offhook.sip.calls.session import Session
from offhook.sip.events import Body
from offhook.sip.messages.message import Request, Response
from offhook.sip.responses import body_of

MAX_FORKS = 16


class Forks:
    """``make(invite, response)`` opens a dialog, in its early stage; ``offer`` is what our INVITE offers, if anything.

    Where it offers nothing, the other side does, in a reliable response or in its 2xx.
    """

    def __init__(self, make: Callable[[Request, Response], Session], offer: Body | None) -> None:
        self.followed: Session | None = None
        self._make = make
        self._offer = session_part(offer)
        self._sessions: dict[str, Session] = {}
        self._previews: dict[Session, Body] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def of(self, invite: Request, response: Response) -> Session | None:
        """Return the dialog of a response, a new one where it is the first; None beyond :data:`MAX_FORKS`.

        Raises RemoteError for a response that makes no dialog.
        """
        key = f"{invite.via.branch}/{response.to.tag or ''}"
        session = self._sessions.get(key)
        if session is None and len(self._sessions) < MAX_FORKS:
            session = self._sessions[key] = self._make(invite, response)
            session.on_early_end = lambda reason, now: session.retire(now)
            if self._offer is not None:
                session.offers.we_offer(self._offer)
        return session

    def early_media(self, session: Session | None, response: Response, reliably: bool) -> Body | None:
        """Return the description that the application is to follow now, None: what it follows stays."""
        body = body_of(response)
        part = session_part(body)
        if session is None:
            return body if self._offer is not None else None
        self.followed = self.followed or session
        offers = session.offers
        if part is None or self._offer is None:
            return None
        if offers.phase is Phase.OFFERED:
            if reliably:
                offers.they_answer(part)
            else:
                self._previews[session] = part
        elif self.followed is session or not offers.complete:
            return None  # This dialog has its session already; a further description means nothing (RFC 6337).
        else:
            body = offers.remote
        self.followed = session
        return body

    def acknowledge(self, session: Session, invite: Request, response: Response, now: float) -> None:
        """Send the PRACK: at once, or with our answer where the response brought an offer."""
        offer = body_of(response)
        first = self._offer is None and session.offers.phase is Phase.IDLE and not session.offers.complete
        if offer is None or session_part(offer) is None or not first or session.handle is None:
            session.pracks.send(invite, now)
            return

        def accept(body: Body | None, now: float) -> None:
            if body is not None:
                session.offers.we_answer(body)
            session.pracks.send(invite, now, body)

        def reject(status: int, now: float) -> None:
            session.offers.withdrawn()
            session.pracks.send(invite, now)

        self.followed = session
        session.reoffers.owe(offer, Owed(accept, reject))

    def answer(self, session: Session, body: Body | None) -> Body | None:
        """Close the exchange of the dialog that was answered; return the description to go by, None: no other."""
        offers, part = session.offers, session_part(body)
        preview = self._previews.get(session)
        if offers.phase is Phase.OFFERED:
            if (answer := part or preview) is None:
                return body
            offers.they_answer(answer)
            return body if part is not None else preview
        # Answered reliably before: a description in the 2xx means nothing, but the media may be another dialog's.
        return offers.remote if self.followed is not session else None

    def retire(self, now: float, winner: Session | None = None) -> None:
        """Follow no early dialog any further but ``winner``."""
        for session in self:
            if session is not winner and session.is_early:
                session.retire(now)
