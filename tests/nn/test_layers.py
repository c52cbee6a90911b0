"""Layers against NumPy and JAX by hand, in training and at inference, and their slopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx
from graphc import nn

RNG = np.random.default_rng(1)
ROWS = RNG.normal(size=(4, 6))
IMAGE = RNG.normal(size=(2, 5, 6, 4))
WAVE = RNG.normal(size=(2, 7, 3))


def values_of(made: gx.Node, seed: int = 0) -> dict[str, Any]:
    """Returns values for every parameter and state, none of them 0 or 1."""
    parameters, state = nn.initialise(made, seed)
    draw = np.random.default_rng(seed)
    return {
        name: value + draw.uniform(0.1, 0.5, size=value.shape)
        for name, value in {**nn.flat(parameters), **nn.flat(state)}.items()
    }


def sides(layer: Any, x: Any, **options: Any) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """Returns a layer's value, NumPy and JAX agreeing, and its parameters without the path."""
    node = gx.input("x", ("batch", *x.shape[1:]), x.dtype.name)
    made = layer(node, **options)
    values = values_of(made)
    found = gx.evaluate(made, x=x, **values)
    compiled = gx.compile(made)({"x": x, **values})
    np.testing.assert_allclose(found, compiled, rtol=1e-11, atol=1e-13)
    return found, {name.rpartition(".")[2]: value for name, value in values.items()}


def conv(x: Any, kernel: Any, stride: int = 1, padding: Any = "VALID", **more: Any) -> Any:
    ndim = x.ndim
    space = "DHW"[-(ndim - 2) :]
    layout = (f"N{space}C", f"{space}IO", f"N{space}C")
    return np.asarray(
        jax.lax.conv_general_dilated(
            x, kernel, (stride,) * (ndim - 2), padding, dimension_numbers=layout, **more
        )
    )


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def normal(x: Any, axes: Any, epsilon: float = 1e-5) -> Any:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


