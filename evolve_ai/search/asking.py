"""The verbs ask, propose, apply and admit: from the archive to a program that may be evaluated."""

import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from evolve_ai.contracts.archive import Archive
from evolve_ai.contracts.proposer import Proposer
from evolve_ai.model.blocks import misfit
from evolve_ai.model.brief import Brief, Choice, Proposal
from evolve_ai.model.candidate import Sources, genome_of, program_digest
from evolve_ai.model.draws import Draws
from evolve_ai.model.trial import Cause, Fault
from evolve_ai.search.bandit import Bandit
from evolve_ai.search.members import Members

ATTEMPTS = 8  # at a proposal that fits and is not known yet
HUMAN = "human"


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposed candidate. Either `fault` says why it is not to be evaluated, or `sources` are
    its files. `failed` are operators that were tried before and gave nothing; `same_as` is a
    candidate with a smaller number and this very program."""

    number: int
    parents: tuple[int, ...]
    operator: str
    island: int
    sources: Sources
    genome: Mapping[str, str]
    program: str
    fault: Fault | None = None
    failed: tuple[str, ...] = ()
    note: str = ""
    same_as: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a proposer answered, with the choice and the operator it was asked by."""

    choice: Choice
    operator: str
    proposal: Proposal | Fault
    failed: tuple[str, ...] = ()


class Admission:
    """Which programs may be evaluated: the rules of a task."""

    def __init__(self, initial: Sources, blocks: bool, most_bytes: int):
        self._initial, self._blocks, self._most = initial, blocks, most_bytes

    def fault(self, before: Sources, changed: Sources) -> Fault | None:
        """What is wrong with these new contents of files of an admitted program."""
        unknown = [path for path in changed if path not in self._initial]
        if unknown:
            return Fault(Cause.EDIT, f"{unknown[0]} is none of the files that may change")
        size = sum(map(len, {**before, **changed}.values()))
        if size > self._most:
            words = f"its files have {size} bytes, over program.max_bytes = {self._most}"
            return Fault(Cause.EDIT, words)
        for path, data in changed.items():
            wrong = misfit(self._initial[path], data, self._blocks)
            if wrong:
                return Fault(Cause.EDIT, f"{path}: {wrong}")
        return None


