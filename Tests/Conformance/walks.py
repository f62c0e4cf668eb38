"""The walks of docs/your-model.md, from a framework to an answer with its uncertainty and a report, as they stand there: each section's
blocks in their order, in a folder of its own, against the server of the environment or one that is started.
   walks.py DITHER SECTION…   SECTION: a heading without 'From ', as scikit-learn
Where Python lacks the framework, what its block once wrote is taken from the folder of that name beside this file, if there is one."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from serving import server

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DOCUMENT = ROOT / "docs" / "your-model.md"


def sections():
    """Blocks by heading: pairs of language and text."""
    found = {}
    for part in re.split(r"(?m)^## ", DOCUMENT.read_text(encoding="utf-8"))[1:]:
        heading, _, text = part.partition("\n")
        found[heading.removeprefix("From ")] = re.findall(r"(?ms)^```(python|sh)\n(.*?)^```", text)
    return found


def walk(blocks, folder, environment, written):
    """What a step printed that failed; nothing where all went well."""
    for language, text in blocks:
        command = [sys.executable, "-c", text] if language == "python" else ["bash", "-euo", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if language == "python" and "ModuleNotFoundError" in done.stderr and written.is_dir():
            print(f"without its framework, with what its block once wrote: {written.relative_to(ROOT)}")
            shutil.copytree(written, folder, dirs_exist_ok=True)
        elif done.returncode != 0:
            return f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    # A walk ends with an answer and a report.
    shown = "".join(text for language, text in blocks if language == "sh")
    missing = [word for word in ("dither predict", "dither audit") if word not in shown]
    return f"expected {' and '.join(missing)} among its commands" if missing else None


def main():
    dither, names = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    known = sections()
    failed = 0
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        place = pathlib.Path(place)
        environment = os.environ if "DITHER_ADDRESS" in os.environ else stack.enter_context(server(str(dither), place))
        (place / "bin").mkdir()
        (place / "bin" / "dither").symlink_to(dither)
        path = os.pathsep.join([str(place / "bin"), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**environment, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        for number, name in enumerate(names):
            if name not in known:
                sys.exit(f"{DOCUMENT}: expected a section '{name}', got {', '.join(known)}")
            folder = place / str(number)
            folder.mkdir()
            fault = walk(known[name], folder, environment, HERE / name)
            print(f"{'FAILED' if fault else 'passed'}  {DOCUMENT.relative_to(ROOT)}, {name}" + (f"\n{fault}" if fault else ""))
            failed += fault is not None
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
