"""The memory layout of activations and the matrix products: one class per kind of compute unit.

`Rows` keeps a token's activations together, [1, N, H], and multiplies with `linear`, which is fast on GPU and CPU.
`Channels` keeps tokens together, [1, H, 1, N], and multiplies with convolutions of size 1, which is fast on the Neural
Engine. Families work with both without knowing which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from ..weights import Weight, parts_of
from .network import Network


def identifier(name: str) -> str:
    """A tensor's canonical name as a MIL identifier, which must not contain dots."""
    return name.replace(".", "_")


class Layout(Protocol):
    """What a decoder needs of a layout. N tokens per call, D head width, V vocabulary."""

    axis: int  # of the hidden width

    def plain(self, name: str) -> Var:
        """A tensor in its own shape."""

    def vector(self, name: str) -> Var:
        """A tensor of one axis, shaped so that it broadcasts along the hidden width."""

    def project(self, x: Var, name: str, bias: str | None) -> Var:
        """x times the transposed matrix `name`, plus the bias if one is named."""

    def project_in_parts(self, x: Var, name: str, bias: str | None) -> list[Var]:
        """The same as one product for each part that the matrix is stored in."""

    def embed(self, ids: Var, name: str) -> Var:
        """The rows of the matrix `name` for token ids [1, N]."""

    def to_heads(self, x: Var, heads: int) -> Var:
        """Activations as [1, heads, N, D]."""

    def from_heads(self, x: Var) -> Var:
        """[1, heads, N, D] as activations of width heads * D."""

    def token(self, x: Var, index: Var) -> Var:
        """The activations of one of the N tokens."""

    def scores(self, x: Var) -> Var:
        """Activations of vocabulary width as [N, V]."""


class _Tensors:
    """The network's tensors as variables of the function being built; each is added once."""

    def __init__(self, network: Network) -> None:
        self._weights, self._blobs = network.weights, network.blobs
        self._emitted: dict[str, Var] = {}

    def emit(self, label: str, weight: Weight, shape: tuple[int, ...]) -> Var:
        """The variable with this label, added on first use."""
        if label not in self._emitted:
            self._emitted[label] = weight.emit(self._blobs, label, shape)
        return self._emitted[label]

    def plain(self, name: str) -> Var:
        """A tensor in its own shape."""
        weight = self._weights[name]
        return self.emit(identifier(name), weight, weight.shape)


