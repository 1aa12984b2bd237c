"""Tests of a worker process whose parent goes away."""

import pickle
from multiprocessing import get_context

from evolve_ai.executors.worker import work


def test_parent_that_is_gone_before_it_has_read_an_answer_is_no_error() -> None:
    """The kernel then reports a reset of the connection, not its end."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs,))
    process.start()
    theirs.close()
    try:
        ours.send_bytes(pickle.dumps((len, "abc")))
        assert ours.poll(60), "an answer"
        ours.close()
        process.join(60)
        assert process.exitcode == 0
    finally:
        process.kill()
        process.join()
