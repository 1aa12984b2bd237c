"""What `evolve plugins` tells, with --json as it stands here."""

from pydantic import BaseModel, Field


class OptionRow(BaseModel):
    """One option of a member, as evolve.toml has it."""

    key: str
    default: str = Field(description="as it is written in TOML; empty: it has none")
    allowed: str = Field(description="in words")
    unit: str
    meaning: str


class MemberRow(BaseModel):
    """One member of a family."""

    name: str
    source: str = Field(description="built in, or which package offers it")
    about: str = Field(description="in a line; of a member that cannot be imported, why")
    options: list[OptionRow]
    chosen: bool = Field(description="the settings of the project here name it")
    toolchain: str | None = Field(
        default=None, description="of a language: its version on this machine, or what is missing"
    )


class FamilyRow(BaseModel):
    """A family of plug-ins; `table` is where evolve.toml chooses a member, if it does."""

    family: str
    table: str
    about: str
    members: list[MemberRow]
