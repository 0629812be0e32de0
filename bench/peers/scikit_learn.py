"""Fits and predicts, or searches a grid, with scikit-learn; prints one line of JSON. Called with a job's path."""
import json
import sys
import time

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC


def timed(work, repeat):
    times = []
    for _ in range(repeat):
        begun = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begun)
    return result, times


def main():
    with open(sys.argv[1]) as file:
        job = json.load(file)

    # scikit-learn computes in float64; passing float64 avoids a conversion in every call.
    def rows(name):
        return np.fromfile(job[name], dtype='<f4').reshape(-1, job['cols']).astype(np.float64)

    x, y = rows('train'), np.fromfile(job['trainLabels'], dtype='<i4')
    unseen, truth = rows('test'), np.fromfile(job['testLabels'], dtype='<i4')
    SVC(cache_size=1000).fit(x[: job['warmRows']], y[: job['warmRows']]).predict(unseen[:50])

    if 'grid' in job:
        search = GridSearchCV(SVC(cache_size=1000), job['grid'], cv=job['cv'])
        _, times = timed(lambda: search.fit(x, y), job['repeat'])
        answer = {'fit': times, 'meanTestScore': search.cv_results_['mean_test_score'].tolist()}
    else:
        weight = {int(k): w for k, w in job['classWeight'].items()} if 'classWeight' in job else None
        svc = SVC(kernel=job['kernel'], C=job['C'], gamma=job['gamma'], class_weight=weight, cache_size=1000)
        _, fit = timed(lambda: svc.fit(x, y), job['repeat'])
        predicted, predict = timed(lambda: svc.predict(unseen), job['repeat'])
        answer = {
            'fit': fit,
            'predict': predict,
            'accuracy': float((predicted == truth).mean()),
            'supportVectors': len(svc.support_),
        }
    print(json.dumps(answer))


main()
