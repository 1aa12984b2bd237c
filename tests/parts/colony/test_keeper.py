"""The keeper, with real processes: what it starts, what it tells, what it leaves."""

import errno
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from keeper_support import Nursery, ends, eventually, told

from evolve_ai.colony.keeper import Compacted, Ended, KeeperGone, ProcessRefused, ProcessStarted
from evolve_ai.system.exits import Exit, Room
from evolve_ai.system.identity import identify
from evolve_ai.system.listing import usage
from evolve_ai.system.processes import ENVIRONMENT

TELLS = """
import json, os, resource
kinds = resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE
read = lambda name: open(f"/proc/self/{name}").read()
signals = [line.split() for line in read("status").splitlines() if line.startswith("Sig")]
print(json.dumps({
    "cwd": os.getcwd(),
    "argv0": read("cmdline").split("\\0")[0],
    "env": dict(os.environ),
    "fds": sorted(map(int, os.listdir("/proc/self/fd"))),
    "session": os.getsid(0) == os.getpid() == os.getpgid(0),
    "umask": os.umask(0),
    "limits": [resource.getrlimit(kind) for kind in kinds],
    "blocking": [os.get_blocking(3), os.get_blocking(4)],
    "oom": read("oom_score_adj").strip(),
    "scheduler": os.sched_getscheduler(0),
    "signals": {name: int(mask, 16) for name, mask in signals if name in ("SigBlk:", "SigIgn:")},
}), flush=True)
os.write(4, os.read(3, 5))
"""


# Linux tells of these only if it was built so (CONFIG_PROC_CHILDREN).
lists_children = pytest.mark.skipif(
    not Path("/proc/thread-self/children").exists(), reason="this kernel lists no children"
)


def test_start_and_exit_code_and_signal_are_told(nursery: Nursery):
    keeper = nursery.open()
    first = keeper.spawn(nursery.shell("a", "exit 7"))
    second = keeper.spawn(nursery.shell("b", "kill -USR1 $$"))
    heard = told(keeper, 4)
    started = {one.serial: one.identity for one in heard if isinstance(one, ProcessStarted)}
    assert {(one.id, one.identity, one.exit) for one in ends(heard)} == {
        ("a", started[first], Exit(code=7)),
        ("b", started[second], Exit(signal=signal.SIGUSR1)),
    }
    lives = nursery.journal.lives
    assert lives["a"].exit == Exit(code=7) and lives["b"].identity == started[second]
    assert lives["a"].note == "1:0"


def test_agent_finds_itself_as_it_should_be(nursery: Nursery):
    keeper = nursery.open()
    room = Room(file_bytes=2**24, memory_bytes=2**30, descriptors=50)
    launch = nursery.launch("a", "-I", "-c", TELLS, file=sys.executable, room=room)
    keeper.spawn(launch)
    pipe = os.open(launch.in_path, os.O_WRONLY)
    os.write(pipe, b"hello")
    os.close(pipe)
    told(keeper, 2)
    (line,) = nursery.log("a").read_text().splitlines()
    found = json.loads(line)
    # Python adds what stands for the encoding of its locale, and the listing's own descriptor.
    found["env"].pop("LC_CTYPE", None)
    assert found["env"] == ENVIRONMENT
    assert found["fds"][:5] == [0, 1, 2, 3, 4] and len(found["fds"]) == 6
    assert found["limits"] == [[2**30] * 2, [2**24] * 2, [50] * 2, [1, 1]]
    assert (found["cwd"], found["argv0"]) == (str(nursery.agents), "agent-a")
    assert (found["session"], found["blocking"], found["umask"]) == (True, [True, True], 0o022)
    assert (found["oom"], found["scheduler"]) == ("1000", os.SCHED_BATCH)
    # Python ignores these two; 32 and 33 belong to the C library, which lets nobody touch them.
    python_ignores = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)
    assert found["signals"]["SigBlk:"] == 0
    assert found["signals"]["SigIgn:"] & ~(0b11 << 31) == python_ignores
    assert nursery.log("a").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("spoil", "number"),
    [
        (lambda launch: None, errno.ENOEXEC),
        (lambda launch: launch.in_path.unlink(), errno.ENOENT),
        (lambda launch: launch.log.mkdir(), errno.EISDIR),
        (lambda launch: launch.log.symlink_to("/dev/null"), errno.ELOOP),
        (lambda launch: os.mkfifo(launch.log), errno.ENXIO),
        (lambda launch: (launch.in_path.unlink(), launch.in_path.touch()), errno.EINVAL),
    ],
)
def test_start_that_cannot_be_is_refused_with_its_cause(nursery: Nursery, spoil, number):
    program = nursery.agents / "program"
    program.write_bytes(b"echo no program\n")
    program.chmod(0o755)
    launch = nursery.launch("a", file=str(program))
    spoil(launch)
    keeper = nursery.open()
    serial = keeper.spawn(launch)
    (refused,) = told(keeper, 1)
    assert isinstance(refused, ProcessRefused)
    assert (refused.serial, refused.errno) == (serial, number)
    assert os.strerror(number) in refused.text
    assert refused.text.partition(":")[0] in ("execute", "pipes", "agent.log")
    known = nursery.journal.lives.get("a")
    assert known is None or known.exit == Exit(), "its end is on record"
    assert nursery.living() == set()


