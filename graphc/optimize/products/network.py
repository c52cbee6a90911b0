"""A part of a graph read as one sum of products over named axes, however it was written.

Matrix products, einsum, outer products, scalings, transposes, broadcasts, sums, means, diagonals
and traces are all the same: factors whose axes carry letters, and the letters that are kept. So
they are read into one `Network`, which can be multiplied out in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from graphc.core.node import Node, apply_named, scalar
from graphc.core.type import Shape, Size, TensorType
from graphc.ops.axes import reduced_count
from graphc.ops.contraction.sums import parse_subscripts
from graphc.ops.source import size_node

#: The letter of each axis: a number; None for an axis of size 1, over which nothing is summed.
Letters = tuple[int | None, ...]

#: Ops that a network can be read through.
OPENED = frozenset(
    "matmul einsum mul div neg transpose reshape broadcast_to sum mean slice index_gather".split()
)
#: Ops that multiply and sum: those that are worth another order.
CORE = frozenset({"matmul", "einsum"})
_JOINING = CORE | {"mul"}
_KINDS = frozenset({"f", "c"})


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a network.

    Attributes:
        node: its value.
        letters: one for each of its axes; a letter twice stands for its diagonal.
    """

    node: Node
    letters: Letters


@dataclass(slots=True)
class Network:
    """A sum of products: of the factors over all letters that the result does not keep.

    Attributes:
        root: the node that it is.
        kept: the letters of the root's axes.
        factors: what is multiplied; those without letters are scalars.
        sizes: each letter's size.
        negative: whether it is multiplied by -1.
        opened: the nodes it was read through, the root among them.
        same: letters that a diagonal made the same as another.
    """

    root: Node
    kept: Letters = ()
    factors: list[Factor] = field(default_factory=list[Factor])
    sizes: dict[int, Size] = field(default_factory=dict[int, Size])
    negative: bool = False
    opened: list[Node] = field(default_factory=list[Node])
    same: dict[int, int] = field(default_factory=dict[int, int])

    def known(self, letter: int | None) -> int | None:
        """Returns the letter that one was made the same as."""
        while letter in self.same:
            letter = self.same[letter]
        return letter

    def fresh(self, size: Size) -> int | None:
        """Returns a new letter, None for the size 1."""
        if is_one(size):
            return None
        letter = len(self.sizes)
        self.sizes[letter] = size
        return letter


def is_one(size: Size) -> bool:
    """Tells whether a size is the number 1."""
    return isinstance(size, int) and size == 1


def is_floating(node: Node) -> bool:
    """Tells whether a node is an array of real or complex numbers of 32 bits or more a part."""
    made = node.type
    if not isinstance(made, TensorType) or made.dtype.kind not in _KINDS:
        return False
    return made.dtype.bits >= 32


def read(root: Node, opens: Callable[[Node], bool], most: int) -> Network:
    """Returns the root as a network.

    Args:
        root: an op of `OPENED`.
        opens: tells whether a node below is read through.
        most: factors, at most; past it nodes are taken as they are.
    """
    net = Network(root)
    net.kept = tuple([net.fresh(size) for size in root.shape])
    # A factor, whether it may be read through, and whether it stands in a product with others.
    pending: list[tuple[Factor, bool, bool]] = [(Factor(root, net.kept), True, False)]
    while pending:
        item, may, among = pending.pop()
        node = item.node
        below: list[Factor] | None = None
        full = len(net.factors) + len(pending) >= most
        if node is root or (may and opens(node) and not full and node.dtype is root.dtype):
            below = _opened(net, node, item.letters)
        if below is None:
            net.factors.append(item)
            continue
        net.opened.append(node)
        if node.op.name == "neg":
            net.negative = not net.negative
        # r' r is at least 0 as it is written: r stays what it is, or that would be lost.
        squared = not among and is_squared(node)
        among = among or (node.op.name in _JOINING and not squared)
        pending += [(factor, not squared, among) for factor in below[::-1]]
    net.factors = [Factor(f.node, tuple([net.known(c) for c in f.letters])) for f in net.factors]
    net.kept = tuple([net.known(c) for c in net.kept])
    return net


