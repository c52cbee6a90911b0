"""An LSTM that writes, letter by letter, after reading a few lines of Blake.

Run `python examples/lstm_text.py`. From the letters so far it gives the chances of the next one; a
text is written by drawing from them. How well it guesses is told in bits per letter: with 26
letters and a few signs, knowing nothing costs five bits.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import exhibit
import numpy as np
from matplotlib.figure import Figure

import graphc as gx
from graphc import nn, train

#: William Blake, "The Tyger" and "The Lamb" (1794, 1789), in the spelling of today.
POEM = """
tiger, tiger, burning bright in the forests of the night, what immortal hand or eye could frame thy
fearful symmetry? in what distant deeps or skies burnt the fire of thine eyes? on what wings dare he
aspire? what the hand dare seize the fire? and what shoulder and what art could twist the sinews of
thy heart? and when thy heart began to beat, what dread hand and what dread feet? what the hammer?
what the chain? in what furnace was thy brain? what the anvil? what dread grasp dare its deadly
terrors clasp? when the stars threw down their spears, and watered heaven with their tears, did he
smile his work to see? did he who made the lamb make thee? little lamb, who made thee? dost thou
know who made thee, gave thee life, and bid thee feed by the stream and over the mead; gave thee
clothing of delight, softest clothing, woolly, bright; gave thee such a tender voice, making all the
vales rejoice? little lamb, who made thee? dost thou know who made thee? little lamb, i will tell
thee; little lamb, i will tell thee: he is called by thy name, for he calls himself a lamb. he is
meek, and he is mild, he became a little child. i a child, and thou a lamb, we are called by his
name. little lamb, god bless thee! little lamb, god bless thee! tiger, tiger, burning bright in the
forests of the night, what immortal hand or eye dare frame thy fearful symmetry?
"""

TEXT = " ".join(POEM.split())
LETTERS = sorted(set(TEXT))

#: Letters of one piece of text, and the share of the text that is held back for testing. The held
#: back part lies in the first poem, where no line is said twice.
LENGTH = 32
HELD_BACK = slice(len(TEXT) * 2 // 10, len(TEXT) * 3 // 10)

MODEL = nn.Sequential(
    [nn.Embedding(len(LETTERS), 16), nn.LSTM(64), nn.Dropout(0.3), nn.Dense(len(LETTERS))]
)


@dataclass(frozen=True, slots=True)
class Result:
    """What training gave.

    Attributes:
        bits: per letter after each epoch, on text it was trained on and on text held back.
        frequencies: bits per letter of the held-back text by the letters' frequencies alone.
        before, after: a text that the network writes, untrained and at its best.
    """

    epochs: Any
    bits: dict[str, Any]
    frequencies: float
    before: str
    after: str


def numbers(text: str) -> Any:
    """Returns the number of each letter, `i32[n]`."""
    return np.array([LETTERS.index(letter) for letter in text], np.int32)


def pieces() -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns pieces of text and the same moved by one letter: to train on, and held back."""
    text = numbers(TEXT)
    parts = ([text[: HELD_BACK.start], text[HELD_BACK.stop :]], [text[HELD_BACK]])

    def cut(runs: list[Any], every: int) -> dict[str, Any]:
        starts = [
            run[i : i + LENGTH + 1] for run in runs for i in range(0, len(run) - LENGTH, every)
        ]
        rows = np.stack(starts)
        return {"text": rows[:, :-1], "following": rows[:, 1:]}

    # Pieces to train on overlap, those held back do not.
    return cut(parts[0], 3), cut(parts[1], LENGTH)


def frequencies() -> float:
    """Returns the bits per held-back letter where each is guessed by how frequent it is."""
    train_text = TEXT[: HELD_BACK.start] + TEXT[HELD_BACK.stop :]
    counts = np.bincount(numbers(train_text), minlength=len(LETTERS)) + 1
    return float(np.mean(-np.log2(counts / counts.sum())[numbers(TEXT[HELD_BACK])]))


