"""Predicted seconds: their order is that of what was measured, whatever the machine is doing."""

from __future__ import annotations

import pytest

import graphc as gx
from graphc.core.node import Node
from graphc.optimize.price import UNKNOWN_SIZE, Machine, number_of, seconds

A, B = gx.input("A", (1000, 1000)), gx.input("B", (1000, 1000))
U, v = gx.input("U", (1000, 4)), gx.input("v", (1000,))


def test_a_product_of_matrices_is_near_the_peak_and_one_by_a_vector_at_the_speed_of_memory() -> (
    None
):
    machine = Machine()
    assert seconds([A @ B]) == pytest.approx(2e9 / machine.flops, rel=0.1)
    assert seconds([A @ v]) == pytest.approx(4e6 / machine.moved, rel=0.2)
    assert seconds([A @ U]) < 2 * seconds([A @ v])


def test_what_xla_fuses_is_read_and_written_once() -> None:
    once = seconds([gx.sin(A) * 2.0])
    assert seconds([A + B]) < seconds([A + B, (A + B) * 2.0])
    assert seconds([-(A + B) * 2.0]) < 1.5 * seconds([A + B])
    assert seconds([gx.sum(A * B)]) < seconds([A * B])
    assert once < seconds([gx.sin(A)]) + seconds([A * 2.0])


def test_moving_elements_is_dearer_than_reading_them() -> None:
    assert seconds([gx.transpose(A) + 0.0 * B]) > 1.3 * seconds([A + 0.0 * B])
    assert seconds([gx.reshape(A, (1000000,))]) == 0.0
    assert seconds([gx.transpose(gx.input("row", (1, 1000)))]) < 1e-5


def test_wide_types_take_longer() -> None:
    wide = gx.input("W", (1000, 1000), gx.float64)
    assert seconds([wide @ wide]) == pytest.approx(2 * seconds([A @ A]), rel=0.1)


def test_shared_and_given_parts_count_once_or_not_at_all() -> None:
    product: Node = A @ B
    assert seconds([product, product @ v]) < 1.2 * seconds([product])
    assert seconds([product @ v], given=[product]) < seconds([product @ v]) / 10


def test_a_loop_costs_its_steps() -> None:
    def run(steps: int) -> Node:
        last, _ = gx.scan(lambda s, _: (gx.sin(A @ s), None), v, length=steps)
        return last

    assert seconds([run(100)]) == pytest.approx(10 * seconds([run(10)]), rel=0.1)


def test_named_sizes_are_those_of_the_context() -> None:
    n = gx.dim("n")
    node = gx.input("x", (n, n)) @ gx.input("y", (n, n))
    assert seconds([node], {"n": 1000}) == pytest.approx(seconds([A @ B]), rel=1e-6)
    assert number_of(n * 2) == 2 * UNKNOWN_SIZE
    assert number_of(n * 2, {"n": 3}) == 6.0


@pytest.mark.parametrize(
    ("cheap", "dear"),
    [
        (A @ (B @ v), (A @ B) @ v),
        (gx.sum(A, axis=0) @ gx.sum(B, axis=1), gx.sum(A @ B)),
        (A @ v + B @ v, (A + B) @ v),
        (A.T @ (A @ v), (A.T @ A) @ v),
        (A @ (v + v * 2), A @ v + A @ (v * 2)),
    ],
    ids=["A (B v)", "sum(A B)", "A v + B v", "A' (A v)", "A (v + w)"],
)
def test_measured_gains_and_losses_are_predicted(cheap: Node, dear: Node) -> None:
    assert seconds([cheap]) < 0.7 * seconds([dear])
