"""Random graphs of batch 1 through `dither run` with two, three and seven rows: where it takes them, the answers must be those that
onnxruntime gives to each row alone. Graphs whose numbers hang on how many rows there are come first; of these none may be taken with
several rows and answered otherwise. Started by scripts/conformance. Written against onnx 1.17.0 and onnxruntime 1.32.0.
   batches.py DITHER [COUNT] [SEED]   COUNT random graphs, 300 of themselves, from SEED on"""

import collections
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSET, LARGEST = 17, 4000  # numbers of a value
TOLERANCE = 1e-4  # of the largest number of the output, where that is above 1


class Net:
    """Nodes one after the other, each with the shape that it puts out for one row."""

    def __init__(self, seed, shape=None):
        self.dice, self.numbers = random.Random(seed), np.random.default_rng(seed)
        self.nodes, self.constants, self.count = [], [], 0
        self.input = shape or [1] + [self.dice.choice([2, 3, 4, 6]) for _ in range(self.dice.choice([1, 1, 2, 2, 3]))]
        self.values = [("x", list(self.input))]

    def name(self):
        self.count += 1
        return f"v{self.count}"

    def constant(self, array):
        name = self.name()
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weights(self, *shape):
        return self.constant(self.numbers.normal(size=shape).astype(np.float32))

    def integers(self, *numbers):
        return self.constant(np.array(numbers, np.int64))

    def node(self, kind, inputs, shape=None, **attributes):
        """Without a shape it is none that later nodes may read by chance."""
        name = self.name()
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        if shape is not None:
            self.values.append((name, list(shape)))
        return name

    def rows(self, value="x"):
        """The number of rows, a list of one."""
        return self.node("Slice", [self.node("Shape", [value]), self.integers(0), self.integers(1)])

    def step(self):
        dice = self.dice
        value, shape = self.values[-1] if dice.random() < 0.8 else dice.choice(self.values)
        size, rank = int(np.prod(shape)), len(shape)
        # Mostly not along the first, where the rows often lie.
        axis = dice.randrange(rank > 1 and dice.random() < 0.8, rank) if rank else 0
        kind = dice.choice(STEPS)
        if kind == "reshape":
            target, left = [], size
            for _ in range(dice.randrange(4)):
                target.append(dice.choice([d for d in range(1, left + 1) if left % d == 0]))
                left //= target[-1]
            target.append(left)
            dice.shuffle(target)
            target = [1] * (dice.random() < 0.5) + target
            said = list(target)
            if dice.random() < 0.3:
                said[dice.randrange(len(said))] = -1
            self.node("Reshape", [value, self.integers(*said)], target)
        elif kind == "transpose" and rank > 1:
            order = dice.sample(range(rank), rank)
            self.node("Transpose", [value], [shape[i] for i in order], perm=order)
        elif kind in ("add", "weights"):
            if kind == "add":
                other, own = dice.choice(self.values)
            else:
                own = [extent if dice.random() < 0.6 else 1 for extent in shape]
                own = own[dice.randrange(rank) :] if rank and dice.random() < 0.4 else own
                other = self.weights(*own)
            try:
                result = np.broadcast_shapes(tuple(shape), tuple(own))
            except ValueError:
                return
            if np.prod(result) <= LARGEST and len(result) < 7:
                self.node(dice.choice(["Add", "Mul", "Sub"]), [value, other], result)
        elif kind == "dense" and rank > 1:
            width = dice.choice([2, 3, 4])
            if dice.random() < 0.75:
                self.node("MatMul", [value, self.weights(shape[-1], width)], shape[:-1] + [width])
            else:
                self.node("MatMul", [self.weights(width, shape[-2]), value], shape[:-2] + [width, shape[-1]])
        elif kind == "attention" and rank > 1:
            order = [*range(rank - 2), rank - 1, rank - 2]
            turned = self.node("Transpose", [value], [shape[i] for i in order], perm=order)
            self.node("MatMul", [value, turned], shape[:-1] + [shape[-2]])
        elif kind in ("Softmax", "CumSum", "LayerNormalization", "TopK", "reduce", "Gather", "Slice", "Split", "Concat") and rank:
            self.along(kind, value, shape, axis)
        elif kind == "Squeeze" and 1 in shape:
            place = dice.choice([i for i, extent in enumerate(shape) if extent == 1])
            self.node("Squeeze", [value, self.integers(place)], shape[:place] + shape[place + 1 :])
        elif kind == "Unsqueeze" and rank < 5:
            place = dice.randrange(rank + 1)
            self.node("Unsqueeze", [value, self.integers(place)], shape[:place] + [1] + shape[place:])
        elif kind == "Flatten":
            self.node("Flatten", [value], [int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))], axis=axis)
        elif kind == "extent" and rank:
            extent = self.node("Gather", [self.node("Shape", [value]), self.constant(np.int64(axis))])
            self.node("Mul", [value, self.node("Cast", [extent], to=TensorProto.FLOAT)], shape)
        elif kind == "LSTM" and rank == 3:
            width = dice.choice([1, 2, 3])
            inputs = [value, self.weights(1, 4 * width, shape[2]), self.weights(1, 4 * width, width), self.weights(1, 8 * width), ""]
            if dice.random() < 0.6:
                inputs += [self.weights(1, shape[1], width), self.weights(1, shape[1], width)]
            self.node("LSTM", inputs, [shape[0], 1, shape[1], width], hidden_size=width)
        elif kind == "Einsum" and rank > 1:
            letters = "abcdef"[:rank]
            if dice.random() < 0.5:
                equation = f"{letters},{letters[-1]}z->{letters[:-1]}z"
                self.node("Einsum", [value, self.weights(shape[-1], 3)], shape[:-1] + [3], equation=equation)
            else:
                self.node("Einsum", [value, value], shape[:1], equation=f"{letters},{letters}->{letters[0]}")
        elif kind == "Where":
            mask = self.constant(self.numbers.random([d if dice.random() < 0.6 else 1 for d in shape]) > 0.5)
            self.node("Where", [mask, value, self.weights(1)], shape)
        elif kind == "indices" and rank:
            extent = dice.choice([1, 2])
            result = shape[:axis] + [extent] + shape[axis + 1 :]
            self.node("GatherElements", [value, self.constant(self.numbers.integers(0, shape[axis], result))], result, axis=axis)

    def along(self, kind, value, shape, axis):
        dice, rank = self.dice, len(shape)
        cut = lambda extent: shape[:axis] + [extent] + shape[axis + 1 :]
        if kind == "Softmax":
            self.node(kind, [value], shape, axis=axis)
        elif kind == "CumSum":
            self.node(kind, [value, self.constant(np.int64(axis))], shape)
        elif kind == "LayerNormalization" and rank > 1:
            self.node(kind, [value, self.weights(*shape[axis:])], shape, axis=axis, epsilon=1e-2)
        elif kind == "TopK":
            count = dice.randrange(1, shape[axis] + 1)
            self.node(kind, [value, self.integers(count)], cut(count), axis=axis)
            self.nodes[-1].output.append(self.name())
        elif kind == "reduce":
            kept = dice.randrange(2)
            result = [1 if i == axis else d for i, d in enumerate(shape) if kept or i != axis]
            self.node(dice.choice(["ReduceMean", "ReduceMax", "ReduceL2"]), [value], result, axes=[axis], keepdims=kept)
        elif kind == "Gather":
            count = dice.choice([1, shape[axis]])
            self.node(kind, [value, self.integers(*(dice.randrange(shape[axis]) for _ in range(count)))], cut(count), axis=axis)
        elif kind == "Slice":
            first = dice.randrange(shape[axis])
            last = dice.randrange(first + 1, shape[axis] + 1)
            end = last if last < shape[axis] else 1 << 40
            self.node(kind, [value, self.integers(first), self.integers(end), self.integers(axis)], cut(last - first))
        elif kind == "Split" and shape[axis] % 2 == 0:
            half = shape[axis] // 2
            name = self.node(kind, [value, self.integers(half, half)], cut(half), axis=axis)
            self.nodes[-1].output.append(f"{name}_b")
            self.values.append((f"{name}_b", cut(half)))
        elif kind == "Concat" and np.prod(shape) < LARGEST / 8:
            token = self.weights(*cut(1))
            self.node(kind, [token, value] if dice.random() < 0.5 else [value, token], cut(shape[axis] + 1), axis=axis)

    def model(self, output=None):
        """The net with its last value, or `output`, as the answer of one row."""
        value, shape = self.values[-1]
        if output is None:
            output = self.node("Reshape", [value, self.integers(1, int(np.prod(shape)))])
        declared = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "net", [declared("x", self.input)], [declared(output, None)], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


