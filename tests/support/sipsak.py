"""sipsak: one request from a shell, and whether it was answered."""

import subprocess
from dataclasses import dataclass

from tests.support.netns import SERVER_IP

# Its own message mode (-M) dies of a segmentation fault in Debian's 0.9.8.1, so the message is given to it whole. The
# Via it adds itself.
MESSAGE = """\
MESSAGE {uri} SIP/2.0
From: <sip:sipsak@{ip}>;tag=sipsak
To: <{uri}>
Call-ID: sipsak-message-{ip}
CSeq: 1 MESSAGE
Max-Forwards: 70
Content-Type: text/plain
Content-Length: {length}

{text}"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What sipsak made of it: exit status (0: a 2xx came) and what it printed, the messages included."""

    code: int
    text: str

    @property
    def status(self) -> str:
        """The status line of the last response, as ``200 OK``."""
        lines = [line for line in self.text.splitlines() if line.startswith("SIP/2.0 ")]
        return lines[-1].removeprefix("SIP/2.0 ").strip() if lines else ""


def sipsak(uri: str, *arguments: str, transport: str = "udp", ip: str = SERVER_IP, stdin: str = "") -> Answer:
    """Run it from ``ip`` against ``uri`` (an address: it looks names up in DNS)."""
    command = ["sipsak", "-vvv", "-E", transport, "-k", ip, "-H", ip, "-s", uri, *arguments]
    done = subprocess.run(command, input=stdin.encode(), capture_output=True, timeout=40, check=False)
    return Answer(done.returncode, (done.stdout + done.stderr).decode(errors="replace"))


def options(uri: str, transport: str = "udp", ip: str = SERVER_IP) -> Answer:
    """OPTIONS."""
    return sipsak(uri, transport=transport, ip=ip)


def message(uri: str, text: str, transport: str = "udp", ip: str = SERVER_IP) -> Answer:
    """A MESSAGE (RFC 3428)."""
    request = MESSAGE.format(uri=uri, ip=ip, text=text, length=len(text.encode())).replace("\n", "\r\n")
    return sipsak(uri, "-f", "-", "-L", transport=transport, ip=ip, stdin=request)
