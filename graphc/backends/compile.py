"""`compile`: a graph becomes a JAX function, jitted by XLA, that works inside JAX's transforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from graphc.backends.arguments import (
    Signature,
    as_declared,
    check_arrays,
    check_ranges,
    names_for_nodes,
)
from graphc.backends.derivative import with_own_derivative
from graphc.backends.flat import Flat, donated_inputs, gone
from graphc.backends.jax import lower
from graphc.backends.platform import runs_on_cpu
from graphc.backends.run import bind_sizes, check_nodes, spare_inputs
from graphc.core.calls import guarded
from graphc.core.errors import (
    ArgumentError,
    BudgetError,
    DTypeError,
    GraphcError,
    PrecisionError,
    show_value,
)
from graphc.core.fork import require_living_jax
from graphc.core.graph import Graph, bodies, check_names, leaves, nodes_everywhere
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import collection_paused, orders_shared, topological_order
from graphc.optimize.choice import Plan
from graphc.optimize.optimize import optimized, require_fit
from graphc.optimize.price import Machine, this_machine
from graphc.optimize.sizes import with_sizes


class Compiled:
    """A compiled graph: call it with values, get the outputs' nest with JAX arrays.

    Immutable, safe to call from many threads, and itself traceable: it works inside `jax.jit`,
    `jax.vmap`, `jax.grad`, Equinox and Optax. Made by `compile`. A number of Python or NumPy that
    its input's dtype can't hold is an error; a JAX array of another dtype wraps as JAX's casts do.

    Attributes:
        outputs: the output nodes, in the order of the nest.
        inputs: the input nodes.
        function: the plain traced function, not jitted.
    """

    __slots__ = (
        "__weakref__", "_flat", "_jitted", "_program", "_rebuild", "_signature", "function",
        "inputs", "outputs",
    )  # fmt: skip

    def __init__(
        self,
        function: Any,
        jitted: Any,
        outputs: Any,
        inputs: Any,
        signature: Signature,
        program: Any,
        flat: Flat | None,
        rebuild: Any,
    ) -> None:
        for name, value in (
            ("function", function),
            ("_jitted", jitted),
            ("outputs", tuple(outputs)),
            ("inputs", tuple(inputs)),
            ("_signature", signature),
            ("_program", program),
            ("_flat", flat),
            ("_rebuild", rebuild),
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a compiled graph is immutable")

    def __call__(self, *args: Any, **named: Any) -> Any:
        require_living_jax()
        if args and isinstance(args[0], dict) and any(isinstance(k, Node) for k in args[0]):
            args = (names_for_nodes(args[0]), *args[1:])  # JAX sorts a dict's keys
        match = self._signature.match
        if not self._signature.holds(args, named):
            check_ranges(match(args, named))
        try:
            if self._flat is not None:
                results = self._flat(match(args, named))
                if results is not None:
                    return self._rebuild(results)
            return self._jitted(*args, **named)
        except TypeError as error:
            check_arrays((args, named))
            raise error from None
        except OverflowError:
            raise DTypeError(
                "a Python integer among the values is too large", "pass a NumPy array, or a float"
            ) from None
        except (RuntimeError, ValueError) as error:
            found = gone(match(args, named)) if "delete" in str(error) else None
            raise (error if found is None else found) from None

    def __repr__(self) -> str:
        inputs = ", ".join(f"{describe(n)}: {n.type}" for n in self.inputs[:8])
        return f"<compiled ({inputs}) -> {', '.join(str(o.type) for o in self.outputs[:8])}>"

    # -- what it became --

    def plan(self, *args: Any, **named: Any) -> Plan:
        """Returns what was weighed for this graph: what was rewritten, what was left, and why.

        Values are needed where a named size is: costs hang on it.
        """
        if not args and not named:
            args, named = self._signature.structs()
        given = self._signature.match(args, named)
        sizes = bind_sizes(list(given), [np.shape(v) for v in given.values()])
        found = self._program.at(sizes).plan
        packing = None if self._flat is None else self._flat.packing
        return found if packing is None else Plan((*found.choices, packing.choice()))

    def lower(self, *args: Any, **named: Any) -> Any:
        """Returns JAX's Lowered object of the program a call runs.

        Without values it is that for the declared types. Where arguments are packed, see `plan`,
        it takes the packed ones, and what takes its results apart is not among it.
        """
        return self._trace(args, named).lower()

    def jaxpr(self, *args: Any, **named: Any) -> str:
        """Returns the jaxpr of the program that `lower` describes, as text."""
        return str(self._trace(args, named).jaxpr)

    def _trace(self, args: Any, named: dict[str, Any]) -> Any:
        require_living_jax()
        if not args and not named:
            args, named = self._signature.structs()
        traced = None
        if self._flat is not None:
            traced = self._flat.trace(self._signature.match(args, named))
        return jax.jit(self.function).trace(*args, **named) if traced is None else traced

    def stablehlo(self, *args: Any, **named: Any) -> str:
        """Returns the StableHLO module as text."""
        return self.lower(*args, **named).as_text()

    def hlo(self, *args: Any, **named: Any) -> str:
        """Returns the HLO after XLA's optimisations as text."""
        return self.lower(*args, **named).compile().as_text()

    def cost(self, *args: Any, **named: Any) -> dict[str, float]:
        """Returns XLA's own cost analysis: flops, bytes accessed, ...."""
        found = self.lower(*args, **named).compile().cost_analysis()
        found = found[0] if isinstance(found, list) else found
        return dict(found or {})

    def memory(self, *args: Any, **named: Any) -> dict[str, int]:
        """Returns XLA's memory analysis in bytes: arguments, outputs, temporaries, code."""
        found = self.lower(*args, **named).compile().memory_analysis()
        names = ("argument", "output", "temp", "alias", "generated_code")
        return {n: int(getattr(found, f"{n}_size_in_bytes", 0)) for n in names}


