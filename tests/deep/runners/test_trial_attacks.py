"""Programs that try to outlive, exceed or leave the box of their evaluation."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from runners_support import QUICK, Bench, opened, skip_without_namespaces

from evolve_ai.model.job import MIB, JobEnd, JobNeeds

LATE_SECONDS = 0.5
TIMES = 100
SLEEPING = "1234567"  # seconds; no other program sleeps so long


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, keeper: Path) -> Iterator[Bench]:
    with opened(tmp_path_factory.mktemp("runner"), keeper) as bench:
        skip_without_namespaces(bench)
        yield bench


def sleepers() -> list[str]:
    found = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True)
    return [line for line in found.stdout.splitlines() if f"sleep {SLEEPING}" in line]


def test_daemon_and_sleeper_end_in_time_each_time(bench: Bench) -> None:
    script = (
        f"(setsid sh -c '(setsid sleep {SLEEPING} &)' &); trap '' TERM HUP INT; sleep {SLEEPING}"
    )
    for _ in range(TIMES):
        began = time.monotonic()
        done = bench.shell(script, replace(QUICK, seconds=0.2))
        assert done.end is JobEnd.SECONDS
        assert time.monotonic() - began < 0.2 + LATE_SECONDS
        assert not sleepers()


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("while :; do :; done & while :; do :; done & wait", JobEnd.CPU),
        ("setsid sh -c 'while :; do :; done' & exec sleep 60", JobEnd.CPU),
        ("x() { x | x & }; x; sleep 60", JobEnd.PROCESSES),
        ("cat /dev/zero", JobEnd.OUTPUT),
        ("cat /dev/zero >&2", JobEnd.OUTPUT),
        ("cat /dev/zero >$TMPDIR/x; sleep 60", JobEnd.DISK),
        ("cat /dev/zero >/dev/shm/x", JobEnd.DISK),
        ("n=0; while :; do n=$((n+1)); : >/scratch/work/$n; done", JobEnd.DISK),
    ],
)
def test_excess_has_its_name(bench: Bench, script: str, end: JobEnd) -> None:
    limits = replace(QUICK, cpu_seconds=1.0, processes=64, output=MIB, inodes=500)
    if end is not JobEnd.CPU:
        limits = replace(limits, cpu_seconds=60.0)
    done = bench.shell(script, limits)
    assert done.end is end, done
    assert done.reason
    assert bench.shell("echo fine").stdout == b"fine\n"


def test_gigabyte_of_output_is_neither_kept_nor_waited_for(bench: Bench) -> None:
    done = bench.python("import os\nwhile True: os.write(1, b'x' * 65536)")
    assert done.end is JobEnd.OUTPUT
    assert len(done.stdout) < 2 * QUICK.kept
    assert done.usage.wall < 5


@pytest.mark.parametrize("children", [1, 8])
def test_memory_of_all_children_is_one_sum(bench: Bench, children: int) -> None:
    script = f"""
