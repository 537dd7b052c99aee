"""Boot files for tests, and the reader with which the phone reads them."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import indent

from offhook.daemon.files import VALIDATORS
from offhook.device.card.boards import BoardFolder
from offhook.device.card.bootfile import BootFile, read_boot_file

BOARDS = BoardFolder(Path(__file__).resolve().parents[2] / "boardconfig")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG8n6m3nJmYVbJp9Kk8XJvJ5bq4VwqZr1zYfQ2qk9q9q me@pc"
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBbzCCARWgAwIBAgIUGTksn2ugl9oQb1PWhcuJwLwP818wCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAgFw0yNjExMzAwNzQxMjZaGA8yMTI2MTEwNjA3NDEyNlow
DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIw3y34C9ZGR
klamEPE0cmBmhA5xqvY3AQdVrOyNVmr9zg1uRKwLLTSVfJP6EiipD4dqe4Awkx0+
iqFrv1kFmPyjUzBRMB0GA1UdDgQWBBQrd9H07exVhjGUDGG2cxJxrrWwrzAfBgNV
HSMEGDAWgBQrd9H07exVhjGUDGG2cxJxrrWwrzAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIQDeHoZLMKXQ/yCdjRWi5wuB9J1j7+uz293KQQ9AaFfe
8wIgNGHftvDYYeBqYgD6DKPZlpkte/a5PLPE/sU5e5dMjP0=
-----END CERTIFICATE-----
"""
CERTIFIED = f"""\
country: NO
accounts: [{{name: a, uri: 'sip:1@a', password: hunter2-secret}}]
update: {{url: "https://updates.example/latest.json", ca_file: /etc/offhook/ca.pem}}
certificates: |
{indent(CERTIFICATE, "  ")}"""
WHOLE = f"""\
# My phone
country: NO       # Norway
accounts:
  - name: home
    uri: sip:1001@pbx.example
    password: hunter2-secret   # was hunter2-secret
    # after the account
  - {{name: work, uri: "sip:2@work.example", password: 'it''s "secret" too'}}
emergency: {{numbers: [0112]}}
# wiring
board: usb-handset-4x3
provisioning: {{url: "https://config.example/phones/8f2k-kitchen.yaml", interval: 6h}}
# net
network:
  hostname: kitchen
  wifi:
    ssid: "Ærlig; nett"
    psk: correct horse battery
    country: SE
# remote
ssh:
  authorized_keys:
    - {KEY}
# log at last
log: {{level: info}}
"""
SECRETS = ("hunter2-secret", "it''s", "8f2k-kitchen", "correct horse battery")
"""What of :data:`WHOLE` must not stay on the card."""


def read(data: bytes | str, stored: Mapping[str, str] | None = None, file: str = "offhook.yaml") -> BootFile:
    """Read a boot file as the phone does."""
    return read_boot_file(data.encode() if isinstance(data, str) else data, file, BOARDS, stored or {}, VALIDATORS)
