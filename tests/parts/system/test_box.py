"""A box of the keeper: real attackers, in Python and C's own tools, and what becomes of them.

Each attack is tried once in the box, and once with the protection lifted that stands in its way.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from box_support import LIBRARIES, PREFIX, PYTHON, SECONDS, eventually
from seen import standing_in

from evolve_ai.model.sandbox import Box, Protection
from evolve_ai.system.box import NOT_STARTED, TOO_MANY, box_argv, probe_argv


class Boxed:
    """Runs commands in a box whose one writable folder is `ours`; `outside` is beside it."""

    def __init__(self, root: Path, keeper: Path):
        self.keeper = keeper
        self.ours, self.outside = root / "ours", root / "outside"
        self.ours.mkdir()
        self.outside.mkdir()

    def argv(self, command: tuple[str, ...], *lifted: Protection, **more: int) -> tuple[str, ...]:
        box = Box(
            executable=(*LIBRARIES, PREFIX),
            writable=(self.ours,),
            threads=more.pop("threads", 1),
            lifted=frozenset(lifted),
        )
        return box_argv(self.keeper, box, command, **more)

    def run(
        self, *command: str, lifted: tuple[Protection, ...] = (), **more: int
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.argv(command, *lifted, **more),
            cwd=self.ours,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def python(
        self, script: str, *lifted: Protection, **more: int
    ) -> "subprocess.CompletedProcess[str]":
        return self.run(str(PYTHON), "-SIc", script, lifted=lifted, **more)

    def shell(
        self, script: str, *, lifted: tuple[Protection, ...] = (), **more: int
    ) -> "subprocess.CompletedProcess[str]":
        more.setdefault("processes", 20)
        return self.run("/bin/sh", "-c", script, lifted=lifted, **more)


@pytest.fixture
def boxed(tmp_path: Path, keeper: Path, nothing_left: None) -> Boxed:
    return Boxed(tmp_path, keeper)


@pytest.fixture
def victim() -> Iterator[psutil.Process]:
    """A process that is no part of any box."""
    process = subprocess.Popen(["/bin/sleep", "60"])
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def refused(done: "subprocess.CompletedProcess[str]", error: str = "PermissionError") -> bool:
    return done.returncode == 1 and error in done.stderr


def killed(done: "subprocess.CompletedProcess[str]") -> bool:
    return done.returncode == -signal.SIGSYS


def test_command_ends_as_it_would_without_a_box(boxed: Boxed) -> None:
    assert boxed.python("print(7)").stdout == "7\n"
    assert boxed.python("raise SystemExit(9)").returncode == 9
    assert boxed.python("import os; os.abort()").returncode == -signal.SIGABRT
    assert boxed.shell("kill -TERM $$").returncode == -signal.SIGTERM


def test_own_folder_is_written_and_no_other(boxed: Boxed) -> None:
    inside = "import os; open('a', 'w').write('x'); os.mkdir('b'); os.rename('a', 'b/a')"
    assert boxed.python(inside).returncode == 0
    assert (boxed.ours / "b" / "a").read_text() == "x"
    attack = f"open({str(boxed.outside / 'new')!r}, 'w')"
    assert refused(boxed.python(attack))
    assert not (boxed.outside / "new").exists()
    assert boxed.python(attack, Protection.FILES).returncode == 0
    assert (boxed.outside / "new").exists()


def test_files_of_others_are_not_read(boxed: Boxed) -> None:
    secret = boxed.outside / "key"
    secret.write_text("secret")
    attack = f"print(open({str(secret)!r}).read())"
    assert refused(boxed.python(attack))
    assert boxed.python(attack, Protection.FILES).stdout == "secret\n"


def test_library_is_not_emptied_by_one_who_may_read_it(boxed: Boxed) -> None:
    """Landlock before its third version lets this through: the filter does not."""
    attack = "import os; os.open('/etc/ld.so.cache', os.O_RDONLY | os.O_TRUNC | 0o100000000)"
    assert refused(boxed.python(attack.replace(" | 0o100000000", "")))


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
def test_no_socket_is_made(boxed: Boxed, family: str) -> None:
    attack = f"import _socket as s; s.socket(s.{family}, s.SOCK_DGRAM); print('made')"
    assert killed(boxed.python(attack))
    assert boxed.python(attack, Protection.NETWORK).stdout == "made\n"


def test_no_process_is_started(boxed: Boxed) -> None:
    attack = "import os; os.fork(); print('two')"
    assert killed(boxed.python(attack))
    assert boxed.python(attack, Protection.PROCESSES).stdout == "two\n" * 2
    attack = "import os; os.execv('/bin/echo', ['echo', 'another'])"
    assert killed(boxed.python(attack))
    assert boxed.python(attack, Protection.PROCESSES).stdout == "another\n"


def test_nobody_else_is_signalled(boxed: Boxed, victim: psutil.Process) -> None:
    attack = f"import os; os.kill({victim.pid}, 15)"
    assert killed(boxed.python(attack))
    assert killed(boxed.python("import os; os.kill(os.getppid(), 9)"))
    assert victim.is_running()
    assert boxed.python(attack, Protection.SIGNALS).returncode == 0
    assert eventually(lambda: victim.status() == psutil.STATUS_ZOMBIE)


def test_nobody_else_is_traced(boxed: Boxed, victim: psutil.Process) -> None:
    """Where the filter is lifted, Landlock still keeps a box from tracing what is outside."""
    attack = f"import ctypes; print(ctypes.CDLL(None).ptrace(16, {victim.pid}, None, None))"
    assert killed(boxed.python(attack))
    assert boxed.python(attack, Protection.TRACING).stdout == "-1\n"
    if os.geteuid() == 0:
        lifted = (Protection.TRACING, *_LANDLOCK, Protection.PRIVILEGES)
        assert boxed.python(attack, *lifted).stdout == "0\n"


_LANDLOCK = (Protection.FILES, Protection.NETWORK, Protection.SIGNALS)


def test_threads_are_as_many_as_allowed(boxed: Boxed) -> None:
    attack = """
