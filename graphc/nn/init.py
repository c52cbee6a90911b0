"""First values of parameters: each names itself, so that a saved graph keeps it.

An initialiser is called as `init(key, shape, dtype)`, as those of JAX are, and returns an array of
NumPy; the same key gives the same numbers in every process.

Fans, where an initialiser scales by them: a weight is `[inputs, outputs]`, a kernel `[*window,
inputs, outputs]`; the fan in is the product of the window's sizes with the inputs, the fan out that
with the outputs. Of one axis, both fans are its size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.backends.numpy import evaluate
from graphc.core.calls import guarded
from graphc.core.dtype import DType, dtype_of, float32
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import apply_public
from graphc.ops.random import draws, keys

#: What the standard deviation of a normal number becomes where it is cut at two of them.
_TRUNCATED = 0.87962566103423978

Key = np.ndarray[Any, Any]
Array = np.ndarray[Any, Any]
Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Initialiser:
    """First values by name: a kind and its numbers.

    Attributes:
        kind: the name under which a saved graph finds it again.
        values: its numbers and words.
    """

    kind: str
    values: tuple[float | str, ...] = ()

    @property
    def spec(self) -> tuple[float | str, ...]:
        """What a node and a file hold of it."""
        return (self.kind, *self.values)

    def __call__(self, key: Any, shape: Sequence[int], dtype: Any = float32) -> Array:
        """Returns the first value of a parameter.

        Args:
            key: `u32[2]`.
            shape: the parameter's.
            dtype: the parameter's, a float one.
        """
        sizes, kind = tuple(shape), dtype_of(dtype)
        made = _KINDS[self.kind](np.asarray(key, np.uint32), sizes, kind, *self.values)
        return np.asarray(made, dtype=kind.numpy).reshape(sizes)

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(str(v) for v in self.values)})"


# -- the numbers -----------------------------------------------------------------------------------


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Returns the fan in and the fan out of a weight or kernel, see the module."""
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _uniform(key: Key, shape: Sizes, dtype: DType, low: float, high: float) -> Array:
    return np.asarray(evaluate(draws.uniform(key, shape, dtype, low, high)))


def _normal(key: Key, shape: Sizes, dtype: DType, deviation: float, mean: float = 0.0) -> Array:
    return np.asarray(evaluate(draws.normal(key, shape, dtype))) * deviation + mean


def _truncated(key: Key, shape: Sizes, dtype: DType, deviation: float, mean: float = 0.0) -> Array:
    edge = math.erf(math.sqrt(2))  # a normal number lies within two deviations so often
    even = draws.uniform(key, shape, dtype, -edge, edge)
    found = np.asarray(evaluate(apply_public("erfinv", even))) * math.sqrt(2)
    return np.clip(found, -2.0, 2.0) * deviation + mean


def _scaled(
    key: Key, shape: Sizes, dtype: DType, scale: float, fan: str, distribution: str
) -> Array:
    into, out = fans(shape)
    count = {"in": into, "out": out, "mean": (into + out) / 2}[fan]
    deviation = math.sqrt(scale / max(count, 1))
    if distribution == "uniform":
        half = math.sqrt(3) * deviation
        return _uniform(key, shape, dtype, -half, half)
    if distribution == "truncated":
        return _truncated(key, shape, dtype, deviation / _TRUNCATED)
    return _normal(key, shape, dtype, deviation)


def _orthogonal(key: Key, shape: Sizes, dtype: DType, gain: float) -> Array:
    if len(shape) < 2:
        raise ShapeError(f"a parameter of shape {list(shape)} has no rows to be orthogonal")
    rows, columns = math.prod(shape[:-1]), shape[-1]
    tall = _normal(key, (max(rows, columns), min(rows, columns)), dtype, 1.0).astype(np.float64)
    found, triangle = np.linalg.qr(tall)
    # Without the signs, the result would not be spread evenly over all orthogonal matrices.
    found = found * np.where(np.diagonal(triangle) < 0, -1.0, 1.0)
    return gain * (found if rows >= columns else found.T).reshape(shape)


