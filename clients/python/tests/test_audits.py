"""Audits: started, watched, listed, cancelled, gated; their reports, and who signed them."""

import base64
import os
import pathlib
import uuid

import numpy as np
import pytest

import dither
from dither import _audit_steps, _methods, _steps
from dither._stubs import robustness_pb2


@pytest.fixture(scope="module")
def data(images, model):
    return images, model.predict(images, samples=4, seed=1).labels


@pytest.fixture(scope="module")
def report(model, data):
    return model.audit(
        data,
        probes=["clean", "calibration", ("pgd", {"epsilon": 0.05, "steps": 2, "draws": 2})],
        samples=4,
        progress=False,
        gates=["clean>=0.2", "pgd.clean_accuracy>=2"],
    )


def test_a_report_has_rows_gates_and_pages(report, tmp_path):
    assert [probe["probe"] for probe in report.probes] == ["clean", "calibration", "pgd"]
    assert report.data["n"] == 12 and report.model == "fashion-mlp-noise@1"
    assert 0 <= report.clean_accuracy <= 1
    assert [gate.passed for gate in report.gates][0]
    assert "fashion-mlp-noise@1" in repr(report) and "ECE" in repr(report)
    assert "<table" in report._repr_html_() and report.html.lstrip().lower().startswith("<!doctype html")
    report.save(tmp_path / "r.html")
    report.save(tmp_path / "r.json")
    assert dither.Report.load(tmp_path / "r.json").data == report.data
    with pytest.raises(dither.InvalidArgument, match="ends in"):
        report.save(tmp_path / "r.pdf")
    with pytest.raises(dither.InvalidArgument):
        dither.Report.load(tmp_path / "r.html")


def test_gates_are_asserted(report, model, data):
    with pytest.raises(AssertionError, match="1 of 2 gates"):
        report.assert_gates()
    loose = model.audit(data, probes=["clean"], gates=["clean>=0"], progress=False)
    loose.assert_gates()
    with pytest.raises(dither.GateError, match="no gates"):
        model.audit(data, probes="clean", progress=False).assert_gates()


def test_frames(report):
    pytest.importorskip("pandas")
    frame = report.to_pandas()
    assert list(frame["kind"]) == ["clean", "calibration", "attack"]
    assert frame["norm"][2] == "linf" and frame["epsilon"][2] == pytest.approx(0.05)
    assert frame["low"][0] <= frame["accuracy"][0] <= frame["high"][0]


def test_words_of_others_are_escaped(report):
    evil = dither.Report("x", report.json.replace(b'"model":"fashion-mlp-noise"', b'"model":"<script>\\u001b[2J"'))
    assert "<script>" not in evil._repr_html_() and "\x1b" not in repr(evil)


def test_progress_and_states(client, model, data, capsys):
    seen = []
    found = model.audit(data, probes=["clean", "gaussian_noise"], progress=seen.append)
    assert seen[-1].shards_done == seen[-1].shards and seen[-1].audit == found.audit
    states = {state.audit: state for state in client.audits("fashion-mlp-noise")}
    assert states[found.audit].state == "done"
    assert client.report(found.audit).json == found.json
    assert client.watch_audit(found.audit, progress=False).json == found.json
    with pytest.raises(dither.NotFound):
        client.watch_audit("no-such-audit")


def test_bars(model, data, capsys):
    pytest.importorskip("tqdm")
    model.audit(data, probes=["clean", "gaussian_noise"])
    assert "shard" in capsys.readouterr().err


def test_adversarials_are_kept(client, model, data):
    found = model.audit(data, probes=["pgd:epsilon=0.1,steps=4"], samples=4, save_adversarials=True, progress=False)
    (made,) = client.adversarials(found.audit)
    assert made.probe.startswith("pgd:") and made.inputs.dtype == np.float32
    assert made.inputs.shape[0] == len(made.indices) == len(made.labels) == len(made.answers) > 0
    clean = data[0][made.indices].reshape(made.inputs.shape)
    assert np.abs(made.inputs - clean).max() <= 0.1 + 1e-6 and (made.labels == data[1][made.indices]).all()
    with pytest.raises(dither.DitherError):
        client.adversarials("no-such-audit")


