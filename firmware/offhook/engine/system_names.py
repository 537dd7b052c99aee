"""Names that the system knows by itself (hosts file, mDNS, whatever it is set up to ask), and what has a route."""

import asyncio
import contextlib
import socket
import threading
from pathlib import Path

_HOSTS = Path("/etc/hosts")
_MOST_THREADS = 8


def is_local(name: str) -> bool:
    """True for names that DNS is not asked about: without dots, of mDNS, or in the hosts file."""
    bare = name.lower().rstrip(".")
    return "." not in bare or bare.endswith((".local", ".localhost")) or bare in _hosts()


def _hosts() -> set[str]:
    """Return the names in the hosts file; it is small, and may change at any time."""
    try:
        lines = _HOSTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return set()
    return {name.lower() for line in lines for name in line.partition("#")[0].split()[1:]}


def routable(ip: str) -> bool:
    """True when the kernel has a route to ``ip``; nothing is sent."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((ip, 9))
    except OSError:
        return False
    return True


async def system_addresses(name: str) -> list[str]:
    """Ask the system (hosts file, DNS, mDNS as it is set up). Raises OSError or UnicodeError.

    A thread of its own does it, not one of the loop's executor: where DNS is dead it may hang for half a minute, and
    neither the next lookup nor the program's end waits for it.
    """
    if sum(thread.name == "lookup" for thread in threading.enumerate()) >= _MOST_THREADS:
        raise OSError("too many names wait for the name server")
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def tell(found: list[str], error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: list[str] = []
        fault: Exception | None = None
        try:
            rows = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
            found = [str(sockaddr[0]) for *_, sockaddr in rows]
        except (OSError, UnicodeError) as error:
            fault = error
        with contextlib.suppress(RuntimeError):  # the loop is closed by now
            loop.call_soon_threadsafe(tell, found, fault)

    threading.Thread(target=ask, name="lookup", daemon=True).start()
    return await answer
