"""The proposer `command`: asks a program of the user's for new contents of files."""

import base64
import binascii
import json
import math
import os
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evolve_ai.contracts.proposer import AskModel
from evolve_ai.model.brief import Brief, Proposal, Relative
from evolve_ai.model.candidate import Sources
from evolve_ai.model.proposer_settings import CommandOptions
from evolve_ai.model.trial import Cause, Fault
from evolve_ai.proposers.stateless import Stateless
from evolve_ai.system.commands import Completed, Ending, Limits, run_command

ASK = "ask"
_OUTPUT = 64 * 1024 * 1024  # bytes that it may print
_TOLD = 2000  # characters of its errors that are told


class CommandProposer(Stateless):
    """Satisfies contracts.proposer.Proposer.

    The command gets one JSON object on stdin and prints one (docs/proposers.md): {"files": {path:
    text}, "note": text}. Content that is not UTF-8 stands in "files_base64" instead, in both.
    """

    name = "command"
    operators: tuple[str, ...] = (ASK,)
    is_deterministic = False

    def __init__(self, options: CommandOptions, folder: Path):
        """`folder` is that of the task, where the command runs."""
        self._argv, self._folder = options.command, folder
        self._limits = Limits(total=options.seconds, silence=options.seconds, output=_OUTPUT)

    def propose(
        self, brief: Brief, rng: random.Random, operator: str, ask_model: AskModel = None
    ) -> Proposal | Fault:
        told = json.dumps(brief_as_json(brief, rng.getrandbits(53))).encode()
        with tempfile.TemporaryFile() as stdin:
            stdin.write(told)
            stdin.seek(0)
            try:
                done = run_command(
                    self._argv,
                    cwd=self._folder,
                    env=os.environ,
                    limits=self._limits,
                    stdin=stdin.fileno(),
                )
            except OSError as error:
                return self._fault(f"cannot be run: {error.strerror}")
        return self._read(done, brief.parents[0])

    def _read(self, done: Completed, parent: Relative) -> Proposal | Fault:
        errors = {"stderr": done.stderr.decode("utf-8", "replace")[-_TOLD:]}
        if done.ending is not Ending.EXITED:
            limit = {Ending.FLOOD: f"printed over {self._limits.output} bytes"}
            default = f"has not answered for {self._limits.total:g} s"
            return self._fault(limit.get(done.ending, default), errors)
        if done.code:
            return self._fault(f"ended with exit status {done.code}", errors)
        try:
            answer = json.loads(done.stdout)
            sources, note = _sources(answer, parent.sources), str(answer.get("note", ""))
        except (ValueError, RecursionError) as error:
            return self._fault(f"printed no usable answer: {error}", errors)
        changed = {p: data for p, data in sources.items() if parent.sources[p] != data}
        if not changed:
            return self._fault("proposed its parent's program", errors)
        return Proposal(changed, ASK, (parent.number,), note)

    def _fault(self, what: str, artifacts: Mapping[str, str] | None = None) -> Fault:
        return Fault(Cause.EDIT, f"the command `{self._argv[0]}` {what}", artifacts or {})


def brief_as_json(brief: Brief, seed: int) -> dict[str, Any]:
    return {
        "number": brief.number,
        "seed": seed,
        "step": brief.step,
        "goal": brief.goal,
        "parents": [_relative_as_json(one) for one in brief.parents],
        "inspirations": [_relative_as_json(one) for one in brief.inspirations],
    }


def _relative_as_json(one: Relative) -> dict[str, Any]:
    texts: dict[str, str] = {}
    binary: dict[str, str] = {}
    for path, data in one.sources.items():
        try:
            texts[path] = data.decode()
        except UnicodeDecodeError:
            binary[path] = base64.b64encode(data).decode()
    return {
        "number": one.number,
        "goals": _finite(one.score.goals),
        "metrics": dict(one.score.metrics),
        "texts": dict(one.score.texts),
        "artifacts": {**one.score.artifacts, **one.artifacts},
        "files": texts,
        "files_base64": binary,
    }


def _finite(goals: Sequence[float]) -> list[float | None]:
    """JSON has no infinity."""
    return [goal if math.isfinite(goal) else None for goal in goals]


def _sources(answer: Any, known: Sources) -> dict[str, bytes]:
    """ValueError says what is wrong with the answer."""
    if not isinstance(answer, dict):
        raise ValueError("it is no JSON object")
    texts, binary = answer.get("files", {}), answer.get("files_base64", {})
    if not isinstance(texts, dict) or not isinstance(binary, dict) or not {**texts, **binary}:
        raise ValueError('its "files" are no object from paths to text')
    found = {}
    for path, text in {**texts, **binary}.items():
        if path not in known:
            raise ValueError(f"{path!r} is none of the files that may change")
        if not isinstance(text, str):
            raise ValueError(f"the content of {path!r} is no text")
        try:
            found[path] = text.encode() if path in texts else base64.b64decode(text, validate=True)
        except (UnicodeEncodeError, binascii.Error) as error:
            raise ValueError(f"the content of {path!r} cannot be read: {error}") from None
    return found
