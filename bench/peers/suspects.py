"""Suspect labels by scikit-learn for bench/suspects.js: suspects.py TASK.json ANSWER.json

Confident learning as the package cleanlab does it by default: out-of-fold probabilities of five folds, here of logistic
regression, rank the rows by the probability of their own label, the least first ("self-confidence"); only rows for which another
label is more probable are listed.
"""
import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

task = json.load(open(sys.argv[1]))
x = np.fromfile(task['X'], dtype='<f4').reshape(-1, task['columns'])
y = np.array(task['y'])
answer = {}
for name, model in (
    ('LogisticRegression', LogisticRegression(max_iter=2000)),
    ('SVC(C=3, probability=True)', SVC(C=3, probability=True, random_state=0)),
):
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    proba = cross_val_predict(make_pipeline(StandardScaler(), model), x, y, cv=folds, method='predict_proba')
    own = proba[np.arange(len(y)), np.searchsorted(np.unique(y), y)]
    listed = np.flatnonzero(proba.max(axis=1) > own)
    answer[name] = listed[np.argsort(own[listed], kind='stable')].tolist()
json.dump(answer, open(sys.argv[2], 'w'))
