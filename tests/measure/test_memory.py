"""Peak memory in a process of its own."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

import graphc as gx
from graphc.measure.memory import MemoryJobError, Meter, Peak, measure_peak, peak_of

JOBS = "graphc.measure.memory_jobs"
linux = pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss elsewhere counts imports too")


@linux
def test_a_job_that_fills_a_hundred_megabytes_is_measured_as_that() -> None:
    found = measure_peak(f"{JOBS}:fill", {"bytes": 100_000_000})
    assert found.result == 100_000_000
    assert found.work == pytest.approx(100_000_000, rel=0.05)


@linux
def test_a_large_parent_does_not_show_in_its_child() -> None:
    ballast = np.ones(300_000_000, np.uint8)
    assert peak_of(f"{JOBS}:fill", {"bytes": 20_000_000}) < 40_000_000
    assert measure_peak(f"{JOBS}:fill", {"bytes": 1}).peak < 200_000_000
    assert ballast[-1] == 1


def test_what_the_work_prints_or_raises_reaches_the_parent_as_an_error() -> None:
    with pytest.raises(MemoryJobError, match="ValueError: no such thing"):
        peak_of(f"{JOBS}:fail", {"message": "no such thing"})


def test_work_that_takes_too_long_is_ended() -> None:
    with pytest.raises(gx.BudgetError, match="longer than 1 s"):
        peak_of(f"{JOBS}:wait", {"seconds": 60}, timeout=1)


def test_work_that_ends_its_process_is_an_error() -> None:
    with pytest.raises(MemoryJobError, match="ended with exit 3"):
        peak_of(f"{JOBS}:end", {"status": 3})


@linux
def test_measurements_of_one_meter_do_not_see_each_other() -> None:
    with Meter(f"{JOBS}:fill") as meter:
        found = meter.measure([{"bytes": size} for size in (20_000_000, 90_000_000, 20_000_000)])
        found += meter.measure([{"bytes": 50_000_000}])
    works = [f.work if isinstance(f, Peak) else 0 for f in found]
    assert works == pytest.approx([20e6, 90e6, 20e6, 50e6], rel=0.05)


def test_a_measurement_that_fails_leaves_the_others() -> None:
    with Meter(f"{JOBS}:fill") as meter:
        found = meter.measure([{"bytes": 5}, {"bytes": -1}, {"bytes": 7}])
    assert [getattr(f, "result", None) for f in found] == [5, None, 7]
    assert isinstance(found[1], MemoryJobError) and "ValueError" in str(found[1])


def test_a_measurement_that_takes_too_long_leaves_the_others() -> None:
    with Meter(f"{JOBS}:wait") as meter:
        late, done = meter.measure([{"seconds": 60}, {"seconds": 0}], timeout=2)
    assert isinstance(late, gx.BudgetError)
    assert isinstance(done, Peak)


def test_a_meter_that_was_closed_says_so() -> None:
    meter = Meter(f"{JOBS}:fill")
    meter.close()
    meter.close()
    with pytest.raises(MemoryJobError, match="ended"):
        meter.measure([{"bytes": 1}])


@pytest.mark.parametrize(
    "target",
    ["os:getcwd", "graphc:__getattr__", "graphc.core.node:__import__", "graphc.x;os:a",
     "graphcx.y:z",
     "graphc.measure.memory_jobs", "graphc..os:a", "graphc.a:b\n", "", 3],
)  # fmt: skip
def test_only_functions_of_graphc_can_be_named(target: str) -> None:
    with pytest.raises(gx.ArgumentError):
        peak_of(target, {})


def test_a_payload_must_be_json() -> None:
    with pytest.raises(gx.ArgumentError, match="JSON"):
        peak_of(f"{JOBS}:fill", {"bytes": object()})


def test_a_module_in_the_users_folder_does_not_come_first(
    tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.path.join(tmp_path, "json.py"), "w") as file:
        file.write("raise SystemExit('the wrong json')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert measure_peak(f"{JOBS}:fill", {"bytes": 1}).result == 1
