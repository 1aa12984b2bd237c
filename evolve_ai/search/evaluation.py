"""The verbs evaluate and judge: which trials a candidate needs, one after the other, and what they
say together. Pure: results come from whoever runs the trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from evolve_ai.model.task_settings import Task
from evolve_ai.model.trial import Cause, Fault, Score
from evolve_ai.search.paired import Pairs, paired_score
from evolve_ai.state.search_reader import TrialKey

Result = Score | Fault


@dataclass(frozen=True, slots=True)
class Rival:
    """The champion that a candidate is compared with where costs are measured in pairs. `repeats`:
    what comparisons before this one measured of it."""

    number: int
    genome: Mapping[str, str]
    score: Score
    repeats: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The trials that a task asks for."""

    stages: tuple[str, ...]
    thresholds: tuple[float, ...]
    seeds: tuple[int, ...]
    repeats: int  # 0: pairs, at most `most`
    most: int
    sign: float  # of the first goal

    @staticmethod
    def of(task: Task, stages: Sequence[str]) -> "Plan":
        told = task.evaluate
        return Plan(
            tuple(stages),
            told.thresholds,
            told.seeds,
            told.repeats,
            told.most_repeats,
            task.score.signs[0],
        )


class Evaluation:
    """The trials of one candidate. `next` says which trial comes next, `judged` what came out."""

    def __init__(self, number: int, plan: Plan, rival: Rival | None = None):
        """`rival` is compared with where `plan.repeats` is 0; without one a trial is repeated."""
        self.number, self.rival = number, rival
        self._plan = plan
        self._results: dict[TrialKey, Result] = {}
        self._judged: Result | None = None
        self._stage = 0

    @property
    def judged(self) -> Result | None:
        return self._judged

    def add(self, key: TrialKey, result: Result) -> None:
        self._results[key] = result
        if key.subject == self.number and isinstance(result, Fault):
            self._judged = result

    def next(self) -> TrialKey | None:
        """The next trial, or None once there is a judgement. A rival that fails now, which it did
        not before, is left out of the comparison."""
        while self._judged is None:
            last = self._stage == len(self._plan.stages) - 1
            wanted = self._wanted(last)
            if wanted is not None:
                return wanted
            self._finish_stage(last)
        return None

    def _key(self, subject: int, seed: int, repeat: int) -> TrialKey:
        return TrialKey(self.number, subject, self._plan.stages[self._stage], seed, repeat)

    def _wanted(self, last: bool) -> TrialKey | None:
        if last and self._plan.repeats == 0:
            return self._paired()
        for seed in self._plan.seeds:
            for repeat in range(max(1, self._plan.repeats)):
                key = self._key(self.number, seed, repeat)
                if key not in self._results:
                    return key
        return None

    def _paired(self) -> TrialKey | None:
        """Rounds of all seeds, candidate and rival in turns, who begins changing each time, until
        it is clear who is better. The candidate is the first of all: it may fail."""
        for repeat in range(self._plan.most):
            for at, seed in enumerate(self._plan.seeds):
                subjects = [self.number] if self.rival is None else [self.number, self.rival.number]
                if (repeat + at) % 2:
                    subjects.reverse()
                for subject in subjects:
                    key = self._key(subject, seed, repeat)
                    if key not in self._results:
                        return key
            if self._pairs().verdict(self._plan.most) is not None:
                return None
        return None

    def _pairs(self) -> Pairs:
        ours, theirs = [], []
        for repeat in range(self._plan.most):
            mine = self._round(self.number, repeat)
            if len(mine) < len(self._plan.seeds):
                break
            if self.rival is not None:
                other = self._round(self.rival.number, repeat)
                if len(other) < len(self._plan.seeds):
                    break
                both = [(a.value, b.value) for a, b in zip(mine, other, strict=True)
                        if isinstance(a, Score) and isinstance(b, Score)]  # fmt: skip
                if not both:
                    continue
                theirs.append(fmean(b for _, b in both))
                ours.append(fmean(a for a, _ in both))
            else:
                ours.append(fmean(one.value for one in mine if isinstance(one, Score)))
        known = () if self.rival is None else self.rival.repeats
        return Pairs(tuple(ours), tuple(theirs), known)

    def _round(self, subject: int, repeat: int) -> list[Result]:
        """What is there of a round, in the order of seeds."""
        keys = [self._key(subject, seed, repeat) for seed in self._plan.seeds]
        return [self._results[key] for key in keys if key in self._results]

    def rounds(self) -> dict[int, tuple[float, ...]]:
        """First goals of whole rounds in the last stage, the means over seeds, by whose program
        ran; none where there are no pairs."""
        if self._plan.repeats:
            return {}
        stage, count = self._plan.stages[-1], len(self._plan.seeds)
        found: dict[int, dict[int, list[float]]] = {}
        for key, result in sorted(self._results.items()):
            if key.stage == stage and isinstance(result, Score):
                found.setdefault(key.subject, {}).setdefault(key.repeat, []).append(result.value)
        return {
            subject: tuple(
                fmean(values) for _, values in sorted(by.items()) if len(values) == count
            )
            for subject, by in found.items()
        }

    def _finish_stage(self, last: bool) -> None:
        score = self._combined()
        if last:
            if self._plan.repeats == 0 and self.rival is not None:
                score = paired_score(score, self._pairs(), self.rival.score, self._plan.most)
            self._judged = score
            return
        reached, asked = score.value, self._plan.sign * self._plan.thresholds[self._stage]
        if reached < asked:
            stage, sign = self._plan.stages[self._stage], self._plan.sign
            words = f"stage {stage}: {sign * reached:g} does not reach {sign * asked:g}"
            self._judged = Fault(Cause.THRESHOLD, words, score.artifacts)
            return
        self._stage += 1

    def _combined(self) -> Score:
        """The means over seeds and repeats of the last stage; metrics that only earlier stages
        have are kept."""
        stages = self._plan.stages[: self._stage + 1]
        by_stage = [
            [r for k, r in self._own() if k.stage == stage and isinstance(r, Score)]
            for stage in stages
        ]
        found = by_stage[-1]
        goals = tuple(fmean(values) for values in zip(*(s.goals for s in found), strict=True))
        earlier = [score for scores in by_stage[:-1] for score in scores[:1]]
        first = found[0]
        return replace(
            first,
            goals=goals,
            metrics=_means([s.metrics for s in (*earlier, *found)], len(earlier)),
            private=_means([s.private for s in (*earlier, *found)], len(earlier)),
        )

    def _own(self) -> Sequence[tuple[TrialKey, Result]]:
        return [(k, r) for k, r in sorted(self._results.items()) if k.subject == self.number]

    def signature(self) -> tuple[float, ...]:
        """The first goal by seed, in the last stage."""
        stage = self._plan.stages[-1]
        by_seed: dict[int, list[float]] = {}
        for key, result in self._own():
            if key.stage == stage and isinstance(result, Score):
                by_seed.setdefault(key.seed, []).append(result.value)
        return tuple(fmean(by_seed[seed]) for seed in self._plan.seeds if seed in by_seed)


def _means(maps: Sequence[Mapping[str, float]], earlier: int) -> dict[str, float]:
    """Of the later maps, each name where it occurs; what only earlier ones have stays."""
    found: dict[str, list[float]] = {}
    for one in maps[earlier:]:
        for name, value in one.items():
            found.setdefault(name, []).append(value)
    told = {name: value for one in maps[:earlier] for name, value in one.items()}
    return {**told, **{name: fmean(values) for name, values in found.items()}}