class Rows(_Tensors):
    """[1, N, H] and `linear`."""

    axis = -1

    def vector(self, name: str) -> Var:
        return self.plain(name)

    def project(self, x: Var, name: str, bias: str | None) -> Var:
        if bias is None:
            return mb.linear(x=x, weight=self.plain(name))
        return mb.linear(x=x, weight=self.plain(name), bias=self.plain(bias))

    def project_in_parts(self, x: Var, name: str, bias: str | None) -> list[Var]:
        return [self.project(x, name, bias)]

    def embed(self, ids: Var, name: str) -> Var:
        return mb.gather(x=self.plain(name), indices=ids, axis=0, validate_indices=False)

    def to_heads(self, x: Var, heads: int) -> Var:
        _, tokens, width = x.shape
        if tokens == 1:  # for one token, no transposition is needed
            return mb.reshape(x=x, shape=[1, heads, 1, width // heads])
        split = mb.reshape(x=x, shape=[1, tokens, heads, width // heads])
        return mb.transpose(x=split, perm=[0, 2, 1, 3])

    def from_heads(self, x: Var) -> Var:
        _, heads, tokens, head_dim = x.shape
        if tokens > 1:
            x = mb.transpose(x=x, perm=[0, 2, 1, 3])
        return mb.reshape(x=x, shape=[1, tokens, heads * head_dim])

    def token(self, x: Var, index: Var) -> Var:
        return mb.gather(x=x, indices=index, axis=1, validate_indices=False)

    def scores(self, x: Var) -> Var:
        return mb.reshape(x=x, shape=list(x.shape[1:]))


class Channels(_Tensors):
    """[1, H, 1, N] and 1x1 convolutions; matrices with a row per vocabulary entry are in parts."""

    axis = 1

    def vector(self, name: str) -> Var:
        weight = self._weights[name]
        return self.emit(f"{identifier(name)}_column", weight, (1, weight.shape[0], 1, 1))

    def _parts(self, name: str, use: str) -> list[tuple[str, Weight]]:
        """The parts that a tensor is stored in, each with a label; tensors other than the vocabulary's have one part."""
        parts = parts_of(self._weights[name])
        if len(parts) == 1 and len(parts[0].shape) == 1:
            return [(identifier(name), parts[0])]
        return [(f"{identifier(name)}_{use}{number}", part) for number, part in enumerate(parts)]

    def project(self, x: Var, name: str, bias: str | None) -> Var:
        parts = self.project_in_parts(x, name, bias)
        return parts[0] if len(parts) == 1 else mb.concat(values=parts, axis=1)

    def project_in_parts(self, x: Var, name: str, bias: str | None) -> list[Var]:
        parts, products = self._parts(name, "conv"), []
        biases: Sequence[tuple[str, Weight] | None] = [None] * len(parts) if bias is None else self._parts(bias, "part")
        for (label, part), own in zip(parts, biases, strict=True):
            weight = self.emit(label, part, (*part.shape, 1, 1))
            constants = {} if own is None else {"bias": self.emit(*own, own[1].shape)}
            products.append(mb.conv(x=x, weight=weight, **constants))
        return products

    def embed(self, ids: Var, name: str) -> Var:
        """Looks up every id in every part; rows found in the wrong part are multiplied by 0."""
        tokens = ids.shape[1]
        parts = self._parts(name, "rows")
        total, first = None, 0
        for label, part in parts:
            size = part.shape[0]
            table = self.emit(label, part, part.shape)
            if len(parts) == 1:
                total = mb.gather(x=table, indices=ids, axis=0, validate_indices=False)
                break
            place = mb.sub(x=ids, y=np.int32(first))
            inside = mb.minimum(x=mb.maximum(x=place, y=np.int32(0)), y=np.int32(size - 1))
            found = mb.gather(x=table, indices=inside, axis=0, validate_indices=False)
            counts = mb.cast(x=mb.equal(x=place, y=inside), dtype="fp16")
            found = mb.mul(x=found, y=mb.reshape(x=counts, shape=[1, tokens, 1]))
            total = found if total is None else mb.add(x=total, y=found)
            first += size
        if tokens > 1:
            total = mb.transpose(x=total, perm=[0, 2, 1])
        return mb.reshape(x=total, shape=[1, parts[0][1].shape[1], 1, tokens])

    def to_heads(self, x: Var, heads: int) -> Var:
        _, width, _, tokens = x.shape
        if tokens == 1:
            return mb.reshape(x=x, shape=[1, heads, 1, width // heads])
        split = mb.reshape(x=x, shape=[1, heads, width // heads, tokens])
        return mb.transpose(x=split, perm=[0, 1, 3, 2])

    def from_heads(self, x: Var) -> Var:
        _, heads, tokens, head_dim = x.shape
        if tokens > 1:
            x = mb.transpose(x=x, perm=[0, 1, 3, 2])
        return mb.reshape(x=x, shape=[1, heads * head_dim, 1, tokens])

    def token(self, x: Var, index: Var) -> Var:
        return mb.gather(x=x, indices=index, axis=3, validate_indices=False)

    def scores(self, x: Var) -> Var:
        _, width, _, tokens = x.shape
        flat = mb.reshape(x=x, shape=[width, tokens])
        return mb.transpose(x=flat, perm=[1, 0]) if tokens > 1 else mb.reshape(x=flat, shape=[1, width])


LAYOUTS: dict[str, Callable[[Network], Layout]] = {"gpu": Rows, "ane": Channels}
