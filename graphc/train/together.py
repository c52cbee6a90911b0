"""Runs of one program trained together, as one batched function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from graphc.backends.values import as_value
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.train.data import Data, prepare
from graphc.train.fit import as_numpy, batch_of, first_values, measure_batch_of
from graphc.train.model import KEY, Model
from graphc.train.optimisers import OptaxUpdater, first_rate, first_state, has_own_rate, updater
from graphc.train.rates import Rates
from graphc.train.step import Carry, Program
from graphc.train.stopping import is_larger_better, monitored

#: Names that `search` itself reads, beside inputs, options and arguments of the builder.
OWN = ("learning_rate", "seed", "batch_size", "optimiser", "clip_norm", "clip_value")


class Common(Protocol):
    """What all runs of a search share."""

    data: Any
    monitor: Any
    optimiser: Any
    learning_rate: Any
    options: dict[str, Any]
    epochs: int
    batch_size: Any
    validation: Any
    normalise: Any
    fixed: dict[str, Any]
    clip_value: Any
    clip_norm: Any
    seed: int


class Group:
    """Runs of one program, batched."""

    def __init__(
        self, common: Common, model: Model, own: Mapping[str, Any],
        numbers: Sequence[Mapping[str, Any]],
    ) -> None:  # fmt: skip
        self.common, self.model, self.count = common, model, len(numbers)
        options = {**common.options, **{n: v for n, v in own.items() if n not in OWN}}
        self.updater = updater(own.get("optimiser", common.optimiser), options)
        names = list(numbers[0])
        inputs = {n: p for n, p in model.inputs.items() if not (model.keyed and n == KEY)}
        moved = [n for n in names if n in inputs]
        loose = [n for n in names if n not in inputs and n not in ("learning_rate", "seed")]
        self._check_options(loose)
        shared = {n: v for n, v in common.fixed.items() if n not in moved}
        for name in moved:
            if inputs[name].shape != ():
                raise ShapeError(
                    f"the hyper-parameter {name} is the input {inputs[name].type}, no scalar",
                    "declare it as a scalar",
                )
        first = {n: numbers[0][n] for n in moved}
        self.data: Data = prepare(
            inputs, common.data, common.validation, common.normalise, {**shared, **first},
            common.seed,
        )  # fmt: skip
        self.batch = batch_of(own.get("batch_size", common.batch_size), self.data, inputs, 1)
        self.measured = measure_batch_of(None, self.batch, self.data, inputs)
        self.program = Program(
            model, self.updater, clip_value=own.get("clip_value", common.clip_value),
            clip_norm=own.get("clip_norm", common.clip_norm),
        )  # fmt: skip
        self.fixed = {n: jnp.asarray(v) for n, v in self.data.fixed.items() if n not in moved}
        each = {n: np.stack([as_value(inputs[n], s[n]) for s in numbers]) for n in moved}
        self.fixed |= {n: jnp.asarray(v) for n, v in each.items()}
        self.fixed_axes = {n: 0 if n in moved else None for n in self.fixed}
        kinds = [p.type.dtype.numpy for p in model.parameters.values()]
        self.kind = np.float64 if any(k == np.float64 for k in kinds) else np.float32
        self.options = {n: jnp.asarray([s[n] for s in numbers], self.kind) for n in loose}
        self.seeds = [int(s.get("seed", common.seed)) for s in numbers]
        if has_own_rate(self.updater) and "learning_rate" in names:
            raise ArgumentError(
                "the optimiser that was given has its own learning rate", "give it by name"
            )
        self.steps = self.data.rows // self.batch
        given = [s.get("learning_rate", common.learning_rate) for s in numbers]
        self.rates = [Rates(first_rate(rate, self.updater), self.steps) for rate in given]
        self.column = ""

    def _check_options(self, names: Sequence[str]) -> None:
        if not names:
            return
        known: Sequence[str] = ()
        if isinstance(self.updater, OptaxUpdater) and not has_own_rate(self.updater):
            known = list(inspect.signature(self.updater.make).parameters)
        for name in names:
            if name not in known:
                raise ArgumentError(
                    f"{show_value(name)} is no hyper-parameter here: neither an input of the loss, "
                    f"nor an option of {self.updater.name}, nor an argument of build",
                    f"own names are {', '.join(OWN)}",
                )

    def run(self) -> tuple[dict[str, list[Any]], dict[str, Any], dict[str, Any]]:
        """Returns the history of all runs, and their best and last values, stacked."""
        starts = [first_values(self.model, None, s) for s in self.seeds]
        stack = {n: jnp.asarray(np.stack([s[n] for s in starts])) for n in self.model.leaves}
        parameters = {n: stack[n] for n in self.model.parameters}
        one = lambda tree: jax.tree.map(lambda a: a[0], tree)
        first_state(self.updater, one(parameters), one(self.options))  # says what Optax dislikes
        optimiser = jax.vmap(self.updater.init)(parameters, self.options)
        carry = Carry(parameters, {n: stack[n] for n in self.model.state}, optimiser)
        keys = np.stack([
            np.asarray(jax.random.key_data(jax.random.key(s))) for s in self.seeds
        ])  # fmt: skip
        one_order = len(set(self.seeds)) == 1
        data = {n: jnp.asarray(a) for n, a in self.data.training.items()}
        advance = self._advance(one_order)
        measure = jax.jit(jax.vmap(self.program.measure, (0, 0, None, 0, self.fixed_axes)))
        parts = [
            (f"{part}.", rows)
            for part, rows in (("train", self._some_rows()), ("validation", self.data.validation))
            if rows is not None
        ]
        history: dict[str, list[Any]] = {}
        best, score = stack, np.full(self.count, np.nan)
        for epoch in range(self.common.epochs):
            rows = self._rows(epoch, one_order)
            rates = self._rates(epoch)
            carry, losses = advance(carry, data, rows, np.int32(epoch * self.steps), rates, keys)
            row = {"loss": np.asarray(losses, np.float64).mean(axis=1)}
            for lead, arrays in parts:
                found = self._measures(measure, carry, arrays, keys)
                row |= {f"{lead}{n}": v for n, v in found.items()}
            for name, value in row.items():
                history.setdefault(name, []).append(value)
            self.column = self.column or monitored(self.common.monitor, list(row))
            now = np.where(np.isfinite(row["loss"]), row[self.column], np.nan)
            larger = is_larger_better(self.column)
            ahead = (now > score) if larger else (now < score)
            better = ~np.isnan(now) & (np.isnan(score) | ahead)
            score = np.where(better, now, score)
            best = _chosen(better, {**carry.parameters, **carry.state}, best)
        return history, as_numpy(best), as_numpy({**carry.parameters, **carry.state})

    def _advance(self, one_order: bool) -> Callable[..., Any]:
        """Returns what takes all runs through an epoch."""
        whole = self.batch == self.data.rows
        options_axes = dict.fromkeys(self.options, 0)
        rows_axis = None if one_order or whole else 0
        if self.program.loops_well:
            axes = (0, None, rows_axis, None, 0, 0, self.fixed_axes, options_axes)
            run = jax.jit(jax.vmap(self.program.epoch, axes))
            return lambda carry, data, rows, first, rates, keys: run(
                carry, data, None if whole else rows, first, rates, keys, self.fixed, self.options
            )
        axes = (0, None, rows_axis, None, 0, 0, self.fixed_axes, options_axes)
        step = jax.jit(jax.vmap(self.program.numbered_step, axes))

        def one_by_one(
            carry: Any, data: Any, rows: Any, first: Any, rates: Any, keys: Any
        ) -> tuple[Any, Any]:
            losses: list[Any] = []
            for number in range(self.steps):
                chosen = None if whole else (rows[number] if one_order else rows[:, number])
                carry, loss = step(
                    carry, data, chosen, np.int32(first + number), rates[:, number], keys,
                    self.fixed, self.options,
                )  # fmt: skip
                losses.append(loss)
            return carry, jnp.stack(losses, axis=1)

        return one_by_one

    def _rows(self, epoch: int, one_order: bool) -> Any:
        used = self.steps * self.batch

        def order(seed: int) -> Any:
            generator = np.random.default_rng([seed, 0xE90C, epoch])
            drawn = generator.permutation(self.data.rows).astype(np.int32)
            return drawn[:used].reshape(self.steps, self.batch)

        return order(self.seeds[0]) if one_order else np.stack([order(s) for s in self.seeds])

    def _rates(self, epoch: int) -> Any:
        first = epoch * self.steps
        made = np.empty((self.count, self.steps))
        for place, rate in enumerate(self.rates):
            made[place] = rate.at(first, self.steps)
        return made.astype(self.kind)

    def _some_rows(self) -> dict[str, Any]:
        count = min(self.data.rows, max(self.data.validation_rows, 512))
        chosen = np.linspace(0, self.data.rows - 1, count).round().astype(np.int64)
        return {n: a[chosen] for n, a in self.data.training.items()}

    def _measures(
        self, measure: Any, carry: Carry, arrays: Mapping[str, Any], keys: Any
    ) -> dict[str, Any]:
        rows = len(next(iter(arrays.values())))
        size = min(rows, self.measured)
        total: dict[str, Any] = {}
        for start in range(0, rows, size):
            part = {n: a[start : start + size] for n, a in arrays.items()}
            found = measure(carry.parameters, carry.state, part, keys, self.fixed)
            share = len(next(iter(part.values()))) / rows
            for name, value in jax.device_get(found).items():
                total[name] = total.get(name, 0.0) + np.asarray(value, np.float64) * share
        return total


@jax.jit
def _chosen(better: Any, new: Any, old: Any) -> Any:
    pick = lambda n, o: jnp.where(better.reshape([-1] + [1] * (n.ndim - 1)), n, o)
    return jax.tree.map(pick, new, old)
