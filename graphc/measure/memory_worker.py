"""The process in which `measure_peak` runs its work: `python -m graphc.measure.memory_worker`.

Standard input: `{"target": "graphc.module:function", "payload": {...}}`. Standard output: JSON,
`{"baseline": bytes, "peak": bytes, "result": ...}` or `{"error": reason}`.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from typing import Any

from graphc.core.errors import ArgumentError

_TARGET = re.compile(r"graphc(\.[A-Za-z]\w*)+:[A-Za-z]\w*", re.ASCII)


def check_target(target: Any) -> None:
    """Raises ArgumentError unless the target names a function in a module of graphc."""
    if not isinstance(target, str) or not _TARGET.fullmatch(target):
        raise ArgumentError(
            f"{target!r} is no function of graphc's", 'name one as "graphc.package.module:function"'
        )


def main() -> None:
    """Reads one job, does it, and answers."""
    # What the work prints must not mix with the answer: it goes to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        answer = _work(json.loads(sys.stdin.buffer.read()))
        text = json.dumps(answer)
    except Exception as error:  # whatever the work raises is an answer to the parent
        text = json.dumps({"error": f"{type(error).__name__}: {error}"[:2000]})
    answers.write(text)
    answers.flush()


def _work(job: dict[str, Any]) -> dict[str, Any]:
    check_target(job["target"])
    module_name, _, name = job["target"].partition(":")
    module = importlib.import_module(module_name)
    function = getattr(module, name)
    prepare = getattr(module, "prepare", None)
    if prepare is not None:
        prepare(job["payload"])
    _forget_peak()
    baseline = resident_bytes()
    result = function(job["payload"])
    return {"baseline": baseline, "peak": max(peak_bytes(), baseline), "result": result}


def resident_bytes() -> int:
    """Returns the memory this process holds now; where the system does not say, its peak."""
    return _status("VmRSS") or peak_bytes()


def peak_bytes() -> int:
    """Returns the most memory this process has held.

    Linux: VmHWM, not ru_maxrss, which a process takes over from the one that started it, so that
    a large parent would hide what its child needs (getrusage(2), execve(2)).
    """
    found = _status("VmHWM")
    if found:
        return found
    try:
        import resource
    except ImportError:
        raise ArgumentError("this system does not tell a process's memory", "use Linux") from None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def _forget_peak() -> None:
    """Starts the peak anew at what is held now: what imports took for a moment is no peak."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:  # not Linux, or not permitted: the peak then holds that of the imports too
        pass


def _status(field: str) -> int:
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


if __name__ == "__main__":
    main()
