"""Evaluates ONNX graphs in PyTorch in float64, so that autograd gives their gradients.

network(model, values) computes every tensor of a graph from named values; it supports the operators that the tests use.
"""
import math

import numpy
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper

UNARY = {
    "Neg": torch.neg, "Abs": torch.abs, "Reciprocal": torch.reciprocal, "Sqrt": torch.sqrt, "Exp": torch.exp,
    "Log": torch.log, "Relu": F.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Erf": torch.erf,
    "Softplus": F.softplus, "Identity": lambda x: x, "Dropout": lambda x: x, "Not": torch.logical_not,
    "Floor": torch.floor, "HardSwish": F.hardswish,
}
BINARY = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Pow": torch.pow, "MatMul": torch.matmul,
    "Greater": torch.gt, "Less": torch.lt, "Equal": torch.eq,
}


def constant(tensor):
    array = numpy_helper.to_array(tensor)
    value = torch.from_numpy(numpy.array(array))
    return value.double() if value.is_floating_point() else value


def ints(value):
    return [int(n) for n in value.reshape(-1)]


def pads_of(attributes, kernel, strides, dilations, sides):
    mode = attributes.get("auto_pad", b"NOTSET").decode()
    if mode == "VALID":
        return [0] * (2 * len(kernel))
    if mode == "NOTSET":
        return attributes.get("pads", [0] * (2 * len(kernel)))
    before, after = [], []
    for k, s, d, side in zip(kernel, strides, dilations, sides):
        total = max(0, (math.ceil(side / s) - 1) * s + (k - 1) * d + 1 - side)
        small = total // 2
        before.append(small if mode == "SAME_UPPER" else total - small)
        after.append(total - before[-1])
    return before + after


def pad_map(x, pads, value=0.0):
    rank = len(pads) // 2
    order = [n for i in reversed(range(rank)) for n in (pads[i], pads[i + rank])]
    return F.pad(x, order, value=value)


def convolution(a, x, w, b=None):
    rank = w.dim() - 2
    strides, dilations = a.get("strides", [1] * rank), a.get("dilations", [1] * rank)
    pads = pads_of(a, w.shape[2:], strides, dilations, x.shape[2:])
    f = (F.conv1d, F.conv2d, F.conv3d)[rank - 1]
    return f(pad_map(x, pads), w, b, strides, 0, dilations, a.get("group", 1))


def transposed(a, x, w, b=None):
    rank = w.dim() - 2
    pads = a.get("pads", [0] * 2 * rank)
    assert pads[:rank] == pads[rank:]
    return F.conv_transpose2d(x, w, b, a.get("strides", [1] * rank), pads[:rank], a.get("output_padding", [0] * rank),
                              a.get("group", 1), a.get("dilations", [1] * rank))


def pool(op, a, x):
    kernel = a["kernel_shape"]
    strides = a.get("strides", [1] * len(kernel))
    pads = a.get("pads", [0] * 2 * len(kernel))
    rank = len(kernel)
    assert pads[:rank] == pads[rank:]
    ceil = bool(a.get("ceil_mode", 0))
    if op == "MaxPool":
        return F.max_pool2d(x, kernel, strides, pads[:rank], a.get("dilations", 1), ceil)
    return F.avg_pool2d(x, kernel, strides, pads[:rank], ceil, bool(a.get("count_include_pad", 0)))


def axes_of(a, inputs, rank, at=1):
    if len(inputs) > at and inputs[at] is not None:
        return ints(inputs[at])
    return a.get("axes", list(range(rank)))


