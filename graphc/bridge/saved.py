"""What save and load share: how parameters, types and arrays stand in a saved graph, exactly.

Writing and reading of each kind stand side by side here, so that they can't drift apart. The format
as a whole is described in docs/format.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.core import dtype as dtypes
from graphc.core.const import Const
from graphc.core.dim import Dim, Monomial
from graphc.core.dtype import DType
from graphc.core.errors import BudgetError, SavedGraphError
from graphc.core.graph import Graph
from graphc.core.type import Shape, Size, TensorType, TupleType, Type, shape_of, tensor_type

#: The version that is written; every version up to it is read.
VERSION = 1
#: Arrays of more elements stand in the file of arrays.
INLINE = 64
#: A type may have this many axes (NumPy's limit), and nests of outputs this depth.
MAX_AXES, MAX_NEST = 64, 64
#: A named size may have this many terms, a term this total degree, a factor this size.
MAX_TERMS, MAX_DEGREE, MAX_FACTOR = 64, 64, 2**63
#: Integers of larger magnitude are written in hexadecimal: Python reads and writes those in linear
#: time, decimal ones not.
MAX_INTEGER = 2**64

DTYPE_NAMES = {d.name: d for d in (*dtypes.DTYPES, dtypes.complex64, dtypes.complex128)}
_BITS = {16: np.uint16, 32: np.uint32, 64: np.uint64}

#: Puts an array into the file of arrays and returns its number there.
Store = Callable[[Const], int]


def work_budget(nodes: int) -> int:
    """Returns how many steps blocks may add to the loading of a graph of that many nodes.

    A step is a node of a block's body, walked once for each block that holds it, or an input or
    output of a block, once for each use. Blocks that overlap could ask for the square of the
    file's size.
    """
    return 500_000 + 100 * nodes


def unreadable(rule: str) -> SavedGraphError:
    """Returns the error of a file that is no saved graph; the reader adds the file's name."""
    return SavedGraphError(rule, "save the graph again with gx.save")


# -- arrays ----------------------------------------------------------------------------------------


def encode_elements(array: np.ndarray[Any, Any]) -> list[Any]:
    """Returns an array's elements in order: true or false, integers, or exact hexadecimal floats.

    A complex number is two of them, the real part first. A NaN that is not the usual quiet one is
    written with its bits, for example `nan:7fc00001`.
    """
    flat = array.ravel()
    if flat.dtype.kind in "biu":
        return flat.tolist()
    if flat.dtype.kind == "c":
        flat = flat.view(np.float32 if flat.dtype.itemsize == 8 else np.float64)
    bits = np.ascontiguousarray(flat).view(_BITS[flat.dtype.itemsize * 8]).tolist()
    usual = int(np.asarray(np.nan, flat.dtype).view(_BITS[flat.dtype.itemsize * 8]))
    with np.errstate(invalid="ignore"):  # a signalling NaN says so when it is widened
        values = flat.astype(np.float64).tolist()
    return [
        v.hex() if v == v else "nan" if b == usual else f"nan:{b:0{flat.dtype.itemsize * 2}x}"
        for v, b in zip(values, bits, strict=True)
    ]


def decode_elements(given: Any, shape: Shape, dtype: DType) -> np.ndarray[Any, Any]:
    """Returns the array of `encode_elements`; every element must be as that writes it."""
    most = INLINE * 2 if dtype.kind == "c" else INLINE
    if not isinstance(given, list) or len(given) > most:
        raise unreadable(f"an array is no list of at most {INLINE} elements")
    kind = dtypes.real_part(dtype).numpy
    if dtype.is_inexact:
        unsigned = _BITS[dtypes.real_part(dtype).bits]
        bits = np.zeros(len(given), unsigned)
        for position, text in enumerate(given):
            if isinstance(text, str) and text.startswith("nan:"):
                bits[position] = int(text[4:], 16)
            else:
                with np.errstate(over="ignore"):
                    bits[position] = np.asarray(float.fromhex(text), kind).view(unsigned)
        array = bits.view(kind).view(dtype.numpy)
    else:
        wanted = bool if dtype.kind == "b" else int
        if any(type(v) is not wanted for v in given):
            raise unreadable(f"an array of {dtype.name} has an element of another kind")
        array = np.asarray(given, dtype=kind)  # out of range: OverflowError
    array = array.reshape([_plain(size) for size in shape])
    if encode_elements(array) != given:
        raise unreadable(f"an array of {dtype.name} has elements that are no such numbers")
    return array


