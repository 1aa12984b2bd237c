"""Events, a log that remembers, and a real HTTP server that can be told to misbehave."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evolve_ai.model.event import Event, Kind, Recorded


class MemoryLog:
    """Keeps what was reported."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **facts: Any) -> None:
        self.entries.append((event, facts))

    def named(self, event: str) -> list[dict[str, Any]]:
        return [facts for name, facts in self.entries if name == event]


def recorded(seq: int, kind: Kind = Kind.BIRTH, **data: Any) -> Recorded:
    event = Event(kind, cycle=seq // 10, agent=f"agent-{seq}", data=data)
    return Recorded(seq, "2026-01-01T00:00:00Z", "run-1", event)


def events(first: int, last: int) -> list[Recorded]:
    return [recorded(seq) for seq in range(first, last + 1)]


class Receiver:
    """A server on this machine; `statuses` are answered in turn, then 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.seconds = 0.0
        self.attempts = 0
        self.accepted: list[dict[str, Any]] = []
        self.posts: list[tuple[Mapping[str, str], bytes]] = []
        self.retry_after = ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.attempts += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append((dict(self.headers), body))
                time.sleep(receiver.seconds)
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                if status == 200:
                    receiver.accepted += json.loads(body)["events"]
                self.send_response(status)
                if receiver.retry_after:
                    self.send_header("Retry-After", receiver.retry_after)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}/secret-path"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
