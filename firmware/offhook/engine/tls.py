"""SIP over TLS: whom a connection is made to, and whether the certificate that comes back is his (:rfc:`5922`).

Verified by default: the chain by OpenSSL against the system's authorities or the account's own, the name by
:mod:`offhook.engine.tls_names`. Two things soften that, each for a time:

* before the clock is known (:mod:`offhook.engine.clock`) validity dates are not held against a certificate; once it
  is, :meth:`TlsClient.faults` judges the connections that were made meanwhile.
* during an emergency call a certificate that fails is used all the same: help comes before secrecy.
"""

import contextlib
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from offhook.engine.clock import time_is_known
from offhook.engine.tls_names import CertificateNames, is_address, is_domain, to_ascii
from offhook.errors import NetworkError

Stamps = tuple[tuple[int, int, int] | None, ...]

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the ssl module has no name for
_EXPIRED, _NOT_YET_VALID = 10, 9
_UNKNOWN_ISSUER = (2, 18, 19, 20, 21)
_WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "UNKNOWN_CA")


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """What one account asks of TLS.

    ``name`` is a name that the server's certificate may have besides its own SIP domain. ``domain``: the SIP domain
    of the account's server, which counts where a hop is named by an IP address. ``ca``: the only authorities that are
    trusted, None: those of the system. ``certificate`` and ``key``: what we show where the server asks.
    """

    name: str = ""
    allow_wildcard: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    domain: str = ""


@dataclass(frozen=True, slots=True)
class TlsPeer:
    """Whom a connection is to reach: ``name`` is the SIP domain that was asked for, by whose ``settings``."""

    name: str
    settings: TlsSettings

    @property
    def expected(self) -> tuple[str, ...]:
        """The names of which the certificate must have one, the likeliest first."""
        names = [self.settings.name, self.name]
        if is_address(self.name):
            names.insert(1, self.settings.domain)
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def server_name(self) -> str:
        """What to say in the handshake (SNI): the first name that is a domain, an empty text for none.

        OpenSSL takes no other, and a Contact, or a setting such as ``.example.com``, may name anything.
        """
        return next((name for name in map(to_ascii, self.expected) if is_domain(name) and not is_address(name)), "")


