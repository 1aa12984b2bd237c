"""Owns looking at an agent's folder: a cheap stamp of it, and safe reading of what it holds."""

import errno
import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.model import genome as codec
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.genome import GENE_FOLDER, Genome, GenomeError

GENOME = "genome.bin"
SOURCE_LIMIT = 1024 * 1024

# What agents and people may leave in a folder, and what we do not look into.
TOLERATED = frozenset({"state", "target", "agent.log"})
HARMLESS = frozenset({GENOME, "Cargo.lock"})
_WRITTEN_BY_AGENTS = (".genome", "agent.log.")


@dataclass(frozen=True, slots=True)
class Rules:
    """What may lie in a folder: fixed files by SHA-256, and generated ones."""

    fixed: Mapping[str, str]
    generated: frozenset[str]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a folder holds: its genome with the code that is really there, or a fault."""

    genome: Genome | None = None
    genome_bytes: bytes = b""
    code: Mapping[str, bytes] | None = None  # by path
    fault: Fault | None = None


def stamp(folder: Path) -> str:
    """A fingerprint of names, inodes, sizes and change times; "" when there is no folder.

    The change time moves with every write and cannot be set back by a program.
    """
    digest = hashlib.blake2b(digest_size=12)
    try:
        _stamp_into(digest, str(folder), top=True)
    except OSError:
        return ""
    return digest.hexdigest()


def _stamp_into(digest: "hashlib.blake2b", folder: str, top: bool = False) -> None:
    inner = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if top and (name in TOLERATED or name.startswith(_WRITTEN_BY_AGENTS)):
                continue
            if entry.is_dir(follow_symlinks=False):
                digest.update(name.encode())
                inner.append(entry.path)
                continue
            seen = entry.stat(follow_symlinks=False)
            digest.update(f"{name}\0{seen.st_ino} {seen.st_size} {seen.st_ctime_ns}\n".encode())
    for path in inner:
        _stamp_into(digest, path)


def read_contents(folder: Path, agent: str, rules: Rules) -> Contents:
    """Read a folder without following links; whatever is wrong with it is a Fault."""
    try:
        names = tuple(_files_below(folder, ""))
        data = read_regular(folder / GENOME, codec.MAX_BYTES)
    except OSError as error:
        return Contents(fault=Fault(Cause.GENOME, f"{GENOME}: {_words(error)}"))
    try:
        genome = codec.decode(data)
    except GenomeError as error:
        return Contents(genome_bytes=data, fault=Fault(Cause.GENOME, f"{GENOME}: {error}"))
    if genome.id != agent:
        reason = f"{GENOME}: it is the genome of {genome.id}, not of this folder"
        return Contents(genome_bytes=data, fault=Fault(Cause.GENOME, reason))
    try:
        problem = _refused(folder, names, genome, rules)
        code = {
            gene.path: read_regular(folder / gene.path, SOURCE_LIMIT)
            for gene in genome.files
            if gene.path in names
        }
    except OSError as error:
        problem, code = _words(error), {}
    if problem:
        return Contents(genome, data, fault=Fault(Cause.AUDIT, problem))
    return Contents(genome, data, code)


def read_regular(path: Path, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; OSError for anything else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        if seen.st_size > limit:
            raise OSError(
                errno.EFBIG, f"it has {seen.st_size} bytes, at most {limit} are allowed", str(path)
            )
        return file.read(limit)


def _files_below(folder: Path, prefix: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if not prefix and (name in TOLERATED or name.startswith(_WRITTEN_BY_AGENTS)):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(folder / name, f"{prefix}{name}/")
            else:
                yield prefix + name


def _refused(folder: Path, names: Collection[str], genome: Genome, rules: Rules) -> str | None:
    genes = {gene.path for gene in genome.files}
    for name in names:
        if name in genes or name in rules.fixed or name in rules.generated or name in HARMLESS:
            continue
        where = "is named by no genome" if name.startswith(GENE_FOLDER) else "does not belong here"
        return f"{name}: a file that {where} is refused; move it away"
    for name, expected in rules.fixed.items():
        if name not in names:
            return f"{name}: this file of the kernel is missing; copy it from the template"
        if hashlib.sha256(read_regular(folder / name, SOURCE_LIMIT)).hexdigest() != expected:
            return f"{name}: differs from the template's; the kernel may not be changed"
    return None


def _words(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a link; links are not followed"
    if error.errno == errno.ENOENT:
        return f"it is missing ({error.filename})"
    return error.strerror or str(error)
