"""What a training says while it runs: one live line on stderr where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any


class Progress:
    """A live line in the terminal; silent where stderr is none, or where asked.

    Args:
        shown: True shows it, also as plain lines where stderr is no terminal; None only in a
            terminal; False never.
        epochs: how many there will be.
        steps: steps of an epoch.
    """

    def __init__(self, shown: bool | None, epochs: int, steps: int) -> None:
        terminal = sys.stderr.isatty()
        self.live = terminal and shown is not False
        self.plain = shown is True and not terminal
        self.epochs, self.steps = epochs, steps
        self.words = ""
        self._bar: Any = None
        self._task: Any = None
        self._last = 0.0

    def __enter__(self) -> Progress:
        if self.live:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
                BarColumn(bar_width=16),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[words]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(
                "", total=self.epochs * self.steps, epoch=0, epochs=self.epochs, words="compiling"
            )
        return self

    def __exit__(self, *error: Any) -> None:
        if self._bar is not None:
            self._bar.stop()

    def due(self) -> bool:
        """Tells, a few times a second, that a new loss would be shown."""
        now = time.perf_counter()
        if not self.live or now - self._last < 0.25:
            return False
        self._last = now
        return True

    def within(self, epoch: int, step: int, loss: float) -> None:
        """Shows where an epoch stands."""
        if self._bar is not None:
            self._bar.update(
                self._task, completed=(epoch - 1) * self.steps + step, epoch=epoch,
                words=f"loss {loss:.4g}  {self.words}",
            )  # fmt: skip

    def row(self, row: Mapping[str, float]) -> None:
        """Shows a row of the history."""
        if not self.live and not self.plain:
            return
        shown = {k: v for k, v in row.items() if k not in ("epoch", "learning_rate")}
        text = "  ".join(f"{k} {v:.4g}" for k, v in shown.items())
        epoch = int(row["epoch"])
        if self.plain:
            print(f"epoch {epoch}/{self.epochs}  {text}", file=sys.stderr, flush=True)
        elif self._bar is not None:
            held = [k for k in shown if k.startswith("validation.")] or list(shown)[1:]
            self.words = "  ".join(f"{k} {shown[k]:.4g}" for k in held)
            text = f"loss {shown['loss']:.4g}  {self.words}" if "loss" in shown else text
            self._bar.update(self._task, completed=epoch * self.steps, epoch=epoch, words=text)
