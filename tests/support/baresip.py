"""A baresip that a test starts, tells what to do through its ``ctrl_tcp`` module, and listens to.

What it hears is recorded by its ``sndfile`` module (1.0.0 has no player that writes files); what it says is a WAV file
that plays once from the moment at which the call is up. ``stdio`` needs a terminal and is left out.
"""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.child import Child
from tests.support.virtual_card import VirtualCard, write_asound_conf
from tests.support.wav import write_silence

MODULE_FOLDERS = ("/usr/lib/baresip/modules", *map(str, Path("/usr/lib").glob("*-linux-gnu*/baresip/modules")))

CONFIG = """\
poll_method             epoll
sip_listen              {ip}:{sip_port}
{tls_files}net_interface           {interface}
call_local_timeout      120
call_max_calls          4
audio_source            {source}
audio_player            {player}
audio_alert             aufile,{folder}/silence.wav
snd_path                {folder}/recorded
ausrc_srate             {rate}
auplay_srate            {rate}
ausrc_channels          1
auplay_channels         1
audio_txmode            poll
ausrc_format            s16
auplay_format           s16
auenc_format            s16
audec_format            s16
audio_buffer            20-160
rtp_tos                 184
rtp_ports               {rtp_ports}
rtp_bandwidth           512-1024
rtcp_mux                no
jitter_buffer_delay     5-10
rtp_stats               yes
dns_server              {ip}:53
module_path             {modules}
module                  g711.so
module                  aufile.so
module                  srtp.so
{more_modules}module                  uuid.so
module_tmp              account.so
module_app              menu.so
module_app              ctrl_tcp.so
ctrl_tcp_listen         127.0.0.1:{control_port}
"""


