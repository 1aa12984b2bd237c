"""Interleaves live updates with long stages of a cycle, in free mode."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.model.agent import AgentRecord
from evolve_ai.modes.live_updates import LiveUpdates
from evolve_ai.stages.context import Context

Task = TypeVar("Task")
Result = TypeVar("Result")


class Interleaving:
    """Calls live updates in every pause of a `context` and, as its executor
    (contracts.executor.Executor), after each result. In lockstep there are no live
    updates, and nothing is interleaved.

    `lived` is the last tick that each agent has answered, if that is not on record yet.
    """

    def __init__(
        self,
        context: Context,
        live_updates: LiveUpdates | None = None,
        lived: Mapping[str, int] | None = None,
    ):
        self._executor = context.executor
        self.workers = self._executor.workers
        self.context = replace(context, executor=self, pause=self.look)
        # The pool of workers is busy and takes no second order meanwhile.
        self._beside = replace(context, executor=InlineExecutor())
        self._live_updates = live_updates
        self._lived = lived or {}
        self._renewed: dict[str, AgentRecord] = {}

    def look(self) -> None:
        if self._live_updates is not None:
            self._renewed |= self._live_updates.look(self._beside, self._lived, {}).agents

    def renewed(self) -> Mapping[str, AgentRecord]:
        """The agents that live updates changed since the last call, as committed."""
        found, self._renewed = self._renewed, {}
        return found

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        for result in self._executor.map(function, tasks):
            self.look()
            yield result

    def close(self) -> None:
        """Does nothing: the executor belongs to the caller."""
