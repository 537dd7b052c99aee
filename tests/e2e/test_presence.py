"""Kamailio as the notifier: voice mail, other people's phones, and a binding that the registrar took away."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePhone
from tests.support.phone import account, config
from tests.support.presence import PresenceServer

pytestmark = pytest.mark.peer

MAIL = "Messages-Waiting: {waiting}\nMessage-Account: sip:1001@pbx.test\nVoice-Message: {new}/3 (0/0)\n"
DIALOGS = """\
<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full" entity="sip:1003@pbx.test">
<dialog id="d1" call-id="c1" direction="recipient"><state>{state}</state>
<remote><identity>sip:1004@pbx.test</identity></remote></dialog></dialog-info>
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PresenceServer]:
    """A presence server of this test alone."""
    with PresenceServer(tmp_path / "presence") as presence:
        yield presence


def test_mail_that_is_published_lights_the_lamp_until_it_is_heard(
    server: PresenceServer, make_phone: MakePhone
) -> None:
    phone = make_phone(config(account(server.address, more=["mwi: true"])))
    phone.wait_registered()
    kind = "application/simple-message-summary"
    for waiting, new, lamp in (("yes", 2, "on"), ("no", 0, "off")):
        published = server.publish("1001", "message-summary", kind, MAIL.format(waiting=waiting, new=new))
        assert published.status.startswith("200"), published.text + server.output()
        phone.wait_for("lamp", name="message", state=lamp)
        phone.wait_status(lambda status: status["mailbox"]["waiting"] is (lamp == "on"), f"lamp {lamp}")  # noqa: B023


def test_a_phone_that_is_watched_is_shown_ringing_busy_and_idle(server: PresenceServer, make_phone: MakePhone) -> None:
    phone = make_phone(config(account(server.address, more=['watch: ["sip:1003@pbx.test"]'])))
    phone.wait_registered()
    for version, (state, shown) in enumerate((("early", "ringing"), ("confirmed", "busy"), ("terminated", "idle"))):
        body = DIALOGS.format(version=version, state=state)
        published = server.publish("1003", "dialog", "application/dialog-info+xml", body)
        assert published.status.startswith("200"), published.text + server.output()
        phone.wait_status(lambda status: status["watched"][0]["state"] == shown, shown)  # noqa: B023


def test_a_binding_that_the_registrar_takes_away_is_made_anew(server: PresenceServer, make_phone: MakePhone) -> None:
    phone = make_phone(config(account(server.address, more=["watch_registration: true"])))
    phone.wait_registered()
    first = server.binding("1001")
    assert first, server.rpc("ul.dump")
    time.sleep(1)  # the registrar's first word of the binding is heard
    server.rpc("ul.rm", "location", "1001@pbx.test")
    phone.wait_status(lambda status: server.binding("1001") not in ("", first), "another binding", 10)
