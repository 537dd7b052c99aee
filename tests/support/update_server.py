"""A web server with a folder of updates, by HTTPS, in a thread: it says what there is, and gives the bundles."""

import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.support.certs import Authority, make_authority

OFFER = "latest.json"


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        assert isinstance(self.server, UpdateServer)
        self.server.asked.append(self.path)


class UpdateServer(ThreadingHTTPServer):
    """Use as a context manager. ``folder`` is what it serves; ``asked`` are the paths that were asked for."""

    daemon_threads = True

    def __init__(self, host: str, folder: Path, certificates: Path) -> None:
        self.authority: Authority = make_authority(certificates, f"IP:{host}")
        self.asked: list[str] = []
        self._folder = folder
        super().__init__((host, 0), partial(_Handler, directory=str(folder)))
        self.socket = self.authority.server_context().wrap_socket(self.socket, server_side=True)
        self._thread = Thread(target=self.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it says what there is."""
        host, port = self.server_address[:2]
        return f"https://{host!s}:{port}/{OFFER}"

    def offer(self, version: str, compatible: str, bundle: str) -> None:
        """Say that there is this version, for this kind of machine, in this file of the folder."""
        row = {"version": version, "compatible": [compatible], "bundle": {compatible: bundle}}
        (self._folder / OFFER).write_text(json.dumps(row))

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        self._thread.join(20)
        self.server_close()
