"""The process in which a `Meter` measures: `python -m graphc.measure.memory_worker`.

It loads what a piece of work needs, once, and forks itself for each measurement: a fork has loaded
what its parent had, and nothing that ran in another measurement.

Standard input, a line for each request: `{"target": "graphc.module:function", "payloads": [...],
"timeout": seconds}`. Standard output, a line for each request: a list with `{"baseline": bytes,
"peak": bytes, "result": ...}`, `{"error": reason}` or `{"late": true}` for each payload. A request
without payloads only loads.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, Any, NoReturn

from graphc.core.errors import ArgumentError

#: Measurements that run at once.
_PROCESSES = max(1, min(os.cpu_count() or 1, 4))
_TARGET = re.compile(r"graphc(\.[A-Za-z]\w*)+:[A-Za-z]\w*", re.ASCII)


def check_target(target: Any) -> None:
    """Raises ArgumentError unless the target names a function in a module of graphc."""
    if not isinstance(target, str) or not _TARGET.fullmatch(target):
        raise ArgumentError(
            f"{target!r} is no function of graphc's", 'name one as "graphc.package.module:function"'
        )


def main() -> None:
    """Answers one request after the other."""
    # What the work prints must not mix with the answers: it goes to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    gc.disable()  # what is loaded stays, so there is nothing to collect
    for line in sys.stdin.buffer:
        answers.write(json.dumps(_answers(json.loads(line))) + "\n")
        answers.flush()


def _answers(request: dict[str, Any]) -> list[dict[str, Any]]:
    payloads: Sequence[Any] = request["payloads"]
    try:
        check_target(request["target"])
        module_name, _, name = request["target"].partition(":")
        module = importlib.import_module(module_name)
        getattr(module, "load", lambda: None)()
    except Exception as error:  # it is an answer to the parent
        return [_error(error)] * len(payloads)
    gc.freeze()  # nor to look through, in a fork
    running: dict[int, int] = {}
    statuses: dict[int, int] = {}
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in payloads]
        for number, payload in enumerate(payloads):
            if len(running) >= _PROCESSES:
                _await_one(running, statuses)
            pid = os.fork()
            if not pid:
                _measure(module, name, payload, request["timeout"], files[number])
            running[pid] = number
        while running:
            _await_one(running, statuses)
        return [_answer(file, statuses[number]) for number, file in enumerate(files)]


def _await_one(running: dict[int, int], statuses: dict[int, int]) -> None:
    pid, status = os.wait()
    statuses[running.pop(pid)] = os.waitstatus_to_exitcode(status)


def _measure(module: Any, name: str, payload: Any, timeout: float, file: IO[bytes]) -> NoReturn:
    """Does the work in this forked process, leaves the answer in the file, and ends."""
    gc.enable()
    signal.setitimer(signal.ITIMER_REAL, timeout)  # the kernel ends it, whatever it is doing
    try:
        text = json.dumps(_work(module, name, payload))
    except BaseException as error:  # whatever the work raises is an answer to the parent
        text = json.dumps(_error(error))
    file.write(text.encode())
    file.flush()
    os._exit(0)


def _error(error: BaseException) -> dict[str, Any]:
    return {"error": f"{type(error).__name__}: {error}"[:2000]}


def _answer(file: IO[bytes], status: int) -> dict[str, Any]:
    if status == -signal.SIGALRM:
        return {"late": True}
    file.seek(0)
    text = file.read()
    if status or not text:
        how = f"signal {-status}" if status < 0 else f"exit {status}"
        return {"error": f"the process ended with {how}"}
    return json.loads(text)


def _work(module: Any, name: str, payload: Any) -> dict[str, Any]:
    function = getattr(module, name)
    getattr(module, "prepare", lambda _: None)(payload)
    _forget_peak()
    baseline, code = resident_bytes(), _status("RssFile")
    result = function(payload)
    # Pages of program files that were met for the first time are no memory of the work.
    peak = peak_bytes() - max(_status("RssFile") - code, 0)
    return {"baseline": baseline, "peak": max(peak, baseline), "result": result}


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
