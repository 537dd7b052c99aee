"""Config from a server on this machine: refused when bad, kept when it registers, rolled back when it does not."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.e2e.conftest import MakePhone
from tests.support.kamailio import Kamailio
from tests.support.netns import SERVER_IP
from tests.support.phone import Phone, account, config

pytestmark = pytest.mark.peer


class ConfigServer:
    """Serves one text at /phone.yaml, with an ETag; ``fetched`` counts whole answers."""

    def __init__(self) -> None:
        self.text = ""
        self.fetched = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tag = f'"{hash(server.text)}"'
                if self.headers.get("If-None-Match") == tag:
                    self.send_response(304)
                    self.end_headers()
                    return
                body = server.text.encode()
                self.send_response(200)
                self.send_header("ETag", tag)
                self.send_header("Content-Type", "application/yaml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                server.fetched += 1

            def log_message(self, format: str, *args: object) -> None:
                """Be quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/phone.yaml"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """End it."""
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(5)


@pytest.fixture
def server() -> Iterator[ConfigServer]:
    """A server of config files."""
    server = ConfigServer()
    yield server
    server.close()


def start(make_phone: MakePhone, registrar: Kamailio, server: ConfigServer) -> Phone:
    """A phone whose own file names the server."""
    more = f"serial: local\nprovisioning: {{url: '{server.url}', interval: 10s, keep_window_s: 6}}\n"
    return make_phone(config(account(registrar.address), more=more))


def test_a_bad_file_is_refused_with_its_faults(
    registrar: Kamailio, make_phone: MakePhone, server: ConfigServer
) -> None:
    server.text = "country: NO\nserial: bad\nacounts: []\n"
    phone = start(make_phone, registrar, server)
    phone.wait_registered()
    phone.child.wait_until(lambda: "acounts" in phone.log(), "line about the fault", 30)
    line = next(line for line in phone.log().splitlines() if "acounts" in line)
    assert "3:1" in line
    assert "accounts" in line.replace("acounts", "")
    assert phone.status()["config"]["serial"] == "local"
    phone.lift()
    phone.wait_for("tone", name="dial")


def test_a_good_file_is_taken_and_kept_over_a_restart(
    registrar: Kamailio, make_phone: MakePhone, server: ConfigServer
) -> None:
    server.text = config(account(registrar.address, user="1002"), more="serial: second\n")
    phone = start(make_phone, registrar, server)
    phone.wait_status(lambda status: status["config"]["serial"] == "second", "the new config", 30)
    phone.child.wait_until(lambda: bool(registrar.contacts("1002")), "registration of the new user")
    phone.child.wait_for_output("config second: kept")
    assert phone.terminate() == 0
    text = phone.config.read_text()
    again = make_phone(text, name="again", state_dir=phone.state_dir)
    assert again.status()["config"]["serial"] == "second"


def test_a_file_that_cannot_register_is_rolled_back(
    registrar: Kamailio, make_phone: MakePhone, server: ConfigServer
) -> None:
    server.text = config(account(f"{SERVER_IP}:5999"), more="serial: lost\n")
    phone = start(make_phone, registrar, server)
    phone.wait_status(lambda status: status["config"]["serial"] == "lost", "trial of the new config", 30)
    phone.wait_status(lambda status: status["config"]["serial"] == "local", "return of the last good one", 30)
    phone.wait_registered()
    assert registrar.contacts("1001")


def test_a_new_file_waits_until_the_phone_is_idle(
    registrar: Kamailio, make_phone: MakePhone, server: ConfigServer
) -> None:
    server.text = config(account(registrar.address, user="1002"), more="serial: second\n")
    more = f"serial: local\nprovisioning: {{url: '{server.url}', interval: 10s, keep_window_s: 6}}\n"
    phone = make_phone(config(account(registrar.address), more=more))
    phone.lift()
    phone.child.wait_until(lambda: server.fetched > 0, "fetch", 30)
    time.sleep(1)
    assert phone.status()["config"]["serial"] == "local"
    phone.hang_up()
    phone.wait_status(lambda status: status["config"]["serial"] == "second", "the new config", 30)
