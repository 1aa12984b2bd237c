"""A colony of real processes on real pipes, each with its vice."""

import os
import resource
import signal
import time
from pathlib import Path

import pytest
from fake_colony import FAKE_BOX, QUICK, fake, no_world, start_of

from evolve_ai.colony.colony import Colony
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Deadlines, Exchange, Refused, Started
from evolve_ai.model.frame import MAX_STEPS_OF_FRAME
from evolve_ai.model.report import Program
from evolve_ai.model.world import Percept
from evolve_ai.system.reserves import SPARE_DESCRIPTORS

STEPS = (1.0, 2.0)


def ask(colony: Colony, tick: int = 1, steps: tuple[float, ...] = STEPS) -> Exchange:
    percepts = {id: Percept(steps, (None, 0.5), 1000) for id in colony.running()}
    return colony.exchange(percepts, tick=tick, cycle=1)


def only_fault(colony: Colony, tick: int = 1) -> Fault:
    exchange = ask(colony, tick)
    [fault] = exchange.faults.values()
    assert colony.running() == {}
    return fault


def test_well_behaved_agents_answer_every_tick_and_leave_their_state(colony, raise_agents):
    outcome = raise_agents(*["well_behaved"] * 3)
    assert all(isinstance(started, Started) for started in outcome.values())
    for tick in range(1, 6):
        exchange = ask(colony, tick)
        assert [act.answers for act in exchange.acts.values()] == [(2.0, 3.0)] * 3
        assert (exchange.faults, exchange.tainted) == ({}, ())
    farewells = colony.stop(list(colony.running()))
    assert [(bye.state, bye.reason) for bye in farewells.values()] == [(b"5.", None)] * 3
    assert colony.running() == {}


def test_state_of_a_bye_comes_back_in_the_next_hello(colony, raise_agents):
    raise_agents("well_behaved", state=b"before.")
    assert colony.stop(["a0-well_behaved"])["a0-well_behaved"].state == b"before.0."


def test_agent_starts_in_its_folder_with_a_clean_house(colony, raise_agents, tmp_path, keeper):
    os.environ["EVOLVE_TEST_SECRET"] = "token"
    here = Path.cwd()
    inherited = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        with Colony(
            tmp_path / "second", keeper, no_world, epoch=1, box=FAKE_BOX, limits=QUICK
        ) as second:
            home = tmp_path / "home"
            second.start([start_of(home, "x", fake("tells_about_itself"))])
            log = (home / "agents/x/agent.log").read_text().splitlines()
    finally:
        os.close(inherited)
        del os.environ["EVOLVE_TEST_SECRET"]
    assert log == [
        f"folder {home}/agents/x",
        "environment ['LANG', 'PATH', 'PWD']",  # PWD is the shell's
        "descriptors [0, 1, 2, 3, 4]",
        "session True",
        "stdin /dev/null",
    ]
    assert Path.cwd() == here


def test_agent_is_named_in_its_command_line(tmp_path, nothing_left, keeper):
    sleeper = Program(Path("/bin/sleep"), ("100",))
    limits = Deadlines(ready_wall=0.3, late=0.1)
    with Colony(tmp_path / "w", keeper, no_world, epoch=1, box=FAKE_BOX, limits=limits) as second:
        seen: list[bytes] = []
        judge = second._judge

        def look(resident, *rest):
            seen.append(Path(f"/proc/{resident.identity.pid}/cmdline").read_bytes())
            judge(resident, *rest)

        second._judge = look
        outcome = second.start([start_of(tmp_path, "uuid", sleeper)])
    assert seen[0] == b"agent-uuid\x00100\x00"
    assert outcome["uuid"].cause is Cause.HANG


def test_agent_that_exits_at_once_is_a_crash_with_its_last_words(colony, raise_agents):
    [fault] = raise_agents("exits_at_once").values()
    words = "exited with code 3; last line of agent.log: no config, no fun"
    assert fault == Fault(Cause.CRASH, words)


def test_last_words_are_those_of_this_life(colony, raise_agents, tmp_path):
    raise_agents("exits_at_once")
    program = Program(Path("/bin/false"))
    [fault] = colony.start([start_of(tmp_path, "a0-exits_at_once", program)]).values()
    assert fault == Fault(Cause.CRASH, "exited with code 1")


