"""Norms over the hidden width or a head's width, along any axis. Safe in fp16 up to its largest values."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

SMALLEST = np.float16(2.0**-14)  # smallest normal fp16 value; compute units may flush smaller ones to 0


def rms_norm(x: Var, gain: Var, epsilon: float, axis: int, scale: float = 1.0) -> Var:
    """x / sqrt(mean(x^2) + epsilon) * gain * scale, safe in fp16."""
    return mb.mul(x=_normalised(x, np.float16(np.sqrt(epsilon)), axis, scale), y=gain)


def layer_norm(x: Var, gain: Var, bias: Var, epsilon: float, axis: int) -> Var:
    """(x - mean) / sqrt(variance + epsilon) * gain + bias, safe in fp16.

    A sum, or a difference from the mean, may overflow although no value does. Therefore x and the root of epsilon are
    divided by the largest magnitude of x before the mean is taken. The scaled root is at least the smallest normal fp16
    value; smaller ones make no difference, because x itself has a relative precision of only a thousandth.
    """
    root = np.float16(np.sqrt(epsilon))
    largest = mb.maximum(x=mb.reduce_max(x=mb.abs(x=x), axes=[axis], keep_dims=True), y=root)
    scaled = mb.real_div(x=x, y=largest)
    centred = mb.sub(x=scaled, y=mb.reduce_mean(x=scaled, axes=[axis], keep_dims=True))
    smaller = mb.maximum(x=mb.real_div(x=root, y=largest), y=SMALLEST)
    return mb.add(x=mb.mul(x=_normalised(centred, smaller, axis), y=gain), y=bias)


def _normalised(x: Var, root: Var | np.float16, axis: int, scale: float = 1.0) -> Var:
    """x / sqrt(mean(x^2) + root^2) * scale.

    Squares of values above 255 overflow fp16, so x is divided by s = max(|x|, root) first. Both terms under the square
    root are then in [0, 1]: with y = x / s the result is y / sqrt(mean(y^2) + (root / s)^2), which is the same number.
    Only the root of epsilon (1e-5) is stored, so epsilon does not lose precision.
    """
    largest = mb.reduce_max(x=mb.abs(x=x), axes=[axis], keep_dims=True)
    divisor = mb.maximum(x=largest, y=root)
    scaled = mb.real_div(x=x, y=divisor)
    floor = mb.square(x=mb.real_div(x=root, y=divisor))
    mean = mb.reduce_mean(x=mb.square(x=scaled), axes=[axis], keep_dims=True)
    inverse = mb.rsqrt(x=mb.add(x=mean, y=floor), epsilon=np.float16(0))
    if scale != 1:  # before the gain, which may be large
        inverse = mb.mul(x=inverse, y=np.float16(scale))
    return mb.mul(x=scaled, y=inverse)
