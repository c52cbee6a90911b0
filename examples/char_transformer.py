"""A transformer beside an LSTM, both writing Blake letter by letter, and what a head looks at.

Run `python examples/char_transformer.py`. The text and its pieces are those of
`examples/lstm_text.py`. Where the LSTM hands its memory on from letter to letter, the transformer
looks back at all letters before at once; each head chooses where.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import exhibit
import lstm_text as lstm
import numpy as np
from matplotlib.figure import Figure

import graphc as gx
from graphc import nn

HEADS = 4
MODEL = nn.Sequential([
    nn.Embedding(len(lstm.LETTERS), 32), nn.PositionEmbedding(lstm.LENGTH),
    nn.TransformerBlock(HEADS, causal=True, dropout=0.3),
    nn.TransformerBlock(HEADS, causal=True, dropout=0.3),
    nn.LayerNorm(), nn.Dense(len(lstm.LETTERS)),
])  # fmt: skip

#: What the heads are watched reading: held-back text.
WATCHED = lstm.TEXT[lstm.HELD_BACK][: lstm.LENGTH]


@dataclass(frozen=True, slots=True)
class Result:
    """What training gave.

    Attributes:
        epochs: at which was measured.
        bits: for each network, bits per letter of held-back text after each epoch.
        numbers: for each network, how many it has that are trained.
        written: for each network, a text.
        shares: how much each letter looks at each, `f32[heads, letters, letters]`, in the first
            block, whose rows sum to 1.
    """

    epochs: Any
    bits: dict[str, Any]
    numbers: dict[str, int]
    written: dict[str, str]
    shares: Any


def looks(output: gx.Node) -> list[gx.Node]:
    """Returns the shares by which letters look at each other, of each block, the last first."""
    found: list[gx.Node] = []
    waiting, seen = [output], {id(output)}
    while waiting:
        node = waiting.pop()
        if node.op.name == "softmax":
            found.append(node)
        fresh = [arg for arg in node.args if id(arg) not in seen]
        seen.update(map(id, fresh))
        waiting.extend(fresh)
    return found


def compute(quick: bool = False) -> Result:
    """Trains both for 40 epochs, or 6."""
    epochs = 6 if quick else 40
    networks = {"LSTM": (lstm.MODEL, 5e-3), "transformer": (MODEL, 1e-3)}
    runs = {name: lstm.learn(model, epochs, rate) for name, (model, rate) in networks.items()}
    text, logits, _ = lstm.build(MODEL)
    values = {text: lstm.numbers(WATCHED)[None], **runs["transformer"].values}
    return Result(
        runs["LSTM"].history["epoch"],
        {name: run.history["validation.bits"] for name, run in runs.items()},
        {name: nn.count(lstm.build(model)[1]) for name, (model, _) in networks.items()},
        {name: lstm.write(model, runs[name].values) for name, (model, _) in networks.items()},
        np.asarray(gx.evaluate([looks(logits)[-1], logits], values)[0])[0],
    )


def sharpest(shares: Any) -> int:
    """Returns the head that looks hardest: whose largest shares are largest on average."""
    return int(np.argmax(shares.max(axis=-1)[:, 1:].mean(axis=-1)))


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns bits per letter by epochs, and where a head looks."""
    (left, right), *_ = exhibit.axes(1, 2, height=3.6, width_ratios=(1, 1.15))
    for place, (name, bits) in enumerate(result.bits.items()):
        colour = exhibit.COLOURS[place]
        left.plot(result.epochs, bits, ("-", "--")[place], color=colour)
        middle = len(bits) // 2
        left.annotate(
            name, (result.epochs[middle], bits[middle]), xytext=(0, -16), ha="center",
            textcoords="offset points", color=colour,
        )  # fmt: skip
    level = lstm.frequencies()
    left.axhline(level, color=exhibit.GREY, lw=1, ls=":")
    left.text(result.epochs[-1], level, "letters' frequencies", ha="right", va="bottom", fontsize=8)
    left.set(xlabel="epoch", ylabel="bits per letter held back", ylim=(2.5, 4.3))
    head = sharpest(result.shares)
    right.imshow(result.shares[head], cmap="Greys", vmin=0, vmax=0.3)
    letters = [letter if letter != " " else "␣" for letter in WATCHED]
    right.set_xticks(range(len(letters)), letters, fontsize=7)
    right.set_yticks(range(len(letters)), letters, fontsize=7)
    right.tick_params(length=0)
    right.set(xlabel="letter that is looked at", ylabel="letter that looks")
    right.set_title(f"head {head + 1} of {HEADS} in block 1; black: 30 % or more", fontsize=9)
    right.grid(visible=False)
    return left.figure


def main() -> int:
    """Prints bits and texts, and returns 0 where both beat the letters' frequencies."""
    given = exhibit.arguments(__doc__ or "", "6 epochs instead of 40")
    result = compute(given.quick)
    print(f"letters' frequencies: {lstm.frequencies():.2f} bits per letter held back")
    for name, bits in result.bits.items():
        count, best = result.numbers[name], float(np.min(bits))
        print(f"{name} ({count:,} numbers): {best:.2f} bits; it writes: {result.written[name]}")
    exhibit.save(picture(result), given.out, "char_transformer")
    return 0 if max(np.min(bits) for bits in result.bits.values()) < lstm.frequencies() else 1


if __name__ == "__main__":
    sys.exit(main())
