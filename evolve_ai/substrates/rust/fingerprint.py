"""Owns the fingerprint: one hash of everything that the program of a genome is made of."""

import hashlib

from evolve_ai.model.genome import Genome
from evolve_ai.substrates.rust.wiring import calls

_VERSION = "rust fingerprint 1"


def fingerprint(genome: Genome, fixed_hash: str, toolchain: str) -> str:
    """SHA-256 over calls, active files, kernel, profile and toolchain; the name is not in it.

    What files use of each other follows from their content, so content hashes cover it; the
    profile and the edition are part of `fixed_hash`.
    """
    parts = [_VERSION, toolchain, fixed_hash]
    parts += [f"call {call}" for call in calls(genome)]
    parts += [f"file {gene.path} {gene.code}" for gene in genome.active_files()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
