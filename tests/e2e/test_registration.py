"""The phone registers at a registrar that nobody here wrote."""

import time
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePhone
from tests.support.kamailio import Kamailio
from tests.support.netns import PHONE_IP, SERVER_IP
from tests.support.phone import account, config

pytestmark = pytest.mark.peer


def gone(registrar: Kamailio, user: str) -> bool:
    """Whether a user has no contact any more, within a second."""
    end = time.monotonic() + 1
    while registrar.contacts(user):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_registers_with_digest_and_takes_it_back(
    transport: str, algorithm: str, tmp_path: Path, make_phone: MakePhone
) -> None:
    with Kamailio(tmp_path / "kamailio", algorithm=algorithm) as registrar:
        phone = make_phone(config(account(registrar.address, transport=transport)))
        phone.wait_registered()
        (contact,) = registrar.contacts("1001")
        assert PHONE_IP in contact
        assert ("transport=tcp" in contact.lower()) == (transport == "tcp")
        begin = time.monotonic()
        assert phone.terminate() == 0
        assert time.monotonic() - begin < 5
        assert gone(registrar, "1001")
        assert "secret1001" not in phone.log()


def test_a_wrong_password_is_told_and_not_hammered(registrar: Kamailio, make_phone: MakePhone) -> None:
    wrong = account(registrar.address).replace("secret1001", "no-such-word")
    phone = make_phone(config(wrong))
    status = phone.wait_status(lambda status: bool(status["accounts"][0]["last_error"]), "error of the account")
    assert not status["accounts"][0]["registered"]
    phone.lift()
    phone.wait_for("tone", name="no_service")
    phone.hang_up()
    assert "no-such-word" not in phone.log()
    phone.wait_state("ON_HOOK")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_unreachable_registrar_is_told_and_tried_again(
    transport: str, tmp_path: Path, make_phone: MakePhone
) -> None:
    server = f"{SERVER_IP}:5999"
    phone = make_phone(config(account(server, transport=transport)))
    phone.wait_status(lambda status: bool(status["accounts"][0]["last_error"]), "error of the account", 40)
    lines = [line for line in phone.log().splitlines() if server in line or "desk" in line]
    assert lines, phone.log()
    phone.lift()
    phone.wait_for("tone", name="no_service")
    phone.hang_up()
    with Kamailio(tmp_path / "late", port=5999):
        phone.wait_registered(timeout=120)
        phone.lift()
        phone.wait_for("tone", name="dial")
