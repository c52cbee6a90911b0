"""Who a layer is and what its parameters are called: by path, and never the same by accident."""

from __future__ import annotations

import contextvars
import dataclasses
import functools
import inspect
import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, TypeVar, cast, dataclass_transform

from graphc.core.calls import standing_for
from graphc.core.dtype import DType
from graphc.core.errors import ArgumentError, GraphcError, NameClashError, ShapeError, show_value
from graphc.core.naming import call_text
from graphc.core.node import Node
from graphc.core.type import Size
from graphc.core.walk import topological_order_until
from graphc.nn.init import Initialiser, initialiser_of
from graphc.ops.blocks import block
from graphc.ops.source import param, param_op


class Token:
    """Who a layer is: each layer object has its own, which remembers the name it was given first.

    Attributes:
        path: the layer's place, such as "encoder.dense1"; None until the layer is called.
        owner: the token of the outermost layer, which keeps its parameters apart from those of
            another model with the same names; None where a person gave that layer its name.
        taken: the names that a layer without a name of its own found in use.
    """

    __slots__ = ("owner", "path", "taken")

    #: Two tokens are one parameter of a node only where they are one object.
    freeze_key = "layer"

    def __init__(self) -> None:
        self.path: str | None = None
        self.owner: Token | None = None
        self.taken: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return "<layer>"


def named(*, default: str | None = None, kw_only: Literal[True] = True) -> Any:
    """Returns the field `name` of a layer; write `named(default=None)`."""
    return dataclasses.field(default=default, kw_only=kw_only)


def own_token(*, init: Literal[False] = False) -> Any:
    """Returns the field `token` of a layer."""
    return dataclasses.field(default_factory=Token, init=init, repr=False, compare=False)


Made = TypeVar("Made", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(named, own_token, dataclasses.field))
def layer(made: Made) -> Made:
    """Makes a class a layer: a frozen, slotted dataclass of hyper-parameters, with good errors.

    The class declares its hyper-parameters, then `name: str | None = named(default=None)` and
    `token: Token = own_token()`, and has `__call__(self, x, *, training=False)`, which makes its
    parameters within `with entered(self, x) as scope:`.
    """
    frozen = cast(Any, dataclass(frozen=True, slots=True)(made))
    frozen.__init__ = _guarded(frozen.__name__, frozen.__init__)
    frozen.__call__ = _guarded(frozen.__name__, _foldable(frozen.__call__))
    return frozen


_folding: contextvars.ContextVar[bool] = contextvars.ContextVar("graphc_folding", default=False)


def folded(model: Any, *operands: Any, **options: Any) -> Any:
    """Returns what a model makes of operands with each of its layers as one block, for pictures.

    Values and derivatives are those of the plain call, and the parameters are the same; but blocks
    are neither simplified across their edges, nor do `nn.updates` see into them.

    Args:
        model: a layer or a function that calls layers.
        operands: what it is called with.
        options: the same by name, as `training=True`.
    """
    model(*operands, **options)  # gives every layer its name
    before = _folding.set(True)
    try:
        return model(*operands, **options)
    finally:
        _folding.reset(before)


def _foldable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a layer's call that is a block of the layer's name while `folded` is at work."""

    @functools.wraps(function)
    def called(self: Any, *args: Any, **options: Any) -> Any:
        at_top = getattr(self, "is_model", False) and not self.token.path
        if not _folding.get() or at_top or not any(isinstance(a, Node) for a in args):
            return function(self, *args, **options)

        def inner(*given: Any, **named: Any) -> Any:
            return function(self, *given, **named)

        inner.__name__ = self.token.path or type(self).__name__.lower()
        _, *rest = inspect.signature(function).parameters.values()
        cast(Any, inner).__signature__ = inspect.Signature(rest)  # its names label the picture
        return block(inner)(*args, **options)

    return called


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(self: Any, *args: Any, **options: Any) -> Any:
        try:
            return function(self, *args, **options)
        except GraphcError as error:
            if not error.call:
                error.call = call_text(name, args, options)
            raise
        except TypeError as error:
            wrong = _misfit(function, (self, *args), options)
            if wrong is None:
                raise standing_for(error, name, args, options) from None
            raise ArgumentError(
                wrong, f"see help(graphc.nn.{name})", call=call_text(name, args, options)
            ) from None
        except (RecursionError, ValueError, MemoryError) as error:
            raise standing_for(error, name, args, options) from None

    return called


def _misfit(
    function: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]
) -> str | None:
    """Returns why a function can't be called so, in words; None where it can."""
    try:
        inspect.signature(function).bind(*args, **options)
    except TypeError as error:
        return str(error)
    return None


