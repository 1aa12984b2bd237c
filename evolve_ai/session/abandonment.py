"""Gives up a season that cannot be finished: records it, reports it, and taints the history."""

from dataclasses import replace

from evolve_ai.contracts.sink import Sink
from evolve_ai.model.event import Event, Kind
from evolve_ai.session.takeover import season_under_way
from evolve_ai.stages.record import tainted
from evolve_ai.state.registry import Batch, Registry

NO_SEASON = "no season is under way: there is nothing to abandon"


def abandon_season(registry: Registry, sink: Sink, run: str, reason: str = "") -> str | None:
    """What was given up, in words; None, without effect, when no season is under way.

    Its agents live on and keep their memories; another run begins the season anew.
    """
    if not season_under_way(registry):
        return None
    cycle = registry.cycle
    why = f" ({reason})" if reason else ""
    told = (
        f"the season of cycle {cycle + 1} was abandoned{why}: its ticks count for no agent, and "
        "agents keep what they remember of it"
    )
    state = replace(tainted(registry.state, [told]), turning=None, abandoned=cycle + 1)
    data = {"command": "abandon-season", "season": cycle + 1, "reason": reason or None}
    events = (
        Event(Kind.COMMAND, cycle, None, data),
        Event(Kind.TAINT, cycle, None, {"reason": told}),
    )
    sink.deliver(registry.commit(Batch(state=state, events=events), run))
    return told
