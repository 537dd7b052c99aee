"""A phone whose SIP port is taken still has a line."""

import asyncio
import socket
from pathlib import Path

from offhook.config.load import load
from offhook.daemon.build import build
from tests.support.daemon_bench import fixtures
from tests.support.virtual_loop import run


def test_a_phone_whose_port_is_taken_listens_on_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            config = load(f'country: NO\nsip: {{listen: "127.0.0.1:{port}"}}\n', "phone.yaml")
            line = build(config, fixtures(tmp_path))
            line.start_sip()
            while line.shell.transport.udp[1] in (0, port):
                await asyncio.sleep(0.01)
            assert line.shell.transport.udp[0] == "127.0.0.1"
            assert line.rtp_ip("any") == "127.0.0.1"
            while line.shell.transport.tcp[1] == 0:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.01)
            await line.shell.close()

    run(scenario)


def test_the_port_is_taken_once_whoever_had_it_lets_it_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken.bind(("127.0.0.1", 0))
        wanted = taken.getsockname()
        config = load(f'country: NO\nsip: {{listen: "127.0.0.1:{wanted[1]}"}}\n', "phone.yaml")
        line = build(config, fixtures(tmp_path))
        line.start_sip()
        while line.shell.transport.tcp[1] == 0:
            await asyncio.sleep(0.01)
        other = line.shell.transport.udp
        await asyncio.sleep(200)
        assert line.shell.transport.udp == other != wanted, "the sockets stay while the port is taken"
        taken.close()
        await asyncio.sleep(61)
        assert line.shell.transport.udp == line.shell.transport.tcp == line.listen == wanted
        await line.shell.close()

    run(scenario)


def test_a_call_that_comes_as_soon_as_the_socket_is_open_finds_its_user(tmp_path: Path) -> None:
    async def scenario() -> None:
        account = "accounts: [{name: desk, uri: 'sip:1001@127.0.0.1', server: '127.0.0.1:9', register: false}]\n"
        config = load(f'country: NO\nsip: {{listen: "127.0.0.1:0"}}\n{account}', "phone.yaml")
        line = build(config, fixtures(tmp_path))
        statuses: list[bytes] = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
            caller.bind(("127.0.0.1", 0))
            caller.setblocking(False)
            line.start_sip()
            while line.shell.transport.udp[1] == 0:
                await asyncio.sleep(0)
            port = caller.getsockname()[1]
            options = (
                f"OPTIONS sip:1001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKearly\r\n"
                "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:1001@127.0.0.1>\r\nCall-ID: early\r\nCSeq: 1 OPTIONS\r\n"
                "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            )
            caller.sendto(options.encode(), line.shell.transport.udp)
            statuses.append((await asyncio.get_running_loop().sock_recv(caller, 4096)).split(b"\r\n")[0])
        while line.shell.transport.tcp[1] == 0:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        await line.shell.close()
        assert statuses == [b"SIP/2.0 200 OK"]

    run(scenario)
