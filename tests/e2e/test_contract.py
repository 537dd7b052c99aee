"""The simulated board's contract, word for word: every request, event and status key, on ``offhook sim`` as it is.

The program is used as a stranger's test program uses it: options, sockets and JSON, nothing of the code.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.child import Child
from tests.support.phone import FIRMWARE, BoardSocket, connected

pytestmark = pytest.mark.peer

NUMBER = (int, float)
MAYBE = (int, float, type(None))
STATUS: dict[str, dict[str, Any]] = {
    "": {"version": str, "uptime_s": NUMBER, "phone": str, "accounts": list, "calls": list},
    "sip": {"udp": str, "tcp": str},
    "accounts": {"name": str, "uri": str, "registered": bool, "server": str, "last_error": str},
    "calls": {
        **dict.fromkeys(("direction", "peer", "state", "codec"), str),
        **dict.fromkeys(("srtp", "emergency"), bool),
        **dict.fromkeys(("seconds", "rx", "tx", "lost", "concealed", "jitter_ms", "buffer_ms"), NUMBER),
        "mos": MAYBE,
    },
    "power": {"state": str, "source": str, "percent": MAYBE, "runtime_s": MAYBE},
    "emergency": {"location": str, "source": str, "age_s": NUMBER, "stale": bool, "callback_window_s": NUMBER},
    "config": {"serial": str, "origin": str, "pending": (str, type(None))},
    "audio": {"state": str, "capture": str, "playback": str, "xruns": int, "realtime": bool},
}
EVENTS: dict[str, dict[str, type]] = {
    "ringer": {"on": bool, "cadence": str},
    "lamp": {"name": str, "state": str},
    "tone": {"name": str},
    "say": {"text": str},
    "state": {"phone": str},
    "call": {"state": str, "peer": str, "direction": str, "emergency": bool},
    "dtmf": {"digit": str, "direction": str},
    "registration": {"account": str, "state": str},
    "power": {"state": str},
}
DIALS = {"on_ms": 60, "off_ms": 60}


class Sim:
    """``offhook sim`` with every option of the contract."""

    def __init__(self, folder: Path) -> None:
        self.board_socket, self.control_socket = folder / "board", folder / "control"
        command = [sys.executable, "-m", "offhook", "sim", "--no-web", "--state-dir", str(folder / "state")]
        command += ["--board-socket", str(self.board_socket), "--control-socket", str(self.control_socket)]
        path = os.pathsep.join(filter(None, [str(FIRMWARE), os.environ.get("PYTHONPATH")]))
        self.child = Child(command, folder / "log", {"PYTHONPATH": path})
        self.child.wait_until(self._join, "board socket", 40)

    def _join(self) -> bool:
        try:
            self.board = BoardSocket(self.board_socket)
        except OSError:
            return False
        return True

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.board.request("status")["status"]
        return status

    def wait(self, condition: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        end = time.monotonic() + 20
        while not condition(status := self.status()):
            assert time.monotonic() < end, f"no {what}: {status}"
            time.sleep(0.05)
        return status

    def event(self, event: str, **fields: object) -> dict[str, Any]:
        found = self.board.take(event, 20, **fields)
        assert found is not None, f"no {event} {fields}; {self.board.history[-20:]}"
        return found

    def call(self, number: str) -> dict[str, Any]:
        self.board.request("lift")
        self.event("tone", name="dial")
        self.board.request("dial", keys=number, **DIALS)
        return self.wait(lambda status: any(row["state"] == "talking" for row in status["calls"]), "call")

    def rest(self) -> None:
        self.board.request("hang_up")
        self.wait(lambda status: status["phone"] == "ON_HOOK" and not status["calls"], "rest")
        self.board.forget()


@pytest.fixture(scope="module")
def sim() -> Iterator[Sim]:
    with tempfile.TemporaryDirectory(prefix="offhook-") as folder:
        phone = Sim(Path(folder))
        try:
            phone.wait(lambda status: bool(status["accounts"][0]["registered"]), "registration")
            yield phone
        finally:
            phone.board.close()
            phone.child.stop()


def test_a_call_shows_every_key_of_the_status_and_every_key_press(sim: Sim) -> None:
    sim.board.request("lift", bounce_ms=12)
    sim.event("state", phone="DIAL_TONE")
    sim.event("tone", name="dial")
    assert sim.event("lamp", name="line")["state"] == "on"
    sim.board.request("dial", keys="100", **DIALS)
    sim.event("tone", name="none")
    sim.event("tone", name="ringback")
    sim.event("call", state="talking", direction="out", peer="100", emergency=False)
    sim.board.request("press", key="5", ms=80)
    sim.event("dtmf", digit="5", direction="out")
    sim.board.request("button", name="volume_up", ms=80)
    time.sleep(1.2)
    status = sim.status()
    for section, keys in STATUS.items():
        found = status[section] if section else status
        for row in found if isinstance(found, list) else [found]:
            for key, kind in keys.items():
                assert isinstance(row[key], kind), f"{section}.{key}: {row[key]!r}"
    assert status["calls"][0]["rx"] > 10
    assert status["phone"] == "TALKING"
    assert all(address.startswith("127.0.0.1:") for address in status["sip"].values())
    sim.board.request("hang_up", bounce_ms=12)
    sim.event("call", state="ended")
    sim.event("state", phone="ON_HOOK")
    sim.rest()


def test_the_exchange_is_busy_calls_back_and_has_no_other_numbers(sim: Sim) -> None:
    sim.board.request("lift")
    sim.board.request("dial", keys="101", **DIALS)
    sim.event("tone", name="busy")
    sim.rest()
    time.sleep(1.2)  # put back for longer than a flash
    sim.call("103")
    sim.rest()
    assert sim.event("ringer", on=True)["cadence"] == "2000,4000"
    sim.event("call", state="ringing", direction="in")
    sim.board.request("lift")
    sim.event("call", state="talking", direction="in")
    sim.event("ringer", on=False)
    sim.rest()


def test_a_flash_outside_a_call_begins_anew(sim: Sim) -> None:
    sim.board.request("lift")
    sim.board.request("press", key="2", ms=80)
    sim.event("state", phone="DIALLING")
    sim.board.request("flash", ms=500)
    sim.event("state", phone="DIAL_TONE")
    sim.rest()


def test_an_emergency_call_reaches_the_stub_desk(sim: Sim) -> None:
    time.sleep(1.2)
    call = sim.call("911")["calls"][0]
    assert call["emergency"] is True
    sim.event("call", state="talking", emergency=True)
    sim.rest()
    assert sim.status()["emergency"]["callback_window_s"] > 0


def test_the_plug_is_pulled_and_the_gauge_falls_silent(sim: Sim) -> None:
    sim.board.request("power", ac=False, percent=42, volts=3.71, amps=-0.4)
    sim.event("power", state="OUTAGE")
    assert sim.event("lamp", name="battery")["state"] == "on"
    power = sim.status()["power"]
    assert (power["state"], power["source"], power["percent"]) == ("OUTAGE", "battery", 42)
    sim.board.request("lift")
    assert "42 percent" in sim.event("say")["text"]
    sim.rest()
    sim.board.request("power", gauge="silent")
    sim.board.request("power", ac=True)
    sim.event("power", state="MAINS")


def test_a_link_that_is_down_is_up_again(sim: Sim) -> None:
    sim.board.request("network", up=False)
    sim.board.request("lift")
    sim.board.request("dial", keys="100", **DIALS)
    sim.event("state", phone="CALLING")
    assert sim.board.take("call", 1.5, state="ringing") is None
    sim.rest()
    sim.board.request("network", up=True)
    time.sleep(1.2)
    sim.call("100")
    sim.rest()


@pytest.mark.parametrize(
    "line", ["rubbish", "[]", '{"do":"fly","id":7}', '{"do":"rotary","digit":5,"id":7}', '{"id":7}']
)
def test_a_bad_line_is_answered_with_an_error_and_the_connection_lives_on(sim: Sim, line: str) -> None:
    with connected(sim.board_socket) as client, client.makefile("rw", encoding="utf-8") as lines:
        lines.write(f'{line}\n{{"do":"status","id":"x"}}\n')
        lines.flush()
        answer, status = json.loads(lines.readline()), json.loads(lines.readline())
    assert answer["ok"] is False
    assert isinstance(answer["error"], str)
    assert answer.get("id") == (7 if '"id":7' in line else None)
    assert (status["id"], status["ok"]) == ("x", True)


def test_control_socket_and_status_command_show_the_same_object(sim: Sim) -> None:
    with connected(sim.control_socket) as client, client.makefile("rw", encoding="utf-8") as lines:
        lines.write('{"do":"status"}\n')
        lines.flush()
        status = json.loads(lines.readline())["status"]
    assert status.keys() == sim.status().keys()


def test_sigterm_ends_it_with_status_0_and_takes_the_registration_back(sim: Sim) -> None:
    sim.board.request("lift")
    begin = time.monotonic()
    sim.child.process.send_signal(signal.SIGTERM)
    assert sim.child.wait(8) == 0
    assert time.monotonic() - begin < 5
    sim.event("registration", account="exchange", state="unregistered")
    for event in sim.board.history:
        assert isinstance(event["t"], float)
        for key, kind in EVENTS[event["event"]].items():
            assert isinstance(event[key], kind), event
    assert {event["event"] for event in sim.board.history} == EVENTS.keys()
    stamps = [event["t"] for event in sim.board.history if event["event"] != "tone"]  # a tone has its sample's time
    assert stamps == sorted(stamps)
    assert stamps[0] <= time.monotonic()


@pytest.mark.parametrize("delay", [0.25, 0.5, 0.8])
def test_sigterm_during_the_start_is_an_orderly_end_too(delay: float, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "offhook", "sim", "--state-dir", str(tmp_path / "state")]
    path = os.pathsep.join(filter(None, [str(FIRMWARE), os.environ.get("PYTHONPATH")]))
    with Child(command, tmp_path / "log", {"PYTHONPATH": path}) as child:
        time.sleep(delay)
        child.process.send_signal(signal.SIGTERM)
        assert child.wait(5) == 0, child.output()
        assert "Traceback" not in child.output()