STEPS = ["reshape"] * 4 + ["transpose"] * 3 + ["add", "dense", "dense"] + [
    "weights", "attention", "Softmax", "CumSum", "LayerNormalization", "TopK", "reduce", "Gather", "Slice", "Split", "Concat",
    "Squeeze", "Unsqueeze", "Flatten", "extent", "LSTM", "Einsum", "Where", "indices",
]  # fmt: skip


def counted():
    """Name and model of graphs whose answers follow how many rows there are, or other rows."""

    def net(name, build, width=5):
        made = Net(1, [1, width])
        return name, made.model(build(made))

    floats = lambda made: made.node("Cast", [made.rows()], to=TensorProto.FLOAT)
    one = lambda made, numbers: made.node("ConstantOfShape", [numbers], value=helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]))
    yield net("many weights times the number of rows", lambda n: n.node("Mul", ["x", n.node("Mul", [n.weights(100), floats(n)])]), 100)
    yield net(
        "one row alone as a case of its own",
        lambda n: n.node("Where", [n.node("Equal", [n.rows(), n.integers(1)]), n.node("Neg", ["x"]), "x"]),
    )
    yield net("the column that the number of rows names", lambda n: n.node("Gather", ["x", n.rows()], axis=1))
    yield net(
        "a slice that begins where the number of rows says",
        lambda n: n.node("Slice", ["x", n.node("Sub", [n.rows(), n.integers(1)]), n.rows(), n.integers(1)]),
    )
    yield net(
        "columns moved by the number of rows",
        lambda n: n.node(
            "Pad", ["x", n.node("Concat", [n.integers(0), n.rows(), n.integers(0), n.node("Neg", [n.rows()])], axis=0)]
        ),
    )
    yield net(
        "a sum of all rows by a matrix of ones",
        lambda n: n.node("MatMul", [one(n, n.node("Concat", [n.rows(), n.rows()], axis=0)), "x"]),
    )
    yield net("a sum over rows beside their own", lambda n: n.node("Einsum", ["x", "x"], equation="nd,me->me"))


