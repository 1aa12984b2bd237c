"""Compiles gene files on trial in the sandbox, for commands that start no agents themselves."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from evolve_ai.contracts.substrate import Progress
from evolve_ai.model.report import BuildRequest, BuildVerdict, GenePool
from evolve_ai.session.components import Components
from evolve_ai.session.sandboxing import Terms, sandbox_of
from evolve_ai.stages.trial import Trial


def boxed_trial(
    components: Components, terms: Terms, progress: Progress | None = None
) -> Callable[[GenePool], Trial]:
    """A function that makes a trial beside a given pool. The sandbox is chosen only once something
    must be compiled; then SandboxError or SettingsError is raised if there is none."""

    def of(pool: GenePool) -> Trial:
        def trial(requests: Sequence[BuildRequest]) -> Sequence[BuildVerdict]:
            sandbox = sandbox_of(components.project, components.substrate.needs.libraries, terms)
            return replace(components, sandbox=sandbox).builder(pool).trial(requests, progress)

        return trial

    return of
