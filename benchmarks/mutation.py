"""Owns the measurement from a written genome to the new process that answers."""

from pathlib import Path
from typing import Any


def genome_to_process(folder: Path, agents: int) -> dict[str, Any]:
    return {}
