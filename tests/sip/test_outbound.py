"""Outbound (RFC 5626), Path (RFC 3327), Service-Route (RFC 3608), GRUU (RFC 5627), outbound proxies: the way kept."""

import pytest

from offhook.sip import events as ev
from offhook.sip.errors import LocalError
from offhook.sip.events import Body, Target
from offhook.sip.messages.message import Request, Response
from offhook.sip.registrations.binding import Binding
from tests.support.sip_alone import HERE, THERE, Alone, answer, message
from tests.support.sip_calls import ANSWER
from tests.support.sip_pair import A, B, Link, Pair
from tests.support.sip_registrar import registering

INSTANCE = "urn:uuid:f81d4fae-7dec-41d0-8765-00a0c91e6bf6"
OFFER = Body("application/sdp", b"v=0\r\n")
OURS = f'Contact: <sip:1001@10.0.0.1:5060>;expires=600;+sip.instance="<{INSTANCE}>";reg-id=1'
GRUUS = f';pub-gruu="sip:1001@pbx.test;gr={INSTANCE}";temp-gruu="sip:tgruu.7hs==jd7vnzga5w@pbx.test;gr"\n'


def registered(more: str, **account: object) -> tuple[Alone, Request]:
    """Register with ``more`` header lines in the 2xx; return the REGISTER."""
    alone = Alone(register=True, **account)
    (register,) = alone.heard()
    assert isinstance(register, Request)
    alone.say(answer(register, 200, more=more))
    assert isinstance(alone.events()[-1], ev.Registered)
    return alone, register


def invite(alone: Alone, target: str = "sip:x@pbx.test") -> Request:
    alone.endpoint.call(f"o{alone.now}", "desk", target, OFFER, alone.now)
    (sent,) = alone.heard()
    assert isinstance(sent, Request)
    return sent


# -- Outbound ---------------------------------------------------------------------------------------------------------


def test_register_offers_outbound_with_instance_and_reg_id() -> None:
    _, register = registered("Expires: 600\n", instance=INSTANCE)
    assert register.headers.get("Contact") == f'<sip:1001@10.0.0.1:5060>;+sip.instance="<{INSTANCE}>";reg-id=1'
    assert set(register.supported) >= {"path", "outbound", "gruu"}


def test_without_an_instance_nothing_of_it_is_offered_but_path() -> None:
    _, register = registered("Expires: 600\n")
    assert register.headers.get("Contact") == "<sip:1001@10.0.0.1:5060>"
    assert "path" in register.supported
    assert not {"outbound", "gruu"} & set(register.supported)


def test_the_config_may_leave_outbound_out() -> None:
    _, register = registered("Expires: 600\n", instance=INSTANCE, outbound=False)
    assert "reg-id" not in (register.headers.get("Contact") or "")
    assert "outbound" not in register.supported
    assert "gruu" in register.supported


def test_where_outbound_is_agreed_calls_ask_for_the_same_flow() -> None:
    alone, _ = registered(f"Require: outbound\n{OURS}\n", instance=INSTANCE)
    assert invite(alone).headers.get("Contact") == "<sip:1001@10.0.0.1:5060;ob>"


def test_where_it_is_not_agreed_they_do_not() -> None:
    alone, _ = registered(f"{OURS}\n", instance=INSTANCE)
    assert invite(alone).headers.get("Contact") == "<sip:1001@10.0.0.1:5060>"


def test_a_registrar_that_keeps_the_flow_needs_no_other_contact_behind_a_nat() -> None:
    alone = Alone(register=True, instance=INSTANCE)
    (register,) = alone.heard()
    text = answer(register, 200, more=f"Require: outbound\n{OURS}\n")
    out = alone.say(text.replace(";rport;", ";rport=40001;received=192.0.2.7;"))
    assert out == []
    assert alone.events() == [ev.Registered("desk", 600)]


