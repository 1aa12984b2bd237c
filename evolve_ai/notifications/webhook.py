"""Posts events as JSON to an address, signed and with retries, in the background.

It is imported only for a configured webhook: its HTTP client (urllib3) loads slowly.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import unquote

from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import make_headers, parse_url

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.event import Recorded
from evolve_ai.model.sink_settings import ANY_EVENT
from evolve_ai.notifications.background_sender import BackgroundSender
from evolve_ai.notifications.orchestrator_log import Log

SIGNATURE = "X-Evolve-Signature"  # sha256=<HMAC-SHA256 of the body (RFC 2104), in hex>
TIMESTAMP = "X-Evolve-Timestamp"  # equals `sent` in the body, which the signature covers
_BATCH = 500
_LONGEST_PAUSE = 30.0
# It would log each retry with the address, which may be secret.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)
_WORTH_A_RETRY = frozenset({408, 425, 429, *range(500, 600)})


class Webhook:
    """Posts {"sent": ..., "events": [...]}. Pauses between attempts double, from `first_pause`
    seconds to half a minute. With a `secret` the request is signed.

    Reports never contain the address, since its path is often a secret.
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
        secret: bytes | None = None,
    ):
        self.name = name
        _refuse_no_address(url)
        self._url, self._credentials = _apart(url)
        self._kinds = frozenset(events)
        self._log = log
        self._secret = secret
        self._sender = BackgroundSender(name, self._carry, log, room=room, batch=_BATCH)
        self._retries = _Retries(
            pause=self._sender.pause,
            total=retries,
            connect=retries,
            read=retries,
            other=retries,
            redirect=0,
            status_forcelist=_WORTH_A_RETRY,
            allowed_methods=None,
            backoff_factor=first_pause,
            backoff_max=_LONGEST_PAUSE,
            raise_on_status=False,
            raise_on_redirect=False,
        )
        self._pool = PoolManager(num_pools=1, timeout=Timeout(total=timeout))

    @property
    def dropped(self) -> int:
        return self._sender.dropped

    def deliver(self, events: Sequence[Recorded]) -> None:
        every = ANY_EVENT in self._kinds
        wanted = [event.line() for event in events if every or event.event.kind in self._kinds]
        if wanted:
            self._sender.offer(wanted)

    def close(self) -> None:
        self._sender.close()
        self._pool.clear()

    def _carry(self, lines: Sequence[dict[str, Any]]) -> None:
        sent = datetime.now(UTC).isoformat(timespec="seconds")
        body = json.dumps({"sent": sent, "events": lines}, default=str).encode()
        attempts = self._retries.fresh()
        reason = self._post(body, self._headers(sent, body), attempts)
        if reason is not None:
            self._sender.dropped += len(lines)
            self._log.warning(
                "events not accepted",
                sink=self.name,
                lost=len(lines),
                attempts=attempts.made,
                reason=reason,
            )

    def _headers(self, sent: str, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", TIMESTAMP: sent, **self._credentials}
        if self._secret is not None:
            headers[SIGNATURE] = f"sha256={signature(self._secret, body)}"
        return headers

    def _post(self, body: bytes, headers: dict[str, str], retries: "_Retries") -> str | None:
        """Post with retries; returns why it failed, or None."""
        try:
            answer = self._pool.request(
                "POST", self._url, body=body, headers=headers, retries=retries, redirect=False
            )
        except MaxRetryError as error:
            return _told(error.reason or error)
        except HTTPError as error:
            return _told(error)
        return None if 200 <= answer.status < 300 else f"the answer was {answer.status}"


class _Retries(Retry):
    """Counts attempts, and makes pauses that the end of a run cuts short."""

    def __init__(self, *words: Any, pause: Callable[[float], None], **named: Any):
        super().__init__(*words, **named)
        self._pause = pause
        self._count = [1]

    def fresh(self) -> Self:
        """A copy for another request, with a count of its own."""
        found = self.new()
        found._count = [1]
        return found

    @property
    def made(self) -> int:
        return self._count[0]

    def new(self, **named: Any) -> Self:
        found = super().new(pause=self._pause, **named)
        found._count = self._count
        return found

    def increment(self, *words: Any, **named: Any) -> Self:
        found = super().increment(*words, **named)
        self._count[0] += 1
        return found

    def get_backoff_time(self) -> float:
        """The pause before an attempt. Overridden since urllib3 makes none before the second."""
        failures = len(self.history)
        return float(min(self.backoff_max, self.backoff_factor * 2 ** max(0, failures - 1)))

    def sleep(self, response: Any = None) -> None:
        asked = self.get_retry_after(response) if response is not None else None
        self._pause(min(self.backoff_max, asked or self.get_backoff_time()))


def signature(secret: bytes, body: bytes) -> str:
    """The signature that a receiver must compute and compare (hmac.compare_digest)."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def _told(error: BaseException) -> str:
    """The operating system's message: urllib3's own message contains the address."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OSError):
        return f"{type(cause).__name__}: {cause}"
    return type(error).__name__


def _refuse_no_address(url: str) -> None:
    try:
        parts = parse_url(url)
    except HTTPError as error:
        raise SettingsError("a webhook's url is no address") from error
    if not parts.host:
        raise SettingsError("a webhook's url names no host")
    if parts.port is not None and not 0 <= parts.port < 65536:
        raise SettingsError("a webhook's url is no address: its port is too large")


def _apart(url: str) -> tuple[str, dict[str, str]]:
    """The address without user and password, and the header that carries these (RFC 7617)."""
    parts = parse_url(url)
    if parts.auth is None:
        return url, {}
    return parts._replace(auth=None).url, make_headers(basic_auth=unquote(parts.auth))
