"""Colours, shapes and lines of pictures. A role differs in shape or line too, not in colour alone.

The hues are those of Okabe and Ito, "Color Universal Design" (2008), darkened until text in them
has a contrast of at least 4.5 : 1 on white (WCAG 2.2, criterion 1.4.3).
"""

from __future__ import annotations

from dataclasses import dataclass

#: The shipped font; Verdana has the same widths and is on most machines that show the SVG.
FONT = "DejaVu Sans,Verdana,Geneva,sans-serif"

INK = "#1F2933"
FAINT = "#5F6B7A"
LINE = "#52606D"

#: Values flow forward (bluish green), gradients backward (vermillion).
VALUE = "#00735C"
GRADIENT = "#B83A00"

#: Between the parts of a legend; no-break spaces, which browsers keep at the ends of a text.
SEPARATOR = "\u00a0\u00a0·\u00a0\u00a0"

Attributes = dict[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """How one kind of node is drawn.

    Attributes:
        shape: Graphviz's name of the shape.
        style: its line and fill, comma separated.
        fill: fill colour.
        line: colour of the outline.
        outlines: how many outlines.
        width: width of the outline, points.
    """

    shape: str
    style: str
    fill: str
    line: str
    outlines: int = 1
    width: float = 1.2

    def attributes(self) -> Attributes:
        """Returns the DOT attributes."""
        found = {
            "shape": self.shape,
            "style": self.style,
            "fillcolor": self.fill,
            "color": self.line,
            "penwidth": f"{self.width:g}",
        }
        if self.outlines != 1:
            found["peripheries"] = str(self.outlines)
        return found


LOOKS = {
    "input": Look("ellipse", "filled", "#FFFFFF", "#0062A3", width=1.6),
    "param": Look("ellipse", "filled", "#FFF4D6", "#8A6200", outlines=2),
    "formal": Look("ellipse", "filled,dashed", "#FFFFFF", "#0062A3"),
    "constant": Look("box", "filled,dotted", "#F5F6F8", "#5F6B7A"),
    "op": Look("box", "filled,rounded", "#E9F2FA", "#2F6FA5"),
    "circle": Look("circle", "filled", "#E9F2FA", "#2F6FA5", width=1.4),
    "block": Look("component", "filled", "#EDE7F6", "#5B4B8A"),
    "folded": Look("box3d", "filled", "#E9F2FA", "#2F6FA5"),
    "rest": Look("box", "filled,rounded,dashed", "#F5F6F8", "#5F6B7A"),
    "output": Look("plaintext", "", "#FFFFFF", "#FFFFFF"),
    "backward": Look("box", "filled", "#FDEFE6", "#B83A00"),
    "seed": Look("box", "filled", "#FFFFFF", "#B83A00", width=1.6),
    "backward_folded": Look("box3d", "filled", "#FDEFE6", "#B83A00"),
    "alone": Look("box", "filled,rounded,bold", "#FBE3F0", "#9B2F72", width=2.2),
    "update": Look("box", "filled,rounded", "#EAF6F1", "#00735C"),
}

GRAPH: Attributes = {
    "bgcolor": "white",
    "fontname": FONT,
    "fontsize": "11",
    "fontcolor": FAINT,
    "labelloc": "b",
    "labeljust": "c",
    "nodesep": "0.28",
    "ranksep": "0.36",
    "pad": "0.2",
    "outputorder": "edgesfirst",
}
NODE: Attributes = {
    "fontname": FONT,
    "fontsize": "13",
    "fontcolor": INK,
    "height": "0.3",
    "width": "0.4",
    "margin": "0.09,0.04",
}
EDGE: Attributes = {
    "fontname": FONT,
    "fontsize": "10",
    "color": LINE,
    "arrowsize": "0.65",
    "penwidth": "1.1",
}
#: An edge of the backward graph, and one that carries a forward value into a backward rule.
BACKWARD_EDGE: Attributes = {"color": GRADIENT, "style": "dashed"}
RESIDUAL_EDGE: Attributes = {
    "color": "#8D99A6",
    "style": "dotted",
    "constraint": "false",
    "arrowhead": "vee",
    "arrowsize": "0.5",
    "penwidth": "1",
}
#: From a call to the block's body.
BODY_EDGE: Attributes = {
    "color": "#5B4B8A",
    "style": "dotted",
    "arrowhead": "none",
    "constraint": "false",
}

CLUSTER: Attributes = {
    "style": "rounded",
    "color": "#5B4B8A",
    "bgcolor": "#FAF8FD",
    "fontname": FONT,
    "fontsize": "11",
    "fontcolor": "#5B4B8A",
    "labeljust": "l",
    "labelloc": "t",
    "margin": "10",
}
FOLDED_CLUSTER: Attributes = {**CLUSTER, "style": "rounded,dashed", "color": "#2F6FA5",
                              "bgcolor": "#F6FAFD", "fontcolor": "#2F6FA5"}  # fmt: skip
#: The two halves of a mirrored picture.
FORWARD_FRAME: Attributes = {**CLUSTER, "style": "rounded", "color": "#B9CFE2",
                             "bgcolor": "white", "fontcolor": "#2F6FA5",
                             "labelloc": "b"}  # fmt: skip
BACKWARD_FRAME: Attributes = {**CLUSTER, "style": "rounded", "color": "#E8C4AE",
                              "bgcolor": "white", "fontcolor": GRADIENT,
                              "labelloc": "b", "labeljust": "r"}  # fmt: skip
UPDATE_FRAME: Attributes = {**CLUSTER, "style": "rounded", "color": "#A9D3C5",
                            "bgcolor": "white", "fontcolor": VALUE, "labelloc": "b"}  # fmt: skip
