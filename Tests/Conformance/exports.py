"""Small PyTorch nets, exported with default arguments by both exporters of `torch.onnx.export`, through `dither run --check` and
`dither run`: outputs are compared with PyTorch's. Prints what is refused, by node, reason and remedy. Started by
scripts/conformance. Written against torch 2.13.0, onnxscript 0.7.2 and onnx 1.17.0.
   exports.py DITHER [WORD]   only nets with WORD in their name, a line for each"""

import contextlib
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import torch
from nets import nets

TOLERANCE = 1e-4  # of the largest number of the output, where that is above 1
ROWS = 3
LEAST_TAKEN = 0.95  # of what PyTorch exports


def fed(shapes, rows, half):
    result = []
    for shape in shapes:
        if isinstance(shape[0], tuple):
            result.append(torch.randint(shape[1], (rows, *shape[0])))
            result[-1][:, 0] = 1  # a mask of nothing has no mean
        else:
            result.append(torch.randn(rows, *shape).to(torch.float16 if half else torch.float32))
    return result


@contextlib.contextmanager
def silence():
    """Exporters print from C++ too."""
    sys.stdout.flush()
    kept = [os.dup(1), os.dup(2)]
    with open(os.devnull, "w") as nothing:
        for number in (1, 2):
            os.dup2(nothing.fileno(), number)
    try:
        yield
    finally:
        sys.stdout.flush()
        for number, old in zip((1, 2), kept):
            os.dup2(old, number)
            os.close(old)


def exported(net, example, file, dynamo):
    """None, or why PyTorch cannot."""
    try:
        with silence():
            torch.onnx.export(net, tuple(example), str(file), dynamo=dynamo)
    except Exception as error:  # of any kind: exporters raise their own
        return f"{type(error).__name__}: {error}".strip().splitlines()[0][:120]
    return None


def run(dither, file, inputs, work):
    names, place = [value.name for value in onnx.load(file, load_external_data=False).graph.input], work / "out"
    command = [dither, "run", str(file), "--output-dir", str(place)]
    for name, array in zip(names, inputs):
        array = array.numpy()
        np.save(work / f"{len(command)}.npy", array.astype(np.float32) if array.dtype == np.float16 else array)
        command += ["--input", f"{name}={work / f'{len(command)}.npy'}"]
    done = subprocess.run(command, capture_output=True, text=True)
    return place, done.stderr.strip()


def judged(dither, net, shapes, file, work):
    """What became of a file: 'equal', or 'refused' and 'differs' with more."""
    check = subprocess.run([dither, "run", str(file), "--check"], capture_output=True, text=True)
    if check.returncode:
        return "refused", check.stderr.strip()
    refused = [line for line in check.stdout.splitlines() if "would be refused" in line]
    if refused:
        return "refused", refused[0]
    half = next(net.parameters(), torch.zeros(1)).dtype == torch.float16
    inputs = fed(shapes, ROWS, half)
    place, fault = run(dither, file, inputs, work)
    if fault:  # a batch that is one for good: a row at a time, as a server does
        rows = []
        for row in range(ROWS):
            place, again = run(dither, file, [value[row : row + 1] for value in inputs], work)
            if again:
                return "refused", again
            rows.append(np.load(next(place.glob("*.npy"))))
        found = np.concatenate([row.reshape(1, -1) for row in rows])
    else:
        found = np.load(next(place.glob("*.npy")))
    with torch.no_grad():
        wanted = torch.stack([net(*[value[row : row + 1] for value in inputs]).reshape(-1) for row in range(ROWS)])
    wanted = wanted.float().numpy()
    if found.size != wanted.size:
        return "differs", f"shape {found.shape}, not {wanted.shape}"
    scale = max(1, np.abs(wanted).max()) * (10 if half else 1)
    worst = np.abs(found.reshape(wanted.shape) - wanted).max() / scale
    return ("equal row by row" if fault else "equal", "") if worst <= TOLERANCE else ("differs", f"by up to {worst:.3g}")


def main():
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    dither, word = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    count, tables = 0, {False: {}, True: {}}
    for name, make, shapes in nets():
        if word not in name:
            continue
        count += 1
        for dynamo in (False, True):
            torch.manual_seed(7)
            net = make().eval()
            with tempfile.TemporaryDirectory() as folder:
                work = pathlib.Path(folder)
                half = next(net.parameters(), torch.zeros(1)).dtype == torch.float16
                why = exported(net, fed(shapes, 1, half), work / "model.onnx", dynamo)
                kind, more = ("not exported", why) if why else judged(dither, net, shapes, work / "model.onnx", work)
            tables[dynamo][kind] = tables[dynamo].get(kind, 0) + 1
            if word or kind != "equal":
                more = more.replace(f"{folder}/", "").replace("\n", " ")
                print(f"{name}, dynamo={dynamo}: {kind} {more}", flush=True)
    print(f"{count} nets of PyTorch")
    for dynamo, table in tables.items():
        print(f"dynamo={dynamo}: " + ", ".join(f"{value} {kind}" for kind, value in sorted(table.items())))
    total = lambda *kinds: sum(table.get(kind, 0) for table in tables.values() for kind in kinds)
    taken, refused = total("equal", "equal row by row", "differs"), total("refused")
    print(
        f"taken {taken} of {taken + refused} exports, {taken / max(taken + refused, 1):.1%}; of these equal {taken - total('differs')}"
    )
    sys.exit(total("differs") > 0 or taken < LEAST_TAKEN * (taken + refused))


if __name__ == "__main__":
    main()