class Asking:
    """Asks the archive and the proposers for candidates."""

    def __init__(
        self,
        draws: Draws,
        archive: Archive,
        proposers: Mapping[str, Proposer],
        bandit: Bandit,
        members: Members,
        admission: Admission,
        goal: str,
        earlier: Callable[[str, int], int | None],
    ):
        """`earlier(program, number)`: a candidate with a smaller number and this very program."""
        self._draws, self._archive, self._proposers = draws, archive, proposers
        self._bandit, self._members, self._admission = bandit, members, admission
        self._goal, self._earlier = goal, earlier

    def choose(self, number: int) -> Choice:
        """Asked once for each number, also where history is only repeated: it may count."""
        return self._archive.ask(number, self._draws.rng("ask", number))

    def ask(
        self, number: int, choice: Choice, step: float, threads: Executor
    ) -> Asked | Future[Answer]:
        """A candidate; one whose proposer is not deterministic comes later, from a thread, and is
        to be recorded before `admitted` is called."""
        failed: list[str] = []
        asked: Asked | None = None
        for attempt in range(ATTEMPTS):
            operator = self._bandit.ask(self._draws.rng("operator", number, attempt))
            proposer, name = self._named(operator)
            rng = self._draws.rng("propose", number, attempt)
            brief = self._brief(number, choice, step, proposer.is_deterministic)
            if not proposer.is_deterministic:
                so_far = tuple(failed)
                return threads.submit(
                    _propose_apart, proposer, brief, rng, name, choice, operator, so_far
                )
            proposal = proposer.propose(brief, rng, name)
            answer = Answer(choice, operator, proposal, tuple(failed))
            asked = self.admitted(number, answer)
            if asked.fault is None and asked.same_as is None:
                return asked
            failed.append(operator)
        assert asked is not None
        return asked

    def admitted(self, number: int, answer: Answer) -> Asked:
        """The verbs apply and admit."""
        choice, proposal = answer.choice, answer.proposal
        parent = self._members.of(choice.parents[0])
        sources, genome = parent.sources, parent.candidate.genome
        parents, note = choice.parents[:1], ""
        if isinstance(proposal, Fault):
            fault: Fault | None = proposal
        else:
            parents, note = proposal.parents, proposal.note
            fault = self._admission.fault(sources, proposal.sources)
            if fault is None:
                genome = {**genome, **genome_of(proposal.sources)}
                if genome == parent.candidate.genome:
                    fault = Fault(Cause.DUPLICATE, f"the same program as its parent, {parents[0]}")
                sources = {**sources, **proposal.sources}
        program = program_digest(genome)
        return Asked(
            number,
            tuple(parents),
            answer.operator,
            choice.island,
            sources,
            genome,
            program,
            fault,
            answer.failed,
            note,
            None if fault is not None else self._earlier(program, number),
        )

    def _named(self, operator: str) -> tuple[Proposer, str]:
        proposer, _, name = operator.partition(".")
        return self._proposers[proposer], name

    def _brief(self, number: int, choice: Choice, step: float, is_deterministic: bool) -> Brief:
        """One that goes to a thread has artifacts, and cannot ask what is known."""
        artifacts = not is_deterministic
        parents = tuple(self._members.relative(one, artifacts) for one in choice.parents)
        others = tuple(self._members.relative(one, artifacts) for one in choice.inspirations)
        if not is_deterministic:
            return Brief(number, parents, others, step, self._goal)
        genome = self._members.of(choice.parents[0]).candidate.genome

        def is_known(changed: Sources) -> bool:
            program = program_digest({**genome, **genome_of(changed)})
            return self._earlier(program, number) is not None

        return Brief(number, parents, others, step, self._goal, is_known)


def operators_of(proposers: Mapping[str, Proposer]) -> dict[str, tuple[str, ...]]:
    """Of each proposer its operators, as "proposer.operator"."""
    return {
        name: tuple(f"{name}.{one}" for one in each.operators) for name, each in proposers.items()
    }


def _propose_apart(
    proposer: Proposer,
    brief: Brief,
    rng: random.Random,
    name: str,
    choice: Choice,
    operator: str,
    failed: tuple[str, ...],
) -> Answer:
    return Answer(choice, operator, proposer.propose(brief, rng, name), failed)


def to_record(answer: Answer, inbox: str = "") -> dict[str, Any]:
    """As JSON. Files that are not UTF-8 survive by escapes."""
    body: dict[str, Any] = {
        "parents": answer.choice.parents,
        "inspirations": answer.choice.inspirations,
        "island": answer.choice.island,
        "operator": answer.operator,
        "failed": answer.failed,
        "inbox": inbox,
    }
    if isinstance(answer.proposal, Fault):
        return {**body, "cause": answer.proposal.cause, "reason": answer.proposal.reason}
    files = answer.proposal.sources.items()
    return {
        **body,
        "files": {path: data.decode("utf-8", "surrogateescape") for path, data in files},
        "used": answer.proposal.parents,
        "note": answer.proposal.note,
    }


def from_record(body: Mapping[str, Any]) -> Answer:
    choice = Choice(_whole(body["parents"]), _whole(body["inspirations"]), body["island"])
    proposal: Proposal | Fault
    if "cause" in body:
        proposal = Fault(Cause(body["cause"]), body["reason"])
    else:
        files = body["files"].items()
        sources = {path: text.encode("utf-8", "surrogateescape") for path, text in files}
        used = _whole(body["used"])
        proposal = Proposal(sources, body["operator"].partition(".")[2], used, body["note"])
    return Answer(choice, body["operator"], proposal, tuple(body["failed"]))


def _whole(told: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(one) for one in told)
