"""One training step as one compiled function, and an epoch of them as one more."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from graphc.backends.compile import compile
from graphc.core.graph import nodes_everywhere
from graphc.diff.derivatives import value_and_grad
from graphc.train.model import KEY, Model, fingerprint
from graphc.train.optimisers import Updater

#: Ops that XLA's CPU backend runs slower within a loop of its own than one call at a time:
#: convolutions by a factor of 7 (JAX 0.10.2, 2 cores), for there they take one thread and no plan.
_SLOW_IN_LOOPS = frozenset({"conv"})


class Carry(NamedTuple):
    """What a step changes: parameters, state of the graph, state of the optimiser."""

    parameters: dict[str, Any]
    state: dict[str, Any]
    optimiser: Any


class Program:
    """The functions of a training, plain and traceable; `fit` and `search` compile them.

    Args:
        model: the graph's parts.
        updater: the optimiser.
        accumulate: micro-batches whose mean slope makes a step.
        clip_value: slopes are held within plus and minus this.
        clip_norm: slopes together are scaled down to this norm.
        budget: nodes above which compiling is refused.
    """

    def __init__(
        self, model: Model, updater: Updater, *, accumulate: int = 1,
        clip_value: float | None = None, clip_norm: float | None = None, budget: int | None = None,
    ) -> None:  # fmt: skip
        self.model, self.updater, self.accumulate = model, updater, accumulate
        clips = []
        if clip_value is not None:
            clips.append(optax.clip(clip_value))
        if clip_norm is not None:
            clips.append(optax.clip_by_global_norm(clip_norm))
        self.clip = optax.chain(*clips) if clips else None
        places = [model.parameters, model.state, model.inputs]
        loss, slopes = value_and_grad(model.loss, dict(model.parameters))
        outputs = {"loss": loss, "slopes": slopes, "state": model.updates}
        options: dict[str, Any] = {"jit": False} if budget is None else {
            "jit": False, "budget": budget}  # fmt: skip
        #: The slopes as graph, by name.
        self.slope_nodes: dict[str, Any] = slopes
        self._slopes = compile(outputs, places, **options).function
        self._value = compile(model.loss, places, derivative="graphc", **options).function
        self._measures: Any = (
            compile(model.measures, places, **options).function if model.measures else None
        )

        # Jitted once, so that trainings of one program compile it once.
        self.run_epoch = jax.jit(self.checked_epoch)
        self.run_step = jax.jit(self.numbered_step)
        self.run_step_in_place = jax.jit(self.numbered_step, donate_argnums=0)
        self.run_measure = jax.jit(self.measure)

    # -- parts of a step, traced --

    def values(self, data: Mapping[str, Any], key: Any, fixed: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the values of all inputs, from those of the data, the fixed ones and the key."""
        found = {**data, **fixed}
        if self.model.keyed and KEY not in found:
            found[KEY] = key
        return {name: found[name] for name in self.model.inputs}

    def slopes(
        self, parameters: Any, state: Any, data: Any, key: Any, fixed: Any
    ) -> tuple[Any, Any, Any]:
        """Returns loss, slopes and the new state of one batch, or of its micro-batches together."""
        parts = self.accumulate
        if parts == 1:
            found = self._slopes(parameters, state, self.values(data, key, fixed))
            return found["loss"], found["slopes"], {**state, **found["state"]}
        data = jax.tree.map(lambda a: a.reshape((parts, -1, *a.shape[1:])), data)

        def one(carry: Any, part: Any) -> tuple[Any, None]:
            total, state = carry
            number, rows = part
            values = self.values(rows, jax.random.fold_in(key, number), fixed)
            found = self._slopes(parameters, state, values)
            new = (found["loss"], found["slopes"])
            return (jax.tree.map(jnp.add, total, new), {**state, **found["state"]}), None

        zero = jnp.zeros((), self.model.loss.dtype.numpy)
        start = ((zero, jax.tree.map(jnp.zeros_like, parameters)), state)
        (total, state), _ = lax.scan(one, start, (jnp.arange(parts), data))
        loss, slopes = jax.tree.map(lambda a: a / parts, total)
        return loss, slopes, state

    def step(
        self, carry: Carry, data: Any, key: Any, rate: Any, fixed: Any, options: Any
    ) -> tuple[Carry, Any]:
        """Returns what a step makes of the carry, and the loss before it."""
        parameters, state, optimiser = carry
        loss, slopes, after = self.slopes(parameters, state, data, key, fixed)
        if self.clip is not None:
            slopes, _ = self.clip.update(slopes, self.clip.init(parameters))

        def value_of(other: Any, **_: Any) -> Any:
            return self._value(other, state, self.values(data, key, fixed))

        made, optimiser = self.updater.step(
            slopes, optimiser, parameters, rate, options, loss, value_of
        )
        return Carry(made, after, optimiser), loss

    def numbered_step(
        self, carry: Carry, data: Any, rows: Any, number: Any, rate: Any, key: Any, fixed: Any,
        options: Any,
    ) -> tuple[Carry, Any]:  # fmt: skip
        """Returns a step on rows of the data (None: all of them) with the key of its number."""
        if rows is not None:
            pick = lambda a: a.at[rows].get(mode="promise_in_bounds")
            data = jax.tree.map(pick, data)
        if self.model.keyed:
            key = jax.random.fold_in(key, number)
        return self.step(carry, data, key, rate, fixed, options)

    def epoch(
        self, carry: Carry, data: Any, rows: Any, first: Any, rates: Any, key: Any, fixed: Any,
        options: Any,
    ) -> tuple[Carry, Any]:  # fmt: skip
        """Returns the carry after one step for each row of `rows`, and all losses."""

        def one(carry: Carry, part: Any) -> tuple[Carry, Any]:
            number, rate, chosen = part
            return self.numbered_step(carry, data, chosen, number, rate, key, fixed, options)

        count = rates.shape[0]
        numbers = first + jnp.arange(count, dtype=jnp.int32)
        if rows is None:
            return lax.scan(lambda c, p: one(c, (*p, None)), carry, (numbers, rates))
        return lax.scan(one, carry, (numbers, rates, rows))

    def checked_epoch(self, *given: Any) -> tuple[Carry, Any, Any]:
        """Returns what `epoch` returns, and whether parameters and state are finite after it."""
        carry, losses = self.epoch(*given)
        return carry, losses, all_finite((carry.parameters, carry.state))

    def measure(
        self, parameters: Any, state: Any, data: Any, key: Any, fixed: Any
    ) -> dict[str, Any]:
        """Returns the measures of some rows as floats."""
        if self._measures is None:
            return {}
        found = self._measures(parameters, state, self.values(data, key, fixed))
        return {
            n: v if jnp.issubdtype(v.dtype, jnp.floating) else v.astype(jnp.float32)
            for n, v in found.items()
        }

    @property
    def loops_well(self) -> bool:
        """Tells whether an epoch as one call is as fast as one call a step."""
        if jax.default_backend() != "cpu":
            return True
        return all(n.op.name not in _SLOW_IN_LOOPS for n in nodes_everywhere([self.model.loss]))


