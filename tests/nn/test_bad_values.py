"""Every layer and every function of `graphc.nn` meets every kind of value; what they say of it."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import graphc as gx
from graphc import nn
from tests.test_bad_operands import VALUES

FLAT, WAVE = gx.input("f", (4, 6)), gx.input("w", ("batch", 4, 6))
IMAGE, WORDS = gx.input("i", (2, 4, 4, 2)), gx.input("n", (2, 4), gx.int32)
OPERANDS = (FLAT, WAVE, IMAGE, WORDS)

#: The arguments with which each layer is made where only one of them is wrong.
LAYERS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "Dense": (nn.Dense, (3,)),
    "Conv": (nn.Conv, (2, 2)),
    "ConvTranspose": (nn.ConvTranspose, (2, 2)),
    "MaxPool": (nn.MaxPool, ()),
    "AvgPool": (nn.AvgPool, ()),
    "GlobalPool": (nn.GlobalPool, ()),
    "BatchNorm": (nn.BatchNorm, ()),
    "LayerNorm": (nn.LayerNorm, ()),
    "RMSNorm": (nn.RMSNorm, ()),
    "GroupNorm": (nn.GroupNorm, (2,)),
    "Dropout": (nn.Dropout, ()),
    "Embedding": (nn.Embedding, (5, 4)),
    "PositionEmbedding": (nn.PositionEmbedding, (4,)),
    "SinusoidalPositions": (nn.SinusoidalPositions, ()),
    "GLU": (nn.GLU, (3,)),
    "Maxout": (nn.Maxout, (3,)),
    "PReLU": (nn.PReLU, ()),
    "Swish": (nn.Swish, ()),
    "RNN": (nn.RNN, (3,)),
    "LSTM": (nn.LSTM, (3,)),
    "GRU": (nn.GRU, (3,)),
    "Bidirectional": (nn.Bidirectional, (nn.GRU(2),)),
    "MultiHeadAttention": (nn.MultiHeadAttention, (2,)),
    "TransformerBlock": (nn.TransformerBlock, (2,)),
    "Sequential": (nn.Sequential, ([nn.Dense(3)],)),
    "Residual": (nn.Residual, (nn.Dense(6),)),
    "Flatten": (nn.Flatten, ()),
    "Reshape": (nn.Reshape, ((-1,),)),
    "Feedforward": (nn.Feedforward, ([6, 3],)),
}
#: Sizes of which arrays are not made on the way, and which would take the memory of any machine.
HUGE = ("2**40", "2**63", "10**400", "10**5000", "np uint")

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(nn, name)
    for name in ("parameters", "state", "updates", "initialise", "count", "describe", "l1", "l2",
                 "elastic", "activation_of")
} | {
    f"init.{name}": getattr(nn.init, name)
    for name in ("constant", "uniform", "normal", "truncated_normal", "scaled", "glorot", "he",
                 "lecun", "orthogonal")
}  # fmt: skip


def fault(call: Callable[[], Any]) -> str:
    """Returns what is wrong with how a call ends; nothing where all is well."""
    try:
        call()
    except gx.GraphcError as error:
        text = str(error)
        if len(text) > 3000:
            return f"an error of {len(text)} characters"
        return "" if f"{Path(__file__).name}:" in text else f"an error elsewhere: {text[:200]}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return ""


def used(make: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Makes a layer and calls it with each operand, in training and at inference."""
    layer = make(*args, **named)
    for x in OPERANDS:
        for training in (False, True):
            try:
                layer(x, training=training)
            except gx.GraphcError as error:
                if f"{Path(__file__).name}:" not in str(error):
                    raise


