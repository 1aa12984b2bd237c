"""The options of the substrates."""

from typing import Literal

from evolve_ai.model.setting import Section, member


class RustOptions(Section):
    """Agents in Rust, built by cargo; [build] says how."""

    name: Literal["rust"] = member("rust")