def evaluate(node, a, x, opset):
    """The outputs of a node, as a list."""
    op = node.op_type
    if op in UNARY:
        return [UNARY[op](x[0])]
    if op in BINARY:
        return [BINARY[op](x[0], x[1])]
    if op == "Div":
        return [x[0] / x[1] if x[0].is_floating_point() else torch.div(x[0], x[1], rounding_mode="trunc")]
    if op == "LeakyRelu":
        return [F.leaky_relu(x[0], a.get("alpha", 0.01))]
    if op == "PRelu":
        return [torch.where(x[0] > 0, x[0], x[0] * x[1])]
    if op == "Elu":
        return [F.elu(x[0], a.get("alpha", 1.0))]
    if op == "Clip":
        low, high = (list(x[1:]) + [None, None])[:2]
        return [x[0].clamp(None if low is None else float(low), None if high is None else float(high))
                if low is not None or high is not None else x[0]]
    if op == "HardSigmoid":
        return [(a.get("alpha", 0.2) * x[0] + a.get("beta", 0.5)).clamp(0, 1)]
    if op == "Gelu":
        return [F.gelu(x[0], approximate=a.get("approximate", b"none").decode())]
    if op == "Where":
        return [torch.where(x[0].bool(), x[1], x[2])]
    if op == "Cast":
        kind = {1: torch.float64, 10: torch.float64, 11: torch.float64, 6: torch.int32, 7: torch.int64, 9: torch.bool}
        return [x[0].to(kind[a["to"]])]
    if op in ("ReduceSum", "ReduceMean", "ReduceMax"):
        axes, keep = axes_of(a, x, x[0].dim()), bool(a.get("keepdims", 1))
        return [{"ReduceSum": torch.sum, "ReduceMean": torch.mean, "ReduceMax": torch.amax}[op](x[0], axes, keep)]
    if op == "GlobalAveragePool":
        return [x[0].mean(list(range(2, x[0].dim())), True)]
    if op == "GlobalMaxPool":
        return [torch.amax(x[0], list(range(2, x[0].dim())), True)]
    if op in ("Softmax", "LogSoftmax"):
        f = F.softmax if op == "Softmax" else F.log_softmax
        if opset >= 13:
            return [f(x[0], a.get("axis", -1))]
        flat = x[0].flatten(a.get("axis", 1))
        return [f(flat, -1).reshape(x[0].shape)]
    if op == "Reshape":
        return [x[0].reshape([x[0].shape[i] if n == 0 else n for i, n in enumerate(ints(x[1]))])]
    if op == "Flatten":
        axis = a.get("axis", 1)
        return [x[0].reshape(int(numpy.prod(x[0].shape[:axis])), -1)]
    if op == "Squeeze":
        axes = axes_of(a, x, 0) or [i for i, n in enumerate(x[0].shape) if n == 1]
        axes = [i % x[0].dim() for i in axes]
        return [x[0].reshape([n for i, n in enumerate(x[0].shape) if i not in axes])]
    if op == "Unsqueeze":
        y = x[0]
        axes = axes_of(a, x, 0)
        for axis in sorted(i % (x[0].dim() + len(axes)) for i in axes):
            y = y.unsqueeze(axis)
        return [y]
    if op == "Transpose":
        return [x[0].permute(a.get("perm", list(reversed(range(x[0].dim())))))]
    if op == "Expand":
        return [x[0] * torch.ones(ints(x[1]), dtype=x[0].dtype)]
    if op == "Concat":
        return [torch.cat(list(x), a["axis"])]
    if op == "Split":
        axis = a.get("axis", 0)
        parts = ints(x[1]) if len(x) > 1 else a.get("split", [x[0].shape[axis] // len(node.output)] * len(node.output))
        return list(torch.split(x[0], parts, axis))
    if op == "Slice":
        starts, ends = ints(x[1]), ints(x[2])
        axes = ints(x[3]) if len(x) > 3 else range(len(starts))
        steps = ints(x[4]) if len(x) > 4 else [1] * len(starts)
        y = x[0]
        for start, end, axis, step in zip(starts, ends, axes, steps):
            index = range(y.shape[axis])[slice(start, None if step < 0 and end < -y.shape[axis] else end, step)]
            y = y.index_select(axis, torch.tensor(list(index), dtype=torch.int64))
        return [y]
    if op == "Pad":
        assert a.get("mode", b"constant") == b"constant"
        return [pad_map(x[0], ints(x[1]), float(x[2]) if len(x) > 2 and x[2] is not None else 0.0)]
    if op == "Gather":
        axis = a.get("axis", 0) % x[0].dim()
        index = x[1].long() % x[0].shape[axis]
        y = x[0].index_select(axis, index.reshape(-1))
        return [y.reshape(list(x[0].shape[:axis]) + list(index.shape) + list(x[0].shape[axis + 1:]))]
    if op == "Gemm":
        left = x[0].T if a.get("transA", 0) else x[0]
        right = x[1].T if a.get("transB", 0) else x[1]
        y = a.get("alpha", 1.0) * (left @ right)
        return [y if len(x) < 3 or x[2] is None else y + a.get("beta", 1.0) * x[2]]
    if op == "Conv":
        return [convolution(a, *x)]
    if op == "ConvTranspose":
        return [transposed(a, *x)]
    if op in ("MaxPool", "AveragePool"):
        return [pool(op, a, x[0])]
    if op == "BatchNormalization":
        return [F.batch_norm(x[0], x[3], x[4], x[1], x[2], False, 0.0, a.get("epsilon", 1e-5))]
    if op == "LayerNormalization":
        axis = a.get("axis", -1) % x[0].dim()
        return [F.layer_norm(x[0], x[0].shape[axis:], x[1], x[2], a.get("epsilon", 1e-5))]
    if op == "InstanceNormalization":
        return [F.instance_norm(x[0], None, None, x[1], x[2], True, 0.0, a.get("epsilon", 1e-5))]
    if op == "GroupNormalization":
        groups, channels = a["num_groups"], x[0].shape[1]
        scale, bias = (v if opset >= 21 else v.repeat_interleave(channels // groups) for v in x[1:3])
        return [F.group_norm(x[0], groups, scale, bias, a.get("epsilon", 1e-5))]
    if op == "Shape":
        return [torch.tensor(x[0].shape)]
    if op == "ConstantOfShape":
        fill = constant(a["value"]) if "value" in a else torch.zeros(1, dtype=torch.float64)
        return [fill.expand(ints(x[0])).clone()]
    if op == "Constant":
        value = a.get("value", a.get("value_float", a.get("value_int")))
        return [constant(value) if isinstance(value, onnx.TensorProto) else torch.tensor(value)]
    raise NotImplementedError(op)


def network(model, values):
    """All tensors of the graph; `values` are its inputs, and may replace initializers."""
    opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    known = {one.name: constant(one) for one in model.graph.initializer}
    known.update(values)
    for node in model.graph.node:
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        inputs = [known[name] if name else None for name in node.input]
        for name, value in zip(node.output, evaluate(node, attributes, inputs, opset)):
            known[name] = value
    return known
