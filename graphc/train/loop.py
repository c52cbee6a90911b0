"""The loop of a training: blocks of epochs, measures between them, and when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from graphc.backends.values import as_value
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node
from graphc.train.data import Data
from graphc.train.diverged import first_non_finite
from graphc.train.model import is_finite
from graphc.train.optimisers import first_state
from graphc.train.progress import Progress
from graphc.train.rates import Rates
from graphc.train.schedules import Schedule
from graphc.train.step import Carry, Program, all_finite
from graphc.train.stopping import EarlyStopping, Watch, is_larger_better, monitored

#: Rows of the training part that are measured after an epoch, unless it is shorter.
MEASURED_ROWS = 10_000


#: Bytes of parameters above which steps write into their own memory: it saves memory, and takes one
#: function more to compile.
IN_PLACE = 2**26


@dataclass(slots=True)
class Course:
    """Where a training stands, beside the arrays: everything an exact resumption needs.

    Attributes:
        epoch: epochs that are done.
        history: the columns so far.
        seconds: seconds spent, in all.
        entry_seconds: seconds when each entry was made.
        scale: what a plateau has multiplied the rate by.
        watch: of the best entry.
        plateau: of the rate's plateau.
        best: parameters and state of the best entry.
        stopped: why it ended before its last epoch; empty while it goes on.
    """

    epoch: int = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    entry_seconds: list[float] = field(default_factory=list)
    scale: float = 1.0
    watch: Watch | None = None
    plateau: Watch | None = None
    best: dict[str, Any] | None = None
    stopped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `fit` was asked for, checked; see there."""

    epochs: int
    batch: int
    every: int
    shuffle: bool
    keep_rest: bool
    seed: int
    rate: Any
    stopping: EarlyStopping | None
    measure_batch: int
    whole_epochs: bool
    augment: Callable[..., Any] | None
    on_epoch: Callable[..., Any] | None


@dataclass(frozen=True, slots=True)
class Divergence:
    """What is known of a training that diverged.

    Attributes:
        epoch: the epoch it happened in.
        step: the step, from 0 on, over all epochs.
        last_loss: the last loss that was finite; NaN where there was none.
        words: the whole story.
    """

    epoch: int
    step: int
    last_loss: float
    words: str


