"""The learning rates of steps, as numbers: of a schedule, or of a function of the step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from graphc.core.errors import ArgumentError
from graphc.train.schedules import Schedule


class Rates:
    """Gives the rates of a range of steps.

    Args:
        rate: a schedule, or a function of the step's number, as Optax has them.
        steps: steps of an epoch.
    """

    def __init__(self, rate: Any, steps: int) -> None:
        self.rate, self.steps = rate, steps
        self._together: Any = None
        if not isinstance(rate, Schedule):
            self._together = jax.jit(jax.vmap(rate))

    def at(self, first: int, count: int) -> Any:
        """Returns the rates of `count` steps from step `first` on, `f64[count]`.

        Raises:
            ArgumentError: the function fails, or gives no number.
        """
        rate = self.rate
        numbers = range(first, first + count)
        if isinstance(rate, Schedule):
            if rate.kind in ("constant", "plateau"):
                return np.full(count, rate.start)
            per = 1 if rate.unit == "step" else self.steps
            return np.array([rate(step / per) for step in numbers], np.float64)
        if self._together is not None:
            try:
                found = self._together(jnp.arange(first, first + count))
                return np.asarray(found, np.float64).reshape(count)
            except Exception:  # it is no function that JAX can trace: it is asked step by step
                self._together = None
        try:
            return np.array([float(rate(step)) for step in numbers], np.float64)
        except Exception as error:
            raise ArgumentError(
                f"the learning rate's function failed at step {first}: "
                f"{type(error).__name__}: {str(error)[:200]}",
                "give a function from the step's number to a rate",
            ) from error
