"""Hyper-parameter search: many runs over one validation split, batched where shapes allow."""

from __future__ import annotations

import inspect
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from graphc.backends.numpy import as_value
from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, BudgetError, ShapeError, show_value
from graphc.core.node import Node
from graphc.train.data import Data, prepare
from graphc.train.fit import as_numpy, batch_of, first_values, measure_batch_of
from graphc.train.model import KEY, Model, read_model
from graphc.train.optimisers import OptaxUpdater, first_rate, has_own_rate, updater
from graphc.train.progress import Progress
from graphc.train.schedules import Schedule
from graphc.train.step import Carry, Program
from graphc.train.stopping import is_larger_better, monitored
from graphc.train.trials import Trial, Trials

#: Runs of a grid, at most: a slip of the pen multiplies.
MOST_RUNS = 10_000
#: Names that `search` itself reads, beside inputs, options and arguments of the builder.
_OWN = ("learning_rate", "seed", "batch_size", "optimiser", "clip_norm", "clip_value")


@dataclass(frozen=True, slots=True)
class Distribution:
    """A law that `search` draws a hyper-parameter from; made by `train.uniform` and the like."""

    kind: str
    low: Any
    high: Any
    choices: tuple[Any, ...] = ()

    def draw(self, generator: np.random.Generator) -> Any:
        """Returns one number, or one of the choices."""
        if self.kind == "choice":
            return self.choices[int(generator.integers(len(self.choices)))]
        if self.kind == "integers":
            return int(generator.integers(self.low, self.high + 1))
        if self.kind == "log_uniform":
            return float(np.exp(generator.uniform(math.log(self.low), math.log(self.high))))
        return float(generator.uniform(self.low, self.high))


def _ends(low: Any, high: Any, least: float, whole: bool = False) -> tuple[Any, Any]:
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
            raise ArgumentError(f"{name}={show_value(value)} is no number", "give two numbers")
    if not least < low <= high:
        above = f"above {least:g}, " if math.isfinite(least) else ""
        raise ArgumentError(
            f"{show_value(low)} to {show_value(high)} is no range", f"give {above}low <= high"
        )
    return low, high


@guarded("train.uniform")
def uniform(low: float, high: float) -> Distribution:
    """Returns the law of numbers spread evenly from low to high."""
    return Distribution("uniform", *_ends(low, high, -math.inf))


@guarded("train.log_uniform")
def log_uniform(low: float, high: float) -> Distribution:
    """Returns the law of numbers whose logarithm is spread evenly; low is above 0."""
    return Distribution("log_uniform", *_ends(low, high, 0.0))


@guarded("train.integers")
def integers(low: int, high: int) -> Distribution:
    """Returns the law of integers from low to high, both included."""
    return Distribution("integers", *_ends(low, high, -math.inf, whole=True))


@guarded("train.choice")
def choice(choices: Sequence[Any]) -> Distribution:
    """Returns the law that takes each of the choices alike."""
    if not isinstance(choices, (list, tuple)) or not choices:
        raise ArgumentError(f"{show_value(choices)} is no list of choices", "give a list")
    return Distribution("choice", 0, len(choices), tuple(choices))


