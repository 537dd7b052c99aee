"""A Kamailio that a test starts: registrar and record-routing proxy for the domain ``pbx.test``.

Users 1001 to 1004, password ``secret`` + user, digest with qop=auth, MD5 or SHA-256. With ``relay`` every session
description that passes names the relay's address, so that :class:`tests.support.relay.LossyRelay` sees the speech.
"""

import subprocess
from pathlib import Path

from tests.support.child import Child
from tests.support.netns import SERVER_IP

CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
alias="pbx.test"
listen=udp:{ip}:{port}
listen=tcp:{ip}:{port}
tcp_connection_lifetime=3605
server_signature=yes
mpath="{modules}/"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "sanity.so"
loadmodule "nathelper.so"
loadmodule "htable.so"
loadmodule "auth.so"
loadmodule "ctl.so"
modparam("ctl", "binrpc", "unix:{folder}/ctl.sock")
modparam("rr", "enable_full_lr", 1)
modparam("rr", "append_fromtag", 1)
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 5)
modparam("registrar", "method_filtering", 1)
modparam("registrar", "min_expires", 30)
modparam("registrar", "max_expires", 3600)
modparam("htable", "htable", "users=>size=4;")
modparam("auth", "nonce_expire", {nonce_expire})
modparam("auth", "qop", "auth")
modparam("auth", "algorithm", "{algorithm}")

event_route[htable:mod-init] {{
    $sht(users=>1001) = "secret1001"; $sht(users=>1002) = "secret1002";
    $sht(users=>1003) = "secret1003"; $sht(users=>1004) = "secret1004";
}}
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (!sanity_check("17895", "7")) {{ exit; }}
    force_rport();
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (is_method("INVITE|UPDATE|ACK") && has_body("application/sdp")) route(MEDIA);
    if (has_totag()) {{
        if (loose_route()) {{ t_on_reply("MEDIA"); if (!t_relay()) sl_reply_error(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    t_check_trans();
    if (is_method("OPTIONS") && uri==myself && $rU==$null) {{ sl_send_reply("200", "Keepalive"); exit; }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("pbx.test", "$sht(users=>$tU)", "0")) {{ www_challenge("pbx.test", "1"); exit; }}
        if ($tU != $au) {{ sl_send_reply("403", "Forbidden"); exit; }}
        if (!save("location")) sl_reply_error();
        exit;
    }}
    if (from_uri==myself) {{
        if (!pv_proxy_authenticate("pbx.test", "$sht(users=>$fU)", "0")) {{ proxy_challenge("pbx.test", "1"); exit; }}
        consume_credentials();
    }}
    record_route();
    if (!lookup("location")) {{ sl_send_reply("480", "Temporarily Unavailable"); exit; }}
    t_on_reply("MEDIA");
    if (!t_relay()) sl_reply_error();
}}
route[MEDIA] {{
    {relay_line}
    return;
}}
onreply_route[MEDIA] {{
    if (has_body("application/sdp")) route(MEDIA);
}}
"""


class Kamailio:
    """A registrar and proxy at ``address``; use as a context manager."""

    def __init__(
        self,
        folder: Path,
        ip: str = SERVER_IP,
        port: int = 5060,
        relay_ip: str | None = None,
        algorithm: str = "MD5",
        nonce_expire: int = 60,
    ) -> None:
        folder.mkdir(parents=True)
        modules = next(Path("/usr/lib").glob("*/kamailio/modules"))
        config = folder / "kamailio.cfg"
        config.write_text(
            CONFIG.format(
                ip=ip,
                port=port,
                folder=folder,
                modules=modules,
                algorithm=algorithm,
                nonce_expire=nonce_expire,
                relay_line=f'fix_nated_sdp("2", "{relay_ip}");' if relay_ip else "",
            )
        )
        self.folder = folder
        self.address = f"{ip}:{port}"
        command = ["kamailio", "-f", str(config), "-P", str(folder / "pid"), "-Y", str(folder)]
        self._child = Child([*command, "-m", "64", "-M", "8", "-DD", "-E"], folder / "kamailio.log")
        try:
            self._child.wait_until(
                lambda: "kamailio" in self._rpc("core.version").lower(), "answer to its control tool"
            )
        except BaseException:
            self._child.stop()
            raise

    def _rpc(self, *words: str) -> str:
        command = ["kamcmd", "-s", f"unix:{self.folder}/ctl.sock", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def contacts(self, user: str) -> list[str]:
        """The contact addresses under which a user is registered now."""
        lines = self._rpc("ul.lookup", "location", f"{user}@pbx.test").splitlines()
        if not any(":" in line for line in lines):
            lines = self._rpc("ul.lookup", "location", user).splitlines()
        return [line.split(":", 1)[1].strip() for line in lines if line.strip().startswith("Address:")]

    def output(self) -> str:
        """What it logged."""
        return self._child.output()

    def stop(self) -> None:
        """End it."""
        self._child.stop()

    def __enter__(self) -> "Kamailio":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
