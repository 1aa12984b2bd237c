"""What it costs to keep so many programs alive: our colony beside supervisord and circus.

    python benchmarks/supervise.py --agents 1000 5000 --json

For each size and supervisor, all seen from outside: seconds from the start of the supervisor until
all children run, its CPU time while nothing happens (we look at every agent once a second), the
memory (proportional set size) of its own processes, how long a killed child is missing, and how
many children are alive two seconds after a kill -9 of the supervisor, and one second after they
then print a line. Ours also: exchanges a second, and how many this machine can do at all (`bare`);
how long the next colony takes to take all over, and whether it knows how those ended that were
killed meanwhile; who outlives a kill -9 of the keeper. In a real life-cycle in free mode: how late
after their delay 20 killed agents are back.
Peers run at the smallest size only, unless told.
"""

import argparse
import os
import pwd
import random
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from colonies import HostedColony, Tools
from lives import adoption, survivors, together, without_keeper
from outside import Marked, cpu_seconds, wait_for
from peers import PEERS, NotInstalled, Peer, RunningPeer, install
from projects import end_by_exception, pss, scratch
from reports import printed
from restarts import restarts_in_free_mode

from evolve_ai.colony.keeper_program import keeper_program

UP_SECONDS = 300.0
BACK_SECONDS = 30.0
KILLS = 9
BETWEEN_KILLS = (0.2, 1.2)  # at any moment of a second's turn
SETTLE_SECONDS = 2.0
EXCHANGE_SECONDS = 4.0
LONG_PERCEPT = 64
AGENTS_A_COLONY = 6000  # two descriptors an agent, of the 20,000 that a process often may have

Report = dict[str, Any]


def measure_ours(folder: Path, tools: Tools, agents: int, count: int, seconds: float) -> Report:
    """So many agents in so many colonies, each a process of its own."""
    mark = new_mark(f"ours-{count}", agents)
    marked, colonies, begun = Marked(mark), [], time.monotonic()
    try:
        for number in range(count):
            first, end = agents * number // count, agents * (number + 1) // count
            home = folder / f"colony-{number}"
            colonies.append(HostedColony(home, tools, mark, first, end - first))
        report: Report = {"name": "ours", "agents": agents, "colonies": count}
        report |= time_until_up(marked, agents, begun)
        started = [colony.hear() for colony in colonies]
        report["ready"] = sum(one["ready"] for one in started)
        report["ready_s"] = round(time.monotonic() - begun, 2)
        processes = [pid for colony in colonies for pid in colony.processes()]
        report |= idle(processes, seconds, lambda: together(colonies, "idle", seconds=seconds))
        for name, steps in (("exchange", 1), ("exchange_64", LONG_PERCEPT)):
            report[name] = exchange(colonies, steps)
        report["bare"] = bare(colonies)
        report |= memory(processes)
        report |= our_restarts(colonies[0])
        expected = together(colonies, "pids")
        report |= survivors(marked, [colony.process for colony in colonies])
        report["adoption"] = adoption(marked, colonies, expected)
        report["without_keeper"] = without_keeper(marked, colonies)
        return report
    finally:
        for colony in colonies:
            colony.close()
        marked.end_all()


def measure_peer(
    peer: Peer, python: Path, folder: Path, child: Path, agents: int, seconds: float
) -> Report:
    mark = new_mark(peer.name, agents)
    marked, begun = Marked(mark), time.monotonic()
    running = peer.launch(python, folder, child, mark, agents)
    try:
        report: Report = {"name": peer.name, "agents": agents}
        report |= time_until_up(marked, agents, begun)
        processes = running.processes()
        report |= idle(processes, seconds, lambda: time.sleep(seconds))
        report |= memory(processes)
        report |= restarts_of(marked, running)
        report |= survivors(marked, [running.process])
        return report
    finally:
        running.close()
        marked.end_all()


def new_mark(name: str, agents: int) -> str:
    return f"bench-supervise-{os.getpid()}-{name}-{agents}"


