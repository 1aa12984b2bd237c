"""What benchmarks print when something breaks, and how they read a log that grows meanwhile."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from made_once import ROOT

sys.path.append(str(ROOT / "benchmarks"))

from reports import EventTail, printed

BREAKS = """
import sys
sys.path.append({folder!r})
from reports import printed
with printed() as report:
    report["first"] = [1.5]
    report["rows"] = []
    report["rows"].append(2)
    {breaks}
"""


@pytest.mark.parametrize(
    ("breaks", "named"),
    [
        ("import json; json.loads('{\"torn')", "JSONDecodeError: Unterminated string"),
        ('raise SystemExit("evolve init: no room")', "SystemExit: evolve init: no room"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("assert False, 'not built'", "AssertionError: not built"),
    ],
)
def test_figures_are_printed_whatever_breaks(breaks: str, named: str) -> None:
    code = BREAKS.format(folder=str(ROOT / "benchmarks"), breaks=breaks)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert (report["first"], report["rows"]) == ([1.5], [2])
    assert report["error"].startswith(named)


def test_whole_report_has_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with printed() as report:
        report["ms"] = 3
    assert json.loads(capsys.readouterr().out) == {"ms": 3}


def test_line_that_is_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [json.dumps({"seq": seq, "text": "päivää " * 9}) + "\n" for seq in range(3)]
    with path.open("w") as writer, path.open() as log:
        tail, found = EventTail(log), []
        for at in range(0, len("".join(lines)), 7):
            writer.write("".join(lines)[at : at + 7])
            writer.flush()
            found += [event["seq"] for event in tail]
        assert found == [0, 1, 2]
    assert list(EventTail(path.open())) == [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    "program", sorted(path.name for path in (ROOT / "benchmarks").glob("*.py"))
)
def test_every_benchmark_prints_by_the_report(program: str) -> None:
    text = (ROOT / "benchmarks" / program).read_text()
    if 'if __name__ == "__main__":' in text:
        assert "with printed(" in text or program == "colonies.py"  # which answers a line at a time
        assert "print(json.dumps(" not in text or program == "colonies.py"