def test_439_registers_without_outbound_and_stays_so() -> None:
    alone = Alone(register=True, instance=INSTANCE)
    (first,) = alone.heard()
    (second,) = alone.say(answer(first, 439))
    assert isinstance(second, Request)
    assert "reg-id" not in (second.headers.get("Contact") or "")
    assert "outbound" not in second.supported
    assert second.cseq.number == first.cseq.number + 1
    alone.say(answer(second, 200, more="Expires: 600\n"))
    assert alone.events() == [ev.Registered("desk", 600)]
    alone.endpoint.refresh_registration("desk", alone.now)
    (third,) = alone.heard()
    assert "reg-id" not in (third.headers.get("Contact") or "")
    alone.say(answer(third, 439))
    assert isinstance(alone.events()[-1], ev.RegistrationFailed), "but it is not asked for twice"


def test_439_is_forgotten_with_the_network() -> None:
    alone = Alone(register=True, instance=INSTANCE)
    (first,) = alone.heard()
    (second,) = alone.say(answer(first, 439))
    alone.say(answer(second, 200, more="Expires: 600\n"))
    alone.pass_time(1)
    alone.endpoint.network_changed(alone.now)
    (third,) = alone.heard()
    assert "reg-id=1" in (third.headers.get("Contact") or "")


def bound(transport: str = "udp") -> Alone:
    """Register by Outbound, five seconds ago."""
    alone = Alone(register=True, instance=INSTANCE, transport=transport)
    (register,) = alone.heard()
    if transport != "udp":
        alone.endpoint.flow_opened(alone.flow("tcp"), alone.now)
    alone.say(answer(register, 200, more=f"Require: outbound\n{OURS}\n"), transport)  # type: ignore[arg-type]
    alone.pass_time(5)
    alone.events()
    return alone


def requests(messages: list[Request | Response]) -> list[Request]:
    return [m for m in messages if isinstance(m, Request)]


def test_430_to_a_call_registers_anew_and_the_call_is_repeated_once_by_that() -> None:
    alone = bound()
    first = invite(alone)
    alone.say(answer(first, 430))
    (register,) = requests(alone.pass_time(0.1))
    assert register.method == "REGISTER"
    (second,) = alone.say(answer(register, 200, more=f"Require: outbound\n{OURS}\n"))
    assert isinstance(second, Request)
    assert (second.method, second.call_id, second.cseq.number) == ("INVITE", first.call_id, first.cseq.number + 1)
    assert not [e for e in alone.events() if isinstance(e, ev.CallRefused)]
    alone.say(answer(second, 430))
    refused = [e for e in alone.events() if isinstance(e, ev.CallRefused)]
    assert [r.status for r in refused if isinstance(r, ev.CallRefused)] == [430], "once is enough"
    assert not [r for r in requests(alone.pass_time(100)) if r.method == "INVITE"]


def test_a_call_that_was_repeated_by_a_new_flow_comes_up() -> None:
    alone = bound()
    alone.say(answer(invite(alone), 430))
    (register,) = requests(alone.pass_time(0.1))
    (second,) = alone.say(answer(register, 200, more=f"Require: outbound\n{OURS}\n"))
    alone.say(answer(second, 200, more="Contact: <sip:bob@10.0.0.9>\n", body="v=0\n"))
    assert [type(e).__name__ for e in alone.events()] == ["CallTrying", "Registered", "CallAccepted"]


def test_430_over_a_stream_closes_it_first() -> None:
    alone = bound("tcp")
    alone.say(answer(invite(alone), 430), "tcp")
    assert ev.CloseFlow(alone.flow("tcp")) in alone.events()
    alone.endpoint.flow_closed(alone.flow("tcp"), alone.now)
    (register,) = requests(alone.pass_time(3.0))
    assert register.method == "REGISTER"
    out = alone.say(answer(register, 200, more=f"Require: outbound\n{OURS}\n"), "tcp")
    assert [r.method for r in requests(out)] == ["INVITE"]


