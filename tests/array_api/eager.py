"""graphc as an eager array library: the Array API's names over graphs of constants.

It only translates, so that what is tested is graphc: an `Array` holds a graph value, a function
hands graph values to graphc's function of the same name, and Python's bool(), int(), float(),
complex() and index() evaluate. It is itself the namespace, `import tests.array_api.eager as xp`.
"""

from __future__ import annotations

import builtins
import math
import operator
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

import graphc as gx
from tests.array_api.standard import DTYPES, LEFT_OUT, SIGNATURES

__array_api_version__ = "2024.12"
e, inf, nan, newaxis, pi = math.e, math.inf, math.nan, None, math.pi
_DEVICE = "graph"
_NUMBERS = (builtins.bool, int, float, builtins.complex)


class Array:
    """A graph value that is evaluated where Python asks for a number."""

    __hash__ = None  # pyright: ignore[reportAssignmentType]
    __array_priority__ = 2000.0

    def __init__(self, node: gx.Node) -> None:
        self.node = node
        self._value: Any = None

    @property
    def value(self) -> Any:
        """The value, a NumPy array; from here on the graph begins at it."""
        return self.evaluated()

    def evaluated(self) -> Any:
        """Returns `value`."""
        if self._value is None:
            self._value = np.asarray(gx.evaluate(self.node))
            self.node = gx.constant(self._value, self.node.dtype)
        return self._value

    @property
    def dtype(self) -> gx.DType:
        return self.node.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.node.shape  # pyright: ignore[reportReturnType]

    @property
    def ndim(self) -> int:
        return self.node.ndim

    @property
    def size(self) -> int:
        return self.node.size  # pyright: ignore[reportReturnType]

    @property
    def device(self) -> str:
        return _DEVICE

    @property
    def T(self) -> Array:
        return wrapped(self.node.T)

    @property
    def mT(self) -> Array:
        return wrapped(self.node.mT)

    def __repr__(self) -> str:
        return f"Array({self.value!r})"

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
            raise ValueError(f"there is no version {api_version!r}")
        return sys.modules[__name__]

    def to_device(self, device: Any, /, *, stream: Any = None) -> Array:
        _check_device(device)
        return self

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: Any = None,
        dl_device: Any = None,
        copy: Any = None,
    ) -> Any:
        raise gx.ArgumentError("a graph value has no memory to share", "evaluate it first")

    def __dlpack_device__(self) -> Any:
        raise gx.ArgumentError("a graph value has no memory to share", "evaluate it first")

    def _number(self, convert: Callable[[Any], Any]) -> Any:
        if self.ndim:
            raise TypeError("only an array without axes is a number")
        return convert(self.value[()])

    def __bool__(self) -> bool:
        return self._number(builtins.bool)

    def __int__(self) -> int:
        return self._number(int)

    def __float__(self) -> float:
        if self.dtype.kind == "c":
            raise TypeError("a complex number is no float")
        return self._number(float)

    def __complex__(self) -> complex:
        return self._number(complex)

    def __index__(self) -> int:
        return self._number(operator.index)

    def __len__(self) -> int:
        return len(self.node)

    def __iter__(self) -> Any:
        return (self[place] for place in range(len(self)))

    def __getitem__(self, key: Any) -> Array:
        return wrapped(self.node[_index(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(value, (Array, *_NUMBERS)):
            raise TypeError("what is set is an array or a number")
        self._replace(wrapped(self.node.at[_index(key)].set(unwrapped(value))))

    def _replace(self, made: Array) -> Array:
        if made.dtype is not self.dtype or made.shape != self.shape:
            raise TypeError(f"{made.node.type} does not fit into {self.node.type}")
        made.evaluated()  # so that graphs stay small
        self.node, self._value = made.node, made.value
        return self


def _index(key: Any) -> Any:
    parts = key if isinstance(key, tuple) else (key,)
    made = tuple(
        int(part)
        if isinstance(part, Array) and not part.ndim and part.dtype.is_integer
        else slice(*map(_whole, (part.start, part.stop, part.step)))
        if isinstance(part, slice)
        else unwrapped(part)
        for part in parts
    )
    return made if isinstance(key, tuple) else made[0]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, Array) else value


def wrapped(value: Any) -> Any:
    """Returns what graphc returned with an Array for each graph value."""
    if isinstance(value, gx.Node):
        return Array(value)
    if isinstance(value, tuple) and builtins.any(isinstance(part, gx.Node) for part in value):
        parts = [wrapped(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def unwrapped(value: Any) -> Any:
    """Returns an argument with a graph value for each Array."""
    if isinstance(value, Array):
        return value.node
    if isinstance(value, (list, tuple)):
        return type(value)([unwrapped(part) for part in value])
    return value


def _check_device(device: Any) -> None:
    if device not in (None, _DEVICE):
        raise ValueError(f"there is no device {device!r}")


def translated(name: str) -> Callable[..., Any]:
    """Returns the function of the standard that hands its arguments to graphc's."""
    short = name.rpartition(".")[2]
    signature = SIGNATURES[name]

    def function(*args: Any, **named: Any) -> Any:
        signature.bind(*args, **named)  # a TypeError where it isn't the standard's call
        if "device" in named:
            _check_device(named.pop("device"))
        if name == "from_dlpack":
            raise gx.ArgumentError(LEFT_OUT[name], "evaluate it first")
        target = operator.attrgetter(name)(gx)
        made = target(*map(unwrapped, args), **{k: unwrapped(v) for k, v in named.items()})
        return list(map(wrapped, made)) if name in _LISTS else wrapped(made)

    function.__name__ = function.__qualname__ = short
    function.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    function.__doc__ = f"See graphc's {name}."
    return function


_LISTS = ("broadcast_arrays", "meshgrid")
_module = sys.modules[__name__]
linalg, fft = SimpleNamespace(), SimpleNamespace()
for _name in SIGNATURES:
    _home, _, _short = _name.rpartition(".")
    setattr({"": _module, "linalg": linalg, "fft": fft}[_home], _short, translated(_name))
for _name in DTYPES:
    setattr(_module, _name, getattr(gx, "bool_" if _name == "bool" else _name))


# -- operators: each is Python's own on the graph value --------------------------------------------

OPERATORS = (
    "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift lt le gt ge eq ne"
).split()


def _binary(name: str) -> Callable[[Array, Any], Any]:
    def method(self: Array, other: Any) -> Any:
        if not isinstance(other, (Array, *_NUMBERS)):
            return NotImplemented
        return wrapped(getattr(self.node, name)(unwrapped(other)))

    method.__name__ = name
    return method


def _in_place(name: str) -> Callable[[Array, Any], Any]:
    def method(self: Array, other: Any) -> Any:
        made = getattr(self, f"__{name}__")(other)
        return made if made is NotImplemented else self._replace(made)

    method.__name__ = f"__i{name}__"
    return method


def _unary(name: str) -> Callable[[Array], Array]:
    def method(self: Array) -> Array:
        return wrapped(getattr(self.node, name)())

    method.__name__ = name
    return method


for _name in OPERATORS:
    setattr(Array, f"__{_name}__", _binary(f"__{_name}__"))
for _name in OPERATORS[:13]:
    setattr(Array, f"__r{_name}__", _binary(f"__r{_name}__"))
    setattr(Array, f"__i{_name}__", _in_place(_name))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(Array, f"__{_name}__", _unary(f"__{_name}__"))


# -- what there is ---------------------------------------------------------------------------------


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    return gx.broadcast_shapes(*shapes)  # pyright: ignore[reportReturnType]


class _Info:
    """What `__array_namespace_info__` tells."""

    def capabilities(self) -> dict[str, Any]:
        return {"boolean indexing": False, "data-dependent shapes": False, "max dimensions": None}

    def default_device(self) -> str:
        return _DEVICE

    def devices(self) -> list[str]:
        return [_DEVICE]

    def default_dtypes(self, *, device: Any = None) -> dict[str, gx.DType]:
        _check_device(device)
        return {
            "real floating": gx.float32, "complex floating": gx.complex64,
            "integral": gx.int32, "indexing": gx.int32,
        }  # fmt: skip

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, gx.DType]:
        _check_device(device)
        every = {name: getattr(_module, name) for name in DTYPES}
        return {n: d for n, d in every.items() if kind is None or gx.isdtype(d, kind)}


def __array_namespace_info__() -> _Info:
    return _Info()