def test_program_that_is_not_there_is_no_fault_of_its_agent_and_leaves_no_pipe(colony, tmp_path):
    starts = [
        start_of(tmp_path, "missing", Program(Path("/nowhere/agent"))),
        start_of(tmp_path, "good", fake("well_behaved")),
    ]
    outcome = colony.start(starts)
    assert isinstance(outcome["missing"], Refused)
    assert outcome["missing"].lasting
    assert "/nowhere/agent" in outcome["missing"].what
    assert list(colony.running()) == ["good"]
    assert len(list((tmp_path / "colony/pipes").iterdir())) == 2


def test_agent_that_is_never_ready_is_ended(tmp_path, nothing_left, keeper):
    limits = Deadlines(ready_cpu=0.2, late=0.1)
    with Colony(tmp_path, keeper, no_world, epoch=1, box=FAKE_BOX, limits=limits) as colony:
        [fault] = colony.start([start_of(tmp_path, "x", fake("never_ready"))]).values()
        assert fault.cause is Cause.HANG
        assert colony.take_taints() == ()


@pytest.mark.parametrize(
    ("vice", "cause", "reason"),
    [
        ("exits_zero", Cause.DONE, "exited with code 0"),
        ("exits_125", Cause.NEVER_RESTART, "exited with code 125"),
        (
            "panics",
            Cause.CRASH,
            "killed by SIGABRT (6); last line of agent.log: thread 'main' "
            "panicked at src/genes/neural.rs:3:5: index out of bounds?[31m",
        ),
        ("hangs_busy", Cause.HANG, "gave no answer within 0.3 s of its own CPU time"),
        ("floods_garbage", Cause.PROTOCOL, "the length of a frame is given as 4294967295 bytes"),
        ("lies_about_length", Cause.PROTOCOL, "given as 4294967295 bytes"),
        ("lies_about_checksum", Cause.PROTOCOL, "checksum"),
        ("floods_old_acts", Cause.PROTOCOL, "frames of other ticks or epochs"),
        ("answers_nan", Cause.PROTOCOL, "must be finite"),
        ("closes_descriptors", Cause.PROTOCOL, "closed its end of the pipe"),
    ],
)
def test_fault_of_a_vice_is_named_and_taints_nothing(colony, raise_agents, vice, cause, reason):
    raise_agents(vice)
    exchange = ask(colony)
    [fault] = exchange.faults.values()
    assert fault.cause is cause
    assert reason in fault.reason
    assert exchange.tainted == ()
    assert exchange.acts == {}
    assert colony.running() == {}


@pytest.mark.parametrize(
    ("vice", "reason"),
    [
        ("hangs_sleeping", "gave no answer for 1 s"),
        ("half_frame_then_silence", "after 12 bytes of an unfinished frame"),
    ],
)
def test_hang_by_the_wall_clock_taints_history(colony, raise_agents, vice, reason):
    raise_agents(vice)
    exchange = ask(colony)
    [fault] = exchange.faults.values()
    assert fault.cause is Cause.HANG
    assert reason in fault.reason
    [taint] = exchange.tainted
    assert reason in taint


def test_one_agent_at_fault_costs_the_others_nothing(colony, raise_agents):
    raise_agents("well_behaved", "panics", "well_behaved", "hangs_busy")
    exchange = ask(colony)
    assert sorted(exchange.acts) == ["a0-well_behaved", "a2-well_behaved"]
    assert sorted(exchange.faults) == ["a1-panics", "a3-hangs_busy"]
    assert sorted(ask(colony, 2).acts) == ["a0-well_behaved", "a2-well_behaved"]


def test_act_before_a_death_counts_and_so_does_the_death(colony, raise_agents):
    raise_agents("acts_then_exits")
    exchange = ask(colony)
    assert exchange.acts["a0-acts_then_exits"].answers == (2.0, 3.0)
    faults = dict(exchange.faults)
    deadline = time.monotonic() + 5
    while not faults and time.monotonic() < deadline:
        faults |= colony.reap()
    assert faults["a0-acts_then_exits"].reason == "exited with code 7"


