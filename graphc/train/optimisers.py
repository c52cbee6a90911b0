"""Optimisers by name: Optax's own, Shampoo, and update rules written as graph, behind one face."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import optax

from graphc.core.errors import ArgumentError, GraphcError, show_value
from graphc.core.node import Node
from graphc.train.schedules import Schedule
from graphc.train.shampoo import shampoo

#: Learning rates that are usual for an optimiser, where none is given; 1e-3 for all others.
USUAL_RATES: dict[str, float] = {
    "sgd": 0.01, "momentum": 0.01, "nesterov": 0.01, "adagrad": 0.01, "shampoo": 0.01,
    "lion": 1e-4, "lbfgs": 1.0, "adadelta": 1.0, "sign_sgd": 1e-3, "signum": 1e-3,
}  # fmt: skip

_OURS: dict[str, Callable[..., Any]] = {
    "momentum": lambda learning_rate, momentum=0.9, **options: optax.sgd(
        learning_rate, momentum=momentum, **options
    ),
    "nesterov": lambda learning_rate, momentum=0.9, **options: optax.sgd(
        learning_rate, momentum=momentum, nesterov=True, **options
    ),
    "shampoo": shampoo,
    # Under its own name Optax calls it deprecated.
    "optimistic_adam": optax.optimistic_adam_v2,
    # Optax warns where it is left to find a seed itself.
    "noisy_sgd": lambda learning_rate, key=0, **options: optax.noisy_sgd(
        learning_rate, key=key, **options
    ),
}


class Updater(Protocol):
    """What a training step asks of an optimiser: its first state, and one step."""

    name: str

    def init(self, parameters: Mapping[str, Any], options: Any = None) -> Any:
        """Returns the first state."""
        ...

    def step(
        self, slopes: Any, state: Any, parameters: Any, rate: Any, options: Any, value: Any,
        value_of: Callable[[Any], Any],
    ) -> tuple[Any, Any]:  # fmt: skip
        """Returns the new parameters and the new state; traced by JAX."""
        ...


class OptaxUpdater:
    """An Optax GradientTransformation, made anew for the learning rate of every step.

    Making it costs nothing: it happens while JAX traces. So the rate, and any number among its
    options, may itself be traced: it may change from step to step, and differ between runs that
    are batched.
    """

    def __init__(self, name: str, make: Callable[..., Any], options: Mapping[str, Any]) -> None:
        self.name, self.make, self.options = name, make, dict(options)

    def init(self, parameters: Mapping[str, Any], options: Any = None) -> Any:
        made = self.make(1.0, **{**self.options, **(options or {})})
        return jax.tree.map(lambda a: jnp.asarray(a, jnp.result_type(a)), made.init(parameters))

    def step(
        self, slopes: Any, state: Any, parameters: Any, rate: Any, options: Any, value: Any,
        value_of: Callable[[Any], Any],
    ) -> tuple[Any, Any]:  # fmt: skip
        made = optax.with_extra_args_support(self.make(rate, **{**self.options, **options}))
        changes, after = made.update(
            slopes, state, parameters, value=value, grad=slopes, value_fn=value_of
        )
        after = jax.tree.map(lambda new, old: jnp.asarray(new, old.dtype), after, state)
        return optax.apply_updates(parameters, changes), after


def _given(transformation: Any) -> Callable[..., Any]:
    """Returns a maker for a transformation that has its own rate: ours multiplies its changes."""
    return lambda rate: optax.chain(
        transformation, optax.stateless(lambda changes, _: jax.tree.map(
            lambda c: c * jnp.asarray(rate, c.dtype), changes))
    )  # fmt: skip


def updater(optimiser: Any, options: Any = None) -> Updater:
    """Returns the optimiser asked for: a name, an Optax transformation, or an update rule.

    Raises:
        ArgumentError: there is none of that name, or it has no such option.
    """
    if options is not None and not isinstance(options, Mapping):
        raise ArgumentError(
            f"options={show_value(options)} is no dict", 'for example {"weight_decay": 1e-4}'
        )
    given = dict(options or {})
    if isinstance(optimiser, str):
        return OptaxUpdater(optimiser, maker(optimiser, given), given)
    if hasattr(optimiser, "init") and hasattr(optimiser, "step"):
        return optimiser
    if isinstance(optimiser, optax.GradientTransformation):
        if given:
            raise ArgumentError(
                "options belong to an optimiser given by name", "give them where it is made"
            )
        return OptaxUpdater("given", _given(optimiser), {})
    raise ArgumentError(
        f"optimiser={show_value(optimiser)} is no optimiser",
        "give a name, an optax.GradientTransformation or a rule of train.rules",
    )


def first_state(made: Updater, parameters: Mapping[str, Any], options: Any = None) -> Any:
    """Returns an optimiser's first state, having seen that it can step these parameters.

    Raises:
        ArgumentError: Optax failed: an option is of the wrong kind, or the parameters' shapes are.
    """

    def step(parameters: Any, state: Any) -> Any:
        value_of = lambda other, **_: sum(jnp.sum(v) for v in jax.tree.leaves(other))
        value, slopes = jax.value_and_grad(value_of)(parameters)
        rate = jnp.zeros((), value.dtype)
        return made.step(slopes, state, parameters, rate, options or {}, value, value_of)

    try:
        state = made.init(parameters, options)
        jax.eval_shape(step, parameters, state)
    except GraphcError:
        raise
    except Exception as error:
        raise ArgumentError(
            f"the optimiser {made.name} failed on these parameters: {type(error).__name__}: "
            f"{str(error)[:200]}",
            "look at its options, or choose another",
        ) from error
    return state


def has_own_rate(made: Updater) -> bool:
    """Tells whether an optimiser brings its own learning rate."""
    return made.name == "given"


def maker(name: str, options: Mapping[str, Any]) -> Callable[..., Any]:
    """Returns what makes the optimiser of a name from a learning rate and options."""
    found = _OURS.get(name)
    if found is None:
        found = _optax_makers().get(name)
    if found is None:
        near = difflib.get_close_matches(name.lower(), names(), 3, 0.5)
        raise ArgumentError(
            f"there is no optimiser {show_value(name)}",
            f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}",
        )
    known = inspect.signature(found).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
        for option in options:
            if option not in known or option == "learning_rate":
                raise ArgumentError(
                    f"{name} has no option {show_value(option)}",
                    f"it takes {', '.join(k for k in known if k != 'learning_rate')}",
                )
    return found


def names() -> list[str]:
    """Returns the names of all optimisers, sorted."""
    return sorted({*_OURS, *_optax_makers()})


def _optax_makers() -> dict[str, Callable[..., Any]]:
    """Returns Optax's functions that make an optimiser from a learning rate."""
    found: dict[str, Callable[..., Any]] = {}
    for name, value in vars(optax).items():
        if name.startswith(("_", "scale_by_", "inject_")) or not inspect.isfunction(value):
            continue
        if next(iter(inspect.signature(value).parameters), "") == "learning_rate":
            found[name] = value
    return found


