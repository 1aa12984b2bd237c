"""Stores programs by what they are made of; none is run but what this project has signed."""

import os
import stat
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.errors import StorageError
from evolve_ai.model.report import Program
from evolve_ai.substrates.rust.plan import Gene, Wiring
from evolve_ai.substrates.rust.stored_batch import (
    INDEX,
    PROGRAM,
    AlteredError,
    Origin,
    ProgramBatch,
    UnsignedError,
    check_binary,
    claimed,
    read_batch,
    write_batch,
)
from evolve_ai.system.files import (
    publish,
    read_regular,
    storage_errors,
    sync_folder,
)
from evolve_ai.system.signing import make_key, read_key
from evolve_ai.system.trees import discard, tree_size

_ASIDE = "broken-"
_REASON = "reason"  # in a folder that was set aside: why
_FORGIVEN = "forgiven"  # there, too: somebody has revived an agent whose program it was
_MAX_REASON = 4096


@dataclass(frozen=True, slots=True)
class Altered:
    """A batch that is not what was signed: where it is, why, and which units it says it holds."""

    folder: Path
    reason: str
    units: frozenset[str]


class ProgramStore:
    """Batches in folders of their own: a binary, an index of what it holds, a signed statement.

    A wiring runs from any batch that holds all its units: no program is made twice. Batches are
    signed with the key in `key_file`, made when it is not there, and count under the `policy` that
    they were audited under. Opened with `tidy`, what is half written is removed and what was
    altered set aside; one holder of the workspace's lock may do so.
    """

    def __init__(self, folder: Path, limit: int, key_file: Path, policy: str, *, tidy: bool = True):
        self.folder = folder
        self.limit = limit
        self._policy = policy
        self._tidy = tidy
        self._batches: dict[str, ProgramBatch] = {}  # the newest last
        # Batches verified in this run, each with what lstat(2) said of its binary then.
        self._intact: dict[str, tuple[int, ...]] = {}
        self._altered: list[Altered] = []
        if tidy:
            with storage_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
        self._key = read_key(key_file)
        if self._key is None and tidy:
            self._forget_all()
            self._key = make_key(key_file)
        found = sorted(folder.iterdir(), key=_last_use) if folder.is_dir() else []
        for batch in found:
            self._open(batch)

    def find(self, wiring: Wiring) -> Program | None:
        """The program of this wiring, if it is here and intact."""
        found = self._find(wiring)
        return found[1] if found else None

    def altered(self, wiring: Wiring) -> Fault | None:
        """What is wrong with a program that only an altered batch holds, until it is forgiven."""
        if not self._altered or self._find(wiring):
            return None
        for one in self._altered:
            if wiring.needs <= one.units:
                told = f"its program was altered: {one.folder}: {one.reason}"
                todo = "see who could write there; evolve revive --all lets its agents try again"
                return Fault(Cause.SIGNATURE, f"{told}; {todo}")
        return None

    def forgive(self, wirings: Iterable[Wiring]) -> None:
        """Hold nothing against what these run from: it may be built anew."""
        asked = [wiring for wiring in wirings if not self._find(wiring)]
        forgiven = [one for one in self._altered if any(w.needs <= one.units for w in asked)]
        for one in forgiven:
            self._altered.remove(one)
            if self._tidy and one.folder.is_dir():
                publish(one.folder / _FORGIVEN, b"")

    def inspect(self) -> tuple[int, tuple[Altered, ...]]:
        """Look at every batch: how many there are, and which were altered."""
        for batch in list(self._batches.values()):
            self._verified(batch)
        return len(self._batches) + len(self._altered), tuple(self._altered)

    def add(self, binary: Path, genes: Sequence[Gene], origin: Origin) -> None:
        """Keep a binary that holds these crates, and in its table these genes in this order."""
        if self._key is None:
            raise StorageError("nobody signs what is built here", where=self.folder)
        with storage_errors(self.folder):
            made = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
            try:
                made.chmod(0o755)
                name = write_batch(made, binary, genes, origin, self._key)
                self._drop(name)
                made.replace(self.folder / name)
            except BaseException:
                discard(made)
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

    def batches_of(self, wirings: Iterable[Wiring]) -> dict[str, ProgramBatch]:
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
            if batch.policy != self._policy:
                continue
            arguments = batch.arguments(wiring)
            if arguments is not None and self._verified(batch):
                file = self.folder / batch.name / PROGRAM
                return batch.name, Program(file, arguments, batch.digest)
        return None

    def _open(self, folder: Path) -> None:
        """Learn what a batch holds, or held before it was altered; what is no batch is removed."""
        if folder.name.startswith(_ASIDE):
            self._learn_of_altered(folder)
        elif folder.name.startswith("."):
            self._discard(folder)
        elif self._key is not None:
            try:
                if not stat.S_ISDIR(folder.lstat().st_mode):
                    raise AlteredError("it is a link, or no folder")
                self._batches[folder.name] = read_batch(folder, self._key)
            except UnsignedError:
                self._discard(folder)
            except AlteredError as error:
                self._set_aside(folder, str(error))
            except OSError:
                return  # the machine's fault, or just pruned by its owner

    def _learn_of_altered(self, folder: Path) -> None:
        if (folder / _FORGIVEN).exists():
            return
        try:
            reason = read_regular(folder / _REASON, _MAX_REASON).decode("utf-8", "replace")
        except OSError:
            reason = "it was altered"
        self._altered.append(Altered(folder, reason, claimed(folder)))

    def _verified(self, batch: ProgramBatch) -> bool:
        """Is the binary what was signed? Read once in a run, and again if it was touched."""
        folder = self.folder / batch.name
        file = folder / PROGRAM
        stamp = _stamp(file)
        if self._intact.get(batch.name) == stamp != ():
            return True
        try:
            check_binary(folder, batch)
        except AlteredError as error:
            self._set_aside(folder, str(error))
            return False
        except OSError:
            return False
        if self._tidy:
            os.utime(folder / INDEX)
        if self._tidy and not stat.S_IMODE(file.lstat().st_mode) & stat.S_IXUSR:
            file.chmod(0o555)  # lost on the way through a backup, say
            stamp = _stamp(file)
        self._intact[batch.name] = stamp
        return True

    def _set_aside(self, folder: Path, reason: str) -> None:
        """An altered batch is never run, and kept for whoever wants to know what happened."""
        self._intact.pop(folder.name, None)
        self._batches.pop(folder.name, None)
        if not os.path.lexists(folder):
            return  # its owner, beside whom we look, has just pruned it
        units = claimed(folder) if not folder.is_symlink() else frozenset[str]()
        if self._tidy:
            with storage_errors(self.folder):
                folder = folder.rename(self._free_name(folder.name))
            if folder.is_dir() and not folder.is_symlink():
                with suppress(StorageError):
                    publish(folder / _REASON, reason.encode())
        self._altered.append(Altered(folder, reason, units))

    def _free_name(self, name: str) -> Path:
        number = 1
        while os.path.lexists(self.folder / f"{_ASIDE}{name[:16]}-{number}"):
            number += 1
        return self.folder / f"{_ASIDE}{name[:16]}-{number}"

    def _forget_all(self) -> None:
        """Without its key nothing tells a batch of ours from another. Before a new key is made:
        who is killed in between begins again."""
        for folder in list(self.folder.iterdir()):
            if not folder.name.startswith(_ASIDE):
                self._drop(folder.name)

    def _drop(self, name: str) -> None:
        if self._tidy:
            # One that is killed here must not leave half a batch: that looks like an altered one.
            gone = self.folder / f".gone-{name}"
            discard(gone)
            with suppress(OSError):
                (self.folder / name).rename(gone)
            discard(gone)
        self._intact.pop(name, None)
        self._batches.pop(name, None)

    def _discard(self, folder: Path) -> None:
        if self._tidy:
            discard(folder)


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
