"""Cases of operations that compute: element by element, products, norms, reductions, rankings."""

from __future__ import annotations

import math

import numpy as np
from coremltools.converters.mil.mil import Builder as mb

from case import Case, floats, ints


def cases() -> list[Case]:
    return unary() + activations() + binary() + products() + attention() + convolutions() + norms() + reductions() + rankings()


def unary() -> list[Case]:
    x = floats(1, 3, 7)
    out = [
        Case(op, lambda v, op=op: getattr(mb, op)(x=v), [x])
        for op in ("abs", "sign", "square", "ceil", "floor", "round", "exp2", "sin", "cos", "tan", "atan", "sinh", "cosh", "erf")
    ]
    unit = floats(2, 3, 7, low=-0.95, high=0.95)
    out += [Case(op, lambda v, op=op: getattr(mb, op)(x=v), [unit]) for op in ("asin", "acos", "atanh")]
    positive = floats(3, 3, 7, low=0.01, high=5)
    out += [Case(op, lambda v, op=op: getattr(mb, op)(x=v), [positive]) for op in ("sqrt", "rsqrt", "inverse", "log")]
    out += [
        Case("rsqrt_epsilon", lambda v: mb.rsqrt(x=v, epsilon=np.float32(0.5)), [positive]),
        Case("inverse_epsilon", lambda v: mb.inverse(x=v, epsilon=np.float32(0.25)), [positive]),
        Case("log_epsilon", lambda v: mb.log(x=v, epsilon=np.float32(0.5)), [positive]),
        Case("clip", lambda v: mb.clip(x=v, alpha=np.float32(-0.5), beta=np.float32(1)), [x]),
        Case("threshold", lambda v: mb.threshold(x=v, alpha=np.float32(0.3)), [x]),
        Case("abs_int", lambda v: mb.abs(x=v), [ints(4, 5)]),
        Case("cast_to_int", lambda v: mb.cast(x=v, dtype="int32"), [floats(5, 8, low=-5, high=5)]),
        Case("cast_to_bool", lambda v: mb.cast(x=v, dtype="bool"), [np.array([0, -1, 2, 0], np.int32)]),
        Case("cast_to_half", lambda v: mb.cast(x=v, dtype="fp16"), [np.array([1, 0.5, -3], np.float32)]),
        Case("cast_to_int8", lambda v: mb.cast(x=v, dtype="int8"), [np.array([1.9, -1.9, 100, -100], np.float32)]),
        Case("logical_not", lambda v: mb.logical_not(x=mb.cast(x=v, dtype="bool")), [np.array([0, 1, 3], np.int32)]),
    ]
    return out


def activations() -> list[Case]:
    x = floats(6, 2, 5, 9, low=-6, high=6)
    half = np.float32(0.5)
    erf = np.vectorize(math.erf)
    out = [
        Case(op, lambda v, op=op: getattr(mb, op)(x=v), [x])
        for op in ("exp", "sigmoid", "silu", "tanh", "relu", "relu6", "softplus", "softsign")
    ]
    for case in out:
        if case.name == "silu":
            case.expected = lambda: x / (1 + np.exp(-x.astype(np.float64)))
        if case.name == "softsign":
            case.expected = lambda: x / (1 + np.abs(x))
    out += [
        Case("exp_wide", lambda v: mb.exp(x=v), [np.array([-200, -87.4, -87, -1, 0, 1, 88, 88.7, 100], np.float32)], tolerance=1e-6),
        Case("tanh_small", lambda v: mb.tanh(x=v), [np.array([-20, -0.6, -1e-3, 0, 1e-5, 0.3, 0.63, 20], np.float32)]),
        Case("gelu_exact", lambda v: mb.gelu(x=v, mode="EXACT"), [x], lambda: x * 0.5 * (1 + erf(x / math.sqrt(2)))),
        Case(
            "gelu_tanh",
            lambda v: mb.gelu(x=v, mode="TANH_APPROXIMATION"),
            [x],
            lambda: x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x.astype(np.float64) ** 3))),
        ),
        Case(
            "gelu_sigmoid",
            lambda v: mb.gelu(x=v, mode="SIGMOID_APPROXIMATION"),
            [x],
            lambda: x / (1 + np.exp(-1.702 * x.astype(np.float64))),
        ),
        Case("softmax", lambda v: mb.softmax(x=v, axis=-1), [x]),
        Case("softmax_axis1", lambda v: mb.softmax(x=v, axis=1), [x]),
        Case("softmax_masked", lambda v: mb.softmax(x=v, axis=-1), [x + np.where(np.arange(9) > 4, -1e4, 0).astype(np.float32)]),
        Case("elu", lambda v: mb.elu(x=v, alpha=half), [x]),
        Case("leaky_relu", lambda v: mb.leaky_relu(x=v, alpha=half), [x]),
        Case("thresholded_relu", lambda v: mb.thresholded_relu(x=v, alpha=half), [x]),
        Case("linear_activation", lambda v: mb.linear_activation(x=v, alpha=half, beta=np.float32(1)), [x]),
        Case("clamped_relu", lambda v: mb.clamped_relu(x=v, alpha=half, beta=np.float32(2)), [x]),
        Case("scaled_tanh", lambda v: mb.scaled_tanh(x=v, alpha=half, beta=np.float32(2)), [x]),
        Case("sigmoid_hard", lambda v: mb.sigmoid_hard(x=v, alpha=half, beta=np.float32(0.25)), [x]),
        Case(
            "prelu",
            lambda v: mb.prelu(x=v, alpha=np.linspace(0.1, 0.5, 5).astype(np.float32)),
            [x[..., None]],
            lambda: np.where(x > 0, x, x * np.linspace(0.1, 0.5, 5).astype(np.float32)[None, :, None])[..., None],
        ),
    ]
    return out


