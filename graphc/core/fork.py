"""What happens in a forked process: locks are made anew, and JAX, if it had started, is lost."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from graphc.core.errors import ForkError


def in_forked_child(function: Callable[[], None]) -> Callable[[], None]:
    """Has a function called in every process that is forked from this one, before all else.

    A lock that another thread held at the fork is held there for ever, for that thread did not
    come along.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)
    return function


_lost = False


@in_forked_child
def _look_for_jax() -> None:
    # JAX's threads did not come along, and their locks stay as they were: a call may wait for ever.
    global _lost
    _lost = _lost or jax_has_started()


def jax_has_started() -> bool:
    """Tells whether JAX has begun to run anything in this process, or may have."""
    bridge: Any = sys.modules.get("jax._src.xla_bridge")
    if bridge is None:
        return False
    started = getattr(bridge, "backends_are_initialized", None)
    return started is None or bool(started())


def require_living_jax() -> None:
    """Raises ForkError in a process that was forked after JAX had started.

    Building, differentiating, evaluating with NumPy or mpmath, saving and loading work there.
    """
    if _lost:
        raise ForkError(
            "this process was forked after JAX had started, whose threads did not come along: a "
            "compiled graph could wait for ever",
            "start processes with multiprocessing.get_context('spawn'), or fork before the first "
            "compiled call, or use gx.evaluate here",
        )