@pytest.mark.parametrize("status", [403, None])
def test_without_a_new_flow_the_call_ends_with_the_430_within_ten_seconds(status: int | None) -> None:
    alone = bound()
    alone.say(answer(invite(alone), 430))
    (register,) = requests(alone.pass_time(0.1))
    if status is not None:
        alone.say(answer(register, status))
    else:
        alone.pass_time(10)
    refused = [e.status for e in alone.events() if isinstance(e, ev.CallRefused)]
    assert refused == [430]
    assert not [r for r in requests(alone.pass_time(100)) if r.method == "INVITE"]


def test_an_emergency_call_waits_four_seconds_for_a_new_flow_and_goes_its_other_ways_then() -> None:
    alone = bound()
    alone.endpoint.call("e1", "desk", "urn:service:sos", OFFER, alone.now)
    (sent,) = requests(alone.heard())
    alone.say(answer(sent, 430))
    alone.pass_time(3.9)
    assert not [e for e in alone.events() if isinstance(e, ev.CallRefused)]
    alone.pass_time(0.2)
    assert [e.status for e in alone.events() if isinstance(e, ev.CallRefused)] == [430]


def test_who_hangs_up_while_a_new_flow_is_made_is_not_heard_of_again() -> None:
    alone = bound()
    alone.say(answer(invite(alone), 430))
    alone.endpoint.hang_up(f"o{alone.now}", alone.now)
    assert alone.endpoint.settled, "nothing is waited for any more"
    out = requests(alone.pass_time(0.1))
    assert [r.method for r in out] == ["REGISTER"]
    assert alone.say(answer(out[0], 200, more=f"Require: outbound\n{OURS}\n")) == []
    assert not [e for e in alone.events() if isinstance(e, ev.CallRefused)]


def test_430_within_a_call_is_repeated_in_its_dialog() -> None:
    alone = bound()
    sent = invite(alone)
    handle = f"o{alone.now}"
    alone.say(answer(sent, 200, more="Contact: <sip:bob@10.0.0.9>\n", body="v=0\n"))
    alone.endpoint.reinvite(handle, OFFER, alone.now)
    (again,) = requests(alone.heard())
    alone.say(answer(again, 430))
    (register,) = requests(alone.pass_time(0.1))
    (repeated,) = requests(alone.say(answer(register, 200, more=f"Require: outbound\n{OURS}\n")))
    assert (repeated.method, repeated.to.tag, repeated.cseq.number) == ("INVITE", "t1", again.cseq.number + 1)
    alone.say(answer(repeated, 200, more="Contact: <sip:bob@10.0.0.9>\n", body="v=0\n"))
    assert any(isinstance(e, ev.ReofferAccepted) for e in alone.events())


def test_the_instance_finds_our_binding_among_others() -> None:
    alone = Alone(register=True, instance=INSTANCE)
    (register,) = alone.heard()
    more = (
        f"Contact: <sip:1001@10.9.9.9>;expires=3000\nContact: <sip:1001@192.0.2.7:1>;expires=77;"
        f'+sip.instance="<{INSTANCE.upper()}>"\n'
    )
    alone.say(answer(register, 200, more=more))
    assert alone.events() == [ev.Registered("desk", 77)]


# -- GRUU -------------------------------------------------------------------------------------------------------------


def test_a_gruu_that_was_given_is_the_contact_of_calls() -> None:
    alone, _ = registered(f"{OURS}{GRUUS}", instance=INSTANCE)
    assert invite(alone).headers.get("Contact") == f"<sip:1001@pbx.test;gr={INSTANCE}>"


def test_a_call_that_comes_in_is_answered_with_the_gruu() -> None:
    alone, _ = registered(f"{OURS}{GRUUS}", instance=INSTANCE)
    alone.say(message(body="v=0\n"))
    alone.endpoint.ring("i1", alone.now)
    ringing = alone.heard()[-1]
    assert isinstance(ringing, Response)
    assert ringing.headers.get("Contact") == f"<sip:1001@pbx.test;gr={INSTANCE}>"


