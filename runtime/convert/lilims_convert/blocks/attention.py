"""The key-value cache and attention over it. Heads are [1, heads, N, D] in every layout."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from .network import Inputs


class Cache:
    """The key-value state while a function is being built; one object per function, layers in order.

    Every write continues from the value of the previous write, never from a new read of the state. coremltools merges all
    reads of a state into one, so after a new read the second layer's write would contain the state from before the first
    layer's write, and erase what that had stored.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._state = inputs.kv_cache
        self._value = mb.read_state(input=inputs.kv_cache)
        self._slot = inputs.cache_slot
        self._end_slot = mb.add(x=inputs.cache_slot, y=np.int32(inputs.tokens))

    def append(self, layer: int, keys: Var, values: Var) -> tuple[Var, Var]:
        """Writes the chunk's keys and values [1, K, N, D] at `cache_slot`; returns the layer's whole cache [1, K, C, D].

        Keys and values of a layer are adjacent in one state (the Neural Engine takes at most two states), so one slice
        update per layer writes both.
        """
        _, kv_heads, context, head_dim = self._state.shape
        first, zero = 2 * layer, _index(0)
        begin = mb.concat(values=[_index(first), zero, self._slot, zero], axis=0)
        end = mb.concat(values=[_index(first + 2), _index(kv_heads), self._end_slot, _index(head_dim)], axis=0)
        chunk = mb.concat(values=[keys, values], axis=0)
        written = mb.slice_update(x=self._value, update=chunk, begin=begin, end=end)
        self._value = mb.coreml_update_state(state=self._state, value=written)
        all_keys, all_values = (
            mb.slice_by_index(x=self._value, begin=[row, 0, 0, 0], end=[row + 1, kv_heads, context, head_dim]) for row in (first, first + 1)
        )
        return all_keys, all_values


def _index(value: int) -> np.ndarray:
    return np.array([value], np.int32)


def attention(queries: Var, keys: Var, values: Var, mask: Var, scale: float) -> Var:
    """softmax(q k^T * scale + mask) v for [1, Q, N, D] over a cache of [1, K, C, D]; returns [1, Q, N, D].

    With grouped queries the Q/K heads of a group are folded into the token axis, so the cache is not repeated.
    """
    _, heads, tokens, head_dim = queries.shape
    _, kv_heads, context, _ = keys.shape
    group = heads // kv_heads
    if scale != 1:  # applied to the queries, before the product, so that the product cannot overflow
        queries = mb.mul(x=queries, y=np.float16(scale))
    folded = mb.reshape(x=queries, shape=[1, kv_heads, group * tokens, head_dim])
    scores = mb.matmul(x=folded, y=keys, transpose_y=True)
    scores = mb.reshape(x=scores, shape=[kv_heads, group, tokens, context])
    weights = mb.softmax(x=mb.add(x=scores, y=mask), axis=-1)
    weights = mb.reshape(x=weights, shape=[1, kv_heads, group * tokens, context])
    return mb.reshape(x=mb.matmul(x=weights, y=values), shape=[1, heads, tokens, head_dim])