#: XLA on a CPU (JAX 0.10.2) compiled chains of 10,000 and 20,000 ops in 2 and 5 s, but on one of
#: 30,000, and on the gradient of one of 19,900, it overflowed its stack and took the process with
#: it; a random graph with its gradient, 24,000 nodes, took 32 s.
NODE_BUDGET = 15_000


@guarded("compile")
def compile(
    outputs: Any,
    inputs: Any = None,
    *,
    jit: bool = True,
    derivative: str = "jax",
    budget: int | None = NODE_BUDGET,
    optimize: bool | str | Sequence[str] = True,
    memory: int | None = None,
    donate: Any = None,
) -> Compiled:
    """Compiles graph nodes to one JAX/XLA function.

    Args:
        outputs: a node or a nest (dict, list, tuple) of nodes; the result has the same nest.
        inputs: a list of nests of input nodes: the function then takes one positional argument for
            each, of the same nest. Without it, values are passed by name: keywords, or one dict.
        jit: False returns the traced function unjitted (for use inside a larger jit).
        derivative: what JAX's transforms of the result use: `"jax"` for JAX's own rules,
            `"graphc"` for graphc's forward pass (a custom_jvp, of any order).
        budget: nodes above which compiling is refused, because XLA is slow on long unrolled graphs
            and on deep ones may overflow its stack and end the process; None for no limit.
        optimize: True rewrites the graph by cost first, see `gx.optimize` and `Compiled.plan`;
            False compiles it as it was written; names of families make those wherever they fit,
            and are refused where none does.
        memory: bytes that what is kept for the backward pass may take; None for no limit.
        donate: inputs whose arrays are given away, so that a result of the same type is written
            into them: nodes, names, or positions of arguments. A donated array can't be used again.

    Raises:
        BudgetError: the graph has more nodes than the budget, or `memory` can't be met.
        ArgumentError: nothing in the graph fits the families named; an output is no node, or needs
            an input that is not listed; no result can be written into a donated input.
        NameClashError: two inputs share a name.
        PrecisionError: the graph holds 64-bit types and JAX's are turned off.
        ForkError: the process was forked after JAX had started.
    """
    require_living_jax()
    with collection_paused(), orders_shared():
        return _compiled(outputs, inputs, jit, derivative, budget, (optimize, memory), donate)


def _compiled(
    outputs: Any,
    inputs: Any,
    jit: Any,
    derivative: Any,
    budget: Any,
    rewrites: tuple[Any, Any],
    donate: Any,
) -> Compiled:
    """Returns `compile` of these arguments, unchecked so far."""
    nodes, rebuild = flatten(outputs)
    check_nodes(nodes, "compile")
    found = leaves(nodes)
    listed = found if inputs is None else flatten(inputs)[0]
    if inputs is not None:
        if isinstance(inputs, (Node, dict)):
            raise ArgumentError(
                "inputs is no list", "write inputs=[params, x]: one entry an argument"
            )
        for node in listed:
            if not isinstance(node, Node) or node.op.name not in ("input", "param", "formal"):
                raise ArgumentError(
                    f"{node!r} is no input node", "list gx.input and gx.param nodes"
                )
        check_names(listed)
        Graph(listed, nodes, "compile")
    if not isinstance(derivative, str) or derivative not in ("jax", "graphc"):
        raise ArgumentError(
            f"derivative={show_value(derivative)} is neither 'jax' nor 'graphc'", "say one of them"
        )
    if not isinstance(jit, bool):
        raise ArgumentError(f"jit={show_value(jit)} is neither True nor False", "say one of them")
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, int)):
        raise ArgumentError(f"budget={show_value(budget)} is no count", "for example budget=20_000")
    require_x64(nodes)
    program = _Program(nodes, *rewrites)
    donated = donated_inputs(donate, inputs, listed, nodes)
    if donated and not jit:
        raise ArgumentError("what is not jitted has nothing to donate to", "leave donate= out")
    fixed = program.at({}).nodes if program.static else None
    flat = Flat(program.lowered, fixed, listed, donated) if jit else None
    if flat is not None and flat.packing is None and not donated:
        flat = None  # JAX's own call is quicker
    made = nodes if fixed is None else fixed
    if flat is not None and flat.packing is not None:
        made = flat.packing.results
    order = topological_order(made)
    # XLA gets a copy of a block for every call of it, but of a levelled one its kinds alone.
    unrolled = [node for node in order if node.op.name != "levelled"]
    count = len(order) + sum(body.steps for node in unrolled for body in bodies(node))
    if budget is not None and count > budget:
        raise BudgetError(
            f"the graph has {count} nodes, blocks counted at every call, above {budget}: XLA is "
            "slow on such, and may crash",
            "make repeated parts a gx.map, evaluate it with gx.evaluate, or say budget=None",
        )

    spare = spare_inputs(nodes, listed) if inputs is None else []
    signature = Signature(listed, inputs, spare)

    def function(*args: Any, **named: Any) -> Any:
        given = signature.match(args, named)
        return rebuild(_traced(program, list(given), given, derivative))

    jitted = jax.jit(function) if jit else function
    return Compiled(function, jitted, nodes, listed, signature, program, flat, rebuild)


