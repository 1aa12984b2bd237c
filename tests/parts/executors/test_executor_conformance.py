"""What every executor must do. A new executor is one more entry in EXECUTORS."""

from collections.abc import Callable, Iterator

import executor_tasks
import pytest

from evolve_ai.contracts.executor import Executor
from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.executors.pool import PoolExecutor
from evolve_ai.model.errors import EvolveError

EXECUTORS: dict[str, Callable[[], Executor]] = {
    "inline": InlineExecutor,
    "pool of one": lambda: PoolExecutor(1),
    "pool of three": lambda: PoolExecutor(3),
    "pool with short-lived workers": lambda: PoolExecutor(2, tasks_per_worker=3),
}


@pytest.fixture(params=EXECUTORS.values(), ids=EXECUTORS.keys())
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    executor: Executor = request.param()
    yield executor
    executor.close()


def test_results_come_in_the_order_of_the_tasks(executor: Executor) -> None:
    assert executor.workers >= 1
    results = list(executor.map(executor_tasks.slow_square, range(40)))
    assert results == [number * number for number in range(40)]


def test_no_tasks_give_no_results(executor: Executor) -> None:
    assert list(executor.map(executor_tasks.square, [])) == []


def test_executor_is_used_again_and_again(executor: Executor) -> None:
    for _ in range(3):
        assert list(executor.map(executor_tasks.square, range(5))) == [0, 1, 4, 9, 16]


def test_tasks_are_drawn_as_needed(executor: Executor) -> None:
    drawn: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(10_000):
            drawn.append(number)
            yield number

    results = executor.map(executor_tasks.square, tasks())
    assert next(results) == 0
    assert len(drawn) <= 4 * executor.workers + 1
    getattr(results, "close", lambda: None)()


def test_what_the_function_raises_is_raised_in_its_turn(executor: Executor) -> None:
    results = executor.map(executor_tasks.refuse_seven, range(20))
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(ValueError, match="seven is refused"):
        next(results)
    assert list(executor.map(executor_tasks.square, range(3))) == [0, 1, 4]


def test_large_tasks_and_results_pass(executor: Executor) -> None:
    data = bytes(3_000_000)
    assert list(executor.map(executor_tasks.length, [data] * 4)) == [3_000_000] * 4
    assert [len(r) for r in executor.map(executor_tasks.twice, [data] * 4)] == [6_000_000] * 4


def test_exception_that_cannot_be_pickled_keeps_its_words(executor: Executor) -> None:
    with pytest.raises((EvolveError, executor_tasks.TwoArguments), match="1 and 2"):
        list(executor.map(executor_tasks.raise_what_cannot_travel, [1]))


def test_map_left_early_leaves_a_working_executor(executor: Executor) -> None:
    for number, _ in enumerate(executor.map(executor_tasks.slow_square, range(100))):
        if number == 2:
            break
    assert list(executor.map(executor_tasks.square, range(3))) == [0, 1, 4]


def test_close_may_come_twice(executor: Executor) -> None:
    list(executor.map(executor_tasks.square, range(3)))
    executor.close()
    executor.close()
