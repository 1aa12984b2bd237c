"""Evaluators that do what they should not: each gets its cause, and nothing is lost."""

from pathlib import Path

import pytest
from task_support import TASK, TaskUnderTest

SETTINGS = TASK + "memory = 300000000\n"
# What the evaluator does -> (its text, the cause; "" where it has a score all the same).
FAILING = {
    "forks and exits": (
        "import os\ndef evaluate(p):\n    if os.fork(): os._exit(0)\n",
        "no-result",
    ),
    "returns a list": ("def evaluate(p):\n    return [1, 2]\n", "no-result"),
    "returns a nested map": ("def evaluate(p):\n    return {'error': {'a': 1}}\n", "not-a-number"),
    "returns a text": ("def evaluate(p):\n    return {'error': '1.5'}\n", "not-a-number"),
    "returns infinity": ("def evaluate(p):\n    return {'error': float('inf')}\n", "not-a-number"),
    "returns a huge number": ("def evaluate(p):\n    return {'error': 10**400}\n", "not-a-number"),
    "is a coroutine": ("async def evaluate(p):\n    return {'error': 1.0}\n", "no-result"),
    "exits": ("import sys\ndef evaluate(p):\n    sys.exit(3)\n", "no-result"),
    "has no such function": ("x = 1\n", "no-result"),
    "does not parse": ("def evaluate(p:\n", "syntax"),
    "eats memory": ("def evaluate(p):\n    b = []\n    while 1: b += [bytearray(10**7)]\n", "oom"),
    "kills its parent": (
        "import os\ndef evaluate(p):\n    os.kill(os.getppid(), 9)\n    return {'error': 1.0}\n",
        "crash",
    ),
}
HARMLESS = {
    "changes its folder": "import os\ndef evaluate(p):\n    os.chdir('/tmp')\n"
    "    open('x', 'w').write('1')\n    return {'error': float(len(os.listdir('.')))}\n",
    "deletes its program": "import os\ndef evaluate(p):\n    try: os.unlink(p)\n"
    "    except OSError: return {'error': 1.0}\n    return {'error': 0.5}\n",
    "edits itself": "def evaluate(p):\n    try: open(__file__, 'a').write('#')\n"
    "    except OSError: return {'error': 1.0}\n    return {'error': 0.5}\n",
    "remembers": "n = []\ndef evaluate(p):\n    n.append(1)\n    return {'error': float(len(n))}\n",
    "kills everybody": "import os\ndef evaluate(p):\n    os.kill(-1, 9)\n    return {'error': 1}\n",
    "forks": "import os\ndef evaluate(p):\n    i = os.fork()\n    if not i: return {'error': 9}\n"
    "    os.waitpid(i, 0)\n    return {'error': 1.0}\n",
    "returns numpy's numbers": "import numpy as np\ndef evaluate(p):\n"
    "    return {'error': np.float32(1.0), 'n': np.int64(3), 'b': np.bool_(True)}\n",
    "has hostile texts": "def evaluate(p):\n    return {'error': 1.0, 'text': '\\ud800\\x1b[31m', "
    "'artifacts': {'a\\x00b': '\\ud800\\x1b]0;x\\x07'}}\n",
}


@pytest.mark.parametrize("what", FAILING)
def test_evaluator_that_fails_has_its_cause(tmp_path: Path, what: str) -> None:
    text, cause = FAILING[what]
    told = TaskUnderTest(tmp_path / "task", text, SETTINGS).check("--json", code=1).json
    assert told["initial"]["cause"] == cause
    assert told["initial"]["reason"]


@pytest.mark.parametrize("what", HARMLESS)
def test_evaluator_that_does_no_harm_scores_the_same_each_time(tmp_path: Path, what: str) -> None:
    task = TaskUnderTest(tmp_path / "task", HARMLESS[what], SETTINGS)
    before = (task.root / "evaluate.py").read_bytes()
    told = task.check("--json").json
    assert told["initial"]["score"] == 1.0
    assert told["noise"]["deterministic"]
    assert (task.root / "evaluate.py").read_bytes() == before
    assert "\x1b" not in task.check().out
