import json
from typing import cast

import pytest

from offhook.engine.leg import Leg, LegListener
from offhook.engine.session import MediaSession
from offhook.sip.events import Registered, RegistrationFailed, Unregistered
from offhook.sip.identity import CallerIdentity
from offhook.sip.settings import AccountSettings
from offhook.status.accounts import AccountBook
from offhook.status.report import StatusReport, StreamFigures


def account(name: str, register: bool = True) -> AccountSettings:
    return AccountSettings(name, f"sip:{name}@pbx.test", name, "secret", "10.77.0.1:5060", "udp", register)


class Session:
    stream = 3
    codec = "PCMA"
    secured = False


def leg(state: str = "talking", session: Session | None = None, answered_at: float | None = None) -> Leg:
    return Leg(
        "a1",
        "o1",
        "out",
        "1002",
        "desk",
        False,
        cast(LegListener, None),
        state,  # type: ignore[arg-type]
        cast(MediaSession | None, session),
        answered_at=answered_at,
    )


def report(legs: list[Leg], book: AccountBook | None = None, **figures: object) -> dict[str, object]:
    made = StatusReport(
        version="1.0",
        started=100.0,
        phone=lambda: "TALKING",
        legs=lambda: legs,
        addresses=lambda: {"udp": ("192.0.2.1", 5060), "tcp": ("2001:db8::1", 5062)},
        power=lambda: {"state": "MAINS"},
        emergency=lambda: {"stale": False},
        config=lambda: {"origin": "file"},
        accounts=book or AccountBook((account("desk"),)),
        streams={3: StreamFigures(rx=10, tx=11, lost=1, concealed=2, jitter_ms=1.26, buffer_ms=40.04, mos=4.123)},
    )
    status = made(130.04)
    assert json.loads(json.dumps(status)) == status
    return cast(dict[str, object], status)


def test_addresses_are_written_as_the_contract_has_them() -> None:
    assert report([])["sip"] == {"udp": "192.0.2.1:5060", "tcp": "[2001:db8::1]:5062"}
    assert report([])["uptime_s"] == 30.0


def test_a_call_shows_its_figures_rounded() -> None:
    (call,) = cast(list[dict[str, object]], report([leg(session=Session(), answered_at=125.0)])["calls"])
    assert call == {
        "call": "o1",
        "direction": "out",
        "peer": "1002",
        "state": "talking",
        "codec": "PCMA",
        "srtp": False,
        "secured": "no",
        "emergency": False,
        "account": "desk",
        "seconds": 5.0,
        "rx": 10,
        "tx": 11,
        "lost": 1,
        "concealed": 2,
        "jitter_ms": 1.3,
        "buffer_ms": 40.0,
        "mos": 4.12,
        "rejected": 0,
        "private": False,
        "diverted_from": "",
        "diversion": "",
        "verstat": "",
        "alert_info": "",
    }


def test_a_call_without_media_yet_shows_zeros() -> None:
    (call,) = cast(list[dict[str, object]], report([leg("calling")])["calls"])
    assert (call["codec"], call["seconds"], call["rx"], call["mos"]) == ("", 0.0, 0, None)


def test_no_password_is_in_the_status() -> None:
    assert "secret" not in json.dumps(report([]))


def test_accounts_follow_their_registrations() -> None:
    book = AccountBook((account("desk"), account("trunk", register=False)))
    assert not book.in_service("desk")
    assert book.in_service("trunk")
    assert book.any_in_service()
    assert not book.all_registered()
    assert book.take(Registered("desk", 60)) == ("desk", "registered", "")
    assert book.take(Registered("desk", 60)) is None, "a refresh is no news"
    assert book.all_registered()
    assert book.take(RegistrationFailed("desk", 403, "Forbidden", 600)) == ("desk", "failed", "403 Forbidden")
    assert book.take(RegistrationFailed("desk", 0, "no answer", 30)) == ("desk", "failed", "no answer")
    rows = cast(list[dict[str, object]], book.to_json())
    assert (rows[0]["registered"], rows[0]["in_service"], rows[0]["last_error"]) == (False, False, "no answer")
    assert (rows[1]["registered"], rows[1]["in_service"]) == (False, True)
    assert book.take(Registered("desk", 60)) == ("desk", "registered", "")
    assert cast(list[dict[str, object]], book.to_json())[0]["last_error"] == ""
    assert book.take(Unregistered("desk")) == ("desk", "unregistered", "")


@pytest.mark.parametrize("name", ["nobody", ""])
def test_accounts_that_are_not_ours_change_nothing(name: str) -> None:
    book = AccountBook((account("desk"),))
    assert book.take(Registered(name, 60)) is None
    assert not book.in_service(name)


def test_a_call_shows_what_is_known_of_its_caller() -> None:
    incoming = leg()
    incoming.caller = CallerIdentity(
        privacy=True, diverted_from="1005", diversion="user-busy", verstat="TN-Validation-Passed", alert_info="urn:x"
    )
    (shown, plain) = cast(list[dict[str, object]], report([incoming, leg()])["calls"])
    assert shown["private"] is True
    assert (shown["diverted_from"], shown["diversion"]) == ("1005", "user-busy")
    assert (shown["verstat"], shown["alert_info"]) == ("TN-Validation-Passed", "urn:x")
    assert (plain["private"], plain["diverted_from"], plain["verstat"]) == (False, "", "")


def test_mail_other_phones_and_texts_are_in_the_status() -> None:
    status = report([])
    assert status["mailbox"] == {"waiting": False, "accounts": []}
    assert status["watched"] == []
    assert status["texts"] == {"count": 0, "last": []}
