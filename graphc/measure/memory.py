"""Peak memory of a piece of work, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from graphc.core.errors import ArgumentError, BudgetError


def peak_of(target: str, payload: dict[str, Any], timeout: float = 120.0) -> int:
    """Returns the bytes by which a process's peak grows when it does the work.

    Args:
        target: `graphc.MODULE:FUNCTION`; the function is called as `run(payload, prepared)`, where
            `prepared` is what the module's `prepare(payload)` returned before the baseline.
        payload: plain values, sent as JSON.
        timeout: seconds.

    Raises:
        ArgumentError: the target is no function of graphc.
        BudgetError: the work took longer than the timeout, or failed.
    """
    if not target.startswith("graphc.") or ":" not in target:
        raise ArgumentError(f"{target!r} is no function of graphc")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "graphc.measure.memory_worker", target],
            input=json.dumps(payload),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BudgetError(f"the work took more than {timeout:g} s") from None
    if done.returncode:
        raise BudgetError(f"the work failed: {done.stderr.strip().splitlines()[-1:]}")
    return int(json.loads(done.stdout)["bytes"])
