"""The registry: uploads, what they export, aliases, calibrations, removal."""

import hashlib
import json
import os
import pickle
import uuid

import numpy as np
import pytest

import dither
from conftest import ROOT
from dither import _exports, _methods, _registry_steps, _steps
from dither._stubs import registry_pb2


def test_models_are_listed(client, model):
    found = client.models()
    assert "fashion-mlp-noise" in [info.name for info in found]
    assert {info.name.split("-")[0] for info in client.models("mnist")} == {"mnist"}
    info = model.info
    assert (info.input_shape, info.classes, info.task) == ((1, 28, 28), 10, "classification")
    assert info.noise and info.default_samples > 0 and isinstance(info.card, dict)
    assert "with noise" in repr(model)


def test_upload_with_noise_in_words(client):
    plain = ROOT / "models" / "fashion-mlp-baseline.onnx"
    made = client.upload(plain, name=f"noisy-{uuid.uuid4().hex[:8]}", noise="weights:gaussian,sigma=0.05")
    assert made.info.noise
    terms = json.loads(_exports_metadata(client.download(made.info.reference))["dither.noise"])["terms"]
    assert (terms[0]["site"], terms[0]["sigma"]) == ("weights", pytest.approx(0.05))
    client.remove(made.info.name, force=True, purge=True)
    for noise, words in (
        ("weights:gaussian,sigma", "key=value"),
        ([], "got none"),
        ("auto", "data"),
        (["auto", "weights"], "'auto' stands alone"),
    ):
        with pytest.raises(dither.InvalidArgument, match=words):
            client.upload(plain, name="none", noise=noise)
    with pytest.raises(dither.InvalidArgument, match="did you mean 'weights'"):
        client.upload(plain, name="none", noise="weight:gaussian,sigma=0.1")
    with pytest.raises(dither.InvalidArgument, match="once"):
        client.upload(plain, name="none", noise="weights", metadata={"dither.noise": "{}"})


def test_noise_is_chosen_on_data(client, tmp_path):
    program = os.environ.get("DITHER_PROGRAM")
    if not program:
        pytest.skip("no program: DITHER_PROGRAM is not set")
    random = np.random.default_rng(3)
    inputs = random.random((60, 1, 28, 28), np.float32)
    plain = ROOT / "models" / "fashion-mlp-baseline.onnx"
    labels = client.model("fashion-mlp-baseline").predict(inputs, samples=0).labels.copy()
    # Sure and wrong: noise makes it likelier.
    labels[::2] = random.integers(0, 10, len(labels[::2]))
    tuned = client.tune(plain, (inputs, labels), candidates=["sigma"], folds=2, samples=4)
    assert tuned.chosen == "sigma" and {score["name"] for score in tuned.record["scores"]} == {"plain", "sigma"}
    tuned.save(tmp_path / "tuned.onnx")
    assert (tmp_path / "tuned.onnx").read_bytes() == tuned.content and "sigma" in repr(tuned)
    made = client.upload(tuned.content, name=f"tuned-{uuid.uuid4().hex[:8]}", card=tuned.card)
    assert made.info.noise
    with pytest.raises(dither.InvalidArgument, match="labels|class"):
        client.tune(plain, (inputs, labels + 50), candidates=["sigma"])
    with pytest.raises(dither.InvalidArgument, match="sigma"):
        client.tune(plain, (inputs, labels), candidates=["sgima"])
    with pytest.raises(dither.MissingPackage, match="program"):
        client.tune(plain, (inputs, labels), program="no-such-dither")
    client.remove(made.info.name, force=True, purge=True)


def test_cards_are_mappings_markdown_or_files(client, onnx_file, tmp_path):
    yaml = pytest.importorskip("yaml")
    path = tmp_path / "net.card.md"
    path.write_text("---\nlicense: mit\ntags:\n- shoes\n---\n\n# Net\n")
    name = f"card-{uuid.uuid4().hex[:8]}"
    for card in (path, path.read_text()):
        found = client.upload(onnx_file, name=name, card=card).info.card
        assert found == {"license": "mit", "tags": ["shoes"], "markdown": "# Net\n"}
    with pytest.raises(dither.InvalidArgument, match="pathlib.Path"):
        client.upload(onnx_file, name=name, card=str(path))
    with pytest.raises(dither.InvalidArgument, match="close the YAML part"):
        client.upload(onnx_file, name=name, card="---\nlicense: mit\n")
    with pytest.raises(dither.InvalidArgument, match="as YAML"):
        client.upload(onnx_file, name=name, card="---\na: [1\n---\n")
    with pytest.raises(dither.InvalidArgument, match="card"):
        client.upload(onnx_file, name=name, card=object())
    assert yaml and client.remove(name, force=True) == 1