def test_who_stays_anonymous_shows_the_temporary_gruu() -> None:
    alone, _ = registered(f"{OURS}{GRUUS}", instance=INSTANCE)
    account = alone.endpoint._accounts["desk"]
    assert account.anonymous_contact("udp", THERE[0]) == "<sip:tgruu.7hs==jd7vnzga5w@pbx.test;gr>"
    plain, _ = registered("Expires: 600\n")
    account = plain.endpoint._accounts["desk"]
    assert account.anonymous_contact("udp", THERE[0]) == f"<sip:anonymous@{HERE[0]}:5060>"


@pytest.mark.parametrize("gruu", ['pub-gruu="tel:+1"', 'pub-gruu="sip:1001@pbx.test"', 'pub-gruu="<<"', "pub-gruu"])
def test_a_gruu_that_is_none_is_left_alone(gruu: str) -> None:
    alone, _ = registered(f"{OURS};{gruu}\n", instance=INSTANCE)
    assert invite(alone).headers.get("Contact") == "<sip:1001@10.0.0.1:5060>"


def test_a_gruu_that_is_given_no_more_is_used_no_more() -> None:
    alone, _ = registered(f"{OURS}{GRUUS}", instance=INSTANCE)
    alone.endpoint.refresh_registration("desk", alone.now)
    (register,) = alone.heard()
    alone.say(answer(register, 200, more=f"{OURS}\n"))
    assert "gr=" not in (invite(alone).headers.get("Contact") or "")


def test_a_gruu_is_used_no_more_when_the_registration_is_gone() -> None:
    alone, _ = registered(f"{OURS}{GRUUS}", instance=INSTANCE)
    alone.endpoint.refresh_registration("desk", alone.now)
    (register,) = alone.heard()
    alone.say(answer(register, 403))
    assert "gr=" not in (invite(alone).headers.get("Contact") or ""), "nothing would come by it"


def test_what_a_nat_made_of_each_connection_is_not_remembered_for_ever() -> None:
    account = Alone().endpoint._accounts["desk"]
    for port in range(40000, 40100):
        assert account.learn("tls", ("10.0.0.1", port), ("192.0.2.7", port))
    assert len(account._seen) <= 16


# -- routes -----------------------------------------------------------------------------------------------------------


def test_the_service_route_is_the_route_of_calls_and_not_of_register() -> None:
    more = "Expires: 600\nService-Route: <sip:edge@10.0.0.20:5070;lr>, <sip:home.test;lr>\n"
    alone, _ = registered(more)
    sent = invite(alone)
    assert [str(route) for route in sent.routes] == ["<sip:edge@10.0.0.20:5070;lr>", "<sip:home.test;lr>"]
    assert alone.sent[-1][1].remote == ("10.0.0.20", 5070)
    assert str(sent.uri) == "sip:x@pbx.test"
    alone.endpoint.refresh_registration("desk", alone.now)
    (register,) = alone.heard()
    assert not register.routes
    assert alone.sent[-1][1].remote == THERE


@pytest.mark.parametrize("route", ["sip:10.0.0.20;lr", "sip:10.0.0.20:5060;transport=udp;lr"])
def test_a_service_route_that_does_not_say_tls_is_no_leave_to_speak_in_the_clear(route: str) -> None:
    alone = Alone(register=True, server="10.0.0.9", transport="tls")
    (register,) = alone.heard()
    more = f"Expires: 600\nService-Route: <{route}>\n"
    alone.say(answer(register, 200, more=more), "tls", ("10.0.0.9", 5061))
    assert [str(one) for one in invite(alone).routes] == [f"<{route}>"]
    sent = alone.sent[-1][1]
    assert (sent.transport, sent.remote) == ("tls", ("10.0.0.9", 5061))


