"""Sends living agents the frames of a season and reads their answers, without understanding them.

One season is lived properly first, by the world of the project, so that there are percepts; the
frames of the next one are the same but for their ticks, which are new to the agents.
"""

import os
import select
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from evolve_ai.colony.layout import ColonyLayout
from evolve_ai.environments.demes import Demes
from evolve_ai.model.act import parse_act
from evolve_ai.model.frame import Decoder, PerceptEncoder
from evolve_ai.model.world import Act, Percept
from evolve_ai.session.finding import open_project
from evolve_ai.stages.observe import resident_of, takes_part
from evolve_ai.state.reader import Reader
from evolve_ai.system.processes import raise_descriptor_limit
from evolve_ai.system.project import Project
from evolve_ai.worlds import world_of

_READ = 65536
ROUNDS = 3

Ends = tuple[int, int]  # descriptors: to the agent, and from it
Phase = dict[str, bytes]  # a frame for each agent


def bare_seasons(project: Path, pids: Mapping[str, int]) -> dict[str, Any]:
    """Microseconds of wall clock an exchange: in one process, and in a process for each colony."""
    raise_descriptor_limit()
    found = open_project(project)
    with Reader.read(found.registry) as registry:
        layout = ColonyLayout.of_last_run(registry)
        season = Season(found, registry, layout, pids)
    shares = [
        [agent for agent in season.ends if layout.colony_of(season.places[agent]) == number]
        for number in range(layout.colonies)
    ]
    report: dict[str, Any] = {"agents": len(season.ends), "ticks": season.ticks}
    alone = [exchanged([season.frames()], season.ends, [list(season.ends)]) for _ in range(ROUNDS)]
    report["one_process"] = _median_round(alone)
    if layout.colonies > 1:
        together = [
            exchanged([season.frames()] * layout.colonies, season.ends, shares)
            for _ in range(ROUNDS)
        ]
        report[f"{layout.colonies}_processes"] = _median_round(together)
    return report


def _median_round(rounds: Sequence[tuple[float, int]]) -> dict[str, Any]:
    """The round of median duration."""
    seconds, exchanges = sorted(rounds)[len(rounds) // 2]
    return {
        "seconds": round(seconds, 3),
        "exchanges": exchanges,
        "us_per_exchange": round(seconds / exchanges * 1e6, 2),
    }


class Season:
    """The percepts of a season that living agents have answered; frames() makes them anew, for
    ticks that nobody has lived."""

    def __init__(
        self, project: Project, registry: Reader, layout: ColonyLayout, pids: Mapping[str, int]
    ):
        state, last = registry.state, registry.last_cycle()
        assert last is not None
        living = {one.id: one for one in registry.living().values() if one.id in pids}
        self.places = {one.id: one.place for one in living.values()}
        self.ends = _opened(project.workspace, layout, self.places)
        self.ticks = project.settings.cycle.ticks
        self._cycle, self._tick = last.number, last.summary.tick
        self._percepts: list[Mapping[str, Percept]] = []
        world, places = world_of(project), state.places or 0
        environment = Demes(world.open, places, layout.demes, range(layout.demes))
        residents = [resident_of(one, state.founder_genes) for one in takes_part(living)]
        residents = [replace(one, running=True) for one in residents]
        environment.move_in(residents, self._tick, self._cycle + 1)
        self._cycle += 1
        for tick in range(self._tick, self._tick + self.ticks):
            for phase in range(environment.phases):
                percepts = environment.percepts(phase)
                self._percepts.append(percepts)
                environment.hear(phase, self._answers(tick, percepts))
            environment.end_tick()
        self._tick += self.ticks

    def _answers(self, tick: int, percepts: Mapping[str, Percept]) -> dict[str, Act]:
        encoder = PerceptEncoder(epoch=0, tick=tick, cycle=self._cycle)
        frames = {agent: encoder.frame(percept) for agent, percept in percepts.items()}
        heard = _exchange(frames, self.ends)
        acts = {}
        for agent, data in heard.items():
            (body,) = Decoder().feed(data)
            acts[agent] = parse_act(body, len(percepts[agent].steps))
        return acts

    def frames(self) -> list[Phase]:
        """A frame for each agent, phase by phase."""
        self._cycle += 1
        phases = len(self._percepts) // self.ticks
        found = []
        for number, percepts in enumerate(self._percepts):
            tick = self._tick + number // phases
            encoder = PerceptEncoder(epoch=0, tick=tick, cycle=self._cycle)
            found.append({agent: encoder.frame(one) for agent, one in percepts.items()})
        self._tick += self.ticks
        return found


def exchanged(
    frames: Sequence[list[Phase]], ends: Mapping[str, Ends], shares: Sequence[Sequence[str]]
) -> tuple[float, int]:
    """Wall-clock seconds until all have answered everything, and how many answers there were. Each
    share of the agents has a process of its own."""
    context = get_context("fork")
    workers, connections = [], []
    for season, share in zip(frames, shares, strict=True):
        mine = set(share)
        cut = [{a: frame for a, frame in phase.items() if a in mine} for phase in season]
        ours, theirs = context.Pipe()
        workers.append(context.Process(target=_work, args=(theirs, cut, ends)))
        connections.append(ours)
    for worker in workers:
        worker.start()
    for connection in connections:
        connection.recv()
    begun = time.monotonic()
    for connection in connections:
        connection.send(None)
    answered = sum(connection.recv() for connection in connections)
    seconds = time.monotonic() - begun
    for worker in workers:
        worker.join()
    return seconds, answered


def _work(connection: Connection, season: list[Phase], ends: Mapping[str, Ends]) -> None:
    connection.send(None)
    connection.recv()
    answered = 0
    with select.epoll() as epoll:
        for agent in {agent for phase in season for agent in phase}:
            epoll.register(ends[agent][1], select.EPOLLIN)
        for frames in season:
            for agent, frame in frames.items():
                os.write(ends[agent][0], frame)
            outstanding = len(frames)
            while outstanding:
                for handle, _ in epoll.poll():
                    outstanding -= len(os.read(handle, _READ)) > 0
            answered += len(frames)
    connection.send(answered)


def _exchange(frames: Phase, ends: Mapping[str, Ends]) -> dict[str, bytes]:
    """The answer of each agent. A long frame is written in parts."""
    by_handle = {ends[agent][1]: agent for agent in frames}
    heard: dict[str, bytes] = {}
    with select.epoll() as epoll:
        for handle in by_handle:
            epoll.register(handle, select.EPOLLIN)
        for agent, frame in frames.items():
            while frame:
                frame = frame[os.write(ends[agent][0], frame) :]
        while len(heard) < len(frames):
            for handle, _ in epoll.poll():
                heard[by_handle[handle]] = os.read(handle, _READ)
    return heard


def _opened(workspace: Path, layout: ColonyLayout, places: Mapping[str, int]) -> dict[str, Ends]:
    folders = layout.folders(workspace)
    found = {}
    for agent, place in places.items():
        pipes = folders[layout.colony_of(place)] / "pipes"
        inward = os.open(pipes / f"{agent}.in", os.O_RDWR | os.O_CLOEXEC)
        found[agent] = (inward, os.open(pipes / f"{agent}.out", os.O_RDONLY | os.O_NONBLOCK))
    return found
