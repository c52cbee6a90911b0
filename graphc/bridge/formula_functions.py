"""The functions that a formula may call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphc.core.calls import public_functions
from graphc.core.errors import ArgumentError
from graphc.core.node import Node, apply_named, apply_public
from graphc.core.op import all_ops

_ALIASES = {
    "ln": "log", "pow": "pow", "power": "pow", "sgn": "sign", "absolute": "abs", "fabs": "abs",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "logistic": "sigmoid", "swish": "silu", "rint": "round",
}  # fmt: skip
#: Elementwise ops that a formula writes in another way, or that are steps of graphc's own rules.
NOT_CALLED = frozenset(
    "cast celu decay threshold integer_pow step_sign inverse_positive leaky_relu elu gelu "
    "gelu_gate gaussian sinc pow_less sigmoid_slope one_plus_square one_minus_square "
    "square_minus_one direction inversion erfinv_slope normal_quantile_slope nextafter "
    "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift polygamma "
    "bessel_i bessel_moment polygamma_step zeta igamma igamma_quotient log_gamma_quantile "
    "whole_pow".split()
)
_REDUCTIONS = ("sum", "mean", "prod", "norm", "var", "std", "logsumexp")


@dataclass(frozen=True, slots=True)
class Function:
    """A function with the least and the greatest number of its operands."""

    least: int
    most: int
    build: Callable[..., Node]


@cache
def functions() -> Mapping[str, Function]:
    """Returns the functions that a formula may call, by name."""
    found: dict[str, Function] = {}
    for op in all_ops():
        if op.group == "elementwise" and op.name not in NOT_CALLED and callable(op.formula):
            count = _operand_count(op.formula)
            if count:
                found[op.name] = Function(count, count, _public(op.name))
    for alias, name in _ALIASES.items():
        found[alias] = found[name]
    found["max"] = Function(1, 1000, _extreme("max", "maximum"))
    found["min"] = Function(1, 1000, _extreme("min", "minimum"))
    found["leaky_relu"] = Function(1, 2, _with_number("leaky_relu"))
    for name in ("elu", "celu", "threshold"):
        found[name] = Function(1, 2, _with_number(name))
    found["sinc"] = Function(1, 1, _public("sinc"))
    found["gelu_erf"] = Function(1, 1, lambda x: apply_public("gelu", x, approximate=False))
    found["gelu_tanh"] = Function(1, 1, lambda x: apply_public("gelu", x, approximate=True))
    for name in ("erfcinv", "i0", "i1", "degrees", "radians"):
        found[name] = Function(1, 1, _public(name))
    found["igamma"] = Function(2, 2, _public("igamma"))
    found["zeta"] = Function(1, 2, _public("zeta"))
    for name in _REDUCTIONS:
        if name in public_functions:
            found[name] = Function(1, 1, _public(name))
    return found


def _operand_count(formula: Callable[..., Any]) -> int:
    """Returns how many operands an op's formula takes after its namespace; 0 for any number."""
    kinds = [p.kind for p in inspect.signature(formula).parameters.values()]
    return 0 if inspect.Parameter.VAR_POSITIONAL in kinds else len(kinds) - 1


def _public(name: str) -> Callable[..., Node]:
    return lambda *operands: apply_public(name, *operands)


def _extreme(reduction: str, binary: str) -> Callable[..., Node]:
    def build(*operands: Node) -> Node:
        if len(operands) == 1:
            return apply_public(reduction, operands[0])
        result = operands[0]
        for operand in operands[1:]:
            result = apply_named(binary, result, operand)
        return result

    return build


def _with_number(name: str) -> Callable[..., Node]:
    def build(x: Node, *numbers: Node) -> Node:
        plain: list[float] = []
        for number in numbers:
            if number.op.name != "constant":
                rule = f"the second operand of {name} is a plain number"
                raise ArgumentError(rule, "write it out, for example 0.1")
            plain.append(float(number.params["value"].array))
        return apply_public(name, x, *plain)

    return build
