"""Scikit-learn's classifiers and regressors, exported by skl2onnx with its defaults, through `dither run`: outputs are compared with
scikit-learn's. Started by scripts/conformance. Written against scikit-learn 1.9.1 and skl2onnx 1.20.0."""

import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from skl2onnx import to_onnx
from sklearn import calibration, discriminant_analysis, ensemble, impute, linear_model, naive_bayes, neighbors
from sklearn import neural_network, pipeline, preprocessing, svm, tree
from sklearn.datasets import load_iris, make_regression

TOLERANCE = 1e-4
# Cubes of single-precision numbers: onnxruntime differs by 4.4e-4 from decisions of up to 5.4.
SINGLE_PRECISION = {"SVC(kernel='poly')": 1e-3}
# Exported wrong for two classes: a softmax of [−s, s], where scikit-learn has the sigmoid of s. Onnxruntime differs alike.
THREE_CLASSES = (discriminant_analysis.LinearDiscriminantAnalysis,)
CLASSIFIERS = [
    linear_model.LogisticRegression(max_iter=500), linear_model.RidgeClassifier(), linear_model.SGDClassifier(random_state=0),
    svm.LinearSVC(), svm.SVC(), svm.SVC(kernel="poly"), svm.NuSVC(nu=0.3), tree.DecisionTreeClassifier(max_depth=4),
    ensemble.RandomForestClassifier(10, random_state=0), ensemble.ExtraTreesClassifier(10, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=10), ensemble.AdaBoostClassifier(n_estimators=5),
    ensemble.BaggingClassifier(n_estimators=4, random_state=0), naive_bayes.GaussianNB(), naive_bayes.MultinomialNB(),
    neighbors.KNeighborsClassifier(), neural_network.MLPClassifier(hidden_layer_sizes=(8,), max_iter=200, random_state=0),
    discriminant_analysis.LinearDiscriminantAnalysis(), calibration.CalibratedClassifierCV(svm.LinearSVC()),
    pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler(), svm.SVC()),
    pipeline.make_pipeline(
        preprocessing.KBinsDiscretizer(3, encode="onehot-dense"), linear_model.LogisticRegression()),
]
REGRESSORS = [
    linear_model.LinearRegression(), linear_model.Ridge(), linear_model.Lasso(0.1), linear_model.ElasticNet(0.1),
    linear_model.BayesianRidge(), linear_model.HuberRegressor(), svm.SVR(), svm.NuSVR(), svm.LinearSVR(),
    tree.DecisionTreeRegressor(max_depth=4), ensemble.RandomForestRegressor(10, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=10), neighbors.KNeighborsRegressor(),
    neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=100, random_state=0),
    pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVR()),
]


def outputs(dither, model, rows, work):
    """The outputs by name, or the refusal as text."""
    file, place = work / "model.onnx", work / "outputs"
    file.write_bytes(model.SerializeToString())
    np.save(work / "in.npy", rows)
    place.mkdir(exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    command = [dither, "run", str(file), "--input", f"{model.graph.input[0].name}={work / 'in.npy'}"]
    done = subprocess.run([*command, "--output-dir", str(place)], capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip().replace("\n", " ")[:300]
    return {path.stem: np.load(path) for path in place.glob("*.npy")}


def fault(found, model, rows, classifies):
    """None, or what is wrong."""
    tolerance = SINGLE_PRECISION.get(f"{model}", TOLERANCE)
    if isinstance(found, str):
        return found
    scores = next(a for a in found.values() if a.dtype.kind == "f")
    if not classifies:
        worst = np.abs(scores.reshape(-1) - model.predict(rows).reshape(-1)).max()
        return None if worst <= tolerance else f"differs by up to {worst:.3g}"
    labels = next(a for a in found.values() if a.dtype.kind == "i").reshape(-1)
    if (labels != model.predict(rows)).any():
        return "other labels"
    wanted = model.predict_proba(rows) if hasattr(model, "predict_proba") else model.decision_function(rows)
    if wanted.ndim == 1:
        wanted = wanted[:, None] if scores.shape[1] == 1 else np.stack([-wanted, wanted], 1)
    worst = np.abs(scores - wanted).max() if scores.shape == wanted.shape else np.inf
    return None if worst <= tolerance else f"differs by up to {worst:.3g}"


def main():
    warnings.filterwarnings("ignore")
    dither, failed, count = sys.argv[1], [], 0
    x, y = load_iris(return_X_y=True)
    table, target = make_regression(150, 5, n_informative=4, noise=3, random_state=1)
    with tempfile.TemporaryDirectory() as folder:
        for models, rows, wanted in [
            (CLASSIFIERS, x, y), (CLASSIFIERS, x, (y == 1).astype(int)), (REGRESSORS, table, target / 50)
        ]:
            rows = rows.astype(np.float32)
            for model in models:
                if isinstance(model, THREE_CLASSES) and len(set(wanted)) == 2:
                    continue
                model.fit(rows, wanted)
                found = outputs(dither, to_onnx(model, rows[:1]), rows[::3], pathlib.Path(folder))
                wrong = fault(found, model, rows[::3], models is CLASSIFIERS)
                count += 1
                if wrong:
                    failed.append(f"{model} of {len(set(wanted)) if models is CLASSIFIERS else 1}: {wrong}")
    print(f"scikit-learn: {count - len(failed)} of {count} equal")
    for line in failed:
        print(line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
