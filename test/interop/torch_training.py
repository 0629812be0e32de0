#!/usr/bin/python3
"""Exports networks of torchvision, and computes their gradients and their training with PyTorch in float64.

torch_training.py export NAME model.onnx   a network with seeded weights, for small pictures
torch_training.py train question.json answer.json   gradients, and weights after some steps of torch.optim.SGD
"""
import base64
import json
import sys

import numpy
import onnx
import torch
import torch.nn.functional as F
from torch_network import constant, network


def build(name):
    import torchvision.models as models
    torch.manual_seed(3)
    if name == "vit":
        return models.VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64)
    if name == "convnext_tiny":
        from torchvision.models.convnext import CNBlockConfig, ConvNeXt
        widths = [(16, 32, 1), (32, 48, 1), (48, 64, 2), (64, None, 1)]
        model = ConvNeXt([CNBlockConfig(*one) for one in widths])
        for block in model.modules():
            if hasattr(block, "layer_scale"):  # initially 1e-6, which would hide the blocks
                torch.nn.init.uniform_(block.layer_scale, 0.5, 1.0)
        return model
    return getattr(models, name)(weights=None)


def export(name, path):
    model = build(name)
    for one in model.modules():
        if isinstance(one, torch.nn.BatchNorm2d):  # not the identity
            torch.nn.init.uniform_(one.running_var, 0.5, 1.5)
            torch.nn.init.normal_(one.running_mean, 0, 0.1)
            torch.nn.init.normal_(one.bias, 0, 0.1)
    axes = {"input": {0: "batch"}, "output": {0: "batch"}}
    torch.onnx.export(model.eval(), torch.zeros(2, 3, 32, 32), path, opset_version=14, input_names=["input"],
                      output_names=["output"], dynamic_axes=axes, training=torch.onnx.TrainingMode.EVAL)


def train(question, path):
    asked = json.load(open(question))
    model = onnx.load_from_string(base64.b64decode(asked["model"]))
    number = lambda one: torch.tensor(numpy.frombuffer(base64.b64decode(one["data"]), numpy.float32).reshape(one["dims"]).copy()).double()
    images, head = number(asked["images"]), [number(one) for one in asked["head"]]
    labels = torch.tensor(asked["labels"])
    starts = {one.name: constant(one) for one in model.graph.initializer}
    learnt = {name: starts[name].clone().requires_grad_() for name in asked["learnt"]}
    head = [one.requires_grad_() for one in head]
    everything = list(learnt.values()) + head

    def loss(rows):
        known = network(model, {**learnt, asked["input"]: images[rows]})
        x = known[asked["layer"]].flatten(1) * asked["featureScale"]
        return F.cross_entropy(x @ head[0].T + head[1], labels[rows], label_smoothing=asked["labelSmoothing"])

    gradients = torch.autograd.grad(loss(slice(0, asked["batchSize"])), everything)
    groups = [{"params": [p], "lr": rate} for p, rate in zip(everything, asked["rates"])]
    optimizer = torch.optim.SGD(groups, lr=1, momentum=0.9, nesterov=True, weight_decay=asked["weightDecay"])
    for step in range(asked["steps"]):
        for group, rate in zip(optimizer.param_groups, asked["rates"]):
            group["lr"] = rate
        at = step * asked["batchSize"] % len(labels)
        optimizer.zero_grad()
        loss(slice(at, at + asked["batchSize"])).backward()
        optimizer.step()
    write = lambda tensors: [base64.b64encode(one.detach().float().numpy().tobytes()).decode() for one in tensors]
    json.dump({"gradients": write(gradients), "weights": write(everything)}, open(path, "w"))


{"export": export, "train": train}[sys.argv[1]](*sys.argv[2:])
