"""Plans a build: what each request is made of, or why it is not even tried."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.report import BuildRequest, SourceReport
from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.substrates.rust.units import Unit, UnitPlanner

# (name of the unit that holds it, "module::function")
Gene = tuple[str, str]
Report = Callable[[str, str], SourceReport | None]


@dataclass(frozen=True, slots=True)
class Wiring:
    """One distinct program: its calls in order, and the unit of each active file."""

    fingerprint: str
    calls: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    units: Mapping[str, Unit]  # by module
    needs: frozenset[str]  # names of all crates that must compile: units and kernel

    def genes(self) -> tuple[Gene, ...]:
        """The calls, each with the name of the unit that holds it."""
        return tuple([(self.units[call.partition("::")[0]].name, call) for call in self.calls])


@dataclass(frozen=True, slots=True)
class Plan:
    """Wirings that can be tried, and the faults of those that cannot; by fingerprint."""

    wirings: Mapping[str, Wiring]
    faults: Mapping[str, Fault]


def plan(requests: Iterable[BuildRequest], planner: UnitPlanner, report: Report) -> Plan:
    """Plan each distinct program once. `report` of (path, SHA-256) is None for code that is lost.

    No file is written and no program is run.
    """
    wirings: dict[str, Wiring] = {}
    faults: dict[str, Fault] = {}
    for request in {request.fingerprint: request for request in requests}.values():
        fault = _fault(request, report)
        if fault is not None:
            faults[request.fingerprint] = fault
            continue
        layout = planner.plan(request.files)
        calls = tuple(NAMES.call(*call) for call in request.calls)
        wirings[request.fingerprint] = Wiring(
            request.fingerprint, calls, request.files, layout.units, layout.needs
        )
    return Plan(wirings, faults)


def _fault(request: BuildRequest, report: Report) -> Fault | None:
    """What is wrong with a request as far as its sources tell, without a compiler."""
    active = {path for path, _ in request.files}
    genes: dict[str, tuple[str, ...]] = {}
    for path, code in request.files:
        source = report(path, code)
        if source is None:
            reason = f"{path}: its code ({code[:12]}…) is not in the store"
            return Fault(Cause.BUILD, reason)
        fault = _refused(source) or _missing_use(source, active)
        if fault is not None:
            return fault
        genes[path] = source.genes
    for path, name in request.calls:
        if name not in genes.get(path, ()):
            call = NAMES.call(path, name)
            return Fault(Cause.BUILD, f"src/main.rs: `{call}` is no gene of an active file")
    return None


def _refused(source: SourceReport) -> Fault | None:
    error = source.syntax_error or source.audit_error
    if error is None:
        return None
    line, _, reason = error.removeprefix("line ").partition(": ")
    cause = Cause.BUILD if source.syntax_error else Cause.AUDIT
    return Fault(cause, f"{source.path}:{line}: {reason}")


def _missing_use(source: SourceReport, active: set[str]) -> Fault | None:
    for used in source.uses:
        if used not in active:
            module = NAMES.name_of(used)
            reason = f"{source.path} uses crate::genes::{module}, which is not active"
            return Fault(Cause.BUILD, reason)
    return None
