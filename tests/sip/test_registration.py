"""REGISTER against a registrar in virtual time."""

from itertools import pairwise
from random import Random

import pytest

from offhook.sip import events as ev
from offhook.sip.endpoint import Endpoint
from offhook.sip.messages.message import Request
from offhook.sip.messages.parser import parse_datagram
from offhook.sip.settings import AccountSettings, EndpointSettings
from tests.support.sip_alone import THERE, Alone, answer
from tests.support.sip_pair import A, B, Link, Pair
from tests.support.sip_registrar import REGISTRAR, Answer, Registrar, registering


def test_an_account_registers_and_is_refreshed_before_it_expires() -> None:
    pair = Pair()
    registrar = registering(pair)
    registrar.granted = 600
    pair.run(1)
    assert pair.a.events == [ev.Registered("1001", 600)]
    assert registrar.bindings == {"sip:1001@10.0.0.1:5060": 600}
    pair.run(3600)
    times = [at for at, _ in registrar.requests]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps
    assert all(500 < gap < 600 for gap in gaps)
    numbers = [request.cseq.number for _, request in registrar.requests]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len({request.call_id for _, request in registrar.requests}) == 1


def test_a_short_binding_is_refreshed_at_half_time() -> None:
    pair = Pair()
    registrar = registering(pair)
    registrar.granted = 20
    pair.run(100)
    assert len(registrar.requests) >= 9


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_challenge_is_answered(algorithm: str) -> None:
    pair = Pair()
    registrar = registering(pair, Registrar(pair, algorithm=algorithm))
    pair.run(1)
    assert pair.a.events == [ev.Registered("1001", 3600)]
    assert len(registrar.requests) == 2


def test_the_next_request_is_signed_ahead_with_the_nonce_count_going_on() -> None:
    pair = Pair()
    registrar = registering(pair, Registrar(pair, algorithm="MD5"))
    pair.run(10_000)
    values = [request.headers.get("Authorization") or "" for _, request in registrar.requests]
    counts = [value[-11:] for value in values]
    assert counts == ["", "nc=00000001", "nc=00000002", "nc=00000003", "nc=00000004"]


def test_a_new_nonce_without_stale_is_tried_once() -> None:
    pair = Pair()
    registrar = registering(pair, Registrar(pair, algorithm="MD5"))
    pair.run(1)
    registrar.renew()
    pair.a.endpoint.refresh_registration("1001", pair.now)
    pair.run(1)
    assert [type(event).__name__ for event in pair.a.events] == ["Registered", "Registered"]
    assert len(registrar.requests) == 4


def test_a_wrong_password_is_tried_three_times_and_then_slows_down() -> None:
    pair = Pair()
    registrar = registering(pair, Registrar(pair, algorithm="MD5", password="another"))
    pair.run(1)
    assert len(registrar.requests) == 3
    failed = pair.a.events[-1]
    assert isinstance(failed, ev.RegistrationFailed)
    assert failed.status == 401
    assert 60 <= failed.retry_in <= 120


def test_no_password_is_ever_on_the_wire() -> None:
    pair = Pair()
    registering(pair, Registrar(pair, algorithm="MD5"))
    pair.run(1)
    assert not any(b"secret1001" in data for _, _, _, data in pair.log)


def test_several_challenges_are_met_with_the_first_that_is_known() -> None:
    alone = Alone(register=True)
    (request,) = alone.heard()
    more = (
        'WWW-Authenticate: Digest realm="r", nonce="a", algorithm=SHA3-256, qop="auth"\n'
        'WWW-Authenticate: Digest realm="r", nonce="b", algorithm=SHA-256, qop="auth"\n'
        'WWW-Authenticate: Digest realm="r", nonce="c", algorithm=MD5, qop="auth"\n'
    )
    (again,) = alone.say(answer(request, 401, more=more))
    (value,) = again.headers.get_all("Authorization")
    assert 'nonce="b"' in value
    assert "algorithm=SHA-256" in value
    assert again.cseq.number == request.cseq.number + 1