import os, time
for _ in range({children}):
    if os.fork() == 0:
        held = bytearray(os.urandom(1) * ({300 * MIB} // {children}))
        time.sleep(60)
time.sleep(60)
"""
    assert bench.python(script, replace(QUICK, memory=200 * MIB)).end is JobEnd.MEMORY
    fine = bench.python(script, replace(QUICK, memory=900 * MIB, seconds=1.5))
    assert fine.end is JobEnd.SECONDS
    assert fine.usage.memory > 250 * MIB


def test_memory_that_children_share_is_counted_once(bench: Bench) -> None:
    script = f"""
import os, time
held = bytearray(b"x" * {100 * MIB})
for _ in range(8):
    if os.fork() == 0:
        time.sleep(1)
        os._exit(0)
for _ in range(8):
    os.wait()
print("fine")
"""
    done = bench.python(script, replace(QUICK, memory=250 * MIB))
    assert (done.end, done.stdout) == (JobEnd.EXITED, b"fine\n"), done


def test_memory_outside_of_processes_cannot_be_had(bench: Bench) -> None:
    script = "import os\nos.memfd_create('x')"
    assert b"Function not implemented" in bench.python(script).stderr


@pytest.mark.parametrize(
    "script",
    [
        "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)",
        "from socket import *\nsocket(AF_INET, SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))",
        "import socket\nsocket.getaddrinfo('example.org', 80)",
        "import socket\nsocket.socket(40, socket.SOCK_STREAM)",  # AF_VSOCK
        "import os\nos.kill(1, 9)\nos.readlink('/proc/1/fd/0')",
        "import os\nos.listdir('/proc/1/root')",
        "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
        "import ctypes\nassert ctypes.CDLL(None).mount(b'x', b'/scratch', b'tmpfs', 0, 0) == 0",
        "import ctypes\nassert ctypes.CDLL(None).umount2(b'/scratch', 2) == 0",
        "open('/proc/sys/kernel/core_pattern', 'w')",
        "open('/proc/self/oom_score_adj', 'w').write('0')",
        "import os\nos.mknod('/scratch/work/d', 0o60600, os.makedev(254, 0))",
        "import os\nos.remove('/task/main.py')",
        "import os\nos.chmod('/task', 0o777)",
        "import os\nos.mkdir('/new')",
    ],
)
def test_way_out_is_closed(bench: Bench, script: str) -> None:
    done = bench.python(script)
    assert (done.end, done.code) == (JobEnd.EXITED, 1), done
    assert b"Traceback" in done.stderr


def test_home_and_files_beside_the_task_are_out_of_sight(bench: Bench) -> None:
    secret = bench.place / "secret"
    secret.write_text("hidden")
    paths = [str(secret), str(Path.home() / ".bashrc"), "/var/log", "/etc/shadow", str(bench.place)]
    script = f"import os\nprint([path for path in {paths!r} if os.path.exists(path)])"
    assert bench.python(script).stdout == b"[]\n"


def test_loopback_is_of_this_trial_alone(bench: Bench, keeper: Path) -> None:
    server = "import socket, time\ns = socket.create_server(('127.0.0.1', 12321))\ntime.sleep(60)"
    handle = bench.runner.submit(bench.job({"main.py": server}, (sys.executable, "main.py")))
    try:
        with opened(bench.place / "other", keeper) as other:
            script = "import socket\nsocket.create_connection(('127.0.0.1', 12321), 2)"
            assert b"ConnectionRefusedError" in other.python(script).stderr
    finally:
        bench.runner.cancel(handle)
        bench.until(handle)


def test_network_is_granted_without_the_abstract_sockets_of_the_machine(bench: Bench) -> None:
    script = (
        "import socket\nprint(len(socket.if_nameindex()) == {count})\n"
        "socket.create_connection(('127.0.0.1', {port})).close()\nprint('reached')\n"
        "socket.socket(socket.AF_UNIX).connect({name!r})\nprint('abstract')"
    )
    name = f"\0evolve-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        abstract.bind(name)
        abstract.listen()
        count, port = len(socket.if_nameindex()), server.getsockname()[1]
        text = script.format(count=count, port=port, name=name)
        done = bench.python(text, needs=JobNeeds(network=True))
    assert done.stdout == b"True\nreached\n", done
    assert b"PermissionError" in done.stderr


def test_program_that_exits_at_once_has_no_result(bench: Bench) -> None:
    done = bench.evaluated("def evaluate(program): import os; os._exit(0)\n")
    assert (done.end, done.code, done.files) == (JobEnd.EXITED, 0, {})
    warm = bench.evaluated("import os\ndef evaluate(program): os._exit(0)\n", warm=True)
    assert (warm.end, warm.code, warm.files) == (JobEnd.EXITED, 0, {})


MANY = "import os\nfor n in range(99): os.fork() or os.execlp('sleep', 'sleep', '60')"
DAEMON = f"import os\nos.fork() or os.setsid() or os.execlp('sleep', 'sleep', '{SLEEPING}')"


def test_limits_hold_for_an_evaluation_that_is_kept_warm(bench: Bench) -> None:
    evaluator = "def evaluate(program):\n    exec(open(program).read())\n    return {'score': 1}\n"
    limits = replace(QUICK, seconds=1.0, memory=150 * MIB, processes=40)
    for program, end in [
        ("", JobEnd.EXITED),
        ("import time; time.sleep(60)", JobEnd.SECONDS),
        ("held = bytearray(b'x' * 400_000_000)\nimport time; time.sleep(60)", JobEnd.MEMORY),
        (MANY, JobEnd.PROCESSES),
        (DAEMON, JobEnd.EXITED),
        ("print('x' * 20_000_000)", JobEnd.OUTPUT),
        ("", JobEnd.EXITED),
    ]:
        done = bench.evaluated(evaluator, program, warm=True, limits=limits)
        assert done.end is end, (program, done)
    assert not sleepers()


def test_watcher_is_not_starved(bench: Bench) -> None:
    script = "n=0; while [ $n -lt 200 ]; do n=$((n+1)); (while :; do :; done) & done; wait"
    began = time.monotonic()
    done = bench.shell(script, replace(QUICK, seconds=1.0, processes=1000, cpu_seconds=999.0))
    assert done.end is JobEnd.SECONDS
    assert time.monotonic() - began < 1.0 + 2 * LATE_SECONDS


KILLED = """
import sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
from runners_support import *
with opened(Path({place!r}), Path({keeper!r}), 2) as bench:
    bench.runner.submit(bench.job({{"main.sh": {script!r}}}, ("/bin/sh", "main.sh")))
    evaluator = "def evaluate(program):\\n    import os; os.system({script!r})\\n"
    print("go", flush=True)
    bench.evaluated(evaluator, warm=True)
"""


def test_nothing_outlives_us_when_we_are_killed(tmp_path: Path, keeper: Path) -> None:
    script = f"(setsid sleep {SLEEPING} &); sleep {SLEEPING}"
    paths = [str(Path(__file__).parents[2] / room) for room in ("runners", "")]
    text = KILLED.format(paths=paths, place=str(tmp_path), keeper=str(keeper), script=script)
    ours = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE)
    assert ours.stdout is not None
    assert ours.stdout.readline() == b"go\n"
    wait_until(lambda: len(sleepers()) >= 4)
    ours.send_signal(signal.SIGKILL)
    ours.wait()
    wait_until(lambda: not sleepers())


def test_watcher_that_is_killed_leaves_nothing_and_is_no_fault_of_the_job(bench: Bench) -> None:
    handle = bench.runner.submit(
        bench.job({"main.sh": f"sleep {SLEEPING}"}, ("/bin/sh", "main.sh"))
    )
    wait_until(lambda: bool(sleepers()))
    told = subprocess.run(["ps", "-ewwo", "pid,args"], capture_output=True, text=True, check=True)
    ours = [line for line in told.stdout.splitlines() if f"{bench.place}/trials" in line]
    watchers = [int(line.split()[0]) for line in ours if "--warm" not in line]
    os.kill(min(watchers), signal.SIGKILL)
    done = bench.until(handle)[handle]
    assert done.end is JobEnd.MACHINE
    wait_until(lambda: not sleepers())


def wait_until(fact: object) -> None:
    deadline = time.monotonic() + 20
    while not fact():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)