Truth = Callable[[Any, dict[str, Any]], Any]
LAYERS: list[tuple[str, Any, Any, Truth]] = [
    ("dense", nn.Dense(3), ROWS, lambda x, p: x @ p["weight"] + p["bias"]),
    ("dense relu", nn.Dense(3, "relu"), ROWS, lambda x, p: relu(x @ p["weight"] + p["bias"])),
    ("dense, no bias", nn.Dense(3, bias=False), ROWS, lambda x, p: x @ p["weight"]),
    ("dense of a sequence", nn.Dense(2), WAVE, lambda x, p: x @ p["weight"] + p["bias"]),
    ("conv", nn.Conv(3, 3), IMAGE, lambda x, p: conv(x, p["kernel"]) + p["bias"]),
    (
        "conv same, stride 2, relu",
        nn.Conv(3, (3, 2), "relu", stride=2, padding="same"),
        IMAGE,
        lambda x, p: relu(conv(x, p["kernel"], 2, "SAME") + p["bias"]),
    ),
    (
        "depthwise conv",
        nn.Conv(8, 3, groups=4, bias=False),
        IMAGE,
        lambda x, p: conv(x, p["kernel"], feature_group_count=4),
    ),
    ("conv of a wave", nn.Conv(2, 3), WAVE, lambda x, p: conv(x, p["kernel"]) + p["bias"]),
    (
        "conv transpose",
        nn.ConvTranspose(3, 3, stride=2),
        IMAGE,
        lambda x, p: (
            np.asarray(
                jax.lax.conv_transpose(
                    x, p["kernel"], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
                )
            )
            + p["bias"]
        ),
    ),
    (
        "max pool",
        nn.MaxPool(2),
        IMAGE,
        lambda x, p: x[:, :4].reshape(2, 2, 2, 3, 2, 4).max((2, 4)),
    ),
    (
        "avg pool",
        nn.AvgPool(2),
        IMAGE,
        lambda x, p: x[:, :4].reshape(2, 2, 2, 3, 2, 4).mean((2, 4)),
    ),
    ("global mean", nn.GlobalPool(), IMAGE, lambda x, p: x.mean((1, 2))),
    ("global max", nn.GlobalPool("max"), IMAGE, lambda x, p: x.max((1, 2))),
    (
        "batch norm",
        nn.BatchNorm(),
        IMAGE,
        lambda x, p: (x - p["mean"]) / np.sqrt(p["var"] + 1e-5) * p["scale"] + p["bias"],
    ),
    ("layer norm", nn.LayerNorm(), ROWS, lambda x, p: normal(x, -1) * p["scale"] + p["bias"]),
    (
        "rms norm",
        nn.RMSNorm(),
        ROWS,
        lambda x, p: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * p["scale"],
    ),
    (
        "group norm",
        nn.GroupNorm(2),
        IMAGE,
        lambda x, p: (
            normal(x.reshape(2, 5, 6, 2, 2), (1, 2, 4)).reshape(x.shape) * p["scale"] + p["bias"]
        ),
    ),
    (
        "maxout",
        nn.Maxout(2, 3),
        ROWS,
        lambda x, p: (x @ p["weight"] + p["bias"]).reshape(4, 2, 3).max(-1),
    ),
    (
        "glu",
        nn.GLU(3),
        ROWS,
        lambda x, p: (
            (x @ p["weight"] + p["bias"])[:, :3] * sigmoid((x @ p["weight"] + p["bias"])[:, 3:])
        ),
    ),
    (
        "reglu",
        nn.ReGLU(3, bias=False),
        ROWS,
        lambda x, p: (x @ p["weight"])[:, :3] * relu((x @ p["weight"])[:, 3:]),
    ),
    (
        "swiglu",
        nn.SwiGLU(3, bias=False),
        ROWS,
        lambda x, p: (
            (x @ p["weight"])[:, :3] * (x @ p["weight"])[:, 3:] * sigmoid((x @ p["weight"])[:, 3:])
        ),
    ),
    ("prelu", nn.PReLU(), ROWS, lambda x, p: np.where(x > 0, x, p["slope"] * x)),
    ("swish", nn.Swish(shared=False), ROWS, lambda x, p: x * sigmoid(p["slope"] * x)),
    ("flatten", nn.Flatten(), IMAGE, lambda x, p: x.reshape(2, -1)),
    ("reshape", nn.Reshape([-1, 2]), ROWS, lambda x, p: x.reshape(4, 3, 2)),
    (
        "residual",
        nn.Residual(nn.Dense(6, "relu")),
        ROWS,
        lambda x, p: x + relu(x @ p["weight"] + p["bias"]),
    ),
    (
        "positions",
        nn.PositionEmbedding(9),
        WAVE,
        lambda x, p: x + p["weight"][:7],
    ),
]


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row[0])
def test_layer_is_what_numpy_makes_by_hand(row: tuple[str, Any, Any, Truth]) -> None:
    _, layer, x, truth = row
    found, parameters = sides(layer, x)
    np.testing.assert_allclose(found, truth(x, parameters), rtol=1e-6, atol=1e-6)


SMALL: list[tuple[str, Any, tuple[int, ...]]] = [
    ("dense", nn.Dense(2, "tanh"), (2, 3)),
    ("conv", nn.Conv(2, 2, "softplus"), (1, 3, 2)),
    ("conv transpose", nn.ConvTranspose(1, 2, stride=2), (1, 2, 1)),
    ("batch norm", nn.BatchNorm(), (3, 2)),
    ("layer norm", nn.LayerNorm(), (2, 3)),
    ("rms norm", nn.RMSNorm(), (2, 3)),
    ("group norm", nn.GroupNorm(2), (1, 2, 4)),
    ("glu", nn.SwiGLU(1), (1, 2)),
    ("maxout", nn.Maxout(2), (2, 2)),
    ("prelu", nn.PReLU(), (2, 2)),
    ("swish", nn.Swish(), (2, 2)),
    ("positions", nn.SinusoidalPositions(), (1, 2, 4)),
]


