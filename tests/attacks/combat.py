"""How an arena is run: victims and attackers in one supervisor, by one user; what came of it."""

import ctypes
import multiprocessing
import os
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

from arena import Arena, Entry, Mode
from arena_looks import children, look_at_process, what_the_kernel_keeps
from attack_support import TREASURE, Seen
from attack_words import (
    DESCRIPTORS,
    EVERYTHING,
    FILE_BYTES,
    MEMORY_BYTES,
    STATE_BYTES,
    STATE_FILES,
    THREADS_COUNTED,
)
from seen import working_in
from users import become_ordinary, give_to_ordinary

from evolve_ai.colony.namespaces import around_keeper
from evolve_ai.colony.supervisor import Supervisor
from evolve_ai.model.agent import Fault
from evolve_ai.model.colony import Deadlines, Start, Started
from evolve_ai.model.report import Program
from evolve_ai.model.sandbox import AgentBox, Box, Level, Protection
from evolve_ai.model.world import Percept
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.system.bubblewrap import installed
from evolve_ai.system.exits import Room
from evolve_ai.system.trees import remove_tree

LIBRARIES = tuple(Path(path) for path in RustSubstrate.needs.libraries)
PATIENT = Deadlines(cpu=10.0, wall=20.0, ready_cpu=10.0, ready_wall=20.0, late=0.5, stop=2.0)
ROOM = Room(file_bytes=FILE_BYTES, memory_bytes=MEMORY_BYTES, descriptors=DESCRIPTORS)
SWEEP_SECONDS = 5.0
ROUND_SECONDS = 120.0
ANSWERS = Percept((1.0,), (), 0)
TIDY_SECONDS = 10.0
IPC_RMID = 0