def binary() -> list[Case]:
    shapes = {
        "same": ((2, 3, 4), (2, 3, 4)),
        "scalar": ((2, 3, 4), (1,)),
        "row": ((2, 3, 4), (4,)),
        "cross": ((2, 1, 4), (3, 1)),
        "left": ((3, 1), (2, 3, 4)),
    }
    out = []
    for op in ("add", "sub", "mul", "real_div", "maximum", "minimum"):
        for how, (a, b) in shapes.items():
            out.append(
                Case(
                    f"{op}_{how}",
                    lambda x, y, op=op: getattr(mb, op)(x=x, y=y),
                    [floats(7, *a), floats(8, *b, low=0.5)],
                    fold=how == "cross",
                )
            )
    x, y = floats(9, 3, 5), floats(10, 3, 5)
    y[0, 0] = x[0, 0]
    for op in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
        out.append(Case(op, lambda a, b, op=op: getattr(mb, op)(x=a, y=b), [x, y]))
    for op in ("add", "sub", "mul", "floor_div", "mod", "maximum", "minimum", "less", "equal"):
        out.append(
            Case(f"{op}_int", lambda a, b, op=op: getattr(mb, op)(x=a, y=b), [ints(11, 4, 5), np.array([3, -2, 5, 1, -7], np.int32)])
        )
    out += [
        Case("floor_div", lambda a, b: mb.floor_div(x=a, y=b), [x * 3, np.abs(y) + 0.5]),
        Case("mod", lambda a, b: mb.mod(x=a, y=b), [x * 3, np.abs(y) + 0.5], tolerance=1e-5),
        Case("pow", lambda a, b: mb.pow(x=a, y=b), [np.abs(x) + 0.1, y], tolerance=1e-5),
    ]
    for op in ("logical_and", "logical_or", "logical_xor"):
        out.append(
            Case(
                op,
                lambda a, b, op=op: getattr(mb, op)(x=mb.cast(x=a, dtype="bool"), y=mb.cast(x=b, dtype="bool")),
                [np.array([0, 0, 1, 1], np.int32), np.array([0, 1, 0, 1], np.int32)],
            )
        )
    condition = np.array([[1], [0], [1]], np.int32)
    out.append(
        Case(
            "select",
            lambda c, a, b: mb.select(cond=mb.cast(x=c, dtype="bool"), a=a, b=b),
            [condition, x, y],
            lambda: np.where(condition != 0, x, y),
        )
    )
    out.append(Case("band_part", lambda v: mb.band_part(x=v, lower=1, upper=0), [floats(12, 4, 5)]))
    return out


def products() -> list[Case]:
    x, w, b = floats(20, 3, 37), floats(21, 11, 37), floats(22, 11)
    out = [
        Case("linear", lambda v: mb.linear(x=v, weight=w, bias=b), [x], lambda: x @ w.T + b, 1e-5),
        Case("linear_one", lambda v: mb.linear(x=v, weight=w), [x[:1]], lambda: x[:1] @ w.T, 1e-5),
        Case("linear_rank1", lambda v: mb.linear(x=v, weight=w, bias=b), [x[0]], lambda: x[0] @ w.T + b, 1e-5),
    ]
    half = w.astype(np.float16)
    out.append(
        Case(
            "linear_half",
            lambda v: mb.linear(x=v, weight=half),
            [x.astype(np.float16)],
            lambda: x.astype(np.float16).astype(np.float32) @ half.astype(np.float32).T,
            1e-5,
        )
    )
    a, c = floats(23, 2, 3, 5, 8), floats(24, 2, 1, 8, 6)
    for tx in (False, True):
        for ty in (False, True):
            left = np.ascontiguousarray(a.swapaxes(-1, -2)) if tx else a
            right = np.ascontiguousarray(c.swapaxes(-1, -2)) if ty else c
            out.append(
                Case(
                    f"matmul_{int(tx)}{int(ty)}",
                    lambda p, q, tx=tx, ty=ty: mb.matmul(x=p, y=q, transpose_x=tx, transpose_y=ty),
                    [left, right],
                    lambda: a @ c,
                    1e-5,
                )
            )
    out.append(Case("matmul_weight", lambda p: mb.matmul(x=p, y=w, transpose_y=True), [x], lambda: x @ w.T, 1e-5))
    out.append(Case("matmul_weight_plain", lambda p: mb.matmul(x=p, y=np.ascontiguousarray(w.T)), [x], lambda: x @ w.T, 1e-5))
    out.append(
        Case(
            "einsum_nchw",
            lambda p, r: mb.einsum(values=(p, r), equation="nchw,nwhu->nchu"),
            [floats(29, 2, 3, 4, 5), floats(30, 2, 5, 4, 6)],
            lambda: np.einsum("nchw,nwhu->nchu", floats(29, 2, 3, 4, 5), floats(30, 2, 5, 4, 6)),
            1e-5,
        )
    )
    return out