def layer_calls(name: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    make, args = LAYERS[name]
    names = [n for n in inspect.signature(make).parameters if n not in ("self", "token")]
    for word, value in VALUES.items():
        for place, parameter in enumerate(names):
            if place < len(args):
                given: tuple[Any, ...] = (*args[:place], value, *args[place + 1 :])
                yield f"{parameter}={word}", lambda g=given: used(make, g, {})
            else:
                yield f"{parameter}={word}", lambda p=parameter, v=value: used(make, args, {p: v})
        yield f"called with {word}", lambda v=value: make(*args)(v)
        yield f"training={word}", lambda v=value: make(*args)(FLAT, training=v)
    yield "nothing", lambda: make()
    yield "bogus", lambda: make(*args, bogus=1)
    yield "called with nothing", lambda: make(*args)()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_ends_in_a_node_or_an_error_of_ours(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrong = [f"{word}: {found}" for word, call in layer_calls(name) if (found := fault(call))]
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_ends_in_a_result_or_an_error_of_ours(name: str) -> None:
    function = FUNCTIONS[name]
    names = list(inspect.signature(function).parameters)
    wrong: list[str] = []
    first = nn.Dense(3)(FLAT)
    for word, value in VALUES.items():
        for parameter in names:
            given = {parameter: value} if parameter != names[0] else {}
            args = (value,) if parameter == names[0] else (first,)
            found = fault(lambda a=args, g=given: function(*a, **g))
            if found:
                wrong.append(f"{parameter}={word}: {found}")
    assert not wrong, "\n".join(wrong[:20])


X, S = gx.input("x", ("batch", 6)), gx.input("s", ("batch", 4, 6))
SAID: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: nn.Dense(0), gx.ArgumentError, "units=0 is no whole number from 1 on"),
    (lambda: nn.Dense(3, features=5)(X), gx.ShapeError, "features=5, but the operand has 6"),
    (lambda: nn.Dense(3)(gx.input("y", (4, "n"))), gx.ShapeError, "named size n"),
    (lambda: nn.Dense(3)(gx.input("y", ())), gx.ShapeError, "1 or more axes"),
    (lambda: nn.Dropout(1.0), gx.ArgumentError, "rate=1.0 does not lie from 0 to below 1"),
    (lambda: nn.Dropout(-0.1), gx.ArgumentError, "rate=-0.1"),
    (lambda: nn.Conv(2, 7)(gx.input("y", (1, 5, 5, 1))), gx.ShapeError, "larger"),
    (lambda: nn.Conv(2, (3, 3))(gx.input("y", (1, 5, 1))), gx.ShapeError, "1 space axes"),
    (lambda: nn.Conv(3, 3, groups=2), gx.ArgumentError, "do not divide into groups=2"),
    (lambda: nn.GroupNorm(4)(X), gx.ShapeError, "6 channels do not divide"),
    (lambda: nn.MultiHeadAttention(4)(S), gx.ShapeError, "6 features do not divide among heads=4"),
    (lambda: nn.MultiHeadAttention(2)(X), gx.ShapeError, "not [batch, time, features]"),
    (
        lambda: nn.MultiHeadAttention(2)(S, mask=gx.input("m", (4, 4), gx.bool_)),
        gx.ShapeError,
        "for keys, or",
    ),
    (lambda: nn.MultiHeadAttention(2)(S, mask=X), gx.DTypeError, "not boolean"),
    (
        lambda: nn.MultiHeadAttention(2, causal=True)(S, gx.input("c", ("batch", 3, 6))),
        gx.ShapeError,
        "no diagonal",
    ),
    (lambda: nn.LSTM(3)(X), gx.ShapeError, "not [batch, time, features]"),
    (lambda: nn.GRU(3)(S, initial=X), gx.ShapeError, "give 1 of the shape"),
    (lambda: nn.PositionEmbedding(3)(S), gx.ShapeError, "fit into length=3"),
    (lambda: nn.Embedding(3, 2)(X), gx.DTypeError, "no numbers of words"),
    (lambda: nn.Residual(nn.Dense(3))(X), gx.ShapeError, "give shortcut="),
    (lambda: nn.Sequential([nn.Dense]), gx.ArgumentError, "write Dense(...)"),
    (lambda: nn.Sequential([3]), gx.ArgumentError, "neither a layer nor a function"),
    (lambda: nn.Sequential([lambda x: 3])(X), gx.ArgumentError, "no graph value"),
    (lambda: nn.Feedforward([3]), gx.ArgumentError, "two sizes or more"),
    (lambda: nn.Feedforward([6, 3], output="sofmax"), gx.ArgumentError, "mean 'softmax'"),
    (lambda: nn.BatchNorm(momentum=1.5), gx.ArgumentError, "momentum=1.5 is above 1"),
    (lambda: nn.initialise(X, seed=-1), gx.ArgumentError, "seed=-1"),
    (lambda: nn.l1({}), gx.ArgumentError, "no weight"),
]


@pytest.mark.parametrize("row", SAID, ids=lambda row: row[2])
def test_an_error_says_what_is_wrong_at_the_users_line(row: Any) -> None:
    call, error, words = row
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)
    assert caught.value.place[0] == __file__
    assert caught.value.call
