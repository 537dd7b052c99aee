"""Scanners at the door: svmap, svwar and svcrack from a stranger's address find a wall that says one thing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePhone
from tests.e2e.test_hostile import Prober, probing
from tests.support.netns import SERVER_IP
from tests.support.phone import Phone, account, config
from tests.support.stranger import STRANGER_IP, scan, stranger

pytestmark = pytest.mark.peer


@pytest.fixture(autouse=True, scope="module")
def stranger_ip() -> Iterator[None]:
    with stranger():
        yield


@pytest.fixture
def phone(make_phone: MakePhone) -> Phone:
    """A phone as it is sold: whose requests it takes is not in its config."""
    phone = make_phone(config(account(f"{SERVER_IP}:5999", register=False)))
    phone.child.wait_for_output("is up")
    return phone


@pytest.fixture(autouse=True)
def undisturbed(phone: Phone) -> Iterator[None]:
    """Whatever the scanner did: the phone rests, never rang, answers its server, and has nothing to complain of."""
    yield
    assert phone.status()["phone"] == "ON_HOOK"
    assert phone.status()["calls"] == []
    assert not [event for event in phone.board_socket.history if event["event"] in ("ringer", "call")]
    assert "Traceback" not in phone.log()
    with probing(phone) as prober:
        assert prober.answer(prober.request("OPTIONS")) == 200


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE", "REGISTER"])
def test_svmap_learns_that_something_is_there_and_not_what(method: str, phone: Phone, tmp_path: Path) -> None:
    seen = scan("svmap", phone.address(), tmp_path / "home", "-m", method, "-d")
    assert set(seen.statuses) == {200 if method == "OPTIONS" else 403}
    for word in ("offhook", "Allow", "Server:", "User-Agent: off", "1001"):
        assert word not in seen.output


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE", "REGISTER"])
def test_svwar_finds_no_extension(method: str, phone: Phone, tmp_path: Path) -> None:
    seen = scan("svwar", phone.address(), tmp_path / "home", "-m", method, "-e", "995-1010", "--debug", "--force")
    assert set(seen.statuses) == {200 if method == "OPTIONS" else 403}
    if method == "OPTIONS":
        assert len(seen.statuses) == 17  # one for a name that nobody has, and each of the row
    assert "reqauth" not in seen.output
    assert "noauth" not in seen.output
    assert "weird" not in seen.output


def test_svwar_at_full_speed_runs_into_silence(phone: Phone, tmp_path: Path) -> None:
    options = ("-m", "OPTIONS", "-e", "1000-1400", "-t", "0.001", "--debug", "--force")
    seen = scan("svwar", phone.address(), tmp_path / "home", *options)
    assert set(seen.statuses) == {200}
    assert 40 <= len(seen.statuses) < 200


def test_svcrack_has_nothing_to_crack(phone: Phone, tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("".join(f"guess{number}\n" for number in range(100)) + "secret1001\n")
    seen = scan("svcrack", phone.address(), tmp_path / "home", "-u", "1001", "-d", str(words), "-v", seconds=10)
    assert "secret1001" not in seen.output


def test_each_user_gets_the_same_bytes_and_soon(phone: Phone) -> None:
    with probing(phone, STRANGER_IP) as prober:
        for method in ("INVITE", "REGISTER", "SUBSCRIBE", "BYE", "NONSENSE"):
            known, unknown = (answer_to(prober, method, user) for user in ("1001", "4711"))
            assert known.startswith(b"SIP/2.0 403 Forbidden\r\n")
            assert known == unknown


def answer_to(prober: Prober, method: str, user: str) -> bytes:
    """What a request for ``user`` gets, less what must be echoed and the tag, which is a hash of that."""
    request = prober.request(method, "Contact: <sip:s@10.77.0.66>").replace(b"sip:1001@", f"sip:{user}@".encode())
    prober.answer(request)
    echoed = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:")
    return b"\r\n".join(line for line in prober.last.split(b"\r\n") if not line.startswith(echoed))
