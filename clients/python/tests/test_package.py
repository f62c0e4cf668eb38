"""The package as it is installed: its files, its stubs, its types, its table of calls."""

import hashlib
import importlib.util
import inspect
import os
import pathlib
import re
import subprocess
import sys

import pytest

import dither
from conftest import ROOT
from dither import _methods, _stubs, _version

HERE = pathlib.Path(dither.__file__).parent


def test_it_is_the_installed_one():
    assert "site-packages" in HERE.parts, "the tests are for the wheel: install it"
    assert (HERE / "py.typed").is_file()


def test_versions_agree():
    project = (ROOT / "clients/python/pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{_version.VERSION}"' in project and dither.__version__ == _version.VERSION


def test_the_license_is_the_repositorys():
    assert (ROOT / "clients/python/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_stubs_are_of_these_protos():
    """Without a generator: `scripts/generate-python-stubs --check` makes them anew."""
    whole = b""
    for name in ("details", "inference", "registry", "report", "robustness"):
        folder = ROOT / ("clients/python/protos" if name == "details" else "protos/dither/v1")
        text = (folder / f"{name}.proto").read_text(encoding="utf-8")
        text = re.sub(r"(?m)^package dither\.v1;", "package dither.client.v1;", text)
        whole += text.replace('"dither/v1/', '"dither/_stubs/').encode()
    assert hashlib.sha256(whole).hexdigest() == _stubs.SOURCES, "run scripts/generate-python-stubs"


def test_calls_are_those_of_the_protos():
    found = {}
    for proto in (ROOT / "protos/dither/v1").glob("*.proto"):
        text = proto.read_text(encoding="utf-8")
        for service, body in re.findall(r"(?ms)^service (\w+) \{(.*?)^\}", text):
            for name, sends, request, answers, response in re.findall(
                r"rpc (\w+)\((stream )?(\w+)\) returns \((stream )?(\w+)\);", body
            ):
                kind = f"{'stream' if sends else 'unary'}_{'stream' if answers else 'unary'}"
                found[f"/dither.v1.{service}/{name}"] = (request, response, kind)
    table = [value for value in vars(_methods).values() if isinstance(value, _methods.Method)]
    assert {call.path: (call.request.__name__, call.response.__name__, call.kind) for call in table} == found


def test_stubs_of_others_stand_beside(tmp_path):
    """Somebody's own `dither/v1/*_pb2.py`, another version even, in one process with this package."""
    if importlib.util.find_spec("grpc_tools") is None:
        pytest.skip("grpc_tools is not installed")
    protos = tmp_path / "protos/dither/v1"
    protos.mkdir(parents=True)
    text = (ROOT / "protos/dither/v1/inference.proto").read_text(encoding="utf-8")
    (protos / "inference.proto").write_text(text.replace("message Timing {", "message Timing {\n  uint64 more = 99;"))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"--proto_path={tmp_path}/protos",
            f"--python_out={tmp_path}",
            "dither/v1/inference.proto",
        ],
        check=True,
    )
    program = (
        "import dither, dither.v1.inference_pb2 as raw\n"
        "from dither._stubs import inference_pb2 as own\n"
        "assert raw.Timing(more=1) and not hasattr(own.Timing(), 'more') and dither.connect"
    )
    environment = dict(os.environ, PYTHONPATH=str(tmp_path))
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_names_are_exported():
    for name in dither.__all__:
        assert hasattr(dither, name), name
    assert {"connect", "NotFound", "Predictions", "Report", "Calibration"} <= set(dither.__all__)


def test_every_public_name_is_documented():
    missing = []
    for module in (dither, dither.aio):
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isclass(found) or inspect.isfunction(found):
                members = [m for key, m in vars(found).items() if key[0] != "_" and inspect.isfunction(m)]
                missing += [f"{name}: {m.__qualname__}" for m in [found] + members if not inspect.getdoc(m)]
    assert missing == []


def test_lines_are_short():
    folder = ROOT / "clients/python"
    long = [
        f"{path.name}:{at + 1}"
        for path in folder.rglob("*.py")
        if "_stubs" not in path.parts
        for at, line in enumerate(path.read_text(encoding="utf-8").splitlines())
        # As in the rest of the house, but in text.
        if len(line) > 120 and '"' not in line
    ]
    assert long == []


def test_types():
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    source = ROOT / "clients/python"
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            source / "pyproject.toml",
            "-p",
            "dither",
            "--cache-dir",
            os.devnull,
        ],
        cwd=source / "src",
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
