"""On what kind of machine JAX runs, asked without starting it."""

from __future__ import annotations

import importlib.util
from importlib.metadata import entry_points

import jax

from graphc.core.fork import jax_has_started


def runs_on_cpu() -> bool:
    """Tells whether JAX runs on the processor; what it will most likely do, before it has started.

    Starting it is for the first call: a process may still be forked until then.
    """
    if jax_has_started():
        return jax.default_backend() == "cpu"
    # JAX gives its settings their names at run time.
    chosen = jax.config.jax_platforms  # pyright: ignore[reportAttributeAccessIssue]
    if chosen:
        return str(chosen).split(",")[0] == "cpu"
    modules = [importlib.util.find_spec(name) for name in ("jax_plugins", "libtpu")]
    return not any(modules) and not entry_points(group="jax_plugins")
