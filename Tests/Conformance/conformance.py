"""Runs ONNX's node tests through `dither run` and compares the outputs. Started by scripts/conformance."""

import collections
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

LOWEST_OPSET, HIGHEST_OPSET = 9, 21
RELATIVE, ABSOLUTE = 1e-3, 1e-5
TESTS = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "node"
HALF = 2**-7  # of bfloat16, which is held as float: its own numbers are that far apart
# Half floats are held as floats and integers in 64 bits, so that arithmetic neither rounds nor wraps.
TYPES = {
    TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.BOOL, TensorProto.INT64,
    TensorProto.INT32, TensorProto.INT16, TensorProto.INT8, TensorProto.UINT64, TensorProto.UINT32, TensorProto.UINT16,
    TensorProto.UINT8, TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ,
    TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E5M2FNUZ,
}
FLOAT8 = {
    TensorProto.FLOAT8E4M3FN: (numpy_helper.float8e4m3_to_float32, {"fn": True, "uz": False}),
    TensorProto.FLOAT8E4M3FNUZ: (numpy_helper.float8e4m3_to_float32, {"fn": True, "uz": True}),
    TensorProto.FLOAT8E5M2: (numpy_helper.float8e5m2_to_float32, {"fn": False, "uz": False}),
    TensorProto.FLOAT8E5M2FNUZ: (numpy_helper.float8e5m2_to_float32, {"fn": True, "uz": True}),
}

# Operands that must be known before anything runs, by op: the tests feed them, a model has them as constants.
KNOWN = {
    "AffineGrid": [1], "BlackmanWindow": [0], "CenterCropPad": [1], "ConstantOfShape": [0], "CumSum": [1],
    "DequantizeLinear": [2], "Dropout": [1, 2], "Expand": [1],
    "GRU": [4], "HammingWindow": [0], "HannWindow": [0], "LSTM": [4], "OneHot": [1], "Pad": [1, 3],
    "QuantizeLinear": [2], "Range": [0, 1, 2],
    "ReduceL1": [1], "ReduceL2": [1], "ReduceLogSum": [1], "ReduceLogSumExp": [1], "ReduceMax": [1],
    "ReduceMean": [1], "ReduceMin": [1], "ReduceProd": [1], "ReduceSum": [1], "ReduceSumSquare": [1], "Reshape": [1],
    "Resize": [1, 2, 3], "RNN": [4], "Slice": [1, 2, 3, 4], "Split": [1], "Squeeze": [1], "Tile": [1], "TopK": [1], "Trilu": [1],
    "Unsqueeze": [1], "Upsample": [1],
}


class OutOfScope(Exception):
    """What Dither does not claim to take."""


def stored(path):
    proto = TensorProto()
    proto.ParseFromString(path.read_bytes())
    return proto


def tensor(proto, kind=None):
    """An array of floats, of integers or of truth values; `kind` is the type of the value, where the file may say its bits."""
    kind, array = kind or proto.data_type, numpy_helper.to_array(proto)
    if kind in FLOAT8:
        convert, options = FLOAT8[kind]
        return np.asarray(convert(array.view(np.uint8), **options), np.float32).reshape(array.shape)
    if kind == TensorProto.BFLOAT16 and array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    if kind in (TensorProto.INT4, TensorProto.UINT4):
        return array.astype(np.int64)
    return array


def catalog(dither):
    """The ops taken, as the refusal of one that is not names them."""
    node = onnx.helper.make_node("NoSuchOp", ["x"], ["y"])
    value = lambda name: onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2])
    graph = onnx.helper.make_graph([node], "probe", [value("x")], [value("y")])
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        opset = onnx.helper.make_opsetid("", HIGHEST_OPSET)
        onnx.save(onnx.helper.make_model(graph, opset_imports=[opset]), file.name)
        message = subprocess.run([dither, "run", file.name, "--check"], capture_output=True, text=True).stderr
    listed = re.search(r"one of (.*), or (\w+), got", message)
    if not listed:
        sys.exit(f"no list of ops in: {message}")
    return {*listed.group(1).split(", "), listed.group(2)}