def time_until_up(marked: Marked, agents: int, begun: float) -> Report:
    up = wait_for(lambda: marked.grown_to(agents), UP_SECONDS)
    found = {"up_s": round(time.monotonic() - begun, 2) if up else None}
    return found if up else {**found, "up_after_patience": len(marked.now())}


def idle(processes: list[int], seconds: float, rest: Callable[[], object]) -> Report:
    """CPU time while nothing happens; whatever follows a start is over by then."""
    time.sleep(SETTLE_SECONDS)
    before, begun = cpu_seconds(processes), time.monotonic()
    rest()
    used, wall = cpu_seconds(processes) - before, time.monotonic() - begun
    return {"idle_percent_of_a_core": round(used / wall * 100, 2), "idle_seconds": round(wall, 1)}


def memory(processes: list[int]) -> Report:
    return {"pss_mb": round(sum(map(pss, processes)) / 1e6, 1), "processes": len(processes)}


def exchange(colonies: list[HostedColony], steps: int) -> Report:
    found = together(colonies, "exchange", steps=steps, seconds=EXCHANGE_SECONDS)
    rate = sum(one["exchanges_per_second"] for one in found)
    return {
        "exchanges_per_second": rate,
        "steps_per_second": rate * steps,
        "tick_ms": max(one["tick_ms"] for one in found),
        "all_answered": all(one["whole"] for one in found),
    }


def bare(colonies: list[HostedColony]) -> Report:
    """The same frames in the same pipes without anything of ours: what the machine can do."""
    found = together(colonies, "bare", seconds=EXCHANGE_SECONDS)
    return {"exchanges_per_second": sum(one["exchanges_per_second"] for one in found)}


def our_restarts(colony: HostedColony) -> Report:
    """From a kill -9 until we know, and until a new process has said `ready`."""
    detected, back = [], []
    for _ in range(KILLS):
        colony.tell("watch")
        time.sleep(random.uniform(*BETWEEN_KILLS))
        victims = [pid for pid in Marked(colony.mark).now() if runs_for(colony, pid)]
        killed = time.monotonic()
        os.kill(random.choice(victims), signal.SIGKILL)
        heard = colony.hear()
        detected.append(heard["detected"] - killed)
        back.append(heard["back"] - killed)
    return {"detected_ms": milliseconds(detected), "back_ms": milliseconds(back)}


