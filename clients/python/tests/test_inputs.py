"""Models of several inputs, by mappings of names to arrays."""

import pathlib
import sys
import uuid

import numpy as np
import pytest

import dither

PROTOS = pathlib.Path(__file__).resolve().parents[3] / "protos"


def _onnx(tmp_path_factory):
    """ONNX's messages: those of its own package where it is there, as a process has one of each name."""
    try:
        import onnx

        return onnx
    except ImportError:
        pass
    protoc = pytest.importorskip("grpc_tools.protoc")
    folder = tmp_path_factory.mktemp("onnx")
    arguments = ["protoc", f"--proto_path={PROTOS}/onnx", f"--python_out={folder}", "onnx.proto"]
    assert protoc.main(arguments) == 0
    sys.path.insert(0, str(folder))
    try:
        import onnx_pb2

        return onnx_pb2
    finally:
        sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    """A bag of embeddings: the mean of table[ids] over what mask leaves, times a matrix; an ONNX file."""
    onnx = _onnx(tmp_path_factory)
    generator = np.random.default_rng(1)
    table, matrix = generator.normal(size=(9, 4)).astype("f4"), generator.normal(size=(4, 3)).astype("f4")
    model = onnx.ModelProto(ir_version=8)
    model.opset_import.add(domain="", version=17)
    graph = model.graph
    graph.name = "bag"

    def constant(name, array):
        kind = 1 if array.dtype == np.float32 else 7
        graph.initializer.add(name=name, dims=array.shape, data_type=kind, raw_data=array.tobytes())

    def value(into, name, kind, shape):
        found = into.add(name=name)
        found.type.tensor_type.elem_type = kind
        for extent in shape:
            if extent is None:
                found.type.tensor_type.shape.dim.add(dim_param="N")
            else:
                found.type.tensor_type.shape.dim.add(dim_value=extent)

    def node(kind, inputs, output, **integers):
        made = graph.node.add(op_type=kind, name=output, input=inputs, output=[output])
        for key, number in integers.items():
            made.attribute.add(name=key, type=2, i=number)

    constant("table", table)
    constant("matrix", matrix)
    constant("one", np.array([1], np.int64))
    constant("two", np.array([2], np.int64))
    value(graph.input, "ids", 7, [None, 5])
    value(graph.input, "mask", 7, [None, 5])
    value(graph.output, "logits", 1, [None, 3])
    node("Gather", ["table", "ids"], "words")
    node("Cast", ["mask"], "kept", to=1)
    node("Unsqueeze", ["kept", "two"], "columns")
    node("Mul", ["words", "columns"], "weighed")
    node("ReduceSum", ["weighed", "one"], "sum", keepdims=0)
    node("ReduceSum", ["kept", "one"], "count", keepdims=1)
    node("Div", ["sum", "count"], "mean")
    node("MatMul", ["mean", "matrix"], "logits")
    path = tmp_path_factory.mktemp("bag") / "bag.onnx"
    path.write_bytes(model.SerializeToString())

    def probabilities(ids, mask):
        mean = (table[ids] * mask[..., np.newaxis]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        powers = np.exp(mean @ matrix)
        return powers / powers.sum(axis=1, keepdims=True)

    return path, probabilities


@pytest.fixture
def bag(client, text_file):
    found = client.upload(text_file[0], name=f"bag-{uuid.uuid4().hex[:8]}")
    yield found
    client.remove(found.info.name)


def texts(count):
    generator = np.random.default_rng(2)
    lengths = generator.integers(1, 6, count)
    return generator.integers(1, 9, (count, 5)), (np.arange(5) < lengths[:, np.newaxis]).astype(np.int64)


def test_named_arrays(bag, text_file):
    ids, mask = texts(20)
    assert [(one.name, one.type, one.shape) for one in bag.info.inputs] == [("ids", "int64", (5,)), ("mask", "int64", (5,))]
    answer = bag.predict({"mask": mask, "ids": ids})
    assert np.allclose(answer.probabilities, text_file[1](ids, mask), atol=1e-5)
    lists = bag.predict({"ids": ids.tolist(), "mask": mask.astype(bool)})
    assert np.allclose(lists.probabilities, answer.probabilities, atol=1e-6)
    assert len(bag.predict({"ids": ids[0], "mask": mask[0]})) == 1
    noisy = bag.predict({"ids": ids, "mask": mask}, noise="embeddings:gaussian,sigma=0.3", samples=16)
    assert (noisy.mutual_information > 0).all() and "ids" in repr(bag)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x["ids"], "by the names of the inputs, ids"),
        (lambda x: {"ids": x["ids"]}, r"ids \[5\], mask \[5\]"),
        (lambda x: {**x, "more": x["ids"]}, "more"),
        (lambda x: {**x, "mask": x["mask"][:3]}, "expected 6 examples"),
        (lambda x: {**x, "ids": x["ids"] + 0.5}, "whole numbers"),
        (lambda x: {**x, "ids": x["ids"] + (1 << 40)}, "16777216"),
        (lambda x: {**x, "ids": x["ids"][:, :4]}, "ids: expected one example"),
    ],
)
def test_wrong_inputs(bag, change, words):
    ids, mask = texts(6)
    with pytest.raises(dither.InvalidArgument, match=words):
        bag.predict(change({"ids": ids, "mask": mask}))


def test_audits_and_calibrations(bag, client):
    ids, mask = texts(60)
    x = {"ids": ids, "mask": mask}
    labels = bag.predict(x).labels
    report = client.audit(bag.reference, (x, labels), probes=["clean", "calibration"], progress=False)
    assert report.data["n"] == 60 and report.data["probes"][0]["clean_accuracy"] == 1
    attacked = client.audit(bag.reference, (x, labels), probes=["pgd:epsilon=0.3,steps=5"], progress=False)
    assert attacked.data["probes"][0]["robust_accuracy"] <= 1
    wrong = np.where(np.arange(60) % 5 == 0, (labels + 1) % 3, labels)
    assert bag.calibrate((x, wrong)).number == 1


def test_inputs_of_any_size():
    """-1 in a model's shape is an axis of any extent."""
    from dither._arrays import rows_of

    shape = (2, -1, -1)
    assert rows_of(np.zeros((2, 5, 7)), shape).shape == (1, 2, 5, 7)
    assert rows_of(np.zeros((3, 2, 5, 7)), shape).shape == (3, 2, 5, 7)
    for wrong in [(3, 5, 7), (1, 3, 5, 7), (2, 0, 7), (35,), (2, 35)]:
        with pytest.raises(dither.InvalidArgument, match="any, any"):
            rows_of(np.zeros(wrong), shape)
