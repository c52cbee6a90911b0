"""`minimise`: full-batch optimisers of SciPy on graphc's values, gradients and products."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import optimize

from graphc.backends.compile import compile
from graphc.backends.values import as_value
from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, DivergedError, GradError, ShapeError, show_value
from graphc.core.graph import leaves
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.diff.derivatives import grad, hvp, jacobian
from graphc.nn.parameters import first_value
from graphc.ops.source import input as input_node
from graphc.ops.source import is_trainable
from graphc.train.data import closest
from graphc.train.model import check_frozen, flat, frozen_names, nest, scalar_node

#: Our names and SciPy's; those that take products with the Hessian.
METHODS = {
    "cg": "CG", "bfgs": "BFGS", "l-bfgs": "L-BFGS-B", "newton-cg": "Newton-CG",
    "trust-ncg": "trust-ncg",
    "levenberg-marquardt": "lm",
}  # fmt: skip
_SECOND_ORDER = frozenset({"newton-cg", "trust-ncg"})


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """Where a minimisation ended.

    Attributes:
        values: what was sought, arrays by name.
        loss: the loss there; for Levenberg-Marquardt half the sum of squares.
        converged: whether the method's own test says so.
        stopped: why it ended, in the method's words.
        steps: its steps.
        evaluations: of the loss with its gradient.
        losses: the loss at the start and after each step.
        path: where they were: for each name an array, one entry each, if `keep_path`; else empty.
    """

    values: dict[str, Any]
    loss: float
    converged: bool
    stopped: str
    steps: int
    evaluations: int
    losses: Any
    path: dict[str, Any]

    @property
    def parameters(self) -> dict[str, Any]:
        """The values as a nest: names split at their dots."""
        return nest(self.values)

    def __repr__(self) -> str:
        word = "converged" if self.converged else "not converged"
        return f"<minimum {self.loss:.6g} after {self.steps} steps, {word}: {self.stopped}>"


@guarded("train.minimise")
def minimise(
    loss: Node,
    data: Mapping[Any, Any] | None = None,
    *,
    parameters: Mapping[Any, Any] | None = None,
    method: str = "l-bfgs",
    tolerance: float | None = None,
    max_steps: int | None = None,
    seed: int = 0,
    frozen: Any = (),
    keep_path: bool = False,
    on_step: Callable[[int, float], Any] | None = None,
) -> Minimum:
    """Minimises a loss over all of its data at once.

    The numbers are those of the graph's dtype: for the last digits declare it float64.

    Args:
        loss: a float scalar; for "levenberg-marquardt" the residuals, of any shape, whose sum of
            squares is made small.
        data: values of the inputs that are not sought.
        parameters: starting values by name or node (or as a nest), of inputs too, which are then
            sought as well; parameters that are not named start as they were declared.
        method: "cg" (Polak and Ribiere's conjugate gradients), "bfgs", "l-bfgs", "newton-cg"
            or "trust-ncg" (whose products with the Hessian are graphc's own), or
            "levenberg-marquardt" (whose Jacobian is).
        tolerance: of the gradient's largest element, or what the method calls so; its own default
            unless given.
        max_steps: the method's own default unless given.
        seed: of first values.
        frozen: names of parameters, or of layers, that stay as they are.
        keep_path: whether the parameters after every step are kept.
        on_step: called with the number of a step and the loss after it; False ends it.

    Returns:
        The minimum: values, loss, whether it converged.

    Raises:
        ArgumentError: an unknown method, a missing or unknown value, nothing to seek.
        ShapeError, GradError: the loss is no float scalar, or a start is of another shape.
        DivergedError: the loss is not finite at the start.
        PrecisionError: the graph is float64, and JAX's 64-bit types are turned off.

    Source: Nocedal and Wright, "Numerical Optimization", 2006; Moré, "The Levenberg-Marquardt
    algorithm", 1978; both as SciPy has them.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ArgumentError(f"seed={show_value(seed)} is no integer from 0 on", "say seed=0")
    if not isinstance(method, str) or method not in METHODS:
        raise ArgumentError(
            f"there is no method {show_value(method)}", closest(method, METHODS, "there are")
        )
    if tolerance is not None and not (_is_number(tolerance) and 0 < tolerance < math.inf):
        raise ArgumentError(f"tolerance={show_value(tolerance)} is no positive number", "say 1e-8")
    if max_steps is not None and (
        isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1
    ):
        raise ArgumentError(f"max_steps={show_value(max_steps)} is no count", "for example 1000")
    residuals = method == "levenberg-marquardt"
    if not isinstance(loss, Node) or not isinstance(loss.type, TensorType):
        raise ArgumentError(f"the loss is {show_value(loss)}, no graph value", "pass a node")
    if not residuals:
        scalar_node(loss, "the loss")
    if not loss.dtype.is_float:
        raise GradError(f"the loss {describe(loss, 3)} is {loss.type}", "make it a float")
    names = frozen_names(frozen)
    problem = _Problem(loss, parameters, data, seed, names)
    watch = _Watch(problem, keep_path, on_step)
    if residuals:
        return _least_squares(problem, watch, tolerance, max_steps)
    return _minimum(problem, watch, method, tolerance, max_steps)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class _Problem:
    """A loss as functions of one vector: the values sought, packed."""

    def __init__(
        self, loss: Node, parameters: Any, data: Any, seed: int, frozen: tuple[str, ...]
    ) -> None:
        found = {str(n.name): n for n in leaves([loss])}
        check_frozen(frozen, list(found))
        starts = {} if parameters is None else flat(parameters, list(found), "parameters")
        given = {} if data is None else flat(data, list(found), "data")
        held: dict[str, Any] = {}
        self.sought: dict[str, Node] = {}
        start: dict[str, Any] = {}
        for name, node in found.items():
            trained = is_trainable(node) and not any(
                name == f or name.startswith(f"{f}.") for f in frozen
            )
            if name in given:
                held[name] = as_value(node, given[name])
            elif name in starts or trained:
                if not node.dtype.is_float:
                    raise GradError(
                        f"{describe(node)} is {node.type}: only a float can be sought",
                        "pass its value in data",
                    )
                self.sought[name] = node
                start[name] = _start(node, starts[name]) if name in starts else None
                if start[name] is None:
                    start[name] = first_value(node, seed)
            elif node.op.name == "param":
                held[name] = first_value(node, seed)
            else:
                raise ArgumentError(
                    f"no value for {name}: {node.type}",
                    "pass it in data, or its start in parameters to seek it",
                )
        if not self.sought:
            raise ArgumentError("there is nothing to seek", "name an input or a gx.param")
        self.loss = loss
        self.held = {n: jnp.asarray(v) for n, v in held.items()}
        self.start, self._shapes = self.pack(start), {n: v.shape for n, v in start.items()}

    def pack(self, values: Mapping[str, Any]) -> Any:
        return np.concatenate([np.asarray(values[n], np.float64).ravel() for n in self.sought])

    def unpack(self, vector: Any) -> dict[str, Any]:
        """Returns the values by name, in their own dtypes."""
        made: dict[str, Any] = {}
        at = 0
        for name, node in self.sought.items():
            size = math.prod(self._shapes[name])
            part = vector[at : at + size].reshape(self._shapes[name])
            made[name] = part.astype(node.dtype.numpy)
            at += size
        return made

    def compiled(self, outputs: Any, extra: Mapping[str, Node] | None = None) -> Any:
        """Returns a jitted function of the packed vector (and another, in the same packing)."""
        run = compile(outputs, jit=False).function

        def call(vector: Any, other: Any = None, held: Any = None) -> Any:
            values = {**held, **self.unpack(vector)}
            if extra is not None:
                along = self.unpack(other)
                values |= {str(node.name): along[n] for n, node in extra.items()}
            return run(values)

        jitted = jax.jit(call)
        return lambda vector, other=None: jitted(vector, other, self.held)


def _start(node: Node, value: Any) -> Any:
    array = as_value(node, value)
    fits = len(node.shape) == array.ndim and all(
        not isinstance(d, int) or d == s for d, s in zip(node.shape, array.shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{describe(node)} is {node.type}, its start has shape {list(array.shape)}",
            "give a start of that shape",
        )
    return array


class _Watch:
    """Counts, and keeps the losses and the path."""

    def __init__(self, problem: _Problem, keep: bool, on_step: Any) -> None:
        self.problem, self.keep, self.on_step = problem, keep, on_step
        self.evaluations = 0
        self.losses: list[float] = []
        self.path: list[Any] = []
        self.seen: tuple[Any, float] = (None, math.nan)
        self.ended = False

    def evaluated(self, vector: Any, value: float) -> None:
        self.evaluations += 1
        self.seen = (np.array(vector), value)
        if not self.losses:
            if not math.isfinite(value):
                raise DivergedError(
                    f"the loss is {value} at the start", "begin elsewhere, or mend the loss"
                )
            self.keep_step(vector, value)

    def stepped(self, vector: Any, value_of: Callable[[Any], float]) -> None:
        known = self.seen[0] is not None and np.array_equal(self.seen[0], vector)
        value = self.seen[1] if known else value_of(vector)
        self.keep_step(vector, value)
        if self.on_step is not None and self.on_step(len(self.losses) - 1, value) is False:
            self.ended = True
            raise StopIteration

    def keep_step(self, vector: Any, value: float) -> None:
        self.losses.append(value)
        if self.keep:
            self.path.append(np.array(vector))

    def result(self, vector: Any, loss: float, converged: bool, words: str, steps: int) -> Minimum:
        problem = self.problem
        path: dict[str, Any] = {}
        if self.keep:
            each = [problem.unpack(v) for v in self.path]
            path = {n: np.stack([e[n] for e in each]) for n in problem.sought}
        words = "on_step said so" if self.ended else words
        return Minimum(
            problem.unpack(np.asarray(vector)), loss, converged and math.isfinite(loss), words,
            steps, self.evaluations, np.asarray(self.losses), path,
        )  # fmt: skip


def _minimum(
    problem: _Problem, watch: _Watch, method: str, tolerance: Any, max_steps: Any
) -> Minimum:
    nodes = list(problem.sought.values())
    slopes = grad(problem.loss, nodes)
    run = problem.compiled([problem.loss, slopes])

    def value_and_slope(vector: Any) -> tuple[float, Any]:
        value, found = run(vector)
        made = problem.pack(dict(zip(problem.sought, found, strict=True)))
        watch.evaluated(vector, float(value))
        return float(value), made

    def value_of(vector: Any) -> float:
        return float(run(vector)[0])

    more: dict[str, Any] = {}
    if method in _SECOND_ORDER:
        extra = {n: input_node(f"along {n}", p.shape, p.dtype) for n, p in problem.sought.items()}
        product = problem.compiled(hvp(problem.loss, nodes, list(extra.values())), extra)
        more["hessp"] = lambda vector, along: problem.pack(
            dict(zip(problem.sought, product(vector, along), strict=True))
        )
    options = {} if max_steps is None else {"maxiter": max_steps}
    found = optimize.minimize(
        value_and_slope, problem.start, jac=True, method=METHODS[method], tol=tolerance,
        callback=lambda x: watch.stepped(x, value_of), options=options, **more,
    )  # fmt: skip
    return watch.result(
        found.x, float(found.fun), bool(found.success), _words(found.message), int(found.nit)
    )


def _least_squares(problem: _Problem, watch: _Watch, tolerance: Any, max_steps: Any) -> Minimum:
    nodes = list(problem.sought.values())
    run = problem.compiled(problem.loss)
    first = np.asarray(run(problem.start), np.float64)
    few = len(problem.start) <= first.size
    slopes = problem.compiled(jacobian(problem.loss, nodes, "forward" if few else "reverse"))

    def residuals(vector: Any) -> Any:
        made = np.asarray(run(vector), np.float64).ravel()
        watch.evaluated(vector, 0.5 * float(made @ made))
        return made

    def matrix(vector: Any) -> Any:
        if watch.evaluations > 1:  # only where a step was taken is the Jacobian asked for again
            watch.stepped(vector, lambda v: watch.seen[1])
        blocks = [np.asarray(b, np.float64).reshape(first.size, -1) for b in slopes(vector)]
        return np.concatenate(blocks, axis=1)

    least_squares: Any = optimize.least_squares  # whose types say less than it takes
    limits = {} if tolerance is None else dict.fromkeys(("ftol", "xtol", "gtol"), tolerance)
    try:
        # MINPACK's own code needs as many residuals as unknowns; the trust region does not.
        found: Any = least_squares(
            residuals, problem.start, matrix, method="lm" if few else "trf", max_nfev=max_steps,
            **limits,
        )  # fmt: skip
    except StopIteration:
        vector, value = watch.seen
        return watch.result(vector, value, False, "", len(watch.losses) - 1)
    if float(found.cost) < watch.losses[-1]:
        watch.keep_step(found.x, float(found.cost))
    return watch.result(
        found.x, float(found.cost), bool(found.success), _words(found.message),
        len(watch.losses) - 1,
    )  # fmt: skip


def _words(message: Any) -> str:
    text = message.decode() if isinstance(message, bytes) else str(message)
    return " ".join(text.split()).rstrip(".")
