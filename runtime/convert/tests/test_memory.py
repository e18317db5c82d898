"""The memory of a conversion does not depend on the size of the model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HIDDEN, INNER, VOCAB = 1024, 4096, 4096
SHALLOW, DEEP = 2, 10  # layers of 31 MB each in fp16
# Additional bytes allowed for the deep model, a third of the difference in size. A program takes about 3 MB per layer,
# whatever the size of the layers.
SPARE = 80 << 20


def write_llama(folder: Path, layers: int) -> Path:
    """A random Llama with this number of layers, one shard per layer."""
    folder.mkdir()
    random = np.random.default_rng(1)
    config = {
        "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": layers,
        "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": VOCAB, "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    outer = {"model.embed_tokens.weight": (VOCAB, HIDDEN), "model.norm.weight": (HIDDEN,)}
    inner = {
        "input_layernorm": (HIDDEN,), "post_attention_layernorm": (HIDDEN,), "self_attn.q_proj": (HIDDEN, HIDDEN),
        "self_attn.k_proj": (HIDDEN // 2, HIDDEN), "self_attn.v_proj": (HIDDEN // 2, HIDDEN), "self_attn.o_proj": (HIDDEN, HIDDEN),
        "mlp.gate_proj": (INNER, HIDDEN), "mlp.up_proj": (INNER, HIDDEN), "mlp.down_proj": (HIDDEN, INNER),
    }  # fmt: skip
    shards = [outer] + [{f"model.layers.{i}.{name}.weight": shape for name, shape in inner.items()} for i in range(layers)]
    index = {}
    for number, shapes in enumerate(shards):
        name = f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"
        header, at = {}, 0
        for tensor, shape in shapes.items():
            size = 2 * int(np.prod(shape))
            header[tensor], index[tensor], at = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}, name, at + size
        text = json.dumps(header).encode()
        with (folder / name).open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for shape in shapes.values():
                file.write(random.normal(0, 0.02, shape).astype(np.float16).tobytes())
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return folder


def peak_of_converting(source: Path, tokenizer: Path, out: Path) -> int:
    """The peak memory, in bytes, of a conversion in a separate process."""
    main = "import sys; from lilims_convert.cli import main; sys.exit(main())"
    files = ["--checkpoint", str(source), "--tokenizer", str(tokenizer), "-o", str(out)]
    command = [sys.executable, "-c", main, *files, "--quantize", "int4", "--context", "64", "--no-measure"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, said
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def test_memory_does_not_grow_with_the_number_of_layers(tmp_path, tiny_tokenizer):
    peaks, sizes = {}, {}
    for layers in (SHALLOW, DEEP):
        source = write_llama(tmp_path / f"of {layers}", layers)
        sizes[layers] = sum(file.stat().st_size for file in source.iterdir())
        peaks[layers] = peak_of_converting(source, tiny_tokenizer, tmp_path / f"out {layers}")
    more, larger = peaks[DEEP] - peaks[SHALLOW], sizes[DEEP] - sizes[SHALLOW]
    assert larger > 2.5 * SPARE, "the models do not differ enough to tell"
    assert more < SPARE, f"{DEEP} layers take {more / 1e6:.0f} MB more than {SHALLOW}; the model is {larger / 1e6:.0f} MB larger"
