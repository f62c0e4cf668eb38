"""Answers: what they hold, for everything that people have as inputs."""

import pickle

import numpy as np
import pytest

import dither


def test_an_answer_is_whole(model, images):
    answer = model.predict(images, samples=32, seed=7, quantiles=[0.05, 0.95])
    assert (answer.model, answer.version, answer.samples, answer.seed) == ("fashion-mlp-noise", 1, 32, 7)
    assert answer.stop_reason == "requested" and answer.digest.startswith("sha256:")
    assert answer.probabilities.shape == (12, 10) and np.allclose(answer.probabilities.sum(axis=1), 1)
    assert (answer.labels == answer.probabilities.argmax(axis=1)).all()
    assert answer.label_names == [model.info.class_names[at] for at in answer.labels]
    assert answer.std.shape == (12, 10) and answer.mutual_information.shape == (12,)
    assert np.allclose(answer.predictive_entropy, answer.expected_entropy + answer.mutual_information)
    p = answer.probabilities
    assert np.allclose(answer.predictive_entropy, -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1), atol=1e-6)
    assert answer.quantiles.shape == (12, 2, 10) and (answer.quantiles[:, 0] <= answer.quantiles[:, 1]).all()
    assert answer.values is None and answer.prediction_sets is None


def test_the_seed_is_the_answer(model, images):
    whole = model.predict(images, samples=16, seed=3)
    again = model.predict(images, samples=16, seed=3)
    assert (whole.probabilities == again.probabilities).all()
    alone = model.predict(images[4], samples=16, seed=3)
    assert np.allclose(alone.probabilities[0], whole.probabilities[4], atol=1e-6)
    drawn = model.predict(images, samples=16)
    assert np.array_equal(model.predict(images, samples=16, seed=drawn.seed).probabilities, drawn.probabilities)


def test_large_batches_are_sent_in_parts_of_one_seed(model):
    rows = np.random.default_rng(2).random((1500, 784), np.float32)
    answer = model.predict(rows, samples=2)
    assert len(answer) == 1500
    last = model.predict(rows[-1], samples=2, seed=answer.seed)
    assert np.allclose(last.probabilities[0], answer.probabilities[-1], atol=1e-6)


def test_forms_of_one_image(model, images):
    image = images[0]
    wanted = model.predict(image, samples=8, seed=1).probabilities
    forms = [
        image[0],
        image.reshape(-1),
        image[np.newaxis],
        image.astype(np.float64),
        image.tolist(),
        [image],
        np.asfortranarray(image),
        image[..., np.newaxis].reshape(28, 28, 1),
    ]
    for form in forms:
        assert np.allclose(model.predict(form, samples=8, seed=1).probabilities, wanted, atol=1e-6)


def test_bytes_are_pixels(model):
    pixels = np.random.default_rng(3).integers(0, 256, (2, 28, 28)).astype(np.uint8)
    numbers = model.predict(pixels / np.float32(255), samples=8, seed=1)
    assert np.allclose(model.predict(pixels, samples=8, seed=1).probabilities, numbers.probabilities, atol=1e-5)


def test_pictures(model):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(3).integers(0, 256, (28, 28)).astype(np.uint8)
    picture = image.fromarray(pixels)
    wanted = model.predict(pixels, samples=8, seed=1).probabilities
    assert np.array_equal(model.predict(picture, samples=8, seed=1).probabilities, wanted)
    assert len(model.predict([picture, picture], samples=8)) == 2
    with pytest.warns(UserWarning, match="gray"):
        model.predict(picture.convert("RGB"), samples=8)
    with pytest.raises(dither.InvalidArgument, match="8 bits"):
        model.predict(image.fromarray(pixels.astype(np.uint16) * 257))
    with pytest.raises(dither.InvalidArgument, match="resize"):
        model.predict(picture.resize((30, 30)))


def test_frames(model):
    pandas = pytest.importorskip("pandas")
    rows = np.random.default_rng(3).random((3, 784)).astype(np.float32)
    frame = pandas.DataFrame(rows)
    wanted = model.predict(rows, samples=8, seed=1)
    assert np.array_equal(model.predict(frame, samples=8, seed=1).probabilities, wanted.probabilities)
    assert len(model.predict(frame.iloc[0], samples=8)) == 1
    frame["name"] = "shoe"
    with pytest.raises(dither.InvalidArgument, match="name"):
        model.predict(frame)
    shown = wanted.to_pandas()
    assert list(shown["label"]) == list(wanted.labels) and "mutual_information" in shown


