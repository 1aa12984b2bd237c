"""Tries the box of evaluations before it is trusted: what holds on this machine."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from evolve_ai.model.errors import EvolveError
from evolve_ai.model.guarantee import Guarantee
from evolve_ai.model.job import MIB, Job, TrialLimits
from evolve_ai.system import cgroup, trial_box
from evolve_ai.system.trial_box import TrialPlaces, TrialReport, run_trial, trial_argv

_SHELL = "/bin/sh"
_LIMITS = TrialLimits(seconds=10.0, silence=10.0, cpu_seconds=10.0, memory=256 * MIB, disk=MIB)
_SHORT = TrialLimits(seconds=0.3, silence=10.0, processes=10_000)
_LATE_SECONDS = 0.7
# Daemons that left their session, and processes that want all processors.
_STARVING = (
    "for n in 1 2 3; do (setsid sh -c 'while :; do :; done' &) ; done; "
    "for n in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; wait"
)
_SECRETS = ("/var/lib", "/var/log", "/etc/shadow", "/etc/ssh", "/boot")


def why_no_box(places: TrialPlaces) -> str:
    """Why no box can be made here; "" if one can."""
    report = _tried(places, ":", _LIMITS)
    return "" if report.end == "exited" and report.code == 0 else report.reason or report.end


def probe_trials(places: TrialPlaces) -> Iterator[Guarantee]:
    """What the box of evaluations guarantees, each tested by a command that tries to break it."""
    reason = why_no_box(places)
    told = reason or "pid, mount, net, ipc and user, a /proc and a tmpfs of its own"
    yield Guarantee("namespaces", not reason, told)
    if reason:
        return
    yield _ending(places)
    yield _files(places)
    yield _network(places)
    yield _memory(places)
    yield _disk(places)
    yield _program(places)


def _ending(places: TrialPlaces) -> Guarantee:
    since = time.monotonic()
    report = _tried(places, _STARVING, _SHORT)
    late = time.monotonic() - since - _SHORT.seconds
    held = report.end == "seconds" and late < _LATE_SECONDS
    told = f"processes that leave their session and use all processors: {report.end}"
    return Guarantee("ending", held, f"{told}, {late * 1000:.0f} ms late")


def _files(places: TrialPlaces) -> Guarantee:
    secret = places.root.with_name("secret")
    secret.touch()
    seen = " ".join(_SECRETS)
    script = (
        f"for p in {seen} '{secret}'; do test -e $p && echo saw $p; done; "
        "for p in /task /usr /evolve /; do (: >$p/x) 2>/dev/null && echo wrote to $p; done; :"
    )
    report = _tried(places, script, _LIMITS)
    told = ", ".join(report.stdout.decode("utf-8", "replace").split("\n")[:-1])
    held = report.end == "exited" and not told
    return Guarantee("files", held, f"seeing others, and writing to the task: {told or 'neither'}")


def _network(places: TrialPlaces) -> Guarantee:
    report = _tried(places, "tail -n +3 /proc/net/dev", _LIMITS)
    lines = report.stdout.decode("utf-8", "replace").splitlines()
    names = [line.partition(":")[0].strip() for line in lines]
    return Guarantee("network", names == ["lo"], f"its interfaces are: {', '.join(names)}")


def _memory(places: TrialPlaces) -> Guarantee:
    """One process that grows: the text of a variable is doubled."""
    script = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"
    report = _tried(places, script, _LIMITS)
    group = cgroup.own_group()
    how = "summed every 50 ms over all processes"
    if group is not None and "memory" in _controllers(group):
        how += " (cgroup v2 is there, and not used)"
    return Guarantee("memory", report.end == "memory", f"{how}: {report.end}")


def _controllers(group: Path) -> str:
    try:
        return (group / "cgroup.controllers").read_text(encoding="ascii")
    except OSError:
        return ""


def _disk(places: TrialPlaces) -> Guarantee:
    report = _tried(places, f"cat /dev/zero >{trial_box.SCRATCH}/x", _LIMITS)
    return Guarantee("disk", report.end == "disk", f"a tmpfs of its own, filled: {report.end}")


def _program(places: TrialPlaces) -> Guarantee:
    script = f"echo secret >{trial_box.SCRATCH}/s; $EVOLVE_RUN cat {trial_box.SCRATCH}/s"
    report = _tried(places, script, _LIMITS)
    held = report.code == 1 and b"secret" not in report.stdout
    words = report.stderr.decode("utf-8", "replace").strip().splitlines()
    told = words[-1] if words else f"ended with {report.code}"
    return Guarantee("program apart", held, f"reading a file of its evaluator: {told}")


def _tried(places: TrialPlaces, script: str, limits: TrialLimits) -> TrialReport:
    job = Job("probe", {}, frozenset(), (), limits=limits)
    command = (_SHELL, "-c", script)
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "EVOLVE_RUN": trial_box.RUN}
    try:
        return run_trial(
            lambda status: trial_argv(places, job, command, status),
            places.root,
            env,
            threading.Event(),
        )
    except EvolveError as error:
        return TrialReport("failed", reason=error.what)
    except OSError as error:
        return TrialReport("failed", reason=os.strerror(error.errno or 0))
