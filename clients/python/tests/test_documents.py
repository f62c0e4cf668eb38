"""What documents and the notebook show runs as it stands there."""

import json
import os
import re
import subprocess
import sys

import pytest

import dither
from conftest import ROOT

BLOCKS = re.findall(r"(?ms)^```python\n(.*?)^```", (ROOT / "docs/python.md").read_text(encoding="utf-8"))
OPTIONAL = ("torch", "sklearn", "skl2onnx", "pandas", "PIL", "tqdm", "cryptography")


@pytest.fixture(scope="module")
def reader(ready_file, tmp_path_factory):
    """A reader who goes through the document from top to bottom, in a folder with the shipped files."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("models", "examples"):
        (folder / name).symlink_to(ROOT / name)
    before = os.getcwd()
    os.chdir(folder)
    yield {}
    os.chdir(before)
    with dither.connect() as client:
        for name in ("shoes", "linear", "flowers", "noisy"):
            try:
                client.remove(name, force=True, purge=True)
            except dither.NotFound:
                pass


def run(code, names):
    try:
        exec(compile(code, "document", "exec"), names)  # noqa: S102
    except ImportError as error:
        if any(optional in str(error) for optional in OPTIONAL):
            pytest.skip(str(error))
        raise
    except dither.NotFound as error:
        if "fashion-mnist" in str(error):
            pytest.skip(f"the server has no Fashion-MNIST: {error}")
        raise


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0][:40])
def test_blocks(reader, block, capsys):
    run(block, reader)


def test_there_are_blocks():
    assert len(BLOCKS) > 10


def test_from_pip_to_an_answer(ready_file):
    """README's five lines, but that the package is installed."""
    pytest.importorskip("PIL")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = next(block for block in re.findall(r"(?ms)^```\n(.*?)^```", text) if "clients/python" in block)
    lines = block.splitlines()
    assert lines[0].startswith("pip install ./clients/python") and len(lines) == 5
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    found = subprocess.run(
        ["bash", "-c", "\n".join(lines[1:])], cwd=ROOT, capture_output=True, text=True, env=dict(os.environ, PATH=path)
    )
    assert found.returncode == 0, found.stderr
    assert "Ankle boot" in found.stdout and "mutual_information" in found.stdout


NOTEBOOK = ROOT / "examples/python-client.ipynb"


def test_notebook(reader, capsys):
    """Cell by cell; Jupyter's own kernel is the next test's."""
    names = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            run("".join(cell["source"]), names)


def test_notebook_in_jupyter(reader):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("text/html" in output.get("data", {}) for output in shown)
