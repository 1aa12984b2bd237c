"""Writes the folder of a new agent: whole, or not at all.

Where folders of dead agents are kept aside, one of them becomes the new folder.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from evolve_ai.colony import agent_log
from evolve_ai.contracts.substrate import Substrate
from evolve_ai.executors.chunks import chunked
from evolve_ai.model.errors import StorageError
from evolve_ai.model.genome import Genome, encode
from evolve_ai.model.sandbox import STATE
from evolve_ai.stages.agent_scan_update import genome_hash
from evolve_ai.stages.context import Context, hash_of_hashes, hashes_of
from evolve_ai.stages.genome_sync import MissingCodeError, generated
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.files import opened, storage_errors
from evolve_ai.system.genome_file import GENOME
from evolve_ai.system.refitting import refit
from evolve_ai.system.removal import ASIDE
from evolve_ai.system.trees import remove_tree

UNBORN = ".unborn-"


@dataclass(frozen=True, slots=True)
class Nursery:
    """What every newborn of a chunk is made from."""

    agents: Path
    sources: Path
    substrate: Substrate
    manifests: Mapping[str, bytes]
    fixed: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Newborn:
    """A folder that stands: what the registry needs to know of it."""

    genome: Genome
    genome_bytes: bytes
    genome_hash: str
    code_hash: str = ""  # of all its code and wiring, as they were written; for founders


@dataclass(frozen=True, slots=True)
class BirthTask:
    """A chunk for a worker. `spare` names folders of the dead, for the first of these genomes."""

    nursery: Nursery
    genomes: tuple[Genome, ...]
    spare: tuple[str, ...] = ()


def nursery_of(context: Context) -> Nursery:
    project, pool = context.project, context.pool
    return Nursery(
        project.agents, project.sources, context.substrate, pool.manifests, dict(pool.fixed)
    )


def bear(
    context: Context, genomes: tuple[Genome, ...], spare: Sequence[str] = ()
) -> tuple[Newborn, ...]:
    """Write the folders of these genomes, in chunks, on the workers."""
    nursery = nursery_of(context)
    # A folder to write is as much work as several to look at.
    size = max(1, context.settings.cycle.chunk // 16)
    tasks = [
        BirthTask(nursery, chunk, tuple(spare[at * size : (at + 1) * size]))
        for at, chunk in enumerate(chunked(genomes, size))
    ]
    for _ in context.executor.map(_bear_silently, tasks):
        pass
    return tuple(_newborn(genome) for genome in genomes)


def _bear_silently(task: BirthTask) -> None:
    """For a caller that has the genomes: an answer would tell it nothing new."""
    bear_chunk(task)


def _newborn(genome: Genome) -> Newborn:
    data = encode(genome)
    return Newborn(genome, data, genome_hash(data))


def bear_chunk(task: BirthTask) -> tuple[Newborn, ...]:
    code: dict[str, bytes] = {}
    store = ContentStore(task.nursery.sources)
    for genome in task.genomes:
        for gene in genome.files:
            if gene.code not in code:
                code[gene.code] = _code(store, gene.code)
    with storage_errors(task.nursery.agents):
        return tuple(
            write_folder(task.nursery, genome, code, spare)
            for genome, spare in zip_longest(task.genomes, task.spare)
        )


def write_folder(
    nursery: Nursery, genome: Genome, code: Mapping[str, bytes], spare: str | None = None
) -> Newborn:
    """Build the folder under another name, then rename it: a crash leaves no half agent.

    A folder of that id which no registry knows is what such a crash left; it is replaced.
    """
    data = encode(genome)
    made = generated(nursery.substrate, genome, nursery.manifests)
    genes = {gene.path: gene.code for gene in genome.files}
    files = {
        **nursery.fixed,
        **made,
        **{path: code[digest] for path, digest in genes.items()},
        GENOME: data,
        agent_log.NAME: b"",
    }
    if spare is None or not _refitted(nursery.agents, spare, genome.id, files):
        _write_new(nursery.agents, genome.id, files)
    hashes = {**hashes_of(nursery.fixed), **genes}
    hashes |= {path: hashlib.sha256(body).hexdigest() for path, body in made.items()}
    return Newborn(genome, data, genome_hash(data), hash_of_hashes(hashes))


def _refitted(agents: Path, spare: str, agent: str, files: Mapping[str, bytes]) -> bool:
    """Make the folder of one that is aside; False if that fails, for whatever reason."""
    try:
        with opened(agents / ASIDE) as aside:
            refit(aside, spare, files, (STATE,))
            os.rename(spare, agents / agent, src_dir_fd=aside)
    except (OSError, StorageError):
        return False
    return True


def _write_new(agents: Path, agent: str, files: Mapping[str, bytes]) -> None:
    unborn = f"{agents}/{UNBORN}{agent}"
    try:
        os.mkdir(unborn)  # noqa: PTH102 (a Path for each would take as long as the call)
    except FileExistsError:
        remove_tree(Path(unborn))
        Path(unborn).mkdir()
    _write_files(unborn, files)
    _move(unborn, f"{agents}/{agent}")


def _move(unborn: str, folder: str) -> None:
    """A folder with anything in it is in the way of a rename(2), a file or a link is, too."""
    try:
        os.rename(unborn, folder)  # noqa: PTH104
    except OSError:
        remove_tree(Path(folder))
        Path(unborn).rename(folder)


def _write_files(root: str, files: Mapping[str, bytes]) -> None:
    made = {""}
    for name, data in files.items():
        parent = name.rpartition("/")[0]
        if parent not in made:
            Path(root, parent).mkdir(parents=True, exist_ok=True)
            made.add(parent)
        descriptor = os.open(f"{root}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, data[written:])
        finally:
            os.close(descriptor)
    os.mkdir(f"{root}/{STATE}")  # noqa: PTH102


def _code(store: ContentStore, code: str) -> bytes:
    data = store.get(code)
    if data is None:
        raise MissingCodeError(
            f"no gene code {code[:12]}… is known",
            where=store.folder,
            todo="put the files of workspace/store back, or evolve import the agents anew",
        )
    return data
