from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from examples import autoencoder, digits_mlp


@pytest.fixture(scope="module")
def result() -> autoencoder.Result:
    return autoencoder.compute(quick=True)


def test_components_are_those_of_scikit_learn(result: autoencoder.Result) -> None:
    data = digits_mlp.load()
    # In 64 bits: the two then differ by what 32 bits round away in ours.
    pca = PCA(autoencoder.CODE, svd_solver="full").fit(data.train_images.astype(np.float64))
    theirs = pca.inverse_transform(pca.transform(data.test_images))
    ours = autoencoder.principal(data.train_images, data.test_images)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    lost = autoencoder.lost(data.test_images, theirs, data.train_images.mean(axis=0))
    assert result.errors["principal components"][1] == pytest.approx(lost, rel=1e-4)


def test_linear_autoencoder_comes_to_the_components_and_never_below(
    result: autoencoder.Result,
) -> None:
    best = result.errors["principal components"][0]
    assert best * (1 - 1e-5) < result.errors["linear autoencoder"][0] < 1.04 * best


def test_hidden_layers_lose_less_on_digits_not_seen(result: autoencoder.Result) -> None:
    assert result.errors["autoencoder"][1] < 0.95 * result.errors["principal components"][1]


def test_picture_has_a_row_for_each_way(result: autoencoder.Result) -> None:
    axes = autoencoder.picture(result).axes
    assert len(axes) == 30
    assert [axis.get_ylabel().splitlines()[0] for axis in axes[::10]] == [
        "digit", "principal", "autoencoder",
    ]  # fmt: skip
