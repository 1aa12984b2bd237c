"""Owns the verb select: shows a policy the population and checks what it answers."""

import random
from collections.abc import Mapping

from evolve_ai.contracts.selection import SelectionPolicy
from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.errors import PluginError
from evolve_ai.model.selection import Candidate, PopulationView, Verdicts


def candidate_of(record: AgentRecord) -> Candidate:
    return Candidate(
        id=record.id,
        energy=record.energy,
        fitness=record.fitness,
        age=record.age,
        generation=record.generation,
        active_genes=record.active_genes,
        running=record.state is State.RUNNING,
    )


def process_natural_selection(
    view: PopulationView, policy: SelectionPolicy, rng: random.Random
) -> Verdicts:
    """The policy's verdicts, or PluginError when it raises or names who is not there."""
    name = getattr(policy, "__qualname__", type(policy).__name__)
    try:
        verdicts = policy(view, rng)
    except Exception as error:
        raise PluginError(
            f"the selection policy {name} failed: {type(error).__name__}: {error}",
            todo='mend it, or choose another one with selection = "energy" in evolve.toml',
        ) from error
    problem = _problem(verdicts, {c.id: c for c in view.candidates})
    if problem:
        raise PluginError(
            f"the selection policy {name} {problem}",
            todo="it must return a Verdicts of candidates' ids: see docs/environments.md",
        )
    return verdicts


def _problem(verdicts: object, candidates: Mapping[str, Candidate]) -> str | None:
    if not isinstance(verdicts, Verdicts):
        return f"returned {type(verdicts).__name__} instead of Verdicts"
    dead = [agent for agent, _ in verdicts.deaths]
    for agent in dead:
        if agent not in candidates:
            return f"condemned {agent!r}, who is not alive"
    if len(set(dead)) != len(dead):
        return "condemned the same agent twice"
    for parents in verdicts.births:
        if not 1 <= len(parents) <= 2:
            return f"named {len(parents)} parents for one birth"
        for parent in parents:
            if parent not in candidates or parent in dead:
                return f"made {parent!r} a parent, who is not alive"
    return None
