"""Gives up a season that cannot be finished: on record, aloud, and tainting."""

from evolve_ai.contracts.sink import Sink
from evolve_ai.model.event import Event, Kind
from evolve_ai.pipelines.takeover import ABANDONED, season_under_way
from evolve_ai.stages.record import TURNING
from evolve_ai.state.registry import Batch, Registry

NO_SEASON = "no season is under way: there is nothing to abandon"


def abandon_season(registry: Registry, sink: Sink, run: str, reason: str = "") -> str | None:
    """What was given up, in words; None, and nothing is done, when no season is under way.

    Its agents live on, with what they remember of it; the season begins anew in another run.
    """
    if not season_under_way(registry):
        return None
    last = registry.last_cycle()
    cycle = last[0] if last else 0
    why = f" ({reason})" if reason else ""
    told = (
        f"the season of cycle {cycle + 1} was abandoned{why}: its ticks count for nobody, and "
        "agents keep what they remember of it"
    )
    meta: dict[str, str | None] = {TURNING: None, ABANDONED: str(cycle + 1)}
    if registry.meta("tainted") is None:
        meta["tainted"] = told
    data = {"command": "abandon-season", "season": cycle + 1, "reason": reason or None}
    events = (
        Event(Kind.COMMAND, cycle, None, data),
        Event(Kind.TAINT, cycle, None, {"reason": told}),
    )
    sink.deliver(registry.commit(Batch(meta=meta, events=events), run))
    return told
