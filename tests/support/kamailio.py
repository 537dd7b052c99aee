"""A Kamailio that a test starts: registrar and record-routing proxy for the domain ``pbx.test``.

Users 1001 to 1004, password ``secret`` + user, digest with qop=auth, MD5 or SHA-256. It rings every contact of a user
at once, gives out GRUUs (RFC 5627) and keeps Path (RFC 3327). With ``relay`` every session description that passes
names the relay's address, so that :class:`tests.support.relay.LossyRelay` sees the speech.

With ``authority`` it listens for TLS too, on the port after the others; with ``registrar`` it is no registrar itself
but the outbound proxy before that one: it stays in every path, that of registrations included. With ``outbound`` both
do RFC 5626: the proxy keeps each phone's flow and answers STUN, the registrar keeps instance and reg-id. Then there are
no GRUUs, whose Contact would do without the flow.
"""

from pathlib import Path

from tests.support.certs import Authority
from tests.support.kamailioprogram import KamailioProgram
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
tcp_source_ipv4={ip}
{tls_listener}tcp_connection_lifetime=3605
server_signature=yes
mpath="{modules}/"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
{outbound_module}loadmodule "rr.so"
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
loadmodule "path.so"
loadmodule "ctl.so"
{tls_module}modparam("ctl", "binrpc", "unix:{folder}/ctl.sock")
modparam("rr", "enable_full_lr", 1)
modparam("rr", "append_fromtag", 1)
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 5)
modparam("registrar", "method_filtering", 1)
modparam("registrar", "min_expires", 30)
modparam("registrar", "max_expires", 3600)
modparam("registrar", "gruu_enabled", {gruu})
modparam("registrar", "outbound_mode", {outbound})
modparam("registrar", "regid_mode", {outbound})
modparam("registrar", "flow_timer", {flow_timer})
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 0)
modparam("registrar", "received_avp", "$avp(RECEIVED)")
modparam("nathelper", "received_avp", "$avp(RECEIVED)")
modparam("path", "use_received", 1)
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
    if (!sanity_check("17767", "7")) {{ exit; }}
    force_rport();
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (is_method("INVITE|UPDATE|ACK|PRACK") && has_body("application/sdp")) route(MEDIA);
    if (proto==TLS && is_method("INVITE|SUBSCRIBE|REFER|UPDATE")) add_contact_alias();
    if (has_totag()) {{
        if (loose_route()) {{
            handle_ruri_alias();
            if (is_gruu()) lookup("location");
            t_on_reply("MEDIA");
            if (!t_relay()) sl_reply_error();
            exit;
        }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    t_check_trans();
    if (is_method("OPTIONS") && uri==myself && $rU==$null) {{ sl_send_reply("200", "Keepalive"); exit; }}
    route({role});
}}
route[REGISTRAR] {{
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("pbx.test", "$sht(users=>$tU)", "0")) {{ www_challenge("pbx.test", "1"); exit; }}
        if ($tU != $au) {{ sl_send_reply("403", "Forbidden"); exit; }}
        if (proto==TLS) fix_nated_register();
        {service_route}if (!save("location")) sl_reply_error();
        exit;
    }}
    if (from_uri==myself) {{
        if (!pv_proxy_authenticate("pbx.test", "$sht(users=>$fU)", "0")) {{ proxy_challenge("pbx.test", "1"); exit; }}
        consume_credentials();
    }}
    loose_route();
    record_route();
    if (!lookup("location")) {{ sl_send_reply("480", "Temporarily Unavailable"); exit; }}
    t_on_reply("MEDIA");
    if (!t_relay()) sl_reply_error();
}}
route[EDGE] {{
    loose_route();
    if (is_method("REGISTER")) {{ {add_path}(); }} else {{ record_route(); }}
    if ($si + ":" + $sp != "{registrar}") $du = "sip:{registrar}";
    t_on_reply("MEDIA");
    if (!t_relay()) sl_reply_error();
    exit;
}}
route[MEDIA] {{
    {relay_line}
    return;
}}
onreply_route[MEDIA] {{
    if (proto==TLS && is_method("INVITE|SUBSCRIBE|REFER|UPDATE")) add_contact_alias();
    if (has_body("application/sdp")) route(MEDIA);
}}
"""
TLS_MODULE = """\
loadmodule "tls.so"
modparam("tls", "config", "{config}")
"""
TLS_CONFIG = """\
[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
certificate = {certificate}
private_key = {key}
ca_list = {ca}
[client:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
"""
FLOW_TIMER_S = 4
SERVICE_ROUTE = """append_to_reply("Service-Route: <sip:{place};lr>\\r\\n");
        """


class Kamailio(KamailioProgram):
    """A registrar and proxy at ``address``; use as a context manager."""

    def __init__(
        self,
        folder: Path,
        ip: str = SERVER_IP,
        port: int = 5060,
        relay_ip: str | None = None,
        algorithm: str = "MD5",
        nonce_expire: int = 60,
        authority: Authority | None = None,
        registrar: str = "",
        service_route: str = "",
        outbound: bool = False,
    ) -> None:
        """``registrar`` (``ip:port``) makes it an outbound proxy; ``service_route`` is what REGISTER is answered with
        (RFC 3608), as ``ip:port``.
        """
        folder.mkdir(parents=True)
        tls_config = folder / "tls.cfg"
        if authority is not None:
            files = {"certificate": authority.certificate, "key": authority.key, "ca": authority.ca_file}
            tls_config.write_text(TLS_CONFIG.format(**files))
        super().__init__(
            folder,
            CONFIG,
            ip,
            port,
            algorithm=algorithm,
            nonce_expire=nonce_expire,
            role="EDGE" if registrar else "REGISTRAR",
            registrar=registrar or f"{ip}:{port}",
            service_route=SERVICE_ROUTE.format(place=service_route) if service_route else "",
            outbound_module='loadmodule "stun.so"\nloadmodule "outbound.so"\n' if outbound else "",
            outbound=int(outbound),
            gruu=int(not outbound),
            flow_timer=FLOW_TIMER_S if outbound else 0,
            add_path="add_path" if outbound else "add_path_received",
            tls_listener=f"listen=tls:{ip}:{port + 1}\nenable_tls=yes\n" if authority else "",
            tls_module=TLS_MODULE.format(config=tls_config) if authority else "",
            relay_line=f'fix_nated_sdp("2", "{relay_ip}");' if relay_ip else "",
        )
        self.tls_address = f"{ip}:{port + 1}" if authority else ""

    def contacts(self, user: str) -> list[str]:
        """The contact addresses under which a user is registered now."""
        lines = self.rpc("ul.lookup", "location", f"{user}@pbx.test").splitlines()
        if not any(":" in line for line in lines):
            lines = self.rpc("ul.lookup", "location", user).splitlines()
        return [line.split(":", 1)[1].strip() for line in lines if line.strip().startswith("Address:")]

    def address_for(self, transport: str) -> str:
        """Where it listens for a transport."""
        return self.tls_address if transport == "tls" else self.address

    def location(self, user: str) -> str:
        """What it keeps of a user's contacts, in its own words: Path, Received, GRUUs."""
        return self.rpc("ul.lookup", "location", f"{user}@pbx.test") + self.rpc("ul.lookup", "location", user)
