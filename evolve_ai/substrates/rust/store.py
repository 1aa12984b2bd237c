"""Owns the program store: what was built, found by what it is made of, never run unless intact."""

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve_ai.model.report import Program
from evolve_ai.substrates.rust.area import MAX_PROGRAM, ROWS_PREFIX
from evolve_ai.substrates.rust.plan import Gene, Wiring
from evolve_ai.system.files import (
    discard,
    publish,
    read_regular,
    storage_errors,
    sync_folder,
    tree_size,
)

PROGRAM = "program"
INDEX = "index.json"
_FORMAT = 3
_MAX_BYTES = 2**40


@dataclass(frozen=True, slots=True)
class Batch:
    """A binary, the crates that it was linked from (kernel and units), and the row of each gene
    in its table."""

    name: str
    digest: str  # SHA-256 of the binary
    units: frozenset[str]
    rows: Mapping[Gene, int]

    def arguments(self, wiring: Wiring) -> tuple[str, ...] | None:
        """How to run this wiring; None if the batch lacks something that it needs."""
        if not wiring.needs <= self.units:
            return None
        try:
            rows = [str(self.rows[gene]) for gene in wiring.genes()]
        except KeyError:
            return None
        return (ROWS_PREFIX + ".".join(rows),)


class ProgramStore:
    """Batches in folders of their own: one binary, one index of what it holds.

    A wiring runs from any batch that holds all its units: no program is made twice. Opened with
    `tidy`, what is torn or half written is removed; one holder of the workspace's lock may do so.
    """

    def __init__(self, folder: Path, limit: int, *, tidy: bool = True):
        self.folder = folder
        self.limit = limit
        self._tidy = tidy
        self._batches: dict[str, Batch] = {}  # the newest last
        # Batches verified in this run, each with what lstat(2) said of its binary then.
        self._intact: dict[str, tuple[int, ...]] = {}
        if tidy:
            with storage_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
        found = sorted(folder.iterdir(), key=_last_use) if folder.is_dir() else []
        for batch in found:
            self._open(batch)

    def find(self, wiring: Wiring) -> Program | None:
        """The program of this wiring, if it is here and intact."""
        found = self._find(wiring)
        return found[1] if found else None

    def add(self, binary: Path, units: Sequence[str], genes: Sequence[Gene]) -> None:
        """Keep a binary that holds these crates, and in its table these genes in this order."""
        rows = [list(gene) for gene in genes]
        content: dict[str, Any] = {"format": _FORMAT, "units": sorted(units), "genes": rows}
        name = _name(content["units"], rows)
        with storage_errors(self.folder):
            code = read_regular(binary, MAX_PROGRAM)
            content["program"] = hashlib.sha256(code).hexdigest()
            made = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
            try:
                made.chmod(0o755)
                publish(made / PROGRAM, code, mode=0o555)
                publish(made / INDEX, json.dumps(content).encode())
                self._drop(name)
                made.replace(self.folder / name)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)
                raise
            sync_folder(self.folder)
        self._open(self.folder / name)
        self._intact[name] = _stamp(self.folder / name / PROGRAM)

    def prune(self, needed: Iterable[Wiring], running: Iterable[Path]) -> int:
        """Drop batches beyond the size limit, longest unused first; never one that is in use.

        `needed` are the wirings of the living, `running` the files that processes run. Returns
        how many batches were dropped.
        """
        kept = set(self.batches_of(needed))
        for name in kept:
            with suppress(FileNotFoundError):
                os.utime(self.folder / name / INDEX)
        kept |= {path.parent.name for path in running}
        sizes = {name: tree_size(self.folder / name) for name in self._batches}
        total, dropped = sum(sizes.values()), 0
        for name in sorted(set(sizes) - kept, key=lambda name: _last_use(self.folder / name)):
            if total <= self.limit:
                break
            self._drop(name)
            total -= sizes[name]
            dropped += 1
        return dropped

    def batches_of(self, wirings: Iterable[Wiring]) -> dict[str, Batch]:
        """The batches from which these wirings run now."""
        names = {found[0] for wiring in wirings if (found := self._find(wiring))}
        return {name: self._batches[name] for name in names}

    def holds(self) -> frozenset[str]:
        """The names of all units that some batch holds."""
        return frozenset[str]().union(*(batch.units for batch in self._batches.values()))

    def drop(self, names: Iterable[str], running: Iterable[Path]) -> int:
        """Drop these batches, but none that runs; returns how many."""
        gone = set(names) - {path.parent.name for path in running}
        for name in gone:
            self._drop(name)
        return len(gone)

    def _find(self, wiring: Wiring) -> tuple[str, Program] | None:
        for batch in reversed(list(self._batches.values())):
            arguments = batch.arguments(wiring)
            if arguments is not None and self._verified(batch):
                return batch.name, Program(self.folder / batch.name / PROGRAM, arguments)
        return None

    def _open(self, folder: Path) -> None:
        """Learn what a batch holds; what is no batch, or a torn one, is removed."""
        try:
            if folder.is_symlink():
                raise ValueError("a link")
            index = json.loads(read_regular(folder / INDEX, _MAX_BYTES))
            if folder.name != _name(index["units"], index["genes"]) or index["format"] != _FORMAT:
                raise ValueError("the index of another batch")
            rows = {(str(unit), str(call)): row for row, (unit, call) in enumerate(index["genes"])}
            units = frozenset(map(str, index["units"]))
            batch = Batch(folder.name, str(index["program"]), units, rows)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            if self._tidy:
                discard(folder)
            return
        self._batches[batch.name] = batch

    def _verified(self, batch: Batch) -> bool:
        """Is the binary what its index says? Read once in a run, and again if it was touched; a
        batch that is not, is gone."""
        file = self.folder / batch.name / PROGRAM
        stamp = _stamp(file)
        if self._intact.get(batch.name) == stamp != ():
            return True
        try:
            code = read_regular(file, _MAX_BYTES)
        except OSError:  # a link, too: what it leads to may change behind our back
            code = b""
        if hashlib.sha256(code).hexdigest() != batch.digest:
            self._drop(batch.name)
            return False
        if self._tidy:
            os.utime(self.folder / batch.name / INDEX)
        if self._tidy and not stat.S_IMODE(file.lstat().st_mode) & stat.S_IXUSR:
            file.chmod(0o555)  # lost on the way through a backup, say
            stamp = _stamp(file)
        self._intact[batch.name] = stamp
        return True

    def _drop(self, name: str) -> None:
        if self._tidy:
            discard(self.folder / name)
        self._intact.pop(name, None)
        self._batches.pop(name, None)


def _name(units: Sequence[str], genes: Sequence[Sequence[str]]) -> str:
    """A batch is named by what its index says, so that no index is taken for another's."""
    content = {"format": _FORMAT, "units": units, "genes": genes}
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        seen = file.lstat()
    except OSError:
        return ()
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _last_use(folder: Path) -> tuple[int, str]:
    try:
        return (folder / INDEX).stat().st_mtime_ns, folder.name
    except OSError:
        return 0, folder.name
