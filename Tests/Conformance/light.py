"""The model zoo's nine graphs with made weights that the package onnx carries, through `dither run` and its check for upload: outputs
are compared with those beside them, which ONNX's reference evaluator gave. Started by scripts/conformance."""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

LIGHT = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
RELATIVE, ABSOLUTE = 1e-3, 1e-5


def given(model):
    """The input that onnx's own test feeds."""
    constants = {tensor.name for tensor in model.graph.initializer}
    (value,) = [value for value in model.graph.input if value.name not in constants]
    shape = tuple(d.dim_value if d.HasField("dim_value") else 1 for d in value.type.tensor_type.shape.dim)
    count = int(np.prod(shape))
    return value.name, (np.arange(count).reshape(shape) / count).astype(np.float32)


def fault(file, dither, work):
    """None, or what is wrong."""
    name, x = given(onnx.load(file))
    np.save(work / "in.npy", x)
    check = subprocess.run([dither, "run", str(file), "--check"], capture_output=True, text=True)
    if check.returncode or "would be refused" in check.stdout:
        return (check.stderr + check.stdout).strip().splitlines()[-1][:300]
    place = work / file.stem
    command = [dither, "run", str(file), "--input", f"{name}={work / 'in.npy'}", "--output-dir", str(place)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()[:300]
    tensor = onnx.TensorProto()
    tensor.ParseFromString((LIGHT / f"{file.stem}_output_0.pb").read_bytes())
    (path,) = place.glob("*.npy")
    found, wanted = np.load(path), numpy_helper.to_array(tensor)
    if found.shape != wanted.shape:
        return f"shape {found.shape}, not {wanted.shape}"
    if not np.allclose(found, wanted, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True):
        return f"differs by up to {np.abs(found - wanted).max():.3g}"
    return None


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as work:
        for file in sorted(LIGHT.glob("*.onnx")):
            found = fault(file, sys.argv[1], pathlib.Path(work))
            failures += found is not None
            print(f"{file.stem}: {found or 'as the reference'}", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
