"""Draws the pictures of the README and the gallery: `python -m docs.pictures`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import graphc as gx
from examples import circuits, digits_mlp, logistic_map

FOLDER = Path(__file__).parent / "images"


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


def main() -> None:
    """Writes every picture as SVG into docs/images."""
    FOLDER.mkdir(exist_ok=True)
    for name, picture in pictures().items():
        picture.save(FOLDER / f"{name}.svg")
        print(f"docs/images/{name}.svg")


if __name__ == "__main__":
    main()
