"""A registrar for the tests: an endpoint whose application keeps bindings, challenges and misbehaves on demand."""

from collections.abc import Callable
from hashlib import md5, sha256

from offhook.sip import events as ev
from offhook.sip.events import Event
from offhook.sip.messages.message import Request
from offhook.sip.settings import EndpointSettings
from tests.support.sip_pair import A, Address, Pair

REGISTRAR: Address = ("10.0.0.3", 5060)
Answer = tuple[int, tuple[tuple[str, str], ...]]


class Registrar:
    """Answers REGISTER on ``pair``'s network. ``behave`` decides, None for what :meth:`keep` would say."""

    def __init__(self, pair: Pair, *, algorithm: str | None = None, password: str = "secret1001") -> None:
        self.pair = pair
        self.peer = pair.add("registrar", REGISTRAR, EndpointSettings(any_user=True, deliver=frozenset({"REGISTER"})))
        self.peer.on_event = self._on_event
        self.algorithm = algorithm
        self.password = password
        self.challenging = algorithm is not None
        self.nonces = 0
        self.requests: list[tuple[float, Request]] = []
        self.bindings: dict[str, int] = {}
        self.behave: Callable[[Request], Answer | None] = lambda request: None
        self.granted = 3600

    @property
    def nonce(self) -> str:
        return f"n{self.nonces}"

    def renew(self) -> None:
        """Forget the nonce that was given out."""
        self.nonces += 1

    def _on_event(self, event: Event) -> None:
        if isinstance(event, ev.RequestReceived):
            request = event.request
            self.requests.append((self.pair.now, request))
            status, headers = self.behave(request) or self.keep(request)
            self.peer.endpoint.respond(event.key, status, "", self.pair.now, headers=headers)

    def keep(self, request: Request) -> Answer:
        """Check the credentials and keep the bindings, as a registrar should."""
        if self.challenging and not self._is_signed(request):
            self.renew()
            return 401, (("WWW-Authenticate", self.challenge()),)
        expires = request.expires if request.expires is not None else 3600
        for contact in request.contacts:
            own = contact.param("expires")
            lasting = min(int(own) if own else expires, self.granted)
            if lasting:
                self.bindings[str(contact.uri)] = lasting
            else:
                self.bindings.pop(str(contact.uri), None)
        return 200, tuple(("Contact", f"<{uri}>;expires={lasting}") for uri, lasting in self.bindings.items())

    def challenge(self) -> str:
        named = f", algorithm={self.algorithm}" if self.algorithm else ""
        return f'Digest realm="pbx.test", nonce="{self.nonce}", qop="auth,auth-int"{named}'

    def _is_signed(self, request: Request) -> bool:
        value = request.headers.get("Authorization")
        if value is None:
            return False
        fields = dict(part.strip().split("=", 1) for part in value.removeprefix("Digest ").split(", "))
        plain = {name: text.strip('"') for name, text in fields.items()}
        kind = sha256 if self.algorithm == "SHA-256" else md5

        def hashed(*parts: str) -> str:
            return kind(":".join(parts).encode()).hexdigest()

        secret = hashed(plain["username"], plain["realm"], self.password)
        what = hashed(request.method, plain["uri"])
        wanted = hashed(secret, self.nonce, plain["nc"], plain["cnonce"], plain["qop"], what)
        return plain["nonce"] == self.nonce and plain["response"] == wanted


def registering(pair: Pair, registrar: Registrar | None = None, **more: object) -> Registrar:
    """Have ``pair.a`` register user 1001 at a registrar."""
    registrar = registrar or Registrar(pair)
    pair.account(pair.a, "1001", REGISTRAR, register=True, **more)
    assert pair.a.address == A
    return registrar
