"""OPTIONS and MESSAGE from sipsak, as the account's server and as a stranger."""

import pytest

from tests.e2e.conftest import MakePhone
from tests.support.netns import SERVER_IP
from tests.support.phone import Phone, account, config
from tests.support.sipsak import message, options

pytestmark = pytest.mark.peer


@pytest.fixture
def phone(make_phone: MakePhone) -> Phone:
    """A phone whose server is at sipsak's address."""
    return make_phone(config(account(f"{SERVER_IP}:5060", register=False)))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_options_tells_what_the_phone_can(transport: str, make_phone: MakePhone) -> None:
    # A TCP connection of sipsak comes from the phone's own address here.
    line = account(f"{SERVER_IP}:5060", register=False)
    phone = make_phone(config(line, sip="accept_from: listed, listed: [10.77.0.0/24]"))
    answer = options(f"sip:1001@{phone.address(transport)}", transport)
    assert answer.status.startswith("200"), answer.text
    assert "Allow:" in answer.text
    assert "application/sdp" in answer.text
    assert answer.code == 0


def test_a_stranger_is_told_no_more_than_that_somebody_is_there(make_phone: MakePhone) -> None:
    phone = make_phone(config(account("10.77.0.99:5060", register=False)))
    texts = [options(f"sip:{user}@{phone.address()}") for user in ("1001", "nobody")]
    assert [answer.status[:3] for answer in texts] == ["200", "200"]
    assert all("application/sdp" not in answer.text for answer in texts)


def test_a_message_is_taken_and_kept(phone: Phone) -> None:
    answer = message(f"sip:1001@{phone.address()}", "The gate is open")
    assert answer.status.startswith(("200", "202")), answer.text
    phone.wait_status(lambda status: "The gate is open" in str(status), "the text in the status")


def test_a_stranger_leaves_no_message(make_phone: MakePhone) -> None:
    phone = make_phone(config(account("10.77.0.99:5060", register=False)))
    answer = message(f"sip:1001@{phone.address()}", "Call this number")
    assert answer.status.startswith("403"), answer.text
    assert "Call this number" not in str(phone.status())
