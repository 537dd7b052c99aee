"""What a request from outside gets: each status of :rfc:`3261#section-8.2`, statelessly where nothing is decided."""

from dataclasses import replace

import pytest

from offhook.sip import events as ev
from offhook.sip.events import Flow
from offhook.sip.messages.message import Request, Response
from offhook.sip.settings import EndpointSettings
from tests.support.sip_alone import HERE, THERE, Alone, answer, message


def one(messages: list[Request | Response]) -> Response:
    (response,) = messages
    assert isinstance(response, Response)
    return response


def test_an_invite_gets_100_at_once() -> None:
    alone = Alone()
    response = one(alone.say(message(body="v=0")))
    assert response.status == 100
    assert not response.to.tag


def test_an_invite_for_somebody_else_gets_404() -> None:
    alone = Alone()
    response = one(alone.say(message(uri="sip:9999@10.0.0.1", body="v=0")))
    assert response.status == 404
    assert response.to.tag
    assert alone.events() == []


@pytest.mark.parametrize("uri", ["sip:1001@10.0.0.1", "sip:%31001@pbx.test", "sips:1001@x", "tel:10-01"])
def test_an_invite_for_our_user_rings_whatever_the_host(uri: str) -> None:
    alone = Alone()
    assert one(alone.say(message(uri=uri))).status == 100
    (incoming,) = alone.events()
    assert isinstance(incoming, ev.IncomingCall)
    assert incoming.account == "desk"


def test_an_endpoint_for_any_user_takes_any_user() -> None:
    alone = Alone(EndpointSettings(any_user=True))
    for number, uri in enumerate(("sip:9@x", "sip:10.0.0.1", "urn:service:sos", "tel:+4512345678")):
        out = one(alone.say(message(uri=uri, branch=f"z9hG4bKu{number}", call_id=f"u{number}")))
        assert out.status == 100, uri
    assert len(alone.events()) == 4


