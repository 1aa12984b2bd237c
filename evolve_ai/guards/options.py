"""Checks the options of a member of the user's own by what that member says it takes."""

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.family_settings import options_of
from evolve_ai.model.setting import Section
from evolve_ai.system.guard import Guard

_MOST = 5  # problems that are told


def model_of(member: object) -> type[BaseModel] | None:
    """The options that a member takes: its attribute `Options`, a model of pydantic's."""
    found = getattr(member, "Options", None)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def options_for(guard: Guard, member: object, chosen: Section) -> tuple[BaseModel, ...]:
    """What is given to the member when it is made: its options, or nothing where it takes none.

    SettingsError for options that it does not know, or that have wrong values.
    """
    model, written = model_of(member), options_of(chosen)
    if model is None:
        if written:
            raise _refusal(guard, [f"{name} is unknown; it takes no options" for name in written])
        return ()
    strict = type(model.__name__, (model,), {"model_config": ConfigDict(extra="forbid")})
    return (guard.call("Options", lambda: _checked(guard, strict, written), lambda made: made),)


def _checked(guard: Guard, model: type[BaseModel], written: dict[str, Any]) -> BaseModel:
    try:
        return model.model_validate(written)
    except ValidationError as error:
        details = error.errors(include_url=False)
        told = [_told(model, str(one["loc"][0]), one["msg"], one["type"]) for one in details]
        raise _refusal(guard, told) from error


def _told(model: type[BaseModel], name: str, message: str, kind: str) -> str:
    if kind != "extra_forbidden":
        return f"{name}: {message}"
    close = difflib.get_close_matches(name, model.model_fields, 1)
    known = ", ".join(model.model_fields) or "none"
    return f"{name} is unknown; " + (f"did you mean {close[0]}?" if close else f"there are {known}")


def _refusal(guard: Guard, problems: Iterable[str]) -> SettingsError:
    listed = "; ".join(list(problems)[:_MOST])
    return SettingsError(
        f"options of the {guard.family} {guard.name!r}: {listed}",
        where=guard.root / guard.file,
        todo="evolve plugins lists what each member takes",
    )
