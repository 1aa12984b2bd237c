"""Files of a program are written where a person asks, and nothing of theirs is lost."""

from pathlib import Path

import pytest

from evolve_ai.model.errors import EvolveError
from evolve_ai.operator.results import export


def test_export_overwrites_other_files_only_by_force(tmp_path: Path) -> None:
    sources = {"a.py": b"1\n", "b.py": b"2\n", "c.py": b"3\n"}
    (tmp_path / "b.py").write_bytes(b"mine\n")
    (tmp_path / "c.py").write_bytes(b"3\n")
    with pytest.raises(EvolveError, match=r"already: b\.py\n"):
        list(export(tmp_path, sources))
    assert not (tmp_path / "a.py").exists()
    assert (tmp_path / "b.py").read_bytes() == b"mine\n"
    list(export(tmp_path, sources, force=True))
    assert {path: (tmp_path / path).read_bytes() for path in sources} == sources
