"""What a training gives: parameters, history, why it stopped, and the record of it."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from graphc.core.files import write_atomic
from graphc.train.data import Normaliser
from graphc.train.model import nest

#: What a record says it is, and in which version.
FORMAT, VERSION = "graphc-run", 1


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best row of the history and the values that belong to it.

    Attributes:
        column: what was monitored.
        epoch: the epoch after which it was best.
        value: the measure there.
        values: parameters and state, arrays by full name.
    """

    column: str
    epoch: int
    value: float
    values: Mapping[str, Any]

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters and state of the best epoch, as a nest."""
        return nest(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A training that has ended.

    Attributes:
        values: trained parameters and state by full name, NumPy arrays: what `gx.evaluate` takes.
            With early stopping or `keep_best` those of the best epoch, else the last.
        trained: the names of the parameters among them.
        last: the same after the last step, whichever was best.
        history: for each column one array, one entry each time the training was measured: `epoch`,
            `loss` (mean over the steps since the entry before, as they were trained),
            `learning_rate`, `train.NAME` and `validation.NAME` for each measure.
        best: the best entry; None where nothing was monitored.
        stopped: why it ended.
        diverged: whether it ended because something was no longer finite.
        normalise: normalises data as the training part was; call it with a dict of arrays.
        settings: how it was called.
        sizes: rows, parameters, steps.
        times: seconds: in all, and of each entry of the history.
    """

    values: dict[str, Any]
    trained: tuple[str, ...]
    last: dict[str, Any]
    history: dict[str, Any]
    best: Best | None
    stopped: str
    diverged: bool
    normalise: Normaliser
    settings: dict[str, Any]
    sizes: dict[str, int]
    times: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Any]:
        """The trained parameters as a nest: names split at their dots."""
        return nest({n: v for n, v in self.values.items() if n in self.trained})

    @property
    def state(self) -> dict[str, Any]:
        """What is no trained parameter (running means and the like), as a nest."""
        return nest({n: v for n, v in self.values.items() if n not in self.trained})

    def __repr__(self) -> str:
        ends = ", ".join(
            f"{k} {v[-1]:.4g}" for k, v in self.history.items() if k not in _NO_RESULT and len(v)
        )
        return f"<run of {self.sizes.get('steps', 0)} steps: {ends}; {self.stopped}>"

    def record(self) -> dict[str, Any]:
        """Returns the record: settings, history, versions, times, sizes; what JSON can hold."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "settings": self.settings,
            "sizes": self.sizes,
            "stopped": self.stopped,
            "diverged": self.diverged,
            "best": None
            if self.best is None
            else {"column": self.best.column, "epoch": self.best.epoch, "value": self.best.value},
            "normalise": {
                n: {"shift": self.normalise.shift[n], "scale": self.normalise.scale[n]}
                for n in self.normalise.shift
            },
            "history": {k: np.asarray(v).tolist() for k, v in self.history.items()},
            "times": self.times,
            "versions": versions(),
        }

    def save_record(self, path: str | os.PathLike[str]) -> Path:
        """Writes the record as JSON, whole or not at all.

        Numbers that are not finite, which JSON does not have, are texts there: "nan", "inf".

        Raises:
            FileError: the file can't be written.
        """
        return write_atomic(path, json_text(self.record()))


_NO_RESULT = ("epoch", "learning_rate")


def json_text(value: Any) -> str:
    """Returns JSON with numbers that are not finite as texts."""
    return json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Returns a value in what JSON holds."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    return str(value)


def versions() -> dict[str, str]:
    """Returns the versions of what computed."""
    import graphc

    return {
        "graphc": graphc.__version__,
        "jax": jax.__version__,
        "jaxlib": metadata.version("jaxlib"),
        "optax": optax.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}",
        "device": jax.devices()[0].device_kind,
    }