def test_hundreds_are_started_and_the_keeper_stays_small(nursery: Nursery):
    keeper = nursery.open()
    serials = [keeper.spawn(nursery.launch(f"a{number}")) for number in range(200)]
    heard = told(keeper, 200, 30)
    assert sorted(one.serial for one in heard if isinstance(one, ProcessStarted)) == serials
    assert {one.identity for one in heard if isinstance(one, ProcessStarted)} == nursery.living()
    use = usage(keeper.identity.pid)
    assert use is not None and use.rss_bytes < 4 * 1024 * 1024
    for who in nursery.living():
        os.kill(who.pid, signal.SIGKILL)
    assert len(ends(told(keeper, 200))) == 200
    assert all(life.exit == Exit(signal=9) for life in nursery.journal.lives.values())


@lists_children
def test_grandchild_in_a_session_of_its_own_is_ended_with_its_agent(nursery: Nursery):
    keeper = nursery.open()
    # Away from the agents' group, and from the agent: its parent is gone at once.
    keeper.spawn(nursery.shell("a", "(setsid sleep 77 &) ; sleep 77 & exec sleep 0.3"))
    heard = told(keeper, 2)
    assert ends(heard)[0].exit == Exit(code=0)
    assert eventually(lambda: nursery.living() == set())


@lists_children
def test_stray_is_ended_while_its_agent_lives(nursery: Nursery):
    keeper = nursery.open()
    keeper.spawn(nursery.shell("a", "(setsid sleep 77 &); exec sleep 99"))
    (started,) = told(keeper, 1)
    assert isinstance(started, ProcessStarted)
    assert eventually(lambda: nursery.living() == {started.identity})


def test_compaction_keeps_the_living_and_the_ends_that_are_unread(nursery: Nursery):
    keeper = nursery.open()
    for id, script in (("read", "exit 1"), ("unread", "sleep 0.3; exit 2"), ("alive", "sleep 99")):
        keeper.spawn(nursery.shell(id, script))
    told(keeper, 4)
    known = nursery.journal
    assert known.lives["read"].exit == Exit(code=1)
    told(keeper, 1)
    keeper.compact(known.end)
    assert told(keeper, 1) == [Compacted(0)]
    after = nursery.journal
    assert set(after.lives) == {"unread", "alive"}
    assert (after.lives["unread"].exit, after.lives["unread"].note) == (Exit(code=2), "1:0")
    assert (after.lives["alive"].exit, after.damaged) == (None, 0)
    keeper.spawn(nursery.shell("later", "exit 3"))
    told(keeper, 2)
    assert nursery.journal.lives["later"].exit == Exit(code=3)


def test_leaving_keeper_ends_with_its_last_child(nursery: Nursery):
    keeper = nursery.open()
    keeper.spawn(nursery.shell("a", "exec sleep 0.6"))
    told(keeper, 1)
    assert not keeper.leave(0.1), "it has a child"
    assert keeper.leave(5)
    assert ends(keeper.hear())
    with pytest.raises(KeeperGone):
        keeper.hear()
    assert identify(keeper.identity.pid) is None, "and it is reaped"
    assert not (nursery.folder / "keeper.sock").exists()


def test_keeper_without_client_and_children_ends_after_the_orphan_time(nursery: Nursery):
    keeper = nursery.open(orphan_seconds=1)
    keeper.spawn(nursery.shell("a", "exec sleep 1.5"))
    told(keeper, 1)
    keeper.close()
    time.sleep(1.2)
    assert keeper.identity.lives(), "it has a child"
    assert eventually(lambda: not keeper.identity.lives())
    os.waitpid(keeper.identity.pid, 0)
    assert nursery.journal.lives["a"].exit == Exit(code=0)
    assert nursery.open().identity != keeper.identity


def test_requests_in_pieces_are_put_together(nursery: Nursery):
    keeper = nursery.open()
    keeper.spawn(nursery.shell("b", "exit 0"))
    told(keeper, 2)  # it knows the program from now on
    keeper.spawn(nursery.shell("a", "exit 0"))
    while keeper._outgoing:
        os.write(keeper.handle, keeper._outgoing[:7])
        del keeper._outgoing[:7]
        time.sleep(0.001)
    assert [type(one) for one in told(keeper, 2)] == [ProcessStarted, Ended]


def test_long_paths_are_no_obstacle(tmp_path, keeper):
    deep = tmp_path / ("d" * 200)
    deep.mkdir()
    nursery = Nursery(deep, keeper)
    try:
        assert nursery.open().leave(5)
    finally:
        nursery.close()


def test_nothing_of_the_starter_is_left_to_the_keeper(nursery: Nursery):
    shared = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(shared, True)
    try:
        keeper = nursery.open()
        pid = keeper.identity.pid
        proc = Path(f"/proc/{pid}")
        # 0 to 4, then its lock, signals, journal, two by which its threads wake it, listener,
        # client; and what stands for nothing.
        links = [str(entry.readlink()) for entry in (proc / "fd").iterdir()]
        environ = (proc / "environ").read_text()[:-1].split("\0")
    finally:
        os.close(shared)
    assert len(links) <= 12, links
    assert sorted(environ) == sorted(f"{name}={value}" for name, value in ENVIRONMENT.items())
    assert os.getsid(pid) == pid
    assert (nursery.folder / "keeper.sock").stat().st_mode & 0o777 == 0o600
