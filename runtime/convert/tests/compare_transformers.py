"""Compares the references of these tests with Hugging Face's models.

    pip install torch transformers safetensors gguf numpy && python runtime/convert/tests/compare_transformers.py

Not part of the tests, because torch takes a gigabyte. Run it after changing references.py or adding a family.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers

import references
from checkpoints import SAMPLES

TOLERANCE = 2e-3  # torch computes in float32


def main() -> int:
    worst = 0.0
    ids = np.random.default_rng(3).integers(0, 288, 40).tolist()
    for name, sample in SAMPLES.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = sample.write_directory(Path(scratch))
            model, report = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, output_loading_info=True, attn_implementation="eager"
            )
            missing = [key for key in report["missing_keys"] if not key.startswith("lm_head")]
            assert not missing, f"{name}: {report}"
            assert not report["unexpected_keys"], f"{name}: {report}"
            with torch.no_grad():
                theirs = model(torch.tensor([ids])).logits[0].double().numpy()
        ours = references.logits(sample.config, sample.tensors(), ids)
        difference = float(np.abs(theirs - ours).max())
        spread = float(theirs.max() - theirs.min())
        print(f"{name:10} largest difference {difference:.2e}, logits spread over {spread:.1f}")
        worst = max(worst, difference)
    print("transformers", transformers.__version__, "torch", torch.__version__)
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