def test_a_proxy_and_a_registrar_may_both_challenge() -> None:
    alone = Alone(register=True)
    (first,) = alone.heard()
    (second,) = alone.say(answer(first, 407, more='Proxy-Authenticate: Digest realm="p", nonce="a", qop="auth"\n'))
    (third,) = alone.say(answer(second, 401, more='WWW-Authenticate: Digest realm="r", nonce="b", qop="auth"\n'))
    assert 'realm="p"' in (third.headers.get("Proxy-Authorization") or "")
    assert 'realm="r"' in (third.headers.get("Authorization") or "")
    alone.say(answer(third, 200, more="Contact: <sip:1001@10.0.0.1:5060>;expires=600\n"))
    assert alone.events() == [ev.Registered("desk", 600)]


def test_a_challenge_that_nobody_can_meet_is_a_failure() -> None:
    alone = Alone(register=True)
    (request,) = alone.heard()
    assert alone.say(answer(request, 401, more='WWW-Authenticate: Bearer realm="r", nonce="b"\n')) == []
    assert [type(event).__name__ for event in alone.events()] == ["RegistrationFailed"]


def test_423_raises_the_expiry() -> None:
    pair = Pair()
    registrar = Registrar(pair)

    def behave(request: Request) -> Answer | None:
        return (423, (("Min-Expires", "7200"),)) if (request.expires or 0) < 7200 else None

    registrar.behave = behave
    registrar.granted = 10_000
    registering(pair, registrar)
    pair.run(1)
    assert pair.a.events == [ev.Registered("1001", 7200)]


def test_a_423_that_does_not_help_is_a_failure() -> None:
    pair = Pair()
    registrar = Registrar(pair)
    registrar.behave = lambda request: (423, (("Min-Expires", "60"),))
    registering(pair, registrar)
    pair.run(1)
    assert len(registrar.requests) == 1
    assert isinstance(pair.a.events[-1], ev.RegistrationFailed)


def test_failures_back_off_to_two_minutes_and_never_end() -> None:
    pair = Pair()
    registrar = Registrar(pair)
    registrar.behave = lambda request: (500, ())
    registering(pair, registrar)
    pair.run(4 * 3600)
    times = [at for at, _ in registrar.requests]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert 15 <= gaps[0] <= 30.1
    assert 30 <= gaps[1] <= 60.1
    assert all(60 <= gap <= 120.1 for gap in gaps[2:])
    assert len(gaps) > 100
    assert len({round(gap, 1) for gap in gaps}) > 20
    registrar.behave = lambda request: None
    pair.run(121)
    assert isinstance(pair.a.events[-1], ev.Registered)


def test_retry_after_is_honoured() -> None:
    pair = Pair()
    registrar = Registrar(pair)
    registrar.behave = lambda request: (503, (("Retry-After", "200 (busy);duration=60"),))
    registering(pair, registrar)
    pair.run(1)
    failed = pair.a.events[-1]
    assert isinstance(failed, ev.RegistrationFailed)
    assert failed.retry_in == 200


def test_403_slows_down() -> None:
    pair = Pair()
    registrar = Registrar(pair)
    registrar.behave = lambda request: (403, ())
    registering(pair, registrar)
    pair.run(3600)
    assert 6 <= len(registrar.requests) <= 13


@pytest.mark.parametrize("status", [401, 404, 407])
def test_a_server_that_starts_without_its_users_has_the_phone_back_within_two_minutes(status: int) -> None:
    pair = Pair()
    registrar = Registrar(pair)
    registrar.behave = lambda request: (status, ())
    registering(pair, registrar)
    pair.run(1800)
    assert 15 <= len(registrar.requests) <= 31
    registrar.behave = lambda request: None
    pair.run(121)
    assert isinstance(pair.a.events[-1], ev.Registered)


