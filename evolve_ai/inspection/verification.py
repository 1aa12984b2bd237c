"""`evolve verify`: checks that a project is unchanged since its last run, without writing."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial

from evolve_ai.model.errors import EvolveError, NoPopulationError
from evolve_ai.model.genome import Genome, GenomeError, decode
from evolve_ai.model.report import GenePool
from evolve_ai.model.sandbox import STATE
from evolve_ai.model.status import Problem, Verification, VerificationRow
from evolve_ai.session.components import Components
from evolve_ai.session.holding import life_cycle
from evolve_ai.session.pool import check_kernel
from evolve_ai.stages.agent_scan_update import rules_of
from evolve_ai.stages.genome_sync import generated
from evolve_ai.state.registry import Registry
from evolve_ai.state.standing import Relation, relation
from evolve_ai.state.traces import MENDS, copy_of
from evolve_ai.system.agent_folder import SOURCE_LIMIT, Rules, read_contents
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.files import read_regular
from evolve_ai.system.genome_file import GENOME
from evolve_ai.system.project import Project
from evolve_ai.system.signing import SIGNATURE, read_key

PATIENCE = 1.0  # seconds that a life-cycle may take between two files of a folder

PoolOf = Callable[[], GenePool]  # raises if the template cannot be read
Found = tuple[int, str, list[Problem]]  # how many were examined, a summary, the problems


def verify_project(components: Components) -> Verification:
    """A row for each kind of thing that a life-cycle relies on; nothing is written."""
    pool = cache(partial(components.substrate.read_pool, components.project.template))
    looks: dict[str, Callable[[], Found]] = {
        "key": partial(_key, components.project),
        "template": partial(_template, components, pool),
        "programs": partial(_programs, components, pool),
        "sources": partial(_sources, components.project),
        "agents": partial(_agents, components, pool),
        "registry": partial(_registry, components.project),
    }
    rows = [_row(kind, look) for kind, look in looks.items()]
    return Verification(ok=not any(row.problems for row in rows), rows=rows)


def lost_key(project: Project) -> str | None:
    """A complaint if programs are signed with a key that is gone."""
    if os.path.lexists(project.key) or not any(project.programs.glob(f"*/{SIGNATURE}")):
        return None
    return f"{project.key} is gone: a new one is made, and every program is built anew"


def _row(kind: str, look: Callable[[], Found]) -> VerificationRow:
    try:
        checked, detail, problems = look()
    except NoPopulationError:
        checked, detail, problems = 0, "none yet", []
    except EvolveError as error:
        problem = Problem(where=error.where or kind, what=error.what, todo=error.todo or "")
        checked, detail, problems = 0, "cannot be checked", [problem]
    except OSError as error:
        where = str(error.filename or kind)
        problem = Problem(where=where, what=error.strerror or str(error), todo="")
        checked, detail, problems = 0, "cannot be checked", [problem]
    return VerificationRow(kind=kind, checked=checked, detail=detail, problems=problems)


def _key(project: Project) -> Found:
    key = read_key(project.key)
    if key is not None:
        return 1, f"Ed25519, {key.public[:16]}…, for this user only", []
    if lost_key(project) is None:
        return 0, "none yet: the first build makes it", []
    todo = "put it back from a backup; else the next run makes one, and builds every program anew"
    return 0, "lost", [Problem(where=str(project.key), what="the key is gone", todo=todo)]


def _template(components: Components, pool_of: PoolOf) -> Found:
    """Checks that the template still has the kernel with which the agents were founded."""
    pool = pool_of()
    if components.project.registry.exists():
        with Registry.read(components.project.registry) as registry:
            check_kernel(registry, pool, components.project.template)
    return 1, f"kernel {pool.fixed_hash[:16]}…, the same as in all agents", []


def _programs(components: Components, pool_of: PoolOf) -> Found:
    count, altered = components.substrate.read_only_builder(
        components.project.workspace, pool_of()
    ).verify()
    todo = (
        "see who could write there, then remove the folder: no agent runs it. A life-cycle "
        "quarantines the agents that had this program; `evolve revive --all` builds them again"
    )
    problems = [Problem(where=str(where), what=why, todo=todo) for where, why in altered]
    return count, f"{count - len(altered)} batches are signed and unchanged", problems


def _sources(project: Project) -> Found:
    count, altered = ContentStore(project.sources, tidy=False).inspect()
    what, todo = (
        "its content does not match its name",
        "remove it; evolve build reads the folders anew",
    )
    problems = [Problem(where=str(path), what=what, todo=todo) for path in altered]
    return count, f"{count - len(altered)} gene files match their names", problems


def _registry(project: Project) -> Found:
    with Registry.read(project.registry) as registry:
        verdict = registry.check()
    if verdict != "ok":
        return 1, "damaged", [Problem(where=str(project.registry), what=verdict, todo=MENDS)]
    return 1, "SQLite finds no damage", _copy(project)


def _copy(project: Project) -> list[Problem]:
    """Checks the copy made at the end of each run: it must not be ahead of the registry."""
    copy = copy_of(project.registry)
    if not copy.exists():
        return []
    try:
        found = relation(project.registry, copy)
        what = "" if found is Relation.GOES_ON else f"of the registry beside it: {found.value}"
    except sqlite3.Error as error:
        what = f"the copy of the registry cannot be read: {error}"
    return [Problem(where=str(copy), what=what, todo=MENDS)] if what else []


def _agents(components: Components, pool_of: PoolOf) -> Found:
    project = components.project
    look = _Look(components, components.substrate.equipped(project.workspace, pool_of()))
    with Registry.read(project.registry) as registry:
        count = len(registry.living())
        problems = look.at(registry, registry.living())
        if problems and life_cycle(project) is not None:
            time.sleep(PATIENCE)  # the life-cycle may have been writing the missing files
            problems = look.at(registry, problems.keys() & registry.living().keys())
    said = f"{count - len(problems)} folders have the kernel, their wiring and a sound genome"
    return count, said, list(problems.values())


@dataclass(frozen=True, slots=True)
class _Look:
    """Examines folders of agents of this pool."""

    components: Components
    pool: GenePool

    def at(self, registry: Registry, agents: Iterable[str]) -> Mapping[str, Problem]:
        """The problem of each of these agents whose folder is not in order."""
        rules = rules_of(self.components.context(self.pool, cycle=0))
        found = {
            agent: self._problem(agent, rules, registry.genome(agent)) for agent in sorted(agents)
        }
        return {agent: problem for agent, problem in found.items() if problem is not None}

    def _problem(self, agent: str, rules: Rules, recorded: bytes) -> Problem | None:
        folder = self.components.project.agent(agent)
        for path in (folder, folder / STATE):
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                what, todo = "it is no folder", "put the folder back, or let the agent die"
                return Problem(where=str(path), what=what, todo=todo)
        contents = read_contents(folder, agent, rules)
        if contents.genome is None or contents.fault is not None:
            what = contents.fault.reason if contents.fault is not None else f"no {GENOME}"
            return Problem(where=str(folder), what=what, todo="repair what the message names")
        try:
            known = decode(recorded)
        except GenomeError as error:
            return Problem(where=f"registry: {agent}", what=str(error), todo=MENDS)
        if _is_older(contents.genome, known):
            what = f"{GENOME}: it is older than the one on record"
            return Problem(where=str(folder), what=what, todo="see who has put it back")
        # A genome that was not scanned yet still has the wiring of the previous one.
        wired = [self._unlike(agent, genome) for genome in (contents.genome, known)]
        if all(wired):
            what = f"{wired[0]}: it is not what is generated from {GENOME}"
            todo = f"remove it, and touch {GENOME}: the next scan writes it"
            return Problem(where=str(folder), what=what, todo=todo)
        return None

    def _unlike(self, agent: str, genome: Genome) -> str | None:
        """The first generated file that differs from what this genome generates."""
        folder = self.components.project.agent(agent)
        files = generated(self.components.substrate, genome, self.pool.manifests)
        for name, data in files.items():
            try:
                if read_regular(folder / name, SOURCE_LIMIT) != data:
                    return name
            except OSError:
                return name
        return None


def _is_older(found: Genome, known: Genome) -> bool:
    """True if it has fewer mutations, or another generation or other parents."""
    fewer = any(found.mutations.get(name, 0) < count for name, count in known.mutations.items())
    return fewer or (found.generation, found.parents) != (known.generation, known.parents)
