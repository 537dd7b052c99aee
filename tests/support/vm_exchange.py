"""The virtual phone's exchange, on the host's side of the cable: Kamailio for pbx.test, and baresips beside it.

The phone is user 1001. What the others say in a call is a WAV file each, what they heard is there after the call. An
emergency call ends at the exchange: nothing leads out of the namespace, and Kamailio knows no such number.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from imagebuild.guest import Guest
from tests.support.baresip import Baresip, pbx_account
from tests.support.kamailio import Kamailio
from tests.support.phone import account
from tests.support.tap_network import HOST_IP, TapNetwork

PASSWORD = "secret1001"
PORT = 5070  # of its own: other tests listen at the port that the virtual phone comes with

SETTINGS = """\
country: NO
accounts:
{accounts}dialplan: "(1xxx|[2-9]xxxx|*xx)"
location: {{civic: {{country: NO, A3: Oslo, RD: Storgata, HNO: "1", FLR: "3"}}}}
{more}"""


def settings(server: str = f"{HOST_IP}:{PORT}", more: str = "", register: bool = True) -> str:
    """The virtual phone's config: an account at ``server``; ``more`` is YAML that is put behind it."""
    return SETTINGS.format(accounts=account(server, register=register), more=more)


class VmExchange:
    """Kamailio at 10.78.0.1; use as a context manager."""

    def __init__(self, folder: Path, tap: TapNetwork) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._tap = tap
        self._count = 0
        self.registrar = Kamailio(folder / "kamailio", ip=HOST_IP, port=PORT)

    @property
    def address(self) -> str:
        """Where it listens, as a config names it."""
        return self.registrar.address

    @contextmanager
    def peer(self, user: str = "1002", answer: str = "manual", source: Path | None = None) -> Iterator[Baresip]:
        """A registered baresip that says ``source`` (a mono WAV of 8 kHz) once a call is up."""
        self._count += 1
        number = int(user) - 1000
        ports = f"{10000 + 100 * number}-{10019 + 100 * number}"
        line = pbx_account(user, self.registrar.address, answer=answer)
        with ExitStack() as stack:
            baresip = stack.enter_context(
                Baresip(
                    self._folder / f"{user}-{self._count}",
                    line,
                    HOST_IP,
                    5080 + 2 * number,
                    4460 + number,
                    ports,
                    source,
                    interface=self._tap.device,
                )
            )
            baresip.wait_registered()
            yield baresip

    def wait_for_phone(self, guest: Guest, timeout: float = 180.0) -> None:
        """Wait until the phone is registered. Raises GuestError."""
        guest.wait_until(lambda: bool(self.registrar.contacts("1001")), "registration of the phone", timeout)

    def close(self) -> None:
        """End it."""
        self.registrar.stop()

    def __enter__(self) -> "VmExchange":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