def fight(
    level: Level, entries: Sequence[Entry], keeper: Path, attacker: Path, *, as_ordinary: bool
) -> Mapping[str, Seen]:
    """What was seen of each attacker, by id; with `as_ordinary` all of it is done by that user.

    In a process of its own: a user cannot be changed back.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    with _ground(keeper, attacker, as_ordinary) as root:
        child = context.Process(target=_fight, args=(theirs, level, entries, root, as_ordinary))
        child.start()
        theirs.close()
        try:
            told = ours.recv() if ours.poll(ROUND_SECONDS) else "it has not ended in time"
        except EOFError:
            told = "it ended without a word"
        finally:
            child.join(TIDY_SECONDS)
            child.kill()
            child.join()
            ours.close()
    if isinstance(told, str):
        raise RuntimeError(told)
    return told


@contextmanager
def _ground(keeper: Path, attacker: Path, as_ordinary: bool) -> Iterator[Path]:
    """A folder that this user can reach: those of the tests are closed to others."""
    root = Path(tempfile.mkdtemp(prefix="evolve-attacks-", dir="/tmp"))
    try:
        root.chmod(0o755)
        for program, name in ((keeper, "evolve-keeper"), (attacker, "attacker")):
            shutil.copy(program, root / name)
        if as_ordinary:
            shutil.copy(attacker, root / "set-user-id")
            (root / "set-user-id").chmod(0o4755)
            give_to_ordinary(root)
        yield root
    finally:
        left = working_in(root)
        for process in left:
            process.kill()
        remove_tree(root)
        assert not left, f"attackers left behind: {left}"


def _fight(
    told: Connection, level: Level, entries: Sequence[Entry], root: Path, as_ordinary: bool
) -> None:
    if as_ordinary:
        become_ordinary()
    arena = Arena(root, root / "attacker", entries)
    os.environ["SECRET"] = arena.secret
    try:
        told.send(_Round(arena, level, root / "evolve-keeper").run())
    except BaseException:
        told.send(traceback.format_exc())
    finally:
        arena.close()


class _Round:
    """Everybody is started; all attack in one tick; those who live are looked at, and swept."""

    def __init__(self, arena: Arena, level: Level, keeper: Path):
        self.arena = arena
        self.level = level
        self.keeper = keeper
        self.faults: dict[str, Fault] = {}
        self.seen = {entry.id: self._unseen(entry) for entry in arena.entries}

    def _unseen(self, entry: Entry) -> Seen:
        return Seen(entry.id, self.arena.names[entry.id], self.arena.secret)

    def run(self) -> Mapping[str, Seen]:
        victims = [entry for entry in self.arena.entries if entry.cell.needs_victim]
        try:
            with self._supervisor() as supervisor:
                self._start(supervisor, [self._victim(entry) for entry in victims])
                pids = supervisor.running()
                for entry in victims:
                    self._name_victim(entry, pids[entry.victim])
                self._start(supervisor, [self._attacker(entry) for entry in self.arena.entries])
                self._attack(supervisor, pids)
                self._sweep(supervisor)
                self._listen_to_victims(supervisor)
        finally:
            self._tidy_up()
        return self.seen

    def _start(self, supervisor: Supervisor, starts: Sequence[Start]) -> None:
        outcomes = supervisor.start(starts)
        failed = {id: one for id, one in outcomes.items() if not isinstance(one, Started)}
        assert not failed, f"not started: {failed}"

    def _victim(self, entry: Entry) -> Start:
        return _start_of(entry.victim, self.arena, self.arena.attacker, ("victim", TREASURE))

    def _attacker(self, entry: Entry) -> Start:
        names = self.arena.names[entry.id]
        words = [word.format(**names) for word in entry.cell.words.split()]
        return _start_of(entry.id, self.arena, self.arena.program(entry), words)

    def _name_victim(self, entry: Entry, pid: int) -> None:
        log = self._log(entry.victim)
        pipes = self.arena.workspace / "colony/pipes"
        self.arena.names[entry.id] |= {
            "victim": str(pid),
            "victim_address": log.partition("address: ")[2].split()[0],
            "victim_pipe": str(pipes / f"{entry.victim}.out"),
            "victim_out": f"/proc/{pid}/fd/4",
        }

    def _attack(self, supervisor: Supervisor, victims: Mapping[str, int]) -> None:
        for entry in self.arena.entries:
            self.seen[entry.id].before = self.arena.signatures(entry, victims.get(entry.victim))
        percepts = {entry.id: ANSWERS for entry in self.arena.entries}
        exchange = supervisor.exchange(percepts, tick=0, cycle=0)
        self.faults |= exchange.faults
        self.faults |= supervisor.reap()
        living, kept, born = supervisor.running(), what_the_kernel_keeps(), children()
        for entry in self.arena.entries:
            seen = self.seen[entry.id]
            seen.answered = entry.id in exchange.acts
            seen.victim_answered = entry.victim in exchange.acts
            seen.after = self.arena.signatures(entry, victims.get(entry.victim))
            seen.log, seen.log_bytes = self._log(entry.id), self._log_path(entry.id).stat().st_size
            seen.reached, seen.system_keys = self.arena.reached(entry), kept
            if entry.id in living:
                look_at_process(seen, living[entry.id])
                seen.children += born[living[entry.id]]

    def _sweep(self, supervisor: Supervisor) -> None:
        """Until all have been ended that are ended by a sweep."""
        held = (entry for entry in self.arena.entries if entry.mode is Mode.HELD)
        due = {entry.id for entry in held if entry.cell.name.startswith("many_")}
        deadline = time.monotonic() + SWEEP_SECONDS
        while due - self.faults.keys() and time.monotonic() < deadline:
            supervisor.sample()
            self.faults |= supervisor.reap()
            time.sleep(0.05)

    def _listen_to_victims(self, supervisor: Supervisor) -> None:
        living = supervisor.running()
        victims = {e.victim: ANSWERS for e in self.arena.entries if e.victim in living}
        exchange = supervisor.exchange(victims, tick=1, cycle=0)
        self.faults |= exchange.faults
        for entry in self.arena.entries:
            seen = self.seen[entry.id]
            seen.fault = self.faults.get(entry.id)
            if entry.cell.needs_victim:
                seen.victim_log = self._log(entry.victim)
                seen.victim_fault = self.faults.get(entry.victim)

    def _log_path(self, id: str) -> Path:
        return self.arena.agents / id / "agent.log"

    def _log(self, id: str) -> str:
        with suppress(OSError), self._log_path(id).open(errors="replace") as log:
            return log.read(1 << 16)
        return ""

    def _tidy_up(self) -> None:
        """What outlives processes in the kernel, where a lifted protection has let it be made."""
        libc = ctypes.CDLL(None)
        for names in self.arena.names.values():
            segment = libc.shmget(int(names["key_number"]), 0, 0)
            if segment >= 0:
                libc.shmctl(segment, IPC_RMID, None)
            libc.mq_unlink(f"/{names['queue']}".encode())

    def _supervisor(self) -> Supervisor:
        lifted = {entry.id: entry.off for entry in self.arena.entries}
        room = {"state_files": STATE_FILES, "state_bytes": STATE_BYTES}
        threads = {entry.id: entry.cell.threads for entry in self.arena.entries}
        box = UnequalBox(LIBRARIES, THREADS_COUNTED, **room, lifted_of=lifted, threads_of=threads)
        folder = self.arena.workspace / "colony"
        folder.mkdir(parents=True)
        around: tuple[str, ...] = ()
        if self.level is Level.FULL:
            bwrap = installed()
            assert bwrap is not None
            around = around_keeper(bwrap, self.keeper, folder, (self.arena.agents,), LIBRARIES)
        return Supervisor(
            folder, self.keeper, epoch=1, box=box, limits=PATIENT, room=ROOM, around=around
        )


def _start_of(id: str, arena: Arena, file: Path, words: Iterable[str]) -> Start:
    return Start(
        id=id,
        folder=arena.agents / id,
        program=Program(file, tuple(words)),
        seed=7,
        genome=b"g",
        state=None,
        pool=[],
        tick=0,
    )


@dataclass(frozen=True)
class UnequalBox(AgentBox):
    """A box of which each agent has something else lifted; none where that is everything."""

    lifted_of: Mapping[str, frozenset[Protection]] = field(default_factory=dict)
    threads_of: Mapping[str, int] = field(default_factory=dict)

    def of(self, folder: Path) -> Box | None:  # type: ignore[override]
        lifted = self.lifted_of.get(folder.name, frozenset())
        if lifted == EVERYTHING:
            return None
        threads = self.threads_of.get(folder.name, 1)
        return replace(AgentBox.of(self, folder), lifted=lifted, threads=threads)
