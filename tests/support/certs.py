"""A certificate authority of a test's own, made by the openssl program."""

import itertools
import ssl
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

_NUMBERS = itertools.count(100)

_EXTENSIONS = """\
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA with one server certificate; paths to PEM files."""

    ca_file: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """Return what a server needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key; paths to PEM files."""

    certificate: Path
    key: Path

    def server_context(self, clients_from: Path | None = None) -> ssl.SSLContext:
        """Return what a server needs; ``clients_from``: clients must show a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if clients_from is not None:
            context.load_verify_locations(clients_from)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


_ISSUE = """\
[ca]
default_ca = own
[own]
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = critical, CA:false
extendedKeyUsage = serverAuth, clientAuth
authorityKeyIdentifier = keyid
{names}
"""


def issue(
    authority: Authority,
    names: str,
    *,
    common_name: str = "test server",
    begin: datetime | None = None,
    end: datetime | None = None,
) -> Pair:
    """Issue one more certificate; ``names`` as openssl writes them, empty: no subjectAltName; valid now by default."""
    home, number, now = authority.ca_file.parent, next(_NUMBERS), datetime.now(UTC)
    folder = home / f"issued-{number}"
    folder.mkdir()
    (folder / "index.txt").touch()
    (folder / "serial").write_text(f"{number:04d}\n")
    config, key, request, made = (folder / name for name in ("ca.cnf", "s.key", "s.csr", "s.pem"))
    config.write_text(_ISSUE.format(folder=folder, names=f"subjectAltName = {names}" if names else ""))
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
    _openssl("req", "-new", "-key", str(key), "-subj", f"/CN={common_name}", "-out", str(request))
    dates = [f"{date:%Y%m%d%H%M%SZ}" for date in (begin or now - timedelta(days=1), end or now + timedelta(days=1))]
    by_ca = ["-config", str(config), "-cert", str(authority.ca_file), "-keyfile", str(home / "ca.key")]
    span = ["-startdate", dates[0], "-enddate", dates[1]]
    _openssl("ca", "-batch", "-notext", *by_ca, *span, "-extensions", "leaf", "-in", str(request), "-out", str(made))
    return Pair(made, key)


def lock_key(key: Path, password: str) -> Path:
    """Return a copy of a key that a password locks."""
    locked = key.with_suffix(".locked")
    _openssl("ec", "-in", str(key), "-aes128", "-passout", f"pass:{password}", "-out", str(locked))
    return locked


def make_authority(folder: Path, names: str = "DNS:localhost,IP:127.0.0.1,IP:::1", days: int = 2) -> Authority:
    """Make a CA and a server certificate for ``names`` (as openssl's subjectAltName writes them) in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    extensions = folder / "extensions.cnf"
    extensions.write_text(_EXTENSIONS.format(names=names))
    ca_key, ca_file, key, request, certificate = (folder / n for n in ("ca.key", "ca.pem", "s.key", "s.csr", "s.pem"))
    for file in (ca_key, key):
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(file))
    _openssl("req", "-new", "-key", str(ca_key), "-subj", "/CN=test CA", "-out", str(request))
    common = ["-days", str(days), "-extfile", str(extensions), "-sha256"]
    signed = ["-signkey", str(ca_key), "-extensions", "ca", "-out", str(ca_file)]
    _openssl("x509", "-req", "-in", str(request), *signed, *common)
    _openssl("req", "-new", "-key", str(key), "-subj", "/CN=test server", "-out", str(request))
    by_ca = ["-CA", str(ca_file), "-CAkey", str(ca_key), "-set_serial", "2", "-extensions", "server"]
    _openssl("x509", "-req", "-in", str(request), *by_ca, "-out", str(certificate), *common)
    return Authority(ca_file, certificate, key)


def make_home_authority(folder: Path) -> Authority:
    """Make a CA and a server certificate by the commands that everybody knows: no word on the uses of keys."""
    folder.mkdir(parents=True, exist_ok=True)
    ca_key, ca_file, key, request, certificate, names = (
        folder / name for name in ("ca.key", "ca.pem", "s.key", "s.csr", "s.pem", "names.cnf")
    )
    names.write_text("subjectAltName = DNS:localhost,IP:127.0.0.1\n")
    fresh = ["-newkey", "rsa:2048", "-nodes"]
    _openssl("req", "-x509", *fresh, "-keyout", str(ca_key), "-out", str(ca_file), "-subj", "/CN=home", "-days", "2")
    _openssl("req", *fresh, "-keyout", str(key), "-out", str(request), "-subj", "/CN=localhost")
    by_ca = ["-CA", str(ca_file), "-CAkey", str(ca_key), "-set_serial", "2", "-days", "2", "-extfile", str(names)]
    _openssl("x509", "-req", "-in", str(request), *by_ca, "-out", str(certificate))
    return Authority(ca_file, certificate, key)


def check_as_python_3_13(patch: pytest.MonkeyPatch) -> None:
    """Let ssl's default be what it is since then: strict about the form of certificates."""
    made = ssl.create_default_context

    def strict(**options: str | None) -> ssl.SSLContext:
        context = made(**options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    patch.setattr(ssl, "create_default_context", strict)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
