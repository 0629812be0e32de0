#!/usr/bin/python3
"""Trains a small vision transformer on CIFAR-100 for the comparison of poolings of tokens, and writes it as an ONNX file:

python3 bench/peers/train_vit.py CIFAR100 OUT.onnx [--pooling cls | average] [--epochs 24] [--threads 1]

CIFAR100 contains train/<class>/*.png and test/<class>/*.png. The head reads the class token (--pooling cls) or the average
of the patch tokens. Random crops, flips and CutMix on half of the batches; the bundled CNN's predictions are half of the
loss, since a transformer learns little from 50,000 pictures alone (H. Touvron and others, ICML 2021).

Debian: apt-get install python3-torchvision python3-onnx python3-pil.
"""
import argparse
import json
import math
import pathlib
import sys
import tempfile
import time

import numpy as np
import onnx
import torch
import torch.nn.functional as F

ROOT = pathlib.Path(__file__).parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / 'models'), str(ROOT / 'scripts')]
from train import MEAN, SIZE, STD, Exported, augmented, cut_and_mixed, learning_rate, load, normalise  # noqa: E402
from vision_models import ViT  # noqa: E402


class SmallViT(ViT):
    def __init__(self, classes, pooling):
        super().__init__(classes=classes, size=SIZE, patch=4, width=128, heads=4, depth=6)
        self.pooling = pooling
        for token in (self.cls_token, self.pos_embed):
            torch.nn.init.trunc_normal_(token, std=0.02)

    def forward(self, x):
        head, self.head = self.head, None
        try:
            tokens = super().forward(x)
        finally:
            self.head = head
        return head(tokens[:, 0] if self.pooling == 'cls' else tokens[:, 1:].mean(1))


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    hits = sum((net(normalise(x[i:i + 500])).argmax(1).numpy() == y[i:i + 500]).sum() for i in range(0, len(x), 500))
    net.train()
    return hits / len(x)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('data', type=pathlib.Path)
    p.add_argument('out', type=pathlib.Path)
    p.add_argument('--pooling', choices=['cls', 'average'], default='cls')
    p.add_argument('--epochs', type=int, default=24)
    p.add_argument('--batch', type=int, default=128)
    p.add_argument('--lr', type=float, default=1e-3)
    p.add_argument('--threads', type=int, default=1)
    args = p.parse_args()
    torch.set_flush_denormal(True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as cache:
        x, y, classes = load(args.data / 'train', pathlib.Path(cache) / 'train.npz')
        xtest, ytest, _ = load(args.data / 'test', pathlib.Path(cache) / 'test.npz')
    answers = torch.as_tensor(Exported(ROOT / 'models/tiny/tiny.onnx').over(x, ['logits'], mirrored=True)[0])
    net, labels = SmallViT(len(classes), args.pooling), torch.as_tensor(y)
    decay = [w for w in net.parameters() if w.ndim > 1]
    plain = [w for w in net.parameters() if w.ndim <= 1]
    optimizer = torch.optim.AdamW([dict(params=decay, weight_decay=0.05), dict(params=plain, weight_decay=0)], lr=args.lr)
    padded = torch.as_tensor(np.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0)), mode='reflect'))
    steps, start = len(x) // args.batch, time.time()
    for epoch in range(args.epochs):
        order, total = torch.randperm(len(x)), 0.0
        for step in range(steps):
            progress = (epoch + (step + 1) / steps) / args.epochs
            for group in optimizer.param_groups:
                group['lr'] = learning_rate(progress, args.lr, 0.1)
            rows = order[step * args.batch:(step + 1) * args.batch]
            images = normalise(augmented(padded, rows, SIZE))
            wanted, lesson = F.one_hot(labels[rows], len(classes)).float(), F.softmax(answers[rows] / 2, 1)
            if progress < 0.8 and torch.rand(()).item() < 0.5:
                images, other, own = cut_and_mixed(images)
                wanted, lesson = (own * part + (1 - own) * part[other] for part in (wanted, lesson))
            with torch.autocast('cpu', dtype=torch.bfloat16):
                logits = net(images)
            logits = logits.float()
            loss = 0.5 * F.cross_entropy(logits, wanted) + 2 * F.kl_div(F.log_softmax(logits / 2, 1), lesson, reduction='batchmean')
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        told = f'{100 * accuracy(net, xtest, ytest):.2f} %' if epoch % 4 == 3 or epoch == args.epochs - 1 else '-'
        print(f'epoch {epoch + 1}  {(time.time() - start) / 60:.1f} min  loss {total / steps:.3f}  CIFAR-100 test {told}', flush=True)
        torch.save(net.state_dict(), args.out.with_suffix('.pt'))
    net.eval()
    torch.onnx.export(net, torch.zeros(2, 3, SIZE, SIZE), str(args.out), input_names=['pixel_values'], output_names=['logits'],
                      dynamic_axes={'pixel_values': {0: 'N'}, 'logits': {0: 'N'}}, opset_version=14)
    model = onnx.load(str(args.out))
    about = dict(preprocess=dict(size=SIZE, mean=MEAN, std=STD, rescale=1 / 255), classes=classes)
    onnx.helper.set_model_props(model, dict(softmargin=json.dumps(about)))
    onnx.save(model, str(args.out))


if __name__ == '__main__':
    main()
