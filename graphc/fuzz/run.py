"""A run of many random graphs: judged, counted, findings shrunk; in one process or several."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import jax

from graphc.backends.compile import require_x64
from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError
from graphc.fuzz.bench import Bench
from graphc.fuzz.generate import KINDS, Case, generate, op_names
from graphc.fuzz.oracles import judge
from graphc.fuzz.referee import check_compiled
from graphc.fuzz.verdicts import Finding, Verdicts

#: SymPy sees the whole expression of one graph in so many; of the others it sees op by op.
WHOLE_EVERY = 8
#: XLA compiles one graph in so many, with JAX's own gradient of it, and so many of these at once.
COMPILED_EVERY = 40
BATCH = 20

#: Graphs that one process judges before it reports.
CHUNK = 200

#: Seconds of one core that one graph may take; a sine of 10**300000 at 800 digits takes for ever.
SECONDS = 30.0
#: Why a graph is left undecided that takes longer: how fast a machine is says nothing of a graph.
LATE = f"more than {SECONDS:g} s of one core"


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, and the graph it was made in.

    Attributes:
        kind, seed, index: what `generate` makes the graph from.
        oracle: which oracle says so.
        words: what it saw.
    """

    kind: str
    seed: int
    index: int
    oracle: str
    words: str


@dataclass(slots=True)
class Summary:
    """What a run counted.

    Attributes:
        graphs: judged, by kind.
        held: by oracle, the graphs where it applied and held.
        undecided: by (oracle, reason), the graphs where it could not tell.
        without_truth: graphs whose slope has no truth, by kind.
        late: the kind, seed and index of each graph that took too long.
        ops: by op, the graphs that hold it.
        found: all findings, in the order of the graphs.
        seconds: of one core, all processes together.
    """

    graphs: Counter[str] = field(default_factory=Counter[str])
    held: Counter[str] = field(default_factory=Counter[str])
    undecided: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    without_truth: Counter[str] = field(default_factory=Counter[str])
    late: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    ops: Counter[str] = field(default_factory=Counter[str])
    found: list[Found] = field(default_factory=list[Found])
    seconds: float = 0.0

    def add(self, other: Summary) -> None:
        """Adds what another part of the run counted."""
        self.graphs.update(other.graphs)
        self.held.update(other.held)
        self.undecided.update(other.undecided)
        self.without_truth.update(other.without_truth)
        self.late += other.late
        self.ops.update(other.ops)
        self.found += other.found
        self.seconds += other.seconds

    def lines(self) -> list[str]:
        """Returns the summary as lines of a table."""
        total = sum(self.graphs.values())
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.graphs.items()))
        rows = [f"{kinds or 'no'} graphs in {self.seconds:.0f} s of one core, {len(self.ops)} ops"]
        rows.append(f"{'oracle':<26} {'held':>8} {'undecided':>10} {'findings':>9}")
        failed = Counter(f.oracle for f in self.found)
        unsure: Counter[str] = Counter()
        for (oracle, _), count in self.undecided.items():
            unsure[oracle] += count
        for oracle in sorted({*self.held, *unsure, *failed}):
            row = f"{oracle:<26} {self.held[oracle]:>8} {unsure[oracle]:>10} {failed[oracle]:>9}"
            rows.append(row)
        for kind, count in sorted(self.without_truth.items()):
            share = 100 * count / max(self.graphs[kind], 1)
            rows.append(f"without truth: {count} {kind} graphs ({share:.1f} %)")
        reasons: Counter[str] = Counter()
        for (oracle, reason), count in self.undecided.items():
            group = oracle.split(" of ")[0] if " of " in oracle else oracle
            reasons[f"{group}: {reason}"] += count
        rows += [f"{count:>8}  {reason}" for reason, count in reasons.most_common()]
        rows += [
            f"too long: {kind} graph {index} of seed {seed}" for kind, seed, index in self.late
        ]
        rows.append(f"{len(self.found)} findings in {total} graphs")
        return rows


#: Told of a part of the run that is done.
Tell = Callable[[Summary], None]


