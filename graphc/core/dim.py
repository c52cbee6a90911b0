"""Named sizes and their integer arithmetic: polynomials with exact quotients."""

from __future__ import annotations

from collections.abc import Mapping
from functools import total_ordering
from numbers import Integral
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import DimError

#: A product of names with powers, sorted: (("batch", 1), ("time", 2)); () is the number 1.
Monomial = tuple[tuple[str, int], ...]

#: Terms that a product may have before like ones are joined: nobody's sizes have so many.
MAX_TERMS = 10_000


def _multiply(left: Monomial, right: Monomial) -> Monomial:
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + power
    return tuple(sorted((n, p) for n, p in powers.items() if p))


def _divide(left: Monomial, right: Monomial) -> Monomial | None:
    powers = dict(left)
    for name, power in right:
        if powers.get(name, 0) < power:
            return None
        powers[name] -= power
    return tuple(sorted((n, p) for n, p in powers.items() if p))


class Dim:
    """A size known by name until a call binds it: an integer polynomial in the names.

    Sums, differences and products are exact; `//` must divide without remainder. Two Dims are equal
    where their polynomials are. Beside a graph value it is a number, weak as a Python integer.
    Immutable and hashable.
    """

    __slots__ = ("terms",)
    terms: tuple[tuple[Monomial, int], ...]

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        object.__setattr__(self, "terms", tuple(sorted((m, c) for m, c in terms.items() if c)))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Dim is immutable")

    def __eq__(self, other: object) -> bool:
        return self.terms == other.terms if isinstance(other, Dim) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.terms)

    def __reduce__(self) -> tuple[type[Dim], tuple[dict[Monomial, int]]]:
        return (Dim, (dict(self.terms),))

    @property
    def names(self) -> tuple[str, ...]:
        """The names it is made of, sorted."""
        return tuple(sorted({name for monomial, _ in self.terms for name, _ in monomial}))

    def __add__(self, other: int | Dim) -> int | Dim:
        if not _is_size(other):
            return NotImplemented
        terms = dict(self.terms)
        for monomial, factor in _terms(other):
            terms[monomial] = terms.get(monomial, 0) + factor
        return _simplest(terms)

    __radd__ = __add__

    def __neg__(self) -> int | Dim:
        return self * -1

    def __sub__(self, other: int | Dim) -> int | Dim:
        return self + other * -1 if _is_size(other) else NotImplemented

    def __rsub__(self, other: int | Dim) -> int | Dim:
        return self * -1 + other if _is_size(other) else NotImplemented

    def __mul__(self, other: int | Dim) -> int | Dim:
        if not _is_size(other):
            return NotImplemented
        others = list(_terms(other))
        if len(self.terms) * len(others) > MAX_TERMS:
            raise DimError(
                f"the product of sizes of {len(self.terms)} and {len(others)} terms is too long",
                "give one of them a name of its own",
            )
        terms: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in others:
                product = _multiply(left, right)
                terms[product] = terms.get(product, 0) + a * b
        return _simplest(terms)

    __rmul__ = __mul__

    def __floordiv__(self, other: int | Dim) -> int | Dim:
        return exact_quotient(self, other) if _is_size(other) else NotImplemented

    def __rfloordiv__(self, other: int | Dim) -> int | Dim:
        return exact_quotient(other, self) if _is_size(other) else NotImplemented

    def value(self, sizes: Mapping[str, int]) -> int:
        """Returns the number for the given sizes of the names.

        Raises:
            DimError: a name has no size.
        """
        total = 0
        for monomial, factor in self.terms:
            for name, power in monomial:
                if name not in sizes:
                    raise DimError(
                        f"the size {name!r} is not known", f"an input must have the size {name!r}"
                    )
                factor *= sizes[name] ** power
            total += factor
        return total

    def __str__(self) -> str:
        parts: list[str] = []
        for monomial, factor in sorted(self.terms, key=lambda t: (not t[0], t[0])):
            names = "*".join(n if p == 1 else f"{n}**{p}" for n, p in monomial)
            number = "" if monomial and abs(factor) == 1 else str(abs(factor))
            sign = "-" if factor < 0 else "+" if parts else ""
            parts.append(sign + "*".join(x for x in (number, names) if x))
        return "".join(parts)

    def __repr__(self) -> str:
        return f"dim({str(self)!r})"


def _is_size(value: Any) -> bool:
    """Tells whether arithmetic with it gives a size; a graph value takes over, others can't."""
    return isinstance(value, (Dim, Integral))


def _terms(value: int | Dim) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(value, Dim):
        return value.terms
    return (((), int(value)),) if value else ()


def _simplest(terms: Mapping[Monomial, int]) -> int | Dim:
    kept = {m: c for m, c in terms.items() if c}
    if not kept:
        return 0
    return kept[()] if set(kept) == {()} else Dim(kept)


def exact_quotient(left: int | Dim, right: int | Dim) -> int | Dim:
    """Returns left / right.

    Raises:
        DimError: the division leaves a remainder, or the divisor is 0.
    """
    mend = "make one size a multiple of the other, for example gx.dim('n') * 4"
    if isinstance(right, int) and right == 0:
        raise DimError(f"size {left} can't be divided by 0", "divide by 1 or more")
    rest, quotient = dict(_terms(left)), {}
    lead, factor = max(_terms(right), key=lambda term: _order(term[0]))
    while rest:
        monomial = max(rest, key=_order)
        share = _divide(monomial, lead)
        if share is None or rest[monomial] % factor:
            raise DimError(f"size {left} is not an exact multiple of {right}", mend)
        times = rest[monomial] // factor
        quotient[share] = quotient.get(share, 0) + times
        for other, c in _terms(right):
            product = _multiply(share, other)
            rest[product] = rest.get(product, 0) - times * c
        rest = {m: c for m, c in rest.items() if c}
    return _simplest(quotient)


@total_ordering
class _Graded:
    """Order of monomials for division: by total degree, then by the names."""

    __slots__ = ("key",)

    def __init__(self, monomial: Monomial) -> None:
        expanded = tuple(name for name, power in monomial for _ in range(power))
        self.key = (len(expanded), tuple(tuple(-ord(c) for c in name) for name in expanded))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Graded) and self.key == other.key

    def __lt__(self, other: _Graded) -> bool:
        return self.key < other.key


def _order(monomial: Monomial) -> _Graded:
    return _Graded(monomial)


@guarded("dim")
def as_dim(name: str) -> Dim:
    """Returns the size called `name`: `gx.dim("batch")`.

    Raises:
        DimError: the name is no identifier.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise DimError(f"size name {name!r} is not a name", "use letters, digits and _")
    return Dim({((name, 1),): 1})


def size_value(size: int | Dim, sizes: Mapping[str, int]) -> int:
    """Returns the number that a size has under the given binding of names."""
    return size.value(sizes) if isinstance(size, Dim) else size
