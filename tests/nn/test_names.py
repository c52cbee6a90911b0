"""Names of layers: by path, stable, shared only where a person says so."""

from __future__ import annotations

import gc
import time

import jax
import numpy as np
import pytest

import graphc as gx
from graphc import nn
from graphc.core.walk import topological_order

X = gx.input("x", ("batch", 3))


def names(*nodes: gx.Node) -> list[str]:
    return list(nn.flat(nn.parameters(list(nodes))))


def test_a_model_numbers_its_layers_by_kind() -> None:
    model = nn.Sequential([nn.Dense(4), "relu", nn.Dense(5), nn.PReLU(), nn.Dense(2, bias=False)])
    assert names(model(X)) == [
        "dense1.weight",
        "dense1.bias",
        "dense2.weight",
        "dense2.bias",
        "prelu1.slope",
        "dense3.weight",
    ]


def test_a_parametric_activation_is_a_parameter_of_its_layer() -> None:
    model = nn.Sequential([nn.Dense(4, "prelu"), nn.Dense(4, bias=False), "parametric", "prelu"])
    assert [name for name in names(model(X)) if "slope" in name] == [
        "dense1.slope",
        "prelu1.slope",
        "prelu2.slope",
    ]
    with pytest.raises(gx.ArgumentError, match=r"nn\.PReLU"):
        nn.activation_of("prelu")(X)


def test_stages_are_the_results_of_the_layers() -> None:
    model = nn.Sequential([nn.Dense(4), "relu", nn.Dense(2)])
    stages = model.stages(X)
    assert stages[0] is X and stages[-1] is model(X)
    assert [str(node.type) for node in stages[1:]] == ["f32[batch,4]"] * 2 + ["f32[batch,2]"]


def test_models_within_models_go_on_their_names() -> None:
    inner = nn.Sequential([nn.Dense(3), nn.Residual(nn.Dense(3))])
    assert names(nn.Sequential([inner, nn.Dense(1)])(X)) == [
        "sequential1.dense1.weight",
        "sequential1.dense1.bias",
        "sequential1.residual1.dense1.weight",
        "sequential1.residual1.dense1.bias",
        "dense1.weight",
        "dense1.bias",
    ]


def test_layers_by_themselves_number_past_those_they_rest_on() -> None:
    hidden = nn.Dense(4)(X)
    assert names(nn.Dense(2)(hidden)) == [
        "dense1.weight",
        "dense1.bias",
        "dense2.weight",
        "dense2.bias",
    ]
    decoder = nn.Sequential([nn.Dense(4), nn.Dense(3)])
    encoder = nn.Sequential([nn.Dense(2), nn.Dense(2)])
    made = nn.parameters(decoder(encoder(X)))
    assert list(made) == ["dense1", "dense2", "dense3", "dense4"]


def test_the_same_layer_called_twice_has_the_same_parameters() -> None:
    layer = nn.Dense(3)
    assert nn.count([layer(X), layer(layer(X))]) == 12
    model = nn.Sequential([layer, nn.Dense(1)])
    assert nn.count(model(layer(X))) == 16


def test_training_and_inference_have_the_same_parameters() -> None:
    def block(x: gx.Node) -> gx.Node:
        return nn.Dense(3)(nn.LayerNorm()(x))

    model = nn.Sequential([nn.Dense(4), nn.Dropout(0.5), block, nn.Residual(block), nn.Dense(1)])
    made, trained = model(X), model(X, training=True)
    assert nn.parameters(made) == nn.parameters(trained)
    assert nn.parameters(made) == nn.parameters(model(gx.input("other", (7, 3))))


def test_two_objects_with_one_name_by_accident_are_an_error() -> None:
    left, right = nn.Dense(4)(X), nn.Dense(4)(X)
    assert names(left) == names(right)
    for use in (
        lambda: nn.parameters(left + right),
        lambda: gx.compile(left + right),
        lambda: gx.evaluate(left * right, x=np.ones((1, 3))),
    ):
        with pytest.raises(gx.NameClashError, match="dense1"):
            use()
    with pytest.raises(gx.NameClashError, match="'a' and share"):
        nn.Sequential([nn.Dense(3, name="a"), nn.Dense(3, name="a")])(X)


def test_an_error_holds_whatever_has_become_of_the_layers() -> None:
    left = nn.Dense(4)(X)
    gc.collect()
    right = nn.Dense(4)(X)
    with pytest.raises(gx.NameClashError):
        nn.count([left, right])


def test_a_name_given_twice_outside_a_model_is_one_parameter() -> None:
    left, right = nn.Dense(4, name="shared")(X), nn.Dense(4, name="shared")(X)
    assert left is right
    assert names(left) == ["shared.weight", "shared.bias"]
    tower = [nn.Sequential([nn.Dense(2), nn.Dense(1)], name="tower")(X) for _ in range(2)]
    assert names(*tower)[:2] == ["tower.dense1.weight", "tower.dense1.bias"]
    assert nn.count(tower) == 11


