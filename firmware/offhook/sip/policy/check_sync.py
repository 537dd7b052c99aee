"""NOTIFY ``Event: check-sync``: a server asks the phone to fetch its config, or to begin anew.

No RFC says so, but every exchange does. Whoever can do this can take the phone away from its owner, so it is
challenged with the account's own credentials, which the exchange has (:rfc:`7616`); a nonce lasts a minute, and each
count of it is good for one request. Where ``check_sync_auth`` is off, the address of the account's server is enough.
"""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2s
from hmac import compare_digest

from offhook.sip.core import Core, OutsideMethod
from offhook.sip.errors import RemoteError
from offhook.sip.events import CheckSync, Flow
from offhook.sip.messages.credentials import Credentials, challenge, verify
from offhook.sip.messages.digest import Challenge
from offhook.sip.messages.grammar import find_param, parse_params
from offhook.sip.messages.message import Request
from offhook.sip.messages.uri import SipUri, parse_uri
from offhook.sip.policy.rate import TokenBucket
from offhook.sip.registrations.account import Account
from offhook.sip.responses import respond_to
from offhook.sip.subscriptions.state import EventType
from offhook.sip.transactions.server_transaction import ServerTransaction

PACKAGE = "check-sync"
NONCE_LASTS = 60.0
ALGORITHMS = ("SHA-256", "MD5")
MAX_NONCES = 64
TRIES = 5.0
TRIES_RATE = 0.05


class CheckSyncDoor:
    """Takes check-sync out of the NOTIFYs outside dialogs; ``otherwise`` gets all others."""

    def __init__(self, core: Core, otherwise: OutsideMethod) -> None:
        self._core = core
        self._otherwise = otherwise
        self._secret = core.token(16).encode()
        self._used: OrderedDict[str, int] = OrderedDict()
        self._tries: dict[str, TokenBucket] = {}

    def on_notify(
        self, request: Request, flow: Flow, account: Account | None, transaction: ServerTransaction, now: float
    ) -> None:
        """Take a NOTIFY (:data:`offhook.sip.core.OutsideMethod`)."""
        if not _is_check_sync(request):
            self._otherwise(request, flow, account, transaction, now)
            return

        def answer(status: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
            respond_to(self._core, transaction, status, "", now, headers)

        if account is None:
            answer(403)
        elif self._core.settings.check_sync_auth and account.settings.password:
            self._authenticate(request, account, answer, now)
        elif self._core.settings.check_sync_auth or not account.is_server(flow.remote[0]):
            answer(403)
        else:
            self._done(request, account, answer)

    def _authenticate(self, request: Request, account: Account, answer: Callable[..., None], now: float) -> None:
        values = request.headers.get_all("Authorization")
        given = [found for found in Credentials.parse_many(values) if found.realm == realm(account)]
        tries = self._tries.setdefault(account.name, TokenBucket(TRIES_RATE, TRIES, now))
        if given and not tries.take(now):
            answer(403)
            return
        right = next((c for c in given if self._is_ours(c.nonce) and self._proves(c, request, account)), None)
        if right is not None and self._is_fresh(right, now):
            self._tries.pop(account.name, None)
            self._done(request, account, answer)
            return
        nonce = self._nonce(now)
        least = account.settings.auth_minimum
        strong = [a for a in ALGORITHMS if Challenge("Digest", realm(account), nonce, a).reaches(least)] or [least]
        asked = [challenge(realm(account), nonce, algorithm, stale=right is not None) for algorithm in strong]
        answer(401, tuple(("WWW-Authenticate", value) for value in asked))

    def _proves(self, credentials: Credentials, request: Request, account: Account) -> bool:
        """Whether who sent this has the password. A proxy puts another Request-URI before us than its client saw."""
        if credentials.qop != "auth" or not _is_user(credentials.uri, account):
            return False
        if not Challenge("Digest", credentials.realm, "", credentials.algorithm).reaches(account.settings.auth_minimum):
            return False
        user, password = account.settings.user, account.settings.password
        return verify(credentials, user, realm(account), password, "NOTIFY", credentials.uri, request.body)

    def _done(self, request: Request, account: Account, answer: Callable[..., None]) -> None:
        answer(200)
        self._core.emit(CheckSync(account.name, _wants_restart(request)))

    # -- nonces: the time, something random, and our seal on both, so that none need be remembered until it is used

    def _nonce(self, now: float) -> str:
        text = f"{int(now * 1000):x}.{self._core.token(8)}"
        return f"{text}.{self._seal(text)}"

    def _seal(self, text: str) -> str:
        return blake2s(text.encode("utf-8", "surrogateescape"), key=self._secret, digest_size=16).hexdigest()

    def _is_ours(self, nonce: str) -> bool:
        text, _, seal = nonce.rpartition(".")
        return compare_digest(seal.encode("utf-8", "surrogateescape"), self._seal(text).encode())

    def _is_fresh(self, credentials: Credentials, now: float) -> bool:
        """Count a use of a nonce that is ours; False where it is too old, or its count was used before."""
        nonce = credentials.nonce
        if now - int(nonce.partition(".")[0], 16) / 1000 > NONCE_LASTS or credentials.nc <= self._used.get(nonce, 0):
            return False
        self._used[nonce] = credentials.nc
        self._used.move_to_end(nonce)
        while len(self._used) > MAX_NONCES:
            self._used.popitem(last=False)
        return True


def realm(account: Account) -> str:
    """Return what the challenge names: the account's domain."""
    return account.uri.host


def _is_check_sync(request: Request) -> bool:
    try:
        return EventType.of(request).package == PACKAGE
    except RemoteError:
        return False


def _wants_restart(request: Request) -> bool:
    value = request.headers.get("Event") or ""
    start = value.find(";")
    if start < 0:
        return False
    params, _ = parse_params(value, start)
    return (find_param(params, "reboot") or "").lower() == "true"


def _is_user(text: str, account: Account) -> bool:
    try:
        uri = parse_uri(text)
    except RemoteError:
        return False
    return isinstance(uri, SipUri) and uri.user == account.user
