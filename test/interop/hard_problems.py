#!/usr/bin/env python3
"""Draws hard problems and solves them with scikit-learn.

    /usr/bin/python3 test/interop/hard_problems.py <folder> <seed> <count>

Rows are float32: far from the origin, of columns in different units, with duplicates that contradict each other, with
heavy tails, tiny or huge. Every estimator, kernel and weight occurs, with parameters from far outside the usual range.
Every 25th problem is unsolvable and must be rejected.

Writes `problems.json`, and the numbers of all problems as float64 in `numbers.f64`: each array of a problem is given
by its offset and its length. The same seed gives the same problems.
"""
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.svm import OneClassSVM, SVC, SVR

warnings.simplefilter('ignore')
KINDS = ['plain', 'offset', 'mixed units', 'duplicates', 'heavy tails', 'tiny', 'huge']
KERNELS = ['linear', 'poly', 'rbf', 'sigmoid']
ESTIMATORS = ['SVC', 'SVR', 'OneClassSVM']
MOST_ITERATIONS = 1_000_000
SPOIL_EVERY = 25


def power(rng, low, high):
    return float(10 ** rng.uniform(low, high))


def draw_rows(rng, kind, codes, cols, centres):
    """Rows around the centre of their class."""
    noise = rng.standard_t(1.2, size=(len(codes), cols)) if kind == 'heavy tails' else rng.normal(size=(len(codes), cols))
    return noise + centres[codes]