class TlsClient:
    """Makes contexts and judges certificates for connections that we open.

    ``accounts`` gives each account's settings; ``wall`` is the time of day in seconds, ``knows_time`` whether it is
    right.
    """

    def __init__(
        self,
        accounts: Mapping[str, TlsSettings] | None = None,
        knows_time: Callable[[], bool] = time_is_known,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._accounts = dict(accounts or {})
        self._knows_time = knows_time
        self._wall = wall
        self._contexts: dict[tuple[TlsSettings, bool, bool], tuple[Stamps, ssl.SSLContext]] = {}
        self.emergency = False

    @property
    def knows_time(self) -> bool:
        """Whether validity dates count by now."""
        return self._knows_time()

    def peer(self, name: str, account: str) -> TlsPeer:
        """Return whom a message for ``account`` to the SIP domain ``name`` is meant for."""
        return TlsPeer(name, self._accounts.get(account, TlsSettings()))

    def context(self, peer: TlsPeer) -> ssl.SSLContext:
        """Return the context for a connection to be opened. Raises NetworkError for files that cannot be used.

        Files are read again when they have changed: certificates are renewed while the phone runs.
        """
        settings = peer.settings
        key = (settings, self.knows_time, self.emergency)
        authorities = settings.ca or _system_authorities()
        stamps = _stamps(authorities, settings.certificate, settings.key)
        known = self._contexts.get(key)
        if known is None or known[0] != stamps:
            known = self._contexts[key] = (stamps, _client_context(*key))
        return known[1]

    def check(self, peer: TlsPeer, certificate: Mapping[str, object]) -> None:
        """Hold the names of a certificate whose chain was verified against those expected. Raises NetworkError."""
        names = CertificateNames.of(certificate)
        if any(names.match(name, peer.settings.allow_wildcard) for name in peer.expected):
            return
        raise NetworkError(
            f"the server's certificate is for {names}, not for {' or '.join(peer.expected) or 'this server'}; "
            "if that is the right server set tls.name of the account to a name of the certificate, "
            "or tls.allow_wildcard to true for one such as *.example.com"
        )

    def faults(self, certificates: list[Mapping[str, object]]) -> str:
        """Return what is wrong by now with the dates of a chain, an empty text for nothing."""
        now = self._wall()
        for row in certificates:
            begin, end = (_seconds(row.get(key)) for key in ("notBefore", "notAfter"))
            if end is not None and now > end:
                return f"its certificate, or that of its authority, expired on {row.get('notAfter')}"
            if begin is not None and now < begin:
                return f"its certificate, or that of its authority, is not valid before {row.get('notBefore')}"
        return ""


class TlsIdentity:
    """What we show to those who connect to us. Raises NetworkError for files that cannot be used."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._stamps = _stamps(*self._files)
        self._context = self._load()

    @property
    def context(self) -> ssl.SSLContext:
        """The context for the next connection; files that changed are read again, and those that are no good kept out.

        A renewed certificate comes before its key, or after it: what was shown until now serves in between.
        """
        stamps = _stamps(*self._files)
        if stamps != self._stamps:
            with contextlib.suppress(NetworkError):
                self._context, self._stamps = self._load(), stamps
        return self._context

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load_pair(context, *self._files, "sip.tls_listen")
        return context


def chain_of(connection: ssl.SSLObject | None) -> list[Mapping[str, object]]:
    """Return the certificates of a connection whose chain was verified, the server's own first.

    Where this Python does not tell the chain it is the server's own alone.
    """
    if connection is None:
        return []
    own: Mapping[str, object] = connection.getpeercert() or {}
    inner = getattr(connection, "_sslobj", None)
    try:
        rows = [row.get_info() for row in inner.get_verified_chain()] if inner is not None else []
    except (AttributeError, TypeError):
        rows = []
    return [own, *rows]


def reason_of(error: Exception, peer: TlsPeer, remote: tuple[str, int]) -> str:
    """Say in one line why a handshake failed, and what to do."""
    who = " or ".join(peer.expected) or remote[0]
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
            return f"the certificate of {who} or of its authority: {error.verify_message}; the server must renew it"
        advice = "set tls.ca of the account to the file of its authority"
        if error.verify_code not in _UNKNOWN_ISSUER:
            advice = "the server needs another certificate"
        return f"the certificate of {who} cannot be trusted: {error.verify_message}; {advice}"
    if isinstance(error, ssl.SSLError):
        name = error.reason or ""
        if any(word in name for word in _WANTS_CERTIFICATE):
            return (
                f"{who} refused the TLS handshake ({name}); if it wants a certificate set tls.certificate and tls.key"
            )
        if name in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_MESSAGE"):
            return f"{remote[0]} port {remote[1]} speaks no TLS; check server and transport of the account"
        return f"the TLS handshake with {who} failed ({name or error}); check server and transport of the account"
    if isinstance(error, ConnectionError | EOFError) and not isinstance(error, ConnectionRefusedError):
        what = "set tls.certificate and tls.key if it wants a certificate, and check server and transport"
        return f"{remote[0]} port {remote[1]} broke the TLS connection off without an answer; {what}"
    return ""


def _client_context(settings: TlsSettings, dates_count: bool, emergency: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # done by TlsClient.check, which knows SIP's rules
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not dates_count:
        context.verify_flags = ssl.VerifyFlags(context.verify_flags | _NO_CHECK_TIME)
    if emergency:
        context.verify_mode = ssl.CERT_NONE
    elif settings.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        try:
            context.load_verify_locations(settings.ca)
        except (OSError, ssl.SSLError) as error:
            raise NetworkError(_unusable("tls.ca", settings.ca, error)) from error
    if settings.certificate is not None:
        try:
            _load_pair(context, settings.certificate, settings.key or settings.certificate, "tls")
        except NetworkError:
            if not emergency:
                raise
    return context


def _system_authorities() -> Path | None:
    found = ssl.get_default_verify_paths().cafile
    return Path(found) if found is not None else None


def _stamps(*files: Path | None) -> Stamps:
    """Return what tells whether files are still the same ones; None: it is not there."""
    found: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            seen = file.stat() if file is not None else None
        except OSError:
            seen = None
        found.append((seen.st_mtime_ns, seen.st_ino, seen.st_size) if seen is not None else None)
    return tuple(found)


def _load_pair(context: ssl.SSLContext, certificate: Path, key: Path, setting: str) -> None:
    for path, name in ((certificate, "certificate"), (key, "key")):
        try:
            path.read_bytes()
        except OSError as error:
            raise NetworkError(_unusable(f"{setting}.{name}", path, error)) from error
    try:
        # An encrypted key would else be asked for on a terminal that nobody sits at.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError, ssl.SSLError) as error:
        raise NetworkError(_unusable(f"{setting}.certificate and {setting}.key", certificate, error)) from error


def _unusable(setting: str, path: Path, error: Exception) -> str:
    why = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
    return f"{setting}: {path} cannot be used: {why}; give PEM files that the phone may read, the key without password"


def _seconds(date: object) -> float | None:
    try:
        return float(ssl.cert_time_to_seconds(date)) if isinstance(date, str) else None
    except ValueError:
        return None
