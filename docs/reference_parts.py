"""The parts of the reference and the public names in each, in the order in which one meets them.

Operations that are called by their record alone (`gx.sin`) stand in the table of operations.
"""

from __future__ import annotations

PARTS = {
    "Declare": "input param constant asarray full full_like zeros zeros_like ones ones_like "
    "empty empty_like dim function block map parse",
    "Evaluate and compile": "evaluate evaluate_mpmath compile Compiled",
    "Differentiate": "grad value_and_grad vjp jvp jacobian hessian hvp with_gradient custom_rule",
    "Check and compare": (
        "Problem check debug DebugReport kinks KinkReport compare write_report load_problems"
    ),
    "Draw": "draw",
    "Save and load": "save load load_with_values",
    "Simplify and measure": "simplify lint explain cost",
    "Speed": "optimize plan assume derivative_plan",
    "Sparse derivatives": ("sparse_jacobian sparse_hessian sparsity SparseDerivative Structure"),
    "SymPy": "to_sympy from_sympy",
    "Elementwise functions": (
        "pow round clip sinc sign positive isfinite isinf isnan nan_to_num signbit fmod radians "
        "degrees bitwise_and bitwise_or bitwise_xor bitwise_invert bitwise_left_shift "
        "bitwise_right_shift"
    ),
    "Special functions": "polygamma gammasgn beta zeta igamma erfcinv i0 i1",
    "Complex numbers": "complex real imag conj angle",
    "Reductions": (
        "sum prod mean max min var std norm any all count_nonzero argmax argmin logsumexp softmax "
        "log_softmax"
    ),
    "Running results": (
        "cumsum cumprod cummax cummin cumlogsumexp cumulative_sum cumulative_prod diff"
    ),
    "Shapes": (
        "reshape ravel transpose matrix_transpose swapaxes moveaxis squeeze expand_dims "
        "broadcast_to broadcast_arrays broadcast_shapes concat stack unstack tile repeat flip roll "
        "pad cast astype"
    ),
    "Grids and masks": "arange linspace meshgrid eye one_hot tril triu diag diagonal trace",
    "Indices": (
        "take take_along_axis dynamic_slice dynamic_update_slice scatter_add segment_sum "
        "segment_max segment_min bincount nonzero unique unique_all unique_counts "
        "unique_inverse unique_values isin"
    ),
    "Order": "sort argsort top_k searchsorted",
    "Products": ("dot inner outer vecdot matvec vecmat kron cross tensordot dot_general einsum"),
    "Windows": ("conv conv_transpose convolve correlate max_pool min_pool sum_pool avg_pool"),
    "Linear algebra": (
        "linalg.solve linalg.triangular_solve linalg.inv linalg.lstsq linalg.pinv linalg.cholesky "
        "linalg.qr linalg.svd linalg.svdvals linalg.eigh linalg.eigvalsh linalg.spectral "
        "linalg.det linalg.slogdet linalg.expm linalg.matrix_power linalg.matrix_rank linalg.cond "
        "linalg.matrix_norm linalg.vector_norm linalg.trace linalg.diagonal linalg.multi_dot"
    ),
    "Fourier transforms": (
        "fft.fft fft.ifft fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfftn fft.irfftn fft.hfft "
        "fft.ihfft fft.fftfreq fft.rfftfreq fft.fftshift fft.ifftshift"
    ),
    "Random numbers": (
        "random.key random.split random.fold_in random.bits random.uniform random.normal "
        "random.truncated_normal random.bernoulli random.exponential random.gumbel random.laplace "
        "random.randint random.permutation random.categorical random.choice random.gamma "
        "random.loggamma random.beta random.chisquare random.dirichlet dropout"
    ),
    "Branches and loops": (
        "cond switch scan fori_loop while_loop associative_scan checkpoint root fixed_point"
    ),
    "Activations": (
        "leaky_relu elu gelu threshold relu6 prelu celu hard_tanh hard_sigmoid swish mish"
    ),
    "Losses": (
        "mse mae huber log_cosh_error hinge squared_hinge binary_cross_entropy "
        "categorical_cross_entropy log_loss kl_divergence focal triplet cosine_distance "
        "nn.l1 nn.l2 nn.elastic"
    ),
    "Layers": (
        "nn.Sequential nn.Feedforward nn.Residual nn.Dense nn.Conv nn.ConvTranspose nn.MaxPool "
        "nn.AvgPool nn.GlobalPool nn.Flatten nn.Reshape nn.BatchNorm nn.LayerNorm nn.RMSNorm "
        "nn.GroupNorm nn.Dropout nn.Embedding nn.PositionEmbedding nn.SinusoidalPositions nn.GLU "
        "nn.ReGLU nn.GEGLU nn.SwiGLU nn.Maxout nn.PReLU nn.Swish nn.RNN nn.LSTM nn.GRU "
        "nn.Bidirectional nn.MultiHeadAttention nn.TransformerBlock nn.dot_product_attention "
        "nn.activation_of"
    ),
    "Parameters of networks": (
        "nn.parameters nn.state nn.updates nn.initialise nn.count nn.describe nn.folded nn.flat "
        "nn.nest nn.key assign nn.layer nn.named nn.own_token nn.entered nn.Scope"
    ),
    "First values": (
        "nn.init.zeros nn.init.ones nn.init.constant nn.init.uniform nn.init.normal "
        "nn.init.truncated_normal nn.init.glorot nn.init.he nn.init.lecun nn.init.scaled "
        "nn.init.orthogonal"
    ),
    "Training": (
        "train.fit train.Run train.Best train.Normaliser train.early_stopping "
        "train.EarlyStopping train.constant train.exponential train.steps train.cosine "
        "train.plateau train.warm_up train.Schedule train.optimiser_names train.shampoo "
        "train.scale_by_shampoo train.minimise train.Minimum train.step_graph train.StepGraph "
        "train.search train.choice train.integers train.uniform train.log_uniform train.Trials "
        "train.Trial train.curves train.histograms train.distributions train.Distribution "
        "train.chart train.Panel train.Series train.Plan train.load_plan"
    ),
    "Types": "isdtype result_type can_cast finfo iinfo promote DType TensorType Dim Graph",
}
