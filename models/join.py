#!/usr/bin/env python3
"""Joins two networks that train.py wrote into one: its features are those of both, one behind the other, its logits their mean."""
import argparse, json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def prefixed(path):
    """A network's graph with its tensors and nodes named after its file, except for the pixels that all read."""
    def named(tensor):
        return tensor if tensor in ('', 'pixel_values') else f'{path.stem}.{tensor}'

    graph = onnx.load(str(path)).graph
    for node in graph.node:
        node.name = named(node.name)
        node.input[:] = [named(tensor) for tensor in node.input]
        node.output[:] = [named(tensor) for tensor in node.output]
    for tensor in (*graph.initializer, *graph.value_info):
        tensor.name = named(tensor.name)
    return graph


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('parts', type=Path, nargs=2, help='two .onnx files of train.py')
    p.add_argument('--out', type=Path, required=True)
    args = p.parse_args()
    graphs = [prefixed(path) for path in args.parts]
    names = [path.stem for path in args.parts]
    nodes = [node for graph in graphs for node in graph.node]
    weights = [weight for graph in graphs for weight in graph.initializer]
    weights.append(numpy_helper.from_array(np.array(0.5, np.float32), 'half'))
    nodes += [
        helper.make_node('Concat', [f'{name}.features' for name in names], ['features'], 'join', axis=1),
        helper.make_node('Add', [f'{name}.logits' for name in names], ['sum'], 'sum'),
        helper.make_node('Mul', ['sum', 'half'], ['logits'], 'mean'),
    ]
    logits, features = ([graph.output[i].type.tensor_type.shape.dim[1].dim_value for graph in graphs] for i in (0, 1))
    outputs = [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['N', logits[0]]),
               helper.make_tensor_value_info('features', TensorProto.FLOAT, ['N', sum(features)])]
    infos = [info for graph in graphs for info in graph.value_info]
    graph = helper.make_graph(nodes, f'softmargin-{args.out.stem}', [graphs[0].input[0]], outputs, weights, value_info=infos)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], producer_name='softmargin', ir_version=8)
    about = next(json.loads(p.value) for p in onnx.load(str(args.parts[0])).metadata_props if p.key == 'softmargin')
    helper.set_model_props(model, dict(softmargin=json.dumps(about, separators=(',', ':'))))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(args.out))
    print(f'{args.out.name}: {args.out.stat().st_size:,} bytes, {sum(features)} features')


if __name__ == '__main__':
    main()
