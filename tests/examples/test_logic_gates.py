from __future__ import annotations

import pytest

from examples import logic_gates


@pytest.fixture(scope="module")
def result() -> logic_gates.Result:
    return logic_gates.compute()


def test_one_neuron_is_and_and_or(result: logic_gates.Result) -> None:
    assert result.answers == {
        "AND": [int(a and b) for a in (0, 1) for b in (0, 1)],
        "OR": [int(a or b) for a in (0, 1) for b in (0, 1)],
    }


def test_no_neuron_is_xor(result: logic_gates.Result) -> None:
    # The two gates that a neuron can be show that the search finds what there is.
    assert result.fewest_errors == {"AND": 0, "OR": 0, "XOR": 1}


def test_picture_has_a_panel_for_each_gate(result: logic_gates.Result) -> None:
    titles = [axis.get_title(loc="left") for axis in logic_gates.picture(result).axes]
    assert [title.split(":")[0] for title in titles] == ["AND", "OR", "XOR"]
