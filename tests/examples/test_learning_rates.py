from __future__ import annotations

import math

import pytest

from examples import learning_rates


@pytest.fixture(scope="module")
def result() -> dict[float, learning_rates.Course]:
    return learning_rates.compute(quick=True)


def test_a_rate_too_low_gets_nowhere(result: dict[float, learning_rates.Course]) -> None:
    low, good = result[0.001], result[0.1]
    assert low.losses[-1] > 0.9 * low.losses[0]
    assert good.losses[-1] < 0.2 * good.losses[0] and good.accuracy > 0.9


def test_a_rate_too_high_diverges_and_says_where(
    result: dict[float, learning_rates.Course],
) -> None:
    high = result[3.0]
    assert high.diverged and math.isnan(high.accuracy)
    assert "is the first to be" in high.stopped and "learning_rates.py" in high.stopped


def test_picture_names_every_rate(result: dict[float, learning_rates.Course]) -> None:
    texts = [text.get_text() for text in learning_rates.picture(result).axes[0].texts]
    assert sorted(float(t.split(":")[0]) for t in texts) == sorted(learning_rates.RATES)
