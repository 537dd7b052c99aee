"""What every end-to-end test stands on: the namespace, a registrar, peers and phones that end with the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.baresip import Baresip, pbx_account
from tests.support.kamailio import Kamailio
from tests.support.netns import SERVER_IP, require_network
from tests.support.phone import Phone
from tests.support.speech import Speech, make_speech

MakePhone = Callable[..., Phone]
MakeBaresip = Callable[..., Baresip]


@pytest.fixture(scope="session", autouse=True)
def network() -> None:
    """Nothing here runs outside of the tests' own namespace."""
    require_network()


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    """A Kamailio for pbx.test at 10.77.0.1:5060."""
    with Kamailio(tmp_path_factory.mktemp("kamailio") / "run") as kamailio:
        yield kamailio


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """Four segments of 8 s."""
    return make_speech(tmp_path_factory.mktemp("speech") / "near.wav")


@pytest.fixture(scope="session")
def other_speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """Four other segments of 8 s, for the other direction."""
    return make_speech(tmp_path_factory.mktemp("speech") / "far.wav", first=1)


@pytest.fixture
def make_phone(tmp_path: Path) -> Iterator[MakePhone]:
    """Start phones: ``make_phone(config_text, name="phone", **of_phone)``."""
    with ExitStack() as stack:

        def make(config_text: str, name: str = "phone", **options: object) -> Phone:
            return stack.enter_context(Phone(tmp_path / name, config_text, **options))  # type: ignore[arg-type]

        yield make


@pytest.fixture
def make_baresip(tmp_path: Path, registrar: Kamailio) -> Iterator[MakeBaresip]:
    """Start baresips that are registered: ``make_baresip("1002", answer="auto", source=path)``."""
    with ExitStack() as stack:

        def make(
            user: str, answer: str = "manual", source: Path | None = None, server: str = "", transport: str = "udp"
        ) -> Baresip:
            number = int(user) - 1000
            line = pbx_account(user, server or registrar.address, transport, answer)
            ports = f"{10000 + 100 * number}-{10019 + 100 * number}"
            baresip = stack.enter_context(
                Baresip(tmp_path / user, line, SERVER_IP, 5080 + 2 * number, 4460 + number, ports, source)
            )
            baresip.wait_registered()
            return baresip

        yield make
