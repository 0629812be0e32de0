#!/usr/bin/python3
"""Gradients of small graphs by PyTorch's autograd, in float64: torch_gradients.py cases.json gradients.json

Autograd itself is checked by finite differences in float64 (torch.autograd.gradcheck).
"""
import base64
import json
import sys

import onnx
import torch
from torch_network import network

answers = []
for case in json.load(open(sys.argv[1])):
    model = onnx.load_from_string(base64.b64decode(case["model"]))
    names = list(case["inputs"])
    inputs = [torch.tensor(case["inputs"][name]["values"], dtype=torch.float64).reshape(case["inputs"][name]["dims"])
              .requires_grad_() for name in names]

    def loss(*given):
        known = network(model, dict(zip(names, given)))
        return sum((known[name].reshape(-1) * torch.tensor(weights, dtype=torch.float64)).sum()
                   for name, weights in case["weights"].items())

    assert torch.autograd.gradcheck(loss, inputs), case["name"]
    gradients = torch.autograd.grad(loss(*inputs), inputs)
    answers.append({name: gradient.reshape(-1).tolist() for name, gradient in zip(names, gradients)})
json.dump(answers, open(sys.argv[2], "w"))
