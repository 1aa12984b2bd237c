"""Guards a variation of the user's own: what it makes must be a genome over code that is known."""

import random
from collections.abc import Sequence
from typing import Any

from evolve_ai.guards import values
from evolve_ai.model.gene_names import GeneNames
from evolve_ai.model.genome import Genome, GenomeError, decode, encode
from evolve_ai.model.report import GenePool
from evolve_ai.system.guard import Guard, WrongValueError, shown

_MOST_OPERATORS = 64
_OPERATOR = 64  # letters
_LARGEST_GENERATION = 2**53


class GuardedVariation:
    """Satisfies contracts.variation.Variation. `names` are those of the substrate's genes."""

    def __init__(self, guard: Guard, inner: Any, names: GeneNames):
        self._guard = guard
        self._inner = inner
        self._names = names

    def found(self, agent: str, pool: GenePool, rng: random.Random) -> Genome:
        return self._guard.call(
            "found",
            lambda: self._inner.found(agent, pool, rng),
            lambda genome: _founder(genome, agent, pool, self._names),
        )

    def conceive(
        self, agent: str, parents: Sequence[Genome], pool: GenePool, rng: random.Random
    ) -> tuple[Genome, tuple[str, ...]]:
        return self._guard.call(
            "conceive",
            lambda: self._inner.conceive(agent, tuple(parents), pool, rng),
            lambda answer: _child(answer, agent, parents, pool, self._names),
        )


def _founder(genome: object, agent: str, pool: GenePool, names: GeneNames) -> Genome:
    found = _genome(genome, agent, _files_of(pool), names)
    if found.parents:
        raise WrongValueError(f"gave a founder the parents {shown(found.parents)}")
    return found


def _child(
    answer: object, agent: str, parents: Sequence[Genome], pool: GenePool, names: GeneNames
) -> tuple[Genome, tuple[str, ...]]:
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise WrongValueError(f"returned {shown(answer)}, a genome and its operators are needed")
    inherited = {(gene.path, gene.code) for parent in parents for gene in parent.files}
    child = _genome(answer[0], agent, inherited | _files_of(pool), names)
    if not set(child.parents) <= {parent.id for parent in parents}:
        raise WrongValueError(f"gave a child the parents {shown(child.parents)}, who are others")
    named = values.items(answer[1], "operators", _MOST_OPERATORS)
    return child, tuple(values.text(name, "an operator", _OPERATOR) for name in named)


def _files_of(pool: GenePool) -> set[tuple[str, str]]:
    return {(source.path, source.code) for source in pool.sources}


def _genome(value: object, agent: str, files: set[tuple[str, str]], names: GeneNames) -> Genome:
    """The same genome as its bytes say it: whatever objects it was made of are gone.

    One that has become too large is given back as it is: it is nobody's child, and no error.
    """
    genome: Genome = values.instance(value, Genome, "a genome")
    if genome.id != agent:
        raise WrongValueError(f"returned the genome of {shown(genome.id)} for {agent!r}")
    try:
        data = encode(genome)
        plain = decode(data, names)
    except GenomeError as error:
        if "more than the" in str(error):
            return genome
        raise WrongValueError(f"returned a genome that breaks a rule: {error}") from error
    except (TypeError, AttributeError, OverflowError) as error:
        raise WrongValueError(f"returned a genome that cannot be written: {error}") from error
    if not 0 <= plain.generation <= _LARGEST_GENERATION:
        raise WrongValueError(f"returned {plain.generation} as a generation")
    for gene in plain.files:
        if (gene.path, gene.code) not in files:
            raise WrongValueError(
                f"gave {gene.path} the code {gene.code[:12]}…, which neither the template nor a "
                "parent has there"
            )
    return plain


def guarded_variation(guard: Guard, inner: Any, names: GeneNames) -> GuardedVariation:
    """PluginError when it is no variation."""
    guard.call(
        "__init__",
        lambda: inner,
        lambda made: values.offers(made, ("found", "conceive"), "a variation"),
    )
    return GuardedVariation(guard, inner, names)
