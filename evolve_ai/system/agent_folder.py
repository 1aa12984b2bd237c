"""Detects changes of an agent's folder by a cheap stamp, and reads its content safely."""

import errno
import hashlib
import marshal
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from evolve_ai.model import genome as codec
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.gene_names import GeneNames
from evolve_ai.model.genome import Genome, GenomeError
from evolve_ai.model.sandbox import STATE
from evolve_ai.system.files import FOLDER, read_regular
from evolve_ai.system.genome_file import GENOME, OFFER, genome_file
from evolve_ai.system.moment import Moment

SOURCE_LIMIT = 1024 * 1024

# What we leave in a folder ourselves, and never read.
_OURS = frozenset({STATE, "agent.log"})
_YOUNG = "~"  # ends a stamp that cannot prove later on that nothing has changed
_LEFT_BEHIND = (".genome", "agent.log.")  # drafts of genomes and logs, after a crash


@dataclass(frozen=True)
class Rules:
    """What may lie in a folder: gene files, fixed files by SHA-256, and generated ones.

    `ignored` are the paths of what tools leave there: of files, and, with a slash at the end, of
    folders. `basis` stands for the sources of generated files: when it changes, every
    folder counts as changed. `unpacked` are files, by SHA-256, that may lie there in place of the
    fixed ones until the next sync: all of them, or, beside the fixed ones, what is left of them.
    `ticking`: the times of all files `are_ticks`.
    """

    genes: GeneNames
    fixed: Mapping[str, str]
    generated: frozenset[str]
    ignored: frozenset[str] = frozenset()
    basis: str = ""
    unpacked: Mapping[str, str] = field(default_factory=dict)
    ticking: bool = False

    def stamp_plan(self) -> "StampPlan":
        files = {GENOME, *self.generated, *self.fixed}
        watched: dict[str, list[str]] = {}
        for name in sorted(files | self.folders()):
            place, _, inside = name.rpartition("/")
            # All of the gene folder is in the stamp anyway.
            if self._gene_folder not in (name, place):
                watched.setdefault(place, []).append(inside)
        places = tuple((place, tuple(names)) for place, names in sorted(watched.items()))
        return StampPlan(self.genes.folder, places, self.basis, self.ticking)

    def folders(self) -> set[str]:
        """The folders of the files that belong in an agent's folder; "." is that folder itself."""
        above = _folders_of([self._gene_folder]) - {"."}
        return {self._gene_folder, *above, *_folders_of([*self.fixed, *self.generated])}

    @cached_property
    def replaced(self) -> tuple[frozenset[str], frozenset[str]]:
        """The unpacked files that sync removes, and the folders that are then empty."""
        files = frozenset(self.unpacked.keys() - self.fixed.keys())
        return files, frozenset(_folders_of(files) - self.folders())

    @property
    def _gene_folder(self) -> str:
        return self.genes.folder.removesuffix("/")


@dataclass(frozen=True, slots=True)
class StampPlan:
    """What a stamp covers besides the gene folder: the relevant names by the folder that they are
    in ("" is the agent's own)."""

    genes: str  # the gene folder, with a slash at its end
    places: tuple[tuple[str, tuple[str, ...]], ...]
    basis: str = ""
    ticking: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """The content of a folder: its genome with the code that is really there, or a fault."""

    genome: Genome | None = None
    genome_bytes: bytes = b""
    code: Mapping[str, bytes] | None = None  # by path
    fault: Fault | None = None
    unpacked: bool = False  # some of the unpacked files lie there


def stamp(folder: Path, plan: StampPlan) -> str:
    """A hash of the inodes and change times in a folder; "" when there is no such folder.

    Each write, and each change of owner or mode, sets the change time (ctime), and no program can
    set it back. The times of folders show new, renamed and removed files. If something was changed
    so recently that another change could get the same time, the stamp proves nothing later on.
    """
    moment = Moment(plan.ticking)
    try:
        handle = os.open(folder, FOLDER)
    except OSError:
        return ""
    try:
        seen = _looked_into(handle, plan.places)
        # An offer is rare, and access() costs half as much as stat() of a missing file.
        if os.access(OFFER, os.F_OK, dir_fd=handle, follow_symlinks=False):
            seen += _looked_at(handle, (OFFER,))
        names, genes = _gene_files(handle, plan.genes)
    except OSError:
        return ""
    finally:
        os.close(handle)
    looked = seen + genes
    young = "" if moment.are_proof(*looked[1::2]) else _YOUNG
    return f"{_hashed(looked, plan.basis, *names)}{young}"


def same_stamp(before: str, now: str) -> bool:
    """True if both are equal and the earlier one was old enough to prove it."""
    return bool(before and now) and before == now.removesuffix(_YOUNG)


def as_before(before: str, now: str) -> bool:
    """True if both are equal, even if they were taken too early to prove it."""
    return bool(before) and before.removesuffix(_YOUNG) == now.removesuffix(_YOUNG)


def without_proof(now: str) -> str:
    """The stamp of a folder in which something may change that no stamp covers."""
    return f"{now.removesuffix(_YOUNG)}{_YOUNG}"


def _looked_into(handle: int, places: Iterable[tuple[str, tuple[str, ...]]]) -> list[int]:
    """The numbers of these names. A folder that is gone or a link shows in the folder above it."""
    looked: list[int] = []
    for place, names in places:
        if not place:
            looked += _looked_at(handle, names)
            continue
        try:
            inner = os.open(place, FOLDER, dir_fd=handle)
        except OSError:
            looked += (0, 0)
            continue
        try:
            looked += _looked_at(inner, names)
        finally:
            os.close(inner)
    return looked


