"""The phone in the virtual phone: its control socket, asked by the guest's agent, as a new process takes seconds there.

Times are seconds of the guest's CLOCK_MONOTONIC.
"""

from collections.abc import Callable
from typing import Any

from imagebuild.guest import Guest, GuestError

_ASK = """
import json, socket
with socket.socket(socket.AF_UNIX) as control:
    control.settimeout(20)
    control.connect("/run/offhook/control.sock")
    control.sendall(b'{"do":"status"}\\n')
    data = b""
    while not data.endswith(b"\\n"):
        data += control.recv(65536)
result = json.loads(data)["status"]
"""
_TIMED = """
import json, socket, time
import gpiosim
with socket.socket(socket.AF_UNIX) as control:
    control.settimeout(30)
    control.connect("/run/offhook/control.sock")
    control.sendall(b'{"do":"watch"}\\n')
    lines = control.makefile("rb")
    lines.readline()
    begun = time.monotonic()
    if pin is not None:
        gpiosim.pull(pin, level)
    for line in lines:
        seen = json.loads(line)
        if seen.get("event") == event and all(seen.get(name) == value for name, value in fields.items()):
            break
result = seen["t"] - begun
"""


class VmPhone:
    """What the phone says of itself."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest

    def status(self) -> dict[str, Any]:
        """The status object. Raises GuestError while no phone answers."""
        found: dict[str, Any] = self.guest.python(_ASK, 60)
        return found

    def wait_for(self, condition: Callable[[dict[str, Any]], bool], what: str, timeout: float = 90.0) -> dict[str, Any]:
        """Wait for a status; a phone that does not answer just now is asked again. Raises GuestError."""
        found: dict[str, Any] = {}

        def holds() -> bool:
            found.clear()
            try:
                found.update(self.status())
            except GuestError:
                return False
            return condition(found)

        try:
            self.guest.wait_until(holds, what, timeout)
        except GuestError as error:
            raise GuestError(f"{error}; the status is {found}") from None
        return found

    def wait_state(self, name: str, timeout: float = 90.0) -> None:
        """Wait until the phone machine is in a state."""
        self.wait_for(lambda status: bool(status["phone"] == name), name, timeout)

    def call(self) -> dict[str, Any]:
        """The one call there is."""
        (call,) = self.status()["calls"]
        return dict(call)

    def pull_and_wait(self, pin: int, level: int, event: str, **fields: object) -> float:
        """Pull a pin, and wait for what the phone notes then; returns how long it took, by the event's own time."""
        return float(self.guest.python(_TIMED, 90, pin=pin, level=level, event=event, fields=fields))

    def wait_event(self, event: str, **fields: object) -> None:
        """Wait until the phone notes something. Raises GuestError after half a minute without a word of the phone."""
        self.guest.python(_TIMED, 180, pin=None, level=0, event=event, fields=fields)

    def journal(self, words: str = "", unit: str = "offhook.service") -> list[str]:
        """What the unit wrote since the start, with these words in it: lines with the guest's monotonic time."""
        done = self.guest.sh(f"journalctl --boot --unit {unit} --output short-monotonic --no-pager", 120)
        return [line for line in done.out.splitlines() if words in line]
