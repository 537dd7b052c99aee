"""How quickly the phone reacts: lift to tone, digit to INVITE, start to registered; and what a flood does to sound."""

import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.calls import RATE, phone_config
from tests.support.kamailio import Kamailio
from tests.support.netns import SERVER_IP
from tests.support.phone import Phone, account, config
from tests.support.stub_server import StubServer
from tests.support.virtual_card import VirtualCard, write_asound_conf


@dataclass(frozen=True)
class Spread:
    """Median and worst of some tries, in seconds."""

    median: float
    worst: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """From single values."""
        return cls(statistics.median(values), max(values))


def start_to_registered(folder: Path, tries: int = 5) -> Spread:
    """From the start of the program to the registrar's 200, by the phone's own time stamps."""
    values = []
    with Kamailio(folder / "kamailio") as registrar:
        for index in range(tries):
            with Phone(folder / f"start{index}", config(account(registrar.address)), wait=False) as phone:
                end = time.monotonic() + 20
                while not registrar.contacts("1001") and time.monotonic() < end:
                    time.sleep(0.005)
                values.append(time.monotonic() - phone.started)
                phone.terminate()
                while registrar.contacts("1001") and time.monotonic() < end:
                    time.sleep(0.05)
    return Spread.of(values)


def lift_to_tone(folder: Path, period_ms: int, tries: int = 20) -> Spread:
    """From the hook's request to the time stamp of the dial tone's first sample, card closed before each try."""
    folder.mkdir(parents=True)
    values = []
    with VirtualCard(folder, rate=RATE) as card:
        text = phone_config(card, f"{SERVER_IP}:5999", period_ms)
        with Phone(folder, text, env=write_asound_conf(folder / "asound.conf", [card])) as phone:
            for _ in range(tries):
                begin = time.monotonic()
                phone.lift()
                values.append(phone.wait_for("tone", name="dial")["t"] - begin)
                phone.hang_up()
                phone.wait_state("ON_HOOK")
                time.sleep(0.3)
    return Spread.of(values)


def digit_to_invite(folder: Path, tries: int = 20) -> tuple[Spread, Spread]:
    """From the pin's edge (contact debounce included), and from the complete digit map, to the INVITE's arrival."""
    from_pin, from_map = [], []
    with StubServer("refuse", status="486 Busy Here") as server:
        text = config(account(server.address, register=False), dialplan="(1xxx)")
        with Phone(folder, text) as phone:
            for _ in range(tries):
                server.requests.clear()
                phone.lift()
                phone.wait_for("state", phone="DIAL_TONE")
                phone.dial("100")
                begin = time.monotonic()
                phone.press("2")
                invite = server.wait_for("INVITE")
                calling = phone.wait_for("state", phone="CALLING")
                from_pin.append(invite.t - begin)
                from_map.append(invite.t - float(calling["t"]))
                phone.hang_up()
                phone.wait_state("ON_HOOK")
                phone.board_socket.forget()
    return Spread.of(from_pin), Spread.of(from_map)


@dataclass(frozen=True)
class FloodFigures:
    """The media loop while junk arrives: p99.9 and worst lateness of its ticks in ms, xruns, SCHED_FIFO granted."""

    late_p999_ms: float
    late_max_ms: float
    xruns: int
    realtime: bool


def flood(folder: Path, seconds: float = 20.0, rate: int = 500) -> FloodFigures:
    """Send junk at the SIP port in the middle of a call, at the shipped defaults."""
    from tests.e2e.test_hostile import junk, probing

    folder.mkdir(parents=True)
    with StubServer("answer") as server, VirtualCard(folder, rate=RATE) as card:
        text = phone_config(card, server.address, 10)
        with Phone(folder, text, env=write_asound_conf(folder / "asound.conf", [card])) as phone:
            phone.call("1002")
            phone.wait_for("call", state="talking")
            time.sleep(2)
            xruns = phone.status()["audio"]["xruns"]
            late: list[float] = []
            worst = 0.0
            chance = random.Random(5)
            with probing(phone) as prober:
                begin = time.monotonic()
                for index in range(int(seconds * rate)):
                    prober.send(junk(chance, prober))
                    if index % rate == 0:
                        audio = phone.status()["audio"]
                        late.append(float(audio.get("late_p999_ms", "nan")))
                        worst = max(worst, float(audio.get("late_max_ms", "nan")))
                    pause = begin + index / rate - time.monotonic()
                    if pause > 0:
                        time.sleep(pause)
            audio = phone.status()["audio"]
            return FloodFigures(max(late[2:]), worst, audio["xruns"] - xruns, bool(audio["realtime"]))
