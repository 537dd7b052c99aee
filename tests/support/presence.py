"""A Kamailio that is a presence server (RFC 3903): what is published there it tells to those who subscribed.

Its registrar takes anybody, and publishes what becomes of bindings (RFC 3680) by itself. It gives out no GRUU, for it
asks DNS for the domain of a Contact that is one, its own domain or not. It keeps its tables in text files of the test's
own folder.
"""

import shutil
from pathlib import Path

from tests.support.kamailioprogram import KamailioProgram
from tests.support.netns import SERVER_IP
from tests.support.sipsak import Answer, sipsak

TABLES = Path("/usr/share/kamailio/dbtext/kamailio")
CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
tcp_children=1
auto_aliases=no
alias="pbx.test"
listen=udp:{ip}:{port}
mpath="{modules}/"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "ctl.so"
loadmodule "db_text.so"
loadmodule "presence.so"
loadmodule "presence_mwi.so"
loadmodule "presence_dialoginfo.so"
loadmodule "presence_reginfo.so"
loadmodule "pua.so"
loadmodule "pua_reginfo.so"
modparam("ctl", "binrpc", "unix:{folder}/ctl.sock")
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 1)
modparam("registrar", "gruu_enabled", 0)
modparam("presence|pua", "db_url", "text://{folder}/db")
modparam("presence", "server_address", "sip:{ip}:{port}")
modparam("presence", "send_fast_notify", 1)
modparam("presence", "min_expires_action", 2)
modparam("pua", "outbound_proxy", "sip:{ip}:{port}")
modparam("pua_reginfo", "default_domain", "pbx.test")
modparam("pua_reginfo", "server_address", "sip:reginfo@{ip}:{port}")
modparam("pua_reginfo", "outbound_proxy", "sip:{ip}:{port}")

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (has_totag()) loose_route();
    if (is_method("REGISTER")) {{
        if (!save("location")) sl_reply_error();
        exit;
    }}
    if (is_method("PUBLISH|SUBSCRIBE")) {{
        if (!t_newtran()) {{ sl_reply_error(); exit; }}
        if (is_method("PUBLISH")) {{ handle_publish(); }} else {{ handle_subscribe(); }}
        exit;
    }}
    sl_send_reply("404", "Not here");
}}
"""
PUBLISH = """\
PUBLISH sip:{user}@pbx.test SIP/2.0
From: <sip:{user}@pbx.test>;tag=published
To: <sip:{user}@pbx.test>
Call-ID: published-{user}-{number}@{ip}
CSeq: {number} PUBLISH
Max-Forwards: 70
Event: {package}
Expires: 600
Content-Type: {kind}
Content-Length: {length}

"""


class PresenceServer(KamailioProgram):
    """One at ``address``; use as a context manager."""

    def __init__(self, folder: Path, ip: str = SERVER_IP, port: int = 5060) -> None:
        folder.mkdir(parents=True)
        shutil.copytree(TABLES, folder / "db")
        super().__init__(folder, CONFIG, ip, port)
        self._number = 0

    def binding(self, user: str) -> str:
        """The number that its registrar gave to the binding of ``user``, empty without one."""
        lines = self.rpc("ul.lookup", "location", f"{user}@pbx.test").splitlines()
        return next((line.split(":", 1)[1].strip() for line in lines if line.strip().startswith("Ruid:")), "")

    def publish(self, user: str, package: str, kind: str, body: str) -> Answer:
        """Publish the state of ``user`` by sipsak; a 2xx says that it was taken."""
        self._number += 1
        text = body.replace("\n", "\r\n")
        fields = {"number": self._number, "ip": SERVER_IP, "package": package, "kind": kind}
        head = PUBLISH.format(user=user, length=len(text.encode()), **fields).replace("\n", "\r\n")
        return sipsak(f"sip:{user}@{self.address}", "-f", "-", "-L", stdin=head + text)