@guarded("train.search")
def search(
    build: Any,
    data: Mapping[str, Any],
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    random: Mapping[str, Distribution] | None = None,
    runs: int = 20,
    evaluate: Mapping[str, Node] | None = None,
    monitor: str | None = None,
    optimiser: Any = "adam",
    learning_rate: Any = None,
    options: Mapping[str, Any] | None = None,
    epochs: int = 10,
    batch_size: int | str | None = "auto",
    validation: Any = 0.2,
    normalise: Any = (),
    fixed: Mapping[str, Any] | None = None,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    seed: int = 0,
    at_once: int = 64,
    progress: bool | None = None,
) -> Trials:
    """Trains with many settings of hyper-parameters and tells which did best.

    All runs have one validation part. Runs whose graphs and shapes are the same are trained
    together, as one batched program (`jax.vmap`): they differ in learning rate, seed, numbers among
    the optimiser's options, or values of scalar inputs such as a penalty's weight. What changes a
    shape or the graph (a width, a batch size, another optimiser) makes a program of its own. A run
    that diverges is reported as such, and disturbs no other.

    Args:
        build: the loss; or a function of hyper-parameters that returns it, or returns the loss and
            a dict of measures (`evaluate`).
        data: as for `train.fit`.
        grid: values by name: every combination is tried. Names: "learning_rate", "seed",
            "batch_size", "optimiser", "clip_norm", "clip_value", an option of the optimiser, a
            scalar input of the loss, or an argument of `build`.
        random: distributions by name (`train.log_uniform(1e-4, 1)`): `runs` settings are drawn.
        runs: how many are drawn.
        evaluate: as for `train.fit`.
        monitor: the column that decides; "validation.loss" unless given. Accuracy and the like
            are better when larger, see `train.early_stopping`.
        optimiser: as for `train.fit`, where it is no hyper-parameter.
        learning_rate: the same.
        options: the same; hyper-parameters replace single ones.
        epochs: of every run.
        batch_size: as for `train.fit`.
        validation: the share that is set aside, or data of its own; it can't be left out.
        normalise: as for `train.fit`.
        fixed: as for `train.fit`.
        clip_value: as for `train.fit`.
        clip_norm: as for `train.fit`.
        seed: of the split, the drawing, and of runs that have none of their own.
        at_once: runs that are trained together, at most.
        progress: as for `train.fit`.

    Returns:
        The trials, best first: a table, a picture, the best run's parameters.

    Raises:
        ArgumentError: a name is no hyper-parameter, or there is nothing to try.
        BudgetError: a grid of more than 10,000 runs.

    Source: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", 2012.
    """
    settings = _settings(grid, random, runs, seed)
    for name, count in (("epochs", epochs), ("at_once", at_once)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ArgumentError(f"{name}={show_value(count)} is no count", "say 1 or more")
    if validation is None or (isinstance(validation, (int, float)) and validation == 0):
        raise ArgumentError(
            "without a validation part nothing tells which run is best", "say validation=0.2"
        )
    common = _Common(
        build, data, evaluate, monitor, optimiser, learning_rate, dict(options or {}), epochs,
        batch_size, validation, normalise, dict(fixed or {}), clip_value, clip_norm, seed,
    )  # fmt: skip
    groups: dict[Any, list[int]] = {}
    for number, setting in enumerate(settings):
        groups.setdefault(common.group_of(setting), []).append(number)
    trials: list[Trial] = []
    total = len(settings)
    with Progress(progress, total, 1) as shown:
        for numbers in groups.values():
            for first in range(0, len(numbers), at_once):
                chosen = numbers[first : first + at_once]
                made = common.train([settings[n] for n in chosen], chosen)
                trials += made
                shown.row({"epoch": float(len(trials)), "best": common.best_score(trials)})
    return Trials(common.ranked(trials), common.column, common.larger, list(settings[0]))


def _settings(grid: Any, random: Any, runs: Any, seed: Any) -> list[dict[str, Any]]:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ArgumentError(f"seed={show_value(seed)} is no integer from 0 on", "say seed=0")
    if (grid is None) == (random is None):
        raise ArgumentError("there is either a grid or random layout", "give one of the two")
    given = grid if random is None else random
    if not isinstance(given, Mapping) or not given:
        raise ArgumentError(f"{show_value(given)} names no hyper-parameter", "give a dict")
    for name, values in given.items():
        if not isinstance(name, str):
            raise ArgumentError(f"{show_value(name)} is no name", "use texts as names")
        if random is not None and not isinstance(values, Distribution):
            raise ArgumentError(
                f"{name}={show_value(values)} is no distribution",
                "for example train.log_uniform(1e-4, 1), or give it in grid=",
            )
        if grid is not None and (
            not isinstance(values, (list, tuple, np.ndarray)) or not len(values)
        ):
            raise ArgumentError(
                f"{name}={show_value(values)} is no list of values", "for example [0.1, 0.01]"
            )
    if random is not None:
        if isinstance(runs, bool) or not isinstance(runs, int) or not 1 <= runs <= MOST_RUNS:
            raise ArgumentError(f"runs={show_value(runs)} is no count up to {MOST_RUNS}", "say 20")
        generator = np.random.default_rng([seed, 0x5EA2C4])
        return [{n: d.draw(generator) for n, d in random.items()} for _ in range(runs)]
    assert grid is not None
    count = math.prod(len(v) for v in grid.values())
    if count > MOST_RUNS:
        raise BudgetError(
            f"the grid has {count:,} runs, above {MOST_RUNS:,}", "take fewer values, or random="
        )
    plain = [[v.item() if isinstance(v, np.generic) else v for v in vs] for vs in grid.values()]
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*plain)]