def test_second_act_for_a_tick_is_a_protocol_fault_and_the_first_counts(colony, raise_agents):
    raise_agents("answers_twice")
    exchange = ask(colony, steps=())
    assert exchange.acts["a0-answers_twice"].answers == (1.0,)
    assert exchange.faults["a0-answers_twice"] == Fault(Cause.PROTOCOL, "answered tick 1 twice")


def test_act_of_an_older_run_is_dropped(colony, raise_agents):
    raise_agents("answers_late_epoch")
    for tick in range(1, 40):
        exchange = ask(colony, tick)
        assert exchange.acts["a0-answers_late_epoch"].answers == (2.0, 3.0)
        assert exchange.faults == {}


def test_same_tick_may_be_asked_again(colony, raise_agents):
    raise_agents("well_behaved")
    assert ask(colony, 3).acts == ask(colony, 3).acts


def test_stray_print_is_a_log_line(colony, raise_agents, tmp_path):
    raise_agents("prints_to_stdout")
    assert len(ask(colony).acts) == 1
    log = tmp_path / "agents/a0-prints_to_stdout/agent.log"
    assert log.read_text() == "x" * 1000 + "\n" + "y" * 1000 + "\n"


def test_overlong_log_keeps_its_last_half(colony, raise_agents, tmp_path):
    raise_agents("fills_its_log")
    log = tmp_path / "agents/a0-fills_its_log/agent.log"
    ask(colony)
    assert log.stat().st_size > 2_000_000
    for _ in range(8):
        colony.sample()
    assert 500_000 < log.stat().st_size <= 512 * 1024
    assert log.read_text().endswith("the end\n")
    ask(colony, 2)
    assert log.read_text().count("the end\n") == 2


@pytest.mark.parametrize("length", [MAX_STEPS_OF_FRAME, 6500])
def test_percept_larger_than_the_pipe_arrives_whole(length, colony, raise_agents):
    raise_agents("reads_slowly")
    # The last frame alone is more than an empty pipe of 8 KiB takes.
    steps = tuple(float(number) for number in range(length))
    pool = [{"path": "src/genes/a.rs", "code": "0" * 64, "functions": ["run"]}]
    percepts = {id: Percept(steps, (), 0) for id in colony.running()}
    exchange = colony.exchange(percepts, tick=1, cycle=1, pool_for=dict.fromkeys(percepts, pool))
    answered = steps[-MAX_STEPS_OF_FRAME:]  # earlier ones are told before, and answered there
    assert exchange.acts["a0-reads_slowly"].answers == tuple(step + 1 for step in answered)


def test_large_hello_is_written_in_parts(colony, raise_agents):
    [started] = raise_agents("well_behaved", genome=bytes(60_000), state=bytes(64_000)).values()
    assert isinstance(started, Started)


def test_hello_that_is_too_large_is_a_fault(colony, raise_agents):
    [fault] = raise_agents("well_behaved", genome=bytes(200_000)).values()
    assert "196608 are allowed" in fault.reason


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_foreign_kill_is_a_crash_that_taints_history(colony, raise_agents, number):
    [started] = raise_agents("well_behaved").values()
    os.kill(started.pid, number)
    exchange = ask(colony)
    [fault] = exchange.faults.values()
    assert fault == Fault(Cause.CRASH, f"killed by {number.name} ({number.value})")
    assert exchange.tainted == (f"agent a0-well_behaved: {fault.reason}, a foreign kill",)


def test_death_between_exchanges_is_reaped(colony, raise_agents):
    [started] = raise_agents("well_behaved").values()
    os.kill(started.pid, signal.SIGSEGV)
    faults, deadline = {}, time.monotonic() + 5
    while not faults and time.monotonic() < deadline:
        faults = colony.reap()
    assert faults["a0-well_behaved"].reason == "killed by SIGSEGV (11)"
    assert colony.take_taints() == ()
    assert ask(colony) == Exchange({}, {})


def test_child_of_a_dead_agent_dies_with_it(colony, raise_agents, tmp_path):
    raise_agents("leaves_a_child")
    assert "exited with code 4" in only_fault(colony).reason
    word, child = (tmp_path / "agents/a0-leaves_a_child/agent.log").read_text().split()
    assert word == "child"
    deadline = time.monotonic() + 5
    stat = Path(f"/proc/{child}/stat")
    while stat.exists() and ") Z" not in stat.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not stat.exists() or ") Z" in stat.read_text()