import _thread, time
for _ in range(8):
    _thread.start_new_thread(time.sleep, (2,))
print("nine", flush=True)
time.sleep(1)
"""
    assert refused(boxed.python(attack), "can't start new thread")
    many = boxed.python(attack, threads=4)
    assert (many.returncode, many.stderr.strip()) == (
        TOO_MANY,
        "evolve-keeper: more than 4 threads in one process",
    )
    assert boxed.python(attack, threads=9).stdout == "nine\n"
    assert boxed.python(attack, Protection.THREADS).stdout == "nine\n"


def test_mode_of_a_file_is_not_changed(boxed: Boxed) -> None:
    """No rule of Landlock covers it: a sibling's folder could be closed to everybody."""
    attack = f"import os; os.chmod({str(boxed.outside)!r}, 0o700)"
    boxed.outside.chmod(0o755)
    assert refused(boxed.python(attack))
    assert boxed.outside.stat().st_mode & 0o777 == 0o755
    assert boxed.python(attack, Protection.METADATA).returncode == 0
    assert boxed.outside.stat().st_mode & 0o777 == 0o700


def test_kernel_is_not_asked_for_namespaces(boxed: Boxed) -> None:
    attack = "import ctypes; print(ctypes.CDLL(None).unshare(0))"
    assert killed(boxed.python(attack))
    assert boxed.python(attack, Protection.KERNEL).stdout == "0\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to lose")
def test_root_has_no_privilege_left(boxed: Boxed) -> None:
    told = "print(open('/proc/self/status').read())"
    bare = (Protection.FILES, Protection.PRIVILEGES)
    lines = boxed.python(told, Protection.FILES).stdout.splitlines()
    assert {"CapEff:\t" + "0" * 16, "CapBnd:\t" + "0" * 16, "NoNewPrivs:\t1"} <= set(lines)
    assert "NoNewPrivs:\t0" in boxed.python(told, *bare).stdout.splitlines()


def test_descriptors_are_not_inherited(boxed: Boxed) -> None:
    secret = os.open(boxed.outside, os.O_RDONLY)
    try:
        for lifted, listed in (((), False), ((Protection.DESCRIPTORS,), True)):
            script = f"import os; os.fstat({secret})"
            argv = boxed.argv((str(PYTHON), "-SIc", script), *lifted)
            done = subprocess.run(argv, capture_output=True, pass_fds=(secret,), timeout=SECONDS)
            assert (done.returncode == 0) is listed
    finally:
        os.close(secret)


def test_memory_and_files_are_limited(boxed: Boxed) -> None:
    limits = {"memory": 200 << 20, "file_bytes": 4096, "descriptors": 16}
    hog = "x = bytearray(400 << 20)"
    assert refused(boxed.python(hog, **limits), "MemoryError")
    assert boxed.python(hog, Protection.LIMITS, **limits).returncode == 0
    flood = (
        "open('flood', 'wb', 0).write(bytes(9000)); print(__import__('os').stat('flood').st_size)"
    )
    assert boxed.python(flood, **limits).stdout == "4096\n"
    assert boxed.python(flood, Protection.LIMITS, **limits).stdout == "9000\n"
    many = "import os; [os.dup(0) for _ in range(20)]"
    assert refused(boxed.python(many, **limits), "Too many open files")
    lifting = "import resource as r; r.setrlimit(r.RLIMIT_CORE, (0, 0))"
    assert boxed.python(lifting, Protection.LIMITS).returncode == 0
    assert boxed.python(lifting).returncode == 1


def test_daemon_that_is_left_behind_is_ended(boxed: Boxed) -> None:
    script = "(setsid sleep 61 & setsid sh -c 'sleep 62 & sleep 63' &) ; sleep 0.2; echo done"
    for lifted in ((), (Protection.ENDING,)):
        done = boxed.shell(script, lifted=lifted)
        assert (done.returncode, done.stdout) == (0, "done\n")
        assert not standing_in(boxed.ours)
    done = boxed.shell(script.replace("setsid ", ""))
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert not standing_in(boxed.ours)


