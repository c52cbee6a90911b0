from __future__ import annotations

import copy
import gc
import itertools
import pickle
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.naming import describe
from graphc.core.node import intern_table_size

HERE = Path(__file__).name


# -- interning -------------------------------------------------------------------------------------


def test_same_structure_is_the_same_node() -> None:
    x, y = gx.input("x", (3,)), gx.input("y", (3,))
    assert gx.input("x", (3,)) is x
    assert x + y is gx.input("x", 3) + gx.input("y", [3])
    assert gx.sin(x * 2) is gx.sin(x * 2.0)  # a weak 2 and 2.0 are one float32 constant
    assert x + y is not y + x
    assert gx.input("x", (3,), "float64") is not x


def test_true_1_and_1_0_stay_apart() -> None:
    nodes = [gx.constant(v) for v in (True, 1, 1.0, np.float64(1), np.int8(1))]
    assert all(a is not b for a, b in itertools.combinations(nodes, 2))
    x = gx.input("x")
    assert gx.leaky_relu(x, 1) is gx.leaky_relu(x, 1.0)
    with pytest.raises(gx.ArgumentError):
        gx.leaky_relu(x, True)


def test_zeros_of_both_signs_stay_apart_and_nan_is_itself() -> None:
    assert gx.constant(0.0) is not gx.constant(-0.0)
    x = gx.input("x", (), "float64")
    assert x * 0.0 is not x * -0.0
    assert gx.constant(float("nan")) is gx.constant(float("nan"))
    assert gx.constant(np.array([0.0])) is not gx.constant(np.array([-0.0]))
    other = struct.unpack("d", struct.pack("Q", 0x7FF8000000000001))[0]
    assert gx.constant(np.array(other)) is not gx.constant(np.array(np.nan))
    assert gx.constant(np.array([other])) is gx.constant(np.array([other]))
    assert gx.leaky_relu(x, 0.0) is not gx.leaky_relu(x, -0.0)


def test_arrays_are_one_node_bit_for_bit_and_are_copied() -> None:
    values = np.arange(1000.0)
    first = gx.constant(values)
    assert gx.constant(values.copy()) is first
    assert gx.constant(values.reshape(10, 100)) is not first
    values[0] = 7.0
    assert gx.evaluate(first)[0] == 0.0
    assert gx.constant(values) is not first


def test_table_is_as_small_as_before_once_a_graph_is_gone() -> None:
    gc.collect()
    before = intern_table_size()
    x = gx.input("only here", (3,), "float64")
    block = gx.block(lambda a: gx.tanh(a) * 2)
    loss = gx.sum(block(x) + gx.map(lambda e: e * e, x))
    gradients = [gx.grad(loss, x, engine=e) for e in ("reverse", "forward", "numeric", "jax")]
    second = gx.hessian(loss, x)
    assert intern_table_size() > before + 50
    del x, block, loss, gradients, second
    gc.collect()
    assert intern_table_size() <= before + 1  # a constant may be new to the whole session