def test_agent_that_ignores_stop_and_sigterm_is_killed(colony, raise_agents):
    raise_agents("ignores_stop", "well_behaved", "says_bye_and_stays")
    begun = time.monotonic()
    farewells = colony.stop(list(colony.running()))
    assert time.monotonic() - begun < 2.5
    assert farewells["a0-ignores_stop"].reason == (
        "did not answer stop within 0.6 s, and was killed"
    )
    assert (farewells["a1-well_behaved"].state, farewells["a1-well_behaved"].reason) == (
        b"0.",
        None,
    )
    assert farewells["a2-says_bye_and_stays"].state == b"kept"
    assert "said bye, but did not exit" in farewells["a2-says_bye_and_stays"].reason
    assert not any(farewell.unkillable for farewell in farewells.values())
    assert colony.take_taints() == ()


def test_stop_of_who_is_gone_says_so(colony, raise_agents):
    [started] = raise_agents("well_behaved").values()
    os.kill(started.pid, signal.SIGABRT)
    farewells = colony.stop(["a0-well_behaved", "unknown"])
    assert list(farewells) == ["a0-well_behaved"]
    assert farewells["a0-well_behaved"].reason == "killed by SIGABRT (6) without a bye"


def test_killed_by_us_is_no_fault(colony, raise_agents):
    raise_agents("well_behaved", "hangs_busy")
    assert colony.kill(["a0-well_behaved", "a1-hangs_busy"]) == ()
    assert colony.reap() == {}
    assert colony.running() == {}


def test_ping_is_answered_and_finds_the_dead(colony, raise_agents):
    outcome = raise_agents("well_behaved", "well_behaved")
    assert colony.ping() == {}
    os.kill(outcome["a1-well_behaved"].pid, signal.SIGSEGV)
    assert list(colony.ping()) == ["a1-well_behaved"]


def test_sample_tells_cpu_and_memory(colony, raise_agents):
    raise_agents("well_behaved")
    [usage] = colony.sample().values()
    assert usage.rss_bytes > 1_000_000
    assert usage.cpu_seconds >= 0
    assert usage.threads == 1


def test_agent_can_be_started_again_after_its_death(colony, raise_agents):
    raise_agents("exits_zero")
    ask(colony)
    [started] = raise_agents("exits_zero").values()
    assert isinstance(started, Started)


def test_descriptor_limit_is_named_with_the_way_out(tmp_path, nothing_left, monkeypatch, keeper):
    with Colony(tmp_path, keeper, no_world, epoch=1, box=FAKE_BOX, limits=QUICK) as colony:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(
            resource.RLIMIT_NOFILE,
            (len(list(Path("/proc/self/fd").iterdir())) + SPARE_DESCRIPTORS + 6, hard),
        )
        try:
            starts = [start_of(tmp_path, f"x{n}", fake("well_behaved")) for n in range(8)]
            outcome = colony.start(starts)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        refused = [one for one in outcome.values() if isinstance(one, Refused)]
        assert 1 <= len(colony.running()) == 8 - len(refused) < 8
        assert all("ulimit -n" in (one.todo or "") for one in refused)
        assert len(ask(colony).acts) == len(colony.running())


def test_hostile_things_at_the_paths_are_replaced(colony, tmp_path):
    pipes = tmp_path / "colony/pipes"
    secret = tmp_path / "secret"
    secret.write_text("mine")
    (pipes / "x.in").symlink_to(secret)
    (pipes / "x.out").mkdir()
    start = start_of(tmp_path, "x", fake("well_behaved"))
    (start.folder / "agent.log").symlink_to(secret)
    [started] = colony.start([start]).values()
    assert isinstance(started, Started)
    assert secret.read_text() == "mine"
    assert (start.folder / "agent.log").is_file()


def test_full_folder_at_a_pipe_is_no_fault_of_its_agent(colony, tmp_path):
    blocked = tmp_path / "colony/pipes/x.in"
    (blocked / "inner").mkdir(parents=True)
    [refused] = colony.start([start_of(tmp_path, "x", fake("well_behaved"))]).values()
    assert isinstance(refused, Refused)
    assert "x.in" in refused.what
    (blocked / "inner").rmdir()
    blocked.rmdir()