# onnxruntime leaves these out as well: ours is its answer and PyTorch's, not that of the standard's reference.
DECIDED = {
    "test_resize_downsample_scales_linear_align_corners": "aligned corners of a scale that gives no whole extent",
    "test_resize_downsample_scales_cubic_align_corners": "aligned corners of a scale that gives no whole extent",
    # onnx 1.17 divides by places beyond the padding too; its 1.23 and onnxruntime 1.32 do not, as we do not.
    "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True": "a mean over places that there are not",
}


def typed(values, what):
    for value in values:
        kind = value.type.WhichOneof("value")
        if kind != "tensor_type":
            raise OutOfScope(f"{kind.removesuffix('_type')} {what}s")
        if value.type.tensor_type.elem_type not in TYPES:
            raise OutOfScope(TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower())


def in_scope(model):
    """Refuses what lies outside the types, ranks and features that the documentation lists."""
    nodes = model.graph.node
    typed(model.graph.input, "input")
    typed(model.graph.output, "output")
    for node in nodes:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "BatchNormalization" and attributes.get("training_mode"):
            raise OutOfScope("training mode")
        if node.op_type == "GridSample" and attributes.get("mode", b"linear").endswith(b"cubic"):
            raise OutOfScope("cubics")
        if node.op_type == "GridSample" and len(model.graph.input[0].type.tensor_type.shape.dim) == 5:
            raise OutOfScope("volumes")
        if node.op_type == "Cast" and attributes["to"] not in TYPES:
            raise OutOfScope(TensorProto.DataType.Name(attributes["to"]).lower())
        if node.op_type == "Constant" and {"value_string", "value_strings", "sparse_value"} & set(attributes):
            raise OutOfScope("text and sparse constants")


def prepared(folder, model):
    """The model with what must be known in it, and the inputs that are left."""
    protos = {i.name: stored(folder / "test_data_set_0" / f"input_{n}.pb") for n, i in enumerate(model.graph.input)}
    inputs = {i.name: tensor(protos[i.name], i.type.tensor_type.elem_type) for i in model.graph.input}
    if "_expanded" in folder.name:
        plain = TESTS / folder.name.split("_expanded")[0]
        nodes = onnx.load(plain / "model.onnx").graph.node if plain.exists() else []
    else:
        nodes = model.graph.node
    for node in nodes:
        if node.op_type == "Dropout" and len(node.input) > 2 and inputs[node.input[2]] and inputs.get(node.input[1], 0.5):
            raise OutOfScope("training mode")
    known = {node.input[i] for node in nodes for i in KNOWN.get(node.op_type, []) if i < len(node.input)}
    for name in known & set(inputs):
        if len(inputs) == 1:  # a graph has an input
            model.graph.input.append(onnx.helper.make_tensor_value_info("unused", TensorProto.FLOAT, [1]))
            inputs["unused"] = np.zeros(1, np.float32)
        inputs.pop(name)
        protos[name].name = name
        model.graph.initializer.append(protos[name])
        kept = [i for i in model.graph.input if i.name != name]
        del model.graph.input[:]
        model.graph.input.extend(kept)
    if not inputs:
        model.graph.input.append(onnx.helper.make_tensor_value_info("unused", TensorProto.FLOAT, [1]))
        inputs["unused"] = np.zeros(1, np.float32)
    for entry in model.opset_import:
        if entry.domain == "" and entry.version > HIGHEST_OPSET:
            # Opset 22 only added element types to the ops of our list: the form of 21 means the same.
            entry.version = HIGHEST_OPSET
        if entry.domain == "" and entry.version < LOWEST_OPSET:
            since = lambda op, opset: onnx.defs.get_schema(op, opset).since_version
            if any(since(n.op_type, LOWEST_OPSET) != since(n.op_type, entry.version) for n in model.graph.node):
                raise OutOfScope("forms older than opset 9")
            entry.version = LOWEST_OPSET
    return model, inputs