def attention() -> list[Case]:
    q, k, v = floats(33, 1, 2, 3, 8), floats(34, 1, 2, 5, 8), floats(35, 1, 2, 5, 4)
    mask = np.where(np.arange(5)[None, :] <= np.arange(3)[:, None] + 1, 0, -1e4).astype(np.float32)

    def expected(add: np.ndarray | float) -> np.ndarray:
        scores = q @ k.swapaxes(-1, -2) / math.sqrt(8) + add
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return weights / weights.sum(-1, keepdims=True) @ v

    keep = (mask == 0).astype(np.int32)
    build = mb.scaled_dot_product_attention
    return [
        Case("attention", lambda a, b, c: build(query=a, key=b, value=c), [q, k, v], lambda: expected(0), 1e-5),
        Case(
            "attention_mask", lambda a, b, c, m: build(query=a, key=b, value=c, attn_mask=m), [q, k, v, mask], lambda: expected(mask), 1e-5
        ),
        Case(
            "attention_bool",
            lambda a, b, c, m: build(query=a, key=b, value=c, attn_mask=mb.cast(x=m, dtype="bool")),
            [q, k, v, keep],
            lambda: expected(np.where(keep, 0, -np.inf)),
            1e-5,
        ),
    ]


def convolve(
    x: np.ndarray, w: np.ndarray, stride: int = 1, dilation: int = 1, pad: tuple[int, int] = (0, 0), groups: int = 1
) -> np.ndarray:
    """A convolution over two spatial axes, from its definition."""
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), pad, pad))
    n, _, h, width = x.shape
    outs, per, kh, kw = w.shape
    oh, ow = (h - (kh - 1) * dilation - 1) // stride + 1, (width - (kw - 1) * dilation - 1) // stride + 1
    y = np.zeros((n, outs, oh, ow))
    for o in range(outs):
        first = o // (outs // groups) * per
        for i in range(oh):
            for j in range(ow):
                patch = x[
                    :,
                    first : first + per,
                    i * stride : i * stride + (kh - 1) * dilation + 1 : dilation,
                    j * stride : j * stride + (kw - 1) * dilation + 1 : dilation,
                ]
                y[:, o, i, j] = (patch * w[o]).sum((1, 2, 3))
    return y


def convolutions() -> list[Case]:
    x, w, b = floats(36, 2, 4, 6, 7), floats(37, 6, 4, 3, 3), floats(38, 6)
    g, p = floats(39, 8, 2, 2, 2), floats(40, 5, 4, 1, 1)
    line, one = floats(41, 1, 8, 1, 9), floats(42, 6, 8, 1, 1)
    return [
        Case("conv", lambda v: mb.conv(x=v, weight=w, bias=b), [x], lambda: convolve(x, w) + b[None, :, None, None], 1e-5),
        Case(
            "conv_custom",
            lambda v: mb.conv(x=v, weight=w, pad_type="custom", pad=[1, 2, 1, 2], strides=[2, 2]),
            [x],
            lambda: convolve(x, w, 2, 1, (1, 2)),
            1e-5,
        ),
        Case("conv_same", lambda v: mb.conv(x=v, weight=w, pad_type="same"), [x], lambda: convolve(x, w, 1, 1, (1, 1)), 1e-5),
        Case(
            "conv_groups", lambda v: mb.conv(x=v, weight=g, groups=2, dilations=[2, 2]), [x], lambda: convolve(x, g, 1, 2, (0, 0), 2), 1e-5
        ),
        Case("conv_pointwise", lambda v: mb.conv(x=v, weight=p), [x], lambda: convolve(x, p), 1e-5),
        Case("conv_linear", lambda v: mb.conv(x=v, weight=one, bias=b), [line], lambda: convolve(line, one) + b[None, :, None, None], 1e-5),
        Case("conv_linear_one", lambda v: mb.conv(x=v, weight=one), [line[..., :1]], lambda: convolve(line[..., :1], one), 1e-5),
        Case(
            "conv_1d",
            lambda v: mb.conv(x=v, weight=w[..., 0], pad_type="custom", pad=[2, 0]),
            [x[..., 0]],
            lambda: convolve(np.pad(x[..., :1], ((0, 0), (0, 0), (2, 0), (0, 0))), w[..., :1])[..., 0],
            1e-5,
        ),
    ]