def _exports_metadata(content):
    found = {}
    for number, _, value in _exports._fields(content):
        if number == 14:
            pair, at = [], 0
            while at < len(value):
                _, at = _exports._varint(value, at)
                length, at = _exports._varint(value, at)
                pair.append(value[at : at + length].decode())
                at += length
            found[pair[0]] = pair[1]
    return found


def test_upload_alias_remove(client, onnx_file, images):
    name = f"shoes-{uuid.uuid4().hex[:8]}"
    labels = [f"class {at}" for at in range(10)]
    made = client.upload(onnx_file, name=name, labels=labels, card={"by": "tests"}, aliases=["best"])
    assert (made.info.version, made.existed, made.info.card) == (1, False, {"by": "tests"})
    assert made.info.class_names == tuple(labels)
    assert client.upload(onnx_file, name=name, labels=labels, card={"by": "tests"}).existed
    assert client.model(f"{name}:best").predict(images[0], samples=4).version == 1
    second = client.upload(onnx_file, name=name, metadata={"dither.samples": "5"})
    assert (second.info.version, second.predict(images[0]).samples) == (2, 5)
    assert "best" in second.set_alias("best", expected_version=1).aliases
    with pytest.raises(dither.FailedPrecondition):
        client.set_alias(f"{name}@1", "best", expected_version=1)
    # One server alone is everywhere.
    assert "here" in second.set_alias("here", everywhere=True).aliases
    (replica,) = client.replicas()
    assert (replica.is_self, replica.kind, replica.behind) == (True, "server", 0) and replica.compute_class
    described = client.describe(f"{name}@1", tags={"stage": "trial", "owner": "us"}, card={"by": "others"})
    assert (described.revision, described.tags, described.card) == (
        1,
        {"stage": "trial", "owner": "us"},
        {"by": "others"},
    )
    with pytest.raises(dither.FailedPrecondition, match="revision"):
        client.describe(f"{name}@1", dropped_tags=["owner"], expected_revision=0)
    assert client.describe(f"{name}@1", dropped_tags=["owner"], expected_revision=1).tags == {"stage": "trial"}
    assert [info.version for info in client.models(name, tags={"stage": "trial"})] == [1]
    content = client.download(f"{name}@1")
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == described.digest
    with pytest.raises(dither.NotFound):
        client.download(f"{name}@9")
    with pytest.raises(dither.FailedPrecondition, match="alias"):
        second.remove()
    assert second.remove(force=True) == 1 and client.remove(name) == 1
    assert [info.version for info in client.models(name, removed=True)] == [2, 1]
    assert [info.reference for info in client.restore(f"{name}@1")] == [f"{name}@1"]
    assert client.remove(name, purge=True) == 2 and not client.models(name, removed=True)
    with pytest.raises(dither.NotFound, match="removed and is still kept"):
        client.restore(name)
    with pytest.raises(dither.NotFound):
        client.model(name)


def test_unknown_models_are_told_with_the_nearest(client):
    with pytest.raises(dither.NotFound, match="did you mean 'fashion-mlp-noise'") as caught:
        client.model("fashion-mlp-nois")
    assert caught.value.code == "NOT_FOUND" and caught.value.resource.name == "fashion-mlp-nois"
    assert isinstance(caught.value, LookupError)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.resource) == (str(caught.value), caught.value.resource)


def test_an_upload_that_was_cut_goes_on(client, onnx_file):
    name, content = f"cut-{uuid.uuid4().hex[:8]}", onnx_file.read_bytes()
    steps = _registry_steps.upload(
        content,
        name=name,
        labels=None,
        example=None,
        card=None,
        aliases=(),
        task=None,
        output_kind=None,
        metadata=None,
        timeout=60,
    )
    status = client._do(next(steps))
    assert status.received == 0
    sent = steps.send(status)
    messages = list(sent.message)
    with pytest.raises(dither.DitherError) as caught:
        client._do(_steps.Ask(sent.method, iter(messages[:2]), 60))
    assert isinstance(caught.value, (dither.OutOfRange, dither.InvalidArgument, dither.DataLoss)), caught.value
    begin = messages[0].begin
    where = registry_pb2.GetUploadRequest(name=name, sha256=begin.sha256)
    received = client._do(_steps.Ask(_methods.GET_UPLOAD, where, 60)).received
    made = client.upload(content, name=name)
    assert made.info.digest == f"sha256:{begin.sha256}" and 0 < received < len(content)
    made.remove()