def draw(rng, number):
    estimator = ESTIMATORS[rng.choice(3, p=[0.6, 0.2, 0.2])]
    kernel = KERNELS[number % len(KERNELS)]
    kind = KINDS[(number // len(KERNELS)) % len(KINDS)]
    rows, cols = int(rng.randint(6, 120)), int(rng.choice([1, 2, 3, 5, 10, 40]))
    classes = int(rng.choice([2, 2, 2, 3, 4])) if estimator == 'SVC' else 2
    codes = np.concatenate([np.arange(classes), rng.randint(classes, size=rows - classes)])
    tests = rng.randint(classes, size=60)
    centres = rng.normal(size=(classes, cols)) * rng.uniform(0, 3)
    x, unseen = (draw_rows(rng, kind, c, cols, centres) for c in (codes, tests))
    unit = 1.0
    if kind == 'offset':
        offset = rng.normal(size=cols) * power(rng, 1, 4)
        x, unseen = x + offset, unseen + offset
    elif kind == 'mixed units':
        units = 10 ** rng.uniform(-4, 4, size=cols)
        x, unseen = x * units, unseen * units
    elif kind == 'duplicates':
        x[1::2] = x[:len(x[1::2]) * 2:2]
    elif kind in ('tiny', 'huge'):
        # Some are so large that poly kernels exceed float32; these must be rejected.
        unit = power(rng, 2, 9 if rng.rand() < 0.8 else 15) ** (1 if kind == 'huge' else -1)
        x, unseen = x * unit, unseen * unit
    x, unseen = x.astype(np.float32), unseen.astype(np.float32)

    variance = float(x.astype(np.float64).var()) or 1.0
    options = dict(kernel=kernel, tol=1e-3)
    usual = 1 / (cols * variance)
    if rng.rand() < 0.6:
        options['gamma'] = usual * (power(rng, -8, 2) if kernel == 'rbf' else power(rng, -3, 0.5))
    if kernel == 'poly':
        options['degree'] = int(rng.randint(1, 6))
    if kernel in ('poly', 'sigmoid') and rng.rand() < 0.7:
        options['coef0'] = float(rng.choice([1.0, -0.5])) if kernel == 'sigmoid' else float(rng.choice([1.0, power(rng, -2, 3)]))
    if estimator != 'OneClassSVM':
        options['C'] = power(rng, -3, 3)
        # A kernel with small values needs large coefficients.
        if kernel == 'rbf' and 'gamma' in options:
            options['C'] *= max(1.0, usual / options['gamma'])
    else:
        options['nu'] = float(rng.uniform(0.05, 0.9))
    weights = None
    if rng.rand() < 0.3:
        weights = np.where(rng.rand(rows) < 0.1, 0.0, 10 ** rng.uniform(-1, 1, size=rows))
        weights[:classes] = 1.0
    y = codes.astype(float)
    if estimator == 'SVC' and rng.rand() < 0.3:
        balanced = rng.rand() < 0.3
        options['classWeight'] = 'balanced' if balanced else {str(c): power(rng, -1, 1) for c in range(classes)}
    if estimator == 'SVR':
        size = power(rng, -2, 3)
        y = size * (rng.normal(size=rows) * 0.3 + codes)
        options['epsilon'] = size * float(rng.uniform(0, 0.3))
        options['C'] *= size
        options['tol'] = 1e-3 * min(1.0, size)
    return estimator, kind, options, x, y, weights, unseen


def spoil(rng, number, estimator, options, x, y, weights):
    """Makes a problem unsolvable; returns how."""
    row, col = rng.randint(len(x)), rng.randint(x.shape[1])
    ways = ['NaN in X', 'infinity in X', 'overflow', 'NaN in y', 'no weight']
    way = ways[(number // SPOIL_EVERY) % len(ways)]
    if way == 'NaN in y' and estimator == 'OneClassSVM':
        way = 'NaN in X'
    if way == 'NaN in X':
        x[row, col] = np.nan
    elif way == 'infinity in X':
        x[row, col] = rng.choice([-np.inf, np.inf])
    elif way == 'NaN in y':
        y[row] = np.nan
    elif way == 'no weight':
        weights = np.zeros(len(x))
    else:
        # About 1e37 each, so that the fifth powers of their products exceed float64.
        x *= 1e37 / np.abs(x).max()
        options.update(kernel='poly', degree=5, gamma=1.0)
    return way, weights


def fit(estimator, options, x, y, weights, tol):
    given = {name: value for name, value in options.items() if name not in ('classWeight', 'tol')}
    given.update(tol=tol, max_iter=MOST_ITERATIONS, cache_size=50)
    if estimator == 'SVC':
        weight = options.get('classWeight')
        if isinstance(weight, dict):
            weight = {int(label): value for label, value in weight.items()}
        machine = SVC(class_weight=weight, decision_function_shape='ovo', **given)
    else:
        machine = (SVR if estimator == 'SVR' else OneClassSVM)(**given)
    x = x.astype(np.float64)
    if estimator == 'OneClassSVM':
        return machine.fit(x, sample_weight=weights)
    return machine.fit(x, y, sample_weight=weights)


def main():
    folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    numbers, problems = [], []
    used = 0

    def keep(values):
        nonlocal used
        flat = np.asarray(values, dtype=np.float64).ravel()
        numbers.append(flat)
        used += len(flat)
        return [used - len(flat), len(flat)]

    for number in range(count):
        rng = np.random.RandomState([seed, number])
        estimator, kind, options, x, y, weights, unseen = draw(rng, number)
        spoilt = None
        if number % SPOIL_EVERY == SPOIL_EVERY - 1:
            spoilt, weights = spoil(rng, number, estimator, options, x, y, weights)
        problem = dict(number=number, estimator=estimator, kind=kind if spoilt is None else spoilt, spoilt=spoilt is not None, options=options, rows=len(x), cols=x.shape[1],
                       x=keep(x), y=keep(y), unseen=keep(unseen), weights=None if weights is None else keep(weights))
        problems.append(problem)
        try:
            usual = fit(estimator, options, x, y, weights, options['tol'])
            tight = fit(estimator, options, x, y, weights, options['tol'] / 100)
        except Exception as error:
            problem['refused'] = str(error)[:200]
            continue
        at = unseen.astype(np.float64)
        decide = lambda m: m.predict(at) if estimator == 'SVR' else m.decision_function(at)
        # Rows of weight 0 are not counted in `support_`.
        kept = np.arange(len(x)) if weights is None else np.flatnonzero(weights > 0)
        support = usual.support_ if np.array_equal(x[usual.support_], usual.support_vectors_) else kept[usual.support_]
        assert np.array_equal(x[support], usual.support_vectors_)
        problem.update(
            finished=bool(np.all(usual.n_iter_ < MOST_ITERATIONS)),
            labels=keep(tight.predict(at)), usual=keep(decide(usual)), tight=keep(decide(tight)),
            support=keep(support), dualCoef=keep(usual.dual_coef_),
            nSupport=[int(n) for n in usual.n_support_],
            gamma=float(usual._gamma))
    np.concatenate(numbers).tofile(folder / 'numbers.f64')
    (folder / 'problems.json').write_text(json.dumps(problems))


main()
