"""What the file on the boot partition may say beside the phone's own settings: board, network, SSH.

:class:`BootConfig` is the whole file, :class:`BootSettings` one that leaves the phone's own settings alone.
"""

import base64
import binascii
import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from offhook.config.board_schema import BoardConfig
from offhook.config.faults import quoted
from offhook.config.scalars import Country, Secret, Truth, filled, patterned, text, wrong
from offhook.config.schema import Config
from offhook.config.section import Section

KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
"""Kinds of public keys that today's OpenSSH takes (sshd(8), AUTHORIZED_KEYS FILE FORMAT)."""
MAX_SSID = 32
"""Bytes of a network's name (IEEE 802.11)."""
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\\s]+)-----END CERTIFICATE-----")


def network_name(value: object) -> str:
    """Return the name of a Wi-Fi network: 1 to 32 bytes of UTF-8; spaces at its ends belong to it."""
    source = text(value)
    size = len(source.encode())
    if not 1 <= size <= MAX_SSID:
        raise wrong(f"must be 1 to {MAX_SSID} bytes long, not {size}: write the network's name as the router shows it")
    return source


def pre_shared_key(value: Secret) -> Secret:
    """Return a Wi-Fi passphrase of 8 to 63 plain characters, or the key itself in 64 hexadecimal digits."""
    source = value.reveal()
    if re.fullmatch(r"[0-9A-Fa-f]{64}", source):
        return value
    odd = next((index for index, ch in enumerate(source) if not " " <= ch <= "~"), None)
    if odd is not None:
        raise wrong(
            f"its character number {odd + 1} is none of a Wi-Fi password's (letters without accents, digits, plain "
            "signs): type it on the keyboard, do not paste it"
        )
    if not 8 <= len(source) <= 63:
        raise wrong(f"is {len(source)} characters long: a Wi-Fi password has 8 to 63")
    return value


def host_label(value: object) -> str:
    """Return one label of a host name (:rfc:`1123#section-2.1`)."""
    source = filled(value)
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", source):
        return source
    meant = re.sub(r"[^A-Za-z0-9]+", "-", source).strip("-")[:63].strip("-")
    message = f"{quoted(source)} is no host name: letters, digits and - within, 63 at most, no dots"
    raise wrong(message, meant or None)


def address(value: object) -> str:
    """Return an IPv4 or IPv6 address as it is usually written."""
    source = filled(value)
    try:
        return str(ipaddress.ip_address(source))
    except ValueError:
        raise wrong(f"{quoted(source)} is not an IP address such as 192.168.1.1") from None


def address_and_prefix(value: object) -> str:
    """Return an address with the length of its network, as ``192.168.1.20/24``."""
    source = filled(value)
    try:
        interface = ipaddress.ip_interface(source)
    except ValueError:
        raise wrong(f"{quoted(source)} is not an address such as 192.168.1.20/24") from None
    if "/" not in source:
        prefix = "24" if interface.version == 4 else "64"
        raise wrong("the length of the network is missing after the address", f"{source}/{prefix}")
    if interface.ip == interface.network.network_address and interface.network.num_addresses > 2:
        raise wrong(f"{quoted(source)} is the address of the network itself: write the phone's own")
    return str(interface)


def public_key(value: object) -> str:
    """Return one line of an ``authorized_keys`` file, without options; its key is whole."""
    if isinstance(value, str) and "PRIVATE KEY" in value:
        raise wrong("is a private key: keep that to yourself, and write the line of the file that ends in .pub")
    source = filled(value)
    kind, _, rest = source.partition(" ")
    blob = rest.split(" ")[0] if rest else ""
    if kind not in KEY_TYPES:
        raise wrong("is no SSH public key: write the one line of the file that ends in .pub (it begins with ssh-...)")
    try:
        data = base64.b64decode(blob, validate=True)
    except binascii.Error:
        data = b""
    name = kind.encode()
    if data[: 4 + len(name)] != len(name).to_bytes(4, "big") + name or len(data) < 4 + len(name) + 32:
        raise wrong("is not the whole SSH public key: copy the one line of the file that ends in .pub again")
    return source