class Baresip:
    """One baresip with one account. ``events`` holds what it reported, oldest first."""

    def __init__(
        self,
        folder: Path,
        account: str,
        ip: str,
        sip_port: int,
        control_port: int,
        rtp_ports: str,
        source: Path | None = None,
        interface: str = "near",
        card: VirtualCard | None = None,
        card_rate: int = 48000,
        ca_file: Path | None = None,
        certificate: Path | None = None,
    ) -> None:
        """``account`` is a line of baresip's ``accounts`` file; ``source`` a mono WAV of 8 kHz, or None for silence.

        ``ca_file`` is what it checks certificates against; ``certificate`` (with the key in the same PEM file) is what
        it shows itself, on the TLS port after ``sip_port``. With ``card`` it speaks and hears through that instead of
        files, at ``card_rate``, and records nothing.
        """
        folder.mkdir(parents=True)
        (folder / "recorded").mkdir()
        write_silence(folder / "silence.wav", 300.0)
        modules = next(name for name in MODULE_FOLDERS if Path(name).is_dir())
        (folder / "accounts").write_text(account + "\n")
        tls_files = f"sip_cafile              {ca_file}\n" if ca_file else ""
        tls_files += f"sip_certificate         {certificate}\n" if certificate else ""
        (folder / "config").write_text(
            CONFIG.format(
                ip=ip,
                sip_port=sip_port,
                control_port=control_port,
                rtp_ports=rtp_ports,
                interface=interface,
                folder=folder,
                source=f"alsa,{card.capture}" if card else f"aufile,{source or folder / 'silence.wav'}",
                player=f"alsa,{card.playback}" if card else f"aufile,{folder}/heard.wav",
                rate=card_rate if card else 8000,
                more_modules=f"module                  {'alsa' if card else 'sndfile'}.so\n",
                modules=modules,
                tls_files=tls_files,
            )
        )
        self.folder = folder
        self.uri = account.split(">")[0].lstrip("<").split(";")[0]
        self.address = f"{ip}:{sip_port}"
        self.events: list[dict[str, Any]] = []
        self._buffer = b""
        self._log_read = 0
        env = write_asound_conf(folder / "asound.conf", [card]) if card else {}
        self._child = Child(["baresip", "-f", str(folder), "-v"], folder / "baresip.log", env)
        try:
            self._control = self._connect(control_port)
        except BaseException:
            self._child.stop()
            raise

    def _connect(self, port: int) -> socket.socket:
        sockets: list[socket.socket] = []

        def connected() -> bool:
            try:
                sockets.append(socket.create_connection(("127.0.0.1", port), timeout=1))
            except OSError:
                return False
            return True

        self._child.wait_until(connected, "control socket")
        return sockets[0]

    @property
    def pid(self) -> int:
        """Process id, for measurements."""
        return self._child.pid

    def command(self, name: str, params: str = "") -> dict[str, Any]:
        """Send a command of its menu; returns the answer. Events that come in between are kept."""
        text = json.dumps({"command": name, "params": params, "token": name}).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))
        end = time.monotonic() + 5
        for message in self._messages(end):
            if message.get("response"):
                return message
        raise self._child.complain(f"no answer to {name}")

    def wait_for(self, kind: str, timeout: float = 15.0, **fields: str) -> dict[str, Any]:
        """Take the next event of this type (``CALL_ESTABLISHED`` ...) whose fields match; forgets those before it."""
        end = time.monotonic() + timeout
        while True:
            while self.events:
                event = self.events.pop(0)
                if event.get("type") == kind and all(event.get(name) == value for name, value in fields.items()):
                    return event
            if next(self._messages(end), None) is None:
                raise self._child.complain(f"no event {kind} {fields or ''} within {timeout:g} s")

    def _messages(self, end: float) -> Iterator[dict[str, Any]]:
        """What comes before ``end``; events are also put into ``events``."""
        while True:
            length, colon, rest = self._buffer.partition(b":")
            if colon and len(rest) > int(length):
                self._buffer = rest[int(length) + 1 :]
                message = json.loads(rest[: int(length)])
                if message.get("event"):
                    self.events.append(message)
                yield message
                continue
            left = end - time.monotonic()
            if left <= 0:
                return
            self._control.settimeout(left)
            try:
                data = self._control.recv(65536)
            except TimeoutError:
                return
            if not data:
                raise self._child.complain("closed its control socket")
            self._buffer += data

    def wait_registered(self) -> None:
        """Wait until its account is registered (it may have been before the control socket was open)."""
        self._child.wait_until(
            lambda: re.search(r"200 OK .*\[\d+ binding", self._child.output()) is not None, "registration"
        )

    def dial(self, uri: str) -> None:
        """Call."""
        self.command("dial", uri)

    def accept(self) -> None:
        """Answer the call that rings."""
        self.command("accept")

    def hang_up(self) -> None:
        """End the current call."""
        self.command("hangup")

    def hold(self) -> None:
        """Hold the current call."""
        self.command("hold")

    def resume(self) -> None:
        """Take the held call back."""
        self.command("resume")

    def transfer(self, uri: str) -> None:
        """Send the peer of the current call elsewhere (blind; it knows no other)."""
        self.command("transfer", uri)

    def send_digit(self, digit: str) -> None:
        """Send a DTMF digit into the current call (RFC 4733), and let go of it."""
        self.command("sndcode", digit)
        self.command("sndcode", "\x04")  # its key release

    def wait_incoming(self) -> None:
        """Wait until a call comes in."""
        self.wait_for("CALL_INCOMING")

    def wait_ringing(self) -> None:
        """Wait until the far end rings."""
        self.wait_for("CALL_RINGING")

    def wait_talking(self) -> None:
        """Wait until a call is up."""
        self.wait_for("CALL_ESTABLISHED")

    def wait_held(self) -> None:
        """Wait until the far end has described the call anew; what it says, baresip 1.0.0 tells nobody."""
        self._wait_for_log(r"got re-INVITE \(SDP Offer\)|call: got UPDATE")

    def wait_taken_back(self) -> None:
        """Wait until the far end has described the call anew."""
        self.wait_held()

    def _wait_for_log(self, pattern: str) -> None:
        """Wait for a line of its log after the last that was waited for."""

        def found() -> bool:
            match = re.compile(pattern).search(self._child.output(), self._log_read)
            if match is not None:
                self._log_read = match.end()
            return match is not None

        self._child.wait_until(found, f"{pattern!r} in its log")

    def wait_ended(self) -> None:
        """Wait until a call is over."""
        self.wait_for("CALL_CLOSED")

    def wait_digit(self, digit: str) -> None:
        """Wait until this DTMF digit was heard."""
        self.wait_for("CALL_DTMF_START", param=digit)

    def recorded(self) -> Path:
        """The newest recording of what it heard, decoded."""
        found = sorted((self.folder / "recorded").glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise self._child.complain("nothing recorded")
        return found[-1]

    def clear(self) -> None:
        """End whatever call there still is, and forget what happened."""
        self.hang_up()
        self._log_read = len(self._child.output())
        self.events.clear()

    def stop(self) -> None:
        """End it; its recordings are complete afterwards."""
        self._control.close()
        self._child.stop()

    def __enter__(self) -> "Baresip":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def pbx_account(user: str, server: str, transport: str = "udp", answer: str = "manual", srtp: str = "") -> str:
    """A line of the accounts file: a user of the tests' registrar.

    ``answer``: manual or auto. ``srtp`` chooses how it offers SDES keys: ``srtp``, ``srtp-mand``, ``srtp-mandf``.
    """
    encryption = f";mediaenc={srtp}" if srtp else ""
    return (
        f"<sip:{user}@pbx.test;transport={transport}>;auth_user={user};auth_pass=secret{user};"
        f'outbound="sip:{server};transport={transport}";regint=120;'
        f"audio_codecs=PCMU/8000/1,PCMA/8000/1;answermode={answer}{encryption}"
    )


def direct_account(user: str, address: str, transport: str = "udp", answer: str = "manual", srtp: str = "") -> str:
    """A line of the accounts file: somebody who is called at ``address`` and registers nowhere."""
    encryption = f";mediaenc={srtp}" if srtp else ""
    return (
        f"<sip:{user}@{address};transport={transport}>;regint=0;"
        f"audio_codecs=PCMU/8000/1,PCMA/8000/1;answermode={answer}{encryption}"
    )
