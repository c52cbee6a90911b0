"""DOT text of graphs: every kind of drawing under one name."""

from graphc.render.circuit import circuit_dot
from graphc.render.forward import backward_dot, forward_dot
from graphc.render.mirrored import mirrored_dot
from graphc.render.update import update_dot

__all__ = ["backward_dot", "circuit_dot", "forward_dot", "mirrored_dot", "update_dot"]
