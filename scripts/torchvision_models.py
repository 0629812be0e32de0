#!/usr/bin/python3
"""Exports torchvision's architectures, with random weights, as ONNX files:
python3 scripts/torchvision_models.py FOLDER [NAMES...]

Debian: apt-get install python3-torchvision python3-onnx. `npm run bench -- layers FOLDER/*.onnx` then compares the
layers of each with the native runtime.
"""
import pathlib
import sys

import torch
import torchvision

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
names = sys.argv[2:] or ["vgg11", "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
                         "efficientnet_b0", "densenet121", "squeezenet1_1", "shufflenet_v2_x0_5", "googlenet",
                         "regnet_y_400mf", "convnext_tiny", "vit_b_16"]
for name in names:
    torch.manual_seed(0)
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    model = getattr(torchvision.models, name)(weights=None, **options).eval()
    axes = {"input": {0: "batch"}, "output": {0: "batch"}}
    torch.onnx.export(model, torch.zeros(1, 3, 224, 224), str(folder / f"{name}.onnx"), opset_version=14,
                      input_names=["input"], output_names=["output"], dynamic_axes=axes)
    print(name)