_KINDS: Mapping[str, Callable[..., Any]] = {
    "parts": lambda key, shape, dtype, *values: np.repeat(values, shape[0] // len(values)),
    "constant": lambda key, shape, dtype, value: np.full(shape, value),
    "uniform": _uniform,
    "normal": _normal,
    "truncated": _truncated,
    "scaled": _scaled,
    "orthogonal": _orthogonal,
}


def _number(name: str, value: Any, least: float | None = None) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not abs(value) < 1e300 or (least is not None and value < least):
        limit = "" if least is None else f" from {least:g} on"
        raise ArgumentError(f"{name}={show_value(value)} is no finite number{limit}")
    return float(value)


def _word(name: str, value: Any, choices: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ArgumentError(f"{name}={show_value(value)} is none of {', '.join(choices)}")
    return value


# -- what people call ------------------------------------------------------------------------------


@guarded("nn.init.constant")
def constant(value: float) -> Initialiser:
    """Returns an initialiser that gives every element one value."""
    return Initialiser("constant", (_number("value", value),))


@guarded("nn.init.zeros")
def zeros() -> Initialiser:
    """Returns an initialiser of zeros: right for biases, and for weights a trap.

    Units whose weights are all equal get equal gradients and stay equal for ever; layers warn of
    weights that begin so (`SymmetryWarning`).
    """
    return Initialiser("constant", (0.0,))


@guarded("nn.init.ones")
def ones() -> Initialiser:
    """Returns an initialiser of ones, see `zeros`."""
    return Initialiser("constant", (1.0,))


@guarded("nn.init.uniform")
def uniform(limit: float = 0.05) -> Initialiser:
    """Returns an initialiser of even numbers between -limit and limit."""
    half = _number("limit", limit, 0.0)
    return Initialiser("uniform", (-half, half))


@guarded("nn.init.normal")
def normal(deviation: float = 0.05, mean: float = 0.0) -> Initialiser:
    """Returns an initialiser of normal numbers."""
    return Initialiser("normal", (_number("deviation", deviation, 0.0), _number("mean", mean)))


@guarded("nn.init.truncated_normal")
def truncated_normal(deviation: float = 0.05, mean: float = 0.0) -> Initialiser:
    """Returns an initialiser of normal numbers that lie within two deviations of the mean.

    `deviation` is that before the cut; cut, it is 0.88 of it.
    """
    values = (_number("deviation", deviation, 0.0), _number("mean", mean))
    return Initialiser("truncated", values)


@guarded("nn.init.scaled")
def scaled(scale: float = 1.0, fan: str = "in", distribution: str = "truncated") -> Initialiser:
    """Returns an initialiser of variance scale / fan.

    Args:
        scale: 1 for LeCun and Glorot, 2 for He.
        fan: "in", "out" or "mean", see the module.
        distribution: "uniform", "normal", or "truncated" (normal within two deviations).
    """
    return Initialiser(
        "scaled",
        (
            _number("scale", scale, 0.0),
            _word("fan", fan, ("in", "out", "mean")),
            _word("distribution", distribution, ("uniform", "normal", "truncated")),
        ),
    )


@guarded("nn.init.glorot")
def glorot(distribution: str = "uniform") -> Initialiser:
    """Returns Glorot's (Xavier's) initialiser, of variance 2 / (fan in + fan out).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010), equation 16.
    """
    return scaled(1.0, "mean", distribution)


xavier = glorot


@guarded("nn.init.he")
def he(distribution: str = "normal") -> Initialiser:
    """Returns He's (Kaiming's) initialiser, of variance 2 / fan in: for relu and its kin.

    Source: He et al., "Delving Deep into Rectifiers" (2015), equation 10.
    """
    return scaled(2.0, "in", distribution)


kaiming = he


@guarded("nn.init.lecun")
def lecun(distribution: str = "normal") -> Initialiser:
    """Returns LeCun's initialiser, of variance 1 / fan in: for selu, and where nothing follows.

    Source: LeCun et al., "Efficient BackProp" (1998), equation 16.
    """
    return scaled(1.0, "in", distribution)


@guarded("nn.init.orthogonal")
def orthogonal(gain: float = 1.0) -> Initialiser:
    """Returns an initialiser of orthogonal rows or columns, whichever are fewer.

    A kernel is taken as a matrix of [window and inputs, outputs]. Source: Saxe et al., "Exact
    solutions to the nonlinear dynamics of learning in deep linear neural networks" (2013).
    """
    return Initialiser("orthogonal", (_number("gain", gain),))


#: Initialisers that layers take by name.
BY_NAME: Mapping[str, Initialiser] = {
    "zeros": zeros(),
    "ones": ones(),
    "uniform": uniform(),
    "normal": normal(),
    "truncated_normal": truncated_normal(),
    "glorot": glorot(),
    "glorot_uniform": glorot("uniform"),
    "glorot_normal": glorot("normal"),
    "xavier": glorot(),
    "xavier_uniform": glorot("uniform"),
    "xavier_normal": glorot("normal"),
    "he": he(),
    "he_uniform": he("uniform"),
    "he_normal": he("normal"),
    "kaiming": he(),
    "kaiming_uniform": he("uniform"),
    "kaiming_normal": he("normal"),
    "lecun": lecun(),
    "lecun_uniform": lecun("uniform"),
    "lecun_normal": lecun("normal"),
    "orthogonal": orthogonal(),
}


def initialiser_of(given: Any) -> Any:
    """Returns an initialiser given as itself, by name, as a number, an array or a function.

    Raises:
        ArgumentError: there is none of that name.
    """
    if isinstance(given, str):
        if given not in BY_NAME:
            raise ArgumentError(
                f"there is no initialiser {given!r}", f"use one of {', '.join(BY_NAME)}"
            )
        return BY_NAME[given]
    if given is None or isinstance(given, bool):
        raise ArgumentError(
            f"{show_value(given)} is no initialiser", 'for example "he", or nn.init.normal(0.1)'
        )
    return given


def from_spec(spec: tuple[Any, ...]) -> Initialiser:
    """Returns the initialiser that a node names.

    Raises:
        ArgumentError: there is none of that kind.
    """
    if spec[0] not in _KINDS:
        raise ArgumentError(f"there is no initialiser of the kind {show_value(spec[0])}")
    return Initialiser(spec[0], tuple(spec[1:]))


def key_of(seed: int, name: str) -> Key:
    """Returns the key of one parameter: that of the seed with the parameter's name folded in.

    So a parameter's first value does not depend on which others there are.
    """
    return np.asarray(evaluate(keys.fold_in(keys.key(seed), name)))