def certificates(value: object) -> str:
    """Return certificates as a PEM file has them (:rfc:`7468`), one or more, without what stands around them."""
    if isinstance(value, str) and "PRIVATE KEY" in value:
        raise wrong("holds a private key: keep that to yourself, and write the certificates only")
    found = _CERTIFICATE.findall(value) if isinstance(value, str) else []
    if not isinstance(value, str) or not found or value.count("-----BEGIN") != len(found):
        raise wrong("is no certificate: write | after the colon, and below it, indented, all lines of the .pem file")
    bodies = ("\n".join(body.split()) for body in found)
    return "".join(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n" for body in bodies)


_PSK_SHAPE = WithJsonSchema({"type": "string", "writeOnly": True})
Psk = Annotated[Secret, AfterValidator(pre_shared_key), _PSK_SHAPE]
Address = Annotated[str, BeforeValidator(address), patterned("^[0-9A-Fa-f.:]+$")]
AddressAndPrefix = Annotated[str, BeforeValidator(address_and_prefix), patterned("^[0-9A-Fa-f.:]+/[0-9]+$")]


Certificates = Annotated[str, BeforeValidator(certificates)]


class Wifi(Section):
    """The Wi-Fi network to join."""

    ssid: Annotated[str, BeforeValidator(network_name)]
    """Name of the network."""
    psk: Psk | None = None
    """Its password: 8 to 63 characters, or 64 hexadecimal digits. Not set: a network without one. It is removed from
    the file once it is applied."""
    country: Country | None = None
    """Country whose radio rules hold. Not set: the phone's `country`."""
    security: Literal["auto", "wpa3"] = "auto"
    """`auto`: WPA2, and WPA3 where network and radio can; `wpa3`: nothing older."""
    hidden: Truth = False
    """Whether the network does not tell its name."""
    address: AddressAndPrefix | None = None
    """Fixed address with the length of the network, as `192.168.1.20/24`. Not set: as the router says (DHCP)."""
    gateway: Address | None = None
    """The router's address, with a fixed `address`."""
    dns: Annotated[tuple[Address, ...], Field(max_length=4)] = ()
    """Name servers, with a fixed `address`."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _fits(self.address, self.gateway, self.dns)
        if self.security == "wpa3" and self.psk is None:
            raise wrong("wpa3 needs a password: set psk too", field="security")
        return self


class Ethernet(Section):
    """A fixed address on the cable. Without this section the phone asks the router (DHCP)."""

    address: AddressAndPrefix
    """The phone's address with the length of the network, as `192.168.1.20/24`."""
    gateway: Address | None = None
    """The router's address."""
    dns: Annotated[tuple[Address, ...], Field(max_length=4)] = ()
    """Name servers."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _fits(self.address, self.gateway, self.dns)
        return self


def _fits(own: str | None, gateway: str | None, dns: tuple[str, ...]) -> None:
    if own is None:
        if gateway is not None or dns:
            field = "gateway" if gateway is not None else "dns"
            raise wrong("goes with a fixed address: set address too, or remove this", field=field)
        return
    interface = ipaddress.ip_interface(own)
    if gateway is None:
        return
    router = ipaddress.ip_address(gateway)
    if router == interface.ip:
        raise wrong("is the phone's own address: write the router's", field="gateway")
    reachable = router.version == interface.version and (router in interface.network or router.is_link_local)
    if not reachable:
        raise wrong(f"does not lie in the network of {own}: mend one of the two", field="gateway")


class HostNetwork(Section):
    """How the phone gets into the network."""

    hostname: Annotated[str, BeforeValidator(host_label), patterned("^[A-Za-z0-9-]{1,63}$")] | None = None
    """Name of the device in the network, as `kitchen-phone`."""
    wifi: Wifi | None = None
    """The Wi-Fi network to join."""
    ethernet: Ethernet | None = None
    """A fixed address on the cable."""


class Ssh(Section):
    """Remote access to the device, for who knows what that is. Off unless a key is given; there is no password."""

    authorized_keys: tuple[Annotated[str, BeforeValidator(public_key)], ...] = ()
    """Public keys that may log in as root, one line of a `.pub` file each."""


class BootSettings(Section):
    """What `offhook.yaml` on a device's boot partition may say beside all settings of the config file; see
    [first boot](first-boot.md)."""

    board: BoardConfig | None = None
    """How the handset is wired: the name of a board file of `/usr/share/offhook/boards`, or the settings of one."""
    network: HostNetwork = HostNetwork()
    """How the phone gets into the network."""
    certificates: Certificates | None = None
    """Certificates (PEM) of an authority of your own. They are written to `/etc/offhook/ca.pem`; `update.ca_file`,
    `provisioning.ca_file` and an account's `tls.ca` may name that."""
    ssh: Ssh = Ssh()
    """Remote access."""


class BootConfig(BootSettings, Config):
    """The file on the boot partition: the phone's settings, and those of the device around it."""
