"""Writes perplexities.json, which test_real_models.py compares with, from the manifests of a data folder.

    .venv/bin/python runtime/convert/real_models/note.py ~/.cache/bench/real-models

Run it only for a change that is meant to change the perplexities; its commit explains why.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(data: Path) -> None:
    noted = {}
    for path in sorted(data.glob("models/*/manifest.json")):
        manifest = json.loads(path.read_text())
        entry = next(entry for entry in manifest["evaluation"] if entry["precision"] == manifest["quantization"])
        kept = ("corpus", "corpus_sha256", "texts", "tokens", "perplexity", "by")
        noted[manifest["name"]] = {key: entry[key] for key in kept} | {
            "source_sha256": manifest["source"]["sha256"],
            "model_hash": manifest["hash"],
        }
    target = Path(__file__).with_name("perplexities.json")
    target.write_text(json.dumps(noted, indent=2) + "\n")
    print(f"{target}: {', '.join(noted)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
