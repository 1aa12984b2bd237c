"""Delivers committed events to all sinks; a failing sink does no harm to a cycle."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

from evolve_ai.contracts.sink import Sink
from evolve_ai.model.errors import SettingsError
from evolve_ai.model.event import Recorded
from evolve_ai.model.settings import Settings
from evolve_ai.model.sink_settings import webhooks_of
from evolve_ai.notifications.event_log import EventLog
from evolve_ai.notifications.hooks import Hooks, load_hooks
from evolve_ai.notifications.orchestrator_log import Log, open_log
from evolve_ai.notifications.webhook_check import usable_secret


class Notifier:
    """A sink that hands events to other sinks, and reports their first failure and recovery."""

    name = "notifier"

    def __init__(self, sinks: Sequence[Sink], log: Log):
        self.sinks = tuple(sinks)
        self.log = log
        self.failures = dict.fromkeys((sink.name for sink in self.sinks), 0)

    def deliver(self, events: Sequence[Recorded]) -> None:
        for sink in self.sinks:
            try:
                sink.deliver(events)
            except Exception as error:
                self._failed(sink, error)
            else:
                self._succeeded(sink)

    def close(self) -> None:
        """Close all sinks in parallel, so that their times to flush do not add up."""
        with ThreadPoolExecutor(max(1, len(self.sinks))) as threads:
            list(threads.map(self._close, self.sinks))

    def join(self, sinks: Sequence[Sink]) -> None:
        """Deliver to these sinks, too, from now on."""
        self.sinks = (*self.sinks, *sinks)
        self.failures |= dict.fromkeys((sink.name for sink in sinks), 0)

    def lost(self) -> tuple[str, ...]:
        """Lines about events that hooks and webhooks did not get; complete after close()."""
        told = [line for sink in self.sinks for line in getattr(sink, "lost", tuple)()]
        for sink in self.sinks:
            dropped = getattr(sink, "dropped", 0)
            if dropped and not hasattr(sink, "lost"):
                told.append(f"{sink.name}: {dropped} events not delivered")
        return tuple(told)

    def _close(self, sink: Sink) -> None:
        try:
            sink.close()
        except Exception as error:
            self.log.warning("sink did not close", sink=sink.name, reason=str(error))

    def _failed(self, sink: Sink, error: Exception) -> None:
        self.failures[sink.name] += 1
        if self.failures[sink.name] == 1:
            self.log.warning(
                "sink fails", sink=sink.name, kind=type(error).__name__, reason=str(error)
            )

    def _succeeded(self, sink: Sink) -> None:
        if self.failures[sink.name]:
            self.log.warning("sink works again", sink=sink.name, failures=self.failures[sink.name])
            self.failures[sink.name] = 0


def open_notifier(
    settings: Settings,
    logs: Path,
    missed: Callable[[int], Iterable[Recorded]] | None = None,
    more: Sequence[Sink] = (),
    mark: Path | None = None,
) -> Notifier:
    """The notifier of these settings: event log, hooks, webhooks, and `more` sinks.

    `missed(seq)` gives the committed events after that one, in order: the event log takes from it
    what it missed in a crash or on a full disk. `mark` is the file for its last delivered event.
    Raises PluginError for a hook that cannot be imported.
    """
    log = open_log(logs)
    sinks: list[Sink] = [
        EventLog(
            logs / "events.jsonl", settings.events.file_bytes, settings.events.files, missed, mark
        )
    ]
    hooks = load_hooks(settings.hooks, logs.parent, settings.plugins.timeout)
    if hooks:
        sinks.append(Hooks(hooks, log))
    return Notifier([*sinks, *_webhooks(settings, logs.parent, log), *more], log)


def _webhooks(settings: Settings, root: Path, log: Log) -> Iterator[Sink]:
    """The webhooks that can post. One without a usable secret or encryption is left out: a run is
    refused for it at the beginning, but stopping agents must still work."""
    found = webhooks_of(settings.sinks)
    if not found:
        return
    made = import_module("evolve_ai.notifications.webhook").Webhook
    for at, webhook in enumerate(found):
        name = f"webhook {at + 1}"
        try:
            secret = usable_secret(webhook, root)
        except SettingsError as error:
            log.warning("webhook posts nothing", sink=name, reason=str(error))
            continue
        yield made(
            webhook.url,
            webhook.events,
            log,
            timeout=webhook.timeout,
            retries=webhook.retries,
            name=name,
            secret=secret,
        )
