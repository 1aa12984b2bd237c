"""Tries gene files in the sandbox of the project, for commands that start no agents themselves."""

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
    """What has the compiler try files beside a pool. The sandbox is settled only when something
    is to be compiled: then SandboxError or SettingsError where there is none to be had."""

    def of(pool: GenePool) -> Trial:
        def trial(requests: Sequence[BuildRequest]) -> Sequence[BuildVerdict]:
            sandbox = sandbox_of(components.project, components.substrate.needs.libraries, terms)
            return replace(components, sandbox=sandbox).builder(pool).trial(requests, progress)

        return trial

    return of