def fault(folder, dither, work):
    """None, or what is wrong. Raises OutOfScope."""
    if folder.name in DECIDED:
        raise OutOfScope(DECIDED[folder.name])
    model = onnx.load(folder / "model.onnx")
    in_scope(model)
    kinds = {o.name: o.type.tensor_type.elem_type for o in model.graph.output}
    outputs = [
        tensor(stored(folder / "test_data_set_0" / f"output_{n}.pb"), kind) for n, kind in enumerate(kinds.values())
    ]
    model, inputs = prepared(folder, model)
    if any(a.size == 0 and a.dtype.kind == "f" for a in [*inputs.values(), *outputs]):
        raise OutOfScope("floats without elements")
    # Extents of 0 in a file are free, and examples have elements.
    if any(a.size == 0 for a in inputs.values()):
        raise OutOfScope("inputs without elements")
    place = pathlib.Path(work) / folder.name
    place.mkdir()
    onnx.save(model, place / "model.onnx")
    command = [dither, "run", str(place / "model.onnx"), "--output-dir", str(place)]
    for number, (name, array) in enumerate(inputs.items()):
        if array.dtype.kind in "iu":  # bytes would be pixels
            array = array.astype(np.int64)
        elif array.dtype.kind == "f" and array.dtype != np.float64:
            array = array.astype(np.float32)
        np.save(place / f"in_{number}.npy", np.ascontiguousarray(array).reshape(array.shape))
        command += ["--input", f"{name}={place / f'in_{number}.npy'}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip().replace("\n", " ")[:400] or f"exit code {done.returncode}"
    for (name, kind), wanted in zip(kinds.items(), outputs):
        found = np.load(place / (name.replace("/", "_") + ".npy"))
        if found.shape != wanted.shape:
            return f"'{name}' has shape {found.shape}, not {wanted.shape}"
        relative = HALF if kind == TensorProto.BFLOAT16 else RELATIVE
        if not np.allclose(found, wanted, rtol=relative, atol=ABSOLUTE, equal_nan=True):
            return f"'{name}' differs by up to {np.abs(found.astype(float) - wanted.astype(float)).max():.3g}"
    return None


def main():
    dither, word = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    ops = catalog(dither)
    tests = []
    for folder in sorted(TESTS.iterdir()):
        used = {node.op_type for node in onnx.load(folder / "model.onnx").graph.node}
        if word in folder.name and used and used <= ops:
            op = next(iter(used)) if len(used) == 1 else "several (an op written out)"
            tests.append((op, folder))
    table = collections.defaultdict(lambda: [0, 0, 0])
    reasons, failures = collections.defaultdict(collections.Counter), []
    with tempfile.TemporaryDirectory() as work, concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [(op, folder, pool.submit(fault, folder, dither, work)) for op, folder in tests]
        for op, folder, job in jobs:
            try:
                found = job.result()
            except OutOfScope as reason:
                table[op][2] += 1
                reasons[op][str(reason)] += 1
                if word:
                    print(f"{folder.name}: out of scope: {reason}")
                continue
            table[op][0 if found is None else 1] += 1
            if found:
                failures.append(f"{folder.name}: {found}")
    print(f"{'op':28} passed failed  out of scope")
    for op in sorted(table):
        passed, failed, outside = table[op]
        why = ", ".join(f"{text} ({count})" for text, count in reasons[op].most_common())
        print(f"{op:28} {passed:6} {failed:6} {outside:6}  {why}")
    total = [sum(column) for column in zip(*table.values())] or [0, 0, 0]
    print(f"{'all':28} {total[0]:6} {total[1]:6} {total[2]:6}")
    for line in failures:
        print(line)
    sys.exit(1 if failures or not total[0] else 0)


if __name__ == "__main__":
    main()
