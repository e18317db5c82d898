"""Writes several functions as one .mlpackage whose weights are stored once, the same bytes for the same input.

coremltools puts random identifiers into Manifest.json, the date into the model's metadata and map entries in an
arbitrary order into the protobuf. `write` lets it do the merging and then replaces those parts.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import coremltools as ct
import numpy as np
from coremltools.converters.mil.frontend.milproto.load import load as load_program
from coremltools.converters.mil.mil import Program
from coremltools.proto import Model_pb2

MODEL_PATH = "com.apple.CoreML/model.mlmodel"
WEIGHTS_PATH = "com.apple.CoreML/weights"
# Identifiers only have to differ within one package.
_MODEL_ID = "6C696C69-6D73-4D00-8000-000000000001"
_WEIGHTS_ID = "6C696C69-6D73-4D00-8000-000000000002"


def write(functions: dict[str, ct.models.MLModel], default: str, destination: Path) -> None:
    """Merges single-function models into the package `destination`, replacing what is there."""
    destination = Path(destination)
    with tempfile.TemporaryDirectory(prefix="lilims-convert-") as scratch:
        merged = Path(scratch) / "merged.mlpackage"
        descriptor = ct.utils.MultiFunctionDescriptor()
        for name, model in functions.items():
            single = Path(scratch) / f"{name}.mlpackage"
            model.save(str(single))
            descriptor.add_function(str(single), src_function_name="main", target_function_name=name)
        descriptor.default_function_name = default
        ct.utils.save_multifunction(descriptor, str(merged))
        if destination.exists():
            shutil.rmtree(destination)
        data = destination / "Data"
        (data / WEIGHTS_PATH).mkdir(parents=True)
        source = merged / "Data"
        shutil.copyfile(source / WEIGHTS_PATH / "weight.bin", data / WEIGHTS_PATH / "weight.bin")
        (data / MODEL_PATH).write_bytes(_normalised(source / MODEL_PATH))
    (destination / "Manifest.json").write_text(_manifest(), encoding="utf-8")


def open_copy(package: Path) -> Model_pb2.Model:
    """The package's specification as coremltools reads it. Its reader rewrites Manifest.json, so it gets a copy."""
    with tempfile.TemporaryDirectory(prefix="lilims-convert-") as scratch:
        copy = Path(scratch) / "copy.mlpackage"
        shutil.copytree(package, copy)
        return ct.utils.load_spec(str(copy))


def open_program(package: Path) -> Program:
    """The package's functions as coremltools' in-memory program, constants and all."""
    spec = open_copy(package)
    return load_program(spec, spec.specificationVersion, str(Path(package) / "Data" / WEIGHTS_PATH))


def constants(package: Path, function: str) -> dict[str, np.ndarray]:
    """The stored tensors of one function by the names that the program builders gave them."""
    operations = open_program(package).functions[function].operations
    return {op.outputs[0].name: op.outputs[0].val for op in operations if op.op_type == "const"}


def _normalised(path: Path) -> bytes:
    spec = Model_pb2.Model()
    spec.ParseFromString(path.read_bytes())
    spec.description.metadata.userDefined.pop("com.github.apple.coremltools.conversion_date", None)
    return spec.SerializeToString(deterministic=True)


def _manifest() -> str:
    def entry(description: str, path: str) -> dict:
        return {"author": "com.apple.CoreML", "description": description, "name": path.rsplit("/", 1)[1], "path": path}

    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": {
            _MODEL_ID: entry("CoreML Model Specification", MODEL_PATH),
            _WEIGHTS_ID: entry("CoreML Model Weights", WEIGHTS_PATH),
        },
        "rootModelIdentifier": _MODEL_ID,
    }
    return json.dumps(manifest, indent=2) + "\n"
