"""The cycle collector rests while a large graph is built, and is as before after the next pass."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

import graphc as gx
from graphc.core.collector import ease, restore
from graphc.core.node import Node


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before, enabled = gc.get_threshold(), gc.isenabled()
    gc.set_threshold(700, 10, 10)
    yield
    restore()
    gc.set_threshold(*before)
    assert gc.isenabled() is enabled


def chain(length: int) -> tuple[Node, Node]:
    x = gx.input("x", (), gx.float64)
    node = x
    for _ in range(length // 2):
        node = gx.sin(node) * 1.25
    return x, node


def test_a_small_graph_leaves_the_collector_alone() -> None:
    ease(700 * 8)
    assert gc.get_threshold() == (700, 10, 10)


def test_a_large_graph_eases_it_until_the_next_pass() -> None:
    x, node = chain(50_000)
    assert gc.get_threshold()[0] > 2000
    gx.grad(node, x)
    assert gc.get_threshold() == (700, 10, 10)


def test_it_is_eased_in_proportion_to_what_is_alive() -> None:
    for live in (80_000, 800_000):
        ease(live)
        assert gc.get_threshold() == (live // 8, 10, 10)
    restore()
    assert gc.get_threshold() == (700, 10, 10)


def test_what_the_caller_sets_meanwhile_stays() -> None:
    ease(80_000)
    gc.set_threshold(5000, 20, 20)
    restore()
    assert gc.get_threshold() == (5000, 20, 20)
    ease(80_000)
    gc.set_threshold(900, 5, 5)
    ease(160_000)
    assert gc.get_threshold() == (20_000, 5, 5)
    restore()
    assert gc.get_threshold() == (900, 5, 5)


def test_a_collector_that_never_looks_stays_so() -> None:
    gc.set_threshold(0, 10, 10)
    ease(10**7)
    restore()
    assert gc.get_threshold() == (0, 10, 10)
