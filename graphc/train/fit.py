"""`fit`: train the parameters of a loss on data."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from graphc.backends.values import as_value
from graphc.core.calls import guarded
from graphc.core.errors import (
    ArgumentError,
    DivergedError,
    FileError,
    ShapeError,
    show_value,
)
from graphc.core.node import Node
from graphc.nn.parameters import first_value, warn_of_symmetry
from graphc.train.checkpoint import Checkpoint
from graphc.train.data import Data, prepare
from graphc.train.loop import Course, Options, Trainer
from graphc.train.model import KEY, Model, fingerprint, flat, frozen_names, read_model
from graphc.train.optimisers import first_rate, updater
from graphc.train.progress import Progress
from graphc.train.run import Best, Run
from graphc.train.schedules import Schedule
from graphc.train.step import program_of
from graphc.train.stopping import read_stopping


@guarded("train.fit")
def fit(
    loss: Node,
    data: Mapping[str, Any],
    *,
    evaluate: Mapping[str, Node] | None = None,
    optimiser: Any = "adam",
    learning_rate: Any = None,
    options: Mapping[str, Any] | None = None,
    epochs: int = 10,
    batch_size: int | str | None = "auto",
    validation: Any = None,
    normalise: Any = (),
    shuffle: bool = True,
    keep_rest: bool = False,
    seed: int = 0,
    initial: Mapping[str, Any] | None = None,
    frozen: Sequence[str] = (),
    fixed: Mapping[str, Any] | None = None,
    early_stopping: Any = None,
    keep_best: bool | None = None,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    accumulate: int = 1,
    augment: Callable[..., Any] | None = None,
    every: int = 1,
    measure_batch: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    record: str | os.PathLike[str] | None = None,
    on_divergence: str = "return",
    on_epoch: Callable[[dict[str, float]], Any] | None = None,
    progress: bool | None = None,
    allow_nan: bool = False,
    whole_epochs: bool | None = None,
    budget: int | None = None,
) -> Run:
    """Trains the parameters of a loss by mini-batches.

    The parameters are the `gx.param` nodes the loss depends on. Each step takes the slope of the
    loss on one batch by graphc's reverse pass; slope and update are compiled into one function.
    The same call gives the same numbers again, bit for bit, on the same machine.

    Args:
        loss: a float scalar: the mean over the rows of a batch, by custom.
        data: arrays by the names of the loss's inputs, rows along their first axis, all of one
            length. An input named "key" of type uint32[2] gets a fresh random key at every step.
        evaluate: scalars that are measured after each epoch, by name, on the validation part and
            on (a share of) the training part, for example `{"loss": loss, "accuracy": accuracy}`:
            the network as it is used, where it differs from the one that is trained. Each is a
            mean over rows. Without it the loss is measured where there is a validation part.
        optimiser: a name (see `train.optimiser_names()`), an `optax.GradientTransformation`, or a
            rule of `train.rules`.
        learning_rate: a number, a schedule (`train.cosine(1e-3, 20)` and the like), or Optax's
            function of the step; by default what is usual for the optimiser.
        options: of an optimiser given by name, for example `{"weight_decay": 1e-4}`.
        epochs: how often the training part is gone through.
        batch_size: rows of a step; None takes all rows, "auto" 32, or all where there are fewer.
        validation: the share of rows that is set aside (0.2), data of its own, or None.
        normalise: names of inputs whose features get mean 0 and deviation 1 over the training
            part, or a dict from name to "standard", "range" or "channel"; the validation part is
            treated alike, and `Run.normalise` treats later data alike.
        shuffle: whether each epoch has an order of its own.
        keep_rest: whether rows that fill no batch make a smaller one at an epoch's end. By default
            they are left out of that epoch, which compiles one function instead of two.
        seed: of the first parameters, the split, the order of rows, and the keys.
        initial: first values of parameters and state, by name or as a nest; others as declared.
        frozen: names of parameters, or of layers, that stay as they are.
        fixed: values of inputs that are the same for all rows, by name.
        early_stopping: epochs without improvement after which it stops, or
            `train.early_stopping(...)`.
        keep_best: whether the run's values are those of the best epoch; by default so where there
            is early stopping.
        clip_value: each element of the slope is held within plus and minus this.
        clip_norm: the slope of all parameters together is scaled down to this Euclidean norm.
        accumulate: parts a batch is taken in, one after the other, to save memory; the step takes
            the mean of their slopes, which is the slope of the batch to rounding.
        augment: `augment(data, generator)` returns changed copies of arrays of the training part,
            anew for every epoch; the generator is NumPy's, seeded.
        every: epochs between two entries of the history.
        measure_batch: rows that are measured at once.
        checkpoint: a file that keeps all that an exact resumption needs.
        checkpoint_every: epochs between two writings of it.
        resume: True goes on from the checkpoint, if it is there, with the same numbers as a
            training that was never stopped; `epochs` is then the total.
        record: a file for the record of the run (JSON).
        on_divergence: "return" gives the run with the last finite values, "raise" an error.
        on_epoch: called with each entry of the history; where it returns False, it is the last.
        progress: None shows a live line on stderr where that is a terminal; False nothing; True
            also lines where it is none.
        allow_nan: True takes data that are not finite.
        whole_epochs: whether an epoch is one call of a compiled function; by default so where
            that is fast.
        budget: nodes above which compiling is refused, see `gx.compile`.

    Returns:
        The run: parameters, history, why it stopped.

    Raises:
        ArgumentError, ShapeError, DTypeError, GradError: something does not fit; see the text.
        CheckpointError: the checkpoint is damaged, or that of another training.
        FileError: a file can't be read or written.
        DivergedError: the loss or a parameter left the finite numbers, with on_divergence="raise".
        PrecisionError: the graph is float64, and JAX's 64-bit types are turned off.
    """
    _check_choices(
        epochs=epochs, every=every, accumulate=accumulate, checkpoint_every=checkpoint_every
    )
    _check_flags(shuffle=shuffle, keep_rest=keep_rest, resume=resume, allow_nan=allow_nan)
    _check_seed(seed)
    if not isinstance(on_divergence, str) or on_divergence not in ("return", "raise"):
        raise ArgumentError(
            f"on_divergence={show_value(on_divergence)} is neither return nor raise", "say one"
        )
    frozen = frozen_names(frozen)
    check_folder(record, "record")
    check_folder(checkpoint, "checkpoint")
    stopping = read_stopping(early_stopping)
    read = read_model(loss, {} if evaluate is None else evaluate, frozen)
    if evaluate is None and not _is_none(validation):
        read = read_model(loss, {"loss": loss}, frozen)
    elif evaluate is not None and "loss" not in evaluate and not _is_none(validation):
        read = read_model(loss, {"loss": loss, **evaluate}, frozen)
    made = updater(optimiser, options)
    rate = first_rate(learning_rate, made)
    inputs = {n: p for n, p in read.inputs.items() if not (read.keyed and n == KEY)}
    prepared = prepare(inputs, data, validation, normalise, fixed, seed, allow_nan=allow_nan)
    batch = batch_of(batch_size, prepared, inputs, accumulate)
    program = program_of(
        read, made, optimiser, options, accumulate=accumulate,
        clip_value=_positive(clip_value, "clip_value"),
        clip_norm=_positive(clip_norm, "clip_norm"), budget=budget,
    )  # fmt: skip
    chosen = Options(
        epochs=epochs, batch=batch, every=every, shuffle=shuffle, keep_rest=keep_rest, seed=seed,
        rate=rate, stopping=stopping,
        measure_batch=measure_batch_of(measure_batch, batch, prepared, inputs),
        whole_epochs=program.loops_well if whole_epochs is None else bool(whole_epochs),
        augment=_callable(augment, "augment"), on_epoch=_callable(on_epoch, "on_epoch"),
    )  # fmt: skip
    trainer = Trainer(program, prepared, chosen)
    carry = trainer.start(first_values(read, initial, seed))
    started = datetime.now(UTC).isoformat(timespec="seconds")
    settings = {
        "optimiser": made.name, "options": dict(options or {}), "learning_rate": _shown_rate(rate),
        "epochs": epochs, "batch_size": batch, "shuffle": shuffle, "keep_rest": keep_rest,
        "seed": seed, "clip_value": clip_value, "clip_norm": clip_norm, "accumulate": accumulate,
        "every": every, "frozen": list(frozen), "whole_epochs": chosen.whole_epochs,
        "graph": fingerprint([loss, *read.updates.values(), *read.measures.values()]),
        "measures": list(read.measures), "early_stopping": str(stopping) if stopping else None,
    }  # fmt: skip
    save = None
    if checkpoint is not None:
        file = Checkpoint(checkpoint, settings, prepared, read)
        if resume:
            carry = file.load(carry, trainer.course)
        save = lambda carry, course: file.save_due(carry, course, checkpoint_every, epochs)
    with Progress(progress, epochs, trainer.steps_per_epoch) as shown:
        carry, stopped, divergence = trainer.run(carry, shown, save)
    course = trainer.course
    last = as_numpy({**carry.parameters, **carry.state})
    best = _best(course)
    if keep_best is None:
        keep_best = stopping is not None
    values = dict(best.values) if keep_best and best is not None else last
    count = sum(int(np.size(v)) for n, v in last.items() if n in read.parameters)
    run = Run(
        values=values, trained=tuple(read.parameters), last=last,
        history={n: np.asarray(v) for n, v in course.history.items()}, best=best,
        stopped=stopped, diverged=divergence is not None, normalise=prepared.normaliser,
        settings=settings,
        sizes={
            "training_rows": prepared.rows, "validation_rows": prepared.validation_rows,
            "parameters": count, "steps": course.epoch * trainer.steps_per_epoch,
            "steps_per_epoch": trainer.steps_per_epoch,
        },
        times={
            "started": started, "seconds": round(course.seconds, 6),
            "entries": list(course.entry_seconds),
        },
    )  # fmt: skip
    if record is not None:
        run.save_record(record)
    if divergence is not None and on_divergence == "raise":
        raise DivergedError(f"the training {stopped}", "lower the learning rate, or clip")
    return run


def first_values(model: Model, initial: Any, seed: int) -> dict[str, Any]:
    """Returns the first values of parameters and state by full name."""
    nodes = model.leaves
    given = {} if initial is None else flat(initial, list(nodes), "initial")
    made: dict[str, Any] = {}
    for name, node in nodes.items():
        if name not in given:
            made[name] = first_value(node, int(seed))
            continue
        array = as_value(node, given[name])
        if array.shape != node.shape:
            raise ShapeError(
                f"initial[{name!r}] has shape {list(array.shape)}, the parameter is {node.type}",
                "give an array of that shape",
            )
        made[name] = array
    warn_of_symmetry([model.loss], {node: made[name] for name, node in nodes.items()})
    return made


def as_numpy(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns arrays of JAX as arrays of NumPy."""
    return {name: np.array(value) for name, value in values.items()}