def test_tensors(model, images):
    torch = pytest.importorskip("torch")
    wanted = model.predict(images, samples=8, seed=1).probabilities
    tensor = torch.from_numpy(images.copy()).requires_grad_()
    assert np.array_equal(model.predict(tensor, samples=8, seed=1).probabilities, wanted)
    assert np.array_equal(model.predict(list(tensor), samples=8, seed=1).probabilities, wanted)
    half = model.predict(tensor.bfloat16(), samples=8, seed=1)
    assert np.allclose(half.probabilities, wanted, atol=0.05)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((2, 3)), r"\[1, 28, 28\].*got \[2, 3\]"),
        (np.zeros((28, 28, 3)), "1 channel, the picture 3"),
        (np.zeros((2, 1, 30, 30)), "resize"),
        ("shoe.png", "PIL.Image.open"),
        ([[1, 2], [3]], "one length"),
        (np.full((28, 28), np.nan), "finite"),
        (np.full((28, 28), 1e300), "finite"),
        (np.zeros((28, 28), complex), "numbers"),
        (np.array(["a"]), "numbers"),
        (np.zeros((0, 28, 28)), "none"),
        (None, "numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_wrong_inputs_are_told_here(model, x, words):
    with pytest.raises(dither.InvalidArgument, match=words):
        model.predict(x)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(samples=4, tolerance=0.1), "either"),
        (dict(samples=-1), "samples"),
        (dict(samples=1.5), "samples"),
        (dict(tolerance=0), "tolerance"),
        (dict(max_samples=4), "tolerance"),
        (dict(coverage=1.5), "coverage"),
        (dict(never_empty=True), "coverage"),
        (dict(coverage=0.9, set_rule="raps"), "lac"),
        (dict(coverage=0.9, interval_rule="cqr"), "normalized or quantiles"),
        (dict(interval_rule="absolute"), "coverage"),
        (dict(coverage=0.9, interval_rule="absolute"), "set_rule"),
        (dict(seed=-1), "seed"),
        (dict(timeout=0), "timeout"),
        (dict(measures=["margins"]), "did you mean 'margin'"),
    ],
)
def test_wrong_options(model, images, options, words):
    with pytest.raises(dither.InvalidArgument, match=words):
        model.predict(images[0], **options)


def test_what_was_not_measured_is_absent(model, images):
    answer = model.predict(images[0], samples=0)
    assert set(answer.measures) == {"predictive_entropy", "margin"}
    with pytest.raises(AttributeError, match="more samples"):
        answer.mutual_information
    assert set(model.predict(images[0], samples=4, measures=["margin", "std"]).measures) == {"margin", "std"}


def test_noise_in_place_of_the_models_own(client, model, images):
    own = model.predict(images, samples=8, seed=1)
    terms = ["weights:gaussian,sigma=0.2", "input:gaussian,sigma=0.1"]
    answer = model.predict(images, samples=8, seed=1, noise=terms)
    assert answer.noise == tuple(terms) and own.noise and own.noise != answer.noise
    assert not np.array_equal(answer.probabilities, own.probabilities)
    one = model.predict(images, samples=8, seed=1, noise=own.noise[0])
    assert np.allclose(one.probabilities, own.probabilities, atol=1e-6)
    assert model.predict(images, samples=0, noise=terms).noise == ()
    for wrong, words in [("weigths:sigma=1", "did you mean 'weights'"), ("weights:sigma=nan", "a number")]:
        with pytest.raises(dither.InvalidArgument, match=words):
            model.predict(images, noise=wrong)
    with pytest.raises(dither.InvalidArgument, match="at most 16"):
        model.predict(images, noise=["input:sigma=1"] * 1000)
    report = client.audit(
        model.reference, (images, np.arange(12) % 10), probes=["clean"], noise=terms, samples=4, progress=False
    )
    assert [term["site"] for term in report.data["noise"]["terms"]] == ["weights", "input"]
    assert "--noise" in report.data["command"]


def test_tolerance(model, images):
    answer = model.predict(images, tolerance=0.02, max_samples=4096)
    if answer.stop_reason == "tolerance_met":
        assert (answer.standard_error <= 0.02).all()


def test_an_answer_is_a_value(model, images):
    answer = model.predict(images, samples=8, seed=1)
    assert "12 rows" in repr(answer) and answer.label_names[0] in repr(answer)
    one = answer[3]
    assert len(one) == 1 and (one.std == answer.std[3]).all()
    assert [row.labels[0] for row in answer] == list(answer.labels)
    unsure = answer[answer.margin < np.median(answer.margin)]
    assert len(unsure) == 6
    copy = pickle.loads(pickle.dumps(answer))
    assert (copy.std == answer.std).all() and copy.seed == answer.seed


def test_deadline(model, images):
    with pytest.raises(dither.DeadlineExceeded):
        model.predict(np.repeat(images, 20, axis=0), samples=4096, timeout=0.01)


def test_threads(model, images):
    from concurrent.futures import ThreadPoolExecutor

    wanted = model.predict(images[0], samples=4, seed=2).probabilities
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: model.predict(images[0], samples=4, seed=2).probabilities, range(64)))
    assert all(np.allclose(answer, wanted, atol=1e-6) for answer in answers)
