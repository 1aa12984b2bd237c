"""Explains a build: which units a wiring needs, and why it runs or does not."""

from datetime import UTC, datetime

from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.report import Explanation, Program, UnitReport
from evolve_ai.substrates.rust.batch import Outcome
from evolve_ai.substrates.rust.failures import Failures, file_of
from evolve_ai.substrates.rust.fingerprint import Ingredients
from evolve_ai.substrates.rust.plan import Wiring
from evolve_ai.substrates.rust.store import ProgramStore
from evolve_ai.substrates.rust.units import Unit, module_of, path_of


def explain_fault(ingredients: Ingredients, fault: Fault) -> Explanation:
    """Of a wiring that no compiler is asked for."""
    return Explanation(ingredients, (), fault.reason, fault=fault)


def explain_wiring(
    ingredients: Ingredients, wiring: Wiring, store: ProgramStore, failures: Failures
) -> Explanation:
    """Of a wiring that can be tried, or has been."""
    program = store.find(wiring)
    stored = store.holds()
    known = Outcome(
        failed_units=failures.units(sorted(wiring.needs)),
        failed_genes=failures.genes(wiring.genes()),
    )
    ordered = dict.fromkeys(wiring.units[module_of(path)] for path, _ in wiring.files)
    units = tuple(_told(unit, unit.name in stored, known) for unit in ordered)
    if program is not None:
        return Explanation(ingredients, units, _ready(units, program), program)
    altered = store.altered(wiring)
    if altered is not None:
        return Explanation(ingredients, units, altered.reason, fault=altered)
    blamed = known.blame(wiring)
    if blamed is None:
        return Explanation(ingredients, units, _unbuilt(units))
    since = failures.since([*known.failed_units, *map(file_of, known.failed_genes)])
    return Explanation(ingredients, units, blamed + _when(since), fault=Fault(Cause.BUILD, blamed))


def _told(unit: Unit, stored: bool, known: Outcome) -> UnitReport:
    genes = [why for (name, _), why in known.failed_genes.items() if name == unit.name]
    reason = known.failed_units.get(unit.name) or next(iter(genes), "")
    state = "failed" if reason else "ready" if stored else "unbuilt"
    files = tuple(path_of(module) for module, _ in unit.members)
    uses = tuple(path_of(module) for module, _ in unit.uses)
    return UnitReport(unit.name, files, uses, state, reason)


def _ready(units: tuple[UnitReport, ...], program: Program) -> str:
    what = f"all {len(units)} units are" if len(units) > 1 else "what it needs is"
    return f"{what} in batch {program.file.parent.name[:12]}; no compiler is needed"


def _unbuilt(units: tuple[UnitReport, ...]) -> str:
    new = [file for unit in units if unit.state == "unbuilt" for file in unit.files]
    if not new:
        return "no batch holds all of its units together; the next build links one"
    others = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
    return f"no batch holds the unit of {new[0]}{others}; the next build compiles it"


def _when(since: float | None) -> str:
    if since is None:
        return ""
    day = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f" (found on {day}; tried again when the file, or one that it uses, changes)"
