"""A certificate authority of a test's own, made by the openssl program."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

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


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
