"""Probabilities of scikit-learn for bench/probabilities.js: probabilities.py TASK.json ANSWER.json"""
import json
import sys
import time

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

task = json.load(open(sys.argv[1]))
x, x_test = (np.fromfile(task[name], dtype='<f4').reshape(-1, task['columns']) for name in ('X', 'XTest'))
y = np.array(task['y'])


def timed(model):
    least = np.inf
    for _ in range(3):
        started = time.perf_counter()
        model.fit(x, y)
        least = min(least, time.perf_counter() - started)
    return least


plain = make_pipeline(StandardScaler(), SVC())
fit = timed(plain)
methods = []
for name, model in (
    ('SVC(probability=True)', make_pipeline(StandardScaler(), SVC(probability=True, random_state=0))),
    ('CalibratedClassifierCV', CalibratedClassifierCV(make_pipeline(StandardScaler(), SVC()), cv=5)),
    ('CalibratedClassifierCV(ensemble=False)',
     CalibratedClassifierCV(make_pipeline(StandardScaler(), SVC()), cv=5, ensemble=False)),
    ("CalibratedClassifierCV(method='isotonic')",
     CalibratedClassifierCV(make_pipeline(StandardScaler(), SVC()), cv=5, method='isotonic')),
):
    seconds = timed(model) - fit
    methods.append({'method': name, 'seconds': seconds, 'probabilities': model.predict_proba(x_test).tolist()})
answer = {'fit': fit, 'predicted': plain.predict(x_test).tolist(), 'methods': methods}
json.dump(answer, open(sys.argv[2], 'w'))
