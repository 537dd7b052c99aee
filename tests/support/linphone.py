"""A linphonec that a test starts, types to, and reads.

It lives in a HOME of its own, uses WAV files in place of a sound card, says what happens on standard output, and does
not watch the network: where there is no way out, it would give up after 5 s. What was read once is not found again,
each wait goes on from where the one before it ended.
"""

import re
import time
import uuid
from pathlib import Path

from tests.support.child import Child
from tests.support.softphone import Line
from tests.support.wav import write_silence

CONFIG = """\
[sip]
sip_port={udp_port}
sip_tcp_port={tcp_port}
sip_tls_port={tls_port}
bind_address={ip}
guess_hostname=0
contact="linphonec" <sip:{user}@{ip}:{sip_port}{parameter}>
default_proxy={default_proxy}
{root_ca}verify_server_certs=1
verify_server_cn=1
media_encryption={encryption}
media_encryption_mandatory={mandatory}
supported=replaces, outbound, gruu, timer, 100rel
inc_timeout=60
delayed_timeout=4
auto_net_state_mon=0
register_only_when_network_is_up=0
use_cpim=0
[rtp]
audio_rtp_port={rtp_ports}
nortp_timeout=60
[net]
mtu=1300
[misc]
uuid={uuid}
user_certificates_path={folder}/certificates
[video]
capture=0
display=0
[sound]
echocancellation=0
"""
CODECS = (
    ("PCMU", 8000, 1),
    ("PCMA", 8000, 1),
    ("opus", 48000, 0),
    ("speex", 16000, 0),
    ("speex", 8000, 0),
    ("speex", 32000, 0),
    ("GSM", 8000, 0),
    ("G722", 8000, 0),
    ("G729", 8000, 0),
)
CODEC = """\
[audio_codec_{index}]
mime={name}
rate={rate}
channels={channels}
enabled={enabled}
"""
ACCOUNT = """\
[auth_info_0]
username={user}
passwd=secret{user}
realm=pbx.test
domain=pbx.test
[proxy_0]
reg_proxy=<sip:{server};transport={transport}>
reg_route=<sip:{server};transport={transport};lr>
reg_identity=sip:{user}@pbx.test
reg_expires=120
reg_sendregister=1
publish=0
dial_escape_plus=0
"""


