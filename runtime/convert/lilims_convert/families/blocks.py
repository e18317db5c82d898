"""Building blocks of decoder programs, in fp16, shared by the families.

Everything here is typed by hand (no automatic precision casts), so what a device computes in fp16 is what is written.
Shapes use N tokens a call, C cache slots, Q query heads, K key-value heads, D head width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from ..weights import Weight


@dataclass(frozen=True)
class Inputs:
    """The interface of docs/model-contract.md as variables of the function being built."""

    input_ids: Var  # int32 [1, N]
    position_ids: Var  # int32 [N]
    cache_slot: Var  # int32 [1]
    causal_mask: Var  # fp16 [1, 1, N, C]
    last_index: Var  # int32 [1]
    kv_cache: Var  # state, fp16 [2*layers, K, C, D]

    @property
    def tokens(self) -> int:
        return self.input_ids.shape[1]


@dataclass(frozen=True)
class Network:
    """What a program is built from: dimensions, stored tensors, and the cache length it is built for."""

    architecture: Architecture
    weights: dict[str, Weight]
    context: int  # C

    def emit(self, name: str) -> Var:
        """Adds the tensor of that canonical name to the function; identifiers may not hold dots."""
        return self.weights[name].emit(name.replace(".", "_"))


def rms_norm(x: Var, gain: Var, epsilon: float, name: str) -> Var:
    """x / sqrt(mean(x^2) + epsilon) * gain, safe in fp16.

    Squares of values above 255 overflow fp16, so x is divided by s = max(|x|, sqrt(epsilon)) first. Both terms under
    the root then lie in [0, 1]: with y = x / s the result is y / sqrt(mean(y^2) + (sqrt(epsilon) / s)^2), which is the
    same number. epsilon itself (1e-5) keeps its digits because only its root is ever stored.
    """
    root = np.float16(np.sqrt(epsilon))
    largest = mb.reduce_max(x=mb.abs(x=x), axes=[-1], keep_dims=True)
    scale = mb.maximum(x=largest, y=root)
    scaled = mb.real_div(x=x, y=scale)
    floor = mb.square(x=mb.real_div(x=root, y=scale))
    mean = mb.reduce_mean(x=mb.square(x=scaled), axes=[-1], keep_dims=True)
    inverse = mb.rsqrt(x=mb.add(x=mean, y=floor), epsilon=np.float16(0))
    return mb.mul(x=mb.mul(x=scaled, y=inverse), y=gain, name=name)


def rope_tables(context: int, rotary_dim: int, theta: float) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and signed sine, fp16 [context, rotary_dim], for half-rotation.

    Both halves of a row hold the same angles; the first half of the sine is negated, so that rotating is
    x * cos + swap(x) * sin without a separate negation.
    """
    half = rotary_dim // 2
    frequencies = theta ** (-np.arange(half, dtype=np.float64) / half)
    angles = np.outer(np.arange(context, dtype=np.float64), frequencies)
    cosine = np.concatenate([np.cos(angles), np.cos(angles)], axis=1)
    sine = np.concatenate([-np.sin(angles), np.sin(angles)], axis=1)
    return cosine.astype(np.float16), sine.astype(np.float16)


def rotate(x: Var, cosine: Var, sine: Var, name: str) -> Var:
    """Turns [1, H, N, D] by the rows that `rope_tables` gave for the N positions."""
    first, second = mb.split(x=x, num_splits=2, axis=-1)
    swapped = mb.concat(values=[second, first], axis=-1)
    return mb.add(x=mb.mul(x=x, y=cosine), y=mb.mul(x=swapped, y=sine), name=name)


def to_heads(x: Var, heads: int, head_dim: int) -> Var:
    """[1, N, heads*D] -> [1, heads, N, D]; for one token the order in memory is already that."""
    if x.shape[1] == 1:
        return mb.reshape(x=x, shape=[1, heads, 1, head_dim])
    split = mb.reshape(x=x, shape=[1, x.shape[1], heads, head_dim])
    return mb.transpose(x=split, perm=[0, 2, 1, 3])


class Cache:
    """The key-value state while a function is being built; one object per function, layers in order.

    Every write continues from the value of the write before it, never from a fresh read of the state: coremltools takes
    all reads of one state for the same value and merges them, and the second layer's write would then carry the state
    as it was before the first layer's, erasing what that had stored.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._state = inputs.kv_cache
        self._value = mb.read_state(input=inputs.kv_cache)
        self._slot = inputs.cache_slot
        self._end_slot = mb.add(x=inputs.cache_slot, y=np.int32(inputs.tokens))

    def append(self, layer: int, keys: Var, values: Var) -> tuple[Var, Var]:
        """Writes the chunk's keys and values [1, K, N, D] at `cache_slot`; returns the layer's whole cache [1, K, C, D].

        Keys and values of a layer lie next to each other in the one state (the Neural Engine takes at most two
        states), so one slice update per layer writes both.
        """
        _, kv_heads, context, head_dim = self._state.shape
        first, zero = 2 * layer, _index(0)
        begin = mb.concat(values=[_index(first), zero, self._slot, zero], axis=0)
        end = mb.concat(values=[_index(first + 2), _index(kv_heads), self._end_slot, _index(head_dim)], axis=0)
        chunk = mb.concat(values=[keys, values], axis=0)
        written = mb.slice_update(x=self._value, update=chunk, begin=begin, end=end)
        self._value = mb.coreml_update_state(state=self._state, value=written)
        all_keys, all_values = (
            mb.slice_by_index(x=self._value, begin=[row, 0, 0, 0], end=[row + 1, kv_heads, context, head_dim])
            for row in (first, first + 1)
        )
        return all_keys, all_values


def _index(value: int) -> np.ndarray:
    return np.array([value], np.int32)


def attention(queries: Var, keys: Var, values: Var, mask: Var, scale: float | None) -> Var:
    """softmax(q k^T * scale + mask) v for [1, Q, N, D] over a cache of [1, K, C, D]; returns [1, N, Q*D].

    With grouped queries the Q/K heads of a group are folded into the token axis, so the cache is never repeated.
    """
    _, heads, tokens, head_dim = queries.shape
    _, kv_heads, context, _ = keys.shape
    group = heads // kv_heads
    if scale is not None:  # on the queries, before the product, where it is smallest and cannot overflow
        queries = mb.mul(x=queries, y=np.float16(scale))
    folded = mb.reshape(x=queries, shape=[1, kv_heads, group * tokens, head_dim])
    scores = mb.matmul(x=folded, y=keys, transpose_y=True)
    scores = mb.reshape(x=scores, shape=[kv_heads, group, tokens, context])
    weights = mb.softmax(x=mb.add(x=scores, y=mask), axis=-1)
    weights = mb.reshape(x=weights, shape=[1, kv_heads, group * tokens, context])
    mixed = mb.reshape(x=mb.matmul(x=weights, y=values), shape=[1, heads, tokens, head_dim])
    if tokens > 1:
        mixed = mb.transpose(x=mixed, perm=[0, 2, 1, 3])
    return mb.reshape(x=mixed, shape=[1, tokens, heads * head_dim])
