"""Groups gene files into units, the crates that are compiled, with what each needs."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.substrates.rust.policy import GENERATED_PREFIX

# (module, SHA-256 of its file)
Member = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Unit:
    """One crate of gene code: a file, or several that use each other in a circle."""

    name: str  # of the crate; a hash of everything it is made of
    members: tuple[Member, ...]
    uses: tuple[tuple[str, str], ...]  # (module of another unit, that unit's name)
    needs: frozenset[str]  # names of all units below this one, itself included


module_of, path_of = NAMES.name_of, NAMES.path_of


def crate_name(kind: str, *parts: str) -> str:
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"{GENERATED_PREFIX}{kind}_{digest[:24]}"


@dataclass(frozen=True, slots=True)
class UnitLayout:
    """The unit of each module of a set of files, and the names of all crates that it needs: units
    and kernel."""

    units: Mapping[str, Unit]
    needs: frozenset[str]


class UnitPlanner:
    """Groups gene files into units. The same files below a file always give the same unit."""

    def __init__(self, base: str, uses: Callable[[str, str], tuple[str, ...]]):
        self._base = base  # hash of kernel, profile, crates and toolchain
        self.kernel = crate_name("kernel", base)
        self._uses = uses  # modules that the file of (path, SHA-256) names
        self._units: dict[tuple[str, frozenset[Member]], Unit] = {}
        self._layouts: dict[frozenset[tuple[str, str]], UnitLayout] = {}

    def plan(self, files: Iterable[tuple[str, str]]) -> UnitLayout:
        """The layout of these files (path, SHA-256). Every file used must be among them."""
        key = frozenset(files)
        if key not in self._layouts:
            units = self._plan(key)
            needs = frozenset({self.kernel}).union(*(unit.needs for unit in units.values()))
            self._layouts[key] = UnitLayout(units, needs)
        return self._layouts[key]

    def units(self, names: Iterable[str]) -> dict[str, Unit]:
        """Units planned so far, by name."""
        known = {unit.name: unit for unit in self._units.values()}
        return {name: known[name] for name in sorted(names) if name != self.kernel}

    def _plan(self, files: frozenset[tuple[str, str]]) -> dict[str, Unit]:
        codes = {module_of(path): code for path, code in files}
        uses = {module_of(path): self._uses(path, code) for path, code in files}
        below = {module: _reachable(module, uses) for module in codes}
        units: dict[str, Unit] = {}
        # A file has fewer files below it than one that uses it, unless both are in one circle.
        for module in sorted(codes, key=lambda module: (len(below[module]), module)):
            if module not in units:
                circle = sorted(one for one in below[module] if module in below[one])
                unit = self._unit(circle, codes, uses, below[module], units)
                units.update(dict.fromkeys(circle, unit))
        return units

    def _unit(
        self,
        circle: list[str],
        codes: dict[str, str],
        uses: dict[str, tuple[str, ...]],
        below: set[str],
        units: dict[str, Unit],
    ) -> Unit:
        key = (circle[0], frozenset((module, codes[module]) for module in below))
        if key not in self._units:
            members = tuple((module, codes[module]) for module in circle)
            outside = sorted({used for one in circle for used in uses[one]} - set(circle))
            others = tuple((module, units[module].name) for module in outside)
            parts = [*map(" ".join, members), "uses", *map(" ".join, others)]
            name = crate_name("unit", self._base, *parts)
            needs = frozenset({name}).union(*(units[module].needs for module in outside))
            self._units[key] = Unit(name, members, others, needs)
        return self._units[key]


def _reachable(module: str, uses: dict[str, tuple[str, ...]]) -> set[str]:
    found, ahead = {module}, [module]
    while ahead:
        for used in uses[ahead.pop()]:
            if used not in found:
                found.add(used)
                ahead.append(used)
    return found
