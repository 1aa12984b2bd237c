"""Records the inputs of a run, and says which of them differ from the previous run."""

import hashlib
import importlib.util
import json
import platform
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from evolve_ai import __version__
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.family_settings import GROUPS, OPTIONS
from evolve_ai.model.inputs import Inputs, changes
from evolve_ai.model.report import GenePool
from evolve_ai.model.run_state import InputsChange
from evolve_ai.model.settings import Settings
from evolve_ai.model.told import Told, packed
from evolve_ai.session.components import Components
from evolve_ai.session.takeover import season_under_way
from evolve_ai.stages.record import tainted
from evolve_ai.state.registry import Batch, Registry, Run
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.project import Project
from evolve_ai.system.settings_file import FILE_NAME, load_settings


def note_inputs(
    components: Components, registry: Registry, run: str, pool: GenePool
) -> tuple[str, ...]:
    """Record the inputs of this run; return the changes in words."""
    state = registry.state
    if state.inputs_run == run:
        return ()
    now = inputs_of(components, pool)
    _note_run(registry, run, now)
    before = None if state.inputs is None else Inputs.from_map(state.inputs)
    found = changes(before, now) if before is not None else ()
    words = [change.words for change in found]
    cycle = registry.cycle
    data = {**now.to_map(), "changed": words}
    state = replace(state, inputs=now.to_map(), inputs_run=run)
    events = [Event(Kind.INPUTS, cycle, None, data)]
    loud = [change.words for change in found if not change.quiet]
    if loud:
        state = replace(state, inputs_changed=InputsChange(cycle, tuple(loud)))
    of_world = [change.words for change in found if change.world]
    if season_under_way(registry) and of_world:
        reason = f"in the middle of cycle {cycle + 1} this changed: {'; '.join(of_world)}"
        events.append(Event(Kind.TAINT, cycle, None, {"reason": reason}))
        state = tainted(state, [reason])
    state = replace(state, told=_note_told(components, registry, cycle))
    components.sink.deliver(registry.commit(Batch(state=state, events=events), run))
    return (f"changed since the previous run: {'; '.join(loud)}",) if loud else ()


def _note_run(registry: Registry, run: str, inputs: Inputs) -> None:
    settings = json.dumps(dict(inputs.settings))
    details = (inputs.template, inputs.data, inputs.version, inputs.python, inputs.host)
    registry.begin_run(Run(run, "", settings, *details))


def inputs_of(components: Components, pool: GenePool) -> Inputs:
    project, told = components.project, told_by(components)
    settings = flat(project.settings)
    written = settings
    with suppress(EvolveError):  # the file may be half written at this moment
        written = flat(load_settings(project.root / FILE_NAME))
    held_out = hashlib.sha256(packed(told.held_out)).hexdigest() if told else None
    return Inputs(
        settings=settings,
        set=tuple(key for key, value in settings.items() if written.get(key) != value),
        data=told.digest if told else None,
        held_out=held_out,
        template=_hash_of(pool),
        plugins=dict(_plugins(project)),
        version=__version__,
        python=platform.python_version(),
        host=socket.gethostname(),
    )


def told_by(components: Components) -> Told | None:
    """The data that the world declares to tell; None for a world that declares none."""
    told = getattr(components.world, "told", None)
    found = told() if callable(told) else None
    return found if isinstance(found, Told) else None


def flat(settings: Settings) -> dict[str, Any]:
    """Settings by dotted key. Addresses of sinks may contain a password, so they are hashed."""
    found: dict[str, Any] = {}
    waiting = list(settings.model_dump(mode="json").items())
    for key, value in waiting:
        if key in ("sinks", "hooks"):
            found[key] = hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
        elif isinstance(value, dict) and value:
            waiting += [(f"{key}.{name}", inner) for name, inner in value.items()]
        else:
            found[key] = value
    return dict(sorted(found.items()))


def told_store(project: Project) -> ContentStore:
    return ContentStore(project.workspace / "store" / "told")


def told_so_far(registry: Registry) -> list[dict[str, Any]]:
    """Each stretch of data told to agents: `data`, `values`, `source`, `from` and `to` (the last
    cycle; None while it is being told)."""
    return [dict(one) for one in registry.state.told]


def _note_told(
    components: Components, registry: Registry, cycle: int
) -> tuple[dict[str, Any], ...]:
    """Record that this data is told from the next cycle on, and when the earlier data ended."""
    told, known = told_by(components), told_so_far(registry)
    current = known[-1] if known else None
    if current is not None and current["to"] is None and told and current["data"] == told.digest:
        return tuple(known)
    if current is not None and current["to"] is None:
        current["to"] = cycle + season_under_way(registry)
        if current["to"] < current["from"]:
            known.pop()  # it was told in no cycle
    if told is not None:
        told_store(components.project).put(packed(told.values))
        known.append(
            {
                "data": told.digest,
                "values": len(told.values),
                "source": told.source,
                "from": cycle + 1,
                "to": None,
            }
        )
    return tuple(known)


def _hash_of(pool: GenePool) -> str:
    rows = sorted(f"{source.path} {source.code}\n" for source in pool.sources)
    return hashlib.sha256("".join([pool.fixed_hash, "\n", *rows]).encode()).hexdigest()


def _plugins(project: Project) -> Mapping[str, str]:
    """Hashes of the user's own plug-ins: of the file of the module that contains each."""
    members = project.settings.members
    found, entries = {}, entry_points()  # read once: this opens a file per installed package
    chosen = [(GROUPS[family], one.name) for family in OPTIONS for one in members(family)]
    for group, name in chosen:
        mine = entries.select(group=f"evolve_ai.{group}")
        entry = next((entry.module for entry in mine if entry.name == name), "")
        module = name.partition(":")[0] if ":" in name else entry
        origin = None
        with suppress(ImportError, ValueError, AttributeError):
            spec = importlib.util.find_spec(module) if module else None
            origin = spec.origin if spec else None
        with suppress(OSError, TypeError):
            found[name] = hashlib.sha256(Path(str(origin)).read_bytes()).hexdigest()
    return found
