"""Calls a Python function that evaluates a program, and writes what it returns as JSON.

    python harness.py FILE.py:FUNCTION PROGRAM RESULT [STAGE [SEED]]

It stands alone (any Python from 3.8 on). The function gets the path of the program; `stage` and
`seed` as well if its signature names them, and `binary`, the path of the compiled program, where
there is one. RESULT is a map of numbers and texts, perhaps with `artifacts`, a map of texts. What
is no such map becomes {"evolve_fault": CAUSE, "reason": TEXT}, with a cause of
evolve_ai/model/trial.py. Exit codes: 0 a result or a fault was written, 1 the function (or its
file) raised an exception, 2 usage.

server.py beside it does the same without importing the function each time.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # our own folder: its modules are none of the evaluator's

import os
from importlib.machinery import ModuleSpec, SourceFileLoader

try:
    from _json import encode_basestring_ascii as quoted
except ImportError:
    from json.encoder import py_encode_basestring_ascii as quoted

TYPE_CHECKING = False  # all that is imported here is imported for each trial
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

USAGE = 2
INFINITE = float("inf")
VAR_KEYWORDS = 8  # a flag of a function's code
_TEXTS = 1 << 20  # characters of an artifact


class Fault(Exception):
    """The arguments are a cause, and the reason in words."""


def main(words: Sequence[str]) -> int:
    if not 3 <= len(words) <= 5 or ":" not in words[0]:
        sys.stderr.write("usage: harness.py FILE.py:FUNCTION PROGRAM RESULT [STAGE [SEED]]\n")
        return USAGE
    return run(lambda: load(words[0]), words[1:])


def load(name: str) -> Callable[..., Any]:
    """The function that "FILE.py:FUNCTION" names; its folder comes first among those of modules."""
    file, _, function = name.rpartition(":")
    file = os.path.abspath(file)
    sys.path.insert(0, os.path.dirname(file))
    module_name = os.path.splitext(os.path.basename(file))[0]
    loader = SourceFileLoader(module_name, file)
    spec = ModuleSpec(module_name, loader, origin=file)
    spec.has_location = True
    module = type(sys)(module_name)
    module.__spec__, module.__loader__, module.__file__ = spec, loader, file
    sys.modules.setdefault(module_name, module)
    loader.exec_module(module)
    found = getattr(module, function, None)
    if not callable(found):
        raise Fault("no-result", f"{os.path.basename(file)} has no function `{function}`")
    return found  # type: ignore[no-any-return]


def run(loaded: Callable[[], Callable[..., Any]], words: Sequence[str]) -> int:
    """Evaluate once. Returns the exit code."""
    program, result = os.path.abspath(words[0]), os.path.abspath(words[1])
    code = 0
    told: Mapping[str, Any]
    try:
        told = plain(call(loaded(), program, words[2:]))
    except Fault as fault:
        told = {"evolve_fault": fault.args[0], "reason": fault.args[1]}
    except SystemExit as error:
        code = 1 if error.code not in (None, 0) else 0
        told = {"evolve_fault": "no-result", "reason": f"it called exit({error.code!r})"}
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code, told = 1, {"evolve_fault": cause_of(error), "reason": in_words(error)}
    write(result, told)
    return code


def call(function: Callable[..., Any], program: str, words: Sequence[str]) -> Any:
    asked: dict[str, Any] = dict(zip(("stage", "seed"), words))
    if "seed" in asked:
        asked["seed"] = int(asked["seed"])
    if "EVOLVE_BINARY" in os.environ:
        asked["binary"] = os.environ["EVOLVE_BINARY"]
    known, takes_all = parameters(function)
    return function(program, **{k: v for k, v in asked.items() if takes_all or k in known})


def parameters(function: Callable[..., Any]) -> tuple[Sequence[str], bool]:
    """The names that it can be called with, and whether it takes all others, too."""
    code = getattr(function, "__code__", None)
    if code is not None and not hasattr(function, "__wrapped__"):
        count = code.co_argcount + code.co_kwonlyargcount
        return code.co_varnames[code.co_posonlyargcount : count], bool(code.co_flags & VAR_KEYWORDS)
    inspect = __import__("inspect")  # only where it is needed, since it is slow
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return (), False
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = [one.name for one in found if one.kind in named]
    return names, any(one.kind is inspect.Parameter.VAR_KEYWORD for one in found)


def plain(value: Any) -> Mapping[str, Any]:
    """What was returned, as a map that JSON can hold. Raises Fault."""
    if hasattr(value, "__await__"):
        getattr(value, "close", lambda: None)()
        raise Fault("no-result", "the function is async: it returned a coroutine, not a result")
    if value is None:
        raise Fault("no-result", "the function returned nothing (None)")
    if hasattr(value, "metrics") and hasattr(value, "artifacts"):
        value = dict(value.metrics, artifacts=dict(value.artifacts or {}))
    if is_number(value):
        value = {"score": value}
    if not hasattr(value, "items") or not hasattr(value, "keys"):
        kind = type(value).__name__
        raise Fault("no-result", f"the function returned a {kind}, not a map of numbers")
    told: dict[str, Any] = {}
    for name, one in value.items():
        if not isinstance(name, str):
            raise Fault("no-result", f"the result has a name that is no text: {name!r:.80}")
        told[name] = artifacts(one) if name == "artifacts" else metric(name, one)
    return told


def metric(name: str, value: Any) -> str | float:
    if isinstance(value, str):
        return str(value)
    if is_number(value):
        return number(value)
    told = "nothing (None)" if value is None else f"a {type(value).__name__}"
    raise Fault("not-a-number", f"`{name}` is {told}, not a number")


def is_number(value: Any) -> bool:
    if isinstance(value, (bool, int, float)):
        return True
    # numpy's and torch's scalars, decimals, fractions
    one = getattr(value, "ndim", 1) == 0 or hasattr(value, "as_integer_ratio")
    return one and hasattr(value, "__float__") and not isinstance(value, complex)


def number(value: Any) -> int | float:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
    return int(found) if type(value).__name__.startswith(("int", "uint", "bool")) else found


def artifacts(value: Any) -> Mapping[str, str]:
    if value is None:
        return {}
    if not hasattr(value, "items"):
        raise Fault("no-result", f"`artifacts` is a {type(value).__name__}, not a map of texts")
    return {str(name): text(one) for name, one in value.items()}


def text(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode("utf-8", "replace")
    return (value if isinstance(value, str) else str(value))[:_TEXTS]


def cause_of(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "oom"
    return "syntax" if isinstance(error, SyntaxError) else "crash"


def in_words(error: BaseException) -> str:
    told = "%s: %s" % (type(error).__name__, error)
    trace = error.__traceback__
    if trace is None or isinstance(error, SyntaxError):
        return told
    while trace.tb_next is not None:
        trace = trace.tb_next
    file = os.path.basename(trace.tb_frame.f_code.co_filename)
    return "%s (%s, line %s)" % (told, file, trace.tb_lineno)


def write(path: str, told: Mapping[str, Any]) -> None:
    """Write a whole file or none; texts that are not Unicode are escaped."""
    draft = path + ".draft"
    try:
        with open(draft, "w", encoding="ascii") as file:
            file.write(encoded(told))
        os.replace(draft, path)
    except OSError as error:
        sys.stderr.write("the result cannot be written: %s\n" % error)


def encoded(value: Any) -> str:
    """As json.dumps, of which the import alone takes a quarter of a trial."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        if value != value:
            return "NaN"
        return {INFINITE: "Infinity", -INFINITE: "-Infinity"}.get(value) or float.__repr__(value)
    if isinstance(value, int):
        return int.__repr__(value)
    inner = ", ".join("%s: %s" % (quoted(name), encoded(one)) for name, one in value.items())
    return "{%s}" % inner


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
