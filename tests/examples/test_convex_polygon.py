from __future__ import annotations

import pytest

from examples import convex_polygon


@pytest.fixture(scope="module")
def result() -> convex_polygon.Result:
    return convex_polygon.compute(quick=True)


def test_networks_fire_exactly_within_the_outlines(result: convex_polygon.Result) -> None:
    assert result.wrong == {"pentagon": 0, "star": 0}
    assert 0.1 < result.pentagon.mean() < 0.9  # neither fires everywhere or nowhere
    assert 0.1 < result.star.mean() < 0.9


def test_two_layers_make_a_convex_shape_and_three_one_that_is_not(
    result: convex_polygon.Result,
) -> None:
    assert result.dents["pentagon"] == 0
    assert result.dents["star"] > 20


def test_picture_has_a_panel_for_each_layer(result: convex_polygon.Result) -> None:
    titles = [axis.get_title(loc="left") for axis in convex_polygon.picture(result).axes]
    assert [title.split(":")[0] for title in titles] == ["layer 1", "layer 2", "layer 3"]
