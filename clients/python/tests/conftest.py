"""What the tests share. The server is that of the environment (DITHER_READY_FILE), with the shipped models."""

import os
import pathlib
import uuid

import numpy as np
import pytest

import dither

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODEL = "fashion-mlp-noise"


@pytest.fixture(scope="session")
def ready_file():
    path = os.environ.get("DITHER_READY_FILE")
    if not path:
        pytest.skip("no server: DITHER_READY_FILE is not set")
    return path


@pytest.fixture(scope="session")
def client(ready_file):
    with dither.connect() as client:
        yield client


@pytest.fixture(scope="session")
def model(client):
    return client.model(MODEL)


@pytest.fixture(scope="session")
def images():
    """[12, 1, 28, 28] in [0, 1]."""
    return np.random.default_rng(5).random((12, 1, 28, 28), np.float32)


@pytest.fixture(scope="session")
def onnx_file():
    return ROOT / "models" / f"{MODEL}.onnx"


@pytest.fixture
def own(client, onnx_file):
    """A model of the test's own."""
    found = client.upload(onnx_file, name=f"own-{uuid.uuid4().hex[:8]}")
    yield found
    try:
        client.remove(found.info.name, force=True, purge=True)
    except dither.NotFound:
        pass


@pytest.fixture(scope="session")
def examples(model, images):
    """Inputs with labels that the model mostly gives, and sometimes does not, as a temperature needs them."""
    inputs = np.random.default_rng(6).random((80, 1, 28, 28), np.float32)
    labels = model.predict(inputs, samples=4, seed=1).labels.copy()
    labels[::4] = (labels[::4] + 1) % 10
    return inputs, labels
