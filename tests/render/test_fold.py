from __future__ import annotations

import graphc as gx
from graphc.render.fold import fold
from tests.render.graphs import chain, logistic, scalar


def test_every_node_is_drawn_hidden_or_stands_for_a_drawn_one():
    output, _ = logistic(30)
    found = fold([output])
    drawn = [n for n in found.order if n not in found.cell and n not in found.hidden]
    for node in found.order:
        assert any(found.drawn(node) is other for other in drawn)


def test_a_small_graph_is_not_folded():
    found = fold([logistic(4)[0]])
    assert not found.cell and not found.hidden


def test_the_first_round_starts_from_the_input():
    found = fold([logistic(21)[0]])
    assert {r.times for r in found.repeat.values()} == {20}


def test_alternating_chains_fold_by_their_period():
    value = scalar("x")
    for _ in range(50):
        value = gx.exp(gx.sin(value))
    (repeat,) = {id(r): r for r in fold([value]).repeat.values()}.values()
    assert repeat.times == 50
    assert [n.op.name for n in repeat.nodes] == ["sin", "exp"]


def test_an_output_in_the_middle_stays():
    value = chain(20)
    middle = value.args[0].args[0].args[0]
    found = fold([value, middle])
    assert found.drawn(middle) is middle


def test_different_constants_do_not_fold():
    value = scalar("x")
    for i in range(20):
        value = value * (1.0 + i)
    assert not fold([value]).cell


def test_the_remainder_keeps_the_nodes_next_to_the_output():
    value = scalar("x")
    for i in range(200):
        value = gx.sin(value) * (1.5 + i)
    found = fold([value], budget=30)
    assert value not in found.hidden
    for node in found.order:
        if node in found.hidden:
            assert all(a in found.hidden or not a.args for a in node.args)
