"""The .mlpackage on disk, written from programs and a weight file; the same input gives the same bytes.

coremltools translates each operation. The place of each constant in the weight file is known since the tensors were
stored. Equal small constants (position tables) are stored once for all functions.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from coremltools.converters.mil.backend.mil.helper import create_file_value_tensor, types_to_proto_primitive
from coremltools.converters.mil.backend.mil.load import MILProtoExporter
from coremltools.converters.mil.frontend.milproto.load import load as load_program
from coremltools.converters.mil.mil import Program, Var, types
from coremltools.models.utils import load_spec
from coremltools.proto import FeatureTypes_pb2, MIL_pb2, Model_pb2

from .weightfile import WeightFile
from .weights import Blobs

MODEL_PATH = "com.apple.CoreML/model.mlmodel"
WEIGHTS_PATH = "com.apple.CoreML/weights"
WEIGHT_FILE = "weight.bin"
SPECIFICATION = 9  # iOS 18
# Identifiers need only be unique within a package.
_MODEL_ID = "6C696C69-6D73-4D00-8000-000000000001"
_WEIGHTS_ID = "6C696C69-6D73-4D00-8000-000000000002"

_ARRAY = FeatureTypes_pb2.ArrayFeatureType
_ARRAY_TYPES = {types.int32: _ARRAY.INT32, types.fp16: _ARRAY.FLOAT16, types.fp32: _ARRAY.FLOAT32}


def weights_folder(package: Path) -> Path:
    """The folder of a package's weight file; created if it does not exist."""
    folder = Path(package) / "Data" / WEIGHTS_PATH
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write(programs: dict[str, Program], default: str, weights: WeightFile, blobs: Blobs, destination: Path) -> None:
    """Writes a package except its weight file, which exists already and gets the constants of the programs."""
    model = Model_pb2.Model(specificationVersion=SPECIFICATION)
    model.mlProgram.version = 1
    model.description.defaultFunctionName = default
    for name, program in programs.items():
        exporter = _Exporter(program, weights, blobs)
        model.mlProgram.functions[name].CopyFrom(exporter.export().functions["main"])
        model.description.functions.append(_describe(name, program))
    folder = Path(destination) / "Data" / MODEL_PATH
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_bytes(model.SerializeToString(deterministic=True))
    (Path(destination) / "Manifest.json").write_text(_manifest(), encoding="utf-8")


class _Exporter(MILProtoExporter):
    """Translates a program whose constants are in our weight file."""

    def __init__(self, program: Program, weights: WeightFile, blobs: Blobs) -> None:
        super().__init__(program, weights_dir="", specification_version=SPECIFICATION)
        self._weights, self._blobs = weights, blobs

    def get_milproto_value(self, var: Var) -> MIL_pb2.Value:
        """Overrides coremltools' choice between inline values and the weight file."""
        # A placeholder constant is never written inline, not even a small one.
        return self.create_file_value(var) if var.op.name in self._blobs.of else super().get_milproto_value(var)

    def create_file_value(self, var: Var) -> MIL_pb2.Value:
        """A reference to a constant of the weight file; constants of the program are added to the file."""
        blob = self._blobs.of.get(var.op.name)
        if blob is None:
            kind = types.builtin_to_string(var.dtype)
            blob = self._weights.add_small(kind, np.asarray(var.val))
        elif blob.shape != tuple(var.shape):
            raise ValueError(f"{var.op.name}: {list(var.shape)} in the program, {list(blob.shape)} in the weight file")
        return create_file_value_tensor(
            file_name=f"@model_path/weights/{WEIGHT_FILE}",
            offset=blob.offset,
            dim=var.shape,
            data_type=types_to_proto_primitive(var.sym_type.get_primitive()),
        )


def _describe(name: str, program: Program) -> Model_pb2.FunctionDescription:
    function = program.functions["main"]
    description = Model_pb2.FunctionDescription(name=name)
    for input_name, var in function.inputs.items():
        if types.is_state(var.sym_type):
            wrapped = var.sym_type.wrapped_type()
            array = _ARRAY(shape=wrapped.get_shape(), dataType=_ARRAY_TYPES[wrapped.get_primitive()])
            description.state.add(name=input_name).type.stateType.arrayType.CopyFrom(array)
        else:
            description.input.add(name=input_name).type.multiArrayType.CopyFrom(_array(var))
    for var in function.outputs:
        description.output.add(name=var.name).type.multiArrayType.CopyFrom(_array(var))
    return description


def _array(var: Var) -> FeatureTypes_pb2.ArrayFeatureType:
    return _ARRAY(shape=var.shape, dataType=_ARRAY_TYPES[var.dtype])


def open_copy(package: Path) -> Model_pb2.Model:
    """The package's specification, read by coremltools from a copy, because its reader rewrites Manifest.json."""
    with tempfile.TemporaryDirectory(prefix="lilims-convert-") as scratch:
        copy = Path(scratch) / "copy.mlpackage"
        (copy / "Data" / WEIGHTS_PATH).mkdir(parents=True)  # the reader checks that it exists
        for file in ("Manifest.json", f"Data/{MODEL_PATH}"):
            shutil.copyfile(Path(package) / file, copy / file)
        return load_spec(str(copy))


def open_program(package: Path) -> Program:
    """The package's functions and constants as an in-memory program of coremltools."""
    spec = open_copy(package)
    return load_program(spec, spec.specificationVersion, str(Path(package) / "Data" / WEIGHTS_PATH))


def constants(package: Path, function: str) -> dict[str, np.ndarray]:
    """The stored tensors of one function, by their names in the program."""
    operations = open_program(package).functions[function].operations
    return {op.outputs[0].name: op.outputs[0].val for op in operations if op.op_type == "const"}


def _manifest() -> str:
    def entry(description: str, path: str) -> dict[str, str]:
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