def test_regressions_are_audited_by_their_errors(client, onnx_file, images):
    """The classifier's logits taken for ten values."""
    name = f"errors-{uuid.uuid4().hex[:8]}"
    made = client.upload(onnx_file, name=name, metadata={"dither.task": "regression"})
    try:
        values = made.predict(images, samples=0).values + np.where(np.arange(len(images)) % 2, 0.5, -0.5)[:, None]
        options = dict(probes=["clean", "errors", "fgsm:epsilon=0.05,draws=2"], samples=8, progress=False)
        found = made.audit((images, values), tolerance=100, save_adversarials=True, **options)
        clean, errors, attack = found.probes
        assert clean["clean_accuracy"] == 1 and found.data["tolerance"] == [100] * 10
        measures = {measure["name"]: measure["value"] for measure in errors["summary"]["measures"]}
        assert measures["rmse"] > 0.4 and 0 <= measures["picp"] <= 1 and measures["interval_width"] > 0
        attacked = {measure["name"]: measure["value"] for measure in attack["summary"]["measures"]}
        assert attacked["rmse"] > measures["rmse"]
        (kept,) = client.adversarials(found.audit)
        assert kept.labels is None and kept.answers.shape == (len(images), 10)
        assert np.allclose(kept.values, values[kept.indices])
        with pytest.raises(dither.InvalidArgument, match="10 finite values"):
            made.audit((images, values[:, :3]), **options)
        with pytest.raises(dither.InvalidArgument, match="calibration"):
            made.audit((images, values), probes=["calibration"], progress=False)
    finally:
        client.remove(name, force=True, purge=True)


def test_plans_and_probes(client, data):
    plan = client.plan_audit("fashion-mlp-noise", data, probes=["clean", "pgd:steps=3"])
    assert [name.split(":")[0] for name, _, _ in plan.probes] == ["clean", "pgd"] and plan.examples == 12
    assert "epsilon" in next(probe for probe in client.probes() if probe.name == "pgd").parameters


def test_cancelled(client):
    inputs = np.random.default_rng(1).random((256, 1, 28, 28), np.float32)
    state = client.start_audit("mnist-cnn-noise", (inputs, np.arange(256) % 10), probes=["pgd"])
    assert state.state in ("queued", "running")
    assert client.cancel_audit(state.audit).state in ("running", "cancelled")
    with pytest.raises(dither.Cancelled, match=state.audit):
        client.watch_audit(state.audit, progress=False, timeout=60)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        (dict(probes=["no-such-probe"]), dither.InvalidArgument, "no-such-probe"),
        (dict(battery="smoke", probes=["clean"]), dither.InvalidArgument, "one of them"),
        (dict(probes=["pgd:steps"]), dither.InvalidArgument, "without a value"),
        (dict(probes=[5]), dither.InvalidArgument, "probe"),
        (dict(probes=["clean"], gates=["fgsm>=0.1"]), dither.InvalidArgument, "gate"),
        (dict(probes=["clean"], features={"lo": []}), dither.InvalidArgument, "low, high"),
    ],
)
def test_wrong_audits(client, data, options, kind, words):
    with pytest.raises(kind, match=words):
        client.audit("fashion-mlp-noise", data, progress=False, **options)


def test_corruptions(client, images):
    foggy = client.corrupt(images, "fog", severity=3, seed=5)
    assert foggy.shape == images.shape and foggy.dtype == np.float32 and not np.array_equal(foggy, images)
    assert np.array_equal(client.corrupt(images[3:], "fog", severity=3, seed=5, first=3), foggy[3:])
    pixels = (images * 255).astype(np.uint8)
    assert client.corrupt(pixels, "fog", severity=1).dtype == np.uint8
    with pytest.raises(dither.InvalidArgument):
        client.corrupt(images, "fog", severity=6)