def _best(course: Course) -> Best | None:
    watch = course.watch
    if watch is None or course.best is None:
        return None
    return Best(watch.column, watch.best_epoch, watch.best, as_numpy(course.best))


def _shown_rate(rate: Any) -> Any:
    if not isinstance(rate, Schedule):
        return f"function {getattr(rate, '__name__', type(rate).__name__)}"
    shown = {"kind": rate.kind, "start": rate.start, "unit": rate.unit, **dict(rate.settings)}
    return {**shown, "then": _shown_rate(rate.inner)} if rate.inner is not None else shown


# -- checks ----------------------------------------------------------------------------------------


def _is_none(validation: Any) -> bool:
    return validation is None or (isinstance(validation, (int, float)) and validation == 0)


def _check_choices(**counts: Any) -> None:
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ArgumentError(f"{name}={show_value(value)} is no count", "say 1 or more")


def _check_flags(**flags: Any) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ArgumentError(f"{name}={show_value(value)} is neither True nor False", "say one")


def _check_seed(seed: Any) -> None:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ArgumentError(
            f"seed={show_value(seed)} is no integer from 0 to 2**32 - 1", "for example seed=0"
        )


def check_folder(path: Any, what: str) -> None:
    """Raises FileError for a file that could not be written when the training is done."""
    if path is None:
        return
    try:
        folder = Path(path).parent
    except TypeError:
        raise FileError(
            f"{what}={show_value(path)} is no path", "give a text or a pathlib.Path"
        ) from None
    if not folder.is_dir():
        raise FileError(
            f"the folder {str(folder)!r} of the {what} is not there", "make it, or choose another"
        )