@pytest.mark.parametrize("row", SMALL, ids=lambda row: row[0])
def test_engines_agree_on_the_slopes_by_operand_and_parameters(
    row: tuple[str, Any, tuple[int, ...]],
) -> None:
    _, layer, shape = row
    x = gx.input("x", shape, gx.float64)
    made = gx.sum(gx.sin(layer(x, training=True)))
    values = values_of(made)
    used = {n.name for n in made_leaves(made)}
    given = {name: value for name, value in values.items() if name in used}
    data = np.random.default_rng(2).normal(size=shape)
    wrt = [x, *nn.flat(nn.parameters(made)).values()]
    checked = gx.check(gx.Problem(made, {"x": data, **given}, wrt=wrt))
    assert checked.agreed, checked


def made_leaves(made: gx.Node) -> list[gx.Node]:
    return [*nn.flat(nn.parameters(made)).values(), *nn.flat(nn.state(made)).values()]


def test_batch_norm_trains_on_the_batch_and_moves_its_states() -> None:
    x = gx.input("x", ("batch", 5, 6, 4), gx.float64)
    layer = nn.BatchNorm(momentum=0.75)
    made = layer(x, training=True)
    values = values_of(made)
    found, new = gx.evaluate([made, nn.updates(made)], x=IMAGE, **values)
    axes = (0, 1, 2)
    scale, bias = values["batchnorm1.scale"], values["batchnorm1.bias"]
    np.testing.assert_allclose(found, normal(IMAGE, axes) * scale + bias, rtol=1e-12)
    state = new["batchnorm1"]
    for name, batch in (("mean", IMAGE.mean(axes)), ("var", IMAGE.var(axes))):
        old = values[f"batchnorm1.{name}"]
        np.testing.assert_allclose(state[name], 0.75 * old + 0.25 * batch, rtol=1e-12)
    assert nn.parameters(made) == nn.parameters(layer(x))
    assert nn.state(made) == nn.state(layer(x))
    assert nn.updates(layer(x)) == {}


def test_batch_norm_of_one_sample_is_its_bias_with_slope_0_and_says_so() -> None:
    x = gx.input("x", (1, 4), gx.float64)
    with pytest.warns(nn.SingleBatchWarning, match="batchnorm1 trains on one") as told:
        made = nn.BatchNorm()(x, training=True)
    assert told[0].filename == __file__
    values = {"batchnorm1.scale": np.full(4, 2.0), "batchnorm1.bias": np.arange(4.0)}
    states = {"batchnorm1.mean": np.zeros(4), "batchnorm1.var": np.ones(4)}
    asked = [made, gx.grad(gx.sum(made * made), x)]
    for found in (
        gx.evaluate(asked, x=ROWS[:1, :4], **values, **states),
        gx.compile(asked)({"x": ROWS[:1, :4], **values, **states}),
    ):
        np.testing.assert_array_equal(found[0], [np.arange(4.0)])
        np.testing.assert_array_equal(found[1], np.zeros((1, 4)))


def test_dropout_is_the_identity_at_inference_and_keeps_the_mean_in_training() -> None:
    x = gx.input("x", ("batch", 1000))
    layer = nn.Dropout(0.25)
    assert layer(x) is x
    assert nn.Dropout(0.0)(x, training=True) is x
    ones, key = np.ones((4, 1000), np.float32), np.array([0, 7], np.uint32)
    found = gx.evaluate(layer(x, training=True), x=ones, key=key)
    assert set(np.unique(found).tolist()) == {0.0, float(np.float32(1) / np.float32(0.75))}
    assert abs((found == 0).mean() - 0.25) < 0.03
    again = gx.compile(layer(x, training=True))({"x": ones, "key": key})
    np.testing.assert_array_equal(found, again)