def test_16_threads_build_no_twins() -> None:
    results: list[list[Any]] = []
    start = threading.Barrier(16)

    def build() -> None:
        start.wait()
        made: list[Any] = []
        node = gx.input("shared", (2,), "float64")
        for i in range(300):
            node = gx.sin(node * (i % 7)) + node
            made.append(node)
        made.append(gx.grad(gx.sum(gx.block(lambda a: gx.exp(a))(node)), node))
        results.append(made)

    threads = [threading.Thread(target=build) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 16
    for other in results[1:]:
        assert all(a is b for a, b in zip(results[0], other, strict=True))


def test_node_is_immutable_in_use_and_copies_are_itself() -> None:
    x = gx.input("x", (3,))
    node = gx.sin(x)
    assert copy.copy(node) is node
    assert copy.deepcopy({"a": [node]})["a"][0] is node
    with pytest.raises(gx.ArgumentError, match="can't be pickled"):
        pickle.dumps(node)
    held = x
    held += 1
    assert held is x + 1 and held is not x


def test_node_remembers_where_it_was_first_made() -> None:
    first = gx.input("made here", (2,)) * 3.25  # the line that counts
    second = gx.input("made here", (2,)) * 3.25
    assert second is first
    path, line = first.place
    assert Path(path).name == HERE
    assert "the line that counts" in Path(path).read_text().splitlines()[line - 1]


def test_place_is_right_in_a_program_of_many_lines() -> None:
    lines = ["def build(x):", *[f"    x = gx.sin(x) * {i}.5" for i in range(3000)], "    return x"]
    program: dict[str, Any] = {"gx": gx}
    exec(compile("\n".join(lines), "long program.py", "exec"), program)
    node = program["build"](gx.input("x"))
    for line in range(3001, 2900, -1):
        assert node.place == ("long program.py", line)
        node = node.args[0].args[0]


def test_each_result_of_a_loop_has_the_line_of_its_own_operation() -> None:
    node = gx.input("x")
    made = [node]
    for _ in range(5):
        node = gx.cos(
            node + 1.0,
        )
        made += [node.args[0], node]
    lines = {n.op.name: n.place[1] for n in made[1:]}
    assert lines["add"] - lines["cos"] == 1
    assert all(n.place[1] == lines[n.op.name] for n in made[1:])


def test_equal_numbers_are_one_constant_and_signs_of_zero_are_not() -> None:
    for dtype in (gx.float32, gx.complex64):
        made = [gx.constant(v, dtype) for v in (0.0, -0.0, 1.0, 1, True, 2.0)]
        assert made[2] is made[3] is made[4] and len(set(made)) == 4
    assert gx.constant(complex(1.0, -0.0), gx.complex64) is not gx.constant(1.0, gx.complex64)
    assert gx.constant(float("nan"), gx.float32) is gx.constant(float("nan"), gx.float32)
    gx.constant(1.0, gx.float32)
    with pytest.raises(gx.DTypeError):
        gx.constant(complex(1.0, 0.0), gx.float32)  # equal to a number that is known, but complex
    assert gx.constant(2**53, gx.int64) is not gx.constant(2**53 + 1, gx.int64)


def test_ops_of_one_and_two_operands_do_not_meet_in_a_table() -> None:
    x = gx.input("x", (2,))
    joined = [gx.concat([x] * count) for count in (1, 2, 3)]
    assert [n.shape for n in joined] == [(2,), (4,), (6,)]
    made = [a + b for a in joined[:1] for b in [x, *(gx.sin(x * i) for i in range(40))]]
    assert len({*made}) == len(made)
    pairs = [gx.sin(x * i) for i in range(30)]
    assert len({a * b for a in pairs for b in pairs}) == 900


def test_dict_and_set_of_nodes_work_by_identity() -> None:
    x, y = gx.input("x"), gx.input("y")
    table = {x: 1, y: 2, x + y: 3}
    assert table[gx.input("x") + gx.input("y")] == 3
    assert len({x, y, x}) == 2


# -- what a graph value refuses --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (bool, "no truth"),
        (float, "no float value"),
        (int, "no int value"),
        (complex, "no complex value"),
        (np.asarray, "no array value"),
        (np.array, "no array value"),
        (lambda x: [1, 2][x], "no index value"),
        (lambda x: x in [1.0, 2.0], "no truth"),
        (lambda x: 0 < x < 1, "no truth"),
        (len, "no len"),
    ],
)
def test_reading_a_value_too_early_is_an_error_that_names_it(act: Any, words: str) -> None:
    x = gx.input("speed", (), "float64")
    with pytest.raises(gx.ArgumentError, match=rf"speed.* at {HERE}:\d+: .*{words}"):
        act(x)


def test_length_and_iteration_follow_the_leading_axis() -> None:
    x = gx.input("x", (3, 2), "float64")
    assert len(x) == 3
    rows = list(x)
    assert [r.shape for r in rows] == [(2,)] * 3
    assert rows[1] is x[1]
    _, _, c = x
    assert c is x[2]
    with pytest.raises(gx.ArgumentError, match="named size has no len"):
        len(gx.input("y", ("n", 2)))
    with pytest.raises(gx.ArgumentError):
        iter(gx.input("s")).__next__()


