"""The settings of the history that a registry keeps."""

from evolve_ai.model.setting import Section, setting


class HistorySettings(Section):
    """What the registry keeps about cycles and dead agents; docs/registry.md has the tables."""

    sample_every: int = setting(
        5,
        "cycles from one sample of each living agent (fitness, energy, cpu, memory) to the next",
        unit="cycles",
        low=1,
        high=1_000_000,
    )
    samples: int = setting(
        0, "how long samples of dead agents are kept; 0: for ever", unit="cycles", low=0, high=10**9
    )
    genomes: int = setting(
        0,
        "how long genomes of dead agents are kept; founders, champions (the fittest of a cycle) "
        "and ancestors of the living always keep theirs; 0: for ever",
        unit="cycles",
        low=0,
        high=10**9,
    )
    agents: int = setting(
        0,
        "how long dead agents are known at all, with the same exceptions; 0: for ever",
        unit="cycles",
        low=0,
        high=10**9,
    )
