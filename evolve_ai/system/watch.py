"""Notices writes to genomes, gene files, and files that are the same in all agents.

inotify(7) reports them through one descriptor, without a thread; agents without watch are polled.
"""

import errno
import math
import select
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from inotify_simple import INotify, flags

from evolve_ai.model.gene_names import GeneNames
from evolve_ai.model.sandbox import STATE
from evolve_ai.system.agent_folder import Rules, stamp
from evolve_ai.system.genome_file import GENOME

# Events after which a file is complete: it was closed, or renamed into its place.
_WRITTEN = flags.CLOSE_WRITE | flags.MOVED_TO
_REAL = flags.ONLYDIR | flags.DONT_FOLLOW
# What is watched of an agent's folder. An agent writes freely in `state/`, but renames an offer.
_PLACES = (("", _WRITTEN | _REAL), (STATE, flags.MOVED_TO | _REAL))
WATCHES = len(_PLACES) + 2  # per agent: those, the gene folder, and one with the fixed files
_NO_ROOM = frozenset({errno.ENOSPC, errno.ENOMEM})

SETTLE = 0.02  # seconds: editors write in several steps
LOOK_SECONDS = 1.0
_LOOKING_SHARE = 0.05  # the largest share of time spent on polling


class Watcher:
    """Reports agents whose genome or gene files were written. A context manager.

    `genes` says where gene files lie; `generated` are the paths, relative to an agent's folder, of
    files that we write ourselves, `ignored` those that tools write, `fixed` those that nobody
    should write; the system is asked for at most `most` watches.
    """

    def __init__(
        self,
        agents: Path,
        genes: GeneNames,
        generated: Collection[str],
        most: int | None = None,
        fixed: Collection[str] = (),
        ignored: Collection[str] = (),
    ):
        self._agents = agents
        self._genes = genes
        self._generated = frozenset(generated)
        self._ignored = frozenset(ignored)
        self._plan = Rules(genes, dict.fromkeys(fixed, ""), frozenset()).stamp_plan()
        folders = {f"{name.rpartition('/')[0]}/" for name in fixed if "/" in name}
        folders |= {f"{parent}/" for parent in PurePosixPath(genes.folder).parents} - {"./"}
        places = (genes.folder, *sorted(folders - {genes.folder}))
        self._places = (*_PLACES, *((place, _WRITTEN | _REAL) for place in places))
        self._most = most
        self._watches: dict[str, list[int]] = {}
        self._agent_of: dict[int, tuple[str, str]] = {}  # by watch: agent, place in its folder
        self._looked: dict[str, str] = {}  # polled agents, with the stamp seen last
        self._short = False  # whether watches ran out
        self._next_look = 0.0
        self._touched: dict[str, float] = {}
        try:
            self._inotify: INotify | None = INotify() if most != 0 else None
        except OSError:
            self._inotify = None
        self._poll = select.poll()
        if self._inotify is not None:
            self._poll.register(self._inotify, select.POLLIN)

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    @property
    def unwatched(self) -> int:
        """How many agents are polled because the system has no watch for them."""
        return len(self._looked) if self._short else 0

    def follow(self, ids: Iterable[str]) -> None:
        """Watch exactly these agents from now on."""
        wanted = dict.fromkeys(ids)
        for agent in [agent for agent in self._watches if agent not in wanted]:
            self._forget(agent)
        self._touched = {a: at for a, at in self._touched.items() if a in wanted}
        looked, self._looked, self._short = self._looked, {}, False
        for agent in wanted:
            if agent not in self._watches and not self._watch(agent):
                self._looked[agent] = looked.get(agent) or self._stamp(agent)

    def _watch(self, agent: str) -> bool:
        most = self._most or math.inf
        if self._inotify is None or len(self._agent_of) + len(self._places) > most:
            self._short = True
            return False
        folder = self._agents / agent
        made: list[int] = []
        try:
            for place, mask in self._places:
                made.append(self._inotify.add_watch(folder / place, mask))
        except OSError as error:
            self._short |= error.errno in _NO_ROOM
            for watch in made:
                self._remove(watch)
            return False
        for watch, (place, _) in zip(made, self._places, strict=True):
            self._agent_of[watch] = (agent, place)
        self._watches[agent] = made
        return True

    def _forget(self, agent: str) -> None:
        for watch in self._watches.pop(agent):
            if self._agent_of.pop(watch, None) is not None:
                self._remove(watch)

    def _remove(self, watch: int) -> None:
        assert self._inotify is not None
        with suppress(OSError):  # the folder is gone, and its watch with it
            self._inotify.rm_watch(watch)

    def changed(self) -> frozenset[str]:
        """Agents that were written to and then left alone for a moment; each once. Never blocks."""
        self._listen()
        now = time.monotonic()
        if now >= self._next_look and self._looked:
            self._look(now)
        settled = frozenset(a for a, at in self._touched.items() if now - at >= SETTLE)
        for agent in settled:
            del self._touched[agent]
        return settled

    def wake_for(self, handle: int) -> None:
        """Let wait() also end when this descriptor becomes readable."""
        self._poll.register(handle, select.POLLIN)

    def wait(self, seconds: float) -> None:
        """Wait until something is written, an agent is to be reported, or the time is up."""
        if self._touched:
            seconds = min(seconds, SETTLE)
        self._poll.poll(seconds * 1000)

    def _listen(self) -> None:
        if self._inotify is None:
            return
        now = time.monotonic()
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.Q_OVERFLOW:
                self._touched |= dict.fromkeys(self._watches, now)
            elif event.mask & flags.IGNORED:
                self._lose(event.wd)
            elif event.mask & _WRITTEN and event.wd in self._agent_of:
                agent, place = self._agent_of[event.wd]
                if self._counts(event.name, place, event.mask):
                    self._touched[agent] = now

    def _counts(self, name: str, place: str, mask: int) -> bool:
        """True if a write matters. Our own writes are renames from names that begin with a dot."""
        if place == STATE:
            return name == GENOME
        if f"{place}{name}" in self._generated:
            return bool(mask & flags.CLOSE_WRITE)
        if place == self._genes.folder:
            return name.endswith(self._genes.suffix)
        if not place:
            return name not in self._ignored and not name.startswith((".", "agent.log"))
        return not name.startswith(".")

    def _lose(self, watch: int) -> None:
        """Forget an agent whose folder is gone with its watch; the next follow() watches again."""
        known = self._agent_of.pop(watch, None)
        if known is not None and known[0] in self._watches:
            self._forget(known[0])

    def _look(self, now: float) -> None:
        for agent, before in self._looked.items():
            found = self._stamp(agent)
            if found and found != before:
                self._looked[agent] = found
                self._touched[agent] = now
        spent = time.monotonic() - now
        self._next_look = now + max(LOOK_SECONDS, spent / _LOOKING_SHARE)

    def _stamp(self, agent: str) -> str:
        return stamp(self._agents / agent, self._plan)
