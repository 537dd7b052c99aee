"""The phone and a soft phone on one line: which peer, over what, and whether a Kamailio stands between them."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.support.baresip import Baresip, direct_account, pbx_account
from tests.support.certs import make_authority
from tests.support.kamailio import Kamailio
from tests.support.linphone import Linphone
from tests.support.netns import PHONE_IP, SERVER_IP
from tests.support.phone import Phone, account, config
from tests.support.softphone import Line, SoftPhone, Transport

# mbedtls, which linphonec uses, compares an address with the DNS names of a certificate only.
NAMES = f"DNS:pbx.test,URI:sip:pbx.test,IP:{SERVER_IP},DNS:{SERVER_IP},IP:{PHONE_IP},DNS:{PHONE_IP}"
FEATURES = "features: {transfer_on_hangup: true}\n"

Peer = Literal["baresip", "linphonec"]


@dataclass(frozen=True, slots=True)
class Way:
    """A peer and how it is spoken to; ``direct``: no server between."""

    peer: Peer
    transport: Transport
    direct: bool = False
    srtp: bool = False

    def __str__(self) -> str:
        """As the test's name shows it."""
        words = [self.peer, self.transport, "direct" if self.direct else "proxy", *(["srtp"] if self.srtp else [])]
        return "-".join(words)


class Meeting:
    """Who takes part: ``phone`` is 1001, ``peer`` 1002, and ``third`` 1004 where somebody calls for it."""

    def __init__(self, folder: Path, way: Way) -> None:
        self.folder, self.way = folder, way
        self._stack = ExitStack()
        self._third: Linphone | None = None
        try:
            self.authority = make_authority(folder / "ca", NAMES) if way.transport == "tls" else None
            self.server = (
                None
                if way.direct
                else self._stack.enter_context(Kamailio(folder / "kamailio", authority=self.authority))
            )
            self.peer: SoftPhone = self.start(way.peer, "1002")
            self.phone = self._stack.enter_context(Phone(folder / "phone", self._config()))
            if self.server is not None:
                self.phone.wait_registered()
        except BaseException:
            self._stack.close()
            raise

    def _config(self) -> str:
        more: list[str] = []
        if self.way.srtp:
            # baresip 1.0.0 offers keys in RTP/AVP, which `required` refuses.
            more.append(f"srtp: {'required' if self.way.peer == 'linphonec' else 'optional'}")
        if self.authority is not None:
            more.append(f"tls: {{ca: {self.authority.ca_file}}}")
        transport = self.way.transport
        if self.server is not None:
            server = self.server.address_for(transport)
        else:
            server = f"{SERVER_IP}:{5063 if transport == 'tls' else 5062}"
        line = account(server, transport=transport, register=self.server is not None, more=more)
        # A peer that opens a TCP connection itself does not choose from where: here that is the phone's own address.
        policy = "" if self.server is not None else "accept_from: listed, listed: [10.77.0.0/24]"
        if self.server is None and self.authority is not None:
            files = f"certificate: {self.authority.certificate}, key: {self.authority.key}"
            policy += f', tls_listen: {{address: "{PHONE_IP}:0", {files}}}'
        return config(line, more=FEATURES, sip=policy)

    def start(self, peer: Peer, user: str, answers: bool = False) -> SoftPhone:
        """Start a soft phone that reaches the server as the phone does, registered where there is one."""
        if peer == "linphonec":
            return self._linphone(user, answers)
        return self._baresip(user, answers)

    def _baresip(self, user: str, answers: bool) -> Baresip:
        number = int(user) - 1000
        answer = "auto" if answers else "manual"
        srtp = "srtp" if self.way.srtp else ""
        port = 5058 + 2 * number
        if self.server is None:
            line = direct_account(user, f"{SERVER_IP}:{port}", self.way.transport, answer, srtp)
        else:
            line = pbx_account(user, self.server.address_for(self.way.transport), self.way.transport, answer, srtp)
        baresip = self._stack.enter_context(
            Baresip(
                self.folder / user,
                line,
                SERVER_IP,
                port,
                4460 + number,
                f"{10000 + 100 * number}-{10019 + 100 * number}",
                ca_file=self.authority.ca_file if self.authority else None,
                certificate=self._certificate() if self.authority and self.server is None else None,
            )
        )
        if self.server is not None:
            baresip.wait_registered()
        return baresip

    def _certificate(self) -> Path:
        """The server's certificate and key in one file, as baresip wants them."""
        assert self.authority is not None
        path = self.folder / "both.pem"
        path.write_text(self.authority.certificate.read_text() + self.authority.key.read_text())
        return path

    def _linphone(self, user: str, answers: bool) -> Linphone:
        number = int(user) - 1000
        line = Line(
            user,
            self.server.address_for(self.way.transport) if self.server else "",
            self.way.transport,
            self.way.srtp and self.way.peer == "linphonec",  # baresip offers it keys in RTP/AVP, which it would refuse
            answers,
            self.authority.ca_file if self.authority else None,
        )
        ports = f"{15000 + 100 * number}-{15019 + 100 * number}"
        linphone = self._stack.enter_context(Linphone(self.folder / user, line, SERVER_IP, 5058 + 2 * number, ports))
        if self.server is not None:
            linphone.wait_registered()
        return linphone

    @property
    def third(self) -> Linphone:
        """Somebody else at the same server, who answers every call: a linphonec, for baresip knows no Replaces."""
        if self._third is None:
            self._third = self._linphone("1004", answers=True)
        return self._third

    @property
    def phone_uri(self) -> str:
        """Where the peer calls the phone."""
        if self.server is not None:
            return "sip:1001@pbx.test"
        transport = self.way.transport
        address = f"sip:1001@{self.phone.address(transport)}"
        return address if self.way.peer == "baresip" else f"{address};transport={transport}"  # baresip adds it itself

    def clear(self) -> None:
        """Put everything on hook again, and forget what was seen."""
        self.phone.hang_up()
        self.phone.wait_state("ON_HOOK")
        for other in (self.peer, *([self._third] if self._third else [])):
            other.clear()
        self.phone.wait_status(lambda status: status["calls"] == [], "end of all calls")
        self.phone.board_socket.forget()

    def stop(self) -> None:
        """End all of them."""
        self._stack.close()

    def __enter__(self) -> "Meeting":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