def test_a_service_route_that_is_gone_is_forgotten() -> None:
    alone, _ = registered("Expires: 600\nService-Route: <sip:10.0.0.20;lr>\n")
    alone.endpoint.refresh_registration("desk", alone.now)
    (register,) = alone.heard()
    alone.say(answer(register, 200, more="Expires: 600\n"))
    assert not invite(alone).routes
    assert alone.sent[-1][1].remote == THERE


@pytest.mark.parametrize("value", ["<tel:+1>;lr", "nonsense <", ", ".join(["<sip:x.test;lr>"] * 40)])
def test_a_service_route_that_cannot_be_followed_leads_by_the_server(value: str) -> None:
    alone, _ = registered(f"Expires: 600\nService-Route: {value}\n")
    assert not invite(alone).routes
    assert alone.sent[-1][1].remote == THERE


def test_the_servers_of_a_service_route_are_trusted_with_credentials() -> None:
    alone, _ = registered("Expires: 600\nService-Route: <sip:10.0.0.20:5070;lr>\n")
    first = invite(alone)
    asked = 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"\n'
    out = alone.say(answer(first, 407, more=asked), remote=("10.0.0.20", 5070))
    assert any("Proxy-Authorization" in dict(m.headers) for m in out)


def test_everything_goes_by_the_outbound_proxy_which_is_named_in_the_route() -> None:
    alone = Alone(register=True, outbound_proxy="10.0.0.40:5080", server="pbx.test")
    (register,) = alone.heard()
    assert [str(route) for route in register.routes] == ["<sip:10.0.0.40:5080;lr>"]
    assert alone.sent[-1][1].remote == ("10.0.0.40", 5080)
    alone.say(answer(register, 200, more="Expires: 600\n"), remote=("10.0.0.40", 5080))
    sent = invite(alone)
    assert [str(route) for route in sent.routes] == ["<sip:10.0.0.40:5080;lr>"]
    assert alone.sent[-1][1].remote == ("10.0.0.40", 5080)


def test_a_server_of_another_name_stands_behind_the_proxy() -> None:
    alone = Alone(register=True, outbound_proxy="10.0.0.40", server="registrar.test:5070")
    (register,) = alone.heard()
    assert [str(route) for route in register.routes] == ["<sip:10.0.0.40;lr>", "<sip:registrar.test:5070;lr>"]


def test_a_service_route_follows_the_outbound_proxy_which_is_not_named_twice() -> None:
    more = "Expires: 600\nService-Route: <sip:10.0.0.40:5080;lr>, <sip:home.test;lr>\n"
    alone = Alone(register=True, outbound_proxy="10.0.0.40:5080", server="pbx.test")
    (register,) = alone.heard()
    alone.say(answer(register, 200, more=more), remote=("10.0.0.40", 5080))
    sent = invite(alone)
    assert [str(route) for route in sent.routes] == ["<sip:10.0.0.40:5080;lr>", "<sip:home.test;lr>"]


@pytest.mark.parametrize(
    ("proxy", "route", "lookup"),
    [
        ("sip:edge.test;transport=tcp", "<sip:edge.test;transport=tcp;lr>", ("edge.test", None, "tcp", False)),
        ("sips:edge.test", "<sips:edge.test;lr>", ("edge.test", None, None, True)),
        ("edge.test", "<sip:edge.test;lr>", ("edge.test", None, None, False)),
        ("edge.test:5070", "<sip:edge.test:5070;lr>", ("edge.test", 5070, None, False)),
    ],
)
def test_a_proxy_may_be_a_host_or_a_uri(proxy: str, route: str, lookup: tuple[object, ...]) -> None:
    alone = Alone(register=True, outbound_proxy=proxy, server="pbx.test", transport=None)
    assert alone.heard() == []
    (asked,) = alone.events()
    assert isinstance(asked, ev.Lookup)
    assert (asked.host, asked.port, asked.transport, asked.secure) == lookup
    kind = "tls" if asked.secure else asked.transport or "udp"
    alone.endpoint.resolved(asked.key, [Target(kind, "10.0.0.40", 5060)], alone.now)
    (register,) = alone.heard()
    assert [str(one) for one in register.routes] == [route]


