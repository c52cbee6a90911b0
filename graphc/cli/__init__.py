"""The command line: one file a command; what they share is in group, subject and show."""

from __future__ import annotations

import click

import graphc
from graphc.cli.atlas import atlas
from graphc.cli.check import check
from graphc.cli.compare import compare
from graphc.cli.debug import debug
from graphc.cli.draw import draw
from graphc.cli.fuzz import fuzz
from graphc.cli.group import Group
from graphc.cli.kinks import kinks
from graphc.cli.lint import lint
from graphc.cli.ops import ops
from graphc.cli.train import train


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(graphc.__version__, prog_name="graphc")
def main() -> None:
    """Declare a graph once; get its value, its derivatives by six engines, and their verdict.

    \b
    graphc compare examples/digits_mlp.py --out out     a network on real data
    graphc compare "(x + y) * z" x=-2 y=5 z=-4          a formula
    graphc check my_model.py                            is my gradient right?
    graphc debug "log(1+exp(x))" x=1000                 where infinity is born
    graphc draw "1/(1+exp(-x))" x=2 sigmoid.svg         a picture
    graphc kinks "max(x,0)-abs(x)" x=0                  slopes by convention
    graphc lint my_model.py                             what loses digits
    graphc train my_model.py --out out                  train a network
    graphc ops                                          what there is
    graphc fuzz --scalar 1000 --tensor 100              against every oracle
    graphc atlas tanh gelu                              their errors in ulp
    """  # noqa: D301  (a real backspace: it keeps click from wrapping the lines)


for _command in (atlas, compare, check, debug, draw, ops, kinks, lint, fuzz, train):
    main.add_command(_command)