@dataclass(slots=True)
class Scope:
    """Where a layer makes its parameters and names its children.

    Attributes:
        prefix: the layer's own path; empty for a model without a name.
        owner: see `Token`.
        taken: who has which name here; None for a name that is in use further up the graph.
        numbers: the last number given to each kind; names are never free again, so that the search
            for the next one goes on from there.
    """

    prefix: str
    owner: Token | None
    taken: dict[str, Token | None]
    numbers: dict[str, int] = dataclasses.field(default_factory=dict[str, int])

    def path(self, name: str) -> str:
        """Returns the full name of something in this layer."""
        return f"{self.prefix}.{name}" if self.prefix else name

    def param(
        self,
        name: str,
        shape: Sequence[Size],
        dtype: DType,
        init: Any,
        *,
        trainable: bool = True,
    ) -> Node:
        """Returns a parameter of this layer.

        Raises:
            ShapeError: a size is a named one, which no parameter can have.
        """
        for size in shape:
            if not isinstance(size, int):
                raise ShapeError(
                    f"the parameter {self.path(name)} would have the named size {size}",
                    "declare the input with numbers along the axes that layers mix; only the "
                    "batch (and the time) may be named",
                )
        first: Initialiser = initialiser_of(init)
        return param(
            self.path(name),
            tuple(shape),
            dtype,
            init=first,
            trainable=trainable,
            owner=self.owner,
        )

    def claim(self, name: str, token: Token) -> None:
        """Enters a name.

        Raises:
            NameClashError: another layer has it.
        """
        if self.taken.setdefault(name, token) is not token:
            raise NameClashError(
                f"two layers would be called {self.path(name)!r} and share their parameters",
                "leave name= out, give different names, or use one layer object twice",
            )

    def next_name(self, kind: str) -> str:
        """Returns the first of kind1, kind2, ... that is free."""
        number = self.numbers.get(kind, 1)
        while f"{kind}{number}" in self.taken:
            number += 1
        self.numbers[kind] = number
        return f"{kind}{number}"


_scope: contextvars.ContextVar[Scope | None] = contextvars.ContextVar(
    "graphc_layer_scope", default=None
)


def current_scope() -> Scope | None:
    """Returns the scope of the layer that is being called, None outside of any."""
    return _scope.get()


@contextmanager
def entered(
    layer: Any, *operands: Any, kind: str = "", children: Sequence[Any] = ()
) -> Generator[Scope]:
    """Gives the scope of a layer, within which its parameters and its children are named.

    Args:
        layer: has `name` and `token`.
        operands: what it is applied to; a model without a name numbers past the names found there.
        kind: what it is called where it has no name; by default its class's name in lower case;
            "" with `children` for a model, whose children then stand at the top.
        children: the layers it is made of, whose names are kept free for them.
    """
    token: Token = layer.token
    outer = _scope.get()
    if token.path is None:
        _settle(layer, outer, operands, kind)
    assert token.path is not None
    if outer is not None and token.owner is outer.owner and token.path:
        parent, _, last = token.path.rpartition(".")
        if parent == outer.prefix:
            outer.claim(last, token)
    inner = Scope(token.path, token.owner, dict.fromkeys(token.taken))
    for child in children:
        _keep_name(inner, child)
    before = _scope.set(inner)
    try:
        yield inner
    finally:
        _scope.reset(before)