def test_fork_bomb_is_ended(boxed: Boxed) -> None:
    """Were it not ended, this one would stop at a thousand processes, and they after a while."""
    bomb = "b() { [ $1 -gt 0 ] && { b $(($1 - 1)) & b $(($1 - 1)) & }; sleep 4; }; b 9"
    done = boxed.shell(bomb, processes=30)
    assert done.returncode == TOO_MANY
    assert "evolve-keeper: more than 30 processes" in done.stderr.splitlines()
    assert not standing_in(boxed.ours)


def test_as_many_processes_live_as_allowed(boxed: Boxed) -> None:
    script = "for i in 1 2 3; do sleep 1 & done; sleep 0.2; echo four"
    assert boxed.shell(script, processes=5).stdout == "four\n"
    assert boxed.shell(script, processes=3).returncode == TOO_MANY
    again = "i=0; while [ $i -lt 40 ]; do /bin/true; i=$((i + 1)); done; echo done"
    assert boxed.shell(again, processes=2).stdout == "done\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_box_leaves_nobody(boxed: Boxed, number: signal.Signals) -> None:
    words = ("/bin/sh", "-c", "setsid sleep 65 & sleep 66")
    argv = boxed.argv(words, Protection.ENDING, processes=9)
    with subprocess.Popen(argv, cwd=boxed.ours, start_new_session=True) as monitor:
        assert eventually(lambda: len(standing_in(boxed.ours)) == 5)  # shell, and both watchers
        os.kill(monitor.pid, number)
        assert monitor.wait(SECONDS) == -number
    assert not standing_in(boxed.ours)


def test_command_dies_with_the_one_who_watches_it(boxed: Boxed) -> None:
    argv = boxed.argv(("/bin/sleep", "67"))
    with subprocess.Popen(argv, cwd=boxed.ours) as monitor:
        assert eventually(lambda: len(standing_in(boxed.ours)) == 2)
        monitor.kill()
    assert eventually(lambda: not standing_in(boxed.ours))


def test_compiler_works_in_a_box(boxed: Boxed) -> None:
    asked = ("rustc", "--print", "sysroot")
    sysroot = Path(subprocess.run(asked, capture_output=True, text=True).stdout.strip())
    (boxed.ours / "hello.rs").write_text('fn main() { println!("hello") }')
    box = Box(
        executable=(*LIBRARIES, Path("/etc/alternatives"), sysroot),
        writable=(boxed.ours,),
        threads=64,
    )
    command = (str(sysroot / "bin" / "rustc"), "-o", "hello", "hello.rs")
    argv = box_argv(boxed.keeper, box, command, processes=64)
    paths = {"PATH": "/usr/local/bin:/usr/bin:/bin", "TMPDIR": str(boxed.ours)}
    done = subprocess.run(argv, cwd=boxed.ours, env=paths, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([boxed.ours / "hello"], capture_output=True).stdout == b"hello\n"


def test_what_cannot_be_started_is_said(boxed: Boxed) -> None:
    done = boxed.run("/nonexistent/program")
    assert done.returncode == NOT_STARTED
    assert done.stderr.startswith("evolve-keeper: program: No such file")
    link = boxed.ours.with_name("link")
    link.symlink_to(boxed.outside)
    box = Box(executable=LIBRARIES, writable=(link,))
    argv = box_argv(boxed.keeper, box, ("/bin/true",))
    done = subprocess.run(argv, capture_output=True, text=True)
    assert (done.returncode, done.stderr[:23]) == (NOT_STARTED, "evolve-keeper: Landlock")


def test_probe_tells_what_holds_and_what_does_not(boxed: Boxed) -> None:
    def told(*lifted: Protection) -> dict[str, str]:
        box = Box(executable=LIBRARIES, lifted=frozenset(lifted))
        argv = probe_argv(boxed.keeper, box)
        done = subprocess.run(argv, cwd=boxed.outside, capture_output=True, text=True)
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        verdicts = {name: verdict for name, verdict, _ in rows}
        assert done.returncode == ("broken" in verdicts.values()), done.stderr
        return verdicts

    probed = set(Protection) - {Protection.ENVIRONMENT}
    assert told() == dict.fromkeys(probed, "held")
    for protection in probed - {Protection.PRIVILEGES}:
        # Whose signals Landlock keeps within the box, the filter need not.
        also = _LANDLOCK if protection in _LANDLOCK else ()
        broken = {name for name, verdict in told(protection, *also).items() if verdict == "broken"}
        assert protection in broken
    assert list(boxed.outside.iterdir()) == []


def test_ordinary_user_has_the_same_box(tmp_path: Path, keeper: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("the other tests of this file are run by an ordinary user already")
    root = Path(shutil.copytree(keeper.parent, f"/var/tmp/evolve-box-{os.getpid()}"))
    try:
        root.chmod(0o755)
        home = root / "home"
        home.mkdir()
        os.chown(home, 65534, 65534)
        argv = probe_argv(root / keeper.name, Box(executable=LIBRARIES))
        done = subprocess.run(
            argv, cwd=home, user=65534, group=65534, extra_groups=[], text=True, capture_output=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        shutil.rmtree(root)