def is_squared(node: Node) -> bool:
    """Tells whether a node is a product of one array with itself, transposed or not."""
    if node.op.name not in _JOINING or len(node.args) != 2:
        return False
    x, y = (a.args[0] if a.op.name == "transpose" else a for a in node.args)
    return x is y


def readable(node: Node) -> bool:
    """Tells whether a node can be read through, whatever its letters are."""
    name = node.op.name
    if name == "div":
        return _wide(node.args[1]) < _wide(node)
    if name == "mean":
        count = reduced_count(node.args[0].shape, node.params["axis"])
        return not (isinstance(count, int) and count == 0)
    if name in ("reshape", "slice", "index_gather"):
        net = Network(node)
        return _opened(net, node, tuple([net.fresh(size) for size in node.shape])) is not None
    return name in OPENED


def _opened(net: Network, node: Node, letters: Letters) -> list[Factor] | None:
    """Returns the factors a node is made of, None where it must be taken as it is."""
    reader = _READERS.get(node.op.name)
    return None if reader is None else reader(net, node, letters)


def _aligned(node: Node, letters: Letters) -> Factor:
    """Returns an operand that was broadcast to axes of these letters."""
    own = letters[len(letters) - node.ndim :] if node.ndim else ()
    return Factor(
        node,
        tuple([None if is_one(s) else c for c, s in zip(own, node.shape, strict=True)]),
    )


def _matmul(net: Network, node: Node, letters: Letters) -> list[Factor]:
    x, y = node.args
    rows: list[int | None] = []
    columns: list[int | None] = []
    rest = list(letters)
    if y.ndim > 1:
        columns = [rest.pop()]
    if x.ndim > 1:
        rows = [rest.pop()]
    flip_x, flip_y = (bool(node.params.get(f"transpose_{a}")) for a in "xy")
    inner = net.fresh(x.shape[-2] if flip_x else x.shape[-1])
    left = [*rows, inner][:: -1 if flip_x else 1]
    right = [inner, *columns][:: -1 if flip_y else 1]
    found: list[Factor] = []
    for operand, own in ((x, left), (y, right)):
        count = operand.ndim - len(own)
        lead = rest[len(rest) - count :] if count else []
        pairs = zip([*lead, *own], operand.shape, strict=True)
        found.append(Factor(operand, tuple([None if is_one(s) else c for c, s in pairs])))
    return found


def _einsum(net: Network, node: Node, letters: Letters) -> list[Factor]:
    terms, result = parse_subscripts(node.params["subscripts"], len(node.args))
    names: dict[str, int | None] = dict(zip(result, letters, strict=True))
    for term, arg in zip(terms, node.args, strict=True):
        for name, size in zip(term, arg.shape, strict=True):
            if name not in names:
                names[name] = net.fresh(size)
    return [Factor(a, tuple([names[c] for c in t])) for t, a in zip(terms, node.args, strict=True)]


def _mul(net: Network, node: Node, letters: Letters) -> list[Factor]:
    return [_aligned(a, letters) for a in node.args]


def _div(net: Network, node: Node, letters: Letters) -> list[Factor] | None:
    x, y = node.args
    if _wide(y) >= _wide(node):  # as many reciprocals as quotients
        return None
    return [_aligned(x, letters), _aligned(apply_named("reciprocal", y), letters)]


def _wide(node: Node) -> int:
    return sum([not is_one(size) for size in node.shape])


def _same(net: Network, node: Node, letters: Letters) -> list[Factor]:
    return [Factor(node.args[0], letters)]


def _transpose(net: Network, node: Node, letters: Letters) -> list[Factor]:
    own: list[int | None] = [None] * len(letters)
    for letter, axis in zip(letters, node.params["axes"], strict=True):
        own[axis] = letter
    return [Factor(node.args[0], tuple(own))]


def _reshape(net: Network, node: Node, letters: Letters) -> list[Factor] | None:
    (x,) = node.args
    if without_ones(x.shape) == without_ones(node.shape):
        return [Factor(x, _with_ones(x.shape, letters))]
    return _diagonal_matrix(net, node, letters)