def _settle(layer: Any, outer: Scope | None, operands: Sequence[Any], kind: str) -> None:
    """Gives a layer its name for good: the one asked for, or the next free one of its kind."""
    token: Token = layer.token
    name = layer.name
    if name is not None:
        _check_name(name)
    own_kind = kind or type(layer).__name__.lower()
    if outer is not None:
        token.path = outer.path(name or outer.next_name(own_kind))
        token.owner = outer.owner
        return
    if name is not None:
        token.path = name
        return
    token.owner = token
    found = _names_above(operands)
    if getattr(layer, "is_model", False):
        token.path, token.taken = "", found
        return
    token.path = Scope("", None, dict.fromkeys(found)).next_name(own_kind)


def _keep_name(scope: Scope, child: Any) -> None:
    """Enters the name that a child has already, or was asked to have, so that no other takes it."""
    token = getattr(child, "token", None)
    if not isinstance(token, Token):
        return
    if token.path is not None:
        parent, _, last = token.path.rpartition(".")
        if parent == scope.prefix and last and token.owner is scope.owner:
            scope.claim(last, token)
        elif parent == scope.prefix and last:
            # It stands in another model too. Should a second layer have that name, the two are
            # different parameters, and the graph that holds both is refused.
            scope.taken.setdefault(last, token)
    elif isinstance(child.name, str) and child.name:
        scope.claim(child.name, token)


#: The last operand whose names were asked for, and they: layers called one upon the other, each by
#: itself, would else walk the whole graph again for each.
_known: contextvars.ContextVar[tuple[weakref.ref[Node], frozenset[str]] | None] = (
    contextvars.ContextVar("graphc_names_above", default=None)
)


def _names_above(operands: Sequence[Any]) -> frozenset[str]:
    """Returns the first parts of the names of all parameters that operands rest on."""
    roots = [o for o in operands if isinstance(o, Node)]
    reference, before = _known.get() or (lambda: None, frozenset[str]())
    last = reference()
    order = topological_order_until(roots, {} if last is None else {last: None})
    found = frozenset(str(n.params["name"]).partition(".")[0] for n in order if n.op is param_op)
    rests_on = chain(roots, (a for n in order for a in n.args))
    if last is not None and any(node is last for node in rests_on):
        found |= before
    if len(roots) == 1:
        _known.set((weakref.ref(roots[0]), found))
    return found


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name or name.startswith(".") or name.endswith("."):
        raise ArgumentError(f"name={show_value(name)} is no name", 'for example name="encoder"')


# -- hyper-parameters ------------------------------------------------------------------------------


def whole(name: str, value: Any, least: int = 1) -> int:
    """Returns a hyper-parameter that must be a whole number.

    Raises:
        ArgumentError: it is none, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(
            f"{name}={show_value(value)} is no whole number from {least} on",
            f"for example {name}={max(least, 8)}",
        )
    return value


def number(name: str, value: Any, least: float | None = None, below: float | None = None) -> float:
    """Returns a hyper-parameter that must be a finite number, within limits where they are given.

    Raises:
        ArgumentError: it is none, or lies outside.
    """
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        found = float(value) if fits else float("nan")
    except OverflowError:
        found = float("inf")
    if not fits or found - found != 0:
        raise ArgumentError(f"{name}={show_value(value)} is no finite number", "for example 0.1")
    if (least is not None and found < least) or (below is not None and found >= below):
        limits = f"from {least:g} on" if below is None else f"from {least:g} to below {below:g}"
        raise ArgumentError(f"{name}={show_value(value)} does not lie {limits}", "choose another")
    return found


def flag(name: str, value: Any) -> bool:
    """Returns a hyper-parameter that must be True or False.

    Raises:
        ArgumentError: it is neither.
    """
    if not isinstance(value, bool):
        raise ArgumentError(f"{name}={show_value(value)} is neither True nor False")
    return value


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """Returns a hyper-parameter that must be one of some words.

    Raises:
        ArgumentError: it is none of them.
    """
    if not isinstance(value, str) or value not in choices:
        raise ArgumentError(f"{name}={show_value(value)} is none of {', '.join(choices)}")
    return value


def sized(name: str, asked: int | None, found: Size) -> Size:
    """Returns a size found in the operand, which must be the one asked for where one was.

    Raises:
        ShapeError: they differ.
    """
    if asked is not None and asked != found:
        raise ShapeError(f"{name}={asked}, but the operand has {found}", f"leave {name} out")
    return found
