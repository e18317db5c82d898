"""The summary of a conversion as text and as JSON, and the check against a device's memory."""

from __future__ import annotations

import dataclasses
import json

from . import families, storage
from .architecture import Architecture
from .conversion import Conversion, Request

# The fraction of a device's memory that an app can use before it is killed.
_USABLE = 0.5


def cache_bytes(a: Architecture, context: int) -> int:
    """Bytes of the key-value cache: keys and values of every layer, two bytes each."""
    return 2 * a.layers * context * a.kv_heads * a.head_dim * 2


def check_memory(a: Architecture, request: Request, memory: float | None) -> None:
    """Raises ValueError if weights and cache need more than an app can use of `memory` GiB. None: no check."""
    if memory is None:
        return
    weights = storage.estimated_bytes(families.find(a.family).tensor_shapes(a), request.recipe)
    cache = cache_bytes(a, request.context or a.context)
    usable = memory * _USABLE * 2**30
    if weights + cache > usable:
        raise ValueError(
            f"weights ({_size(weights)}) and cache ({_size(cache)}) need more than the {_size(usable)} that an app can use "
            f"of {memory:g} GiB; quantise further or shorten --context"
        )


def summary(done: Conversion) -> list[str]:
    """Size, cache, perplexity and lint findings of a conversion, one per line."""
    written, network = done.manifest, done.network
    a = network.architecture
    cache = cache_bytes(a, network.context)
    lines = [
        f"model       {written['name']} {written['version']}, {a.family}, {written['quantization']}, {written['layout']} layout",
        f"size        {written['size_bytes']} bytes ({_size(written['size_bytes'])})",
        f"cache       {_size(cache)} for {network.context} tokens "
        f"(2 x {a.layers} layers x {network.context} x {a.kv_heads} heads x {a.head_dim} x 2 bytes)",
        f"memory      about {_size(written['size_bytes'] + cache)} with its cache",
    ]
    for entry in written["evaluation"]:
        loss = f", {entry['loss']:+.2%} against fp16" if "loss" in entry else ""
        speed = f", {entry['decode_tok_s']} tok/s on this host" if "decode_tok_s" in entry else ""
        lines.append(f"perplexity  {entry['perplexity']:.4f} in {entry['precision']} over {entry['tokens']} tokens{loss}{speed}")
    errors = sum(1 for finding in done.findings if finding.level == "error")
    aside = ", which does not run the gpu layout" if written["layout"] == "gpu" else ""
    lines.append(f"lint        {errors} errors, {len(done.findings) - errors} warnings for the Neural Engine{aside}")
    lines += [f"  {finding}" for finding in done.findings]
    lines.append(f"hash        {written['hash']}")
    return lines


def as_json(done: Conversion) -> str:
    """The manifest, the size of the cache and the lint findings, for other programs."""
    network = done.network
    found = [dataclasses.asdict(finding) for finding in done.findings]
    content = {
        "folder": str(done.request.destination),
        "manifest": done.manifest,
        "cache_bytes": cache_bytes(network.architecture, network.context),
        "lint": found,
    }
    return json.dumps(content, ensure_ascii=False)


def _size(count: float) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