def without_ones(shape: Shape) -> Shape:
    """Returns a shape without its axes of size 1."""
    return tuple([size for size in shape if not is_one(size)])


def _with_ones(shape: Shape, letters: Letters) -> Letters:
    wide = iter([c for c in letters if c is not None])
    return tuple([None if is_one(size) else next(wide) for size in shape])


def _diagonal_matrix(net: Network, node: Node, letters: Letters) -> list[Factor] | None:
    """Reads a matrix that has a vector on its diagonal, as `gx.diag` and a trace's slope make it.

    Row and column then have one letter, so one of them must be summed over.
    """
    (flat,) = node.args
    if flat.op.name != "slice_transpose" or node.ndim < 2 or flat.ndim != node.ndim - 1:
        return None
    rows, columns = node.shape[-2:]
    if rows != columns or not _steps_down(flat.params["bounds"], rows):
        return None
    first, second = (net.known(c) for c in letters[-2:])
    if first is not None and second is not None and first != second:
        kept = [net.known(c) for c in net.kept]
        gone = next((c for c in (second, first) if c not in kept), None)
        if gone is None:
            return None
        net.same[gone] = first if gone == second else second
    return [Factor(flat.args[0], letters[:-1])]


def _slice(net: Network, node: Node, letters: Letters) -> list[Factor] | None:
    """Reads a diagonal of square matrices, as `gx.diagonal` takes it."""
    (flat,) = node.args
    if flat.op.name != "reshape":
        return None
    (x,) = flat.args
    if x.ndim != node.ndim + 1 or x.shape[-1] != x.shape[-2] or flat.ndim != node.ndim:
        return None
    if x.shape[:-2] != node.shape[:-1] or not _steps_down(node.params["bounds"], x.shape[-1]):
        return None
    return [Factor(x, (*letters, letters[-1]))]


def _steps_down(bounds: Sequence[tuple[Size, Size | None, int] | None], size: Size) -> bool:
    """Tells whether a slice of a flattened square matrix is its diagonal."""
    if not isinstance(size, int) or size < 2 or any(b is not None for b in bounds[:-1]):
        return False
    return bounds[-1] == (0, (size - 1) * (size + 1) + 1, size + 1)


def _gather(net: Network, node: Node, letters: Letters) -> list[Factor] | None:
    """Reads a diagonal of square matrices of a named size."""
    x, *places = node.args
    if len(places) != 2 or places[0] is not places[1] or places[0].op.name != "iota":
        return None
    if node.params["axes"] != (x.ndim - 2, x.ndim - 1) or x.ndim != node.ndim + 1:
        return None
    size = places[0].params["size"]
    return [Factor(x, (*letters, letters[-1]))] if x.shape[-2:] == (size, size) else None


def _broadcast(net: Network, node: Node, letters: Letters) -> list[Factor]:
    return [_aligned(node.args[0], letters)]


def _sum(net: Network, node: Node, letters: Letters) -> list[Factor]:
    (x,) = node.args
    axes = set(node.params["axis"])
    given = iter(letters)
    own: list[int | None] = []
    for axis, size in enumerate(x.shape):
        if axis in axes:
            own.append(net.fresh(size))
            if node.params["keepdims"]:
                next(given)
        else:
            own.append(next(given))
    return [Factor(x, tuple(own))]


def _mean(net: Network, node: Node, letters: Letters) -> list[Factor] | None:
    count = reduced_count(node.args[0].shape, node.params["axis"])
    if isinstance(count, int):
        share = scalar(1.0 / count, node.dtype) if count else None
    else:
        share = apply_named("reciprocal", size_node(count, node.dtype))
    return None if share is None else [Factor(share, ()), *_sum(net, node, letters)]


_READERS: dict[str, Callable[[Network, Node, Letters], list[Factor] | None]] = {
    "matmul": _matmul,
    "einsum": _einsum,
    "mul": _mul,
    "div": _div,
    "neg": _same,
    "transpose": _transpose,
    "reshape": _reshape,
    "broadcast_to": _broadcast,
    "sum": _sum,
    "mean": _mean,
    "slice": _slice,
    "index_gather": _gather,
}
