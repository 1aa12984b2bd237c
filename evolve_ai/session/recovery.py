"""Restores a lost or damaged registry from its copy, and says what was lost."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evolve_ai.model.cycle import Cycle, Summary
from evolve_ai.model.errors import RegistryError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.tally import NO_HISTORY
from evolve_ai.notifications.event_log import EventLog
from evolve_ai.state.copies import Copies, Mended, Trouble, damage
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.state.traces import MENDS, agents_left, missing
from evolve_ai.system.genome_file import GENOME
from evolve_ai.system.project import Project

# More epochs than any run can have used since the copy: agents recognise old frames by the epoch.
_EPOCHS = 1000
SET_BACK = Trouble(
    "set back", "a power cut, or an older file in its place: the event log knows more"
)
LOST = Trouble("lost", "neither it nor a copy of it was there")
_NAMED = 100  # agents that the event names at most
_TAIL = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Lost:
    """What the copy lacks: the last cycle, the last event, and agents whose folders exist."""

    cycle: int
    seq: int
    strangers: tuple[str, ...]


def open_registry(
    project: Project, mends: bool = False, makes: bool = False, anew: bool = False
) -> Registry:
    """Open the registry for writing.

    If it is missing, damaged, or behind its copy, `mends` restores it from the copy; otherwise that
    is a RegistryError. If there never was one, `makes` creates it, and its events are numbered from
    the end of the log; `anew` creates one even if the old registry is lost for good.
    """
    copies = Copies(project.registry)
    mended = copies.mend() if mends else None
    if not mends:
        _refuse_to_replace(project, copies)
    fresh = not project.registry.exists()
    orphaned = fresh and bool(agents_left(project.registry))
    if orphaned and not anew:
        raise missing(project.registry)
    registry = Registry.create(project.registry)
    try:
        if mended is not None:
            _go_on(project, registry, mended)
        elif orphaned:  # agents to be imported have lived in the lost history
            _go_on(project, registry, Mended(LOST, None, ""), strangers=False)
        elif fresh:
            _begin_after(registry, _log_of(project).last_seq())
        elif registry.last_seq() < _log_of(project).last_seq():
            _go_on(project, registry, Mended(SET_BACK, None, ""))
    except BaseException:
        registry.close()
        raise
    return registry


def _begin_after(registry: Registry, seq: int) -> None:
    """Begin a history. If the log of an earlier one exists, its event numbers are not reused."""
    registry.skip_events(seq)
    if seq:
        add_news(
            registry, f"a new history begins; its events begin at {seq + 1}, after those in the log"
        )


def refuse_lost(project: Project) -> None:
    """RegistryError where the registry is gone, or must first be restored from its copy."""
    if not project.registry.exists() and agents_left(project.registry):
        raise missing(project.registry)
    _refuse_to_replace(project, Copies(project.registry))


def _refuse_to_replace(project: Project, copies: Copies, anew: bool = False) -> None:
    trouble = copies.trouble()
    if trouble is not None and not (anew and damage(copies.path) is not None):
        raise RegistryError(f"the registry is {trouble}", where=project.registry, todo=MENDS)


def _log_of(project: Project) -> EventLog:
    events, path = project.settings.events, project.logs / "events.jsonl"
    return EventLog(path, events.file_bytes, events.files, mark=project.delivered)


def _go_on(project: Project, registry: Registry, mended: Mended, *, strangers: bool = True) -> None:
    """Continue after a loss. Numbers of lost cycles and events are skipped: none occurs twice."""
    last = registry.last_cycle() or Cycle(0, NO_HISTORY, Summary())
    copied = last.number
    lost = _lost(project, registry)
    if not strangers:
        lost = replace(lost, strangers=())
    now = max(copied, lost.cycle)
    reason = _reason(mended, copied, lost)
    registry.skip_events(lost.seq)
    data = {
        "command": "restore",
        "reason": str(mended.trouble),
        "copied": mended.copied or None,
        "aside": mended.aside.name if mended.aside else None,
        "lost_cycles": now - copied,
        "strangers": list(lost.strangers[:_NAMED]),
    }
    state = registry.state
    registry.commit(
        Batch(
            state=replace(state, news=reason, adrift=reason, epoch=state.epoch + _EPOCHS),
            events=(Event(Kind.COMMAND, now, None, data),),
            cycle=replace(last, number=now) if now else None,
        ),
        run="",
    )


def add_news(registry: Registry, news: str) -> None:
    """Leave news for the user of the next life-cycle, which may be this one."""
    known = registry.state.news
    news = f"{known}; {news}" if known else news
    registry.commit(Batch(state=replace(registry.state, news=news)), run="")


def take_news(registry: Registry) -> tuple[str, ...]:
    """The news for the user, which are then forgotten."""
    news = registry.state.news
    if news is None:
        return ()
    registry.commit(Batch(state=replace(registry.state, news=None)), run="")
    return (news,)


def _lost(project: Project, registry: Registry) -> _Lost:
    seq, known = _log_of(project).last_seq(), registry.last_seq()
    # One more cycle may have been committed without reaching the log.
    cycle = _last_cycle(project.logs / "events.jsonl") + 1 if seq > known else 0
    folders = sorted(genome.parent.name for genome in project.agents.glob(f"*/{GENOME}"))
    return _Lost(cycle, seq, tuple(name for name in folders if not registry.knows(name)))


def _last_cycle(log: Path) -> int:
    """The cycle in the last line of the event log; 0 without a log."""
    if not log.exists():
        return 0
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        lines = file.read().splitlines()
    event: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return int(event.get("cycle", 0))


def _reason(mended: Mended, copied: int, lost: _Lost) -> str:
    words = f"the registry was {mended.trouble} and "
    if mended.copied:
        words += f"is restored from the copy of {mended.copied}, cycle {copied}"
    else:
        words += f"continues from its cycle {copied}"
    if lost.cycle > copied:
        words += f"; what happened after it, up to cycle {lost.cycle}, is lost"
    if lost.strangers:
        named = ", ".join(name[:13] for name in lost.strangers[:5])
        more = " …" if len(lost.strangers) > 5 else ""
        words += f"; agents born since are left in their folders ({named}{more})"
    return f"{words}; what was there is {mended.aside.name}" if mended.aside else words