def test_options_gets_200_and_says_what_we_can_do() -> None:
    alone = Alone()
    assert one(alone.say(message("OPTIONS", "sip:anybody@10.0.0.1"))).status == 404
    assert one(alone.say(message("OPTIONS", "sip:10.0.0.1"))).status == 200
    response = one(alone.say(message("OPTIONS")))
    assert response.status == 200
    assert {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REFER", "NOTIFY", "MESSAGE"} <= set(response.allow)
    assert "application/sdp" in (response.headers.get("Accept") or "")
    assert "Supported" in response.headers
    assert (response.headers.get("Server") or "").startswith("offhook/")


def test_max_forwards_0_is_fine_at_the_end_of_the_road() -> None:
    alone = Alone()
    text = message("OPTIONS").replace("Max-Forwards: 70", "Max-Forwards: 0")
    assert one(alone.say(text)).status == 200


@pytest.mark.parametrize("method", ["REGISTER", "PUBLISH"])
def test_a_method_that_we_do_not_allow_gets_405_with_allow(method: str) -> None:
    response = one(Alone().say(message(method)))
    assert response.status == 405
    assert "INVITE" in response.allow


def test_a_method_that_nobody_knows_gets_501() -> None:
    response = one(Alone().say(message("NEWMETHOD")))
    assert response.status == 501
    assert "INVITE" in response.allow


@pytest.mark.parametrize("uri", ["http://example.com/", "nobodyknows:x", "urn:service:sos"])
def test_another_scheme_gets_416(uri: str) -> None:
    assert one(Alone().say(message(uri=uri))).status == 416


def test_an_extension_that_is_required_gets_420_naming_it_and_proxy_require_is_none_of_ours() -> None:
    response = one(Alone().say(message(more="Require: foo, precondition\nProxy-Require: bar\n")))
    assert response.status == 420
    assert response.headers.get_all("Unsupported") == ["foo, precondition"]
    assert one(Alone().say(message(more="Proxy-Require: bar\n"))).status == 100


def test_a_body_that_we_cannot_read_gets_415_with_accept() -> None:
    response = one(Alone().say(message(body="<x/>", more="Content-Type: application/xml\n")))
    assert response.status == 415
    assert "application/sdp" in (response.headers.get("Accept") or "")


def test_an_encoded_body_gets_415_with_accept_encoding() -> None:
    response = one(Alone().say(message(body="x", more="Content-Encoding: gzip\nContent-Type: application/sdp\n")))
    assert response.status == 415
    assert response.headers.get("Accept-Encoding") == "identity"


def test_a_body_that_may_be_ignored_is() -> None:
    more = "Content-Type: image/png\nContent-Disposition: icon; handling=optional\n"
    assert one(Alone().say(message(body="x", more=more))).status == 100


def test_a_body_without_type_gets_400() -> None:
    text = message(body="v=0").replace("Content-Type: application/sdp\n", "")
    assert one(Alone().say(text)).status == 400


@pytest.mark.parametrize("contact", ["", "Contact: <tel:+1234>\n"])
def test_an_invite_without_a_sip_contact_gets_400_and_leaves_nothing_behind(contact: str) -> None:
    alone = Alone()
    text = message().replace("Contact: <sip:bob@10.0.0.9:5060>\n", contact)
    assert one(alone.say(text)).status == 400
    assert alone.events() == []
    assert alone.endpoint.settled
    assert alone.endpoint.deadline() is None


@pytest.mark.parametrize("method", ["BYE", "INVITE", "OPTIONS"])
def test_a_request_of_a_dialog_that_we_do_not_know_gets_481(method: str) -> None:
    assert one(Alone().say(message(method, to="<sip:1001@pbx.test>;tag=gone"))).status == 481


def test_a_bye_outside_any_dialog_gets_481() -> None:
    assert one(Alone().say(message("BYE"))).status == 481


def test_a_cancel_for_nothing_gets_481() -> None:
    assert one(Alone().say(message("CANCEL"))).status == 481


def test_a_cancel_after_the_answer_gets_200_and_changes_nothing() -> None:
    alone = Alone()
    alone.say(message(body="v=0"))
    alone.endpoint.answer("i1", None, alone.now)
    alone.heard()
    alone.events()
    assert one(alone.say(message("CANCEL"))).status == 200
    assert alone.events() == []
    assert not alone.endpoint.settled


def test_an_ack_for_nothing_gets_nothing() -> None:
    alone = Alone()
    assert alone.say(message("ACK")) == []
    assert alone.say(message("ACK", to="<sip:1001@pbx.test>;tag=x")) == []


def test_the_same_invite_by_another_path_gets_482() -> None:
    alone = Alone()
    alone.say(message(body="v=0"))
    assert one(alone.say(message(body="v=0", branch="z9hG4bKother"))).status == 482
    assert len(alone.events()) == 1


def test_our_own_invite_come_back_gets_482() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:1001@pbx.test", None, alone.now)
    (invite,) = alone.heard()
    text = bytes(invite).replace(b"Via:", b"Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKproxy\r\nVia:", 1)
    assert one(alone.say(text)).status == 482


def test_another_version_gets_505() -> None:
    assert one(Alone().say(message().replace("SIP/2.0\n", "SIP/7.0\n", 1))).status == 505


def test_a_broken_request_gets_400_with_what_could_be_read() -> None:
    alone = Alone()
    response = one(alone.say(message("OPTIONS").replace("From: <sip:bob@pbx.test>;tag=b1", 'From: "bob <sip:x')))
    assert response.status == 400
    assert response.call_id == "c1"
    assert alone.sent[-1][1].remote == THERE


def test_a_repeated_request_gets_the_same_answer_to_the_last_byte() -> None:
    for text in (message("OPTIONS"), message("NEWMETHOD"), message(uri="sip:9@x"), message("BYE")):
        alone = Alone()
        alone.say(text)
        alone.say(text)
        first, second = (transmit.data for _, transmit in alone.sent)
        assert first == second


def test_refusals_leave_nothing_behind() -> None:
    alone = Alone()
    for number in range(1000):
        for method, uri in (("OPTIONS", "sip:x"), ("INVITE", "sip:9@x"), ("REGISTER", "sip:x"), ("BYE", "sip:1001@x")):
            alone.say(message(method, uri, branch=f"z9hG4bK{method}{number}", call_id=f"{method}{number}"))
    assert alone.endpoint.deadline() is None
    assert alone.endpoint.settled


def test_a_flood_of_calls_is_refused_beyond_the_cap_and_a_call_that_is_up_can_still_be_ended() -> None:
    alone = Alone(EndpointSettings(max_transactions=50, max_calls=8))
    alone.say(message(body="v=0"))
    alone.endpoint.answer("i1", None, alone.now)
    (ok,) = alone.heard()
    alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={ok.to.tag}"))
    statuses = []
    for number in range(500):
        out = alone.say(message(branch=f"z9hG4bKf{number}", call_id=f"f{number}", body="v=0"))
        statuses.append(one(out).status)
        for event in alone.events():
            if isinstance(event, ev.IncomingCall) and event.call != "i1":
                alone.endpoint.reject(event.call, 486, "", alone.now)
                alone.heard()
    assert statuses.count(100) == 49
    assert statuses.count(503) == 451
    bye = message("BYE", branch="z9hG4bKbye", cseq=2, to=f"<sip:1001@pbx.test>;tag={ok.to.tag}")
    assert one(alone.say(bye)).status == 200
    alone.pass_time(60)
    assert one(alone.say(message(branch="z9hG4bKafter", call_id="after"))).status == 100


@pytest.mark.parametrize(
    ("via", "back"),
    [
        ("SIP/2.0/UDP 10.0.0.9:5060;rport", ("192.0.2.5", 33333)),
        ("SIP/2.0/UDP 10.0.0.9:5060", ("192.0.2.5", 5060)),
        ("SIP/2.0/UDP 10.0.0.9:5070", ("192.0.2.5", 5070)),
        ("SIP/2.0/UDP 10.0.0.9", ("192.0.2.5", 5060)),
        ("SIP/2.0/UDP 10.0.0.9;maddr=10.9.9.9", ("192.0.2.5", 5060)),
    ],
)
def test_a_response_goes_to_where_the_request_came_from(via: str, back: tuple[str, int]) -> None:
    alone = Alone()
    response = one(alone.say(message("OPTIONS", via=via), remote=("192.0.2.5", 33333)))
    assert alone.sent[-1][1].remote == back
    assert response.via.received == "192.0.2.5"
    assert response.via.rport == (33333 if "rport" in via else None)


def test_only_the_top_via_is_completed() -> None:
    alone = Alone()
    more = "Via: SIP/2.0/TCP 10.1.1.1;branch=z9hG4bKlower, SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKlowest\n"
    response = one(alone.say(message("OPTIONS", more=more), remote=("192.0.2.5", 5060)))
    assert [via.branch for via in response.vias] == ["z9hG4bKx1", "z9hG4bKlower", "z9hG4bKlowest"]
    assert [via.received for via in response.vias] == ["192.0.2.5", None, None]


def test_a_response_to_a_stream_that_is_gone_goes_to_a_new_one() -> None:
    alone = Alone()
    alone.say(message(body="v=0", via="SIP/2.0/TCP 10.0.0.9:5062"), "tcp", ("10.0.0.9", 40000))
    alone.endpoint.flow_closed(Flow("tcp", HERE, ("10.0.0.9", 40000), 1), alone.now)
    alone.endpoint.ring("i1", alone.now)
    alone.heard()
    transmit = alone.sent[-1][1]
    assert (transmit.transport, transmit.remote, transmit.flow) == ("tcp", ("10.0.0.9", 5062), None)


def test_a_peer_after_rfc_2543_is_understood() -> None:
    alone = Alone()
    old = (
        "INVITE sip:1001@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9\nFrom: <sip:bob@x>\nTo: <sip:1001@x>\n"
        "Call-ID: old\nCSeq: 1 INVITE\nContact: <sip:bob@10.0.0.9>\n\n"
    )
    assert one(alone.say(old)).status == 100
    assert one(alone.say(old)).status == 100
    assert len(alone.events()) == 1
    alone.endpoint.reject("i1", 486, "", alone.now)
    busy = one(alone.heard())
    ack = old.replace("INVITE", "ACK").replace("To: <sip:1001@x>", f"To: {busy.headers.get('To')}")
    assert alone.say(ack) == []
    assert alone.pass_time(60) == []


def test_a_call_with_a_peer_after_rfc_2543_is_confirmed_and_ended() -> None:
    alone = Alone()
    old = (
        "INVITE sip:1001@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9\nFrom: <sip:bob@x>\nTo: <sip:1001@x>\n"
        "Call-ID: old\nCSeq: 1 INVITE\nContact: <sip:bob@10.0.0.9>\n\n"
    )
    alone.say(old)
    alone.endpoint.answer("i1", None, alone.now)
    ok = one(alone.heard())
    alone.events()
    to = f"To: {ok.headers.get('To')}"
    alone.say(old.replace("INVITE", "ACK").replace("To: <sip:1001@x>", to))
    assert alone.events() == [ev.CallConfirmed("i1", None)]
    bye = old.replace("INVITE", "BYE").replace("CSeq: 1", "CSeq: 2").replace("To: <sip:1001@x>", to)
    assert one(alone.say(bye)).status == 200
    assert isinstance(alone.events()[0], ev.CallOver)


def test_a_branch_that_is_only_the_cookie_is_no_key() -> None:
    alone = Alone()
    assert one(alone.say(message("OPTIONS", branch="z9hG4bK"))).status == 200
    assert one(alone.say(message(branch="z9hG4bK", call_id="a", body="v=0"))).status == 100
    assert one(alone.say(message(branch="z9hG4bK", call_id="b", caller="<sip:c@x>;tag=9"))).status == 100
    assert len(alone.events()) == 2


def test_a_method_to_be_delivered_is_answered_by_the_application() -> None:
    alone = Alone(EndpointSettings(deliver=frozenset({"REGISTER"})))
    text = message("REGISTER", "sip:pbx.test")
    assert alone.say(text) == []
    assert alone.say(text) == []
    (received,) = alone.events()
    assert isinstance(received, ev.RequestReceived)
    alone.endpoint.respond(received.key, 200, "", alone.now, headers=(("Expires", "60"),))
    response = one(alone.heard())
    assert (response.status, response.reason, response.expires) == (200, "OK", 60)
    assert one(alone.say(text)).status == 200
    assert "REGISTER" in one(alone.say(message("OPTIONS", branch="z9hG4bKo"))).allow


def test_a_delivered_request_that_is_never_answered_is_let_go() -> None:
    alone = Alone(EndpointSettings(deliver=frozenset({"REGISTER"})))
    for number in range(300):
        alone.say(message("REGISTER", branch=f"z9hG4bK{number}", call_id=f"r{number}"))
    assert len(alone.events()) == 256
    alone.pass_time(33)
    assert alone.endpoint.deadline() is None
    alone.say(message("REGISTER", branch="z9hG4bKagain", call_id="again"))
    assert len(alone.events()) == 1


def test_keep_alives_get_nothing() -> None:
    alone = Alone()
    for data in (b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0"):
        assert alone.say(data) == []


def test_no_call_is_accepted_for_a_user_of_no_account() -> None:
    alone = Alone()
    assert one(alone.say(message(uri="sip:10.0.0.1"))).status == 404


def test_a_busy_answer_is_repeated_until_the_ack() -> None:
    alone = Alone()
    alone.say(message(body="v=0"))
    alone.endpoint.reject("i1", 486, "", alone.now)
    busy = one(alone.heard())
    assert len(alone.pass_time(2)) == 2
    alone.say(message("ACK", to=str(busy.to)))
    assert alone.pass_time(60) == []


def test_the_far_end_of_a_call_can_be_reached_by_its_answer_only_once() -> None:
    alone = Alone()
    alone.say(message(body="v=0"))
    alone.endpoint.answer("i1", None, alone.now)
    alone.heard()
    alone.endpoint.answer("i1", None, alone.now)
    alone.endpoint.reject("i1", 486, "", alone.now)
    alone.endpoint.ring("i1", alone.now)
    assert alone.heard() == []


def test_a_timestamp_comes_back_in_the_100() -> None:
    response = one(Alone().say(message(more="Timestamp: 54.2\n")))
    assert (response.status, response.headers.get("Timestamp")) == (100, "54.2")


def test_no_call_comes_in_once_the_phone_closes() -> None:
    alone = Alone()
    alone.endpoint.close(alone.now)
    assert one(alone.say(message(body="v=0"))).status == 503
    assert alone.events() == []


def test_of_two_accounts_with_the_same_user_the_one_whose_server_calls_is_meant() -> None:
    alone = Alone(register=True)
    (request,) = alone.heard()
    alone.say(answer(request, 200))
    other = replace(alone.account, name="other", server="10.0.0.8:5060")
    alone.endpoint.register(other, alone.now)
    (request,) = alone.heard()
    alone.say(answer(request, 200), remote=("10.0.0.8", 5060))
    alone.events()
    for number, (ip, name) in enumerate((("10.0.0.8", "other"), ("10.0.0.9", "desk"), ("10.0.0.77", "desk"))):
        alone.say(message(branch=f"z9hG4bK{number}", call_id=f"n{number}"), remote=(ip, 5060))
        (incoming,) = alone.events()
        assert isinstance(incoming, ev.IncomingCall)
        assert incoming.account == name
