"""Data for training: checked against the graph's inputs, split, normalised, in batches."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.backends.values import as_value
from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import show_shape

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Normaliser:
    """What the training part said about its inputs: `(value - shift) / scale`, for later use too.

    Call it with a dict of arrays; inputs it does not know stay as they are. The record of a run
    holds its numbers: `train.Normaliser(shift, scale)` makes it again.

    Attributes:
        shift: for each input what is subtracted.
        scale: for each input what it is then divided by, never 0.
    """

    shift: dict[str, Array]
    scale: dict[str, Array]

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the data with the known inputs normalised."""
        return {name: self._one(name, value) for name, value in data.items()}

    def _one(self, name: str, value: Any) -> Any:
        if name not in self.shift:
            return value
        array = np.asarray(value)
        kind = array.dtype if array.dtype.kind == "f" else self.shift[name].dtype
        return ((array - self.shift[name]) / self.scale[name]).astype(kind)


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """The training part, the validation part (None: there is none) and the normaliser."""

    training: Arrays
    validation: Arrays | None
    normaliser: Normaliser
    fixed: Arrays

    @property
    def rows(self) -> int:
        """Rows of the training part."""
        return rows_of(self.training)

    @property
    def validation_rows(self) -> int:
        """Rows of the validation part."""
        return rows_of(self.validation) if self.validation else 0

    def digest(self) -> str:
        """Returns hexadecimal digits that tell these data from others."""
        total = hashlib.blake2b(digest_size=16)
        for part in (self.training, self.validation or {}, self.fixed):
            for name in sorted(part):
                array = np.ascontiguousarray(part[name])
                total.update(f"{name}:{array.dtype}:{array.shape}".encode())
                total.update(array.view(np.uint8).data if array.size else b"")
        return total.hexdigest()


def rows_of(arrays: Mapping[str, Array]) -> int:
    """Returns the common leading size."""
    return len(next(iter(arrays.values())))


def prepare(
    inputs: Mapping[str, Node],
    data: Any,
    validation: Any,
    normalise: Any,
    fixed: Any,
    seed: int,
    *,
    allow_nan: bool = False,
) -> Data:
    """Returns the data checked, split and normalised.

    Args:
        inputs: the graph's inputs that need a value, without the key.
        data: arrays of one leading size by the names of inputs.
        validation: None, the share of rows that is set aside, or data of its own.
        normalise: names of inputs, or a dict from name to "standard", "range" or "channel".
        fixed: values of inputs that are the same for all rows.
        seed: draws which rows are set aside.
        allow_nan: True takes data that are not finite.

    Raises:
        ArgumentError, ShapeError, DTypeError: the data do not fit the inputs, or each other.
    """
    fixed_arrays = _fixed(inputs, fixed)
    wanted = {n: node for n, node in inputs.items() if n not in fixed_arrays}
    whole = check_data(wanted, data, "the data", allow_nan)
    if validation is None or isinstance(validation, Mapping):
        training, held = whole, None
        if validation is not None:
            held = check_data(wanted, validation, "the validation data", allow_nan)
    else:
        training, held = _split(whole, validation, seed)
    normaliser = fit_normaliser(wanted, training, normalise)
    apply = lambda part: {
        n: np.asarray(v, wanted[n].dtype.numpy) for n, v in normaliser(part).items()
    }
    return Data(apply(training), None if held is None else apply(held), normaliser, fixed_arrays)


def check_data(inputs: Mapping[str, Node], data: Any, what: str, allow_nan: bool) -> Arrays:
    """Returns arrays in the inputs' dtypes, of one leading size, having seen that they fit."""
    if not isinstance(data, Mapping):
        raise ArgumentError(
            f"{what} is {show_value(data)}, no dict", 'give {"x": array} by the names of inputs'
        )
    given = {k.name if isinstance(k, Node) else k: v for k, v in data.items()}
    for name in given:
        if name not in inputs:
            raise ArgumentError(
                f"{what} have {show_value(name)}, and there is no such input",
                closest(name, inputs, "the inputs are"),
            )
    missing = [f"{n}: {node.type}" for n, node in inputs.items() if n not in given]
    if missing:
        raise ArgumentError(
            f"{what} have no value for {', '.join(missing[:6])}",
            'pass one array a name; what is the same for all rows goes into fixed={"name": value}',
        )
    if not given:
        raise ArgumentError("the loss has no input, so there are no data", "use train.minimise")
    arrays = {name: as_value(inputs[name], given[name]) for name in inputs}
    _check_shapes(inputs, arrays, what)
    if not allow_nan:
        for name, array in arrays.items():
            _check_finite(name, array, what)
    return arrays


def _check_shapes(inputs: Mapping[str, Node], arrays: Arrays, what: str) -> None:
    first = ""
    sizes: dict[Dim, tuple[int, str]] = {}
    for name, array in arrays.items():
        declared = inputs[name].type.shape
        if not declared:
            raise ShapeError(
                f"the input {name} is a scalar, and {what} are rows",
                f'pass its one value as fixed={{"{name}": value}}',
            )
        fits = array.ndim == len(declared) and all(
            isinstance(d, Dim) or d == s for d, s in zip(declared[1:], array.shape[1:], strict=True)
        )
        if not fits:
            raise ShapeError(
                f"{name} is declared {inputs[name].type}, {what} have shape "
                f"{show_shape(array.shape) or '[]'}",
                "the first axis goes over rows, the others must be those of the input",
            )
        first = first or name
        if len(array) != len(arrays[first]):
            raise ShapeError(
                f"{what} have {len(arrays[first])} rows of {first} and {len(array)} of {name}",
                "give every input the same number of rows",
            )
        for size, number in zip(declared[1:], array.shape[1:], strict=True):
            if isinstance(size, Dim):
                known, where = sizes.setdefault(size, (number, name))
                if known != number:
                    raise ShapeError(
                        f"the size {size} is {known} in {where} and {number} in {name}",
                        "pass arrays that agree in it",
                    )
    if not len(arrays[first]):
        raise ShapeError(f"{what} have no row", "give at least one")


