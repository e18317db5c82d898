"""Norms over the hidden width (or a head's), wherever the layout has that axis."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var


def rms_norm(x: Var, gain: Var, epsilon: float, axis: int, scale: float = 1.0) -> Var:
    """x / sqrt(mean(x^2) + epsilon) * gain * scale, safe in fp16.

    Squares of values above 255 overflow fp16, so x is divided by s = max(|x|, sqrt(epsilon)) first. Both terms under
    the root then lie in [0, 1]: with y = x / s the result is y / sqrt(mean(y^2) + (sqrt(epsilon) / s)^2), which is the
    same number. epsilon itself (1e-5) keeps its digits because only its root is ever stored.
    """
    root = np.float16(np.sqrt(epsilon))
    largest = mb.reduce_max(x=mb.abs(x=x), axes=[axis], keep_dims=True)
    divisor = mb.maximum(x=largest, y=root)
    scaled = mb.real_div(x=x, y=divisor)
    floor = mb.square(x=mb.real_div(x=root, y=divisor))
    mean = mb.reduce_mean(x=mb.square(x=scaled), axes=[axis], keep_dims=True)
    inverse = mb.rsqrt(x=mb.add(x=mean, y=floor), epsilon=np.float16(0))
    if scale != 1:  # before the gain, which may be large
        inverse = mb.mul(x=inverse, y=np.float16(scale))
    return mb.mul(x=mb.mul(x=scaled, y=inverse), y=gain)


def layer_norm(x: Var, gain: Var, bias: Var, epsilon: float, axis: int) -> Var:
    """(x - mean) / sqrt(variance + epsilon) * gain + bias, by the same guard against overflow as `rms_norm`."""
    centred = mb.sub(x=x, y=mb.reduce_mean(x=x, axes=[axis], keep_dims=True))
    return mb.add(x=rms_norm(centred, gain, epsilon, axis), y=bias)
