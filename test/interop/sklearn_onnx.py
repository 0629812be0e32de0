#!/usr/bin/env python3
"""Trains scikit-learn's SVC and writes ONNX models of it in the layout of skl2onnx's converters.

    /usr/bin/python3 test/interop/sklearn_onnx.py <folder>

skl2onnx itself is not a Debian package. It writes an SVC as one `ai.onnx.ml.SVMClassifier` (with reversed signs of
coefficients and intercept for two classes, since scikit-learn reverses LIBSVM's), a Cast of the scores, an optional
ZipMap, and one node per scaler before it: Scaler for StandardScaler and RobustScaler, Mul and Add for
MinMaxScaler, Sub and Div for a float64 StandardScaler, Normalizer for Normalizer.

Writes `<name>.onnx`, `<name>.f32` (1,000 test rows) and `cases.json` with scikit-learn's results.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn import preprocessing, svm

COLUMNS = 6
KERNELS = {
    'linear': dict(),
    'poly': dict(gamma=0.4, degree=2, coef0=0.5),
    'rbf': dict(gamma='scale'),
    'sigmoid': dict(gamma=0.15, coef0=-0.2),
}
LABELS = {
    'two-integers': [3, 7],
    'two-strings': ['no', 'yes'],
    'three-integers': [-5, 0, 12],
    'five-strings': ['ant', 'bee', 'cow', 'dog', 'Elk'],
}
SCALERS = ['none', 'standard', 'robust', 'minmax', 'double', 'l1', 'l2', 'max']


def draw(rng, n, labels):
    codes = rng.randint(len(labels), size=n)
    centres = np.random.RandomState(5).normal(size=(len(labels), COLUMNS)) * 1.2
    x = rng.normal(size=(n, COLUMNS)) + centres[codes]
    x = x * [1, 2, 0.5, 1, 1.5, 1] + [0, 1, 0, -2, 0, 0]
    return x.astype(np.float32), np.array(labels)[codes]


def ml(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, outputs, domain='ai.onnx.ml', **attributes)


def scaling(kind, x):
    """A fitted scaler, its nodes from `X` to `scaled`, and their constants."""
    def constant(name, values):
        return numpy_helper.from_array(np.asarray(values), name)
    if kind == 'none':
        return None, [helper.make_node('Identity', ['X'], ['scaled'])], []
    if kind in ('l1', 'l2', 'max'):
        return (preprocessing.Normalizer(norm=kind),
                [ml('Normalizer', ['X'], ['scaled'], norm=kind.upper())], [])
    if kind == 'minmax':
        scaler = preprocessing.MinMaxScaler().fit(x)
        return scaler, [
            helper.make_node('Cast', ['X'], ['cast'], to=TensorProto.FLOAT),
            helper.make_node('Mul', ['cast', 'scale'], ['multiplied']),
            helper.make_node('Add', ['multiplied', 'min'], ['scaled']),
        ], [constant('scale', scaler.scale_.astype(np.float32)), constant('min', scaler.min_.astype(np.float32))]
    scaler = (preprocessing.RobustScaler() if kind == 'robust' else preprocessing.StandardScaler()).fit(x)
    offset = scaler.center_ if kind == 'robust' else scaler.mean_
    if kind != 'double':
        return scaler, [ml('Scaler', ['X'], ['scaled'], offset=offset.tolist(),
                           scale=(1 / scaler.scale_).tolist())], []
    return scaler, [
        helper.make_node('Cast', ['X'], ['double'], to=TensorProto.DOUBLE),
        helper.make_node('Sub', ['double', 'mean'], ['centred']),
        helper.make_node('Div', ['centred', 'std'], ['divided']),
        helper.make_node('Cast', ['divided'], ['scaled'], to=TensorProto.FLOAT),
    ], [constant('mean', offset), constant('std', scaler.scale_)]


def convert(model, before, constants, zipmap):
    flip = -1 if len(model.classes_) == 2 else 1
    strings = isinstance(model.classes_.tolist()[0], str)
    attributes = {
        'kernel_type': model.kernel.upper(),
        'kernel_params': [float(model._gamma), float(model.coef0), float(model.degree)],
        'support_vectors': model.support_vectors_.astype(np.float32).ravel().tolist(),
        'coefficients': (flip * model.dual_coef_).astype(np.float32).ravel().tolist(),
        'rho': (flip * model.intercept_).astype(np.float32).tolist(),
        'vectors_per_class': model.n_support_.tolist(),
        'post_transform': 'NONE',
        'classlabels_strings' if strings else 'classlabels_ints': model.classes_.tolist(),
    }
    if model.probability:
        attributes['prob_a'] = model.probA_.astype(np.float32).tolist()
        attributes['prob_b'] = model.probB_.astype(np.float32).tolist()
    nodes = before + [
        ml('SVMClassifier', ['scaled'], ['label' if strings else 'svm_label', 'SVM02'], **attributes),
        helper.make_node('Cast', ['SVM02'], ['probabilities'], to=TensorProto.FLOAT),
    ]
    if not strings:
        nodes.append(helper.make_node('Cast', ['svm_label'], ['label'], to=TensorProto.INT64))
    scores = helper.make_tensor_value_info('probabilities', TensorProto.FLOAT, [None, None])
    if zipmap:
        name = 'classlabels_strings' if strings else 'classlabels_int64s'
        nodes.append(ml('ZipMap', ['probabilities'], ['output_probability'], **{name: model.classes_.tolist()}))
        key = TensorProto.STRING if strings else TensorProto.INT64
        scores = onnx.ValueInfoProto(name='output_probability')
        entries = scores.type.sequence_type.elem_type.map_type
        entries.key_type = key
        entries.value_type.tensor_type.elem_type = TensorProto.FLOAT
    graph = helper.make_graph(nodes, 'pipeline', [helper.make_tensor_value_info('X', TensorProto.FLOAT, [None, COLUMNS])], [
        helper.make_tensor_value_info('label', TensorProto.STRING if strings else TensorProto.INT64, [None]), scores,
    ], constants)
    made = helper.make_model(graph, producer_name='skl2onnx', opset_imports=[
        helper.make_opsetid('', 15), helper.make_opsetid('ai.onnx.ml', 1)])
    made.ir_version = 8
    # Shape inference of this version does not support ZipMap.
    onnx.checker.check_model(made, full_check=not zipmap)
    return made


def main(folder):
    cases = []
    for number, (kernel, parameters) in enumerate(KERNELS.items()):
        for turn, (labels_name, labels) in enumerate(LABELS.items()):
            # Every scaler with every kernel; the labels alternate.
            for scaler_name in ['none', *SCALERS[1 + (number + turn) % 4 :: 4]]:
                rng = np.random.RandomState(len(cases))
                x, y = draw(rng, 240, labels)
                test, _ = draw(rng, 1000, labels)
                scaler, nodes, constants = scaling(scaler_name, x)
                probability = (number + turn + len(cases)) % 2 == 1
                model = svm.SVC(kernel=kernel, probability=probability, random_state=0, **parameters)
                model.fit(scaler.transform(x) if scaler else x, y)
                after = scaler.transform(test) if scaler else test
                name = f'{kernel}-{labels_name}-{scaler_name}' + ('-probability' if probability else '')
                # ZipMap needs one number per class; for more than two classes these are the probabilities.
                zipmap = len(cases) % 3 == 0 and (probability or len(labels) == 2)
                (folder / f'{name}.onnx').write_bytes(
                    convert(model, nodes, constants, zipmap).SerializeToString())
                (folder / f'{name}.f32').write_bytes(test.tobytes())
                cases.append(dict(
                    name=name, labels=model.predict(after).tolist(),
                    probabilities=model.predict_proba(after).ravel().tolist() if probability else None))
    (folder / 'cases.json').write_text(json.dumps(dict(columns=COLUMNS, cases=cases)))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
