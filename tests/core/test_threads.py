"""Sixteen threads build, differentiate, rewrite, evaluate, call, save and draw: all is right."""

from __future__ import annotations

import gc
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.node import Node, intern_table_size
from graphc.ops.steps import steps_gathered

THREADS = 16


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    """Lets threads change places every microsecond or so, to bring races out."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[int], Any]) -> list[Any]:
    """Returns what `work(number)` returns in 16 threads that start together."""
    barrier = threading.Barrier(THREADS)
    results: list[Any] = [None] * THREADS
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            barrier.wait()
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def chain(name: str, length: int = 60) -> Node:
    """Returns a chain of operations on an input, the same nodes for the same name."""
    node = gx.input(name, (), "float64")
    for step in range(length):
        node = gx.sin(node) * (step + 0.5) + gx.input(name, (), "float64")
    return node


def test_the_same_graph_built_in_all_threads_at_once_has_no_twins() -> None:
    for attempt in range(10):
        found = in_threads(lambda number, name=f"same{attempt}": chain(name))
        assert all(node is found[0] for node in found)


def test_what_threads_built_leaves_nothing_in_the_table() -> None:
    gc.collect()
    before = intern_table_size()
    found = in_threads(lambda number: [chain(f"own{number % 4}") for _ in range(5)])
    for number, nodes in enumerate(found):
        assert all(node is found[number % 4][0] for node in nodes)
    del nodes, found
    gc.collect()
    assert intern_table_size() == before


def test_nodes_that_die_while_others_build_them_are_no_twins() -> None:
    def work(number: int) -> None:
        for _ in range(300):
            one, two = chain("brief", 3), chain("brief", 3)
            assert one is two
            del one, two

    in_threads(work)


def test_derivatives_rewrites_and_values_are_right_in_all_threads() -> None:
    def work(number: int) -> tuple[Node, Node, float]:
        x = gx.input("x", (), "float64")
        loss = gx.exp(gx.tanh(x) * x) + 0.0 * x
        slope = gx.grad(loss, x)
        return slope, gx.simplify(slope), float(gx.evaluate(slope, x=0.1 * number))

    found = in_threads(work)
    for number, (slope, simple, value) in enumerate(found):
        assert slope is found[0][0]
        assert simple is found[0][1]
        x = 0.1 * number
        truth = np.exp(np.tanh(x) * x) * (np.tanh(x) + x / np.cosh(x) ** 2)
        assert abs(value - truth) <= 8 * np.spacing(abs(truth))


def test_blocks_and_their_derivatives_are_made_once_whichever_thread_comes_first() -> None:
    def step(a: Node, b: Node) -> tuple[Node, Node]:
        return gx.tanh(a * b), a + b

    layer = gx.block(step)

    def work(number: int) -> Node:
        a, b = gx.input("a", (), "float64"), gx.input("b", (), "float64")
        for _ in range(5):
            a, b = layer(a, b)
        return gx.grad(a * b, gx.input("a", (), "float64"))

    found = in_threads(work)
    assert all(node is found[0] for node in found)


def test_the_evaluator_leaves_warnings_and_errors_of_arithmetic_as_they_are() -> None:
    x = gx.input("x", (0,), "float64")
    mean, ratio = gx.mean(x), gx.log(gx.input("y", (), "float64"))
    filters, arithmetic = list(warnings.filters), np.geterr()

    def work(number: int) -> None:
        for _ in range(200):
            assert np.isnan(gx.evaluate(mean, x=np.zeros(0)))
            assert gx.evaluate(ratio, y=0.0) == -np.inf

    in_threads(work)
    assert warnings.filters == filters
    assert np.geterr() == arithmetic


def test_one_compiled_graph_called_by_all_threads_gives_each_its_own_value() -> None:
    x = gx.input("x", ("n",), "float64")
    compiled = gx.compile({"value": gx.sum(x * x), "slope": gx.grad(gx.sum(x * x), x)})

    def work(number: int) -> None:
        for size in (3, 4, 3 + number % 3):  # some sizes are compiled here, in several threads
            given = np.full(size, float(number))
            found = compiled(x=given)
            assert float(found["value"]) == size * number**2
            assert np.array_equal(found["slope"], 2 * given)

    in_threads(work)


def test_one_graph_compiled_by_all_threads_at_once_is_right_in_each() -> None:
    def work(number: int) -> float:
        return float(gx.compile(chain("x", 5))(x=0.25))

    wanted = float(gx.evaluate(chain("x", 5), x=0.25))
    assert np.allclose(in_threads(work), wanted, rtol=1e-14, atol=0)


def test_graphs_saved_to_one_file_by_all_threads_are_whole_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "shared.json"
    x = gx.input("x", (80,), "float64")

    def write(number: int) -> None:
        for _ in range(3):
            gx.save(path, gx.sum(x * float(number)), {"x": np.full(80, float(number))})
            _, values = gx.load_with_values(path)
            assert len(set(values["x"].tolist())) == 1

    in_threads(write)
    node, values = gx.load_with_values(path)
    assert node is gx.sum(x * float(values["x"][0]))
    assert len(list(tmp_path.iterdir())) == 2, "one graph, one file of arrays, no drafts"


def test_graphs_saved_and_loaded_in_all_threads_come_back(tmp_path: Path) -> None:
    def work(number: int) -> None:
        node = gx.grad(chain(f"x{number % 3}", 10), gx.input(f"x{number % 3}", (), "float64"))
        assert gx.load(gx.save(tmp_path / f"{number}.json", node)) is node

    in_threads(work)


def test_pictures_drawn_in_all_threads_are_the_same() -> None:
    found = in_threads(lambda number: gx.draw(chain(f"x{number % 2}", 5)).dot)
    assert len(set(found)) == 2
    assert found[:2] * 8 == found


def test_warnings_of_steps_are_gathered_in_their_own_thread_alone() -> None:
    x = gx.input("x", (), "float64")
    step = gx.floor(x) * x
    gx.grad(x * x, x, "symbolic")  # SymPy adds a filter when it is first imported
    before = list(warnings.filters)

    def gather(_: int) -> int:
        with steps_gathered() as words:
            gx.grad(step, x)
            gx.grad(step, x, "symbolic")
        return len(words)

    assert min(in_threads(gather)) >= 1
    assert warnings.filters == before
    with pytest.warns(gx.NonDifferentiableWarning, match="floor"):
        gx.grad(step, x)
