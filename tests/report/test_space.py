"""The pictures of entities in the page."""

from __future__ import annotations

from kpframework.report.page import render_page
from kpframework.report.space import space_figures


def spaces(results):
    return [row["space"] for row in results["rows"] if row.get("space")]


def test_a_run_without_pictures_has_no_section(bare):
    assert not space_figures(bare)
    assert 'id="spaces"' not in render_page(bare)


def test_every_entity_and_word_is_a_dot_and_answers_keep_their_colour(results):
    (group,) = space_figures(results)
    ((_, told, (before, after)),) = group.rows
    assert [share in told for share in ("80.0 % before", "50.0 % after", "25.0 %")] == [True] * 3
    assert before.drawing.__html__().count("M") == 3
    drawn = after.drawing.__html__()
    assert drawn.count("M") == 5
    assert [drawn.count(f'class="entity {c}"') for c in ("c0", "c1", "other", "c2")] == [1, 1, 1, 0]


def test_an_answer_beyond_the_colours_is_grey(results):
    (space,) = spaces(results)
    space["classes"] = [f"class {i}" for i in range(7)]
    space["of"] = [0, 4, 6]
    ((_, _, (before, _)),) = space_figures(results)[0].rows
    drawn = before.drawing.__html__()
    assert [drawn.count(f'class="entity {c}"') for c in ("c0", "c4", "other")] == [1, 1, 1]
