"""What a Kamailio between phones does: forks, changes the transport, dies, gives out GRUUs, keeps Path."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePhone
from tests.support.baresip import Baresip, pbx_account
from tests.support.certs import make_authority
from tests.support.kamailio import FLOW_TIMER_S, Kamailio
from tests.support.meeting import NAMES
from tests.support.names import asking, name_server
from tests.support.netns import SERVER_IP
from tests.support.phone import Phone, account, config

pytestmark = pytest.mark.peer
PORTS = "10200-10219"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Kamailio]:
    """A Kamailio of this test alone."""
    with Kamailio(tmp_path / "server") as kamailio:
        yield kamailio


def start_baresip(folder: Path, user: str, server: str, port: int = 5062, transport: str = "udp") -> Baresip:
    """A baresip that is registered and answers by hand."""
    baresip = Baresip(folder, pbx_account(user, server, transport), SERVER_IP, port, port - 600, PORTS)
    baresip.wait_registered()
    return baresip


def talk(phone: Phone) -> None:
    """Packets go both ways."""
    phone.wait_status(
        lambda status: bool(status["calls"]) and min(status["calls"][0]["rx"], status["calls"][0]["tx"]) > 25,
        "25 packets each way",
    )


def second(text: str) -> str:
    """The config of a second phone on the same machine: other RTP ports."""
    return text.replace("20000-20020", "20100-20120")


@pytest.mark.parametrize("winner", ["first", "second"])
def test_two_phones_ring_and_one_answers(winner: str, tmp_path: Path, server: Kamailio, make_phone: MakePhone) -> None:
    text = config(account(server.address))
    phones = [make_phone(text, name="first"), make_phone(second(text), name="second")]
    for phone in phones:
        phone.wait_registered()
    assert len(server.contacts("1001")) == 2
    answers, rings_only = phones if winner == "first" else phones[::-1]
    with start_baresip(tmp_path / "1002", "1002", server.address) as caller:
        caller.dial("sip:1001@pbx.test")
        for phone in phones:
            phone.wait_for("ringer", on=True)
        answers.lift()
        caller.wait_talking()
        rings_only.wait_for("ringer", on=False)
        talk(answers)
        ended = rings_only.wait_for("call", state="ended")
        assert "elsewhere" in ended["reason"], ended
        assert rings_only.status()["calls"] == []
        caller.hang_up()
        answers.wait_state("REORDER")


def test_the_proxy_joins_tls_and_udp(tmp_path: Path, make_phone: MakePhone) -> None:
    authority = make_authority(tmp_path / "ca", NAMES)
    with Kamailio(tmp_path / "server", authority=authority) as server:
        more = [f"tls: {{ca: {authority.ca_file}}}"]
        phone = make_phone(config(account(server.tls_address, transport="tls", more=more)))
        phone.wait_registered()
        with start_baresip(tmp_path / "1002", "1002", server.address) as peer:
            phone.call("1002")
            peer.wait_incoming()
            peer.accept()
            peer.wait_talking()
            talk(phone)
            phone.hang_up()
            peer.wait_ended()
            phone.wait_state("ON_HOOK")
            peer.dial("sip:1001@pbx.test")
            phone.wait_for("ringer", on=True)
            phone.lift()
            peer.wait_talking()
            talk(phone)
            peer.hang_up()
            phone.wait_state("REORDER")


def test_a_gruu_reaches_one_phone_of_two(tmp_path: Path, server: Kamailio, make_phone: MakePhone) -> None:
    text = config(account(server.address))
    phone, other = make_phone(text, name="first"), make_phone(second(text), name="second")
    with start_baresip(tmp_path / "1002", "1002", server.address) as caller:
        for one in (phone, other):
            one.wait_registered()
        mine = (phone.state_dir / "device-uuid").read_text().strip()
        caller.dial(f"sip:1001@pbx.test;gr=urn:uuid:{mine}")
        phone.wait_for("ringer", on=True)
        caller.hang_up()
        phone.wait_for("ringer", on=False)
        assert all(event["event"] != "ringer" for event in other.board_socket.history)


def changed_at(location: str) -> list[str]:
    """When the registrar wrote its bindings last."""
    return [line for line in location.splitlines() if "Last-Modified:" in line]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_edge_proxy_keeps_the_flow_that_we_registered_by(
    transport: str, tmp_path: Path, make_phone: MakePhone
) -> None:
    with (
        Kamailio(tmp_path / "registrar", outbound=True) as server,
        Kamailio(tmp_path / "edge", port=5070, registrar=server.address, outbound=True) as edge,
    ):
        more = [f'outbound_proxy: "{edge.address}"']
        phone = make_phone(config(account(server.address, transport=transport, more=more)))
        phone.wait_registered()
        bound = server.location("1001")
        assert ";ob" in bound, bound
        assert "Reg-Id: 1" in bound, bound
        time.sleep(2.5 * FLOW_TIMER_S)  # STUN or pings, as the flow timer asks: nobody has to register anew
        assert changed_at(server.location("1001")) == changed_at(bound) != []
        with start_baresip(tmp_path / "1002", "1002", server.address) as peer:
            peer.dial("sip:1001@pbx.test")
            phone.wait_for("ringer", on=True)
            phone.lift()
            peer.wait_talking()
            talk(phone)
            phone.hang_up()
            peer.wait_ended()
            phone.call("1002")
            peer.wait_incoming()
            peer.accept()
            peer.wait_talking()
            talk(phone)
            peer.hang_up()
            phone.wait_state("REORDER")
            phone.hang_up()


def test_an_outbound_proxy_stays_in_every_path(tmp_path: Path, server: Kamailio, make_phone: MakePhone) -> None:
    with Kamailio(tmp_path / "edge", port=5070, registrar=server.address) as edge:
        phone = make_phone(config(account(server.address, more=[f'outbound_proxy: "{edge.address}"'])))
        phone.wait_registered()
        assert f"sip:{edge.address};lr" in server.location("1001"), server.location("1001")
        with start_baresip(tmp_path / "1002", "1002", server.address) as peer:
            peer.dial("sip:1001@pbx.test")
            phone.wait_for("ringer", on=True)
            phone.lift()
            peer.wait_talking()
            talk(phone)
            phone.hang_up()
            peer.wait_ended()
            phone.wait_state("ON_HOOK")
            phone.call("1002")
            peer.wait_incoming()
            peer.accept()
            talk(phone)
            peer.hang_up()
            phone.wait_state("REORDER")


def test_calls_and_registration_go_to_the_second_server_when_the_first_dies(
    tmp_path: Path, make_phone: MakePhone
) -> None:
    zone = {
        ("_sip._udp.pbx.test", "SRV"): ("10 0 5060 one.pbx.test.", "20 0 5070 two.pbx.test."),
        ("one.pbx.test", "A"): (SERVER_IP,),
        ("two.pbx.test", "A"): (SERVER_IP,),
    }
    with (
        name_server(zone),
        Kamailio(tmp_path / "one") as one,
        Kamailio(tmp_path / "two", port=5070) as two,
        start_baresip(tmp_path / "1002", "1002", two.address) as peer,
    ):
        phone = make_phone(config(account("pbx.test")), prefix=asking(tmp_path / "names"))
        phone.wait_registered()
        assert one.contacts("1001")
        assert not two.contacts("1001")
        one.stop()
        phone.call("1002")
        peer.wait_incoming()
        peer.accept()
        peer.wait_talking()
        talk(phone)
        phone.hang_up()
        peer.wait_ended()
        phone.wait_state("ON_HOOK")
        end = time.monotonic() + 60
        while not two.contacts("1001"):
            assert time.monotonic() < end, phone.log()
            time.sleep(0.2)
        peer.dial("sip:1001@pbx.test")
        phone.wait_for("ringer", on=True)
        phone.lift()
        peer.wait_talking()
        talk(phone)
        peer.hang_up()
        phone.wait_state("REORDER")
