"""Pictures and text of graphs: DOT, SVG, PNG, PDF, LaTeX and infix formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.core.calls import public_functions

if TYPE_CHECKING:
    from graphc.core.node import Node


def _show(node: Node) -> str:
    """Shows a node in a notebook; what draws is loaded only then."""
    from graphc.render.draw import show_node

    return show_node(node)


public_functions["_repr_svg_"] = _show
