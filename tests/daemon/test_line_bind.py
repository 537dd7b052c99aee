"""A phone whose SIP port is taken still has a line."""

import asyncio
import socket
from pathlib import Path

from offhook.config.load import load
from offhook.daemon.build import Fixtures, build
from offhook.emergency.callback import CallbackWindow
from offhook.engine.guard import EmergencyGuard
from offhook.engine.watchers import Watchers
from tests.support.engine_bench import BoardNotes
from tests.support.virtual_loop import run


def test_a_phone_whose_port_is_taken_listens_on_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            config = load(f'country: NO\nsip: {{listen: "127.0.0.1:{port}"}}\n', "phone.yaml")
            fixtures = Fixtures(
                BoardNotes(), None, Watchers(), EmergencyGuard(()), CallbackWindow(), tmp_path, "0" * 8, None
            )
            line = build(config, fixtures)
            line.start_sip()
            while line.shell.transport.udp[1] in (0, port):
                await asyncio.sleep(0.01)
            assert line.shell.transport.udp[0] == "127.0.0.1"
            assert line.rtp_ip("any") == "127.0.0.1"
            await line.shell.close()

    run(scenario)
