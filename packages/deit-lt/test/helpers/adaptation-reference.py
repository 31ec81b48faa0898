"""Makes test/adaptation-golden.json: what scikit-learn, SciPy, QuaPy and crepes compute for logits drawn here.

    python3 -m venv V; V/bin/pip install scikit-learn==1.9.1 quapy==0.2.3 crepes==0.9.1
    V/bin/python adaptation-reference.py > ../adaptation-golden.json
"""
import json
import sys

import numpy as np
from crepes import WrapClassifier
from quapy.method.aggregative import EMQ
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import precision_recall_curve

rng = np.random.default_rng(0)
images, classes = 90, 4
labels = rng.choice(classes, images, p=[0.55, 0.25, 0.14, 0.06])
first = np.round(2 * np.eye(classes)[labels] + 1.5 * rng.standard_normal((images, classes)), 4)
second = np.round(np.eye(classes)[labels] + rng.standard_normal((images, classes)), 4)
counts = np.bincount(labels, minlength=classes)
weights = 1 / (classes * counts[labels])
shares = np.array([0.6, 0.25, 0.1, 0.05])


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose input is its logits."""

    def __init__(self):
        self.classes_ = np.arange(classes)

    def fit(self, X, y):
        return self

    def decision_function(self, X):
        return X

    def predict_proba(self, X):
        return softmax(X, axis=1)

    def predict(self, X):
        return X.argmax(1)


calibrated = CalibratedClassifierCV(FrozenEstimator(Given()), method="temperature", ensemble=False)
calibrated.fit(first, labels, sample_weight=weights * images)
inverse_temperature = float(calibrated.calibrated_classifiers_[0].calibrators[0].beta_)


def loss(theta):
    scores = theta[0] * first + theta[1] * second - theta[2] * np.log(shares)
    return -(weights / weights.sum() * log_softmax(scores, axis=1)[np.arange(images), labels]).sum()


three = minimize(loss, [0.5, 0.5, 0.0], method="BFGS", options={"gtol": 1e-10})

probabilities = softmax(first, axis=1)
estimated, _ = EMQ.EM(np.full(classes, 1 / classes), probabilities, epsilon=1e-10)

conformal = WrapClassifier(Given())
conformal.fit(first, labels)
half = images // 2


def members(rows):
    return [[int(c in row) for c in range(classes)] for row in (np.asarray(row).tolist() for row in rows)]


conformal.calibrate(first[:half], labels[:half], class_cond=True)
sets = {
    str(confidence): members(conformal.predict_set(first[half:], confidence=confidence, smoothing=False))
    for confidence in (0.6, 0.8, 0.9)
}

predicted, confidence = probabilities.argmax(1), probabilities.max(1)
thresholds = {}
for wanted in (0.7, 0.85, 0.95):
    thresholds[str(wanted)] = []
    for c in range(classes):
        of = predicted == c
        precision, _, edges = precision_recall_curve(
            (labels == c)[of], confidence[of], sample_weight=weights[of]
        )
        reached = edges[precision[:-1] >= wanted]
        thresholds[str(wanted)].append(float(reached.min()) if len(reached) else None)

json.dump(
    {
        "labels": labels.tolist(),
        "first": first.tolist(),
        "second": second.tolist(),
        "shares": shares.tolist(),
        "inverseTemperature": inverse_temperature,
        "three": three.x.tolist(),
        "threeLoss": float(three.fun),
        "estimated": np.asarray(estimated).tolist(),
        "sets": sets,
        "thresholds": thresholds,
    },
    sys.stdout,
)
