"""Tells a project that has lost its registry from one that never had any."""

import sqlite3
from contextlib import suppress
from itertools import islice
from pathlib import Path

from evolve_ai.model.errors import EvolveError, NoPopulationError, RegistryError
from evolve_ai.state.standing import Relation, relation
from evolve_ai.system.project import is_search
from evolve_ai.system.search_mark import improve_command

COPY = "registry.backup.sqlite"  # beside the registry
MENDS = "evolve life-cycle puts the last good copy in its place, if there is one"
NO_COPY = "gone, and there is no copy"
# The same of a search, behind what `improve_command` says.
_SEARCH_MENDS = "puts the last good copy in its place, if there is one"
WITHOUT_COPY = (
    "put a backup in its place, or move it away and take the agents in: evolve import agents"
)
_GENOME = "genome.bin"  # as system/genome_file.py has it, which reports need not load
_SEEN = 1000


def copy_of(registry: Path) -> Path:
    return registry.with_name(COPY)


def mends(registry: Path) -> str:
    """What puts the copy in the place of this registry, of a population or of a search."""
    root = registry.absolute().parent.parent
    return f"{improve_command(root)} {_SEARCH_MENDS}" if is_search(root) else MENDS


def without_copy(registry: Path) -> str:
    """What to do where no good copy is left."""
    if is_search(registry.absolute().parent.parent):
        return "put a backup in its place, or move it away: then a search begins anew"
    return WITHOUT_COPY


def missing(registry: Path) -> EvolveError:
    """What to say where a registry is looked for and there is none: was there ever one?"""
    if copy_of(registry).exists():
        what = "holds no agents, and its copy does" if registry.exists() else "is gone"
        todo = "evolve life-cycle puts the last good copy in its place"
        return RegistryError(f"the registry {what}", where=registry, todo=todo)
    left = agents_left(registry)
    if left:
        return RegistryError(
            f"the registry is {NO_COPY}, but agents lie in {left[0].parent.parent} ({len(left)})",
            where=registry,
            todo="put a backup in its place, or take the agents in: evolve import agents",
        )
    return no_population(registry)


def no_population(registry: Path) -> NoPopulationError:
    return NoPopulationError(
        "this project has no agents yet", where=registry, todo="found some: evolve init 100"
    )


def emptied(connection: sqlite3.Connection, registry: Path) -> bool:
    """Does the registry that is open know no agents, and its copy does?"""
    if connection.execute("SELECT 1 FROM run_state WHERE places IS NOT NULL").fetchone():
        return False
    with suppress(sqlite3.Error):
        return relation(connection, copy_of(registry)) is Relation.EMPTY
    return False


def agents_left(registry: Path) -> list[Path]:
    """The genomes that lie in the folders of agents beside a registry's workspace; a thousand at
    most."""
    agents = registry.absolute().parent.parent / "agents"
    return list(islice(agents.glob(f"*/{_GENOME}"), _SEEN))