def _looked_at(handle: int, names: Iterable[str]) -> list[int]:
    looked: list[int] = []
    for name in names:
        try:
            seen = os.stat(name, dir_fd=handle, follow_symlinks=False)
        except FileNotFoundError:
            looked += (0, 0)
        else:
            looked += (seen.st_ino, seen.st_ctime_ns)
    return looked


def _gene_files(handle: int, folder: str) -> tuple[list[str], list[int]]:
    genes = os.open(folder, FOLDER, dir_fd=handle)
    try:
        names = os.listdir(genes)  # noqa: PTH208 (a descriptor has no Path)
        return names, _looked_at(genes, names)
    finally:
        os.close(genes)


def _hashed(looked: list[int], *names: str) -> str:
    # Half the time of repr(); up to version 2, marshal gives equal bytes for equal numbers.
    data = marshal.dumps(looked, 2) + os.fsencode("/".join(names))
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _folders_of(names: Iterable[str]) -> set[str]:
    return {str(parent) for name in names for parent in PurePosixPath(name).parents}


def read_contents(folder: Path, agent: str, rules: Rules, known: str = "") -> Contents:
    """Read a folder without following links; any problem with it becomes a Fault.

    `known` is the SHA-256 of a genome of this agent that was found to keep all rules before.
    """
    file = genome_file(folder)
    try:
        names = dict.fromkeys(_files_below(folder, rules.ignored))  # in their order
        data = read_regular(f"{folder}/{file}", codec.MAX_BYTES)
    except OSError as error:
        return Contents(fault=Fault(Cause.GENOME, f"{file}: {_words(error)}"))
    try:
        known_again = bool(known) and hashlib.sha256(data).hexdigest() == known
        genome = codec.recalled(data) if known_again else codec.decode(data, rules.genes)
    except GenomeError as error:
        return Contents(genome_bytes=data, fault=Fault(Cause.GENOME, f"{file}: {error}"))
    if genome.id != agent:
        reason = f"{file}: it is the genome of {genome.id}, not of this folder"
        return Contents(genome_bytes=data, fault=Fault(Cause.GENOME, reason))
    unpacked = _is_unpacked(names, rules)
    try:
        problem = _refused(folder, names, genome, rules)
        code = {
            gene.path: read_regular(f"{folder}/{gene.path}", SOURCE_LIMIT)
            for gene in genome.files
            if gene.path in names or os.path.lexists(f"{folder}/{gene.path}")
        }
    except OSError as error:
        where = os.path.relpath(error.filename, folder) if error.filename else "a file"
        problem, code = f"{_shown(where)}: {_words(error)}", {}
    if problem:
        return Contents(genome, data, fault=Fault(Cause.AUDIT, problem), unpacked=unpacked)
    return Contents(genome, data, code, unpacked=unpacked)


def _files_below(folder: Path, ignored: Collection[str]) -> Iterator[str]:
    """Relative paths of all that is no folder, and of empty folders (with / at the end): a file put
    into such a folder later would go unnoticed. Not recursive: folders may lie very deep."""
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(f"{folder}/{prefix}") as entries:
            empty = bool(prefix)
            for entry in entries:
                name, empty = entry.name, False
                if not prefix and (name in _OURS or name.startswith(_LEFT_BEHIND)):
                    continue
                if f"{prefix}{name}/" in ignored:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{prefix}{name}/")
                else:
                    yield prefix + name
        if empty:
            yield prefix


def _refused(folder: Path, names: Collection[str], genome: Genome, rules: Rules) -> str | None:
    belongs = (
        {gene.path for gene in genome.files}
        | rules.fixed.keys()
        | rules.unpacked.keys()
        | rules.generated
        | rules.ignored
        | {GENOME}
    )
    for name in names:
        if name in belongs:
            continue
        if name.endswith("/"):
            if name[:-1] in belongs or name[:-1] in rules.folders() | rules.replaced[1]:
                continue  # its problem is reported below, or when the file is written
            return f"{_shown(name)}: a folder that does not belong here is refused; remove it"
        where = (
            "is named by no genome"
            if name.startswith(rules.genes.folder)
            else "does not belong here"
        )
        return f"{_shown(name)}: a file that {where} is refused; move it away"
    return _kernel_refused(folder, names, rules)


def _kernel_refused(folder: Path, names: Collection[str], rules: Rules) -> str | None:
    """Either the fixed files are there, maybe beside some unpacked ones, or all unpacked ones."""
    expected = rules.fixed
    remains = [name for name in names if name in rules.unpacked and name not in expected]
    if remains:
        packed = all(_is(folder, name, code) for name, code in expected.items())
        expected = {name: rules.unpacked[name] for name in remains} if packed else rules.unpacked
    for name, code in expected.items():
        if name not in names:
            return f"{name}: this file of the kernel is missing; copy it from another agent"
        if not _is(folder, name, code):
            return f"{name}: differs from the template's; the kernel may not be changed"
    return None


def _is_unpacked(names: Collection[str], rules: Rules) -> bool:
    files, folders = rules.replaced
    below = tuple(f"{folder}/" for folder in folders)
    return any(name in files or name.startswith(below) for name in names)


def _is(folder: Path, name: str, code: str) -> bool:
    """Has the file this SHA-256?"""
    return hashlib.sha256(read_regular(f"{folder}/{name}", SOURCE_LIMIT)).hexdigest() == code


def _shown(name: str) -> str:
    """A name in a form that can be stored and printed, whatever its bytes."""
    return os.fsencode(name[:200]).decode("utf-8", "backslashreplace")


def _words(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a link; links are not followed"
    if error.errno == errno.ENOENT:
        return "it is missing"
    return error.strerror or str(error)