@pytest.mark.parametrize("proxy", ["tel:+1", "a:b:c", "sip:", "edge:99999"])
def test_a_proxy_that_cannot_be_read_says_so(proxy: str) -> None:
    with pytest.raises(LocalError):
        Alone(outbound_proxy=proxy)


def test_a_tls_request_names_the_domain_and_the_account_for_the_certificate() -> None:
    alone = Alone(register=True, server="pbx.test", transport="tls")
    alone.endpoint.resolved("tls:pbx.test:", [Target("tls", "10.0.0.9", 5061)], alone.now)
    alone.heard()
    sent = alone.sent[-1][1]
    assert (sent.transport, sent.name, sent.account) == ("tls", "pbx.test", "desk")
    alone.endpoint.send_failed("tls", ("10.0.0.9", 5061), "the certificate is for evil.test", alone.now)
    failed = alone.events()[-1]
    assert isinstance(failed, ev.RegistrationFailed)
    assert "the certificate is for evil.test" in failed.reason


def test_within_a_call_the_same_certificate_name_is_asked_for_though_the_proxy_gives_its_bare_address() -> None:
    alone = Alone(register=True, server="pbx.test", transport="tls")
    remote = ("10.0.0.9", 5061)
    alone.endpoint.resolved("tls:pbx.test:", [Target("tls", *remote)], alone.now)
    (register,) = alone.heard()
    alone.say(answer(register, 200, more="Expires: 600\n"), "tls", remote)
    sent = invite(alone)
    route = "Record-Route: <sip:10.0.0.9:5061;transport=tls;lr>\nContact: <sip:bob@10.9.9.9>\n"
    alone.say(answer(sent, 200, more=route), "tls", remote)
    alone.endpoint.hang_up(f"o{alone.now}", alone.now)
    alone.heard()
    within = [(t.data.split(b" ")[0], t.remote, t.name, t.account) for _, t in alone.sent[-2:]]
    assert within == [(b"ACK", remote, "pbx.test", "desk"), (b"BYE", remote, "pbx.test", "desk")]


def test_the_ack_of_a_refusal_goes_by_the_same_connection() -> None:
    alone = Alone(register=False, server="pbx.test", transport="tls")
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    alone.endpoint.resolved("tls:pbx.test:", [Target("tls", "10.0.0.9", 5061)], alone.now)
    (sent,) = alone.heard()
    alone.say(answer(sent, 486), "tls", ("10.0.0.9", 5061))
    assert {(t.name, t.account) for _, t in alone.sent} == {("pbx.test", "desk")}


def test_a_sips_account_looks_for_tls_alone() -> None:
    alone = Alone(register=True, uri="sips:1001@pbx.test", server="pbx.test", transport=None)
    (asked,) = alone.events()
    assert isinstance(asked, ev.Lookup)
    assert (asked.transport, asked.secure) == ("tls", True)


def test_accounts_are_kept_apart() -> None:
    alone, _ = registered("Expires: 600\nService-Route: <sip:10.0.0.20;lr>\n")
    other = ev.Target("udp", "10.0.0.30", 5060)
    from dataclasses import replace

    alone.endpoint.register(
        replace(alone.account, name="home", uri="sip:7@home.test", server="10.0.0.30", user="7"), alone.now
    )
    (register,) = alone.heard()
    alone.say(answer(register, 200, more="Expires: 600\n"), remote=(other.ip, other.port))
    alone.endpoint.call("h1", "home", "sip:x@home.test", OFFER, alone.now)
    (sent,) = alone.heard()
    assert not sent.routes
    assert alone.sent[-1][1].remote == (other.ip, other.port)
    assert alone.endpoint._accounts["home"].trusted_addresses == {"10.0.0.30"}
    assert alone.endpoint._accounts["desk"].trusted_addresses == {"10.0.0.9", "10.0.0.20"}


