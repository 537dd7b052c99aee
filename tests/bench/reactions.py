"""How quickly the phone reacts: lift to tone, digit to INVITE, start to registered."""

import re
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.ends import phone_at
from tests.bench.processes import cpu_seconds
from tests.bench.spread import Spread
from tests.bench.wire import Wire
from tests.support.baresip import Baresip, pbx_account
from tests.support.kamailio import Kamailio
from tests.support.netns import SERVER_IP
from tests.support.phone import Phone, account, config
from tests.support.stub_server import StubServer
from tests.support.virtual_card import VirtualCard

_FIRST_TONE = re.compile(r"the first tone, \w+, began at ([\d.]+) s")
_CARD_CLOSED_S = 5.5  # the phone closes a card that nobody needed for 5 s


@dataclass(frozen=True, slots=True)
class StartFigures:
    """Seconds from the start of the program to the registrar's 200 on the wire; the CPU-seconds that it took."""

    wall: Spread
    cpu: Spread


def start_to_registered(folder: Path, tries: int) -> tuple[StartFigures, StartFigures, Spread]:
    """Of the phone, started again; of the phone without compiled Python files; and of baresip (wall only)."""
    with Kamailio(folder / "kamailio") as registrar, Wire() as wire:
        text = config(account(registrar.address))
        first = [_start(folder / "first", text, wire, {"PYTHONPYCACHEPREFIX": str(folder / "empty")})]
        _start(folder / "warm", text, wire, {})
        again = [_start(folder / f"again{index}", text, wire, {}) for index in range(tries)]
        theirs = []
        for index in range(tries):
            begin = time.monotonic()
            line = pbx_account("1002", registrar.address)
            with Baresip(folder / f"baresip{index}", line, SERVER_IP, 5082, 4462, "10200-10219"):
                theirs.append(wire.wait_for("SIP/2.0 200", "REGISTER", begin).t - begin)
                end = time.monotonic() + 0.2
                time.sleep(max(0.0, end - time.monotonic()))
    return _figures(again), _figures(first), Spread.of(theirs)


def start_to_tone(folder: Path, tries: int) -> tuple[StartFigures, StartFigures]:
    """To the first tone of a phone whose handset is off the hook: by what was kept of the last start, and by its files.

    A first start, which compiles and keeps what it makes of the files, is not counted.
    """
    text = config(account(f"{SERVER_IP}:5999", register=False))
    _tone(folder, text)
    kept, read = [], []
    for _ in range(tries):
        kept.append(_tone(folder, text))
        (folder / "state" / "quick.json").unlink()
        read.append(_tone(folder, text))
    return _figures(kept), _figures(read)


def _tone(folder: Path, text: str) -> tuple[float, float]:
    (folder / "offhook.log").unlink(missing_ok=True)
    with Phone(folder, text, arguments=["--off-hook"], wait=False) as phone:
        phone.child.wait_until(lambda: _FIRST_TONE.search(phone.child.output()) is not None, "the first tone")
        cpu = cpu_seconds(phone.child.pid)
        told = _FIRST_TONE.search(phone.child.output())
        assert told is not None
        phone.connect()
        phone.child.wait_until((phone.state_dir / "quick.json").exists, "what is kept for the next start")
        return float(told[1]) - phone.started, cpu


def _figures(starts: list[tuple[float, float]]) -> StartFigures:
    return StartFigures(Spread.of([wall for wall, _ in starts]), Spread.of([cpu for _, cpu in starts]))


def _start(folder: Path, text: str, wire: Wire, env: dict[str, str]) -> tuple[float, float]:
    with Phone(folder, text, env=env, wait=False) as phone:
        seen = wire.wait_for("SIP/2.0 200", "REGISTER", phone.started)
        cpu = cpu_seconds(phone.child.pid)
        phone.connect()
        phone.wait_registered()
        end = time.monotonic()
        phone.terminate()
        wire.wait_for("SIP/2.0 200", "REGISTER", end)  # removed: the next start finds the registrar as this one did
        return seen.t - phone.started, cpu


def lift_to_tone(folder: Path, period_ms: int, rate: int, tries: int, closed: bool) -> Spread:
    """From the request to lift to the first sample of dial tone at the loudspeaker, by the card's own log.

    With ``closed`` the card had been closed before each try, as it is when somebody picks up a phone that was idle.
    """
    folder.mkdir(parents=True)
    values = []
    card = VirtualCard(folder, "phone", rate=rate)
    with card, phone_at(folder / "phone", card, f"{SERVER_IP}:5999", period_ms) as phone:
        _lift(phone, card)  # the first is the first in many ways
        for _ in range(tries):
            time.sleep(_CARD_CLOSED_S if closed else 0.4)
            values.append(_lift(phone, card))
    return Spread.of(values)


def _lift(phone: Phone, card: VirtualCard) -> float:
    phone.board_socket.forget()
    before = len(card.heard())
    begin = time.monotonic()
    phone.lift()
    phone.wait_for("tone", name="dial")
    time.sleep(0.15)
    start = card.ear_starts()[-1]
    first = before + int(np.flatnonzero(card.heard()[before:])[0])
    phone.hang_up()
    phone.wait_state("ON_HOOK")
    return start.t + (first - start.file_frame) / start.rate - begin


def digit_to_invite(folder: Path, tries: int) -> tuple[Spread, Spread]:
    """From the key's contact (its debouncing included), and from the digit that completes the map, to the INVITE.

    The number is of one digit: the dial tone ends in the same step in which the map is complete, and says when.
    """
    from_contact, from_digit = [], []
    with ExitStack() as stack:
        server = stack.enter_context(StubServer("refuse", status="486 Busy Here"))
        wire = stack.enter_context(Wire())
        text = config(account(server.address, register=False), dialplan="(7)")
        phone = stack.enter_context(Phone(folder, text))
        for _ in range(tries):
            phone.lift()
            phone.wait_for("state", phone="DIAL_TONE")
            phone.board_socket.forget()
            begin = time.monotonic()
            phone.press("7")
            invite = wire.wait_for("INVITE", "INVITE", begin)
            digit = phone.wait_for("tone", name="none")
            from_contact.append(invite.t - begin)
            from_digit.append(invite.t - float(digit["t"]))
            phone.wait_for("state", phone="REORDER")
            phone.hang_up()
            phone.wait_state("ON_HOOK")
    return Spread.of(from_contact), Spread.of(from_digit)
