"""Accuracies of scikit-learn's classifiers for bench/defaults.js: defaults.py TASK.json ANSWER.json"""
import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

task = json.load(open(sys.argv[1]))
x, x_test = (np.fromfile(task[name], dtype='<f4').reshape(-1, task['columns']) for name in ('X', 'XTest'))
y, y_test = np.array(task['y']), np.array(task['yTest'])
answer = {}
for name, model in (
    ('scikit-learn LogisticRegression, C = 1', LogisticRegression(max_iter=2000)),
    ('scikit-learn LogisticRegression, C = 0.01', LogisticRegression(C=0.01, max_iter=2000)),
    ('scikit-learn KNeighborsClassifier, k = 5', KNeighborsClassifier(5)),
    ('scikit-learn NearestCentroid', NearestCentroid()),
):
    answer[name] = make_pipeline(StandardScaler(), model).fit(x, y).score(x_test, y_test)
json.dump(answer, open(sys.argv[2], 'w'))
