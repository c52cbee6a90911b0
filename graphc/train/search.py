"""Hyper-parameter search: many runs over one validation split, batched where shapes allow."""

from __future__ import annotations

import inspect
import itertools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, BudgetError, show_value
from graphc.core.node import Node
from graphc.train.laws import Distribution
from graphc.train.model import read_model
from graphc.train.progress import Progress
from graphc.train.stopping import is_larger_better
from graphc.train.together import OWN, Group
from graphc.train.trials import Trial, Trials

#: Runs of a grid, at most: a slip of the pen multiplies.
MOST_RUNS = 10_000


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
            apart = name in self.arguments() or name in OWN[2:]
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
        group = Group(self, model, own, [self.split(s)[1] for s in settings])
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
