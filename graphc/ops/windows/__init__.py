"""Records of ops that let a window step over an input: convolution and pooling."""

from graphc.ops.windows import conv, convolving, pooling, pools

__all__ = ["conv", "convolving", "pooling", "pools"]