@guarded("fuzz")
def fuzz(
    scalar: int = 0,
    tensor: int = 0,
    seed: int = 0,
    jobs: int = 1,
    start: int = 0,
    tell: Tell | None = None,
) -> Summary:
    """Judges random graphs by all oracles.

    Args:
        scalar: how many scalar graphs.
        tensor: how many tensor graphs.
        seed: of the run; the same seed gives the same graphs in every process.
        jobs: processes; with 1 the graphs are judged in this one.
        start: the index of the first graph of each kind.
        tell: called with each part's summary when it is done, in the order of the graphs.

    Raises:
        ArgumentError: a count is negative or no integer.
        PrecisionError: JAX's 64-bit types are turned off.
    """
    for name, value in (("scalar", scalar), ("tensor", tensor), ("seed", seed), ("start", start)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ArgumentError(f"{name}={value!r} is no count", "give an integer of 0 or more")
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise ArgumentError(f"jobs={jobs!r} is no count of processes", "give 1 or more")
    parts = [
        (kind, seed, first, min(first + CHUNK, start + count))
        for kind, count in zip(KINDS, (scalar, tensor), strict=True)
        for first in range(start, start + count, CHUNK)
    ]
    total = Summary()
    for part in _in_this_process(parts) if jobs == 1 else _in_processes(parts, jobs):
        total.add(part)
        if tell is not None:
            tell(part)
    return total


def _in_this_process(parts: Sequence[tuple[str, int, int, int]]) -> Iterator[Summary]:
    if parts:
        require_x64([generate("scalar", 0, 0).output])
    for part in parts:
        yield judge_graphs(*part)


def _in_processes(parts: Sequence[tuple[str, int, int, int]], jobs: int) -> Iterator[Summary]:
    context = get_context("spawn")  # a fork of a process in which JAX runs may hang
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_own_process) as pool:
        yield from pool.map(_judge_part, parts)


def _own_process() -> None:
    """Turns JAX's 64-bit types on in a process that belongs to the run alone."""
    jax.config.update("jax_enable_x64", True)


def _judge_part(part: tuple[str, int, int, int]) -> Summary:
    return judge_graphs(*part)


def judge_graphs(kind: str, seed: int, first: int, stop: int) -> Summary:
    """Judges the graphs first, ..., stop - 1 of a kind and a seed."""
    summary = Summary()
    begin = time.process_time()
    waiting: list[tuple[int, Bench]] = []
    for index in range(first, stop):
        case = generate(kind, seed, index)
        bench = Bench(case, whole=index % WHOLE_EVERY == 0)
        summary.graphs[kind] += 1
        summary.ops.update(op_names(case))
        with _limited():
            verdicts = judged(bench)
        _enter(summary, verdicts, kind, seed, index)
        if "time" in verdicts.undecided:
            summary.late.append((kind, seed, index))
        if "truth of reverse" in verdicts.undecided:
            summary.without_truth[kind] += 1
        if index % COMPILED_EVERY == 0:
            waiting.append((index, bench))
        if waiting and (len(waiting) == BATCH or index == stop - 1):
            entries = _compiled([b for _, b in waiting])
            for (place, _), entry in zip(waiting, entries, strict=True):
                _enter(summary, entry, kind, seed, place)
            waiting = []
    summary.seconds = time.process_time() - begin
    return summary


def judged(bench: Bench, compiled: bool = False) -> Verdicts:
    """Returns what the oracles say of one graph; one that takes too long is left undecided.

    Args:
        bench: the graph.
        compiled: whether XLA and JAX are asked too.
    """
    try:
        verdicts = judge(bench)
    except TooLong:
        return Verdicts(undecided={"time": LATE})
    if compiled:
        (more,) = _compiled([bench])
        verdicts.findings += more.findings
        verdicts.held |= more.held
        verdicts.undecided |= more.undecided
    return verdicts


def _compiled(benches: Sequence[Bench]) -> list[Verdicts]:
    try:
        return check_compiled(benches)
    except Exception as error:  # whatever is raised here is a fault of ours, and is reported
        words = f"raises {type(error).__name__}: {str(error)[:300]}"
        if len(benches) == 1:
            return [Verdicts(findings=[Finding("jit", words)])]
        return [_compiled([b])[0] for b in benches]  # one by one, to see which it is


def _enter(summary: Summary, verdicts: Verdicts, kind: str, seed: int, index: int) -> None:
    summary.held.update(verdicts.held)
    summary.undecided.update(verdicts.undecided.items())
    for finding in verdicts.findings:
        summary.found.append(Found(kind, seed, index, finding.oracle, finding.words))


def judge_case(case: Case) -> Verdicts:
    """Returns what all oracles, XLA and JAX included, say of one graph."""
    with _limited():
        return judged(Bench(case), compiled=True)


class TooLong(BaseException):
    """One graph took too long; no Exception, so that no oracle takes it for a finding."""


@contextmanager
def _limited() -> Generator[None]:
    """Limits the processor time of what is inside, where signals may be used."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGPROF"):
        yield
        return

    def stop(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def case_of(found: Found) -> Case:
    """Returns the graph in which something was found."""
    return generate(found.kind, found.seed, found.index)