def build(model: nn.Sequential, training: bool = False) -> tuple[gx.Node, gx.Node, gx.Node]:
    """Returns the input, the scores of each next letter, and the mean loss in bits per letter."""
    text = gx.input("text", ("batch", LENGTH), gx.int32)
    following = gx.input("following", ("batch", LENGTH), gx.int32)
    logits = model(text, training=training)
    return text, logits, gx.categorical_cross_entropy(logits, following) / math.log(2)


def write(model: nn.Sequential, values: Any, count: int = 90, heat: float = 0.6) -> str:
    """Returns a text that a model writes.

    Args:
        model: makes the scores of the next letters of letters.
        values: of its parameters.
        count: of letters.
        heat: what the scores are divided by before a letter is drawn: towards 0 the likeliest.
    """
    text, logits, _ = build(model)
    nodes = nn.flat(nn.parameters(logits))
    chances = gx.compile(gx.softmax(logits / heat), [text, nodes])
    given = {name: values[name] for name in nodes}
    generator = np.random.default_rng(1)
    written = "tiger, "
    while len(written) < count:
        # Letters to come do not matter to those before, so that the rest may be anything.
        seen = written[-LENGTH:]
        row = np.asarray(chances(numbers(seen.ljust(LENGTH))[None], given))[0, len(seen) - 1]
        written += LETTERS[generator.choice(len(LETTERS), p=row / row.sum())]
    return written


def learn(model: nn.Sequential, epochs: int, rate: float = 5e-3) -> train.Run:
    """Returns the run of a model on the poem, at the values that guess held-back text best."""
    known, held = pieces()
    loss = build(model)[2]
    return train.fit(
        build(model, training=True)[2],
        known,
        validation=held,
        evaluate={"bits": loss},
        learning_rate=train.cosine(rate, epochs),
        epochs=epochs,
        clip_norm=1.0,
        keep_best=True,
        progress=False,
    )


def compute(quick: bool = False) -> Result:
    """Trains for 40 epochs, or 10."""
    first = nn.flat(nn.initialise(build(MODEL)[1], seed=0)[0])
    run = learn(MODEL, 10 if quick else 40)
    return Result(
        run.history["epoch"],
        {
            "trained on": run.history["train.bits"],
            "held back": run.history["validation.bits"],
        },
        frequencies(),
        write(MODEL, first),
        write(MODEL, run.values),
    )


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns bits per letter by epochs, and below it what is written."""
    axis = exhibit.axes(height=3.6)[0][0]
    for number, (name, bits) in enumerate(result.bits.items()):
        axis.plot(result.epochs, bits, ("-", "--")[number], color=exhibit.COLOURS[number])
        exhibit.name_line(axis, result.epochs[-1], bits[-1], name, exhibit.COLOURS[number])
    for level, words in (
        (np.log2(len(LETTERS)), "all letters alike"), (result.frequencies, "letters' frequencies")
    ):  # fmt: skip
        axis.axhline(level, color=exhibit.GREY, lw=1, ls=":")
        axis.text(
            result.epochs[-1], level + 0.05, words, ha="right", va="bottom", color=exhibit.GREY
        )
    axis.set(xlabel="epoch", ylabel="bits per letter", ylim=(0, 5.4), xlim=(0, None))
    axis.set_title(
        f"before: {result.before}\nafter:  {result.after}", fontsize=7, family="monospace"
    )
    return axis.figure


def main() -> int:
    """Prints bits, perplexity and texts; returns 0 where it beats the letters' frequencies."""
    given = exhibit.arguments(__doc__ or "", "10 epochs instead of 40")
    result = compute(given.quick)
    print(f"{len(TEXT):,} letters, {HELD_BACK.stop - HELD_BACK.start} of them held back")
    best = float(np.min(result.bits["held back"]))
    for name, bits in (
        ("all letters alike", np.log2(len(LETTERS))),
        ("letters' frequencies", result.frequencies),
        ("LSTM", best),
    ):
        print(f"{name:<22}{bits:6.2f} bits per letter, perplexity {2**bits:5.1f}")
    print(f"before: {result.before}\nafter:  {result.after}")
    exhibit.save(picture(result), given.out, "lstm_text")
    return 0 if best < result.frequencies - 0.5 else 1


if __name__ == "__main__":
    sys.exit(main())
