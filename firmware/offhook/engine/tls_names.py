"""Whose certificate it is: the SIP domains that one names, and whether a wanted name is among them (:rfc:`5922`).

The ssl module's own check of host names takes wildcards and reads no URI, hence this one. A certificate comes as
``ssl.SSLSocket.getpeercert()`` gives it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

# sip:example.com, sip:example.com:5061;transport=tls, sip:[2001:db8::1]; one with a user part names a person.
_SIP_URI = re.compile(r"sip:(\[[0-9a-f:.]+\]|[^@\[\]:;?/]+)(?::[0-9]+)?(?:[;?][^@]*)?", re.IGNORECASE)
_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


@dataclass(frozen=True, slots=True)
class CertificateNames:
    """The SIP domains of one certificate (:rfc:`5922#section-7.1`), in lower case.

    ``wildcards`` are names with a ``*``; ``addresses`` are IP addresses, normalised.
    """

    domains: tuple[str, ...] = ()
    wildcards: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @classmethod
    def of(cls, certificate: Mapping[str, object]) -> "CertificateNames":
        """Read what ``getpeercert()`` gave. Whatever stands in it, nothing is raised."""
        domains: list[str] = []
        addresses: list[str] = []
        alternatives = _pairs(certificate.get("subjectAltName"))
        for kind, value in alternatives:
            found = _SIP_URI.fullmatch(value) if kind == "URI" else None
            host = found[1] if found else value if kind in ("DNS", "IP Address") else ""
            if address := _numeric(host):
                addresses += [address] if kind != "DNS" else []  # in a DNS name digits are no address
            elif kind != "IP Address":
                domains.append(_plain(host))
        if not alternatives:
            # Only a certificate without any subjectAltName is known by its common name.
            domains = [_plain(value) for kind, value in _common_names(certificate) if kind == "commonName"]
        unique = dict.fromkeys(name for name in domains if name)
        return cls(
            tuple(name for name in unique if "*" not in name),
            tuple(name for name in unique if "*" in name),
            tuple(dict.fromkeys(addresses)),
        )

    def match(self, wanted: str, allow_wildcard: bool = False) -> bool:
        """Whether ``wanted``, a domain or an IP address, is named (:rfc:`5922#section-7.2`).

        Domains are equal as a whole or not at all. ``allow_wildcard``: ``*.example.com`` stands for one label, as in
        the web (:rfc:`6125#section-6.4.3`), which :rfc:`5922` forbids and providers use.
        """
        if address := _numeric(wanted):
            return address in self.addresses
        name = _plain(wanted)
        if name in self.domains:
            return True
        label, _, rest = name.partition(".")
        return allow_wildcard and bool(label) and "." in rest and f"*.{rest}" in self.wildcards

    def __str__(self) -> str:
        return ", ".join((*self.domains, *self.wildcards, *self.addresses)) or "no SIP domain"


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    return bool(_numeric(name))


def is_domain(name: str) -> bool:
    """Whether a name, as :func:`to_ascii` gives it, can stand in DNS (:rfc:`1035#section-2.3.4`)."""
    return len(name) <= 253 and _DOMAIN.fullmatch(name) is not None


def to_ascii(name: str) -> str:
    """Return a domain as it stands in certificates and in the handshake: A-labels, no final dot, lower case."""
    return _plain(name)


def _plain(name: str) -> str:
    text = name.strip().rstrip(".").lower()
    if text.isascii():
        return text
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        return text


def _numeric(text: str) -> str:
    try:
        return str(ip_address(text.strip().strip("[]")))
    except ValueError:
        return ""


def _pairs(value: object) -> list[tuple[str, str]]:
    """Read ``(kind, value)`` rows, leaving out what has another shape (directory names are nested)."""
    if not isinstance(value, tuple | list):
        return []
    rows = [row for row in value if isinstance(row, tuple | list) and len(row) == 2 and isinstance(row[0], str)]
    return [(row[0], row[1] if isinstance(row[1], str) else "") for row in rows]


def _common_names(certificate: Mapping[str, object]) -> list[tuple[str, str]]:
    subject = certificate.get("subject")
    if not isinstance(subject, tuple | list):
        return []
    return [pair for relative in subject for pair in _pairs(relative)]