def runs_for(colony: HostedColony, pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(colony.folder.resolve())
    return False


def restarts_of(marked: Marked, running: RunningPeer) -> Report:
    """From a kill -9 until another child runs in its place."""
    back = []
    for _ in range(KILLS):
        time.sleep(random.uniform(*BETWEEN_KILLS))
        before = set(marked.now())
        if not before or running.process.poll() is not None:
            break
        killed = time.monotonic()
        os.kill(random.choice(sorted(before)), signal.SIGKILL)
        if wait_for(partial(_has_newcomer, marked, before), BACK_SECONDS, 0.002):
            back.append(time.monotonic() - killed)
    return {"back_ms": milliseconds(back)}


def _has_newcomer(marked: Marked, before: set[int]) -> bool:
    return bool(marked.now() - before)


def milliseconds(seconds: list[float]) -> Report | None:
    if not seconds:
        return None
    median, most = statistics.median(seconds), max(seconds)
    return {"median": round(median * 1000, 1), "most": round(most * 1000, 1)}


def measure(report: Report, folder: Path, tools: Tools, options: argparse.Namespace) -> None:
    """Fills the report, row by row."""
    rows: list[Report] = []
    report |= {"user": pwd.getpwuid(os.getuid()).pw_name, "rows": rows}
    for agents in options.agents:
        enough = -(-agents // AGENTS_A_COLONY)
        for count in sorted({max(enough, count) for count in options.colonies}):
            home = folder / f"ours-{agents}-{count}"
            rows.append(measure_ours(home, tools, agents, count, options.seconds))
            say(options, rows[-1])
    sizes = options.agents if options.peers_at_all_sizes else [min(options.agents)]
    if options.peers:
        for row in measure_peers(folder, tools.child, sizes, options.seconds):
            rows.append(row)
            say(options, row)
    report |= {"ratios": list(ratios(rows)), "growth": growth(rows)}
    if options.free:
        report["free"] = restarts_in_free_mode(folder, min(options.agents))


def measure_peers(folder: Path, child: Path, sizes: list[int], seconds: float) -> list[Report]:
    try:
        python = install(folder)
    except NotInstalled as why:
        return [{"name": peer.name, "not_installed": str(why)} for peer in PEERS]
    return [
        measure_peer(peer, python, folder / f"{peer.name}-{agents}", child, agents, seconds)
        for agents in sizes
        for peer in PEERS
    ]


def ratios(rows: list[Report]) -> list[Report]:
    """How many times as long as ours the faster peer took until all were up, by size."""
    found = []
    peers = [row for row in rows if row["name"] != "ours" and row.get("up_s")]
    for ours in (row for row in rows if row["name"] == "ours"):
        times = [row["up_s"] for row in peers if row["agents"] == ours["agents"]]
        if times and ours["up_s"]:
            ratio = round(min(times) / ours["up_s"], 2)
            which = {key: ours[key] for key in ("agents", "colonies")}
            found.append({**which, "faster_peer_to_ours": ratio})
    return found


def growth(rows: list[Report]) -> list[Report]:
    """What an agent costs us at each size."""
    return [
        {
            "agents": row["agents"],
            "colonies": row["colonies"],
            "up_us_an_agent": row["up_s"] and round(row["up_s"] / row["agents"] * 1e6),
            "idle_us_an_agent": round(row["idle_percent_of_a_core"] / row["agents"] * 1e4, 2),
            "tick_us_an_agent": round(1e6 / row["exchange"]["exchanges_per_second"], 2),
            "pss_kb_an_agent": round(row["pss_mb"] / row["agents"] * 1e3, 1),
        }
        for row in rows
        if row["name"] == "ours"
    ]


def say(options: argparse.Namespace, row: Report) -> None:
    if not options.json:
        print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)


def compiled(folder: Path) -> Tools:
    source, child = Path(__file__).with_name("child.rs"), folder / "child"
    flags = ("--edition", "2021", "-O", "-C", "panic=abort", "-C", "strip=symbols")
    subprocess.run(["rustc", *flags, "-o", str(child), str(source)], check=True)
    return Tools(child, keeper_program(folder))


def measure_as(user: str, folder: Path, tools: Tools) -> int:
    """The same measurement by another user, who may read what root may (this checkout, say).

    Without free mode: a life-cycle needs a compiler, and that may be root's own.
    """
    account = pwd.getpwnam(user)
    os.chown(folder, account.pw_uid, account.pw_gid)
    folder.chmod(0o755)
    may_read = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    who = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", *may_read)
    given = [word for word in sys.argv[1:] if word not in ("--user", user, f"--user={user}")]
    programs = ("--child", str(tools.child), "--keeper", str(tools.keeper))
    argv = ["setpriv", *who, sys.executable, __file__, *given, "--no-free", *programs]
    environment = {**os.environ, "BENCH_DIR": str(folder), "HOME": str(folder)}
    with subprocess.Popen(argv, env=environment) as process:
        try:
            return process.wait()
        finally:
            process.terminate()  # it clears its processes away, should we be ended before it


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, nargs="+", default=[1000])
    parser.add_argument("--colonies", type=int, nargs="+", default=[1], help="at least so many")
    parser.add_argument("--seconds", type=float, default=15.0, help="of idleness")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--peers-at-all-sizes", action="store_true")
    parser.add_argument("--free", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--user", help="measure as this user (as root, with setpriv)")
    parser.add_argument("--json", action="store_true", help="nothing but the report")
    for program in ("--child", "--keeper"):
        parser.add_argument(program, type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = parsed()
    end_by_exception()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with scratch("bench-supervise-") as folder:
        given = options.child and options.keeper
        tools = Tools(options.child, options.keeper) if given else compiled(folder)
        if options.user:
            raise SystemExit(measure_as(options.user, folder, tools))
        with printed() as report:
            measure(report, folder, tools, options)


if __name__ == "__main__":
    main()
