"""Many calls at once: SIPp calls ten times a second, and each call is answered by itself."""

import time
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePhone
from tests.e2e.test_hostile import probing
from tests.support.figures import show
from tests.support.memory import resident_kib
from tests.support.netns import SERVER_IP
from tests.support.phone import account, config
from tests.support.sipp import Sipp

pytestmark = pytest.mark.peer
PORT = 5091
A_SECOND = 10
LASTS_MS = 1000
# Calls that ended wait for the garbage collector until they are a quarter of what lives: that counts as no growth.
FLAT_KIB = 3072

CALLER = """\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="a server that asks the phone to answer by itself">
  <send retrans="500"><![CDATA[

INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "door" <sip:door@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:door@[local_ip]:[local_port]>
Max-Forwards: 70
Answer-Mode: Auto
Content-Type: application/sdp
Content-Length: [len]

v=0
o=door 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="200"/>
  <send><![CDATA[

ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "door" <sip:door@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

  ]]></send>
  <pause/>
  <send retrans="500"><![CDATA[

BYE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "door" <sip:door@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
"""


def test_each_call_of_a_busy_minute_is_answered(
    soak: bool, tmp_path: Path, make_phone: MakePhone, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = 1000 if soak else 200
    scenario = tmp_path / "caller.xml"
    scenario.write_text(CALLER)
    door = account(f"{SERVER_IP}:{PORT}", register=False, more=["auto_answer: true"])
    text = config(door, sip="max_calls: 16").replace("20000-20020", "20000-20100")
    phone = make_phone(text, program="tests.support.answering")
    phone.address()  # its SIP socket is open
    with Sipp(
        tmp_path / "sipp", str(scenario), calls, PORT, phone.address(), 1000 // A_SECOND, LASTS_MS, together=16
    ) as sipp:
        phone.wait_status(lambda status: len(status["calls"]) >= 8, "several calls at once")
        time.sleep(0.7 * calls / A_SECOND)  # each call is remembered for 64 s (timers J and L), and no longer
        early = resident_kib(phone.child.pid)
        assert sipp.finish(calls / A_SECOND + 30) == (calls, 0), sipp.errors()
    phone.wait_status(lambda status: status["calls"] == [], "end of the last call")
    grown = resident_kib(phone.child.pid) - early
    show(capsys, f"{calls} calls at {A_SECOND} a second: none failed; memory {early} KiB, then {grown:+} KiB")
    assert grown < FLAT_KIB
    assert "Traceback" not in phone.log()
    with probing(phone) as prober:
        assert prober.answer(prober.request("OPTIONS")) == 200
