"""The models of the settings, and the page that documents them."""

import pickle
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from evolve_ai.model import settings_reference
from evolve_ai.model.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def _documented() -> dict[str, dict[str, tuple[str, ...]]]:
    """Per table of the page: the cells of each key."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            heading = re.search(r"`\[+(\w+)\]+`", line)
            table = found.setdefault(heading[1] if heading else "", {})
        elif line.startswith("| `"):
            key, *cells = (cell.strip() for cell in line.strip("|").split(" | "))
            table[key.strip("`")] = tuple(cells)
    return found


def _expected() -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        table.table: {
            key.key: (
                f"`{key.default}`" if key.default else "none: required",
                key.unit or "–",
                key.allowed or key.kind,
                key.meaning,
            )
            for key in table.keys
        }
        for table in settings_reference.tables()
    }


def test_page_and_models_agree_on_every_key() -> None:
    assert _documented() == _expected()


def test_examples_of_the_page_are_settings() -> None:
    blocks = re.findall(r"(?m)(?:^    .*\n)+", PAGE.read_text())
    examples = [block for block in blocks if "[" in block.split("\n")[0]]
    assert len(examples) == 3
    for example in examples:
        Settings.model_validate(tomllib.loads(example.replace("\n    ", "\n").strip()))


def test_defaults_need_no_file() -> None:
    assert Settings.model_validate({}) == Settings()
    assert Settings().cycle.ticks == 46
    assert Settings().economy.breeding == 1.5


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().cycle.ticks = 3  # type: ignore[misc]


def test_settings_cross_a_process() -> None:
    settings = Settings(seed=7)
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_defaults_are_within_their_own_ranges() -> None:
    assert Settings.model_validate(Settings().model_dump()) == Settings()


@pytest.mark.parametrize(
    "document",
    [
        {"seed": -1},
        {"seed": 2**63},
        {"seed": True},
        {"seed": "7"},
        {"mode": "anarchy"},
        {"selection": "a.b"},
        {"cycle": {"ticks": 46.0}},
        {"cycle": {"sleep": float("nan")}},
        {"cycle": {"sleep": float("inf")}},
        {"economy": {"breeding": 0.5}},
        {"hooks": {"nothing": ["a:b"]}},
        {"build": {"opt_level": 4}},
        {"build": {"opt_level": True}},
        {"build": {"opt_level": "4"}},
        {"build": {"panic": "shout"}},
        {"build": {"debug": True}},
        {"build": {"target_cpu": "native -C link-arg=x"}},
        {"build": {"target_cpu": "native\n"}},
        {"crates": {"libm": "0.2"}},
        {"crates": {"libm": "=0.2.16"}},
        {"crates": {"libm": "*"}},
        {"crates": {"libm": "0.2.16\n"}},
        {"crates": {"libm": 1}},
        {"crates": {"libm": {"path": "."}}},
        {"crates": {"../libm": "0.2.16"}},
        {"crates": {"": "0.2.16"}},
        {"hooks": {"death": ["a.b"]}},
        {"sinks": [{"url": "file:///etc"}]},
        {"sinks": [{}]},
    ],
)
def test_wrong_value_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(document)


def test_policy_may_be_a_dotted_name() -> None:
    assert Settings(selection="my_lab.policies:greedy").selection.name == "my_lab.policies:greedy"


def test_profile_and_crates_are_settings() -> None:
    build = {"opt_level": "s", "panic": "unwind", "debug": "full", "target_cpu": "x86-64-v3"}
    settings = Settings.model_validate({"build": build, "crates": {"num-traits": "1.0.0-rc.1"}})
    assert settings.build.opt_level == "s"
    assert settings.crates == {"num-traits": "1.0.0-rc.1"}


def test_every_key_says_what_it_means() -> None:
    assert all(key.meaning for key in settings_reference.every_key())
    assert len(list(settings_reference.every_key())) > 50


@pytest.mark.parametrize(
    ("table", "wrote", "meant"),
    [
        ("cycle", "tick", "cycle.ticks"),
        ("", "sead", "seed"),
        ("", "cycel", "cycle"),
        ("cycle", "seed", "seed"),
        ("", "ticks", "cycle.ticks"),
        ("economy", "zzzzzz", None),
    ],
)
def test_nearest_key_is_found(table: str, wrote: str, meant: str | None) -> None:
    assert settings_reference.nearest(table, wrote) == meant
