"""What every end-to-end test stands on: the namespace, a registrar, speech to say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kamailio import Kamailio
from tests.support.netns import require_network
from tests.support.speech import Speech, make_speech


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
def folder(tmp_path: Path) -> Path:
    """A folder with a short path: Unix socket names are limited to 107 bytes."""
    return tmp_path