def test_a_server_that_is_down_for_an_hour_is_found_again_within_two_minutes_and_a_half() -> None:
    pair = Pair(link=Link(loss=1.0))
    registrar = registering(pair)
    pair.run(3600)
    failed = pair.a.events[0]
    assert isinstance(failed, ev.RegistrationFailed)
    assert failed.status == 0
    pair.link.loss = 0.0
    pair.run(120 + 32)
    assert isinstance(pair.a.events[-1], ev.Registered)
    assert registrar.bindings


def test_a_retry_at_once_does_not_wait_for_the_back_off() -> None:
    pair = Pair()
    registrar = Registrar(pair)
    registrar.behave = lambda request: (500, ())
    registering(pair, registrar)
    pair.run(1)
    registrar.behave = lambda request: None
    pair.a.endpoint.refresh_registration("1001", pair.now)
    pair.run(1)
    assert isinstance(pair.a.events[-1], ev.Registered)


def test_the_binding_is_removed() -> None:
    pair = Pair()
    registrar = registering(pair, Registrar(pair, algorithm="MD5"))
    pair.run(1)
    pair.a.endpoint.unregister("1001", pair.now)
    pair.run(1)
    assert registrar.bindings == {}
    assert pair.a.events[-1] == ev.Unregistered("1001")
    pair.run(36_000)
    assert len(registrar.requests) == 3


def test_removing_from_a_dead_server_ends_after_three_seconds() -> None:
    pair = Pair()
    registering(pair)
    pair.run(1)
    pair.link.loss = 1.0
    pair.a.endpoint.close(pair.now)
    pair.run(2.9)
    assert not pair.a.endpoint.settled
    pair.run(0.2)
    assert pair.a.events[-1] == ev.Unregistered("1001")
    assert pair.a.endpoint.settled


def test_an_account_that_was_never_sent_has_nothing_to_remove() -> None:
    alone = Alone(register=True, server="pbx.test")
    alone.endpoint.unregister("desk", alone.now)
    assert alone.heard() == []
    assert alone.events()[-1] == ev.Unregistered("desk")


def test_a_first_register_that_is_not_answered_yet_is_removed_all_the_same() -> None:
    pair = Pair(link=Link(delay=1.5))
    registrar = registering(pair)
    pair.run(1)
    pair.a.endpoint.unregister("1001", pair.now)
    pair.run(10)
    assert [request.expires for _, request in registrar.requests] == [3600, 0]
    assert registrar.bindings == {}
    assert pair.a.events == [ev.Unregistered("1001")]
    assert pair.a.endpoint.settled


def test_behind_a_nat_the_contact_is_written_anew_and_the_old_one_removed() -> None:
    alone = Alone(register=True)
    (first,) = alone.heard()
    assert first.headers.get("Contact") == "<sip:1001@10.0.0.1:5060>"
    seen = answer(first, 200, more="Contact: <sip:1001@10.0.0.1:5060>;expires=600\n")
    seen = seen.replace(";rport;", ";rport=40001;received=192.0.2.7;")
    (second,) = alone.say(seen)
    assert second.headers.get("Contact") == "<sip:1001@192.0.2.7:40001>, <sip:1001@10.0.0.1:5060>;expires=0"
    seen = answer(second, 200, more="Contact: <sip:1001@192.0.2.7:40001>;expires=500\n")
    assert alone.say(seen.replace(";rport;", ";rport=40001;received=192.0.2.7;")) == []
    assert alone.events() == [ev.Registered("desk", 500)]
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", None, alone.now)
    (invite,) = alone.heard()
    assert invite.headers.get("Contact") == "<sip:1001@192.0.2.7:40001>"


def test_a_nat_that_answers_anew_each_time_does_not_make_us_spin() -> None:
    alone = Alone(register=True)
    (request,) = alone.heard()
    for port in (40001, 40002):
        text = answer(request, 200, more=f"{request.headers.get('Contact') and ''}Expires: 600\n")
        out = alone.say(text.replace(";rport;", f";rport={port};received=192.0.2.7;"))
        if out:
            (request,) = out
    assert out == []
    assert [type(event).__name__ for event in alone.events()] == ["Registered"]


