"""The options of the languages."""

from typing import Literal

from evolve_ai.model.setting import Section, member


class RustLanguageOptions(Section):
    """Files of .rs, compiled by rustc and cargo."""

    name: Literal["rust"] = member("rust")
