"""How well calls are kept from listeners, as status and summary say it."""

from typing import cast

import pytest

from offhook.cli_status import summary
from offhook.engine.leg import Leg
from offhook.engine.session import MediaSession
from offhook.sip.events import Transport
from offhook.sip.settings import AccountSettings
from offhook.status.accounts import AccountBook
from offhook.status.report import StatusReport, StreamFigures


class Session:
    stream = 3
    codec = "PCMU"

    def __init__(self, secured: bool) -> None:
        self.secured = secured


def status(transport: Transport | None, srtp: str, secured: bool) -> dict[str, object]:
    account = AccountSettings("desk", "sip:1@pbx.test", "1", "secret", "pbx.test", transport)
    leg = Leg("a1", "o1", "out", "1002", "desk", False, None, "talking")  # type: ignore[arg-type]
    leg.session = cast(MediaSession, Session(secured))
    return cast(
        dict[str, object],
        StatusReport(
            version="1",
            started=0.0,
            phone=lambda: "TALKING",
            legs=lambda: [leg],
            addresses=dict,
            power=dict,
            emergency=dict,
            config=dict,
            accounts=AccountBook((account,), {"desk": srtp}),
            streams={3: StreamFigures(rejected=7)},
        )(10.0),
    )


def only(rows: object) -> dict[str, object]:
    (row,) = cast(list[dict[str, object]], rows)
    return row


@pytest.mark.parametrize(
    ("transport", "secured", "word", "shown"),
    [
        ("tls", True, "yes", ", SRTP"),
        ("udp", True, "keys in clear", ", SRTP with keys in clear"),
        ("tcp", True, "keys in clear", ", SRTP with keys in clear"),
        (None, True, "keys in clear", ", SRTP with keys in clear"),
        ("tls", False, "no", ""),
    ],
)
def test_a_call_says_in_a_word_how_secure_it_is(
    transport: Transport | None, secured: bool, word: str, shown: str
) -> None:
    seen = status(transport, "optional", secured)
    call = only(seen["calls"])
    assert (call["srtp"], call["secured"], call["rejected"]) == (secured, word, 7)
    (line,) = [line for line in summary(seen) if line.startswith("call")]
    assert line.endswith(f"PCMU{shown}, 7 packets rejected")


@pytest.mark.parametrize(
    ("transport", "srtp", "clear"),
    [("tls", "required", False), ("udp", "required", True), ("udp", "optional", True), ("udp", "off", False)],
)
def test_an_account_says_that_its_keys_travel_in_clear(transport: Transport, srtp: str, clear: bool) -> None:
    seen = status(transport, srtp, False)
    account = only(seen["accounts"])
    assert (account["srtp"], account["keys_in_clear"]) == (srtp, clear)
    (line,) = [line for line in summary(seen) if line.startswith("account")]
    assert ("keys in clear" in line) is clear
    assert (f"SRTP {srtp}" in line) is (srtp != "off")
