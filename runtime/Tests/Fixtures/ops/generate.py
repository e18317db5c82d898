"""Writes the fixtures of the operation tests: ops.mlpackage with a function per case, and ops.json with inputs and results.

Run it with a Python that has coremltools 9 and numpy:  python generate.py

Every case is built twice: with its inputs as inputs of the function and, as NAME__folded, with constants instead. The
expected results come from coremltools' value inference if an operation has one, otherwise from the numpy expression of the
case.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
from coremltools.converters.mil.converter import mil_convert
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Function, Program, Var, types

import arithmetic
import compressed
import layout
from case import Case

FOLDER = Path(__file__).parent
TARGET = ct.target.iOS18
TYPES = {np.float32: types.fp32, np.float16: types.fp16, np.int32: types.int32}


def main() -> int:
    cases = arithmetic.cases() + layout.cases() + compressed.cases()
    names = [case.name for case in cases]
    if len(set(names)) != len(names):
        raise SystemExit("generate: case names are not unique")
    program = Program()
    for case in cases:
        add(program, case.name, running(case))
        if case.fold:
            add(program, case.name + "__folded", folded(case))
    add(program, "score_contract", score())
    program.default_function_name = names[0]
    program.export_as_multifunction = True
    save(program)
    lines = ",\n".join(json.dumps(describe(case)) for case in cases)
    (FOLDER / "ops.json").write_text('{"cases": [\n' + lines + "\n]}\n", encoding="utf-8")
    print(f"{len(cases)} cases")
    return 0


def add(program: Program, name: str, function: Function) -> None:
    function.name = name
    program.add_function(name, function)


def results(value: Any) -> list[Var]:
    """The results of an operation, cast to types that a function can return."""
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    out = []
    for index, item in enumerate(values):
        allowed = item.dtype in (types.fp32, types.fp16, types.int32)
        out.append(mb.identity(x=item, name=f"out{index}") if allowed else mb.cast(x=item, dtype="int32", name=f"out{index}"))
    return out


def running(case: Case) -> Function:
    inputs = {f"in{i}": mb.placeholder(shape=a.shape, dtype=TYPES[a.dtype.type]) for i, a in enumerate(case.inputs)}
    if not inputs:
        inputs = {"unused": mb.placeholder(shape=(1,), dtype=types.fp32)}
    with Function(inputs, opset_version=TARGET) as function:
        arguments = [function.inputs[name] for name in inputs if name != "unused"]
        function.set_outputs(results(case.build(*arguments)))
    return function


def folded(case: Case) -> Function:
    with Function({"unused": mb.placeholder(shape=(1,), dtype=types.fp32)}, opset_version=TARGET) as function:
        function.set_outputs(results(case.build(*[mb.const(val=a) for a in case.inputs])))
    return function


def score() -> Function:
    """The interface of a score function, without a network: half the sum of token and target, negated."""
    inputs = {name: mb.placeholder(shape=(1, 3), dtype=types.int32) for name in ("input_ids", "target_ids")}
    with Function(inputs, opset_version=TARGET) as function:
        total = mb.add(x=function.inputs["input_ids"], y=function.inputs["target_ids"])
        function.set_outputs([mb.mul(x=mb.cast(x=total, dtype="fp32"), y=np.float32(-0.5), name="log_probs")])
    return function


def inferred(case: Case) -> list[np.ndarray]:
    with Function({"unused": mb.placeholder(shape=(1,), dtype=types.fp32)}, opset_version=TARGET):
        value = case.build(*[mb.const(val=a) for a in case.inputs])
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        for item in values:
            if item.val is None:
                raise SystemExit(f"generate: {case.name} has no value inference; give the expected results")
        return [np.asarray(item.val) for item in values]


def describe(case: Case) -> dict[str, Any]:
    expected = case.expected() if case.expected else inferred(case)
    expected = list(expected) if isinstance(expected, (list, tuple)) else [expected]
    return {
        "name": case.name,
        "fold": case.fold,
        "tolerance": case.tolerance,
        "inputs": [{"shape": list(a.shape), "type": str(a.dtype), "values": numbers(a)} for a in case.inputs],
        "outputs": [{"shape": list(np.shape(a)), "values": numbers(np.asarray(a))} for a in expected],
    }


def numbers(array: np.ndarray) -> list[float | str]:
    """The shortest decimal of each float32; infinities, which JSON does not have, as strings."""
    flat = array.astype(np.float32).ravel()
    return [float(str(v)) if np.isfinite(v) else str(v) for v in flat]


def save(program: Program) -> None:
    model = mil_convert(
        program,
        convert_to="mlprogram",
        convert_from="milinternal",
        specification_version=9,
        compute_units=ct.ComputeUnit.CPU_ONLY,
        export_multi_functions=True,
        skip_model_load=True,
        pass_pipeline=ct.PassPipeline.EMPTY,
    )
    path = FOLDER / "ops.mlpackage"
    shutil.rmtree(path, ignore_errors=True)
    model.save(str(path))
    # The writer generates random identifiers; fixed ones keep the diff small.
    manifest = json.loads((path / "Manifest.json").read_text())
    names = {
        key: f"00000000-0000-0000-0000-00000000000{i}"
        for i, key in enumerate(sorted(manifest["itemInfoEntries"], key=lambda k: manifest["itemInfoEntries"][k]["path"]))
    }
    manifest["itemInfoEntries"] = {names[k]: v for k, v in manifest["itemInfoEntries"].items()}
    manifest["rootModelIdentifier"] = names[manifest["rootModelIdentifier"]]
    (path / "Manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    sys.exit(main())
