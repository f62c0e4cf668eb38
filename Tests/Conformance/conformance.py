"""ONNX's backend node tests against `dither run`, for every op of our catalog.

    conformance.py DITHER [--op NAME] [--verbose]

A test is out of scope where it asks for what Dither does not take, and says so: element types other than float, double, int64,
int32 and bool; more than two image axes; training; opsets below 9. Everything else passes or fails.

Three things are made as exporters make them before a model is run: operands that decide on shapes become constants; outputs
that only training uses (a pooling's indices, a dropout's mask, a normalisation's statistics) are left out, and the first output
is compared; opset 22, which only adds bfloat16 to the ops of our list, is called 21.
"""

import argparse
import collections
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy
import onnx
from onnx import TensorProto, numpy_helper

OLDEST_OPSET, NEWEST_OPSET = 9, 21
TYPES = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL}
# What is not taken, by the words of the refusal: policies that the documentation states, not bugs.
POLICIES = [
    ("runtime shape", r"constant or follow from shapes|known beforehand"),
    ("zero-sized", r"at least one element|with elements|extents above 0|product divides|extents from 1 to"),
    ("second output", r"expected one output|masks? as well|indices or column-major|statistics"),
    ("training", r"training mode"),
    ("three image axes", r"rank 3 to 4|rank 4, got|rank 2 to 4|rank 3 to 5"),
    ("integer arithmetic", r"expected float32, got (int64|bool)"),
    ("Resize form", r"no antialias|nearest or linear, got|'tf_crop_and_resize'"),
    ("flattening softmax", r"the last axis, before opset 13"),
]


def tensor(path):
    proto = TensorProto()
    proto.ParseFromString(path.read_bytes())
    return proto


def ops_taken(dither):
    """The catalog, as the refusal of an unknown op lists it."""
    node = onnx.helper.make_node("NoSuchOp", ["x"], ["y"])
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node], "g", [value("x", TensorProto.FLOAT, [1])], [value("y", TensorProto.FLOAT, [1])])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "m.onnx"
        onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), path)
        said = subprocess.run([dither, "run", str(path), "--check"], capture_output=True, text=True).stderr
    listed = re.search(r"one of (.*?), got", said)
    if not listed:
        sys.exit(f"the list of ops was not found in: {said}")
    return set(listed.group(1).split(", "))


def value_types(model):
    for info in list(model.graph.input) + list(model.graph.output):
        kind = info.type.WhichOneof("value")
        yield info.type.tensor_type.elem_type if kind == "tensor_type" else kind
    for initializer in model.graph.initializer:
        yield initializer.data_type


def scope(model):
    """Why the test is out of scope, or None."""
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and opset.version < OLDEST_OPSET:
            return "older opset"
    for found in value_types(model):
        if found not in TYPES:
            return f"type {found if isinstance(found, str) else TensorProto.DataType.Name(found).lower()}"
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i not in TYPES:
                return f"type {TensorProto.DataType.Name(attribute.i).lower()}"
            if attribute.name == "training_mode" and attribute.i:
                return "training"
    return None


