"""How settings are declared: tables, keys with their meaning, and forms of text."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

PLUGIN_FORM = 'a built-in name, or "package.module:name"'
_PLUGIN = r"[A-Za-z_][\w-]*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
_CALLABLE = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
_URL = r"https?://[^\s/]+(?:/\S*)?"
_PROCESSOR = r"[A-Za-z0-9._-]{0,64}"
_CRATE = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
_PATH = r"[A-Za-z_][A-Za-z0-9_]{0,63}(?:::[A-Za-z_][A-Za-z0-9_]{0,63}){1,8}"
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_RULE = r"[a-z]+(?:-[a-z]+)*"
_VERSION = r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-[0-9A-Za-z.-]+)?"


def without_passwords(text: str) -> str:
    """The text without user and password in its addresses (RFC 3986, 3.2.1). All text that is
    printed, logged or sent must pass through here."""
    return re.sub(r"(?<=//)[^/?#\s\"']*@", "…@", text)


class Section(BaseModel):
    """A table of evolve.toml: strict, frozen, and closed to unknown keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


def setting(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    form: str = "",
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A key with its documentation. `form` describes values where a range of numbers cannot."""
    extra: dict[str, Any] = {"unit": unit, "form": form}
    return Field(default, ge=low, le=high, description=meaning, json_schema_extra=extra)


def chance(default: float, meaning: str) -> Any:
    return setting(default, meaning, unit="probability", low=0.0, high=1.0)


def member(name: str) -> Any:
    """The key that chooses a member of a family of plug-ins."""
    return setting(name, "which member of the family", form=PLUGIN_FORM)


def _matching(pattern: str, form: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {form}")
        return value

    return AfterValidator(check)


CALLABLE_FORM = '"package.module:function"'
URL_FORM = "an http or https address"
PluginName = Annotated[str, _matching(_PLUGIN, PLUGIN_FORM)]
CallableName = Annotated[str, _matching(_CALLABLE, CALLABLE_FORM)]
Url = Annotated[str, _matching(_URL, URL_FORM)]
FOLDERS_FORM = "a list of absolute paths other than /"
AbsolutePath = Annotated[str, _matching(r"/(?=[^/])[^\0\n]*", "an absolute path other than /")]
PROCESSOR_FORM = '"", "native", or a name that `rustc --print target-cpus` lists'
CRATE_FORM = "the name of a crate"
VERSION_FORM = 'one exact version, such as "1.2.3"'
PATHS_FORM = 'paths such as "std::time"'
NAMES_FORM = 'names such as "concat", without "!"'
RULES_FORM = "ids of rules of docs/audit.md"
Processor = Annotated[str, _matching(_PROCESSOR, PROCESSOR_FORM)]
CrateName = Annotated[str, _matching(_CRATE, CRATE_FORM)]
CrateVersion = Annotated[str, _matching(_VERSION, VERSION_FORM)]
CallableNames = Annotated[tuple[CallableName, ...], Field(strict=False)]
CodePaths = Annotated[tuple[Annotated[str, _matching(_PATH, PATHS_FORM)], ...], Field(strict=False)]
CodeNames = Annotated[tuple[Annotated[str, _matching(_NAME, NAMES_FORM)], ...], Field(strict=False)]
RuleNames = Annotated[tuple[Annotated[str, _matching(_RULE, RULES_FORM)], ...], Field(strict=False)]
