"""Networks: layers, first values and losses, built from operations with no rules of their own.

A layer is a frozen record of hyper-parameters. Called with a graph value it makes its parameters,
whose sizes follow from the operand, and returns more graph; `training=True` returns the graph for
training, which differs for dropout and batch-norm. So a model is a graph like any other: it is
differentiated, compiled, drawn, checked and saved as one.

    model = nn.Sequential([nn.Dense(16, "relu"), nn.Dense(3)])
    x = gx.input("x", ("batch", 4))
    logits = model(x)
    parameters, state = nn.initialise(logits, seed=0)

**Names.** Parameters are called by their path, "dense1.weight". A model numbers its layers by kind,
and the names of a model within a model begin with the inner model's ("sequential1.dense1.weight");
`name=` replaces such a part. A layer called by itself is numbered past the layers its operand rests
on. A layer object keeps the name of its first call, and called again it has the same parameters:
that is how weights are shared. Two objects never share parameters unless a person says so, by the
same `name=` outside of any model; where two would have one name by accident in one graph, that is a
NameClashError. Names alone, and no objects, tie values to parameters: a model built anew takes the
values of the old one.

**Parameters** are plain nests of dicts, as `parameters`, `state`, `updates` and `initialise` give
them, so Optax, Orbax and Equinox take them as they are. State is what no gradient moves, such as a
running mean; `updates` are its next values, which a training step computes beside the gradients.

**Layout.** Batch first, features or channels last: `[batch, time, features]`, `[batch, height,
width, channels]`.
"""

from graphc.nn import init
from graphc.nn.activations import activation_of
from graphc.nn.attention import MultiHeadAttention, TransformerBlock, dot_product_attention
from graphc.nn.containers import Feedforward, Flatten, Reshape, Residual, Sequential
from graphc.nn.conv import AvgPool, Conv, ConvTranspose, GlobalPool, MaxPool
from graphc.nn.dense import Dense
from graphc.nn.dropout import Dropout
from graphc.nn.embedding import Embedding, PositionEmbedding, SinusoidalPositions
from graphc.nn.gates import GEGLU, GLU, Maxout, PReLU, ReGLU, SwiGLU, Swish
from graphc.nn.naming import Scope, Token, entered, folded, layer, named, own_token
from graphc.nn.norms import BatchNorm, GroupNorm, LayerNorm, RMSNorm, SingleBatchWarning
from graphc.nn.parameters import (
    SymmetryWarning,
    count,
    flat,
    initialise,
    key,
    nest,
    parameters,
    state,
    updates,
)
from graphc.nn.penalties import elastic, l1, l2
from graphc.nn.recurrent import GRU, LSTM, RNN, Bidirectional
from graphc.nn.summary import describe

__all__ = [
    "GEGLU",
    "GLU",
    "GRU",
    "LSTM",
    "RNN",
    "AvgPool",
    "BatchNorm",
    "Bidirectional",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Dropout",
    "Embedding",
    "Feedforward",
    "Flatten",
    "GlobalPool",
    "GroupNorm",
    "LayerNorm",
    "MaxPool",
    "Maxout",
    "MultiHeadAttention",
    "PReLU",
    "PositionEmbedding",
    "RMSNorm",
    "ReGLU",
    "Reshape",
    "Residual",
    "Scope",
    "Sequential",
    "SingleBatchWarning",
    "SinusoidalPositions",
    "SwiGLU",
    "Swish",
    "SymmetryWarning",
    "Token",
    "TransformerBlock",
    "activation_of",
    "count",
    "describe",
    "dot_product_attention",
    "elastic",
    "entered",
    "flat",
    "folded",
    "init",
    "initialise",
    "key",
    "l1",
    "l2",
    "layer",
    "named",
    "nest",
    "own_token",
    "parameters",
    "state",
    "updates",
]
