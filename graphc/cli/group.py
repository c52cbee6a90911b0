"""The group of commands: errors become one line and an exit status."""

from __future__ import annotations

import atexit
import gc
import os
import traceback
from typing import Any

import click

from graphc.core.errors import GraphcError

#: Exit statuses: the engines agreed; one is a defect; the call was wrong; graphc itself failed; the
#: person stopped it.
AGREED, DEFECT, WRONG_CALL, FAULT, STOPPED = 0, 1, 2, 3, 130


#: New objects after which Python looks for cycles. Its own number is for small programs: what
#: loading JAX and SymPy makes would be looked through again and again, for a fifth of the time.
_COLLECT_AFTER = 50_000
# The interpreter's last collection would look through everything loaded, for 0.3 s.
atexit.register(gc.freeze)


class Group(click.Group):
    """Turns every GraphcError into one line on stderr and exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        after = gc.get_threshold()
        gc.set_threshold(max(after[0], _COLLECT_AFTER), *after[1:])
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
        finally:
            gc.set_threshold(*after)


def _words(error: GraphcError) -> str:
    place = error.place
    ours = place is not None and place[0].startswith(os.path.dirname(click.__file__) + os.sep)
    if ours:  # no program of the user's stands behind a formula
        return "; ".join(p for p in (error.rule, error.mend) if p)
    return str(error)
