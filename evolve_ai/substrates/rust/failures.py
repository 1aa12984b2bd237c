"""Remembers what the compiler refused, so that it is not asked again."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from evolve_ai.substrates.rust.plan import Gene
from evolve_ai.system.files import publish, read_regular

MAX_KEPT = 4096
MAX_BYTES = 64 * 1024


class Failures:
    """Reasons by the name of a unit, or of a gene in one. One small file each.

    A unit is named by a hash of all it is made of, so a reason holds until something changes.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._known: dict[str, str | None] = {}

    def units(self, names: Iterable[str]) -> dict[str, str]:
        return {name: reason for name in names if (reason := self._reason(name))}

    def genes(self, genes: Iterable[Gene]) -> dict[Gene, str]:
        return {gene: reason for gene in genes if (reason := self._reason(file_of(gene)))}

    def keep(self, units: Mapping[str, str], genes: Mapping[Gene, str]) -> None:
        by_file = {file_of(gene): why for gene, why in genes.items()}
        for name, reason in {**units, **by_file}.items():
            if self._known.get(name) != reason:
                publish(self._folder / name, reason.encode())
                self._known[name] = reason

    def forget(self, units: Iterable[str], genes: Iterable[Gene]) -> None:
        for name in (*units, *map(file_of, genes)):
            self._known.pop(name, None)
            (self._folder / name).unlink(missing_ok=True)

    def since(self, names: Iterable[str]) -> float | None:
        """When the first of these failed: seconds since the epoch; None if none did."""
        found = [self._folder / name for name in names if self._reason(name)]
        with suppress(FileNotFoundError):  # a life-cycle has just forgotten it
            return min((path.stat().st_mtime for path in found), default=None)
        return None

    def prune(self) -> None:
        """Forget the oldest beyond a fixed number, and what was read of others."""
        self._known.clear()
        kept = list(self._folder.glob("*"))
        if len(kept) > MAX_KEPT:
            kept.sort(key=lambda path: path.stat().st_mtime_ns)
            for path in kept[:-MAX_KEPT]:
                path.unlink(missing_ok=True)

    def _reason(self, name: str) -> str | None:
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> str | None:
        try:
            return read_regular(self._folder / name, MAX_BYTES).decode("utf-8", "replace") or None
        except OSError:  # unknown, or unreadable and so asked again
            return None


def file_of(gene: Gene) -> str:
    """The name under which a gene's failure is kept."""
    unit, call = gene
    return f"{unit}.{call.replace('::', '.')}"
