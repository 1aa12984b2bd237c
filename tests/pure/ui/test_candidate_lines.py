"""What `evolve show` says about a candidate."""

from evolve_ai.inspection.search_views import candidate_report
from evolve_ai.model.candidate import Candidate
from evolve_ai.state.search_reader import Placed
from evolve_ai.ui.search_text import candidate_lines


def test_operator_that_made_it_is_told_from_those_tried_first() -> None:
    operators = ("crossover.lines", "crossover.function", "syntax.literal")
    one = Candidate(7, "id", (3,), 1, operators, {}, None, None, {}, None, "")
    lines = list(candidate_lines(candidate_report(Placed(one, True, False, "", 0, ""), 1.0)))
    assert "operator     syntax.literal" in lines
    assert "tried first  crossover.lines, crossover.function: they gave nothing" in lines