def _check_finite(name: str, array: Array, what: str) -> None:
    if array.dtype.kind not in "fV" or not array.size:
        return
    values = array if array.dtype.itemsize >= 4 else array.astype(np.float32)
    flat = values.reshape(len(values), -1)
    if np.isfinite(flat.sum()):  # one pass where all is well
        return
    bad = np.flatnonzero(~np.isfinite(flat).all(axis=1))
    if not len(bad):
        return
    row = int(bad[0])
    wrong = flat[row][~np.isfinite(flat[row])][0]
    more = f", the first of {len(bad)} such rows" if len(bad) > 1 else ""
    raise ArgumentError(
        f"{what} have {wrong} in {name}, row {row}{more}",
        "leave such rows out or fill them in, or say allow_nan=True",
    )


def _split(whole: Arrays, share: Any, seed: int) -> tuple[Arrays, Arrays | None]:
    number = isinstance(share, (int, float, np.integer, np.floating))
    if isinstance(share, bool) or not number or not 0 <= share < 1:
        raise ArgumentError(
            f"validation={show_value(share)} is neither a share from 0 to 1 nor data",
            "for example validation=0.2",
        )
    if not share:
        return whole, None
    count = rows_of(whole)
    held = round(float(share) * count)
    if held < 1 or held >= count:
        part = "validation" if held < 1 else "training"
        raise ArgumentError(
            f"validation={share:g} of {count} rows leaves the {part} part empty",
            "give more rows, another share, or validation=None",
        )
    order = np.random.default_rng([seed, 0x5117]).permutation(count)
    kept, aside = np.sort(order[held:]), np.sort(order[:held])
    return {n: a[kept] for n, a in whole.items()}, {n: a[aside] for n, a in whole.items()}


def fit_normaliser(inputs: Mapping[str, Node], training: Arrays, normalise: Any) -> Normaliser:
    """Returns shift and scale of the inputs asked for, from the training part alone.

    "standard" gives each feature mean 0 and deviation 1, "channel" the same over all axes but the
    last, "range" maps each feature onto [0, 1]. A feature that is constant is only shifted.
    """
    if isinstance(normalise, str):
        normalise = (normalise,)
    if not isinstance(normalise, (Mapping, list, tuple)):
        raise ArgumentError(
            f"normalise={show_value(normalise)} names no inputs", 'for example normalise=("x",)'
        )
    methods = normalise if isinstance(normalise, Mapping) else dict.fromkeys(normalise, "standard")
    shift: Arrays = {}
    scale: Arrays = {}
    for name, method in methods.items():
        if name not in inputs or not inputs[name].dtype.is_float:
            raise ArgumentError(
                f"normalise names {show_value(name)}, which is no float input with data",
                closest(name, [n for n in inputs if inputs[n].dtype.is_float], "such are"),
            )
        array = training[name].astype(np.float64)
        if method == "range":
            low, high = array.min(axis=0), array.max(axis=0)
            middle, spread = low, high - low
        elif method in ("standard", "channel"):
            axes = 0 if method == "standard" else tuple(range(array.ndim - 1))
            middle, spread = array.mean(axis=axes), array.std(axis=axes)
        else:
            raise ArgumentError(
                f"{show_value(method)} is no way to normalise {name}",
                "say standard, channel or range",
            )
        kind = inputs[name].dtype.numpy
        # A spread that is rounding alone is none.
        none = spread <= 1e-12 * np.maximum(np.abs(middle), 1e-300)
        shift[name] = np.asarray(middle, kind)
        scale[name] = np.asarray(np.where(none, 1.0, spread), kind)
    return Normaliser(shift, scale)


def _fixed(inputs: Mapping[str, Node], fixed: Any) -> Arrays:
    if fixed is None:
        return {}
    if not isinstance(fixed, Mapping):
        raise ArgumentError(f"fixed={show_value(fixed)} is no dict", 'write fixed={"name": value}')
    found: Arrays = {}
    for key, value in fixed.items():
        name: Any = key.name if isinstance(key, Node) else key
        if name not in inputs:
            raise ArgumentError(
                f"fixed has {show_value(name)}, and there is no such input",
                closest(name, inputs, "the inputs are"),
            )
        node = inputs[name]
        array = as_value(node, value)
        shape = node.type.shape
        if array.ndim != len(shape) or any(
            isinstance(d, int) and d != s for d, s in zip(shape, array.shape, strict=False)
        ):
            raise ShapeError(
                f"{describe(node)} is declared {node.type}, fixed has shape "
                f"{show_shape(array.shape) or '[]'}",
                "pass a value of that shape",
            )
        found[name] = array
    return found


def closest(name: Any, known: Mapping[str, Any] | Sequence[str], lead: str) -> str:
    """Returns a way out for a name that is not known: the nearest one, or all of them."""
    lower = {k.lower(): k for k in reversed(list(known))}
    near = difflib.get_close_matches(str(name)[:100].lower(), list(lower), 1, 0.6)
    return (
        f"did you mean {lower[near[0]]}?"
        if near
        else f"{lead} {', '.join(list(known)[:24]) or 'none'}"
    )