@pytest.mark.parametrize(
    ("more", "expires", "keeps", "interval"),
    [
        ("Expires: 60\n", 60, False, None),
        ("Flow-Timer: 120\n", 500, True, 120.0),
        ("Flow-Timer: 0\n", 500, False, None),
        ("Flow-Timer: soon\n", 500, False, None),
        ("Require: Outbound, path\n", 500, True, None),
        ("Expires: 99999999999\n", 7 * 24 * 3600, False, None),
    ],
)
def test_a_2xx_is_read(more: str, expires: int, keeps: bool, interval: float | None) -> None:
    alone = Alone(register=True)
    (register,) = alone.heard()
    from offhook.sip.messages.parser import parse_datagram

    text = answer(register, 200, more=more).replace("\n", "\r\n").encode()
    response = parse_datagram(text)
    assert isinstance(response, Response)
    binding = Binding.of_response(response, "<sip:1001@10.0.0.1:5060>", "", 500)
    assert (binding.expires, binding.keeps, binding.keep_interval) == (expires, keeps, interval)


# -- on a rough link --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_a_call_that_meets_430_comes_up_by_a_new_registration_whatever_is_lost(seed: int) -> None:
    pair = Pair(seed=seed, link=Link(loss=0.15, duplicate=0.2, delay=0.02, jitter=0.2))
    registrar = registering(pair)
    pair.run(100)
    known = {request.cseq.number for _, request in registrar.requests}
    refused: list[str] = []

    def hears(event: ev.Event) -> None:
        registrar._on_event(event)
        if not isinstance(event, ev.IncomingCall):
            return
        if {request.cseq.number for _, request in registrar.requests} <= known:
            refused.append(event.call)
            registrar.peer.endpoint.reject(event.call, 430, "", pair.now)
        else:
            registrar.peer.endpoint.answer(event.call, ANSWER, pair.now)

    registrar.peer.on_event = hears
    pair.a.endpoint.call("o1", "1001", "sip:x@pbx.test", OFFER, pair.now)
    pair.run(40)
    assert len(refused) == 1
    assert [type(event) for event in pair.a.events if isinstance(event, ev.CallAccepted | ev.CallRefused)] == [
        ev.CallAccepted
    ]
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(80)
    assert not pair.a.endpoint._calls
    assert not registrar.peer.endpoint._calls


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tcp", [True, False])
def test_a_large_call_comes_up_by_our_own_route_over_tcp_or_udp_whatever_is_lost(seed: int, tcp: bool) -> None:
    pair = Pair(seed=seed, link=Link(loss=0.2, duplicate=0.2, delay=0.02, jitter=0.2, tcp=tcp))
    pair.account(pair.a, "1001", B, outbound_proxy="10.0.0.2")
    pair.account(pair.b, "1002", A)
    pair.b.on_event = lambda event: (
        pair.b.endpoint.answer(event.call, ANSWER, pair.now) if isinstance(event, ev.IncomingCall) else None
    )
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", Body("application/sdp", b"v" * 1400), pair.now)
    pair.run(40)
    assert any(isinstance(event, ev.CallAccepted) for event in pair.a.events)
    said = {(invite.via.transport, str(invite.routes[0])) for invite in pair.requests("INVITE")}
    over_tcp, over_udp = ("TCP", "<sip:10.0.0.2;lr;transport=tcp>"), ("UDP", "<sip:10.0.0.2;lr>")
    assert said == ({over_tcp} if tcp else {over_tcp, over_udp})
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(80)
    assert not pair.a.endpoint._calls
    assert not pair.b.endpoint._calls
