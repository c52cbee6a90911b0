"""graphc against array-api-strict, the reference of the Array API standard.

Names, signatures, dtypes, shapes and values, on drawn inputs of every dtype that a function takes.
"""

from __future__ import annotations

import inspect
import itertools
import operator
import warnings
from collections.abc import Callable
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

import graphc as gx
from tests.array_api import eager
from tests.array_api.standard import CONSTANTS, DTYPES, LEFT_OUT, REAL_ONLY, SIGNATURES

#: Results whose dtype the standard leaves to the library's default integer (int32 here).
DEFAULT_INTEGER = (
    "argmax argmin argsort count_nonzero searchsorted sum prod cumulative_sum cumulative_prod "
    "arange linalg.trace linalg.matrix_rank asarray full"
).split()
#: Factors that are unique up to sign, or phase.
UP_TO_SIGN = ("linalg.qr", "linalg.svd", "linalg.eigh")
#: Where the standard leaves values open: the sign or the value of what is no number, shifts
#: beyond the width, division of integers by 0.
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, np.inf, -np.inf, np.nan)

Call = Callable[..., Any]


def attribute(xp: Any, name: str) -> Any:
    return operator.attrgetter(name)(xp)


def drawn(dtype: str, shape: tuple[int, ...], seed: int, special: bool = False) -> Any:
    """Returns an array of a dtype: small numbers, for floats also those at which rules change."""
    rng = np.random.default_rng([seed, DTYPES.index(dtype), *shape])
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.startswith("uint"):
        return rng.integers(0, 6, shape).astype(dtype)
    if dtype.startswith("int"):
        return rng.integers(-5, 6, shape).astype(dtype)
    made = rng.uniform(-3, 3, shape)
    if dtype.startswith("complex"):
        made = made + 1j * rng.uniform(-3, 3, shape)
    elif special:
        made = rng.choice(np.array(SPECIAL), shape)
    return made.astype(dtype)


