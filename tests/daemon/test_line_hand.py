"""What the hand does beyond the phone machine: a lift tries to register, the callback window lets the desk ring."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from offhook.config.load import load
from offhook.daemon.build import build
from offhook.daemon.line import Line
from offhook.emergency.callback import CallbackWindow
from offhook.phone import events as phone
from offhook.phone.states import State
from offhook.sip.events import Flow, IncomingCall
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Request
from offhook.sip.messages.parser import parse_datagram
from tests.support.daemon_bench import fixtures
from tests.support.virtual_loop import run

CONFIG = """
country: NO
sip: {listen: "127.0.0.1:0"}
accounts: [{name: desk, uri: 'sip:1001@127.0.0.1', server: '127.0.0.1:9', register: false}]
"""
INVITE = (
    "INVITE sip:1001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\nFrom: <sip:b@x>;tag=1\r\n"
    "To: <sip:1001@127.0.0.1>\r\nCall-ID: {call}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)


def on_a_line(tmp_path: Path, scenario: Callable[[Line, CallbackWindow], None]) -> None:
    async def main() -> None:
        window = CallbackWindow()
        line = build(load(CONFIG, "phone.yaml"), fixtures(tmp_path, callback=window))
        scenario(line, window)
        line.switchboard.close()
        await line.shell.close()

    run(main)


def comes_in(line: Line, call: str) -> None:
    """Let a call come in, as the endpoint announces it."""
    request = parse_datagram(INVITE.format(call=call).encode())
    assert isinstance(request, Request)
    flow = Flow("udp", ("127.0.0.1", 1), ("127.0.0.1", 9))
    line.agent.incoming(IncomingCall(call, "desk", NameAddr.parse("<sip:b@x>"), None, request, flow))


def test_a_lift_gives_dial_tone_and_then_tries_to_register(tmp_path: Path) -> None:
    def scenario(line: Line, window: CallbackWindow) -> None:
        seen: list[State] = []
        line.shell.endpoint.retry = lambda now: seen.append(line.switchboard.machine.state)  # type: ignore[method-assign]
        line.switchboard.post(phone.HookLifted())
        assert seen == [State.DIAL_TONE]
        line.switchboard.post(phone.KeyDown("1"))
        line.switchboard.post(phone.HookReplaced())
        assert len(seen) == 1

    on_a_line(tmp_path, scenario)


def test_who_got_rid_of_a_call_is_rung_at_once_only_while_the_desk_may_call_back(tmp_path: Path) -> None:
    def scenario(line: Line, window: CallbackWindow) -> None:
        def get_rid_of(call: str) -> None:
            comes_in(line, call)
            assert line.switchboard.machine.state is State.RINGING
            line.switchboard.post(phone.HookLifted())
            line.switchboard.post(phone.HookReplaced())

        get_rid_of("i1")
        comes_in(line, "i2")
        assert line.switchboard.machine.state is State.ON_HOOK
        window.call_ended(asyncio.get_running_loop().time())
        comes_in(line, "i3")
        assert line.switchboard.machine.state is State.RINGING

    on_a_line(tmp_path, scenario)