def test_wrong_operands_are_errors_that_name_op_operands_and_line() -> None:
    w, b = gx.input("W", (3, 4), "float64"), gx.input("b", (5,), "float64")
    line = line_of("w @ b")
    with pytest.raises(gx.ShapeError) as caught:
        _ = w @ b
    text = str(caught.value)
    assert text.startswith(
        f"matmul(W: f64[3,4], b: f64[5]) at {HERE}:{line}: inner sizes 4 and 5 differ"
    )
    with pytest.raises(
        gx.ShapeError, match=r"add\(W: f64\[3,4\], b: f64\[5\]\) at .*do not broadcast"
    ):
        _ = w + b
    with pytest.raises(gx.ArgumentError, match="neither a graph value, a number nor an array"):
        _ = w + "text"
    with pytest.raises(gx.ArgumentError):
        _ = w + None
    with pytest.raises(gx.ArgumentError, match=r"sum\(W: f64\[3,4\], axes=0\).*unexpected keyword"):
        gx.sum(w, axes=0)
    with pytest.raises(gx.AxisError, match="axis 2 is out of range: the value has axes 0 to 1"):
        gx.sum(w, axis=2)
    with pytest.raises(gx.ArgumentError):
        gx.sin(w, w)
    with pytest.raises(gx.DTypeError):
        gx.input("c", (2,), "complex256")


def line_of(text: str) -> int:
    """Returns the line of this file that computes `text` into `_`."""
    lines = Path(__file__).read_text().splitlines()
    return next(i for i, line in enumerate(lines, 1) if line.strip() == f"_ = {text}")


# -- operators, methods, NumPy ---------------------------------------------------------------------

X = np.array([[0.5, -1.5, 2.0], [1.0, 3.0, -0.25]])
Y = np.array([[2.0, 0.5, 1.5], [0.25, 1.0, 4.0]])

EXPRESSIONS: list[Any] = [
    lambda x, y: x + y,
    lambda x, y: 2 - x,
    lambda x, y: x - 2,
    lambda x, y: x * y / 3,
    lambda x, y: 3 / y,
    lambda x, y: x % y,
    lambda x, y: 5 % y,
    lambda x, y: y**x,
    lambda x, y: y**3,
    lambda x, y: 2**x,
    lambda x, y: y**0.5,
    lambda x, y: -x + (+y),
    lambda x, y: abs(x),
    lambda x, y: x @ y.T,
    lambda x, y: x < y,
    lambda x, y: (x >= 0) & (y > 1) | ~(x == y) ^ (x != 2),
    lambda x, y: x <= 0.5,
    lambda x, y: x.sum(axis=0) + y.mean(),
    lambda x, y: x.max(axis=1, keepdims=True) - x.min(),
    lambda x, y: y.prod(axis=-1),
    lambda x, y: x.var() + x.std(axis=1),
    lambda x, y: x.reshape(3, 2) @ y.reshape((2, 3)),
    lambda x, y: x.transpose(1, 0) + y.transpose(),
    lambda x, y: x.mT @ y,
    lambda x, y: np.tanh(x @ y.T),
    lambda x, y: np.sum(x, axis=1) + np.sum(y),
    lambda x, y: np.where(x > 0, x, y),
    lambda x, y: np.concatenate([x, y], axis=1),
    lambda x, y: np.stack([x, y]),
    lambda x, y: np.maximum(x, 0.25) - np.minimum(y, x),
    lambda x, y: np.matmul(x, np.transpose(y)),
    lambda x, y: np.mean(x, axis=0, keepdims=True),
    lambda x, y: np.abs(x) + np.sqrt(y) + np.exp(-x) + np.log(y) + np.log1p(y),
    lambda x, y: np.arctan2(x, y) + np.hypot(x, y) + np.arcsinh(x),
    lambda x, y: np.clip(x, -1.0, 1.0),
    lambda x, y: np.power(y, 2) + np.square(x) + np.reciprocal(y),
    lambda x, y: np.floor(x) + np.ceil(y) + np.rint(x) + np.sign(x) + np.trunc(x),
    lambda x, y: np.multiply(x, y) - np.subtract(x, y) / np.divide(x, y),
    lambda x, y: np.remainder(x, y),
    lambda x, y: np.max(x, axis=0) + np.amin(y, axis=0) + np.prod(x, axis=0),
    lambda x, y: np.reshape(x, (3, 2)),
    lambda x, y: np.broadcast_to(x, (4, 2, 3)),
    lambda x, y: np.expand_dims(x, 1),
    lambda x, y: np.squeeze(np.expand_dims(x, 1), 1),
    lambda x, y: np.einsum("ij,kj->ik", x, y),
    lambda x, y: np.linalg.norm(x),
    lambda x, y: np.var(x, axis=1) + np.std(y, axis=1),
    lambda x, y: np.take(x, [0, 2, 2], axis=1),
    lambda x, y: np.zeros_like(x) + np.ones_like(y),
    lambda x, y: np.logical_and(x > 0, y > 1),
    lambda x, y: np.greater(x, y) | np.less_equal(x, 0),
    lambda x, y: np.array([[1.0, 2.0, 3.0]]) * x - np.array([[1.0], [2.0]]),
    lambda x, y: x * np.array([[1.0, 2.0, 3.0]]) + np.float64(2) * y,
    lambda x, y: np.eye(2) @ x,
    lambda x, y: x @ np.ones((3, 2)),
    lambda x, y: np.array([[1.0, 2.0, 3.0]]) < x,
    lambda x, y: np.array([2.0, 1.0, 0.5]) ** x,
]


