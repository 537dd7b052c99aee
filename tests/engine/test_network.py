"""The watcher on the kernel's own socket, and on one that a test writes to."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from offhook.engine.netlink import NetworkState
from offhook.engine.network import NetworkWatch
from tests.support.virtual_loop import run

ADDED = """
import asyncio, subprocess
from offhook.engine.network import NetworkWatch

async def main():
    told = asyncio.Queue()
    watch = NetworkWatch(lambda state: told.put_nowait((sorted(state.addresses), state.connected)))
    watch.start()
    def ip(*words): subprocess.run(["ip", *words], check=True)
    ip("link", "add", "one", "type", "veth", "peer", "name", "two")
    ip("addr", "add", "192.0.2.7/24", "dev", "one")
    ip("link", "set", "two", "up")
    ip("link", "set", "one", "up")
    while (seen := await asyncio.wait_for(told.get(), 10)) != (["192.0.2.7"], True) and "fe80" not in str(seen):
        pass
    ip("link", "set", "one", "down")
    while (seen := await asyncio.wait_for(told.get(), 10))[1]:
        pass
    print("done", seen)
    watch.close()

asyncio.run(main())
"""


class Feed:
    """A socket pair in place of the kernel's, and what the watcher tells."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.setblocking(False)
        self.told: list[tuple[float, frozenset[str]]] = []
        self.watch = NetworkWatch(self._tell)
        self.watch._socket = self.ours
        asyncio.get_running_loop().add_reader(self.ours.fileno(), self.watch._readable)

    def _tell(self, state: NetworkState) -> None:
        self.told.append((asyncio.get_running_loop().time(), state.addresses))

    def address(self, number: int, gone: bool = False) -> None:
        """Say that 192.0.2.number is there, or is gone."""
        rows = b"\x08\x00\x02\x00" + socket.inet_aton(f"192.0.2.{number}")
        body = bytes((socket.AF_INET, 24, 0, 0)) + (2).to_bytes(4, sys.byteorder) + rows
        kind = 21 if gone else 20
        head = (16 + len(body)).to_bytes(4, sys.byteorder) + kind.to_bytes(2, sys.byteorder) + bytes(10)
        self.theirs.send(head + body)

    def close(self) -> None:
        """End both."""
        self.watch.close()
        self.theirs.close()


def test_changes_that_follow_one_another_are_told_once_when_they_have_settled() -> None:
    async def scenario() -> None:
        feed, begin = Feed(), asyncio.get_running_loop().time()
        for number in (1, 2, 3):
            feed.address(number)
            await asyncio.sleep(0.2)
        await asyncio.sleep(5)
        ((at, addresses),) = feed.told
        assert addresses == {"192.0.2.1", "192.0.2.2", "192.0.2.3"}
        assert at - begin == pytest.approx(0.8, abs=0.05)
        feed.close()

    run(scenario)


def test_changes_that_never_settle_are_told_within_two_seconds() -> None:
    async def scenario() -> None:
        feed, begin = Feed(), asyncio.get_running_loop().time()
        for number in range(15):
            feed.address(1, gone=bool(number % 2))
            await asyncio.sleep(0.3)
        assert feed.told[0][0] - begin == pytest.approx(2, abs=0.05)
        feed.close()

    run(scenario)


def test_what_is_said_again_is_not_told() -> None:
    async def scenario() -> None:
        feed = Feed()
        feed.address(1)
        await asyncio.sleep(5)
        feed.address(1)
        await asyncio.sleep(5)
        assert len(feed.told) == 1
        feed.close()

    run(scenario)


@pytest.mark.peer
def test_the_kernel_tells_of_addresses_and_links() -> None:
    root = Path(__file__).resolve().parents[2] / "firmware"
    command = ["unshare", "--net", sys.executable, "-c", ADDED]
    env = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=False)
    assert done.stdout.startswith("done"), done.stderr