def _plain(size: Size) -> int:
    if not isinstance(size, int):
        raise unreadable("an array has a named size")
    return size


def encode_array(array: np.ndarray[Any, Any], store: Store) -> list[Any]:
    """Returns a small array written out, and the number of a large one in the file of arrays."""
    if array.size > INLINE:
        return ["stored", store(Const(array))]
    return ["array", array.dtype.name, list(array.shape), encode_elements(array)]


def decode_array(parts: Sequence[Any], stored: Sequence[Const]) -> Const:
    """Returns the constant of `encode_array`."""
    if parts[0] == "stored":
        (_, number) = parts
        return stored[index_of(number, len(stored), "array")]
    _, name, sizes, elements = parts
    return Const(decode_elements(elements, decode_shape(sizes), dtype_by_name(name)))


def index_of(number: Any, count: int, what: str) -> int:
    """Returns a number that must be one of 0, ..., count - 1."""
    if type(number) is not int or not 0 <= number < count:
        raise unreadable(f"there is no {what} {str(number)[:40]}")
    return number


# -- types -----------------------------------------------------------------------------------------


def dtype_by_name(name: Any) -> DType:
    """Returns the dtype of exactly this name."""
    if not isinstance(name, str) or name not in DTYPE_NAMES:
        raise unreadable(f"there is no dtype {str(name)[:40]!r}")
    return DTYPE_NAMES[name]


def encode_dim(dim: Dim) -> list[Any]:
    """Returns a named size as its terms: `[[[name, power], ...], factor]` each."""
    _check_terms(dim.terms, lambda words: BudgetError(words, "give it a name of its own"))
    return ["dim", *[[[list(pair) for pair in m], c] for m, c in dim.terms]]


def decode_dim(terms: Sequence[Any]) -> Dim:
    """Returns the size of `encode_dim`; the terms must stand in its order."""
    found: list[tuple[Monomial, int]] = []
    for pairs, factor in terms:
        monomial = tuple((name, power) for name, power in pairs)
        if type(factor) is not int or not factor:
            raise unreadable("a named size has a factor that is no number")
        for name, power in monomial:
            fits = isinstance(name, str) and name.isidentifier()
            if not fits or type(power) is not int or power < 1:
                raise unreadable("a named size has a name that is none, or a power below 1")
        if [name for name, _ in monomial] != sorted({name for name, _ in monomial}):
            raise unreadable("a named size has its names twice or out of order")
        found.append((monomial, factor))
    _check_terms(found, unreadable)
    dim = Dim(dict(found))
    if dim.terms != tuple(found) or not dim.names:
        raise unreadable("a named size has its terms twice or out of order, or no name")
    return dim


def _check_terms(terms: Sequence[tuple[Monomial, int]], error: Callable[[str], Exception]) -> None:
    if len(terms) > MAX_TERMS:
        raise error(f"a named size has {len(terms)} terms, above {MAX_TERMS}")
    for monomial, factor in terms:
        if sum(power for _, power in monomial) > MAX_DEGREE or abs(factor) >= MAX_FACTOR:
            raise error(f"a named size has a power above {MAX_DEGREE} or a factor above 2**63")


def encode_size(size: Size) -> Any:
    """Returns a size as it stands in a type: a number, or the terms of a named one."""
    return encode_dim(size) if isinstance(size, Dim) else size


def decode_shape(sizes: Any) -> Shape:
    """Returns a shape from the sizes of `encode_size`."""
    if not isinstance(sizes, list) or len(sizes) > MAX_AXES:
        raise unreadable(f"a shape is no list of at most {MAX_AXES} sizes")
    found: list[Size] = []
    for size in sizes:
        if isinstance(size, list) and size[:1] == ["dim"]:
            found.append(decode_dim(size[1:]))
        elif type(size) is int and 0 <= size < MAX_FACTOR:
            found.append(size)
        else:
            raise unreadable(f"a shape has the size {str(size)[:40]}")
    return shape_of(tuple(found))


