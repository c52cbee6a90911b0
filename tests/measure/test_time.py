"""Timings: warm, in seconds a call, and fair in comparison."""

from __future__ import annotations

import time

import pytest

import graphc as gx
from graphc.measure.time import Timing, ratio, show_seconds, time_call, time_together


def test_a_call_that_sleeps_takes_as_long_as_it_sleeps() -> None:
    timing = time_call(lambda: time.sleep(0.005), repeats=3, min_time=0.01)
    assert 0.005 <= timing.median < 0.05
    assert timing.low <= timing.median <= timing.high


def test_a_short_call_is_repeated_until_the_clock_can_see_it() -> None:
    timing = time_call(lambda: None, repeats=3, min_time=0.003)
    assert timing.calls > 100 and 0 < timing.median < 1e-4


def test_the_first_call_which_compiles_is_not_counted() -> None:
    calls: list[int] = []

    def slow_once() -> None:
        calls.append(1)
        if len(calls) == 1:
            time.sleep(0.2)

    assert max(time_call(slow_once, repeats=3, min_time=0.001).samples) < 0.1


def test_rounds_hold_every_function_and_the_first_changes() -> None:
    seen: list[str] = []
    timings = time_together(
        {"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, repeats=2, min_time=0.0
    )
    assert list(timings) == ["a", "b"]
    assert seen[-4:] == ["a", "b", "b", "a"]


def test_ratio_pairs_the_rounds() -> None:
    quiet_then_busy = Timing((1.0, 10.0, 2.0), 1)
    twice = Timing((2.0, 20.0, 4.0), 1)
    found = ratio(twice, quiet_then_busy)
    assert (found.low, found.median, found.high) == (2.0, 2.0, 2.0)
    with pytest.raises(gx.ArgumentError):
        ratio(twice, Timing((1.0,), 1))


def test_quartiles_spread_and_text() -> None:
    timing = Timing((1.0, 2.0, 3.0, 4.0, 5.0), 1)
    assert (timing.low, timing.median, timing.high) == (2.0, 3.0, 4.0)
    assert timing.spread == pytest.approx(2 / 3)
    assert str(Timing((1e-6, 1e-6), 1)) == "1 µs (1 µs to 1 µs)"
    assert [show_seconds(s) for s in (2.0, 0.0123, 4.56e-8)] == ["2 s", "12.3 ms", "45.6 ns"]


def test_nothing_to_time_is_refused() -> None:
    with pytest.raises(gx.ArgumentError):
        time_together({})
    with pytest.raises(gx.ArgumentError):
        time_call(lambda: None, repeats=0)
