"""A search: asks for candidates, commits those that are evaluated, and goes on where it was ended.

Candidate n is asked for when candidate n - window is committed, before the next commit: so parents
depend on numbers, never on how fast trials end, and a search is resumed by repeating the last steps
that are on record.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

from evolve_ai.model.brief import Choice, Placement, Proposal
from evolve_ai.model.candidate import Candidate, Sources, genome_of, program_digest
from evolve_ai.model.event import Event, Recorded
from evolve_ai.model.trial import Fault, Score
from evolve_ai.search import asking
from evolve_ai.search.asking import Admission, Answer, Asked, Asking
from evolve_ai.search.commit import Step, batch_of, next_digest, taint_event
from evolve_ai.search.evaluation import Evaluation, Plan, Rival
from evolve_ai.search.learning import Learning, Lesson
from evolve_ai.search.members import Member, Members
from evolve_ai.search.no_score import no_score
from evolve_ai.search.parts import SearchParts
from evolve_ai.search.trials import Pending, Trials
from evolve_ai.state.search import SearchRegistry
from evolve_ai.state.search_reader import Placed

SNAPSHOT_EVERY = 256
INITIAL = "initial"
AS_READY = 'candidates are committed as they are ready (search.order = "as-ready")'

Deliver = Callable[[Sequence[Recorded]], None]


@dataclass(frozen=True, slots=True)
class Human:
    """Files that a person proposes; `inbox` is the file of the inbox that brought them."""

    sources: Sources
    inbox: str
    note: str = ""


class Search:
    """Of one registry that is open for writing. `deliver` gets what each commit recorded; `threads`
    run proposers that take their time."""

    def __init__(
        self,
        parts: SearchParts,
        registry: SearchRegistry,
        run: str,
        deliver: Deliver,
        threads: Executor,
    ):
        task, initial = parts.task, parts.files.initial
        self._parts, self._registry, self._run = parts, registry, run
        self._deliver, self._threads = deliver, threads
        self._window, self._in_order = task.search.window, task.search.order == "number"
        self.members = Members(registry, initial, task.score.private)
        self.trials, self.learning = Trials(registry), Learning(parts)
        self._asking = Asking(
            parts.draws,
            parts.archive,
            parts.proposers,
            self.learning.bandit,
            self.members,
            Admission(initial, task.program.blocks, task.program.max_bytes),
            goal_words(task.score.goals, task.score.signs),
            self.trials.earlier,
        )
        self._may_overtake = not all(one.is_deterministic for one in parts.proposers.values())
        self._plan = Plan.of(task, parts.evaluator.stages)
        self._recorded: frozenset[int] = frozenset()
        self.humans: deque[Human] = deque()
        self.limit = 0  # the last number that is asked for; 0: no limit
        self.committed = -1
        self.digest = ""
        self.champion: Rival | None = None

    # Beginning.

    def begin(self) -> None:
        """Go on from what is on record, or ask for the initial program."""
        last = self._registry.last_number()
        self._recorded = self._registry.recorded_proposals()
        if last < 0:
            self._ask_initial()
            return
        after = -1
        kept = self._registry.snapshot(last - self._window)
        if kept is not None:
            after, snapshot = kept
            self.learning.restore(snapshot)
            self.champion = self._champion(after)
            self._ask_next(after, last)
        for placed in self._registry.candidates(after, last):
            self._repeat(placed)
            self._ask_next(placed.candidate.number, last)
        self.committed, self.digest = last, self._registry.digest()

    def _champion(self, last: int) -> Rival | None:
        number = self._registry.champion(last)
        return None if number is None else _rival(self.members.of(number).candidate)

    def _repeat(self, placed: Placed) -> None:
        """What a committed candidate taught, once more."""
        one = placed.candidate
        evaluation = Evaluation(one.number, self._plan)
        if one.score is not None and one.reused is None:
            for key, result in self._registry.trials_of(one.number).items():
                evaluation.add(key, result)
        lesson = self._lesson(one, placed.island, evaluation, placed.improved)
        self.learning.place(lesson)
        if placed.improved:
            self.champion = _rival(one)
        self.learning.learn(lesson)

    # Asking.

    def _ask_initial(self) -> None:
        sources = self._parts.files.initial
        genome = genome_of(sources)
        asked = Asked(0, (), INITIAL, 0, sources, genome, program_digest(genome))
        self._admit(Pending(0), asked)

    def _ask_next(self, number: int, last: int = -1) -> None:
        """Ask for what the commit of `number` allows. For candidates up to `last`, which are on
        record, only the archive is asked again: it may count."""
        first = 1 if number == 0 else number + self._window
        for one in range(first, number + self._window + 1):
            if one <= last or not 0 < self.limit < one:
                self._ask(one, is_committed=one <= last)

    def _ask(self, number: int, is_committed: bool = False) -> None:
        choice = self._asking.choose(number)
        if is_committed:
            return
        record = self._registry.proposal(number) if number in self._recorded else None
        if record is None and self.humans:
            record = self._ask_human(number, choice)
        pending = Pending(number, rival=self._rival_now())
        if record is not None:
            self._admit(pending, self._asking.admitted(number, asking.from_record(record)))
            return
        found = self._asking.ask(number, choice, self.learning.step, self._threads)
        if isinstance(found, Asked):
            self._admit(pending, found)
        else:
            pending.answer = found
            self.trials.add(pending)

    def _rival_now(self) -> Rival | None:
        """The champion, with what is known of its noise."""
        repeats = self.learning.champion_repeats
        return None if self.champion is None else replace(self.champion, repeats=repeats)

    def _ask_human(self, number: int, choice: Choice) -> Mapping[str, Any]:
        """The next candidate is what a person proposed."""
        human = self.humans.popleft()
        proposal = Proposal(human.sources, "files", choice.parents[:1], human.note)
        record = asking.to_record(Answer(choice, f"{asking.HUMAN}.files", proposal), human.inbox)
        self._registry.journal_proposal(number, record)
        return record

    def collect_answers(self) -> None:
        """Take the answers of proposers that work in threads."""
        for pending in list(self.trials.pending.values()):
            if pending.answer is not None and pending.answer.done():
                answer, pending.answer = pending.answer.result(), None
                self._registry.journal_proposal(pending.number, asking.to_record(answer))
                self._admit(pending, self._asking.admitted(pending.number, answer))

    def _admit(self, pending: Pending, asked: Asked) -> None:
        pending.asked = asked
        self.trials.add(pending)
        if asked.fault is not None or asked.same_as is not None:
            pending.is_done = True
            return
        self.trials.begin(pending, Evaluation(asked.number, self._plan, pending.rival))

    # Committing.

    def commit(self) -> list[Step]:
        """Commit what is done, in order of number, and ask for what that allows."""
        steps = []
        while (pending := self._next_done()) is not None:
            steps.append(self._commit(pending))
        return steps

    def _next_done(self) -> Pending | None:
        if self._in_order:
            pending = self.trials.pending.get(self.committed + 1)
            return pending if pending is not None and pending.is_done else None
        return next((one for one in self.trials.pending.values() if one.is_done), None)

    def _commit(self, pending: Pending) -> Step:
        asked = pending.asked
        assert asked is not None
        one = self._judged(pending, asked)
        before = self.champion
        improved = _is_better(one, before)
        self.members.keep(Member(one, asked.sources))
        lesson = self._lesson(one, asked.island, pending.evaluation, improved)
        placement = self.learning.place(lesson)
        if improved:
            self.champion = _rival(one)
        events = self.learning.learn(lesson)
        self.digest = next_digest(self.digest, one, asked.program)
        self._write(pending, one, placement, improved, events)
        self.trials.forget(pending)
        self._ask_more(one.number)
        words = tuple(str(event.data["answer"]) for event in events)
        return Step(one, placement, improved, before.score if before else None, words)

    def _ask_more(self, number: int) -> None:
        if self._in_order:
            self._ask_next(number)
            return
        highest = max([*self.trials.pending, number, self.committed])
        while len(self.trials.pending) < self._window and not 0 < self.limit <= highest:
            highest += 1
            self._ask(highest)

    def _judged(self, pending: Pending, asked: Asked) -> Candidate:
        result, reused = self._result(pending, asked)
        if asked.number == 0 and isinstance(result, Fault):
            raise no_score(result, self._parts)
        score = result if isinstance(result, Score) else None
        generations = [self.members.of(one).candidate.generation for one in asked.parents]
        return Candidate(
            number=asked.number,
            id=self._parts.draws.uuid("candidate", asked.number),
            parents=asked.parents,
            generation=1 + max(generations, default=-1),
            operators=(*asked.failed, asked.operator),
            genome=asked.genome,
            score=score,
            fault=result if isinstance(result, Fault) else None,
            features=self.learning.features.of(asked.sources) if score else {},
            reused=reused,
            note=asked.note,
        )

    def _result(self, pending: Pending, asked: Asked) -> tuple[Score | Fault, int | None]:
        """And the candidate whose result it is, where that is another one with this program."""
        if asked.fault is not None:
            return asked.fault, None
        # A proposer in a thread may have answered later than that of a larger number.
        shared = asked.same_as
        if shared is None and self._in_order and self._may_overtake:
            shared = self._registry.number_with(asked.program)
        if shared is not None:
            known = self.members.of(shared).candidate
            result = known.score or known.fault
            assert result is not None
            return result, shared
        assert pending.evaluation is not None
        judged = pending.evaluation.judged
        assert judged is not None
        return judged, None

    def _lesson(
        self, one: Candidate, island: int, evaluation: Evaluation | None, improved: bool
    ) -> Lesson:
        parent = self.members.of(one.parents[0]).candidate.score if one.parents else None
        sources = self.members.of(one.number).sources
        goals = None if parent is None else parent.goals
        signature = () if evaluation is None else evaluation.signature()
        rounds = {} if evaluation is None else evaluation.rounds()
        return Lesson(one, sources, island, signature, goals, improved, rounds)

    def _write(
        self,
        pending: Pending,
        one: Candidate,
        placement: Placement,
        improved: bool,
        events: Sequence[Event],
    ) -> None:
        asked = pending.asked
        assert asked is not None
        batch = batch_of(asked, one, placement, improved, self.digest, self._new(asked, one))
        taints = [*pending.taints, *([] if self._in_order or one.number == 0 else [AS_READY])]
        state = self._registry.state
        told = [*batch.events, *events]
        if taints and state.tainted is None:
            told.append(taint_event(one.number, taints[0]))
            batch = replace(batch, state=replace(state, tainted=taints[0]))
        if one.number % SNAPSHOT_EVERY == 0 and one.number > 0:
            batch = replace(batch, snapshot=self.learning.snapshot())
        self.committed = one.number
        self._deliver(self._registry.commit(replace(batch, events=told), self._run))

    def _new(self, asked: Asked, one: Candidate) -> Sources:
        """Files that may not be on record yet."""
        if one.reused is not None or asked.fault is not None:
            return {}
        first = self._registry.initial_genome()
        return {p: data for p, data in asked.sources.items() if first.get(p) != asked.genome[p]}


def _is_better(one: Candidate, champion: Rival | None) -> bool:
    if one.score is None or one.reused is not None:
        return False
    return champion is None or one.score.value > champion.score.value


def _rival(one: Candidate) -> Rival:
    assert one.score is not None
    return Rival(one.number, one.genome, one.score)


def goal_words(goals: Sequence[str], signs: Sequence[float]) -> str:
    """What is better, in words."""
    pairs = zip(goals, signs, strict=True)
    return " and ".join(f"{'more' if sign > 0 else 'less'} {goal}" for goal, sign in pairs)