class Linphone:
    """One linphonec with one account, registered or called directly."""

    def __init__(
        self, folder: Path, line: Line, ip: str, sip_port: int, rtp_ports: str, source: Path | None = None
    ) -> None:
        """``source`` is a WAV of 8 kHz mono that it plays into each call, or None for silence."""
        folder.mkdir(parents=True)
        (folder / "certificates").mkdir()
        (folder / ".local/share/linphone").mkdir(parents=True)  # it does not make this itself, and then does not start
        self.folder = folder
        self._recording = folder / "heard.wav"
        secure = line.transport == "tls"
        # 0 closes a transport, -1 takes any port.
        ports = {"udp_port": 0, "tcp_port": 0, "tls_port": 0}
        ports[f"{line.transport}_port"] = sip_port
        parameter = "" if line.transport == "udp" else f";transport={line.transport}"
        text = CONFIG.format(
            ip=ip,
            sip_port=sip_port,
            user=line.user,
            parameter=parameter,
            default_proxy=0 if line.server else -1,
            root_ca=f"root_ca={line.ca_file}\n" if secure else "",
            encryption="srtp" if line.srtp else "none",
            mandatory=int(line.srtp),
            rtp_ports=rtp_ports,
            uuid=uuid.uuid4(),
            folder=folder,
            **ports,
        )
        for index, (name, rate, enabled) in enumerate(CODECS):
            channels = 2 if name == "opus" else 1
            text += CODEC.format(index=index, name=name, rate=rate, channels=channels, enabled=enabled)
        if line.server:
            text += ACCOUNT.format(user=line.user, server=line.server, transport=line.transport)
        (folder / "linphonerc").write_text(text)
        self.address = f"{ip}:{sip_port}"
        self.uri = f"sip:{line.user}@pbx.test" if line.server else f"sip:{line.user}@{self.address}{parameter}"
        self._read = 0
        command = ["stdbuf", "-oL", "linphonec", "-S", "-c", str(folder / "linphonerc")]
        command += ["-d", "6", "-l", str(folder / "linphone.log")]
        self._child = Child(command, folder / "linphonec.out", {"HOME": str(folder)}, typed=True)
        try:
            self._child.wait_for_output("linphonec>")
            self.say("soundcard use files")
            self.wait_for(r"Using wav files")
            write_silence(folder / "silence.wav", 300.0)  # with nothing to play it sends nothing
            self.say(f"play {source or folder / 'silence.wav'}")
            self.say(f"record {self._recording}")
            self.say(f"autoanswer {'enable' if line.answers else 'disable'}")
        except BaseException:
            self._child.stop()
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._child.pid

    def say(self, command: str) -> None:
        """Type a command."""
        self._child.type(command)

    def wait_for(self, pattern: str, timeout: float = 15.0) -> re.Match[str]:
        """Wait until what it says matches ``pattern``; goes on after that."""
        found: list[re.Match[str]] = []

        def matched() -> bool:
            match = re.compile(pattern).search(self._child.output(), self._read)
            if match is not None:
                found.append(match)
            return match is not None

        self._child.wait_until(matched, f"{pattern!r} in its output", timeout)
        self._read = found[0].end()
        return found[0]

    def wait_registered(self) -> None:
        """Wait until its account is registered."""
        self._child.wait_until(lambda: "to [LinphoneRegistrationOk]" in self.log(), "registration in its log")

    def dial(self, uri: str) -> None:
        """Call."""
        self.say(f"call {uri}")

    def accept(self) -> None:
        """Answer the call that rings."""
        self.say("answer")

    def hang_up(self) -> None:
        """End the current call."""
        self.say("terminate")

    def hold(self) -> None:
        """Hold the current call; returns when the far end has agreed, for before that it does not take it back."""
        self.say("pause")
        self.wait_for(r"is now paused")

    def resume(self) -> None:
        """Take the held call back."""
        self.say("resume")

    def transfer(self, uri: str) -> None:
        """Send the peer of the current call elsewhere."""
        self.say(f"transfer {uri}")

    def join(self, uri: str) -> None:
        """Hold the current call, call somebody who answers, and join the two (attended transfer)."""
        self.hold()
        self.dial(uri)
        self.wait_talking()
        first, second = re.findall(r"assigned id (\d+)", self._child.output())[-2:]
        self.say(f"transfer {first} --to-call {second}")

    def send_digit(self, digit: str) -> None:
        """Send a DTMF digit into the current call."""
        self.say(digit)

    def wait_incoming(self) -> None:
        """Wait until a call comes in."""
        self.wait_for(r"Receiving new incoming call")

    def wait_ringing(self) -> None:
        """Wait until the far end rings."""
        self.wait_for(r"Call \d+ to \S+ ringing")

    def wait_talking(self) -> None:
        """Wait until a call is up."""
        self.wait_for(r"Media streams established")

    def wait_held(self) -> None:
        """Wait until the far end has put the call on hold."""
        self.wait_for(r"has been paused by")

    def wait_taken_back(self) -> None:
        """Wait until the far end has taken the call back."""
        self.wait_for(r"Media streams established")

    def wait_ended(self) -> None:
        """Wait until a call is over."""
        self.wait_for(r"Call \d+ with .* (ended|failed)|Call \d+ .* is now released|Call \d+ .*ended")

    def wait_digit(self, digit: str) -> None:
        """Wait until this DTMF digit was heard."""
        self.wait_for(rf"Receiving tone {re.escape(digit)} ")

    def recorded(self) -> Path:
        """The recording of what it heard; complete when the call is over."""
        if not self._recording.exists():
            raise self._child.complain("nothing recorded")
        return self._recording

    def log(self) -> str:
        """Its own log, with every SIP message that it sent and got."""
        path = self.folder / "linphone.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def output(self) -> str:
        """Everything that it said."""
        return self._child.output()

    def clear(self) -> None:
        """End whatever calls there still are, and forget what it said."""
        while True:
            self.say("calls")
            if "No active call" in self.wait_for(r"No active call|Call states")[0]:
                return
            self.say("terminate all")
            time.sleep(0.2)

    def stop(self) -> None:
        """End it."""
        self._child.stop()

    def __enter__(self) -> "Linphone":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