def encode_type(kind: Type, number: Callable[[Type], int]) -> list[Any]:
    """Returns a type as it stands in the table of types; `number` enters another type there."""
    if isinstance(kind, TupleType):
        return ["several", [number(item) for item in kind.items]]
    if len(kind.shape) > MAX_AXES:
        raise BudgetError(f"a value has {len(kind.shape)} axes, above {MAX_AXES}", "reshape it")
    return [kind.dtype.name, [encode_size(size) for size in kind.shape]]


def decode_type(parts: Any, before: Sequence[Type]) -> Type:
    """Returns the type of `encode_type`; it may refer to the types before it."""
    name, content = parts
    if name != "several":
        return tensor_type(decode_shape(content), dtype_by_name(name))
    items = [before[index_of(number, len(before), "type")] for number in content]
    plain = tuple([item for item in items if isinstance(item, TensorType)])
    if len(plain) < len(items):
        raise unreadable("a tuple of types has a tuple in it")
    return TupleType(plain)


# -- parameters ------------------------------------------------------------------------------------


def encode_parameter(
    value: Any, store: Store, type_number: Callable[[Type], int], graphs: Mapping[Graph, int]
) -> Any:
    """Returns a parameter as JSON: plain where JSON has the kind, else a list that begins with it.

    Raises:
        SavedGraphError: it is a function or another object, which a file can't hold.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < MAX_INTEGER else ["int", hex(value)]
    if isinstance(value, float):
        return ["float", value.hex()]
    if isinstance(value, (tuple, list)):
        return ["tuple", *[encode_parameter(v, store, type_number, graphs) for v in value]]
    if isinstance(value, DType):
        return ["dtype", value.name]
    if isinstance(value, Dim):
        return encode_dim(value)
    if isinstance(value, TensorType):
        return ["type", type_number(value)]
    if isinstance(value, Const):
        return encode_array(value.array, store)
    if isinstance(value, Graph):
        return ["graph", graphs[value]]
    if isinstance(value, slice):
        parts = [value.start, value.stop, value.step]
        return ["slice", *[encode_parameter(v, store, type_number, graphs) for v in parts]]
    raise SavedGraphError(
        f"a parameter is a {type(value).__name__}, which is a program or an object",
        "give the operation numbers, texts, sizes, arrays or graphs",
    )


def decode_parameter(
    given: Any,
    stored: Sequence[Const],
    types: Sequence[Type],
    graph: Callable[[Any], Graph],
) -> Any:
    """Returns the parameter of `encode_parameter`; `graph` returns the block of a number."""
    if given is None or isinstance(given, (bool, str, int)):
        return given
    if not isinstance(given, list) or not given or not isinstance(given[0], str):
        raise unreadable(f"a parameter is a {type(given).__name__} of no kind")
    kind, *parts = given
    if kind in ("tuple", "slice"):
        items = [decode_parameter(part, stored, types, graph) for part in parts]
        return tuple(items) if kind == "tuple" else slice(*items)
    if kind in ("array", "stored"):
        return decode_array(given, stored)
    if kind == "dim":
        return decode_dim(parts)
    if len(parts) != 1:
        raise unreadable(f"a parameter of the kind {kind[:40]!r} has {len(parts)} parts")
    return _decode_single(kind, parts[0], types, graph)


def _decode_single(
    kind: str, part: Any, types: Sequence[Type], graph: Callable[[Any], Graph]
) -> Any:
    if kind == "dtype":
        return dtype_by_name(part)
    if kind == "graph":
        return graph(part)
    if kind == "type":
        return types[index_of(part, len(types), "type")]
    if kind == "int" and isinstance(part, str):
        value = int(part, 16)
        if hex(value) == part and abs(value) >= MAX_INTEGER:
            return value
    if kind == "float" and isinstance(part, str):
        number = float.fromhex(part)
        if number.hex() == part:
            return number
    raise unreadable(f"a parameter of the kind {kind[:40]!r} is written in no known way")
