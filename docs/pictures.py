"""Draws the pictures of the README and the gallery: `python -m docs.pictures [NAME ...]`.

Names are those of examples; without any, all pictures are drawn. The full runs of the examples
take an hour in all.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import graphc as gx

FOLDER = Path(__file__).parent / "images"
sys.path.insert(0, str(FOLDER.parents[1] / "examples"))  # they find what lies beside them

import circuits  # noqa: E402  (found by the line above)
import digits_mlp  # noqa: E402
import exhibit  # noqa: E402
import logistic_map  # noqa: E402

#: Examples that draw a picture of their result, `picture(compute())`, and its kind.
EXAMPLES = {
    "activations": "svg",
    "autoencoder": "png",
    "boolean_functions": "svg",
    "char_transformer": "svg",
    "convex_polygon": "svg",
    "dead_units": "svg",
    "fashion_mnist": "png",
    "fixed_point": "svg",
    "linear_regression": "svg",
    "logic_gates": "svg",
    "lstm_text": "svg",
    "pendulum": "svg",
    "softmax_regression": "png",
    "square_activation": "svg",
    "symmetry": "png",
    "universal_approximation": "svg",
    "vanishing_gradients": "svg",
    "weight_penalties": "svg",
    "augmentation": "svg",
    "learning_rates": "svg",
    "optimisers": "svg",
    "batch_norm": "svg",
    "dropout": "svg",
    "search": "svg",
    "xor": "svg",
}


def repeated_block() -> gx.Node:
    """Returns a network of twelve equal layers, each a call of one block."""
    hidden = gx.input("x", ("batch", 8))
    weight = gx.param("w", (8, 8))

    @gx.block
    def layer(value: gx.Node, weight: gx.Node) -> gx.Node:
        return gx.tanh(value @ weight)

    for _ in range(12):
        hidden = layer(hidden, weight)
    return gx.mean(gx.square(hidden))


def circuit(problem: gx.Problem, kind: str) -> Any:
    """Returns a picture of a problem's expression without the formula beside it."""
    plain = problem.output.args[0]
    return gx.draw(plain, kind=kind, values=problem.values, wrt=problem.wrt)


def pictures() -> dict[str, Any]:
    """Returns each picture by the name of its file."""
    sum_times, _, _, neuron = circuits.problems()
    network = digits_mlp.build()
    parameters = list(network.parameters.values())
    return {
        "sum_times_circuit": circuit(sum_times, "circuit"),
        "sum_times_mirrored": circuit(sum_times, "mirrored"),
        "neuron_circuit": circuit(neuron, "circuit"),
        "digits_forward": gx.draw(network.loss),
        "digits_mirrored": gx.draw(network.loss, kind="mirrored", wrt=parameters),
        "digits_update": gx.draw(network.loss, kind="update", wrt=parameters),
        "blocks": gx.draw(repeated_block()),
        "logistic_map_by_hand": gx.draw(logistic_map.slope("by hand", 4)),
        "logistic_map_symbolic": gx.draw(logistic_map.slope("symbolic", 4)),
        "logistic_map_algorithmic": gx.draw(logistic_map.slope("algorithmic", 4)),
    }


def main(names: Sequence[str]) -> None:
    """Writes the pictures into docs/images: of the examples named, or all."""
    FOLDER.mkdir(exist_ok=True)
    if not names:
        for name, picture in pictures().items():
            picture.save(FOLDER / f"{name}.svg")
            print(f"docs/images/{name}.svg")
    for name in names or EXAMPLES:
        example = importlib.import_module(name)
        exhibit.save(example.picture(example.compute()), FOLDER, name, EXAMPLES[name])


if __name__ == "__main__":
    main(sys.argv[1:])
