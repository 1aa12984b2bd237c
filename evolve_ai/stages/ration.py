"""The verb ration: holds the verdicts of selection to the budgets of the population."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evolve_ai.model.agent import AgentRecord, Cause, State
from evolve_ai.model.budget import Budget, Consumer, Cut, Resource, cut
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.remedy import remedy, used_in_words
from evolve_ai.model.selection import Verdicts
from evolve_ai.stages.context import Context


@dataclass(frozen=True, slots=True)
class Rationed:
    """Verdicts that keep the budgets; what to record and to tell of those that acted."""

    verdicts: Verdicts
    events: tuple[Event, ...] = ()
    taints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    acting: frozenset[Resource] = frozenset()


def ration(
    context: Context,
    agents: Mapping[str, AgentRecord],
    verdicts: Verdicts,
    budgets: Sequence[Budget],
    before: frozenset[Resource],
    places: int = 0,
) -> Rationed:
    """Hold births back, and condemn the poorest, where a budget asks for it.

    `before` are the budgets that acted in the cycle before: what goes on is recorded, but told and
    held against history only when it begins, or when somebody dies of it. Nobody dies of it in
    quarantine.
    """
    condemned = {agent for agent, _ in verdicts.deaths}
    mouths = [
        _mouth(record)
        for record in agents.values()
        if record.id not in condemned and not record.is_set_aside
    ]
    wanted = cut(budgets, mouths, len(verdicts.births), len(condemned), places)
    if not wanted.causes:
        return Rationed(verdicts)
    doomed = frozenset(wanted.deaths)
    births = verdicts.births[: wanted.births]
    deaths = (*verdicts.deaths, *((agent, str(Cause.BUDGET)) for agent in wanted.deaths))
    refused = len(verdicts.births) - len(births)
    acting = frozenset(budget.resource for budget in wanted.causes)
    told = tuple(_sentence(budget, refused, wanted) for budget in wanted.causes)
    told = told if doomed or acting - before else ()
    remedies = tuple(map(remedy, wanted.causes)) if told else ()
    lockstep = context.settings.mode == "lockstep"
    return Rationed(
        replace(verdicts, deaths=deaths, births=births),
        tuple(_event(context.cycle, budget, refused, wanted) for budget in wanted.causes),
        told if lockstep else (),
        (*(() if lockstep else told), *remedies),  # a taint is told anyway
        acting,
    )


def _mouth(record: AgentRecord) -> Consumer:
    return Consumer(record.id, record.energy, record.age, record.state is State.RUNNING)


def _event(cycle: int, budget: Budget, refused: int, wanted: Cut) -> Event:
    data: dict[str, object] = {
        "resource": str(budget.resource),
        "used": budget.used,
        "allowed": budget.allowed,
        "refused": refused,
        "deaths": len(wanted.deaths) if budget.over and budget.theirs else 0,
    }
    if budget.parts:
        data["parts"] = dict(budget.parts)
    return Event(Kind.BUDGET, cycle, None, data)


def _sentence(budget: Budget, refused: int, wanted: Cut) -> str:
    words = used_in_words(budget)
    if budget.left <= 0:
        words += ", and the machine has no more"
    if budget.over and budget.theirs and wanted.deaths:
        words += f"; the poorest die ({len(wanted.deaths)})"
    return f"{words}; births held back: {refused}"
