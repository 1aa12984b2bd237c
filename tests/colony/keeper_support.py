"""A keeper with pipes and folders for its agents; whoever lives in them is ended afterwards."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from seen import standing_in

from evolve_ai.colony import journal
from evolve_ai.colony.journal import Journal
from evolve_ai.colony.keeper import Ended, Keeper, KeeperEvent, KeeperGone, Launch
from evolve_ai.colony.programs import Programs
from evolve_ai.colony.spawner import Spawner
from evolve_ai.model.report import Program
from evolve_ai.model.sandbox import Box
from evolve_ai.system.exits import Room
from evolve_ai.system.identity import Identity, identify

LONG = 600
SECONDS = 10.0


def eventually(fact: Callable[[], object], seconds: float = SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class Nursery:
    """A folder with a keeper's own folder and one for all its agents."""

    def __init__(self, root: Path, program: Path):
        self.program = program
        self.folder = root / "keeper"
        self.agents = root / "agents"
        self.agents.mkdir()
        self._opened: list[Keeper | Spawner] = []
        self._pipes: list[int] = []
        self._programs = Programs()

    def open(self, orphan_seconds: int = LONG, patience: float = 5.0) -> Keeper:
        keeper = Keeper.open(self.folder, self.program, orphan_seconds, patience=patience)
        self._opened.append(keeper)
        return keeper

    def spawner(self) -> Spawner:
        spawner = Spawner(self.folder, self.program, LONG)
        self._opened.append(spawner)
        return spawner

    def launch(
        self,
        id: str,
        *arguments: str,
        file: str = "/bin/sleep",
        note: str = "1:0",
        room: Room | None = None,
        box: Box | None = None,
    ) -> Launch:
        paths = [self.agents / f"{id}.{end}" for end in ("in", "out")]
        for path in paths:
            path.unlink(missing_ok=True)
            os.mkfifo(path)
            self._pipes.append(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        return Launch(
            id=id,
            note=note,
            program=self._programs.hold(Program(Path(file))),
            arguments=arguments or ("99",),
            argv0=f"agent-{id}",
            folder=self.agents,
            in_path=paths[0],
            out_path=paths[1],
            log=self.log(id),
            box=box,
            room=room or Room(),
        )

    def shell(self, id: str, script: str, **more: object) -> Launch:
        return self.launch(id, "-c", script, file="/bin/sh", **more)  # type: ignore[arg-type]

    def log(self, id: str) -> Path:
        return self.agents / f"{id}.log"

    @property
    def journal(self) -> Journal:
        return journal.read(self.folder / journal.NAME)

    def living(self) -> set[Identity]:
        """Who stands in the folder of the agents, be it on record or not."""
        return {
            who for one in standing_in(self.agents) if (who := identify(one.pid)) and who.lives()
        }

    def close(self) -> None:
        for handle in self._pipes:
            os.close(handle)
        self._programs.close()
        empty = eventually(self._is_empty)
        # Now: who closes reaps a keeper that has ended.
        for keeper in self._opened:
            keeper.close()
        assert empty, "somebody cannot be ended"

    def _is_empty(self) -> bool:
        """End whoever is still here: the keepers first, so that they do not see the others die."""
        left = [*standing_in(self.folder), *standing_in(self.agents)]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return not left


def told(keeper: Keeper, count: int, seconds: float = SECONDS) -> list[KeeperEvent]:
    """The next so many things that the keeper tells."""
    heard: list[KeeperEvent] = []

    def enough() -> bool:
        keeper.flush()
        heard.extend(keeper.hear())
        return len(heard) >= count

    assert eventually(enough, seconds), f"heard only {heard}"
    return heard


def ends(heard: Sequence[KeeperEvent]) -> list[Ended]:
    return [one for one in heard if isinstance(one, Ended)]


def hangs_up(keeper: Keeper) -> bool:
    """Whether the keeper goes away, soon."""

    def gone() -> bool:
        try:
            keeper.hear()
        except KeeperGone:
            return True
        return False

    return eventually(gone)
