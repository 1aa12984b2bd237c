"""Hands events to a user's own sink in a thread, so that it cannot hold up a cycle."""

from collections.abc import Sequence

from evolve_ai.contracts.sink import Sink
from evolve_ai.model.event import Recorded
from evolve_ai.notifications.background_sender import BackgroundSender
from evolve_ai.notifications.orchestrator_log import Log
from evolve_ai.system.plugin_output import plugin_speaks

_BATCH = 1000


class OwnSink:
    """Satisfies contracts.sink.Sink, around a sink that may fail in any way."""

    def __init__(self, name: str, inner: Sink, log: Log, *, room: int = 10_000):
        self.name = name
        self._inner = inner
        self._log = log
        self._sender = BackgroundSender(f"sink {name}", self._carry, log, room=room, batch=_BATCH)

    @property
    def dropped(self) -> int:
        return self._sender.dropped

    def deliver(self, events: Sequence[Recorded]) -> None:
        self._sender.offer(events)

    def close(self) -> None:
        self._sender.close()
        try:
            with plugin_speaks():
                self._inner.close()
        except BaseException as error:  # even SystemExit
            self._log.warning("sink did not close", sink=self.name, reason=repr(error))

    def _carry(self, events: Sequence[Recorded]) -> None:
        with plugin_speaks():
            self._inner.deliver(events)
