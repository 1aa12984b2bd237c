"""Agents in their boxes: what hostile ones come to, and what they come to without."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fake_colony import FAKE_BOX, QUICK, fake, no_world, start_of

from evolve_ai.colony.colony import Colony
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Exchange, Started
from evolve_ai.model.sandbox import AgentBox, Protection
from evolve_ai.model.world import Percept

Open = Callable[..., "contextmanager[Colony]"]


@pytest.fixture
def opened(tmp_path: Path, nothing_left: None, keeper: Path) -> Open:
    @contextmanager
    def colony(box: AgentBox | None, epoch: int = 1) -> Iterator[Colony]:
        folder = tmp_path / "colony"
        with Colony(folder, keeper, no_world, epoch=epoch, box=box, limits=QUICK) as colony:
            yield colony

    return colony


def lifted(*protections: Protection) -> AgentBox:
    return replace(FAKE_BOX, lifted=FAKE_BOX.lifted | set(protections))


def lived(colony: Colony, tmp_path: Path, vice: str, tick: int = 1) -> Exchange:
    """A tick of one agent of this vice."""
    if not colony.running():
        started = colony.start([start_of(tmp_path, "a", fake(vice))])
        assert isinstance(started["a"], Started), started
    return colony.exchange({"a": Percept((1.0,), (None,), 1000)}, tick=tick, cycle=1)


def told(exchange: Exchange) -> float:
    return exchange.acts["a"].answers[0]


def fault_of(colony: Colony) -> Fault | None:
    colony.sample()
    return colony.reap().get("a")


def test_agent_writes_in_its_state_and_nowhere_else(opened: Open, tmp_path: Path) -> None:
    sibling = tmp_path / "agents" / "sibling"
    sibling.mkdir(parents=True)
    (sibling / "genome.bin").write_bytes(b"its")
    with opened(FAKE_BOX) as colony:
        assert told(lived(colony, tmp_path, "reads_its_sibling")) == 1
    assert (sibling / "genome.bin").read_bytes() == b"its"
    with opened(lifted(Protection.FILES)) as colony:
        assert told(lived(colony, tmp_path, "reads_its_sibling")) == 1111
    assert (sibling / "genome.bin").read_bytes() == b"mine"


def test_agent_that_asks_for_a_socket_is_ended_by_the_sandbox(opened: Open, tmp_path: Path) -> None:
    with opened(FAKE_BOX) as colony:
        fault = lived(colony, tmp_path, "opens_a_socket").faults["a"]
        assert (fault.cause, fault.reason) == (Cause.SANDBOX, "killed by SIGSYS (31)")
    with opened(lifted(Protection.NETWORK)) as colony:
        assert lived(colony, tmp_path, "opens_a_socket").faults == {}
    with opened(None) as colony:
        assert lived(colony, tmp_path, "opens_a_socket").faults == {}


def test_agent_has_as_many_threads_as_allowed(opened: Open, tmp_path: Path) -> None:
    with opened(FAKE_BOX) as colony:
        assert told(lived(colony, tmp_path, "starts_threads")) == 0
        assert fault_of(colony) is None
    with opened(replace(FAKE_BOX, threads=8)) as colony:
        assert told(lived(colony, tmp_path, "starts_threads")) == 7
        assert fault_of(colony) is None
    with opened(replace(FAKE_BOX, threads=4)) as colony:
        assert told(lived(colony, tmp_path, "starts_threads")) == 7
        assert fault_of(colony) == Fault(Cause.SANDBOX, "has 8 threads, 4 are allowed")
    with opened(replace(lifted(Protection.THREADS), threads=4)) as colony:
        assert told(lived(colony, tmp_path, "starts_threads")) == 7
        assert fault_of(colony) is None


def test_agent_that_floods_its_state_is_ended(opened: Open, tmp_path: Path) -> None:
    with opened(FAKE_BOX) as colony:
        lived(colony, tmp_path, "floods_its_state")
        reason = "state/ holds more than the 64 files that are allowed"
        assert fault_of(colony) == Fault(Cause.SANDBOX, reason)
    with opened(replace(FAKE_BOX, state_files=100)) as colony:
        lived(colony, tmp_path, "floods_its_state")
        assert fault_of(colony) is None


def test_agent_that_fills_its_state_is_ended(opened: Open, tmp_path: Path) -> None:
    with opened(replace(FAKE_BOX, state_bytes=2**20)) as colony:
        colony.start([start_of(tmp_path, "a", fake("fills_its_state"))])
        assert fault_of(colony) is None
        lived(colony, tmp_path, "fills_its_state")
        fault = fault_of(colony)
        assert fault is not None and fault.cause is Cause.SANDBOX
        assert fault.reason.endswith("bytes, 1048576 are allowed")


def test_agent_that_hides_bytes_in_removed_files_is_ended(opened: Open, tmp_path: Path) -> None:
    hidden = "hides_bytes_in_removed_files"
    with opened(replace(FAKE_BOX, state_bytes=2**21)) as colony:
        lived(colony, tmp_path, hidden)
        fault = fault_of(colony)
        assert fault is not None and fault.cause is Cause.SANDBOX
        assert "of them in removed files), 2097152 are allowed" in fault.reason
    with opened(replace(FAKE_BOX, state_bytes=2**23)) as colony:
        lived(colony, tmp_path, hidden)
        assert fault_of(colony) is None


@pytest.mark.parametrize("spoil", [Path.touch, lambda path: path.symlink_to("/tmp")])
def test_agent_whose_state_is_no_folder_is_not_started(
    opened: Open, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    start = start_of(tmp_path, "a", fake("well_behaved"))
    spoil(start.folder / "state")
    with opened(FAKE_BOX) as colony:
        fault = colony.start([start])["a"]
    assert isinstance(fault, Fault)
    assert fault.cause is Cause.SANDBOX
    assert fault.reason.startswith("cannot be started: it must be a folder, not a link: ")


def test_box_that_cannot_be_made_is_no_start(opened: Open, tmp_path: Path) -> None:
    start = start_of(tmp_path, "a", fake("well_behaved"))
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with opened(replace(FAKE_BOX, libraries=(*FAKE_BOX.libraries, loop))) as colony:
        fault = colony.start([start])["a"]
    assert fault == Fault(
        Cause.CRASH, "cannot be started: Landlock: Too many levels of symbolic links (os error 40)"
    )


def test_whoever_lives_in_another_box_is_started_anew(
    opened: Open, tmp_path: Path, keeper: Path
) -> None:
    start = start_of(tmp_path, "a", fake("well_behaved"), note="n")
    first = Colony(tmp_path / "colony", keeper, no_world, epoch=1, box=None, limits=QUICK)
    first.settle("one", [], [start], remember=True)
    old = first.running()
    first.detach()
    with opened(None, epoch=2) as second:
        assert second.adopt({"a": start}, old).notes == {"a": "n"}
        assert second.settle("two", [], [start], remember=True).outcomes["a"] == Started(old["a"])
        second.detach()
    with opened(FAKE_BOX, epoch=3) as third:
        assert third.adopt({"a": start}, old).notes == {"a": ""}
        outcome = third.settle("three", [], [start], remember=True).outcomes["a"]
        assert isinstance(outcome, Started)
        assert outcome.pid != old["a"]