@pytest.mark.parametrize("number", range(len(EXPRESSIONS)))
def test_numpy_reads_graph_values_as_arrays(number: int) -> None:
    expression = EXPRESSIONS[number]
    x, y = gx.input("x", (2, 3), "float64"), gx.input("y", (2, 3), "float64")
    node = expression(x, y)
    assert isinstance(node, gx.Node)
    expected = expression(X, Y)
    found = gx.evaluate([node, x, y], x=X, y=Y)[0]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_allclose(gx.compile([node, x, y])(x=X, y=Y)[0], expected, rtol=1e-14)


@pytest.mark.parametrize(
    "act",
    [
        lambda x: np.add(x, 1, out=np.zeros(3)),
        lambda x: np.add.reduce(x),
        lambda x: np.nancumsum(x),
        lambda x: np.sum(x, where=[True, False, True]),
        lambda x: np.unwrap(x),
        lambda x: np.partition(x, 1),
        lambda x: np.take(gx.reshape(x, (1, 3)), [0]),
    ],
)
def test_what_numpy_can_not_do_here_is_an_error_of_ours(act: Any) -> None:
    with pytest.raises(gx.GraphcError, match=HERE):
        act(gx.input("x", (3,), "float64"))


def test_array_in_place_is_an_error_and_not_an_object_array() -> None:
    values = np.ones(3)
    with pytest.raises(gx.ArgumentError):
        values += gx.input("x", (3,), "float64")
    assert values.tolist() == [1.0, 1.0, 1.0]


def test_methods_refuse_what_the_functions_refuse() -> None:
    x = gx.input("x", (2, 3, 4))
    with pytest.raises(gx.ShapeError, match=r"\.T needs 2 axes"):
        _ = x.T
    with pytest.raises(gx.ShapeError, match="24 elements"):
        x.reshape(5, 5)
    with pytest.raises(gx.AxisError):
        x.transpose(0, 1)
    assert x.astype("float64").dtype is gx.float64
    assert x.astype("float32") is x


# -- text ------------------------------------------------------------------------------------------


def test_text_is_cut_and_names_stay_readable() -> None:
    x = gx.input("x")
    assert repr(x * 2 + 1) == "<add(mul(x, 2.0), 1.0): f32>"
    node = x
    for _ in range(100):
        node = gx.sin(node) + gx.cos(node)
    assert len(repr(node)) < 400
    many = gx.stack([gx.input(f"a{i}") for i in range(1000)])
    assert len(describe(many)) < 200
    assert len(repr(gx.input("n" * 1000))) < 100
    assert gx.constant(np.ones((2, 3))).name is None
    assert x.name == "x"