@pytest.mark.parametrize("seen", ["zz<", "%", "!", "[fe80::1]x", "..", "*"])
def test_a_server_that_sees_us_at_no_address_changes_no_contact(seen: str) -> None:
    alone = Alone(register=True)
    (request,) = alone.heard()
    text = answer(request, 200, more="Expires: 600\n").replace(";rport;", f";rport=40001;received={seen};")
    for again in alone.say(text):
        alone.say(answer(again, 200, more="Expires: 600\n"))
    alone.endpoint.refresh_registration("desk", alone.now + 5)
    assert "10.0.0.1" in (alone.heard()[-1].headers.get("Contact") or "")


def test_a_streams_far_port_is_not_taken_for_ours() -> None:
    alone = Alone(register=True, transport="tcp")
    (first,) = alone.heard()
    assert first.headers.get("Contact") == "<sip:1001@10.0.0.1:5060;transport=tcp>"
    text = answer(first, 200, more="Expires: 600\n").replace(";rport;", ";rport=40001;received=10.0.0.1;")
    assert alone.say(text, "tcp") == []
    assert alone.events() == [ev.Registered("desk", 600)]


def test_a_stream_that_closes_is_registered_again_shortly() -> None:
    pair = Pair()
    registrar = registering(pair, transport="tcp")
    pair.run(1)
    flow = ev.Flow("tcp", A, REGISTRAR, 1)
    pair.a.endpoint.flow_closed(flow, pair.now)
    pair.run(3)
    assert len(registrar.requests) == 2


def test_a_server_that_hangs_up_after_each_registration_is_asked_ever_later() -> None:
    alone = Alone(register=True, transport="tcp")
    sent, times = alone.heard(), []
    for number in range(1, 11):
        (register,) = sent
        times.append(alone.now)
        flow = ev.Flow("tcp", ("10.0.0.1", 40000 + number), THERE, number)
        alone.endpoint.flow_opened(flow, alone.now)
        text = answer(register, 200, more="Expires: 600\n")
        alone.endpoint.receive(text.replace("\n", "\r\n").encode(), flow, alone.now)
        alone.endpoint.flow_closed(flow, alone.now)
        sent = []
        while not sent:
            sent = alone.pass_time(0.5)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps[:2]) <= 4.5
    assert min(gaps[6:]) >= 30
    assert max(gaps) <= 121
    assert any(isinstance(event, ev.RegistrationFailed) for event in alone.events()), "and the status says so"


def test_calls_are_possible_without_registration() -> None:
    pair = Pair(link=Link(drop=lambda data: data.startswith(b"REGISTER")))
    pair.account(pair.a, "1001", B, register=True)
    pair.account(pair.b, "1002", A)
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", None, pair.now)
    pair.run(1)
    assert pair.b.of_type(ev.IncomingCall)


def test_a_named_server_is_looked_up() -> None:
    alone = Alone(register=True, server="pbx.test")
    assert alone.heard() == []
    (lookup,) = alone.events()
    assert lookup == ev.Lookup("udp:pbx.test:", "pbx.test", None, "udp")
    alone.endpoint.resolved(lookup.key, [ev.Target("udp", "10.0.0.9", 5070)], alone.now)
    (request,) = alone.heard()
    assert str(request.uri) == "sip:pbx.test"
    assert alone.sent[-1][1].remote == ("10.0.0.9", 5070)


def test_a_name_that_does_not_resolve_is_a_failure_that_is_tried_again() -> None:
    alone = Alone(register=True, server="pbx.test")
    alone.endpoint.unresolvable("udp:pbx.test:", "NXDOMAIN", alone.now)
    alone.events()
    alone.pass_time(31)
    assert [type(event).__name__ for event in alone.events()] == ["Lookup"]


