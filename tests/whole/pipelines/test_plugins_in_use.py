"""Hooks, webhooks, policies and worlds that a user names in evolve.toml."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from project_support import ProjectUnderTest

HOOKS = """
import json, pathlib, time

LOG = pathlib.Path(__file__).with_name("heard.jsonl")

def write(event):
    with LOG.open("a") as log:
        log.write(json.dumps(event) + "\\n")

def fail(event):
    raise RuntimeError("no mood today")

def sleep(event):
    time.sleep(60)
"""

POLICIES = """
from evolve_ai.model.selection import Verdicts

def first_dies(view, rng):
    victim = view.members[0].id
    return Verdicts(((victim, "lottery"),), ((view.members[1].id,),))

def raises(view, rng):
    raise KeyError("fitness")

def returns_nonsense(view, rng):
    return ["everybody"]

def condemns_strangers(view, rng):
    return Verdicts((("nobody", "lottery"),), ())

def everybody_dies(view, rng):
    return Verdicts(tuple((c.id, "flood") for c in view.members), ())
"""


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address, and the events that were posted to it."""
    heard: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.extend(body["events"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/evolve", heard
        server.shutdown()
        thread.join()


def append(project: ProjectUnderTest, text: str) -> None:
    """Put a table at the end of evolve.toml; its own empty [hooks] goes."""
    path = project.root / "evolve.toml"
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("[hooks]")]
    path.write_text("\n".join(kept) + "\n" + text)


def test_hooks_and_webhooks_hear_every_event_and_cannot_harm_a_cycle(
    project: ProjectUnderTest, server: tuple[str, list[dict[str, Any]]]
) -> None:
    url, heard = server
    (project.root / "my_hooks.py").write_text(HOOKS)
    append(
        project,
        '[hooks]\n"*" = ["my_hooks:write", "my_hooks:fail"]\ncycle = ["my_hooks:sleep"]\n'
        f'[[webhooks]]\nurl = "{url}"\n'
        '[[webhooks]]\nurl = "http://127.0.0.1:9/nobody"\nretries = 0\n'
        f'[[webhooks]]\nurl = "{url}/deaths"\nevents = ["death"]\n',
    )
    project.live(3)
    logged = project.events()
    lived = [event for event in logged if event["run"] != logged[0]["run"]]
    written = (project.root / "heard.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in written] == lived
    twice = [event for event in lived if event["event"] == "death"]
    assert sorted(event["seq"] for event in heard) == sorted(
        event["seq"] for event in (*lived, *twice)
    )
    told = (project.root / "logs" / "orchestrator.log").read_text()
    assert "no mood today" in told
    assert "127.0.0.1:9" in told or "webhook 2" in told
    assert project.status()["cycle"] == 3


@pytest.mark.parametrize("name", ["truncation", "tournament", "none"])
def test_built_in_policies_replace_the_dead(project: ProjectUnderTest, name: str) -> None:
    project.live(4, "--selection", name)
    found = project.status()["population"]
    assert found["dead"] > 0
    assert found["born"] > 0
    assert found["alive"] <= 8


def test_policy_of_the_users_own_decides_who_dies_and_who_breeds(
    project: ProjectUnderTest,
) -> None:
    (project.root / "my_policies.py").write_text(POLICIES)
    first, second = sorted(row["id"] for row in project.agents())[:2]
    project.live(1, "--selection", "my_policies:first_dies")
    assert [event["agent"] for event in project.events("death")] == [first]
    assert [event["cause"] for event in project.events("death")] == ["lottery"]
    assert [event["parents"] for event in project.events("birth")] == [[second]]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raises", "KeyError: 'fitness'"),
        ("returns_nonsense", "returned list instead of Verdicts"),
        ("condemns_strangers", "condemned 'nobody', who is not alive"),
        ("missing", "cannot be imported"),
    ],
)
def test_policy_that_fails_is_named(project: ProjectUnderTest, name: str, words: str) -> None:
    (project.root / "my_policies.py").write_text(POLICIES)
    done = project.live(1, "--selection", f"my_policies:{name}", code=2)
    assert words in done.err
    waiting = project.agent_pids()
    assert bool(waiting) == (name != "missing"), "who has lived a season waits for the next run"
    project.live(1)
    assert not project.processes()
    assert {event["pid"] for event in project.events("exit")} >= set(waiting.values())
    assert project.status()["tainted"] is None
    assert project.status()["cycle"] == 1


def test_extinct_population_ends_the_life_cycle_with_a_word(project: ProjectUnderTest) -> None:
    (project.root / "my_policies.py").write_text(POLICIES)
    done = project.live(3, "--selection", "my_policies:everybody_dies", code=1)
    assert "no agent is alive" in done.err
    assert "evolve init" in done.err
    assert len(project.events("cycle")) == 1
    assert not list((project.root / "agents").iterdir())
    project.evolve("init", 2)
    project.live(1)
    assert project.status()["population"]["alive"] >= 2


REPORTS = """use crate::kernel::Agent;

/// Climbs a hill whose top is at 0.8.
pub fn climb(agent: &mut Agent) {
    let place = agent.trait_in("hill_place", 0.0, 1.0);
    agent.report(1.0 - (place - 0.8).abs());
}
"""


def test_solitary_agents_live_by_the_fitness_that_they_report(unfounded: ProjectUnderTest) -> None:
    unfounded.gene("hill", REPORTS)
    unfounded.set(file_active=1.0, function_active=0.9)
    unfounded.evolve("init", 12)
    unfounded.live(6, "--set", "environment=solitary")
    rows = unfounded.agents()
    assert any(0.2 <= row["fitness"] <= 1.0 for row in rows if row["fitness"] is not None)
    assert {"starved"} <= unfounded.status()["deaths"].keys() <= {"starved", "age", "turnover"}
    assert unfounded.status()["population"]["born"] > 0


def test_who_reports_nothing_in_a_solitary_world_starves(project: ProjectUnderTest) -> None:
    done = project.live(2, "--set", "environment=solitary")
    assert done.err.count("no agent reports a fitness") == 1
    assert "agent.report(...)" in done.err
    assert project.status()["deaths"]["starved"] > 0
