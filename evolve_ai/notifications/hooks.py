"""Calls hooks (the user's own Python callables) for events of the kinds that they want."""

import importlib
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from evolve_ai.model.errors import PluginError
from evolve_ai.model.event import Recorded
from evolve_ai.model.sink_settings import ANY_EVENT, EVENT_NAMES
from evolve_ai.notifications.background_sender import BackgroundSender
from evolve_ai.notifications.orchestrator_log import Log
from evolve_ai.system.guard import Guard, same_folder
from evolve_ai.system.plugin_output import bound_log, plugin_speaks

Hook = Callable[[dict[str, Any]], object]
GROUP = "evolve_ai.hooks"


class Hooks:
    """Calls each hook in a thread of its own, so that a slow one delays no other."""

    name = "hooks"

    def __init__(self, hooks: Mapping[str, Sequence[Hook]], log: Log, *, room: int = 10_000):
        self._senders = [
            (kind, BackgroundSender(f"hook {_title(hook)}", _caller(hook, log), log, room=room))
            for kind, several in hooks.items()
            for hook in several
        ]

    @property
    def dropped(self) -> int:
        return sum(sender.dropped for _, sender in self._senders)

    def deliver(self, events: Sequence[Recorded]) -> None:
        for kind, sender in self._senders:
            wanted = [event for event in events if kind in (ANY_EVENT, event.event.kind)]
            if wanted:
                sender.offer(wanted)

    def close(self) -> None:
        for _, sender in self._senders:
            sender.finish()
        for _, sender in self._senders:
            sender.close()

    def lost(self) -> tuple[str, ...]:
        """A sentence about each hook that had not got all its events at the end."""
        return tuple(
            not_delivered(sender.name, sender.dropped, (e.event.kind for e in sender.left))
            for _, sender in self._senders
            if sender.dropped
        )


def not_delivered(name: str, count: int, kinds: Iterable[str]) -> str:
    """How many events were not delivered, and the kinds of those that were left at the end."""
    counted = Counter(map(str, kinds)).most_common()
    told = ", ".join(f"{number} {kind}" for kind, number in counted)
    return f"{name}: {count} events not delivered{f' ({told})' if told else ''}"


def load_hooks(
    names: Mapping[str, Iterable[str]], root: Path, seconds: float = 60.0
) -> dict[str, tuple[Hook, ...]]:
    """Import hooks by dotted name, and hooks of installed packages; returned by kind of event.

    Each import may take so many `seconds`. Raises PluginError for a name without a callable;
    `root` is the project's folder.
    """
    found: dict[str, list[Hook]] = {}
    for kind, several in names.items():
        found.setdefault(kind, []).extend(_import(name, kind, root, seconds) for name in several)
    for entry in metadata.entry_points(group=GROUP):
        kind = entry.name.partition(".")[0]
        kind = ANY_EVENT if kind == "all" else kind
        if kind not in EVENT_NAMES:
            raise PluginError(
                f"the entry point {entry.name!r} ({entry.value}) begins with no kind of event"
            )
        found.setdefault(kind, []).append(_import(entry.value, kind, root, seconds))
    return {kind: tuple(hooks) for kind, hooks in found.items() if hooks}


def _import(name: str, kind: str, root: Path, seconds: float) -> Hook:
    module, _, attribute = name.partition(":")
    hook: Any = Guard(f"hook for {kind!r}", name, seconds, root).call(
        "import", lambda: getattr(importlib.import_module(module), attribute), lambda made: made
    )
    if not callable(hook):
        raise PluginError(f"the hook {name!r} for {kind!r} cannot be called")
    called: Hook = hook
    return called


def _caller(hook: Hook, log: Log) -> Callable[[Sequence[Recorded]], None]:
    def call(events: Sequence[Recorded]) -> None:
        for event in events:
            try:
                with plugin_speaks(), same_folder():
                    hook(event.line())
            except BaseException:  # even SystemExit: a hook must not end a cycle
                log.warning("hook raised", hook=_title(hook), seq=event.seq, trace=_trace())
            bound_log()

    return call


def _trace() -> str:
    try:
        return traceback.format_exc(limit=-3)
    except BaseException:  # printing an exception of the user's class may raise, too
        return "an exception that cannot be shown"


def _title(hook: Hook) -> str:
    try:
        return f"{getattr(hook, '__module__', '')}:{getattr(hook, '__qualname__', repr(hook))}"
    except BaseException:
        return f"an object of {type(hook).__name__}"