def test_refused_uploads(client, onnx_file, tmp_path):
    with pytest.raises(dither.InvalidArgument):
        client.upload(os.urandom(4096), name="bad")
    with pytest.raises(dither.InvalidArgument, match="expected an ONNX file"):
        client.upload(os.urandom(4096), name="bad", labels=["a"])
    with pytest.raises(dither.InvalidArgument, match="name:"):
        client.upload(onnx_file.read_bytes())
    with pytest.raises(dither.InvalidArgument, match="torch.nn.Module"):
        client.upload(object(), name="bad")
    with pytest.raises(FileNotFoundError):
        client.upload(tmp_path / "absent.onnx")


def test_metadata_replaces_what_the_file_says(onnx_file):
    content = onnx_file.read_bytes()
    once = _exports.with_metadata(content, {"dither.samples": "3", "dither.labels": json.dumps(["a"] * 10)})
    twice = _exports.with_metadata(once, {"dither.samples": "4"})
    entries = [value for number, _, value in _exports._fields(twice) if number == 14]
    keys = [_exports._entry_key(entry) for entry in entries]
    assert sorted(keys) == sorted(set(keys)) and keys[-1] == "dither.samples" and entries[-1].endswith(b"4")


def test_calibrated_answers_have_sets(client, own, examples, images):
    tried = own.calibrate(examples, samples=4, try_only=True)
    assert tried.number == 0 and tried.temperature > 0 and len(tried.coverages) == len(tried.lac) > 0
    with pytest.raises(dither.FailedPrecondition, match="calibrate"):
        own.predict(images, coverage=0.9)
    stored = own.calibrate(examples, samples=4)
    assert (stored.number, stored.temperature) == (1, tried.temperature)
    answer = own.predict(images, coverage=0.8, never_empty=True, set_rule="aps")
    assert answer.prediction_sets.shape == (12, 10) and answer.prediction_sets.any(axis=1).all()
    assert (answer.set_kind, answer.calibration, answer.samples) == ("marginal", 1, 4)
    assert answer.sets()[0] and "set" in repr(answer)
    assert client.model(own.info.name).info.calibration.number == 1
    assert own.predict(images, uncalibrated=True).temperature == 1
    drift = own.drift()
    assert (drift.calibration, drift.filled, drift.other_answers, drift.statistics) == (1, 12, 12, ())
    # Rows of one call share their draws: answers count one of each.
    for at in range(60):
        own.predict(images[at % 12 : at % 12 + 1], samples=4)
    drift = own.drift()
    assert drift.filled == 72 and {one.name for one in drift.statistics} >= {"input_mean", "predictive_entropy"}
    assert not drift.drifted or min(one.p_value for one in drift.statistics) < drift.false_alarm_rate
    with pytest.raises(dither.InvalidArgument):
        own.calibrate((examples[0][:8], examples[1][:8]))
    with pytest.raises(dither.InvalidArgument, match="one for each"):
        own.calibrate((examples[0], examples[1][:8]))
    with pytest.raises(dither.InvalidArgument, match="data set"):
        own.calibrate(5)


