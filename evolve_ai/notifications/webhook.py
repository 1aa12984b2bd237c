"""Owns the webhook: events posted as JSON to an address, with retries, apart from the cycle."""

import json
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.event import Recorded
from evolve_ai.model.settings import ANY_EVENT
from evolve_ai.notifications.courier import Courier
from evolve_ai.notifications.orchestrator_log import Log

_BATCH = 500
_LONGEST_PAUSE = 30.0
_WORTH_A_RETRY = (408, 425, 429)


class Webhook:
    """Posts {"events": [...]}; pauses double from `first_pause` seconds to half a minute.

    The address never shows in reports: its path often is a secret.
    """

    def __init__(
        self,
        url: str,
        events: Sequence[str],
        log: Log,
        *,
        timeout: float,
        retries: int,
        name: str = "webhook",
        first_pause: float = 0.5,
        room: int = 10_000,
    ):
        self.name = name
        self._address, self._path = _split(url)
        self._connection = HTTPSConnection if url.startswith("https:") else HTTPConnection
        self._kinds = frozenset(events)
        self._log = log
        self._timeout, self._retries, self._first_pause = timeout, retries, first_pause
        self._courier = Courier(name, self._carry, log, room=room, batch=_BATCH)

    @property
    def dropped(self) -> int:
        return self._courier.dropped

    def deliver(self, events: Sequence[Recorded]) -> None:
        every = ANY_EVENT in self._kinds
        wanted = [event.line() for event in events if every or event.event.kind in self._kinds]
        if wanted:
            self._courier.offer(wanted)

    def close(self) -> None:
        self._courier.close()

    def _carry(self, lines: Sequence[dict[str, Any]]) -> None:
        body = json.dumps({"events": lines}, default=str).encode()
        for attempt in range(self._retries + 1):
            reason, worth_a_retry = self._post(body)
            if reason is None:
                return
            if not worth_a_retry:
                break
            if attempt < self._retries:
                self._courier.pause(min(_LONGEST_PAUSE, self._first_pause * 2**attempt))
        self._courier.dropped += len(lines)
        self._log.warning(
            "events not accepted",
            sink=self.name,
            lost=len(lines),
            attempts=attempt + 1,
            reason=reason,
        )

    def _post(self, body: bytes) -> tuple[str | None, bool]:
        """Why it failed, or None; and whether another attempt may succeed."""
        connection = self._connection(*self._address, timeout=self._timeout)
        try:
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            return f"{type(error).__name__}: {error}", True
        finally:
            connection.close()
        if 200 <= status < 300:
            return None, False
        return f"the answer was {status}", status >= 500 or status in _WORTH_A_RETRY


def _split(url: str) -> tuple[tuple[str, int | None], str]:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"a webhook's url is no address: {error}") from error
    if not host:
        raise SettingsError("a webhook's url names no host")
    path = parts.path or "/"
    return (host, port), f"{path}?{parts.query}" if parts.query else path
