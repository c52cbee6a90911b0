"""When to stop: what is monitored, what counts as better, and how long to wait."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value
from graphc.train.data import closest

#: Measures of these names are better when they are larger; all others when they are smaller.
LARGER_IS_BETTER = frozenset(
    "accuracy auc f1 precision recall r2 score likelihood log_likelihood hits".split()
)


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """Stop when a measure has not improved for a while; made by `train.early_stopping`.

    Attributes:
        patience: epochs to wait for an improvement.
        min_delta: a change below this is no improvement.
        monitor: a column of the history; None takes the validation loss, or what there is.
        larger: whether larger is better; None goes by the name.
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str | None = None
    larger: bool | None = None


@guarded("train.early_stopping")
def early_stopping(
    patience: int = 10,
    *,
    min_delta: float = 0.0,
    monitor: str | None = None,
    larger: bool | None = None,
) -> EarlyStopping:
    """Returns the rule that stops `fit` when a measure has not improved for `patience` epochs.

    Args:
        patience: epochs, 1 or more.
        min_delta: a change below this is no improvement; 0 or more.
        monitor: a column of the history, for example "validation.accuracy"; by default the
            validation loss, without validation the training loss.
        larger: whether larger is better; by default so for measures whose last part is accuracy,
            auc, f1, precision, recall, r2, score, likelihood, log_likelihood or hits.
    """
    if isinstance(patience, bool) or not isinstance(patience, int) or patience < 1:
        raise ArgumentError(f"patience={show_value(patience)} is no count of epochs", "say 10")
    number = isinstance(min_delta, (int, float)) and not isinstance(min_delta, bool)
    if not number or not 0 <= min_delta < math.inf:
        raise ArgumentError(
            f"min_delta={show_value(min_delta)} is no number of 0 or more", "for example 1e-4"
        )
    if monitor is not None and not isinstance(monitor, str):
        raise ArgumentError(f"monitor={show_value(monitor)} is no text", 'say "validation.loss"')
    if larger is not None and not isinstance(larger, bool):
        raise ArgumentError(f"larger={show_value(larger)} is neither True nor False", "say one")
    return EarlyStopping(patience, float(min_delta), monitor, larger)


def read_stopping(given: Any) -> EarlyStopping | None:
    """Returns the rule asked for: None, a number of epochs, or a rule."""
    if given is None or isinstance(given, EarlyStopping):
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        return early_stopping(given)
    raise ArgumentError(
        f"early_stopping={show_value(given)} is no rule", "say epochs, or train.early_stopping(10)"
    )


def is_larger_better(column: str) -> bool:
    """Tells whether larger values of a column are better, by its name."""
    return column.rpartition(".")[2].lower() in LARGER_IS_BETTER


def monitored(wanted: str | None, columns: Sequence[str]) -> str:
    """Returns the column to watch.

    Raises:
        ArgumentError: there is no such column.
    """
    if wanted is not None:
        if wanted not in columns:
            raise ArgumentError(
                f"there is no column {show_value(wanted)} to monitor",
                closest(wanted, columns, "there are"),
            )
        return wanted
    return next(c for c in ("validation.loss", "train.loss", "loss") if c in columns)


@dataclass(slots=True)
class Watch:
    """The best value so far of one column, and for how many epochs there was none better.

    Attributes:
        column: what is watched.
        larger: whether larger is better.
        min_delta: a change below this is no improvement.
        best: the best value; NaN before the first.
        best_epoch: the epoch after which it was measured.
        waited: epochs since then.
    """

    column: str
    larger: bool
    min_delta: float = 0.0
    best: float = math.nan
    best_epoch: int = 0
    waited: int = 0

    def see(self, row: Mapping[str, float], epochs: int) -> bool:
        """Takes a row of the history, that many epochs after the last; tells whether it is best."""
        value = row[self.column]
        if math.isnan(value):
            better = False
        elif math.isnan(self.best):
            better = True
        elif self.larger:
            better = value > self.best + self.min_delta
        else:
            better = value < self.best - self.min_delta
        if better:
            self.best, self.best_epoch, self.waited = value, int(row["epoch"]), 0
        else:
            self.waited += epochs
        return better