def first_rate(learning_rate: Any, made: Updater) -> Any:
    """Returns the learning rate as a schedule, or as the function of steps that was given.

    Raises:
        ArgumentError: it is no rate, or the optimiser has its own.
    """
    if has_own_rate(made) and learning_rate is not None and not isinstance(learning_rate, Schedule):
        raise ArgumentError(
            "the optimiser that was given has its own learning rate",
            "give it there; a schedule such as train.cosine(1.0, 20) multiplies its changes",
        )
    if learning_rate is None:
        learning_rate = getattr(made, "learning_rate", None)  # a rule brings the one it was given
    if learning_rate is None:
        return Schedule("constant", 1.0 if has_own_rate(made) else USUAL_RATES.get(made.name, 1e-3))
    if isinstance(learning_rate, Schedule):
        return learning_rate
    if callable(learning_rate) and not isinstance(learning_rate, Node):
        return learning_rate
    number = isinstance(learning_rate, (int, float)) and not isinstance(learning_rate, bool)
    if isinstance(learning_rate, Node) or not number or not 0 < learning_rate < float("inf"):
        raise ArgumentError(
            f"learning_rate={show_value(learning_rate)} is no positive number",
            "for example 1e-3, or a schedule such as train.cosine(1e-3, 20)",
        )
    return Schedule("constant", float(learning_rate))