def test_two_dropouts_of_a_model_drop_different_units() -> None:
    x = gx.input("x", (1, 64))
    values = {"x": np.ones((1, 64), np.float32), "key": np.array([1, 2], np.uint32)}
    twice = nn.Sequential(
        [nn.Dropout(0.5), lambda y: gx.stack([y, nn.Dropout(0.5)(x, training=True)])]
    )
    first, second = gx.evaluate(twice(x, training=True), values)
    assert not np.array_equal(first, second)


def test_embedding_gathers_its_table_and_attends_by_it() -> None:
    layer = nn.Embedding(5, 3, dtype="float64")
    ids = gx.input("ids", ("batch", 2), gx.int32)
    table = np.random.default_rng(0).normal(size=(5, 3))
    words = np.array([[0, 4], [2, 2]], np.int32)
    found, logits = gx.evaluate(
        [layer(ids), layer.attend(layer(ids))], {"ids": words, "embedding1.weight": table}
    )
    np.testing.assert_array_equal(found, table[words])
    np.testing.assert_allclose(logits, table[words] @ table.T, rtol=1e-13)
    slope = gx.grad(gx.sum(layer(ids)), nn.parameters(layer(ids))["embedding1"]["weight"])
    counts = gx.evaluate(slope, {"ids": words, "embedding1.weight": table})[:, 0]
    assert counts.tolist() == [1, 0, 2, 0, 1]


def test_sinusoidal_positions_are_sines_and_cosines() -> None:
    x = gx.input("x", ("batch", 7, 4), gx.float64)
    found = gx.evaluate(nn.SinusoidalPositions()(x), x=np.zeros((1, 7, 4)))
    angles = np.arange(7.0)[:, None] / 10_000 ** (np.arange(2) * 2 / 4)
    np.testing.assert_allclose(found[0], np.hstack([np.sin(angles), np.cos(angles)]), atol=1e-14)


def test_feedforward_puts_activations_and_dropout_between() -> None:
    model = nn.Feedforward([6, 4, 3, 2], "tanh", output="softmax", dropout=0.5)
    x = gx.input("x", ("batch", 6), gx.float64)
    made = model(x)
    values = values_of(made)
    p = [(values[f"dense{i}.weight"], values[f"dense{i}.bias"]) for i in (1, 2, 3)]
    hidden = ROWS
    for weight, bias in p[:2]:
        hidden = np.tanh(hidden @ weight + bias)
    scores = hidden @ p[2][0] + p[2][1]
    expected = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(gx.evaluate(made, x=ROWS, **values), expected, rtol=1e-12)
    assert sum(isinstance(child, nn.Dropout) for child in model.layers) == 2


def test_the_step_compiles_to_one_product_for_each_layer_and_direction() -> None:
    x, t = gx.input("x", (16, 6)), gx.input("t", (16, 1))
    loss = gx.mse(nn.Feedforward([6, 8, 1])(x), t)
    nodes = nn.parameters(loss)
    step = gx.compile(gx.value_and_grad(loss, nodes), [nodes, x, t])

    def by_hand(p: Any, x: Any, t: Any) -> Any:
        hidden = jax.nn.relu(x @ p["dense1"]["weight"] + p["dense1"]["bias"])
        return jnp.mean((hidden @ p["dense2"]["weight"] + p["dense2"]["bias"] - t) ** 2)

    shapes = jax.tree_util.tree_map(lambda n: jax.ShapeDtypeStruct(n.shape, "float32"), nodes)
    rest = [jax.ShapeDtypeStruct((16, 6), "float32"), jax.ShapeDtypeStruct((16, 1), "float32")]
    hand = jax.jit(jax.value_and_grad(by_hand)).lower(shapes, *rest).as_text()
    own = step.stablehlo()
    for word in ("dot_general", "stablehlo.transpose"):
        assert own.count(word) <= hand.count(word), word
