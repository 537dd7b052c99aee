"""A name server at the address where programs look for one, and a program's own view of which that is."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.dns_server import Zone, dns_server
from tests.support.netns import SERVER_IP


@contextmanager
def name_server(zone: Zone, ip: str = SERVER_IP) -> Iterator[None]:
    """Answer from ``zone`` on port 53 of ``ip``, in a thread."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    done = asyncio.Event()
    faults: list[OSError] = []

    async def serve() -> None:
        async with dns_server(zone, ip=ip, port=53):
            ready.set()
            await done.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except OSError as error:
            faults.append(error)
            ready.set()
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="names", daemon=True)
    thread.start()
    ready.wait(5)
    if faults:
        raise faults[0]
    try:
        yield
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(5)


def asking(folder: Path, ip: str = SERVER_IP) -> list[str]:
    """Words before a command that give it a resolv.conf of its own, in a mount namespace."""
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / "resolv.conf"
    own.write_text(f"nameserver {ip}\noptions timeout:1 attempts:1\n")
    return ["unshare", "--mount", "sh", "-c", f'mount --bind {own} /etc/resolv.conf && exec "$@"', "sh"]
