"""Tidies up after a cycle: copies the registry, removes unneeded programs and old events."""

from evolve_ai.contracts.colony import Colony
from evolve_ai.contracts.substrate import Builder
from evolve_ai.session.population import Population
from evolve_ai.stages.context import Context
from evolve_ai.state.copies import Copies
from evolve_ai.state.registry import Registry
from evolve_ai.state.rescue import put_back

TIDY_CYCLES = 20


def tidy(
    context: Context,
    population: Population,
    colony: Colony,
    registry: Registry,
    copies: Copies,
    builder: Builder,
    put_off: bool,
) -> None:
    """Do what is due after this cycle. `put_off`: a removal of programs is overdue."""
    population.notes += put_back(registry)
    population.notes += copies.keep(registry)
    if put_off or context.cycle % TIDY_CYCLES == 0:
        population.prune(builder, colony)
    if context.cycle % TIDY_CYCLES == 0:
        registry.forget_events(context.settings.events.kept)
        registry.prune(context.settings.history, context.cycle)