def test_a_name_given_is_kept_free() -> None:
    model = nn.Sequential([nn.Dense(3), nn.Dense(3, name="dense1"), nn.Dense(3)])
    assert list(nn.parameters(model(X))) == ["dense2", "dense1", "dense3"]


def test_values_fit_a_model_built_anew() -> None:
    first, _ = nn.initialise(nn.Feedforward([3, 4, 1])(X), 5)
    again = nn.Feedforward([3, 4, 1])(X)
    assert gx.evaluate(again, x=np.ones((2, 3)), **nn.flat(first)).shape == (2, 1)


def test_a_saved_model_has_names_first_values_and_states_and_no_owner(tmp_path: object) -> None:
    model = nn.Sequential([nn.Dense(4, "tanh"), nn.BatchNorm(), nn.Dense(1)])
    made = model(X, training=True)
    path = f"{tmp_path}/model.json"
    gx.save(path, made)
    loaded = gx.load(path)
    assert names(loaded) == names(made)
    assert nn.flat(nn.state(loaded)).keys() == nn.flat(nn.state(made)).keys()
    assert list(nn.flat(nn.updates(loaded))) == ["batchnorm1.mean", "batchnorm1.var"]
    assert all("owner" not in node.params for node in nn.flat(nn.parameters(loaded)).values())
    for left, right in zip(nn.initialise(made, 3), nn.initialise(loaded, 3), strict=True):
        jax.tree_util.tree_map(np.testing.assert_array_equal, left, right)
    # A second save of the same model, built anew, gives the same bytes.
    model = nn.Sequential([nn.Dense(4, "tanh"), nn.BatchNorm(), nn.Dense(1)])
    gx.save(f"{tmp_path}/again.json", model(X, training=True))
    places = lambda text: "\n".join(
        line for line in text.splitlines() if not line.startswith('"places"')
    )
    with open(path) as one, open(f"{tmp_path}/again.json") as other:
        assert len(places(one.read())) == len(places(other.read()))


def test_a_parameter_name_that_goes_on_after_another_is_refused() -> None:
    with pytest.raises(gx.NameClashError, match="is the beginning of"):
        nn.parameters(gx.param("a", ()) + gx.param("a.b", ()))


def test_a_layer_of_ones_own() -> None:
    @nn.layer
    class Scale:
        start: float = 2.0
        name: str | None = nn.named(default=None)
        token: nn.Token = nn.own_token()

        def __call__(self, x: gx.Node, *, training: bool = False) -> gx.Node:
            with nn.entered(self, x) as scope:
                return x * scope.param("factor", (x.shape[-1],), x.dtype, self.start)

    made = nn.Sequential([Scale(), Scale(3.0)])(X)
    parameters, _ = nn.initialise(made)
    assert list(parameters) == ["scale1", "scale2"]
    assert gx.evaluate(made, x=np.ones((1, 3)), **nn.flat(parameters)).tolist() == [[6.0] * 3]


def test_a_folded_model_is_the_model_with_its_layers_as_blocks() -> None:
    model = nn.Sequential([nn.Dense(4, "relu"), nn.Residual([nn.LayerNorm(), nn.Dense(4)])])
    plain, folded = model(X), nn.folded(model, X)
    assert nn.parameters(folded) == nn.parameters(plain)
    values = {"x": np.ones((2, 3), np.float32), **nn.flat(nn.initialise(plain)[0])}
    np.testing.assert_array_equal(gx.evaluate(folded, values), gx.evaluate(plain, values))
    assert [n.op.name for n in topological_order([folded])].count("call") == 2
    picture = gx.draw(folded, bodies=False, parameters=False).dot
    assert "dense1" in picture and "residual1" in picture
    assert "f32[3,4]" not in picture and "f32[3,4]" in gx.draw(folded, bodies=False).dot
    assert model(X) is plain


def test_layers_one_upon_the_other_are_named_in_time_that_grows_with_their_number_alone() -> None:
    deep = gx.input("x", (2,))
    for _ in range(30_000):
        deep = gx.sin(deep)
    walked = topological_order([deep])
    start = time.perf_counter()
    for _ in range(10):
        topological_order([deep])
    once = (time.perf_counter() - start) / 10
    start = time.perf_counter()
    for _ in range(300):
        deep = nn.Dense(2)(deep)
    assert time.perf_counter() - start < 100 * once  # each by itself would walk all of it: 300
    assert len(walked) == 30_001 and list(nn.parameters(deep))[-1] == "dense300"


def test_a_layer_numbers_past_all_it_rests_on_where_graphs_meet() -> None:
    x = gx.input("x", (2,))
    left = nn.Dense(2)(x)
    right = nn.Dense(2, name="dense2")(x)
    above = nn.Dense(2)(left)  # rests on dense1 alone: dense2 of its own
    both = nn.Dense(2)(gx.stack([left, right])[0])
    assert list(nn.parameters(above)) == ["dense1", "dense2"]
    assert set(nn.parameters(both)) == {"dense1", "dense2", "dense3"}