def test_calibrated_regressions_have_intervals(client, onnx_file):
    """The classifier's logits taken for ten values."""
    name = f"values-{uuid.uuid4().hex[:8]}"
    made = client.upload(onnx_file, name=name, metadata={"dither.task": "regression"})
    try:
        assert made.info.is_regression
        generator = np.random.default_rng(8)
        inputs, noise = generator.random((300, 1, 28, 28), np.float32), generator.normal(size=(300, 10))
        values = made.predict(inputs, samples=0).values + noise
        with pytest.raises(dither.FailedPrecondition, match="calibrate"):
            made.predict(inputs[:2], coverage=0.9)
        found = made.calibrate((inputs[:200], values[:200]), samples=4)
        assert (found.number, found.conformal_examples, len(found.values)) == (1, 200, 10) and found.before is None
        first = found.values[0]
        assert list(first.coverages) == [0.5, 0.8, 0.9, 0.95, 0.99] and (np.diff(first.absolute) >= 0).all()
        assert first.normalized is not None and first.own_coverage is not None and first.rmse > 0.5
        for rule in (None, "absolute", "normalized", "quantiles"):
            answer = made.predict(inputs[200:], coverage=0.8, interval_rule=rule, seed=3)
            assert answer.conformal_lower.shape == (100, 10) and answer.prediction_sets is None
            inside = (answer.conformal_lower <= values[200:]) & (values[200:] <= answer.conformal_upper)
            assert 0.7 < inside.mean() < 0.9 and answer.calibration == 1
        width = made.predict(inputs[:5], coverage=0.9, interval_rule="absolute")
        assert np.allclose(width.conformal_upper - width.values, [one.absolute[2] for one in found.values])
        with pytest.raises(dither.InvalidArgument, match="interval_rule"):
            made.predict(inputs[:1], coverage=0.9, set_rule="aps")
        with pytest.raises(dither.InvalidArgument, match="class_conditional"):
            made.calibrate((inputs[:200], values[:200]), class_conditional=True)
        for wrong, words in ((values[:100], "200 examples"), (values[:200, :3], "10 finite values")):
            with pytest.raises(dither.InvalidArgument, match=words):
                made.calibrate((inputs[:200], wrong))
    finally:
        client.remove(name, force=True, purge=True)


def test_torch_modules(client):
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    module = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(12, 5), torch.nn.Dropout(0.5), torch.nn.Linear(5, 3)
    )
    module.train()
    name = f"torch-{uuid.uuid4().hex[:8]}"
    made = client.upload(module, name=name, example=torch.zeros(1, 3, 2, 2), labels=["a", "b", "c"])
    assert module.training and made.info.class_names == ("a", "b", "c") and made.info.input_shape == (3, 2, 2)
    x = np.random.default_rng(1).random((4, 3, 2, 2), np.float32)
    with torch.no_grad():
        wanted = torch.softmax(module.eval()(torch.from_numpy(x)), dim=1).numpy()
    assert np.allclose(made.predict(x).probabilities, wanted, atol=1e-5)
    with pytest.raises(dither.InvalidArgument, match="example"):
        client.upload(module, name=name)
    client.remove(name)


def test_torch_modules_by_the_other_exporter(client, monkeypatch):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")

    def fails(*arguments):
        raise RuntimeError("no tracing")

    monkeypatch.setattr(_exports, "_by_trace", fails)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
    made = client.upload(module, name=f"torch-{uuid.uuid4().hex[:8]}", example=torch.zeros(1, 3, 2, 2))
    x = torch.rand(5, 3, 2, 2)
    with torch.no_grad():
        wanted = torch.softmax(module(x), dim=1).numpy()
    assert np.allclose(made.predict(x).probabilities, wanted, atol=1e-5)
    made.remove()
    with pytest.raises(dither.InvalidArgument, match="torch.onnx"):
        client.upload(torch.nn.Linear(3, 2), name="wrong", example=torch.zeros(1, 4))


@pytest.mark.parametrize("kind", ["linear", "network", "forest", "pipeline", "regression"])
def test_sklearn_estimators(client, kind):
    pytest.importorskip("sklearn")
    pytest.importorskip("skl2onnx")
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    generator = np.random.default_rng(1)
    x = generator.random((120, 4)).astype(np.float32)
    y = (x[:, 0] * 3).astype(int)
    estimator = {
        "linear": LogisticRegression(),
        "network": MLPClassifier((8,), max_iter=50),
        "forest": RandomForestClassifier(5),
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
        "regression": LinearRegression(),
    }[kind]
    estimator.fit(x, x @ [1, 2, 3, 4] if kind == "regression" else np.array(["low", "middle", "high"])[y])
    name = f"sklearn-{uuid.uuid4().hex[:8]}"
    made = client.upload(estimator, name=name)
    answer = made.predict(x[:9])
    if kind == "regression":
        assert answer.labels is None and np.allclose(answer.values[:, 0], estimator.predict(x[:9]), atol=1e-4)
    else:
        assert np.allclose(answer.probabilities, estimator.predict_proba(x[:9]), atol=1e-5)
        assert answer.label_names == list(estimator.predict(x[:9]))
    client.remove(name)


def test_a_missing_package_is_named(monkeypatch):
    from dither._packages import needed

    with pytest.raises(dither.MissingPackage, match="pip install no-such-package"):
        needed("no_such_package", "upload", "no-such-package")
    assert issubclass(dither.MissingPackage, ImportError)
