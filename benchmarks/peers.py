"""Owns the peers: supervisord and circus from PyPI, in a venv of their own, fairly configured.

Fairly: no web server, no statistics, no rotation of logs, no pause between two starts, a restart at
once, a look at the children once a second, as ours. Both keep what their children print in files,
as ours does; both read it through pipes, which is their way.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from outside import descendants, words

REQUIREMENTS = ("supervisor==4.3.0", "circus==0.19.0", "setuptools==80.9.0")
INSTALL_SECONDS = 300

# https://supervisord.org/configuration.html
SUPERVISORD = """
[supervisord]
nodaemon = true
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid
childlogdir = {folder}
loglevel = warn
minfds = {descriptors}
minprocs = {processes}

[program:child]
command = {child} {mark} blocks
process_name = child-%(process_num)06d
numprocs = {count}
directory = {folder}
startsecs = 0
startretries = 1000000
autorestart = true
redirect_stderr = true
stdout_logfile = {folder}/logs/%(process_num)06d.log
stdout_logfile_maxbytes = 0
stopsignal = KILL
"""

# https://circus.readthedocs.io/en/latest/for-ops/configuration/
CIRCUS = """
[circus]
check_delay = 1
endpoint = ipc://{folder}/endpoint
pubsub_endpoint = ipc://{folder}/pubsub
statsd = false
httpd = false
loglevel = ERROR
logoutput = {folder}/circus.log

[watcher:child]
cmd = {child} {mark} blocks
numprocesses = {count}
working_dir = {folder}
warmup_delay = 0
copy_env = false
respawn = true
max_retry = -1
graceful_timeout = 1
stdout_stream.class = FileStream
stdout_stream.filename = {folder}/logs/children.log
"""


class NotInstalled(Exception):
    """No index answered, or a wheel is missing: the figures of the peers are not there."""


@dataclass(frozen=True)
class Peer:
    name: str
    module: str
    arguments: tuple[str, ...]
    template: str

    def launch(
        self, python: Path, folder: Path, child: Path, mark: str, count: int
    ) -> "RunningPeer":
        (folder / "logs").mkdir(parents=True)
        config = folder / "config.ini"
        config.write_text(
            self.template.format(
                folder=folder,
                child=child,
                mark=mark,
                count=count,
                descriptors=count * 4 + 200,
                processes=count + 200,
            )
        )
        argv = [str(python), "-m", self.module, *self.arguments, str(config)]
        return RunningPeer(argv, folder, mark)


class RunningPeer:
    """A supervisor that was just started, and what belongs to it."""

    def __init__(self, argv: Sequence[str], folder: Path, mark: str):
        self.mark = mark.encode()
        with (folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def processes(self) -> list[int]:
        """Its own ones, its children that were not yet replaced by the program among them."""
        return [pid for pid in descendants(self.process.pid) if words(pid)[1:2] != [self.mark]]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


PEERS = (
    Peer("supervisord", "supervisor.supervisord", ("-n", "-c"), SUPERVISORD),
    Peer("circus", "circus.circusd", (), CIRCUS),
)


def install(
    folder: Path, requirements: Sequence[str] = REQUIREMENTS, seconds: float = INSTALL_SECONDS
) -> Path:
    """A venv with the peers; its Python. NotInstalled says why there is none."""
    venv = folder / "venv"
    python = venv / "bin" / "python"
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    for argv in ((sys.executable, "-m", "venv", str(venv)), (*pip, *requirements)):
        try:
            done = subprocess.run(
                argv, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise NotInstalled(f"{' '.join(argv)}: nothing after {error.timeout} s") from None
        if done.returncode:
            raise NotInstalled(f"{' '.join(argv)}: {' '.join(done.stderr.split())[-300:]}")
    return python