class Trainer:
    """Runs a program on data, block by block; `fit` makes one."""

    def __init__(self, program: Program, data: Data, options: Options) -> None:
        self.program, self.data, self.options = program, data, options
        self.course = Course()
        self.key = jax.random.key_data(jax.random.key(options.seed))
        self.fixed = {n: jnp.asarray(a) for n, a in data.fixed.items()}
        self.training = _to_device(data.training)
        self.full = options.batch == data.rows
        self.steps = data.rows // options.batch
        self.rest = data.rows % options.batch if options.keep_rest else 0
        kinds = [p.type.dtype.numpy for p in program.model.parameters.values()]
        self._kind = np.float64 if any(k == np.float64 for k in kinds) else np.float32
        self._epoch, self._kept_step = program.run_epoch, program.run_step
        size = sum(_bytes(p) for p in program.model.parameters.values())
        self._in_place = size > IN_PLACE
        self._step = self._kept_step
        if self._in_place:
            self._step = program.run_step_in_place
        self._measure = program.run_measure
        self._copy = jax.jit(lambda carry: jax.tree.map(jnp.copy, carry))
        self._on_device = jax.jit(lambda carry: all_finite((carry.parameters, carry.state)))
        self._known: Any = None
        self._rates = Rates(options.rate, self.steps_per_epoch)

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch, that on the rest included."""
        return self.steps + bool(self.rest)

    def start(self, values: Mapping[str, Any]) -> Carry:
        """Returns the first carry from values by full name."""
        model = self.program.model
        pick = lambda nodes: {n: jnp.asarray(values[n]) for n in nodes}
        parameters = pick(model.parameters)
        return Carry(parameters, pick(model.state), first_state(self.program.updater, parameters))

    # -- an epoch --

    def rates(self, first: int, count: int) -> Any:
        """Returns the learning rates of some steps."""
        made = self._rates.at(first, count)
        if self.course.scale != 1.0:
            rate = self.options.rate
            made = made * self.course.scale
            plateau = rate.plateau if isinstance(rate, Schedule) else None
            made = np.maximum(made, plateau["minimum"] if plateau else 0.0)
        return np.asarray(made, self._kind)

    def rows(self, epoch: int) -> Any:
        """Returns the rows of an epoch in their order; the same for a seed and an epoch."""
        if not self.options.shuffle:
            return np.arange(self.data.rows, dtype=np.int32)
        generator = np.random.default_rng([self.options.seed, 0xE90C, epoch])
        return generator.permutation(self.data.rows).astype(np.int32)

    def block(self, carry: Carry, epochs: int, progress: Progress) -> tuple[Carry, Any, Any]:
        """Returns the carry after some epochs, the loss of each step, and the rate of each."""
        options, first_epoch = self.options, self.course.epoch
        if options.augment is not None:
            epochs = 1
        first = first_epoch * self.steps_per_epoch
        rates = self.rates(first, epochs * self.steps_per_epoch)
        one_call = options.whole_epochs and not self.rest
        whole = self.full and options.augment is None
        orders = None if whole else [self.rows(first_epoch + i) for i in range(epochs)]
        data = self.training
        if options.augment is not None:
            data = _to_device(self._augmented(first_epoch))
        if one_call:
            used = self.steps * options.batch
            rows = None
            if orders is not None:
                rows = np.concatenate([o[:used].reshape(self.steps, -1) for o in orders])
            carry, losses, self._known = self._epoch(
                carry, data, rows, np.int32(first), rates, self.key, self.fixed, {}
            )
            return carry, losses, rates
        losses: list[Any] = []
        self._known = None
        if self._in_place:
            carry = self._copy(carry)
        for number in range(epochs * self.steps_per_epoch):
            part, step = divmod(number, self.steps_per_epoch)
            rows = None
            if orders is not None:
                rows = orders[part][step * options.batch : (step + 1) * options.batch]
            carry, loss = self._step(
                carry, data, rows, np.int32(first + number), rates[number], self.key,
                self.fixed, {},
            )  # fmt: skip
            losses.append(loss)
            if progress.due():
                seen = float(loss)
                progress.within(first_epoch + part + 1, step + 1, seen)
                if not math.isfinite(seen):
                    break
        return carry, jax.device_get(losses), rates[: len(losses)]

    def _augmented(self, epoch: int) -> dict[str, Any]:
        assert self.options.augment is not None
        generator = np.random.default_rng([self.options.seed, 0xA06E, epoch])
        changed = self.options.augment(dict(self.data.training), generator)
        if not isinstance(changed, Mapping):
            raise ArgumentError(
                f"augment gave {show_value(changed)}, no dict", "return the arrays it has changed"
            )
        made = dict(self.data.training)
        for name, value in changed.items():
            if name not in made:
                raise ArgumentError(
                    f"augment gave {show_value(name)}, which is none of the data",
                    f"the data are {', '.join(made)}",
                )
            array = as_value(self.program.model.inputs[name], value)
            if array.shape != made[name].shape:
                raise ShapeError(
                    f"augment gave {name} of the shape {list(array.shape)}, the data have "
                    f"{list(made[name].shape)}",
                    "return as many rows, of the same shape",
                )
            made[name] = array
        return made

    def _finite(self, carry: Carry) -> bool:
        """Tells whether parameters and state are finite."""
        if jax.default_backend() == "cpu":  # where looking costs no transfer, and no compiling
            return all(map(is_finite, (*carry.parameters.values(), *carry.state.values())))
        return bool(self._on_device(carry))

    # -- measures --

    def measures(self, carry: Carry) -> dict[str, float]:
        """Returns the measures of the training part, or a share of it, and of the validation."""
        found: dict[str, float] = {}
        if not self.program.model.measures:
            return found
        part = self.data.training
        held = self.data.validation_rows
        count = min(self.data.rows, max(held, 512) if held else MEASURED_ROWS)
        if count < self.data.rows:  # evenly spread: rows may be sorted
            chosen = np.linspace(0, self.data.rows - 1, count).round().astype(np.int64)
            part = {n: a[chosen] for n, a in part.items()}
        for name, value in self._over(carry, "train", part).items():
            found[f"train.{name}"] = value
        if self.data.validation is not None:
            for name, value in self._over(carry, "validation", self.data.validation).items():
                found[f"validation.{name}"] = value
        return found

    def _over(self, carry: Carry, part: str, arrays: Mapping[str, Any]) -> dict[str, float]:
        """Returns means over all rows, a share at a time."""
        total: dict[str, float] = {}
        for data, count, share in self._shares(part, arrays):
            found = self._measure(carry.parameters, carry.state, data, self.key, self.fixed)
            for name, value in jax.device_get(found).items():
                total[name] = total.get(name, 0.0) + float(value) * (count * share)
        return total

    def _shares(self, part: str, arrays: Mapping[str, Any]) -> list[tuple[Any, int, float]]:
        known = self._known_shares
        if part not in known:
            rows = len(next(iter(arrays.values())))
            size = min(rows, self.options.measure_batch)
            known[part] = [
                (_to_device({n: a[i : i + size] for n, a in arrays.items()}),
                 min(size, rows - i), 1 / rows)
                for i in range(0, rows, size)
            ]  # fmt: skip
        return known[part]

    @property
    def _known_shares(self) -> dict[str, list[tuple[Any, int, float]]]:
        return self.__dict__.setdefault("_shares_on_device", {})

    # -- the whole --

    def run(
        self, carry: Carry, progress: Progress, save: Callable[[Carry, Course], None] | None
    ) -> tuple[Carry, str, Divergence | None]:
        """Returns the last carry that is finite, why it ended, and the divergence if it is that.

        Args:
            carry: where it begins.
            progress: what shows it.
            save: called after every entry of the history.
        """
        course, options = self.course, self.options
        if course.stopped:  # resumed after its end
            return carry, course.stopped, None
        while course.epoch < options.epochs:
            began = time.perf_counter()
            epochs = min(options.every, options.epochs - course.epoch)
            after, losses, rates = self.block(carry, epochs, progress)
            found = np.asarray(losses, np.float64)
            whole = self._finite(after) if self._known is None else bool(self._known)
            if not np.isfinite(found).all() or not whole:
                good, divergence = self._diverged(carry, found)
                return good, divergence.words, divergence
            carry = after
            done = len(found) // self.steps_per_epoch
            course.epoch += done
            row = {
                "epoch": float(course.epoch),
                "loss": float(found.mean()),
                "learning_rate": float(rates[-1]),
                **self.measures(carry),
            }
            for name, value in row.items():
                course.history.setdefault(name, []).append(value)
            self._judge(row, carry, done)
            course.seconds += time.perf_counter() - began
            course.entry_seconds.append(round(course.seconds, 6))
            progress.row(row)
            course.stopped = self._stop_words(row)
            if save is not None:
                save(carry, course)
            if course.stopped:
                return carry, course.stopped, None
        return carry, f"all {options.epochs} epochs done", None

    def _judge(self, row: Mapping[str, float], carry: Carry, epochs: int) -> None:
        course, stopping = self.course, self.options.stopping
        if course.watch is None:
            column = monitored(stopping.monitor if stopping else None, list(row))
            larger = stopping.larger if stopping else None
            course.watch = Watch(
                column, is_larger_better(column) if larger is None else larger,
                stopping.min_delta if stopping else 0.0,
            )  # fmt: skip
        if course.watch.see(row, epochs):
            course.best = {**carry.parameters, **carry.state}
        rate = self.options.rate
        plateau = rate.plateau if isinstance(rate, Schedule) else None
        if plateau is None:
            return
        if course.plateau is None:
            column = monitored(plateau["monitor"] or course.watch.column, list(row))
            course.plateau = Watch(column, is_larger_better(column), plateau["min_delta"])
        course.plateau.see(row, epochs)
        if course.plateau.waited >= plateau["patience"]:
            course.plateau.waited = 0
            course.scale *= plateau["factor"]

    def _stop_words(self, row: Mapping[str, float]) -> str:
        stopping, watch = self.options.stopping, self.course.watch
        if stopping is not None and watch is not None and watch.waited >= stopping.patience:
            return (
                f"early stopping: {watch.column} has not improved on {watch.best:.6g} since epoch "
                f"{watch.best_epoch}"
            )
        if self.options.on_epoch is not None and self.options.on_epoch(dict(row)) is False:
            return "on_epoch said so"
        return ""

    # -- divergence --

    def _diverged(self, before: Carry, losses: Any) -> tuple[Carry, Divergence]:
        """Steps again, one at a time, from the last good carry to where it broke."""
        options, first = self.options, self.course.epoch * self.steps_per_epoch
        data = self.training
        if options.augment is not None:
            data = _to_device(self._augmented(self.course.epoch))
        rates = self.rates(first, len(losses))
        whole = self.full and options.augment is None
        carry, last = before, self.course.history.get("loss", [math.nan])[-1]
        number, rows = 0, None
        for number in range(len(losses)):
            part, step = divmod(number, self.steps_per_epoch)
            rows = None
            if not whole:
                order = self.rows(self.course.epoch + part)
                rows = order[step * options.batch : (step + 1) * options.batch]
            after, loss = self._kept_step(
                carry, data, rows, np.int32(first + number), rates[number], self.key,
                self.fixed, {},
            )  # fmt: skip
            if not math.isfinite(float(loss)) or not self._finite(after):
                break
            carry, last = after, float(loss)
        where = self._where(carry, data, rows, first + number)
        epoch = self.course.epoch + number // self.steps_per_epoch + 1
        rate = float(rates[number])
        hint = where or "the optimiser's step itself left the range of floats"
        words = (
            f"diverged in epoch {epoch}, step {first + number + 1}: {hint}; the last finite loss "
            f"was {last:.6g}; the learning rate was {rate:g}: try {rate / 10:g}, or clip_norm=1.0"
        )
        return carry, Divergence(epoch, first + number, last, words)

    def _where(self, carry: Carry, data: Any, rows: Any, number: int) -> str:
        batch = data if rows is None else {n: np.asarray(a)[rows] for n, a in data.items()}
        key = np.asarray(jax.random.fold_in(self.key, number))
        values = self.program.values(batch, key, self.data.fixed)
        values = {**values, **carry.parameters, **carry.state}
        plain = {n: np.asarray(v) for n, v in values.items()}
        return first_non_finite(
            self.program.model.loss, list(self.program.slope_nodes.values()), plain
        )


def _bytes(node: Node) -> int:
    return math.prod(s if isinstance(s, int) else 1 for s in node.shape) * node.dtype.bits // 8


def _to_device(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: jnp.asarray(array) for name, array in arrays.items()}