def test_the_next_target_is_tried_when_one_is_dead() -> None:
    alone = Alone(register=True, server="pbx.test")
    targets = [ev.Target("udp", f"10.0.0.{n}", 5060) for n in (7, 8, 9)]
    alone.endpoint.resolved("udp:pbx.test:", targets, alone.now)
    alone.heard()
    alone.endpoint.send_failed("udp", ("10.0.0.7", 5060), "refused", alone.now)
    (second,) = alone.heard()
    (third,) = alone.say(answer(second, 503), remote=("10.0.0.8", 5060))
    assert alone.sent[-1][1].remote == ("10.0.0.9", 5060)
    assert third.via.branch != second.via.branch
    alone.say(answer(third, 200))
    assert isinstance(alone.events()[-1], ev.Registered)


def test_changed_settings_take_over_from_the_old_registration() -> None:
    pair = Pair()
    registrar = registering(pair)
    registrar.granted = 100
    pair.run(1)
    pair.account(pair.a, "1001", REGISTRAR, register=True, expires=120)
    pair.run(1)
    assert len(registrar.requests) == 2
    pair.run(500)
    assert len({request.call_id for _, request in registrar.requests}) == 2
    assert len({request.call_id for _, request in registrar.requests[1:]}) == 1


def test_registering_again_while_the_binding_is_being_removed_wins() -> None:
    pair = Pair()
    registrar = registering(pair)
    pair.run(1)
    pair.a.endpoint.unregister("1001", pair.now)
    pair.a.endpoint.refresh_registration("1001", pair.now)
    pair.run(5)
    assert registrar.bindings == {"sip:1001@10.0.0.1:5060": 3600}
    assert isinstance(pair.a.events[-1], ev.Registered)
    assert not any(isinstance(event, ev.Unregistered) for event in pair.a.events)


def test_a_refresh_does_not_wait_for_a_request_that_went_nowhere() -> None:
    pair = Pair(link=Link(loss=1.0))
    registrar = registering(pair)
    pair.run(20)
    pair.link.loss = 0.0
    pair.a.endpoint.refresh_registration("1001", pair.now)
    pair.run(0.1)
    assert isinstance(pair.a.events[-1], ev.Registered)
    pair.run(60)
    assert len(pair.a.events) == 1
    assert registrar.bindings


def test_refreshing_twice_in_a_moment_sends_one_request() -> None:
    pair = Pair(link=Link(delay=0.5))
    registrar = registering(pair)
    pair.run(0.1)
    pair.a.endpoint.refresh_registration("1001", pair.now)
    pair.run(2)
    assert len({request.cseq.number for _, request in registrar.requests}) == 1


def test_a_registrar_that_grants_no_time_does_not_make_us_spin() -> None:
    pair = Pair()
    registrar = Registrar(pair)
    registrar.behave = lambda request: (200, (("Contact", "<sip:1001@10.0.0.1:5060>;expires=0"),))
    registering(pair, registrar)
    pair.run(100)
    assert 10 <= len(registrar.requests) <= 21


def test_another_spelling_of_our_address_is_no_nat() -> None:
    endpoint = Endpoint(EndpointSettings(), Random(1).randbytes, lambda transport, ip: ("2001:db8::1", 5060))
    fields = ("desk", "sip:1001@pbx.test", "1001", "secret", "[2001:db8::9]", "udp")
    endpoint.register(AccountSettings(*fields), 0.0)  # type: ignore[arg-type]
    (transmit,) = endpoint.to_send(0.0)
    request = parse_datagram(transmit.data)
    assert request.headers.get("Contact") == "<sip:1001@[2001:db8::1]:5060>"
    text = answer(request, 200).replace(";rport;", ";rport=5060;received=2001:DB8:0::1;")
    flow = ev.Flow("udp", ("2001:db8::1", 5060), transmit.remote)
    endpoint.receive(text.replace("\n", "\r\n").encode(), flow, 0.1)
    assert endpoint.to_send(0.1) == []
    assert isinstance(endpoint.next_event(), ev.Registered)
