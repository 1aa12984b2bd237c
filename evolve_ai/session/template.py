"""Takes the template as gene pool: new gene files are compiled on trial, failing ones left out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from evolve_ai.model.errors import EvolveError, TemplateError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.report import GenePool
from evolve_ai.model.run_state import RunState
from evolve_ai.session.components import Components
from evolve_ai.stages.trial import Read, Trial, faults_of, requests_of, with_known
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.content_store import ContentStore


@dataclass(frozen=True, slots=True)
class Taken:
    """A usable pool, and the files of the template that it leaves out, with reasons by path: those
    that the compiler `refused`, and those that the machine could not try (`undecided`)."""

    pool: GenePool
    refused: Mapping[str, str]
    undecided: Mapping[str, str]


def taken_up(
    components: Components, pool: GenePool, known: Mapping[str, str], trial: Trial
) -> Taken | None:
    """The part of the pool that compiles. A failing file is replaced by the `known` one of its
    path, given by SHA-256. None while the trial goes on.

    Raises EvolveError when nothing can be tried and nothing is known.
    """
    store = ContentStore(components.project.sources)
    for code in pool.code.values():
        store.put(code)
    asked = requests_of(pool, known)
    try:
        verdicts = trial(asked) if asked else ()
    except EvolveError as error:
        if not known or isinstance(error, TemplateError):
            raise
        outside = {request.agent: str(error) for request in asked}
        return Taken(_without(components, pool, known, outside), {}, outside)
    if verdicts is None:
        return None
    bad, outside = faults_of(verdicts), faults_of(verdicts, outside=True)
    # While no agent has genes yet, files that could not be tried may be used.
    out = {**bad, **outside} if known else bad
    return Taken(_without(components, pool, known, out), bad, outside)


def _without(
    components: Components, pool: GenePool, known: Mapping[str, str], out: Iterable[str]
) -> GenePool:
    """The pool with these files replaced by the known ones, or removed."""
    out = tuple(out)
    if not out:
        return pool
    store, read = ContentStore(components.project.sources), components.substrate.read_source
    kept: dict[str, Read] = {}
    for path in out:
        data = store.get(known[path]) if path in known else None
        if data is not None:
            kept[path] = (read(path, data, pool.manifests), data)
    return with_known(pool, out, kept)


def files_of(pool: GenePool) -> dict[str, str]:
    """The SHA-256 of each gene file, by path."""
    return {source.path: source.code for source in pool.sources}


def known_files(registry: Registry) -> dict[str, str]:
    """The SHA-256 of each gene file that agents may get, by path, as the last command left it."""
    return dict(registry.state.pool)


def remembering(state: RunState, taken: Taken) -> RunState:
    """The run state for the next run. Files that were not tried are left out, to be tried then."""
    files = files_of(taken.pool)
    tried = {path: code for path, code in files.items() if path not in taken.undecided}
    return replace(state, pool=tried, pool_refused=dict(taken.refused))


def refusal(components: Components, reasons: Mapping[str, str]) -> TemplateError:
    """An error about the first of these files, with the line and the compiler's message."""
    reason = reasons[min(reasons)]
    where, _, what = reason.partition(": ")
    more = f" (and {len(reasons) - 1} more files)" if len(reasons) > 1 else ""
    return TemplateError(
        f"{what}{more}",
        where=components.project.template / where,
        todo="mend the file, or take it out of the template: no agent gets a gene that does not "
        "compile",
    )


class Template:
    """The gene pool of a run: the template as read at the beginning, and as it changes between two
    cycles. `notes` are lines for the user; `trial` compiles gene files on trial."""

    def __init__(self, components: Components, registry: Registry, run: str, trial: Trial):
        self._components = components
        self._registry = registry
        self._run = run
        self._trial = trial
        self._stamp = ""
        self._told: set[str] = set()
        self.notes: list[str] = []
        self.pool: GenePool

    def open(self, pool: GenePool) -> None:
        """Begin a run. TemplateError when no gene file of the template is usable."""
        known = known_files(self._registry)
        stamp = self._seen()
        taken = taken_up(self._components, pool, known, self._trial)
        assert taken is not None, "who begins waits until all is tried"
        if not any(source.genes for source in taken.pool.sources):
            raise refusal(self._components, {**taken.undecided, **taken.refused})
        self.pool = taken.pool
        new = [path for path in files_of(taken.pool) if path not in known] if known else []
        self._keep(taken, new, self._registry.cycle, stamp)

    def look(self, cycle: int) -> bool:
        """Take up changes since the last look; True if the pool is another one now.

        An unreadable template changes nothing, and is reported once.
        """
        stamp = self._seen()
        if stamp == self._stamp:
            return False
        components = self._components
        try:
            pool = components.substrate.read_pool(components.project.template)
            if pool.fixed_hash != self.pool.fixed_hash:
                what = "its kernel differs from that of the living"
                raise EvolveError(what, where="agent_template")
            pool = components.substrate.equip(components.project.workspace, pool)
            taken = taken_up(components, pool, files_of(self.pool), self._trial)
        except EvolveError as error:
            self._stamp = stamp
            reason = "; ".join(line.strip() for line in str(error).splitlines())
            self.notes.append(f"template refused, the previous one stays: {reason}")
            self._record(cycle, {"refused": str(error)})
            return False
        if taken is None:  # still being tried: look again before the next cycle
            return False
        before, self.pool = self.pool, taken.pool
        old = files_of(before)
        self._keep(taken, [path for path in files_of(taken.pool) if path not in old], cycle, stamp)
        return files_of(self.pool) != old

    def _seen(self) -> str:
        return self._components.substrate.pool_stamp(self._components.project.template)

    def _keep(self, taken: Taken, new: list[str], cycle: int, stamp: str) -> None:
        """Record what agents may get now; report new and refused files once."""
        self._stamp = "" if taken.undecided else stamp
        self.notes += (f"template: {path} is available for mutations and births" for path in new)
        stays = files_of(taken.pool)
        for path, reason in taken.refused.items():
            kept = "the previous file stays" if path in stays else "no agent gets it"
            self._tell(f"template: {path} is refused, {kept}: {reason}")
        for reason in dict.fromkeys(taken.undecided.values()):
            self._tell(f"template: new gene files wait until they can be tried: {reason}")
        state = remembering(self._registry.state, taken)
        if state == self._registry.state:
            return
        data: dict[str, object] = {"new": new}
        if taken.refused:
            data["refused"] = "; ".join(taken.refused.values())
        self._record(cycle, data, state, tell=bool(new or taken.refused))

    def _tell(self, note: str) -> None:
        if note not in self._told:
            self._told.add(note)
            self.notes.append(note)

    def _record(
        self,
        cycle: int,
        data: Mapping[str, object],
        state: RunState | None = None,
        tell: bool = True,
    ) -> None:
        event = Event(Kind.COMMAND, cycle, None, {"command": "template", **data})
        batch = Batch(events=(event,) if tell else (), state=state)
        self._components.sink.deliver(self._registry.commit(batch, self._run))