def judged(dither, model, rows, work):
    """'equal', 'differs', 'kept' where one row at a time is taken, 'refused', or 'none' where onnxruntime runs none."""
    file, place = work / "net.onnx", work / "out"
    onnx.save(model, file)
    x = np.random.default_rng(rows).normal(size=[rows, *(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim[1:])])
    x = x.astype(np.float32)
    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        wanted = np.concatenate([session.run(None, {"x": x[row : row + 1]})[0] for row in range(rows)])
    except Exception:  # of any kind: onnxruntime raises its own
        return "none"
    np.save(work / "x.npy", x)
    command = [dither, "run", str(file), "--input", f"x={work / 'x.npy'}", "--output-dir", str(place)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return "kept" if "input 'x'" in done.stderr else "refused"
    found = np.load(place / f"{model.graph.output[0].name}.npy")
    is_equal = found.shape == wanted.shape and np.allclose(
        found, wanted, rtol=1e-3, atol=TOLERANCE * max(1, np.abs(wanted).max(initial=0)), equal_nan=True
    )
    return "equal" if is_equal else "differs"


def main():
    dither = sys.argv[1]
    count, seed = (int(sys.argv[at]) if len(sys.argv) > at else default for at, default in ((2, 300), (3, 1)))
    onnxruntime.set_default_logger_severity(4)
    table, failed = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for name, model in counted():
            found = judged(dither, model, 3, work)
            failed += found != "kept"
            if found != "kept":
                print(f"{name}: {found}")
        for number in range(seed, seed + count):
            net = Net(number)
            for _ in range(net.dice.randrange(2, 14)):
                if np.prod(net.values[-1][1]) <= LARGEST:
                    net.step()
            found = judged(dither, net.model(), net.dice.choice([2, 3, 7]), work)
            table[found] += 1
            failed += found == "differs"
            if found == "differs":
                print(f"seed {number}: {' '.join(node.op_type for node in net.nodes)}")
    print(f"{count} random graphs: " + ", ".join(f"{value} {kind}" for kind, value in sorted(table.items())))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
