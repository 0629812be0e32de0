"""The step of a training in PyTorch, on one thread: torch_step.py model.onnx batch.json, which answers as JSON.

The ONNX file has Conv, Relu, Add, MaxPool, GlobalAveragePool, Flatten, Concat, Sqrt and Cast; all its float constants of two
or more dimensions, and their biases, are learnt. Times are CPU times, of the faster of the two layouts of maps.
"""
import json
import resource
import sys

import numpy
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper

torch.set_num_threads(1)
model = onnx.load(sys.argv[1])
asked = json.load(open(sys.argv[2]))
dims = asked["dims"]
planes = torch.tensor(asked["images"], dtype=torch.float32).reshape(dims)
targets = torch.tensor(asked["targets"], dtype=torch.float32).reshape(dims[0], -1)


def forward(values):
    for node in model.graph.node:
        a = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        x = [values[name] for name in node.input]
        if node.op_type == "Conv":
            pads = a.get("pads", [0, 0, 0, 0])
            y = F.conv2d(*x, stride=a.get("strides", [1, 1]), padding=pads[:2], groups=a.get("group", 1))
        elif node.op_type == "MaxPool":
            y = F.max_pool2d(x[0], a["kernel_shape"], a["strides"], a["pads"][:2])
        elif node.op_type == "Concat":
            y = torch.cat(x, a["axis"])
        else:
            y = {
                "Relu": F.relu, "Add": torch.add, "Sqrt": torch.sqrt, "Flatten": lambda x: x.flatten(1),
                "Cast": lambda x: x, "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
            }[node.op_type](*x)
        values[node.output[0]] = y
    return values[model.graph.output[0].name]


def measure(layout):
    starts = {one.name: torch.from_numpy(numpy_helper.to_array(one).astype(numpy.float32)) for one in model.graph.initializer}
    learnt = {name: value.clone() for name, value in starts.items() if value.numel() > 1}
    for name, value in learnt.items():
        learnt[name] = (value.to(memory_format=layout) if value.dim() == 4 else value).requires_grad_()
    images = planes.to(memory_format=layout)
    features = forward({**starts, **learnt, model.graph.input[0].name: images}).shape[1]
    head = [torch.zeros(targets.shape[1], features, requires_grad=True), torch.zeros(targets.shape[1], requires_grad=True)]
    head[0].data += torch.tensor(asked["head"], dtype=torch.float32).reshape(head[0].shape)
    optimizer = torch.optim.SGD([*learnt.values(), *head], lr=1e-6, momentum=0.9, nesterov=True, weight_decay=5e-4)
    times = []
    for step in range(asked["rounds"] + 2):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        optimizer.zero_grad()
        logits = F.linear(forward({**starts, **learnt, model.graph.input[0].name: images}), *head)
        loss = -(targets * F.log_softmax(logits, 1)).sum(1).mean()
        loss.backward()
        optimizer.step()
        after = resource.getrusage(resource.RUSAGE_SELF)
        first = loss.item() if step == 0 else first
        if step >= 2:
            times.append((after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime) * 1000)
    return {"times": times, "loss": first}


answers = [measure(layout) for layout in (torch.contiguous_format, torch.channels_last)]
answer = min(answers, key=lambda one: sorted(one["times"])[len(one["times"]) // 2])
print(json.dumps({**answer, "version": torch.__version__}))