class _Program:
    """The outputs as they are compiled: rewritten by cost, once for each set of named sizes.

    Attributes:
        nodes: the outputs as they were declared.
        static: no size has a name, so that there is one program.
    """

    def __init__(self, nodes: Sequence[Node], rewrites: Any, memory: int | None) -> None:
        self.nodes = list(nodes)
        self.static = all(n.type.is_static for n in leaves(nodes))
        self._options = (rewrites, memory)
        self._made: dict[tuple[tuple[str, int], ...], _Rewritten] = {}
        optimized([], rewrites, memory)  # a wrong option is told now

    def at(self, sizes: Mapping[str, int]) -> _Rewritten:
        """Returns the program for numbers of the named sizes."""
        if not all(isinstance(size, int) for size in sizes.values()):
            sizes = {}  # jax.export leaves them open
        key = () if self.static else tuple(sorted(sizes.items()))
        if key not in self._made:
            nodes, inputs = self.nodes, dict[Node, Node]()
            if sizes and not self.static and self._options[0] is not False:
                # Where an operation does not fit the numbers, its own check says so when it runs.
                with suppress(GraphcError):
                    nodes, inputs = with_sizes(self.nodes, sizes)
            made, plan = optimized(nodes, *self._options, sizes, _machine())
            require_fit(self._options[0], plan)
            self._made[key] = _Rewritten(made, plan, inputs)
        return self._made[key]

    def lowered(self, arrays: Mapping[Node, Any], sizes: Mapping[str, int]) -> list[Any]:
        """Returns the outputs as JAX values; call it where JAX traces."""
        found = self.at(sizes)
        return lower(found.nodes, {found.inputs.get(n, n): a for n, a in arrays.items()}, sizes)


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """A program for certain sizes.

    Attributes:
        nodes: the outputs.
        plan: what was weighed.
        inputs: inputs of named sizes to what stands for them in `nodes`.
    """

    nodes: list[Node]
    plan: Plan
    inputs: Mapping[Node, Node]


def _machine() -> Machine:
    """Returns the speeds that costs are predicted with: an accelerator wants long arrays whole."""
    found = this_machine()
    return found if runs_on_cpu() else replace(found, cache=0.0)


def _traced(
    program: _Program, inputs: Sequence[Node], given: dict[Node, Any], derivative: str
) -> list[Any]:
    require_x64(program.nodes)
    arrays = {n: as_declared(n, given[n]) for n in inputs}
    sizes = bind_sizes(inputs, [arrays[n].shape for n in inputs])
    if derivative == "graphc":
        found = program.at(sizes)
        stand_ins = [found.inputs.get(n, n) for n in inputs]
        own = with_own_derivative(found.nodes, stand_ins, sizes)
        return list(own(*[arrays[n] for n in inputs]))
    return program.lowered(arrays, sizes)


def require_x64(nodes: Sequence[Node]) -> None:
    """Raises PrecisionError where the graph holds 64-bit types and JAX would make them 32-bit."""
    # JAX gives its settings their names at run time.
    if jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        return
    for node in nodes_everywhere(nodes):
        for t in getattr(node.type, "items", (node.type,)):
            if t.dtype.bits == 128 or (t.dtype.bits == 64 and t.dtype.kind != "c"):
                raise PrecisionError(
                    f"{describe(node, 3)} is {t}, and JAX's 64-bit types are turned off: the "
                    "result would silently be 32-bit",
                    "call jax.config.update('jax_enable_x64', True) when the program starts",
                )