def _callable(value: Any, name: str) -> Any:
    if value is not None and not callable(value):
        raise ArgumentError(f"{name}={show_value(value)} is no function", f"see {name} in help")
    return value


def _positive(value: Any, name: str) -> float | None:
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise ArgumentError(f"{name}={show_value(value)} is no positive number", "for example 1.0")
    return float(value)


def batch_of(given: Any, data: Data, inputs: Mapping[str, Node], accumulate: int) -> int:
    """Returns the rows of a batch that `batch_size` asks for, having seen that they fit."""
    rows, declared = data.rows, _declared(inputs, data)
    if isinstance(given, str):
        if given != "auto":
            raise ArgumentError(
                f"batch_size={show_value(given)} is no count of rows", "say 32, None or 'auto'"
            )
        batch = declared or min(32, rows)
        batch -= batch % accumulate if batch > accumulate else 0
    elif given is None:
        batch = rows
    else:
        _check_choices(batch_size=given)
        batch = int(given)
    if batch > rows:
        raise ArgumentError(
            f"batch_size={batch} is more than the {rows} rows of the training part",
            "take a smaller one, or None for all rows",
        )
    if declared and batch != declared * accumulate:
        raise ShapeError(
            f"an input is declared with {declared} rows, and a batch has {batch}",
            'declare it with a named size, for example gx.input("x", ("batch", 3))',
        )
    if batch % accumulate:
        raise ArgumentError(
            f"a batch of {batch} rows can't be taken in {accumulate} parts of one size",
            "choose an accumulate that divides batch_size",
        )
    return batch


def _declared(inputs: Mapping[str, Node], data: Data) -> int:
    """Returns the number of rows that inputs are declared with; 0 where that size is named."""
    sizes = [node.shape[0] for name, node in inputs.items() if name in data.training]
    return next((size for size in sizes if isinstance(size, int)), 0)


def measure_batch_of(given: Any, batch: int, data: Data, inputs: Mapping[str, Node]) -> int:
    """Returns how many rows are measured at once."""
    if given is not None:
        _check_choices(measure_batch=given)
        return int(given)
    return _declared(inputs, data) or max(batch, 1000)