@dataclass(slots=True)
class _Common:
    """What all runs share, and how a group of them is trained together."""

    build: Any
    data: Any
    evaluate: Any
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
    column: str = ""
    larger: bool = False
    _arguments: frozenset[str] | None = None

    def arguments(self) -> frozenset[str]:
        """Returns the names of the builder's arguments."""
        if self._arguments is None:
            if isinstance(self.build, Node):
                self._arguments = frozenset()
            elif callable(self.build):
                self._arguments = frozenset(inspect.signature(self.build).parameters)
            else:
                raise ArgumentError(
                    f"{show_value(self.build)} is neither a loss nor a function that builds one",
                    "pass a node, or a function of hyper-parameters",
                )
        return self._arguments

    def split(self, setting: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns what changes the program, and what is a number in it."""
        structure: dict[str, Any] = {}
        numbers: dict[str, Any] = {}
        for name, value in setting.items():
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            apart = name in self.arguments() or name in _OWN[2:]
            movable = number or name in ("learning_rate", "seed")
            (structure if apart or not movable else numbers)[name] = value
        return structure, numbers

    def group_of(self, setting: Mapping[str, Any]) -> Any:
        """Returns what is equal for runs that can be trained together."""
        structure, _ = self.split(setting)
        return tuple(sorted((n, repr(v)) for n, v in structure.items()))

    def best_score(self, trials: Sequence[Trial]) -> float:
        scores = [t.score for t in trials if not math.isnan(t.score)]
        return (max(scores) if self.larger else min(scores)) if scores else math.nan

    def ranked(self, trials: Sequence[Trial]) -> list[Trial]:
        sign = -1.0 if self.larger else 1.0
        worst = math.inf
        return sorted(
            trials, key=lambda t: (worst if math.isnan(t.score) else sign * t.score, t.number)
        )

    def train(self, settings: Sequence[Mapping[str, Any]], numbers: Sequence[int]) -> list[Trial]:
        """Trains one group together and returns its trials."""
        structure = self.split(settings[0])[0]
        build_with = {n: v for n, v in structure.items() if n in self.arguments()}
        own = {n: v for n, v in structure.items() if n not in self.arguments()}
        made = self.build if isinstance(self.build, Node) else self.build(**build_with)
        loss, measures = made if isinstance(made, tuple) else (made, self.evaluate or {})
        if isinstance(measures, Mapping) and "loss" not in measures:
            measures = {"loss": loss, **measures}
        model = read_model(loss, measures)
        group = _Group(self, model, own, [self.split(s)[1] for s in settings])
        began = time.perf_counter()
        histories, values, last = group.run()
        seconds = (time.perf_counter() - began) / len(settings)
        self.column = group.column
        self.larger = is_larger_better(self.column)
        trials: list[Trial] = []
        for place, (setting, number) in enumerate(zip(settings, numbers, strict=True)):
            history = {n: np.asarray(v)[:, place] for n, v in histories.items()}
            trials.append(_trial(
                number, setting, history, self.column, self.larger,
                {n: v[place] for n, v in values.items()}, {n: v[place] for n, v in last.items()},
                tuple(model.parameters), seconds,
            ))  # fmt: skip
        return trials


def _trial(
    number: int, setting: Mapping[str, Any], history: dict[str, Any], column: str, larger: bool,
    values: dict[str, Any], last: dict[str, Any], trained: tuple[str, ...], seconds: float,
) -> Trial:  # fmt: skip
    watched = np.where(np.isfinite(history["loss"]), history[column], np.nan)
    if np.isnan(watched).all():
        score, epoch = math.nan, 0
    else:
        epoch = int(np.nanargmax(watched) if larger else np.nanargmin(watched))
        score, epoch = float(watched[epoch]), epoch + 1
    bad = ~np.isfinite(history["loss"])
    return Trial(
        number, dict(setting), score, epoch, int(np.argmax(bad)) + 1 if bad.any() else 0,
        history, values, last, trained, seconds,
    )  # fmt: skip


class _Group:
    """Runs of one program, batched."""

    def __init__(
        self, common: _Common, model: Model, own: Mapping[str, Any],
        numbers: Sequence[Mapping[str, Any]],
    ) -> None:  # fmt: skip
        self.common, self.model, self.count = common, model, len(numbers)
        options = {**common.options, **{n: v for n, v in own.items() if n not in _OWN}}
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
        self.rates = [
            first_rate(s.get("learning_rate", common.learning_rate), self.updater) for s in numbers
        ]
        self.steps = self.data.rows // self.batch
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
                    f"own names are {', '.join(_OWN)}",
                )

    def run(self) -> tuple[dict[str, list[Any]], dict[str, Any], dict[str, Any]]:
        """Returns the history of all runs, and their best and last values, stacked."""
        starts = [first_values(self.model, None, s) for s in self.seeds]
        stack = {n: jnp.asarray(np.stack([s[n] for s in starts])) for n in self.model.leaves}
        parameters = {n: stack[n] for n in self.model.parameters}
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
            if not isinstance(rate, Schedule):
                made[place] = np.asarray(jax.vmap(rate)(jnp.arange(first, first + self.steps)))
            elif rate.kind == "constant":
                made[place] = rate.start
            else:
                per = 1 if rate.unit == "step" else self.steps
                made[place] = [rate(s / per) for s in range(first, first + self.steps)]
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
