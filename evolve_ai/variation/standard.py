"""The standard variation: random founders, crossover by file, mutation at birth."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from evolve_ai.model.genome import FileGene, Genome
from evolve_ai.model.report import GenePool, SourceReport
from evolve_ai.model.variation_settings import StandardOptions

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class StandardVariation:
    """Uniform crossover (Syswerda 1989) over whole gene files, then a few small mutations."""

    options: StandardOptions

    def found(self, agent: str, pool: GenePool, rng: random.Random) -> Genome:
        files = [self._found_file(source, rng) for source in pool.sources]
        rng.shuffle(files)
        traits = {trait: round(rng.random(), 4) for trait in pool.traits()}
        traits["mutation_rate"] = self.options.mutation_rate
        return _with_dependencies(Genome(agent, 0, (), tuple(files), traits), pool)

    def _found_file(self, source: SourceReport, rng: random.Random) -> FileGene:
        functions = [(name, rng.random() < self._odds(name)) for name in source.genes]
        rng.shuffle(functions)
        active = rng.random() < self.options.file_active
        return FileGene(source.path, source.code, active, tuple(functions))

    def _odds(self, function: str) -> float:
        return self.options.likely.get(function, self.options.function_active)

    def conceive(
        self, agent: str, parents: Sequence[Genome], pool: GenePool, rng: random.Random
    ) -> tuple[Genome, tuple[str, ...]]:
        operators = ["crossover"] if len(parents) > 1 else ["clone"]
        child = Genome(
            id=agent,
            generation=1 + max(parent.generation for parent in parents),
            parents=tuple(parent.id for parent in parents),
            files=_cross_files(parents, rng),
            traits=_cross_traits(parents, rng),
        )
        for operator in (_function_flip, _file_flip, _order_swap, _trait_shift, _adopt):
            mutated = operator(child, pool, self.options, rng)
            if mutated != child:
                operators.append(operator.__name__.removeprefix("_"))
                child = mutated
        return child, tuple(operators)


def _cross_files(parents: Sequence[Genome], rng: random.Random) -> tuple[FileGene, ...]:
    first, last = parents[0], parents[-1]
    other = {gene.path: gene for gene in last.files}
    sides = _sides(rng, sum(1 for gene in first.files if gene.path in other))
    files = [
        other[gene.path] if gene.path in other and next(sides) else gene for gene in first.files
    ]
    known = {gene.path for gene in first.files}
    files += [gene for gene in last.files if gene.path not in known]
    return tuple(files)


def _cross_traits(parents: Sequence[Genome], rng: random.Random) -> dict[str, float]:
    first, last = parents[0].traits, parents[-1].traits
    both = first.keys() & last.keys()
    names = [*first, *(name for name in last if name not in first)]
    return {
        name: (last if side else first)[name]
        if name in both
        else first.get(name, last.get(name, 0.5))
        for name, side in zip(names, _sides(rng, len(names)), strict=True)
    }


def _sides(rng: random.Random, count: int) -> Iterator[int]:
    """So many random bits, as `rng.choice` of two values draws them, in a fifth of the time."""
    bits, drawn = rng.getrandbits, []
    for _ in range(count):
        side = bits(2)
        while side > 1:
            side = bits(2)
        drawn.append(side)
    return iter(drawn)


def _function_flip(
    child: Genome, pool: GenePool, options: StandardOptions, rng: random.Random
) -> Genome:
    for _ in range(options.function_flips):
        spots = [(at, n) for at, gene in enumerate(child.files) for n in range(len(gene.functions))]
        if not spots:
            return child
        at, n = rng.choice(spots)
        functions = list(child.files[at].functions)
        name, active = functions[n]
        functions[n] = (name, not active)
        child = _with_file(child, at, replace(child.files[at], functions=tuple(functions)))
    return child


def _file_flip(
    child: Genome, pool: GenePool, options: StandardOptions, rng: random.Random
) -> Genome:
    if rng.random() >= options.file_flip or not child.files:
        return child
    at = rng.randrange(len(child.files))
    return _with_file(child, at, replace(child.files[at], active=not child.files[at].active))


def _order_swap(
    child: Genome, pool: GenePool, options: StandardOptions, rng: random.Random
) -> Genome:
    """Swap two neighbouring files, or two neighbouring functions of a file."""
    if rng.random() >= options.order_swap or not child.files:
        return child
    if rng.random() < 0.5:
        return replace(child, files=_neighbours_swapped(child.files, rng))
    at = rng.randrange(len(child.files))
    functions = _neighbours_swapped(child.files[at].functions, rng)
    return _with_file(child, at, replace(child.files[at], functions=functions))


def _neighbours_swapped(items: tuple[Item, ...], rng: random.Random) -> tuple[Item, ...]:
    if len(items) < 2:
        return items
    at = rng.randrange(len(items) - 1)
    return (*items[:at], items[at + 1], items[at], *items[at + 2 :])


def _trait_shift(
    child: Genome, pool: GenePool, options: StandardOptions, rng: random.Random
) -> Genome:
    traits, drawn = dict(child.traits), rng.random
    share, most = options.trait_share, options.trait_shift
    for name, value in child.traits.items():
        if drawn() < share:
            traits[name] = round(min(1.0, max(0.0, value + rng.uniform(-most, most))), 4)
    return replace(child, traits=traits)


def _adopt(child: Genome, pool: GenePool, options: StandardOptions, rng: random.Random) -> Genome:
    """Give the child gene files that are new in the template, each with a probability."""
    known = {gene.path for gene in child.files}
    for source in pool.sources:
        if source.path in known or not source.genes or rng.random() >= options.innovation:
            continue
        active = rng.choice(source.genes)
        functions = tuple((name, name == active or rng.random() < 0.5) for name in source.genes)
        gene = FileGene(source.path, source.code, True, functions)
        at = rng.randrange(len(child.files) + 1)
        child = replace(child, files=(*child.files[:at], gene, *child.files[at:]))
    if len(child.files) == len(known):
        return child
    traits = {trait: rng.random() for trait in pool.traits() if trait not in child.traits}
    return _with_dependencies(replace(child, traits={**child.traits, **traits}), pool)


def _with_file(genome: Genome, at: int, gene: FileGene) -> Genome:
    return replace(genome, files=(*genome.files[:at], gene, *genome.files[at + 1 :]))


def _with_dependencies(genome: Genome, pool: GenePool) -> Genome:
    """Add and activate the files that an active file uses."""
    sources = {source.path: source for source in pool.sources}
    active = {gene.path for gene in genome.active_files()}
    waiting = list(active)
    while waiting:
        source = sources.get(waiting.pop())
        for path in source.uses if source else ():
            if path not in active:
                active.add(path)
                waiting.append(path)
    files = [
        gene if gene.active or gene.path not in active else replace(gene, active=True)
        for gene in genome.files
    ]
    known = {gene.path for gene in files}
    files += [_asleep(sources[path]) for path in sorted(active - known) if path in sources]
    return replace(genome, files=tuple(files))


def _asleep(source: SourceReport) -> FileGene:
    """A gene file that others use but whose own functions are not called."""
    return FileGene(source.path, source.code, True, tuple((name, False) for name in source.genes))