def run(dither, case, model):
    """(state, why)."""
    names = [value.name for value in model.graph.input]
    for data in sorted(case.glob("test_data_set_*")):
        with tempfile.TemporaryDirectory() as folder:
            inputs = [f"--input={name}={data / f'input_{i}.pb'}" for i, name in enumerate(names)]
            path, fixed = case / "model.onnx", pathlib.Path(folder) / "model.onnx"
            # Shapes that a test gives as inputs are constants in every model that is exported: they are made constants here.
            changed = onnx.ModelProto()
            changed.CopyFrom(model)
            for opset in changed.opset_import:
                if opset.domain in ("", "ai.onnx"):
                    opset.version = min(opset.version, NEWEST_OPSET)
            for node in changed.graph.node:
                if node.op_type in FIRST_OUTPUT and len(node.output) > 1:
                    dropped = set(node.output[1:])
                    del node.output[1:]
                    left = [value for value in changed.graph.output if value.name not in dropped]
                    del changed.graph.output[:]
                    changed.graph.output.extend(left)
            keep = []
            for i, value in enumerate(list(model.graph.input)):
                proto = tensor(data / f"input_{i}.pb")
                if needs_constant(model, value.name):
                    proto.name = value.name
                    changed.graph.initializer.append(proto)
                    inputs[i] = None
                else:
                    keep.append(value)
            del changed.graph.input[:]
            changed.graph.input.extend(keep)
            inputs = [text for text in inputs if text]
            if not inputs:
                unused = pathlib.Path(folder) / "unused.npy"
                numpy.save(unused, numpy.zeros(1, numpy.float32))
                changed.graph.input.append(onnx.helper.make_tensor_value_info("unused", TensorProto.FLOAT, [1]))
                inputs = [f"--input=unused={unused}"]
            onnx.save(changed, fixed)
            done = subprocess.run(
                [dither, "run", str(fixed), *inputs, "--output-dir", folder], capture_output=True, text=True)
            if done.returncode != 0:
                said = done.stderr.strip().replace("\n", " ")
                for name, words in POLICIES:
                    if re.search(words, said):
                        return "out of scope", name
                return "failed", said[-300:]
            for i, output in enumerate(changed.graph.output):
                expected = numpy_helper.to_array(tensor(data / f"output_{i}.pb"))
                got = numpy.load(pathlib.Path(folder) / (output.name.replace("/", "_") + ".npy"))
                if got.shape != expected.shape:
                    return "failed", f"shape {got.shape}, expected {expected.shape}"
                if not numpy.allclose(got.astype(float), expected.astype(float), rtol=1e-3, atol=1e-6, equal_nan=True):
                    return "failed", f"off by {numpy.abs(got.astype(float) - expected.astype(float)).max()}"
    return "passed", None


# Operands that decide on shapes, by op and position.
SHAPE_OPERANDS = {
    "Reshape": [1], "Expand": [1], "Tile": [1], "Slice": [1, 2, 3, 4], "Pad": [1, 2, 3], "Split": [1], "Squeeze": [1],
    "Unsqueeze": [1], "Resize": [1, 2, 3], "Upsample": [1], "ReduceMax": [1], "ReduceMin": [1], "ReduceMean": [1],
    "ReduceSum": [1], "ReduceL2": [1], "Range": [0, 1, 2], "ConstantOfShape": [0], "Clip": [], "Dropout": [1, 2],
}


FIRST_OUTPUT = {"LayerNormalization", "MaxPool", "Dropout", "BatchNormalization"}


def needs_constant(model, name):
    return any(
        name == node.input[position] for node in model.graph.node
        for position in SHAPE_OPERANDS.get(node.op_type, []) if position < len(node.input))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dither")
    parser.add_argument("--op")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    taken = ops_taken(arguments.dither)
    folder = pathlib.Path(onnx.__file__).parent / "backend/test/data/node"
    table = collections.defaultdict(collections.Counter)
    reasons, failures = collections.Counter(), []

    def judge(case):
        model = onnx.load(case / "model.onnx")
        # The tests named _expanded are of functions' bodies: many ops each.
        ops = {node.op_type for node in model.graph.node}
        if not ops or not ops <= taken or model.functions or (arguments.op and arguments.op not in ops):
            return None
        op = next(iter(ops)) if len(ops) == 1 else "several"
        why = scope(model)
        return (case.name, op, "out of scope", why) if why else (case.name, op, *run(arguments.dither, case, model))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for result in pool.map(judge, sorted(folder.iterdir())):
            if result is None:
                continue
            name, op, state, why = result
            table[op][state] += 1
            if state == "failed":
                failures.append((name, why))
            elif state == "out of scope":
                reasons[why] += 1
            if arguments.verbose:
                print(f"{state:13} {name}  {why or ''}")
    print(f"{'op':24}{'passed':>8}{'failed':>8}{'out of scope':>14}")
    for op in sorted(table):
        print(f"{op:24}{table[op]['passed']:8}{table[op]['failed']:8}{table[op]['out of scope']:14}")
    total = sum(table.values(), collections.Counter())
    print(f"{'all':24}{total['passed']:8}{total['failed']:8}{total['out of scope']:14}")
    print("out of scope: " + ", ".join(f"{why} {count}" for why, count in reasons.most_common()))
    for name, why in failures:
        print(f"failed {name}: {why}")
    sys.exit(1 if failures or not total["passed"] else 0)


if __name__ == "__main__":
    main()
