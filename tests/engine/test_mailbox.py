"""Voice mail, other people's phones and texts: one phone over loopback, its server written by hand."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from offhook.engine.mailbox import Mailbox
from offhook.engine.texts import Texts
from offhook.engine.watchlist import Watchlist
from offhook.phone import events as phone
from offhook.sip import events as sip
from offhook.sip.events import Body
from offhook.sip.messages.headers import NameAddr
from tests.support.engine_bench import BoardNotes, End
from tests.support.sip_notifier import Notifier
from tests.support.virtual_loop import run

SUMMARY = "application/simple-message-summary"
DIALOGS = "application/dialog-info+xml"


@dataclass
class Subscriber(End):
    """A phone with mailbox, watch list and texts."""

    mailboxes: Mapping[str, str] = field(default_factory=dict)
    watched: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.board = BoardNotes()
        self.mailbox = Mailbox(self.shell, self.mailboxes, self.told.put_nowait, self.board, self.seen.append)
        self.watchlist = Watchlist(self.shell, self.watched)
        self.texts = Texts()

    def _take(self, event: sip.Event) -> None:
        super()._take(event)
        for taker in (self.mailbox, self.watchlist, self.texts):
            taker.take(event)

    @property
    def place(self) -> tuple[str, int]:
        return self.shell.transport.udp


def with_server(scenario: Callable[[Subscriber, Notifier], Awaitable[None]], **more: object) -> None:
    async def main() -> None:
        server = Notifier()
        here = await server.open()
        end = Subscriber("1002", **more)  # type: ignore[arg-type]
        await end.open()
        end.join(here)
        end.mailbox.start(lambda name: True)
        end.watchlist.start(lambda name: True)
        try:
            async with asyncio.timeout(30):
                await scenario(end, server)
        finally:
            await end.shell.close()
            server.close()

    run(main)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_mail_that_waits_lights_the_lamp_until_it_is_heard() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        subscribe = await server.requests.get()
        assert (subscribe.method, str(subscribe.uri)) == ("SUBSCRIBE", "sip:1002@pbx.test")
        body = "Messages-Waiting: yes\nVoice-Message: 2/1 (1/0)\n"
        server.notify(end.place, subscribe, "message-summary", "active", SUMMARY, body)
        assert await end.expect(phone.MessagesWaiting) == phone.MessagesWaiting(True)
        assert end.board.notes == ["lamp message on"]
        assert end.mailbox.to_json() == {
            "waiting": True,
            "accounts": [{"account": "desk", "waiting": True, "new": 2, "old": 1, "urgent": 1, "mailbox": ""}],
        }
        server.notify(end.place, subscribe, "message-summary", "active", SUMMARY, body)
        server.notify(end.place, subscribe, "message-summary", "active", SUMMARY, "Messages-Waiting: no\n")
        assert await end.expect(phone.MessagesWaiting) == phone.MessagesWaiting(False)
        assert end.board.notes == ["lamp message on", "lamp message off"]

    with_server(scenario, mailboxes={"desk": "sip:1002@pbx.test"})


def test_a_server_that_speaks_unasked_is_heard() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        server.notify(end.place, None, "message-summary", "active", SUMMARY, "Messages-Waiting: yes\n")
        assert await end.expect(phone.MessagesWaiting) == phone.MessagesWaiting(True)
        assert await server.statuses.get() == 200
        assert server.requests.empty()

    with_server(scenario)


def test_a_summary_without_sense_changes_nothing() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        server.notify(end.place, None, "message-summary", "active", SUMMARY, "what?\n")
        assert await server.statuses.get() == 200
        assert end.told.empty()
        assert end.board.notes == []

    with_server(scenario)


def test_a_server_without_mailboxes_is_asked_again_at_the_next_registration_only() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        server.refuses = 489
        await server.requests.get()
        await until(lambda: any(isinstance(event, sip.SubscriptionEnded) for event in end.events))
        await asyncio.sleep(10)
        assert server.requests.empty()
        end.mailbox.take(sip.Registered("desk", 3600))
        assert (await server.requests.get()).method == "SUBSCRIBE"

    with_server(scenario, mailboxes={"desk": "1002"})


def test_registering_again_does_not_subscribe_twice() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        await server.requests.get()
        end.mailbox.take(sip.Registered("desk", 3600))
        end.mailbox.take(sip.Registered("another", 3600))
        await asyncio.sleep(0.2)
        assert server.requests.empty()

    with_server(scenario, mailboxes={"desk": "sip:1002@pbx.test"})


# -- other people's phones -------------------------------------------------------------------------------------------


def dialogs(version: int, state: str, word: str = "") -> str:
    inside = (
        f'<dialog id="d" direction="recipient"><state>{word}</state>'
        '<remote><identity display="Ann">sip:ann@x</identity></remote></dialog>'
        if word
        else ""
    )
    return (
        f'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="{state}" '
        f'entity="sip:1003@pbx.test">{inside}</dialog-info>'
    )


def row(end: Subscriber) -> dict[str, object]:
    (shown,) = end.watchlist.to_json()
    assert isinstance(shown, dict)
    return dict(shown)


def test_another_phone_is_shown_idle_ringing_and_busy() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        assert row(end)["state"] == "unknown"
        subscribe = await server.requests.get()
        assert (subscribe.headers.get("Event"), str(subscribe.uri)) == ("dialog", "sip:1003@pbx.test")
        for version, word, shown in ((0, "", "idle"), (1, "early", "ringing"), (2, "confirmed", "busy")):
            body = dialogs(version, "full" if version == 0 else "partial", word)
            server.notify(end.place, subscribe, "dialog", "active", DIALOGS, body)
            assert await server.statuses.get() == 200
            assert row(end)["state"] == shown
        assert row(end)["with"] == ["Ann"]

    with_server(scenario, watched={"desk": ["sip:1003@pbx.test"]})


def test_who_missed_something_asks_for_all_of_it() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        subscribe = await server.requests.get()
        server.notify(end.place, subscribe, "dialog", "active", DIALOGS, dialogs(0, "full"))
        server.notify(end.place, subscribe, "dialog", "active", DIALOGS, dialogs(5, "partial", "early"))
        again = await server.requests.get()
        assert (again.method, again.to.tag) == ("SUBSCRIBE", "n1")
        assert row(end)["state"] == "idle"

    with_server(scenario, watched={"desk": ["sip:1003@pbx.test"]})


def test_an_address_with_two_phones_is_busy_when_one_is() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        subscribe = await server.requests.get()
        server.notify(end.place, subscribe, "dialog", "active", DIALOGS, dialogs(0, "full"))
        server.notify(end.place, subscribe, "dialog", "active", DIALOGS, dialogs(9, "full", "confirmed"), tag="n2")
        assert [await server.statuses.get(), await server.statuses.get()] == [200, 200]
        assert row(end)["state"] == "busy"
        server.notify(end.place, subscribe, "dialog", "terminated;reason=noresource", DIALOGS, "", tag="n2")
        await server.statuses.get()
        assert row(end)["state"] == "idle"

    with_server(scenario, watched={"desk": ["sip:1003@pbx.test"]})


def test_a_phone_that_may_not_be_watched_says_why() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        server.refuses = 403
        await server.requests.get()
        await until(lambda: row(end)["last_error"] != "")
        assert str(row(end)["last_error"]).startswith("403")
        assert row(end)["state"] == "unknown"

    with_server(scenario, watched={"desk": ["sip:1003@pbx.test"]})


# -- texts -----------------------------------------------------------------------------------------------------------


def test_texts_are_counted_and_the_last_are_kept() -> None:
    texts = Texts()
    for number in range(20):
        body = Body("text/plain", f"line {number}\r\nand\x1b[2J more".encode())
        texts.take(sip.MessageReceived("desk", NameAddr.parse('"Ann" <sip:ann@x>'), body))
    shown = texts.to_json()
    assert shown["count"] == 20
    last = shown["last"]
    assert isinstance(last, list)
    assert len(last) == 16
    assert last[-1] == {"account": "desk", "from": "Ann", "text": "line 19\nand\ufffd[2J more"}


def test_other_events_are_no_texts() -> None:
    texts = Texts()
    texts.take(sip.Registered("desk", 60))
    assert texts.to_json() == {"count": 0, "last": []}


def test_a_text_arrives_over_the_wire() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        port = (await server_port(server))[1]
        server.say(
            end.place,
            f"MESSAGE sip:1002@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKm\n"
            "Max-Forwards: 70\nFrom: <sip:ann@pbx.test>;tag=1\nTo: <sip:1002@pbx.test>\nCall-ID: m\nCSeq: 1 MESSAGE\n"
            "Content-Type: text/plain\nContent-Length: 5\n\n",
            "hello",
        )
        assert await server.statuses.get() == 200
        assert end.texts.to_json()["count"] == 1

    with_server(scenario)


async def server_port(server: Notifier) -> tuple[str, int]:
    transport = server._transport
    assert transport is not None
    ip, port = transport.get_extra_info("sockname")[:2]
    return ip, port


def test_nothing_is_asked_that_the_config_does_not_want() -> None:
    async def scenario(end: Subscriber, server: Notifier) -> None:
        await asyncio.sleep(1)
        assert server.requests.empty()

    with_server(scenario)
