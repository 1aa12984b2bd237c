"""The settings of the history that a registry keeps."""

from evolve_ai.model.setting import Section, setting


class HistorySettings(Section):
    """What the registry keeps of cycles and of the dead. docs/registry.md has the tables."""

    sample_every: int = setting(
        5,
        "a sample of each living agent (fitness, energy, cpu, memory) is kept every so many cycles",
        unit="cycles",
        low=1,
        high=1_000_000,
    )
    samples: int = setting(
        0, "the dead keep their samples for so long; 0: for ever", unit="cycles", low=0, high=10**9
    )
    genomes: int = setting(
        0,
        "the dead keep their genomes for so long, but founders, champions (the fittest of a cycle) "
        "and ancestors of the living, who keep them; 0: for ever",
        unit="cycles",
        low=0,
        high=10**9,
    )
    agents: int = setting(
        0,
        "the dead are known at all for so long, with the same exceptions; 0: for ever",
        unit="cycles",
        low=0,
        high=10**9,
    )