def both(call: Call, arrays: tuple[Any, ...], name: str) -> bool:
    """Compares one call of the two libraries; returns whether the standard has it at all."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = call(strict, *(strict.asarray(a) for a in arrays))
        except (TypeError, ValueError, IndexError, NotImplementedError):
            return False  # the standard does not have this combination of dtypes and shapes
        got = call(eager, *(eager.asarray(a) for a in arrays))
        compare(got, expected, name)
    return True


def compare(got: Any, expected: Any, name: str) -> None:
    if isinstance(expected, (tuple, list)):
        assert len(got) == len(expected)
        for g, s in zip(got, expected, strict=True):
            compare(g, s, name)
        return
    if not hasattr(expected, "dtype") or not hasattr(expected, "shape"):
        assert got == expected
        return
    wanted = np.asarray(expected._array)
    result = got.value
    words = str(expected.dtype).rpartition(".")[2]
    kinds = {words}
    if name in DEFAULT_INTEGER:
        kinds |= {words.replace("64", "32")} if "int" in words else set()
    assert got.dtype.name in kinds, (got.dtype.name, words)
    assert result.dtype.name == got.dtype.name
    assert got.shape == expected.shape
    if name in UP_TO_SIGN:
        wanted, result = np.abs(wanted), np.abs(result)
    if got.dtype.is_inexact:
        close = {32: 2e-5, 64: 1e-11}[got.dtype.bits // (2 if got.dtype.kind == "c" else 1)]
        np.testing.assert_allclose(result, wanted, rtol=close, atol=close)
    else:
        np.testing.assert_array_equal(result, wanted)


# -- names and signatures --------------------------------------------------------------------------


def test_the_table_has_every_function_and_constant_of_the_reference() -> None:
    names: set[str] = set()
    for home, space in (("", strict), ("linalg.", strict.linalg), ("fft.", strict.fft)):
        for name in space.__all__:
            thing = getattr(space, name)
            if inspect.isfunction(thing) and "flags" not in name:
                names.add(home + name)
    names -= {"__array_namespace_info__", "broadcast_shapes", "isin"}
    assert names - set(SIGNATURES) == set()
    assert [name for name in CONSTANTS if not hasattr(eager, name)] == []


@pytest.mark.parametrize("name", sorted(set(SIGNATURES) - {"from_dlpack"}))
def test_graphc_takes_the_parameters_of_the_standard(name: str) -> None:
    ours = inspect.signature(attribute(gx, name)).parameters
    if any(p.kind is p.VAR_KEYWORD for p in ours.values()):
        return  # an operation's own call, whose operands stand by position: values test it
    wanted = SIGNATURES[name].parameters
    assert inspect.signature(attribute(strict, name)).parameters.keys() <= {*wanted, "device"}
    order = list(ours)
    for place, (key, parameter) in enumerate(wanted.items()):
        if key == "device":
            continue  # a graph value is on no device
        if parameter.kind is parameter.VAR_POSITIONAL:
            assert ours[order[place]].kind is parameter.VAR_POSITIONAL
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            there = ours[order[place]]
            assert there.kind is not there.KEYWORD_ONLY
            if parameter.default is not parameter.empty:
                assert there.default == parameter.default
        else:
            assert ours[key].kind is not parameter.POSITIONAL_ONLY
            if parameter.default is not parameter.empty:
                assert ours[key].default == parameter.default


# -- values ----------------------------------------------------------------------------------------

ELEMENTWISE = [n for n, s in SIGNATURES.items() if list(s.parameters) in (["x"], ["x1", "x2"])]
ELEMENTWISE = [
    n for n in ELEMENTWISE
    if "." not in n and n not in LEFT_OUT and n not in ("matmul", "matrix_transpose")
]  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_functions_agree_on_every_dtype(name: str) -> None:
    count = len(SIGNATURES[name].parameters)
    found = 0
    for dtypes in itertools.product(DTYPES, repeat=count):
        arrays = tuple(
            drawn(dtype, (3, 40) if i == 0 else (40,), 7 + i, special=True)
            for i, dtype in enumerate(dtypes)
        )
        if name in ("floor_divide", "remainder"):
            whole = arrays[1].dtype.kind in "iu"
            arrays = (arrays[0], np.where(arrays[1] == 0, arrays[1].dtype.type(2), arrays[1]))
            if not whole:  # the standard leaves quotients of infinities open
                arrays = tuple(np.where(np.isfinite(a), a, a.dtype.type(1.5)) for a in arrays)
        if "shift" in name or (name == "pow" and arrays[1].dtype.kind in "iu"):
            arrays = (arrays[0], np.abs(arrays[1]))
        found += both(lambda xp, *a: attribute(xp, name)(*a), arrays, name)
    assert found


AXES = (None, 0, -1, (0, 1))


def _with(name: str, named: dict[str, Any]) -> Call:
    return lambda xp, x: attribute(xp, name)(x, **named)


def _every_axis(name: str, keys: list[dict[str, Any]]) -> list[tuple[str, Call, int]]:
    return [(name, _with(name, k), 1) for k in keys]


REDUCTIONS = "max min mean sum prod std var all any count_nonzero".split()
FLAT = "argmax argmin".split()
CASES: list[tuple[str, Call, int]] = []
for _name in REDUCTIONS:
    CASES += _every_axis(_name, [{"axis": a, "keepdims": k} for a in AXES for k in (False, True)])
for _name in FLAT:
    CASES += _every_axis(
        _name, [{"axis": a, "keepdims": k} for a in (None, 1) for k in (False, True)]
    )
for _name in ("std", "var"):
    CASES += _every_axis(_name, [{"correction": 1.0, "axis": 1}])
for _name in ("cumulative_sum", "cumulative_prod"):
    CASES += _every_axis(_name, [{"axis": 0}, {"axis": -1, "include_initial": True}])
for _name in ("sort", "argsort"):
    CASES += _every_axis(
        _name, [{"axis": a, "descending": d} for a in (0, -1) for d in (False, True)]
    )
CASES += _every_axis("sum", [{"dtype": None}])
CASES += _every_axis("flip", [{}, {"axis": 1}, {"axis": (0, 1)}])
CASES += _every_axis("diff", [{}, {"axis": 0, "n": 2}])
CASES += _every_axis("unstack", [{}, {"axis": 1}])
CASES += _every_axis("tril", [{}, {"k": 1}])
CASES += _every_axis("triu", [{}, {"k": -1}])
CASES += _every_axis("roll", [{"shift": 2}, {"shift": (1, -1), "axis": (0, 1)}])
CASES += _every_axis("expand_dims", [{"axis": 0}, {"axis": -1}, {"axis": 1}])
CASES += _every_axis("permute_dims", [{"axes": (1, 0)}])
CASES += _every_axis("reshape", [{"shape": (-1,)}, {"shape": (4, 3), "copy": True}])
CASES += _every_axis("broadcast_to", [{"shape": (2, 3, 4)}])
CASES += _every_axis("full_like", [{"fill_value": 1}])
CASES += _every_axis("ones_like", [{}])
CASES += _every_axis("zeros_like", [{}])
CASES += _every_axis("matrix_transpose", [{}])
CASES += _every_axis("clip", [{}, {"min": 0}, {"max": 2}, {"min": 1, "max": 2}])
CASES += [
    ("moveaxis", lambda xp, x: xp.moveaxis(x, 0, -1), 1),
    ("squeeze", lambda xp, x: xp.squeeze(xp.expand_dims(x, axis=0), axis=0), 1),
    ("repeat", lambda xp, x: xp.repeat(x, 2), 1),
    ("repeat", lambda xp, x: xp.repeat(x, 3, axis=1), 1),
    ("tile", lambda xp, x: xp.tile(x, (2, 1)), 1),
    ("concat", lambda xp, x, y: xp.concat([x, y], axis=1), 2),
    ("concat", lambda xp, x, y: xp.concat((x, y), axis=None), 2),
    ("stack", lambda xp, x, y: xp.stack([x, y], axis=-1), 2),
    ("broadcast_arrays", lambda xp, x, y: list(xp.broadcast_arrays(x, y[0, :])), 2),
    ("meshgrid", lambda xp, x, y: list(xp.meshgrid(x[0, :], y[1, :])), 2),
    ("meshgrid", lambda xp, x, y: list(xp.meshgrid(x[0, :], y[1, :], indexing="ij")), 2),
    ("where", lambda xp, x, y: xp.where(x == y, x, y), 2),
    ("where", lambda xp, x: xp.where(x == x, x, 1), 1),
    ("matmul", lambda xp, x, y: xp.matmul(x, y.T), 2),
    ("tensordot", lambda xp, x, y: xp.tensordot(x, y), 2),
    ("tensordot", lambda xp, x, y: xp.tensordot(x, y, axes=((1,), (1,))), 2),
    ("vecdot", lambda xp, x, y: xp.vecdot(x, y), 2),
    ("vecdot", lambda xp, x, y: xp.vecdot(x, y, axis=-2), 2),
    ("take", lambda xp, x: xp.take(x, xp.asarray([2, 0, 1]), axis=1), 1),
    ("take_along_axis", lambda xp, x: xp.take_along_axis(x, xp.argsort(x, axis=1), axis=1), 1),
    ("searchsorted", lambda xp, x, y: xp.searchsorted(xp.sort(x[0, :]), y), 2),
    ("searchsorted", lambda xp, x, y: xp.searchsorted(xp.sort(x[0, :]), y, side="right"), 2),
    ("linalg.outer", lambda xp, x, y: xp.linalg.outer(x[0, :], y[1, :]), 2),
    ("linalg.cross", lambda xp, x, y: xp.linalg.cross(x[:, :3], y[:, :3]), 2),
    ("linalg.trace", lambda xp, x: xp.linalg.trace(x, offset=1), 1),
    ("linalg.diagonal", lambda xp, x: xp.linalg.diagonal(x, offset=-1), 1),
    ("linalg.det", lambda xp, x: xp.linalg.det(x[:, :3]), 1),
    ("linalg.slogdet", lambda xp, x: xp.linalg.slogdet(x[:, :3]), 1),
    ("linalg.inv", lambda xp, x: xp.linalg.inv(x[:, :3]), 1),
    ("linalg.solve", lambda xp, x, y: xp.linalg.solve(x[:, :3], y), 2),
    ("linalg.solve", lambda xp, x, y: xp.linalg.solve(x[:, :3], y[:, 0]), 2),
    ("linalg.cholesky", lambda xp, x: xp.linalg.cholesky(x @ x.T), 1),
    ("linalg.eigvalsh", lambda xp, x: xp.linalg.eigvalsh(x @ x.T), 1),
    ("linalg.eigh", lambda xp, x: xp.linalg.eigh(x @ x.T), 1),
    ("linalg.qr", lambda xp, x: xp.linalg.qr(x.T), 1),
    ("linalg.svd", lambda xp, x: xp.linalg.svd(x, full_matrices=False), 1),
    ("linalg.svdvals", lambda xp, x: xp.linalg.svdvals(x), 1),
    ("linalg.pinv", lambda xp, x: xp.linalg.pinv(x), 1),
    ("linalg.matrix_rank", lambda xp, x: xp.linalg.matrix_rank(x), 1),
    ("linalg.matrix_power", lambda xp, x: xp.linalg.matrix_power(x[:, :3], 3), 1),
    ("linalg.matrix_power", lambda xp, x: xp.linalg.matrix_power(x[:, :3], -1), 1),
]
for _ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    CASES += _every_axis("linalg.matrix_norm", [{"ord": _ord, "keepdims": True}])
for _ord in (0, 1, 2, -1, 3.5, np.inf, -np.inf):
    CASES += _every_axis("linalg.vector_norm", [{"ord": _ord, "axis": a} for a in (None, 0)])
for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    CASES += _every_axis(
        f"fft.{_name}", [{}, {"n": 3, "axis": 0, "norm": "ortho"}, {"norm": "forward"}]
    )
for _name in ("fftn", "ifftn", "rfftn", "irfftn"):
    CASES += _every_axis(f"fft.{_name}", [{}, {"s": (2, 3), "axes": (0, 1), "norm": "ortho"}])
CASES += _every_axis("fft.fftshift", [{}, {"axes": 0}])
CASES += _every_axis("fft.ifftshift", [{}, {"axes": 1}])


@pytest.mark.parametrize("name", sorted({name for name, _, _ in CASES}))
def test_array_functions_agree_on_every_dtype(name: str) -> None:
    found = 0
    for own, call, count in CASES:
        if own != name:
            continue
        for dtype in DTYPES:
            arrays = tuple(drawn(dtype, (3, 4), 20 + i) for i in range(count))
            if name in REAL_ONLY and (
                "complex" in dtype or (name == "linalg.matrix_rank" and "float" not in dtype)
            ):
                continue
            found += both(call, arrays, name)
    assert found


#: Where the standard leaves what comes of no elements, or of too few, to the library.
OPEN_WHERE_EMPTY = "std var linalg.matrix_norm linalg.vector_norm linalg.matrix_rank".split()


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (1, 1), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("name", sorted({*ELEMENTWISE, *(name for name, _, _ in CASES)}))
def test_functions_agree_on_empty_arrays_and_on_stacks(name: str, shape: tuple[int, ...]) -> None:
    if name in OPEN_WHERE_EMPTY and len(shape) == 2:
        return
    calls = [(call, count) for own, call, count in CASES if own == name]
    if name in ELEMENTWISE:
        calls.append((lambda xp, *x: attribute(xp, name)(*x), len(SIGNATURES[name].parameters)))
    for call, count in calls:
        for dtype in ("bool", "int32", "float64"):
            if name in REAL_ONLY and dtype != "float64":
                continue
            arrays = [drawn(dtype, shape, 80 + i) for i in range(count)]
            if count == 2 and ("shift" in name or name in ("pow", "floor_divide", "remainder")):
                arrays[1] = np.where(arrays[1] == 0, arrays[1].dtype.type(1), np.abs(arrays[1]))
            both(call, tuple(arrays), name)


CREATIONS: list[tuple[str, Call]] = [
    ("arange", lambda xp, d: xp.arange(7, dtype=d)),
    ("arange", lambda xp, d: xp.arange(1, 9, 2, dtype=d)),
    ("eye", lambda xp, d: xp.eye(3, 4, k=1, dtype=d)),
    ("full", lambda xp, d: xp.full((2, 3), 1, dtype=d)),
    ("zeros", lambda xp, d: xp.zeros((2, 3), dtype=d)),
    ("zeros", lambda xp, d: xp.zeros(4, dtype=d)),
    ("ones", lambda xp, d: xp.ones((2, 0), dtype=d)),
    ("linspace", lambda xp, d: xp.linspace(0, 3, 4, dtype=d)),
    ("linspace", lambda xp, d: xp.linspace(1, 3, num=4, endpoint=False, dtype=d)),
    ("asarray", lambda xp, d: xp.asarray([[1, 0], [1, 1]], dtype=d)),
    ("astype", lambda xp, d: xp.astype(xp.asarray([0, 1, 3]), d)),
    ("fft.fftfreq", lambda xp, d: xp.fft.fftfreq(5, d=0.5, dtype=d)),
    ("fft.rfftfreq", lambda xp, d: xp.fft.rfftfreq(5, dtype=d)),
]


def _made_with(call: Call, dtype: str) -> Call:
    return lambda xp: call(xp, getattr(xp, dtype))


@pytest.mark.parametrize("name", sorted({name for name, _ in CREATIONS}))
def test_creation_functions_agree_on_every_dtype(name: str) -> None:
    found = 0
    for own, call in CREATIONS:
        if own == name:
            for dtype in DTYPES:
                found += both(_made_with(call, dtype), (), name)
    assert found


# -- dtypes ----------------------------------------------------------------------------------------


def test_promotion_agrees_wherever_the_standard_promotes() -> None:
    found = 0
    for a, b in itertools.product(DTYPES, repeat=2):
        try:
            wanted = strict.result_type(getattr(strict, a), getattr(strict, b))
        except TypeError:
            continue
        assert gx.result_type(a, b).name == str(wanted).rpartition(".")[2]
        assert gx.can_cast(a, b) == (gx.result_type(a, b).name == b)
        found += 1
    assert found >= 60


@pytest.mark.parametrize("dtype", DTYPES)
def test_kinds_and_limits_agree(dtype: str) -> None:
    theirs = getattr(strict, dtype)
    for kind in (
        "bool", "signed integer", "unsigned integer", "integral", "real floating",
        "complex floating", "numeric", ("integral", "bool"),
    ):  # fmt: skip
        assert gx.isdtype(dtype, kind) is strict.isdtype(theirs, kind)
    if gx.isdtype(dtype, "integral"):
        a, b = gx.iinfo(dtype), strict.iinfo(theirs)
        assert (a.bits, a.max, a.min, a.dtype.name) == (b.bits, b.max, b.min, dtype)
    elif dtype != "bool":
        c, d = gx.finfo(dtype), strict.finfo(theirs)
        assert (c.bits, c.eps, c.max, c.min) == (d.bits, d.eps, d.max, d.min)
        assert c.smallest_normal == d.smallest_normal


def test_what_has_no_limits_or_kind_is_an_error() -> None:
    with pytest.raises(gx.DTypeError, match="no float"):
        gx.finfo(gx.int32)
    with pytest.raises(gx.DTypeError, match="no integer"):
        gx.iinfo(gx.float32)
    with pytest.raises(gx.ArgumentError, match="no kind"):
        gx.isdtype(gx.float32, "fraction")


def test_bfloat16_has_limits_too() -> None:
    assert gx.finfo(gx.bfloat16).eps == 2.0**-7
    assert gx.finfo(gx.bfloat16).bits == 16


# -- the array object ------------------------------------------------------------------------------

BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
ORDERS = "lt le gt ge".split()
COMPARISONS = [*ORDERS, "eq", "ne"]


def _operands(name: str, dtype: str) -> tuple[Any, Any]:
    left, right = drawn(dtype, (3, 3), 40), drawn(dtype, (3, 3), 41)
    if name in ("floordiv", "mod", "truediv"):
        right = np.where(right == 0, right.dtype.type(2), right)
    if name in ("lshift", "rshift", "pow") and dtype[:3] in ("int", "uin"):
        right = np.abs(right)
    return left, right


def _without_namespace(apply: Call) -> Call:
    return lambda xp, x, y: apply(x, y)


def _beside(apply: Call, number: Any, first: bool = False) -> Call:
    return lambda xp, x: apply(number, x) if first else apply(x, number)


@pytest.mark.parametrize("name", BINARY + COMPARISONS)
def test_operators_agree_also_in_place_and_with_numbers(name: str) -> None:
    found = 0
    for dtype in DTYPES:
        left, right = _operands(name, dtype)
        apply: Call = getattr(operator, name if name not in ("and", "or") else f"{name}_")
        found += both(_without_namespace(apply), (left, right), name)
        if name == "matmul":
            continue
        for number in (2, 2.5, True, 1 + 2j):
            if name in ORDERS and isinstance(number, complex):
                continue  # complex numbers have no order; the reference lets them pass
            found += both(_beside(apply, number), (left,), name)
            if name not in ("floordiv", "mod", "pow", "lshift", "rshift"):
                found += both(_beside(apply, number, first=True), (left,), name)
        if name in COMPARISONS:
            continue

        def change(xp: Any, x: Any, y: Any) -> Any:
            again = xp.asarray(x, copy=True)
            return getattr(operator, f"i{name}")(again, y)

        found += both(change, (left, right), name)
    assert found


KEYS = [
    (0, ...), (-1, ...), (1, 2), (slice(1, None), ...), (slice(None, None, -1), ...),
    (slice(2, 0, -1), ...), (...,), (..., 0), (slice(None), 1), (None, 0, ...),
    (slice(0, 3, 2), None, slice(1, 3)), (slice(3, 3), 0), (1, slice(None), None),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing_agrees_reading_and_writing(key: Any) -> None:
    def write(xp: Any, x: Any) -> Any:
        again = xp.asarray(x, copy=True)
        again[key] = x[key] + x[key]
        return again

    for dtype in DTYPES:
        x = drawn(dtype, (3, 4), 60)
        assert both(lambda xp, x: x[key], (x,), "index")
        if dtype != "bool" and None not in key:
            both(write, (x,), "index")


def test_masks_of_known_use_write_as_in_the_standard() -> None:
    def write(xp: Any, x: Any) -> Any:
        again = xp.asarray(x, copy=True)
        again[x > 0] = 0
        return again

    for dtype in ("int32", "float64"):
        assert both(write, (drawn(dtype, (3, 4), 62),), "index")


def test_linspace_takes_complex_ends() -> None:
    assert both(lambda xp: xp.linspace(0, 2 + 1j, 5, dtype=xp.complex64), (), "linspace")
    assert gx.linspace(0, 1j, 3).dtype is gx.complex64


def test_errors_have_the_classes_of_the_standard() -> None:
    x = eager.ones((2, 3))
    with pytest.raises(ValueError, match="size 2, not 1"):
        eager.squeeze(x, 0)
    with pytest.raises(IndexError, match="out of range"):
        eager.expand_dims(x, 5)
    with pytest.raises(IndexError, match="out of range"):
        x[5, ...]


def test_integer_arrays_index_as_in_the_standard() -> None:
    rows, columns = np.array([2, 0]), np.array([1, 3])
    x = drawn("float64", (3, 4), 61)
    assert both(lambda xp, x, i, j: x[i, j], (x, rows, columns), "index")


@pytest.mark.parametrize("dtype", DTYPES)
def test_python_numbers_are_evaluated(dtype: str) -> None:
    one = eager.asarray(1, dtype=getattr(eager, dtype))
    assert bool(one) is True
    assert complex(one) == 1
    if "complex" not in dtype:
        assert float(one) == 1.0
        assert int(one) == 1
    if "int" in dtype:
        assert operator.index(one) == 1
    with pytest.raises(TypeError):
        float(eager.ones(2))


def test_the_namespace_says_what_it_is() -> None:
    xp = eager.ones(3).__array_namespace__()
    info = xp.__array_namespace_info__()
    assert info.default_dtypes()["integral"] is gx.int32
    assert set(info.dtypes()) == set(DTYPES)
    assert set(info.dtypes(kind="bool")) == {"bool"}
    assert info.capabilities()["data-dependent shapes"] is False


# -- what is left out ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_what_a_graph_cannot_have_says_so(name: str) -> None:
    with pytest.raises(gx.GraphcError, match=r"known only when called|no memory"):
        attribute(eager, name)(eager.ones(3))


@pytest.mark.parametrize("name", sorted(REAL_ONLY))
def test_linear_algebra_of_complex_matrices_says_that_it_takes_floats(name: str) -> None:
    x = eager.asarray(np.eye(3).astype("complex64"))
    more = {"linalg.solve": (x,), "linalg.matrix_power": (2,)}.get(name, ())
    with pytest.raises(gx.DTypeError, match="linear algebra takes real floats"):
        attribute(eager, name)(x, *more)


def test_a_mask_of_unknown_count_says_so() -> None:
    x = eager.ones(3)
    with pytest.raises(gx.GraphcError, match="known only when called"):
        x[x > 0]
    with pytest.raises(gx.GraphcError, match="no memory"):
        x.__dlpack__()


def test_unique_functions_with_a_size_agree_with_the_reference() -> None:
    x = np.array([3.0, 1.0, 3.0, 2.0, 1.0])
    theirs = strict.unique_all(strict.asarray(x))
    ours = gx.evaluate(tuple(gx.unique_all(x, size=3)))
    for got, wanted in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(got, np.asarray(wanted._array))
    assert gx.unique_counts(x, size=3)._fields == ("values", "counts")
    assert gx.unique_inverse(x, size=3)._fields == ("values", "inverse_indices")
    np.testing.assert_array_equal(gx.evaluate(gx.unique_values(x, size=3)), [1.0, 2.0, 3.0])