def test_a_stream_that_is_cut_is_taken_up_again(client, model, data):
    """The second watcher finds what the first was told."""
    request = client._run(
        _audit_steps.audit_request(
            "fashion-mlp-noise",
            data,
            battery=None,
            probes=["clean"],
            gates=(),
            seed=1,
            samples=None,
            noise=(),
            baselines=(),
            temperatures=(),
            output_kinds=(),
            targets=None,
            features=None,
            tolerance=None,
            budget=None,
            save_adversarials=False,
        )
    )
    steps, answer, methods = _audit_steps.follow_audit(request, "", False, 60, None), None, []
    with pytest.raises(StopIteration) as stop:
        while True:
            step = steps.send(answer)
            while isinstance(step, _steps.Next) and len(methods) == 1 and audit_began(client, step):
                step = steps.throw(dither.Unavailable("the connection is lost"))
            if isinstance(step, _steps.Open):
                methods.append(step.method)
            answer = client._do(step)
    assert methods == [_methods.AUDIT, _methods.WATCH_AUDIT]
    assert stop.value.value.probes[0]["probe"] == "clean"


def audit_began(client, step, seen=[]):
    """The first event is let through: before it nobody knows the audit's name."""
    seen.append(step)
    return len(seen) == 2


# who signed it


@pytest.fixture(scope="module")
def forms(client, report):
    """The report in its three forms, each signed for itself."""
    request = robustness_pb2.GetReportRequest(audit=report.audit, format=robustness_pb2.GetReportRequest.PROTOBUF)
    protobuf = client._do(_steps.Ask(_methods.GET_REPORT, request, 60)).protobuf
    return {"json": report.json, "html": report.html.encode(), "protobuf": protobuf}


@pytest.fixture(scope="module")
def key(client):
    pytest.importorskip("cryptography")
    return client.settings.report_key


@pytest.mark.parametrize("form", ["json", "html", "protobuf"])
def test_signed_reports(forms, key, form, onnx_file, tmp_path):
    found = dither.verify(forms[form], key=key, model=onnx_file)
    assert (found.form, found.is_signer_trusted, found.is_model_checked, found.seed) == (form, True, True, 1)
    assert found.data_digest.startswith("sha256:") and found.code.startswith("dither ")
    assert dither.verify(forms[form], key=f"ed25519:{found.signer}").is_signer_trusted
    assert not dither.verify(forms[form]).is_signer_trusted
    (tmp_path / "report").write_bytes(forms[form])
    assert dither.verify(tmp_path / "report").signer == found.signer
    with pytest.raises(dither.VerificationError, match="not by"):
        dither.verify(forms[form], key=base64.b64encode(os.urandom(32)).decode())
    other = pathlib.Path(onnx_file).with_name("mnist-mlp-noise.onnx")
    with pytest.raises(dither.VerificationError, match="is about"):
        dither.verify(forms[form], model=other)


@pytest.mark.parametrize("form", ["json", "html", "protobuf"])
def test_every_changed_byte_is_seen(forms, key, form):
    report = forms[form]
    generator = np.random.default_rng(4)
    for at in list(generator.integers(0, len(report), 60)) + list(range(len(report) - 190, len(report))):
        changed = bytearray(report)
        changed[at] ^= 1
        with pytest.raises(dither.VerificationError):
            dither.verify(bytes(changed))
    for other in (report[:-1] + b" " + report[-1:], report[: len(report) // 2], b"", report + report):
        with pytest.raises(dither.VerificationError):
            dither.verify(other)


def test_keys_that_anybody_signs_for(forms, key):
    signer = dither.verify(forms["json"]).signer.encode()
    weak = forms["json"].replace(signer, base64.b64encode(b"\1" + bytes(31)))
    with pytest.raises(dither.VerificationError, match="small order"):
        dither.verify(weak)


def test_a_report_knows_the_key_of_the_ready_file(report, key):
    assert report.verify().is_signer_trusted
    with pytest.raises(dither.InvalidArgument, match="PEM"):
        report.verify(key="/no/such/key.pem")
