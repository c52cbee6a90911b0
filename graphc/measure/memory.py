"""Peak memory of a piece of work, measured in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphc.core.errors import ArgumentError, BudgetError, GraphcError
from graphc.measure.memory_worker import check_target

_FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class MemoryJobError(GraphcError, RuntimeError):
    """The work that was to be measured failed in its process; the reason is in the text."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Memory of a process that did one piece of work.

    Attributes:
        baseline: bytes resident before the work, after all imports.
        peak: the most bytes resident from then on.
        result: what the work returned (JSON), None for nothing.
    """

    baseline: int
    peak: int
    result: Any

    @property
    def work(self) -> int:
        """Bytes that the work took on top of the baseline."""
        return max(self.peak - self.baseline, 0)


def peak_of(target: str, payload: Mapping[str, Any], timeout: float = 600.0) -> int:
    """Returns the bytes that a piece of work takes on top of its imports; see `measure_peak`."""
    return measure_peak(target, payload, timeout).work


def measure_peak(target: str, payload: Mapping[str, Any], timeout: float = 600.0) -> Peak:
    """Runs a function of graphc's own in a new process and returns its memory.

    The process imports the function's module, calls the module's `prepare(payload)` if there is
    one (for imports that the work would make), notes the memory, and calls `function(payload)`.
    What the work prints is dropped.

    Args:
        target: `"graphc.package.module:function"`; nothing outside graphc can be named.
        payload: what JSON can carry; nothing is pickled.
        timeout: seconds after which the process is ended.

    Raises:
        ArgumentError: the target is no function of graphc's, or JSON can't carry the payload.
        BudgetError: the work took longer than `timeout`.
        MemoryJobError: the work failed.
    """
    check_target(target)
    try:
        text = json.dumps({"target": target, "payload": dict(payload)})
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"JSON can't carry the payload: {error}", "pass plain values") from None
    # -P: the folder the user stands in is not searched for modules; graphc's own is named.
    path = os.pathsep.join(p for p in (_FOLDER, os.environ.get("PYTHONPATH", "")) if p)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "graphc.measure.memory_worker"],
            input=text.encode(),
            capture_output=True,
            timeout=timeout,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BudgetError(
            f"{target} took longer than {timeout:g} s", "give it less to do, or a longer timeout"
        ) from None
    except OSError as error:
        raise MemoryJobError(f"no process could be started: {error}") from None
    return _read(target, done)


def _read(target: str, done: subprocess.CompletedProcess[bytes]) -> Peak:
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
        raise MemoryJobError(f"the process of {target} ended with {how}: {last[0]}") from None
    if "error" in answer:
        raise MemoryJobError(f"{target} failed: {answer['error']}")
    return Peak(answer["baseline"], answer["peak"], answer["result"])