def all_finite(values: Any) -> Any:
    """Tells, as one traced boolean, whether all floats in a nest of arrays are finite."""
    found = jnp.asarray(True)
    for array in jax.tree.leaves(values):
        if jnp.issubdtype(array.dtype, jnp.inexact):
            found = found & jnp.all(jnp.isfinite(array))
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a program was asked for; equal where one program serves both."""

    graph: tuple[Any, ...]
    optimiser: Any
    options: tuple[Any, ...]
    settings: tuple[Any, ...]
    make: Callable[[], Program] = field(compare=False)


@functools.lru_cache(maxsize=8)
def _kept(asked: _Asked) -> Program:
    return asked.make()


def program_of(
    model: Model, made: Updater, optimiser: Any, options: Any, **settings: Any
) -> Program:
    """Returns the program of a training; the last few are kept.

    Compiling takes a second, and training again from another seed, at another rate, with other
    data of the same shapes, or a model built anew alike, is the same program.

    Args:
        model: the graph's parts.
        made: the optimiser, made from what was given.
        optimiser: what was given.
        options: what was given with it.
        settings: those of `Program`.
    """
    roots = [model.loss, *model.measures.values(), *model.updates.values()]
    parts = (model.measures, model.parameters, model.state, model.updates, model.inputs)
    graph = (fingerprint(roots, here=True), *(tuple(part) for part in parts))
    try:
        asked = _Asked(
            graph, optimiser, tuple(sorted(dict(options or {}).items())),
            tuple(sorted(settings.items())), lambda: Program(model, made, **settings),
        )  # fmt: skip
        return _kept(asked)
    except TypeError:  # an option or an optimiser that is no key
        return Program(model, made, **settings)
