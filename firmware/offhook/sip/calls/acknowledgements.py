"""The ACKs that a caller owes for each 2xx to an INVITE of his (:rfc:`3261#section-13.2.2.4`)."""

from offhook.sip.calls.dialog import Dialog
from offhook.sip.core import Core
from offhook.sip.errors import LocalError
from offhook.sip.events import Body, Target, Transmit
from offhook.sip.messages.headers import Via
from offhook.sip.messages.message import Request
from offhook.sip.registrations.account import Account
from offhook.sip.responses import set_body
from offhook.sip.transactions.next_hop import Hop

MAX_REMEMBERED = 8  # a 2xx is repeated for 32 s at most, and re-INVITEs come one after the other
CREDENTIALS = ("Authorization", "Proxy-Authorization")


class Acknowledgements:
    """What was acknowledged in one dialog, by CSeq: a repeated 2xx gets the same bytes again.

    The credentials of the INVITE go into its ACK where that goes to the account's server (:rfc:`3261#section-22.1`).
    An ACK that goes to the callee himself has none: he has nothing to check them by, but could guess the password.
    """

    def __init__(self, core: Core, dialog: Dialog, account: Account | None = None, lenient: bool = False) -> None:
        self._core = core
        self._account = account
        self._dialog = dialog
        self._lenient = lenient  # of an emergency call, see Transmit
        self._sent: dict[int, list[Transmit]] = {}
        self._waiting: set[int] = set()

    def is_known(self, invite: Request) -> bool:
        """True when a 2xx to this INVITE was seen before, its ACK sent or still waiting for our answer."""
        return invite.cseq.number in self._sent or invite.cseq.number in self._waiting

    def wait(self, invite: Request) -> None:
        """The 2xx carries an offer: its ACK is sent with our answer, by :meth:`send`; until then it may be repeated."""
        self._waiting.add(invite.cseq.number)

    def send(self, invite: Request, now: float, body: Body | None = None) -> None:
        """Send the ACK for a 2xx to ``invite``, for a repeated 2xx the one that was sent before."""
        number = invite.cseq.number
        known = self._sent.get(number)
        if known is not None:
            self._core.outbox.extend(known)
            return
        self._waiting.discard(number)
        sent = self._sent[number] = []
        while len(self._sent) > MAX_REMEMBERED:
            del self._sent[next(iter(self._sent))]
        ack = self._dialog.request("ACK", number)
        ack.headers.set("User-Agent", self._core.settings.user_agent)
        set_body(ack, body)

        def located(targets: list[Target], reason: str, now: float) -> None:
            if targets:
                if self._account is not None and self._account.is_server(targets[0].ip):
                    for name in CREDENTIALS:
                        for value in invite.headers.get_all(name):
                            ack.headers.add(name, value)
                sent.append(self._ack_for(ack, targets[0]))
                self._core.outbox.extend(sent)

        try:
            self._core.hops.find(Hop.of_uri(self._dialog.next_hop), now, located)
        except LocalError:
            return  # A Contact that names no host: there is nowhere to send an ACK to.

    def repeat(self, invite: Request) -> None:
        """Answer a repeated 2xx; nothing while its ACK waits for our answer."""
        self._core.outbox.extend(self._sent.get(invite.cseq.number, ()))

    def _ack_for(self, ack: Request, target: Target) -> Transmit:
        host, port = self._core.local_address(target.transport, target.ip)
        via = Via(target.transport.upper(), host, port, (("rport", None), ("branch", self._core.branch())))
        ack.headers.prepend("Via", str(via))
        remote = (target.ip, target.port)
        owner = self._account.name if self._account is not None else ""
        data, lenient = bytes(ack), self._lenient
        return Transmit(data, target.transport, remote, name=target.name, account=owner, lenient=lenient)
