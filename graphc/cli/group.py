"""The group of commands: errors become one line and an exit status."""

from __future__ import annotations

import os
import traceback
from typing import Any

import click

from graphc.core.errors import GraphcError

#: Exit statuses: the engines agreed; one is a defect; the call was wrong; graphc itself failed; the
#: person stopped it.
AGREED, DEFECT, WRONG_CALL, FAULT, STOPPED = 0, 1, 2, 3, 130


class Group(click.Group):
    """Turns every GraphcError into one line on stderr and exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GraphcError as error:
            click.echo(f"graphc: {_words(error)}", err=True)
            ctx.exit(WRONG_CALL)
        except KeyboardInterrupt:
            click.echo("graphc: stopped", err=True)
            ctx.exit(STOPPED)
        except (click.ClickException, click.exceptions.Exit, click.Abort, OSError):
            raise
        except Exception:
            traceback.print_exc()
            click.echo(
                "graphc: this is a fault of graphc, not of your call; please report it with the "
                "lines above",
                err=True,
            )
            ctx.exit(FAULT)


def _words(error: GraphcError) -> str:
    place = error.place
    ours = place is not None and place[0].startswith(os.path.dirname(click.__file__) + os.sep)
    if ours:  # no program of the user's stands behind a formula
        return "; ".join(p for p in (error.rule, error.mend) if p)
    return str(error)
