from __future__ import annotations

import numpy as np
import pytest

from examples import search


@pytest.fixture(scope="module")
def result() -> search.Result:
    return search.compute(quick=True)


def test_both_layouts_try_equally_many_settings(result: search.Result) -> None:
    grid, random = (result.trials[name].trials for name in ("grid", "random"))
    assert len(grid) == len(random) == 16
    assert len({trial.setting["learning_rate"] for trial in grid}) == 4
    assert len({trial.setting["learning_rate"] for trial in random}) == 16


def test_best_of_each_is_the_least_of_its_scores(result: search.Result) -> None:
    for name, found in result.trials.items():
        scores = [trial.score for trial in found.trials]
        assert found.best.score == np.nanmin(scores) == result.best[name][0] < 0.5


def test_small_rates_do_worse_than_the_best(result: search.Result) -> None:
    for found in result.trials.values():
        slowest = min(found.trials, key=lambda trial: trial.setting["learning_rate"])
        assert slowest.score > 3 * found.best.score


def test_picture_shows_both_layouts(result: search.Result) -> None:
    titles = [axis.get_title(loc="left") for axis in search.picture(result).axes]
    assert [title.split(":")[0] for title in titles] == ["grid", "random"]
