"""A token endpoint in memory, to test the load's sign-in with: it believes one key, and counts what it gave out.

It stands for any authorization server, so it shares no code with ours.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.errors import JoseError


class Endpoint(ThreadingHTTPServer):
    """`seconds` is how long its tokens last; `claims` are those of the assertions that it took."""

    daemon_threads = True

    def __init__(self, key, seconds):
        super().__init__(("127.0.0.1", 0), Handler)
        self.key = key
        self.seconds = seconds
        self.claims = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/auth/token"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        try:
            claims = jwt.decode(form["client_assertion"][0], self.server.key, algorithms=["ES384"]).claims
        except JoseError as fault:
            self._answer(401, {"error": "invalid_client", "error_description": str(fault)})
            return
        self.server.claims.append({**claims, "scope": form["scope"][0], "grant_type": form["grant_type"][0]})
        token = f"token-{len(self.server.claims)}"
        self._answer(200, {"access_token": token, "token_type": "bearer", "expires_in": self.server.seconds})

    def _answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def token_endpoint(key, seconds=300):
    server = Endpoint(key, seconds)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
