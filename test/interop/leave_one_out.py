#!/usr/bin/env python3
"""Draws hard problems and leaves out each row of them with scikit-learn.

    /usr/bin/python3 test/interop/leave_one_out.py <folder> <seed> <count>

Rows are float32: plain, far from the origin, of columns in different units, with duplicates of the same label and with
duplicates that contradict each other. With an rbf kernel C goes up to 10^6, otherwise to 100. There are two to four classes, some with a single row.

Writes `problems.json`: rows, labels and options, and for each row the label and the decision values of each pair of classes
by `SVC` fitted on all others (`LeaveOneOut`), `null` for a row that is the only one of its class. The same seed gives the
same problems.
"""
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.model_selection import LeaveOneOut
from sklearn.svm import SVC

warnings.simplefilter('ignore')
KINDS = ['plain', 'offset', 'mixed units', 'duplicates', 'contradictions', 'lone row']
KERNELS = ['linear', 'rbf', 'poly']


def draw(rng, number):
    kind = KINDS[number % len(KINDS)]
    kernel = KERNELS[(number // len(KINDS)) % len(KERNELS)]
    rows, cols = int(rng.randint(12, 50)), int(rng.choice([2, 5, 20]))
    classes = int(rng.choice([2, 2, 3, 4])) if kind != 'lone row' else 3
    codes = np.concatenate([np.arange(classes), np.arange(classes), rng.randint(classes, size=rows - 2 * classes)])
    if kind == 'lone row':
        codes[codes == 2] = 0
        codes[0] = 2
    x = rng.normal(size=(rows, cols)) + (rng.normal(size=(classes, cols)) * rng.uniform(0, 3))[codes]
    if kind == 'offset':
        x = x + rng.normal(size=cols) * 5
    elif kind == 'mixed units':
        x = x * 10 ** rng.uniform(-2, 2, size=cols)
    elif kind == 'duplicates':
        x[1::2], codes[1::2] = x[:rows - rows % 2:2], codes[:rows - rows % 2:2]
    elif kind == 'contradictions':
        x[1::2] = x[:rows - rows % 2:2]
    x = x.astype(np.float32)
    variance = x.astype(np.float64).var() * cols
    gamma = float(np.float32(10 ** rng.uniform(-1, 0.5) / variance))
    options = {'kernel': kernel, 'C': float(10 ** rng.uniform(-2, 6 if kernel == 'rbf' else 2)), 'gamma': gamma, 'tol': 1e-5}
    if kernel == 'poly':
        options.update(degree=2, coef0=1)
    if rng.rand() < 0.3:
        options['classWeight'] = {'0': 2.5}
    return kind, x, codes, options


def main(folder, seed, count):
    rng = np.random.RandomState(int(seed))
    problems = []
    for number in range(int(count)):
        kind, x, codes, options = draw(rng, number)
        theirs = {k: v for k, v in options.items() if k != 'classWeight'}
        weights = {0: 2.5} if 'classWeight' in options else None
        classes = len(np.unique(codes))
        labels, decisions, finished = [], [], True
        for train, (test,) in LeaveOneOut().split(x):
            svc = SVC(**theirs, class_weight=weights, decision_function_shape='ovo', max_iter=1_000_000)
            svc.fit(x[train].astype(np.float64), codes[train])
            finished = finished and svc.fit_status_ == 0
            row = x[[test]].astype(np.float64)
            labels.append(int(svc.predict(row)[0]))
            complete = len(svc.classes_) == classes
            decisions.append(svc.decision_function(row).reshape(-1).tolist() if complete else None)
        problems.append({
            'number': number, 'kind': kind, 'options': options, 'x': x.tolist(), 'y': codes.tolist(),
            'labels': labels, 'decisions': decisions, 'finished': finished,
        })
    Path(folder, 'problems.json').write_text(json.dumps(problems))


if __name__ == '__main__':
    main(*sys.argv[1:])
