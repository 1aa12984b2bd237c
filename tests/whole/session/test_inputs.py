"""What history is fed with stands on record, and an exam knows what agents were told."""

import json
import random
from pathlib import Path

from project_support import ProjectUnderTest, wait_until

from evolve_ai.session.takeover import season_under_way
from evolve_ai.state.registry import Registry

GENE = "use crate::kernel::Agent;\n\npub fn more(agent: &mut Agent) {\n    let _ = agent;\n}\n"
HELD_OUT = "environment.held_out=20"


def settings_of(event: dict[str, object]) -> dict[str, object]:
    found = event["settings"]
    assert isinstance(found, dict)
    return found


def series(project: ProjectUnderTest, name: str, values: list[float]) -> Path:
    path = project.root / name
    path.write_text("value\n" + "".join(f"{value!r}\n" for value in values))
    return path


def test_every_run_records_its_inputs_and_a_change_is_told(calm: ProjectUnderTest) -> None:
    calm.live(1)
    calm.live(1, "--set", HELD_OUT, "--selection", "none")
    done = calm.live(1)
    *_, before, night, after = calm.events("inputs")
    assert before["changed"] == []
    assert settings_of(before)["environment.held_out"] == 79
    assert settings_of(night)["environment.held_out"] == 20
    assert night["set"] == ["environment.held_out", "selection.name"]
    assert night["changed"][:2] == [
        "environment.held_out 79 -> 20 (overrides evolve.toml)",
        "selection.name energy -> none (overrides evolve.toml)",
    ]
    assert before["data"] == after["data"] != night["data"]
    assert before["template"] == after["template"]
    assert len(before["template"]) == 64
    assert after["set"] == []
    assert (
        "changed since the previous run: environment.held_out 20 -> 79; "
        "selection.name none -> energy" in done.err
    )
    status = calm.status()
    assert (
        "after cycle 3: environment.held_out 20 -> 79; selection.name none -> energy"
        in (status["inputs_changed"])
    )
    assert status["tainted"] is None, "settings are inputs, as commands are"
    assert "held_out" in calm.evolve("status").out


def test_same_inputs_are_no_change_and_workers_are_none_to_be_told(calm: ProjectUnderTest) -> None:
    calm.live(1)
    done = calm.live(1, "--workers", 2, "--set", "history.sample_every=1")
    assert "changed since the previous run" not in done.err
    assert calm.status()["inputs_changed"] is None
    assert calm.events("inputs")[-1]["changed"] == [
        "executor.workers 1 -> 2 (overrides evolve.toml)",
        "history.sample_every 5 -> 1 (overrides evolve.toml)",
    ]


def test_passwords_of_webhooks_are_neither_on_record_nor_told(calm: ProjectUnderTest) -> None:
    with (calm.root / "evolve.toml").open("a") as toml:
        toml.write('\n[[webhooks]]\nurl = "http://user:secret@127.0.0.1:9/"\n')
    told = [calm.live(1), *(calm.evolve(*words) for words in (["doctor"], ["doctor", "--json"]))]
    assert not any("secret" in done.out + done.err for done in told)
    assert "secret" not in json.dumps(calm.events("inputs"))
    assert not any(b"secret" in path.read_bytes() for path in calm.root.glob("logs/*log*"))


def test_data_template_and_plugins_that_change_are_told(calm: ProjectUnderTest) -> None:
    draw = random.Random(3)
    values = [draw.gauss(0.0, 1.0) for _ in range(300)]
    file = series(calm, "mine.csv", values)
    (calm.root / "mine.py").write_text("from evolve_ai.selection.drift import drift as mine\n")
    how = ("--set", 'environment.file="mine.csv"', "--set", 'selection="mine:mine"')
    calm.live(1, *how)
    assert "environment.file" in calm.status()["inputs_changed"]
    series(calm, "mine.csv", [values[0] + 1, *values[1:]])
    (calm.root / "mine.py").open("a").write("# more\n")
    calm.gene(
        "more",
        "use crate::kernel::Agent;\n\npub fn more(agent: &mut Agent) {\n    let _ = agent;\n}\n",
    )
    told = calm.live(1, *how).err
    assert "the data of the world" in told
    assert "the code of mine:mine" in told
    assert "the template" in told
    assert file.exists()


def test_exam_refuses_values_that_agents_were_told(calm: ProjectUnderTest) -> None:
    told = " ".join(calm.evolve("exam").out.split())
    assert "230 values of sunspots.csv (cycles 1 to 1)" in told
    calm.live(1, "--set", HELD_OUT)
    refused = calm.evolve("exam", code=2)
    assert "59 of the 79 held-out values were shown" in refused.err
    assert "289 values of sunspots.csv (cycles 2 to 2)" in refused.err
    assert "evolve exam --set environment.held_out=20" in refused.err
    calm.live(1)
    calm.evolve("exam", code=2)
    told = calm.evolve("exam", "--even-if-told", "--json")
    assert told.json["held_out_told"] == 59
    assert "59 of the 79" in told.json["warning"]
    assert "59 of the 79" in told.err
    good = calm.evolve("exam", "--set", HELD_OUT, "--json").json
    assert (good["held_out_told"], good["warning"]) == (0, None)


def test_run_that_lived_no_cycle_has_told_nothing(calm: ProjectUnderTest) -> None:
    calm.evolve("init", 1, "--set", HELD_OUT)
    calm.live(1)
    assert calm.evolve("exam", "--json").json["held_out_told"] == 0


def test_values_told_that_are_lost_leave_a_doubt_that_is_said(calm: ProjectUnderTest) -> None:
    calm.live(1, "--set", HELD_OUT)
    for path in (calm.root / "workspace" / "store" / "told").glob("*/*"):
        path.unlink()
    calm.live(1)
    warning = calm.evolve("exam", "--json").json["warning"]
    assert "the values are lost" in warning


def test_world_that_changes_in_mid_season_taints(calm: ProjectUnderTest) -> None:
    def begun() -> bool:
        with Registry.read(calm.root / "workspace" / "registry.sqlite") as registry:
            return season_under_way(registry)

    running = calm.start("life-cycle", "--set", "cycle.ticks=400")
    wait_until(begun, "a season", 240)
    running.kill()
    running.communicate()
    assert begun()
    calm.live(1, "--set", "cycle.ticks=400", "--set", "economy.breeding=2.5")
    tainted = str(calm.status()["tainted"])
    assert "in the middle of cycle 2 this changed" in tainted
    assert "economy.breeding 1.5 -> 2.5" in tainted
