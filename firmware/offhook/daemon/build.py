"""The composition root. Read this to see the whole phone: every room is made and joined here, and nowhere else.

The one exception is the handset, which lives before the rest is imported: :mod:`offhook.daemon.handset`.
"""

import asyncio
import logging
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from offhook.config.board_schema import BoardAudio
from offhook.config.schema import Config
from offhook.config.warnings import warnings_of
from offhook.daemon import settings
from offhook.daemon.files import with_board_audio
from offhook.daemon.handset import Handset, HandsetSettings
from offhook.daemon.line import Line
from offhook.dsp.regions import plan
from offhook.emergency.callback import CallbackWindow
from offhook.engine.agent import Agent
from offhook.engine.caller import GAVE_UP, EmergencyCaller
from offhook.engine.guard import EmergencyGuard
from offhook.engine.legs import Legs
from offhook.engine.mailbox import Mailbox
from offhook.engine.ports import Board
from offhook.engine.programs import Programs
from offhook.engine.resolver import Resolver
from offhook.engine.rtpports import RtpPorts
from offhook.engine.sessions import Sessions
from offhook.engine.shell import EndpointShell
from offhook.engine.switchboard import SwitchboardSettings
from offhook.engine.texts import Texts
from offhook.engine.transfers import Transfers
from offhook.engine.watchers import Watchers
from offhook.engine.watchlist import Watchlist
from offhook.phone.collector import DigitCollector
from offhook.phone.settings import PhoneSettings
from offhook.status.accounts import AccountBook
from offhook.status.report import AudioFigures

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fixtures:
    """What stays while configs come and go: the handset's body, those who watch it, words, and the phone's UUID.

    ``prompts`` is the folder of rendered words; ``sound_socket`` is where a phone without cards exchanges sound
    with the simulator's page.
    """

    board: Board
    board_audio: BoardAudio | None
    watchers: Watchers
    guard: EmergencyGuard
    callback: CallbackWindow
    prompts: Path
    device: str
    sound_socket: Path | None


def handset_settings(config: Config, audio: BoardAudio | None, sound_socket: str | None) -> HandsetSettings:
    """Return what the handset needs of a config; ``audio`` is the board's own card."""
    config = with_board_audio(config, audio)
    return HandsetSettings(
        phone=settings.phone(config, settings.emergency_numbers(config)),
        switchboard=SwitchboardSettings(ring_cadence_ms=plan(config.country).ring_cadence_ms),
        media=settings.media(config, sound_socket),
        language=config.language or "en",
    )


def build(config: Config, fixtures: Fixtures, handset: Handset | None = None) -> Line:
    """Return a line for ``config``, not yet started. ``handset``: one that was made of this config before."""
    for warning in warnings_of(config):
        _log.warning("%s", warning)
    config = with_board_audio(config, fixtures.board_audio)
    handset = handset or _handset(config, fixtures)
    line = _line(config, fixtures, handset)
    _join_network(line, config)
    _join_calls(line, config, fixtures, handset.settings.phone)
    _join_news(line, config, fixtures.board)
    handset.connect(line.media_message, line)
    line.switchboard.connect(line.agent, line.caller, line.follow)
    return line


def _handset(config: Config, fixtures: Fixtures) -> Handset:
    """What the person has: ear, mouth, the phone machine."""
    sound = str(fixtures.sound_socket) if fixtures.sound_socket else None
    made = handset_settings(config, fixtures.board_audio, sound)
    return Handset(made, fixtures.board, fixtures.prompts, fixtures.watchers.note)


def _line(config: Config, fixtures: Fixtures, handset: Handset) -> Line:
    """The handset as it stands, with its accounts and what is told of them; no room of the network yet."""
    accounts = settings.accounts(config, fixtures.device)
    secured = {name: row.srtp for name, row in settings.media_rules(config).items()}
    line = Line(
        listen=(config.sip.listen.host, config.sip.listen.port),
        accounts=accounts,
        guard=fixtures.guard,
        watchers=fixtures.watchers,
        book=AccountBook(accounts, secured),
        audio=AudioFigures(),
        streams={},
        words=(GAVE_UP, handset.settings.phone.emergency_failed),
    )
    line.media, line.speaker, line.switchboard = handset.media, handset.speaker, handset.switchboard
    return line


def _join_network(line: Line, config: Config) -> None:
    """What the network has: one SIP endpoint, and media streams beside it."""
    line.shell = EndpointShell(
        settings.endpoint(config),
        os.urandom,
        line.sip_event,
        Resolver(),
        settings.tls(config),
        settings.tls_listen(config),
    )
    sessions = Sessions(
        line.media,
        RtpPorts(config.rtp.ports.first, config.rtp.ports.last),
        settings.media_offer(config),
        _session_id,
        f"{os.urandom(8).hex()}@offhook",
        settings.media_rules(config),
    )
    line.legs = Legs(line.shell, sessions, line.rtp_ip, line.watchers.note)


def _join_calls(line: Line, config: Config, fixtures: Fixtures, phone: PhoneSettings) -> None:
    """Calls join the two: ordinary ones, emergency calls, calls that are handed over, and what programs ask of them."""
    numbers = settings.emergency_numbers(config)
    barred = partial(fixtures.guard.bars, numbers=frozenset(numbers))
    called_back = partial(_holds, fixtures.callback)
    line.agent = Agent(line.accounts, line.legs, line.switchboard.post, line.book.in_service, barred, called_back)
    line.caller = EmergencyCaller(
        settings.emergency(config, numbers, fixtures.device),
        line.accounts,
        fixtures.guard,
        fixtures.callback,
        line.legs,
        line.switchboard.post,
        line.speaker,
        line.book.in_service,
        os.urandom,
    )
    transfers = Transfers(
        line.shell,
        line.accounts,
        line.legs,
        line.agent,
        DigitCollector(phone).whole,
        barred,
        line.switchboard.post,
        line.switchboard.request,
        line.media,
    )
    line.shell.endpoint.judge_redirects(transfers.may_redirect)
    line.hearers.append(transfers.take)
    names = [account.name for account in line.accounts]
    line.programs = Programs(names, line.legs, line, line.switchboard.request, lambda: line.caller.up)
    line.watchers.add(line.programs)


def _join_news(line: Line, config: Config, board: Board) -> None:
    """What else the network tells: messages that wait, what other phones do, texts."""
    line.mailbox = Mailbox(line.shell, settings.mailboxes(config), line.switchboard.post, board, line.watchers.note)
    line.watchlist = Watchlist(line.shell, settings.watched(config))
    line.texts = Texts()
    line.hearers += [line.mailbox.take, line.watchlist.take, line.texts.take]


def _holds(window: CallbackWindow) -> bool:
    return window.holds(asyncio.get_running_loop().time())


def _session_id() -> int:
    return int.from_bytes(os.urandom(4), "big")
