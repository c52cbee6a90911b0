"""Peak memory of a piece of work, measured in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.errors import ArgumentError, BudgetError, GraphcError
from graphc.measure.memory_worker import check_target

#: Seconds that loading may take.
_LOADING = 120.0
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


class Meter:
    """A process that has loaded what a piece of work needs, and forks for each measurement of it.

    The process imports the function's module and calls the module's `load()`, if there is one, for
    imports that the work would make; it must start no threads. A fork of it calls
    `prepare(payload)`, if there is one, notes the memory, and calls `function(payload)`. What the
    work prints is dropped.

    Args:
        target: `"graphc.package.module:function"`; nothing outside graphc can be named.

    Raises:
        ArgumentError: the target is no function of graphc's.
        MemoryJobError: no process could be started.
    """

    def __init__(self, target: str) -> None:
        check_target(target)
        if not hasattr(os, "fork"):
            raise MemoryJobError("this system can't fork a process to measure its memory")
        self.target = target
        # -P: the folder the user stands in is not searched for modules; graphc's own is named.
        path = os.pathsep.join(p for p in (_FOLDER, os.environ.get("PYTHONPATH", "")) if p)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "graphc.measure.memory_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # it and its forks are ended together
            )
        except OSError as error:
            raise MemoryJobError(f"no process could be started: {error}") from None
        self._send([], 0.0)
        self._loaded = False

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process and its forks; a second call does nothing."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()

    def wait(self) -> None:
        """Waits until everything is loaded, so that this does not disturb what is timed here.

        Raises:
            MemoryJobError: the process ended, or takes very long.
        """
        if not self._loaded:
            self._receive(_LOADING)
            self._loaded = True

    def measure(
        self, payloads: Sequence[Mapping[str, Any]], timeout: float = 600.0
    ) -> list[Peak | GraphcError]:
        """Returns the memory of the work, or why there is no such figure, for each payload.

        As many at once as there are processors, four at most.

        Args:
            payloads: what JSON can carry; nothing is pickled.
            timeout: seconds after which one measurement is ended.

        Raises:
            ArgumentError: JSON can't carry a payload.
            MemoryJobError: the process ended.
        """
        self.wait()
        self._send(payloads, timeout)
        answers = self._receive(_LOADING + timeout * len(payloads))
        return [self._read(answer, timeout) for answer in answers]

    def _send(self, payloads: Sequence[Mapping[str, Any]], timeout: float) -> None:
        request = {"target": self.target, "payloads": list(payloads), "timeout": timeout}
        try:
            text = json.dumps(request)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"JSON can't carry the payload: {error}", "pass plain values"
            ) from None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(text.encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            pass  # it is gone, or closed: the reader says so

    def _receive(self, limit: float) -> list[dict[str, Any]]:
        assert self._process.stdout is not None
        if self._process.stdout.closed:
            raise MemoryJobError(f"the process of {self.target} was ended")
        source, text, end = self._process.stdout.fileno(), b"", time.monotonic() + limit
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([source], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(source, 1 << 16) if ready else b""
            if not chunk:
                how = "ended" if ready else f"did not answer in {limit:g} s"
                raise MemoryJobError(f"the process of {self.target} {how}")
            text += chunk
        return json.loads(text)

    def _read(self, answer: dict[str, Any], timeout: float) -> Peak | GraphcError:
        if "late" in answer:
            return BudgetError(
                f"{self.target} took longer than {timeout:g} s",
                "give it less to do, or a longer timeout",
            )
        if "error" in answer:
            return MemoryJobError(f"{self.target} failed: {answer['error']}")
        return Peak(answer["baseline"], answer["peak"], answer["result"])


def peak_of(target: str, payload: Mapping[str, Any], timeout: float = 600.0) -> int:
    """Returns the bytes that a piece of work takes on top of its imports; see `measure_peak`."""
    return measure_peak(target, payload, timeout).work


def measure_peak(target: str, payload: Mapping[str, Any], timeout: float = 600.0) -> Peak:
    """Runs a function of graphc's own in a new process and returns its memory; see `Meter`.

    Raises:
        ArgumentError: the target is no function of graphc's, or JSON can't carry the payload.
        BudgetError: the work took longer than `timeout`.
        MemoryJobError: the work failed.
    """
    with Meter(target) as meter:
        (found,) = meter.measure([payload], timeout)
    if isinstance(found, GraphcError):
        raise found
    return found