def norms() -> list[Case]:
    x = floats(43, 2, 3, 4, 8)
    g, b = floats(44, 8), floats(45, 8)
    g3, b3 = floats(46, 3), floats(47, 3)
    mean, variance = floats(48, 3), floats(49, 3, low=0.5, high=2)
    wide = [1, 3, 1, 1]

    def normal(axes: tuple[int, ...], epsilon: float) -> np.ndarray:
        return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)

    return [
        Case("layer_norm", lambda v: mb.layer_norm(x=v, axes=[-1], gamma=g, beta=b, epsilon=np.float32(1e-5)), [x], tolerance=1e-5),
        Case("layer_norm_plain", lambda v: mb.layer_norm(x=v, axes=[2, 3]), [x], tolerance=1e-5),
        Case(
            "layer_norm_axis1",
            lambda v: mb.layer_norm(x=v, axes=[1], gamma=g3, beta=b3),
            [x],
            lambda: normal((1,), 1e-5) * g3.reshape(wide) + b3.reshape(wide),
            1e-5,
        ),
        Case(
            "batch_norm",
            lambda v: mb.batch_norm(x=v, mean=mean, variance=variance, gamma=g3, beta=b3, epsilon=np.float32(1e-3)),
            [x],
            lambda: (x - mean.reshape(wide)) / np.sqrt(variance.reshape(wide) + 1e-3) * g3.reshape(wide) + b3.reshape(wide),
            1e-5,
        ),
        Case(
            "instance_norm",
            lambda v: mb.instance_norm(x=v, gamma=g3, beta=b3),
            [x],
            lambda: normal((2, 3), 1e-5) * g3.reshape(wide) + b3.reshape(wide),
            1e-5,
        ),
        Case("l2_norm", lambda v: mb.l2_norm(x=v, epsilon=np.float32(1e-3)), [x], tolerance=1e-5),
    ]


def reductions() -> list[Case]:
    x = floats(50, 3, 4, 5, low=0.2, high=2)
    out = []
    for op in ("sum", "mean", "max", "min", "prod", "sum_square", "l1_norm", "l2_norm", "log_sum", "log_sum_exp"):
        name = "reduce_" + op
        for how, axes in (("last", [-1]), ("middle", [1]), ("outer", [0, 2]), ("all", None)):
            out.append(
                Case(
                    f"{name}_{how}",
                    lambda v, name=name, axes=axes: getattr(mb, name)(x=v, keep_dims=True, **({"axes": axes} if axes else {})),
                    [x],
                    tolerance=1e-5,
                    fold=how == "middle",
                )
            )
    whole = ints(51, 3, 4)
    out += [
        Case(f"reduce_{op}_int", lambda v, op=op: getattr(mb, "reduce_" + op)(x=v, axes=[1], keep_dims=False), [whole])
        for op in ("sum", "max", "min", "sum_square")
    ]
    y = floats(52, 3, 4, 5)
    out += [
        Case("reduce_argmax", lambda v: mb.reduce_argmax(x=v, axis=-1), [y]),
        Case("reduce_argmax_axis0", lambda v: mb.reduce_argmax(x=v, axis=0, keep_dims=True), [y]),
        Case("reduce_argmin", lambda v: mb.reduce_argmin(x=v, axis=1), [y]),
        Case("cumsum", lambda v: mb.cumsum(x=v, axis=1), [y]),
        Case(
            "cumsum_exclusive",
            lambda v: mb.cumsum(x=v, axis=-1, exclusive=True, reverse=True),
            [y],
            lambda: np.flip(np.cumsum(np.flip(y, -1), -1), -1) - y,
            fold=False,
        ),
    ]
    return out


def rankings() -> list[Case]:
    x = floats(53, 3, 8)
    return [
        Case("topk", lambda v: mb.topk(x=v, k=3, axis=-1), [x]),
        Case("topk_ascending", lambda v: mb.topk(x=v, k=2, axis=0, ascending=True), [x]),
        Case("topk_values", lambda v: mb.topk(x=v, k=4, return_indices=False), [x], lambda: -np.sort(-x, -1)[:, :4]),
        Case("argsort", lambda v: mb.argsort(x=v, axis=-1), [x], lambda: np.argsort(-x, -1)),
    ]
