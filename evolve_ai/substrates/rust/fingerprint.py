"""The fingerprint: one hash of everything that the program of a genome is made of."""

import hashlib
from collections.abc import Iterable

from evolve_ai.model.genome import Genome
from evolve_ai.substrates.rust.wiring import calls

Ingredients = tuple[tuple[str, str], ...]  # (name, value)


def fingerprint(genome: Genome, fixed_hash: str, made_with: Ingredients) -> str:
    """SHA-256 over the ingredients; the agent's name is not among them."""
    files = ((gene.path, gene.code) for gene in genome.active_files())
    return hashed(ingredients(fixed_hash, made_with, calls(genome), files))


def ingredients(
    fixed_hash: str, made_with: Ingredients, called: Iterable[str], files: Iterable[tuple[str, str]]
) -> Ingredients:
    """What a program is made of; `files` are active (path, SHA-256).

    What files use of each other follows from their content, so content hashes cover it.
    """
    return (
        ("kernel and manifest", fixed_hash),
        *made_with,
        ("calls", " ".join(called)),
        *files,
    )


def hashed(parts: Ingredients) -> str:
    text = "\n".join(f"{name} {value}" for name, value in parts)
    return hashlib.sha256(text.encode()).hexdigest()
