#!/usr/bin/env python3
"""Trains a CNN, tiny or wide (the second tower of small), on CIFAR-100 and writes its .onnx file. Each model's README.md says how it was run and what it scored."""
import argparse, copy, json, math, os, time
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

# A stage is a sequence of 3x3 convolutions (the first has stride 2, except in stage 1), then residual blocks of two
# convolutions each. The number of a block is the width between its convolutions.
SHAPES = dict(
    tiny=dict(
        stages=[
            dict(convs=[16], blocks=[16]),
            dict(convs=[48], blocks=[48]),
            dict(convs=[96], blocks=[96]),
            dict(convs=[192], blocks=[72]),
        ],
        max_bytes=1_500_000,
        max_mmac=40,
    ),
    wide=dict(
        stages=[
            dict(convs=[32], blocks=[32]),
            dict(convs=[64], blocks=[64, 64]),
            dict(convs=[104], blocks=[96]),
            dict(convs=[160], blocks=[56]),
        ],
        max_bytes=1_620_000,
        max_mmac=90,
    ),
)
SIZE = 32
MEAN = [0.507, 0.487, 0.441]
STD = [0.267, 0.256, 0.276]
HEAD = 192


# ---- data ---------------------------------------------------------------------------------------------------------

def load(folder, cache):
    """Reads folder/<class>/<image> once into uint8 [n, 32, 32, 3] and labels; later calls read the cache."""
    if not cache.exists():
        classes = sorted(p.name for p in folder.iterdir() if p.is_dir())
        files = [(p, k) for k, c in enumerate(classes) for p in sorted((folder / c).iterdir())]
        x = np.stack([np.asarray(Image.open(p).convert('RGB')) for p, _ in files])
        np.savez(cache, x=x, y=np.array([k for _, k in files]), classes=classes)
    z = np.load(cache)
    return z['x'], z['y'], [str(c) for c in z['classes']]


def normalise(x):
    """uint8 [n, h, w, 3] -> float [n, 3, h, w]. The memory stays channels-last: faster on CPUs."""
    x = torch.as_tensor(x).float().div_(255)
    return x.sub_(torch.tensor(MEAN)).div_(torch.tensor(STD)).permute(0, 3, 1, 2)


def augmented(padded, rows, size):
    """Crops each padded image at random to size x size and mirrors half of the images, in one gather."""
    n, room, line = len(rows), padded.shape[1] - size + 1, torch.arange(size)
    top, left = torch.randint(0, room, (n, 1)), torch.randint(0, room, (n, 1))
    across = torch.where(torch.rand(n, 1) < 0.5, line.flip(0), line)
    return padded[rows[:, None, None], (top + line)[:, :, None], (left + across)[:, None, :]]


def relit(images, much):
    """Changes the contrast of each image and the brightness of each of its channels at random."""
    n = len(images)
    return images * (1 + much * torch.randn(n, 1, 1, 1)) + much * (torch.randn(n, 1, 1, 1) + 0.5 * torch.randn(n, 3, 1, 1))


def cut_and_mixed(images):
    """CutMix (S. Yun and others, ICCV 2019): replaces a random rectangle of each image by that of another image.

    Returns the images, the index of each one's other image, and the share of each image that is unchanged.
    """
    size, other, share = images.shape[-1], torch.randperm(len(images)), torch.rand(()).item()
    high, wide = (int(size * math.sqrt(1 - share)) for _ in range(2))
    top, left = (torch.randint(0, size - side + 1, ()).item() for side in (high, wide))
    images = images.clone()
    images[:, :, top:top + high, left:left + wide] = images[other, :, top:top + high, left:left + wide]
    return images, other, 1 - high * wide / size ** 2


def turned(images, share):
    """Turns a share of the images by a random number of quarters. Returns the images and their quarters, 0 to 3."""
    quarters = torch.randint(0, 4, (len(images),)) * (torch.rand(len(images)) < share)
    images = images.clone()
    for q in (1, 2, 3):
        images[quarters == q] = images[quarters == q].rot90(q, (2, 3))
    return images, quarters


# ---- network ------------------------------------------------------------------------------------------------------

def fold(weight, bn):
    """Weight and bias of a single layer that is equivalent to a layer followed by a BatchNorm."""
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return weight * scale.view(-1, *[1] * (weight.ndim - 1)), bn.bias - bn.running_mean * scale


class ConvBN(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(cout)
        nn.init.kaiming_normal_(self.conv.weight, mode='fan_out')

    def forward(self, x):
        return self.bn(self.conv(x))

    def folded(self):
        return fold(self.conv.weight, self.bn)


class Block(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.conv1, self.conv2 = ConvBN(width, inner), ConvBN(inner, width)
        nn.init.zeros_(self.conv2.bn.weight)

    def forward(self, x):
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))


class Stage(nn.Module):
    def __init__(self, cin, convs, blocks, stride):
        super().__init__()
        self.convs = nn.ModuleList(ConvBN(a, b, stride if i == 0 else 1) for i, (a, b) in enumerate(zip([cin] + convs, convs)))
        self.blocks = nn.ModuleList(Block(convs[-1], inner) for inner in blocks)

    def forward(self, x):
        for conv in self.convs:
            x = F.relu(conv(x))
        for block in self.blocks:
            x = block(x)
        return x


class Head(nn.Module):
    """Two layers instead of one: the hidden layer specialises in the training classes, so that the features need not."""

    def __init__(self, width, classes):
        super().__init__()
        self.fc1, self.bn, self.fc2 = nn.Linear(width, HEAD, bias=False), nn.BatchNorm1d(HEAD), nn.Linear(HEAD, classes)

    def forward(self, x):
        return self.fc2(F.relu(self.bn(self.fc1(x))))

    def folded(self):
        return fold(self.fc1.weight, self.bn)


class Net(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.shape = shape
        stages = SHAPES[shape]['stages']
        widths = [3] + [s['convs'][-1] for s in stages]
        self.stages = nn.ModuleList(Stage(widths[i], stride=2 if i else 1, **s) for i, s in enumerate(stages))
        self.width = widths[-1]
        self.head = Head(self.width, classes)

    def features(self, x):
        for stage in self.stages:
            x = stage(x)
        return x.mean((2, 3))

    def forward(self, x):
        return self.head(self.features(x))


# ---- training -----------------------------------------------------------------------------------------------------

def learning_rate(progress, peak, warm=0.15):
    """Linear warm-up, then half a cosine down to zero."""
    if progress < warm:
        return peak * (0.05 + 0.95 * progress / warm)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1, (progress - warm) / (1 - warm))))


def loss_of(logits, features, labels, taught, adapter, args, heat=3.0):
    """Cross entropy; with teachers also the divergence from their softened predictions and the distance from their features."""
    loss = F.cross_entropy(logits, labels, label_smoothing=args.smoothing)
    if taught is None:
        return loss
    answers, wanted = taught
    far = F.kl_div(F.log_softmax(logits / heat, 1), F.softmax(answers / heat, 1), reduction='batchmean')
    return (1 - args.trust) * loss + args.trust * heat * heat * far + args.imitate * F.mse_loss(adapter(features), wanted)


def lessons(paths, x):
    """The teachers' outputs for each training image and its mirror image: mean logits, and all features, standardised."""
    answers, features = [], []
    for teacher in map(Exported, paths):
        logits, last, before = teacher.over(x, ['logits', 'features', 'stage3'], mirrored=True)
        answers.append(torch.as_tensor(logits))
        features += [torch.as_tensor(last), torch.as_tensor(before)]
    features = torch.cat(features, 1)
    return torch.stack(answers).mean(0), (features - features.mean(0)) / features.std(0)


def train(args, x, y, xtest, ytest, classes):
    """SGD with one warm-up and decay of the learning rate. The schedule follows the epochs, or with --minutes the clock."""
    net = Net(args.shape, len(classes))
    if args.start:
        net.load_state_dict(torch.load(args.start)['parts'][1])
    net = net.to(memory_format=torch.channels_last)
    mean_net = copy.deepcopy(net)
    taught = lessons(args.teacher, x) if args.teacher else None
    adapter = nn.Linear(net.width, taught[1].shape[1] if taught else 1)
    turns = nn.Linear(net.width, 4)
    parameters = [*net.parameters(), *adapter.parameters(), *turns.parameters()]
    decay = [p for p in parameters if p.ndim > 1]
    plain = [p for p in parameters if p.ndim <= 1]
    opt = torch.optim.SGD([dict(params=decay, weight_decay=args.decay), dict(params=plain, weight_decay=0)], lr=0.1, momentum=0.9, nesterov=True)
    padded = torch.as_tensor(np.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0)), mode='reflect'))
    y, epoch, elapsed, progress = torch.as_tensor(y), 0, 0.0, 0.0
    checkpoint = args.work / 'checkpoint.pt'
    if args.resume and checkpoint.exists():
        state = torch.load(checkpoint)
        for part, saved in zip((net, mean_net, opt, adapter, turns), state['parts']):
            part.load_state_dict(saved)
        epoch, elapsed, progress = state['epoch'], state['elapsed'], state['progress']
        torch.set_rng_state(state['rng'])
        print(f'resumed after epoch {epoch}, {elapsed / 60:.1f} minutes', flush=True)
    start, last, steps = time.time() - elapsed, time.time(), len(x) // args.batch

    while progress < 1:
        order, total, hits, seen = torch.randperm(len(x)), 0.0, 0, 0
        for step in range(steps):
            if args.minutes:  # A pause leaves less time for the rest of the schedule; it does not skip any of it.
                now, end = time.time(), start + 60 * args.minutes
                spent, last = min(now - last, 20), now
                progress = 1.0 if now >= end else progress + (1 - progress) * spent / (end - now + spent)
            else:
                progress = (epoch + (step + 1) / steps) / args.epochs
            if progress >= 1 and args.minutes:
                break
            for group in opt.param_groups:
                group['lr'] = learning_rate(progress, args.lr, args.warm)
            rows = order[step * args.batch:(step + 1) * args.batch]
            size = args.crop if progress < args.crop_until else SIZE
            images, labels = relit(normalise(augmented(padded, rows, size)), args.relight), F.one_hot(y[rows], len(classes)).float()
            lesson = [part[rows] for part in taught] if taught else None
            if progress < 0.8 and torch.rand(()).item() < args.mix:
                images, other, own = cut_and_mixed(images)
                labels = own * labels + (1 - own) * labels[other]
                lesson = lesson and [own * part + (1 - own) * part[other] for part in lesson]
            images, quarters = turned(images, args.turn if progress < 0.9 else 0)
            with torch.autocast('cpu', dtype=torch.bfloat16, enabled=not args.float32):
                features = net.features(images)
                logits = net.head(features)
            loss = loss_of(logits.float(), features.float(), labels, lesson, adapter, args)
            if args.turn:
                loss = loss + 0.5 * F.cross_entropy(turns(features.float()), quarters)
            opt.zero_grad()
            loss.backward()
            opt.step()
            with torch.no_grad():
                for average, now in zip(mean_net.state_dict().values(), net.state_dict().values()):
                    average.lerp_(now, 1 - args.average) if average.is_floating_point() else average.copy_(now)
            total, hits, seen = total + loss.item(), hits + (logits.argmax(1) == labels.argmax(1)).sum().item(), seen + 1
        epoch, elapsed = epoch + 1, time.time() - start
        if seen:
            told = f'{100 * accuracy(mean_net, xtest, ytest):.2f} %' if epoch % args.judge == 0 or progress >= 1 else '-'
            print(f'epoch {epoch}  {elapsed / 60:.1f} min  progress {progress:.3f}  loss {total / seen:.3f}  '
                  f'train {100 * hits / seen / args.batch:.2f} %  test {told}', flush=True)
        state = dict(parts=[m.state_dict() for m in (net, mean_net, opt, adapter, turns)], epoch=epoch, elapsed=elapsed,
                     progress=progress, rng=torch.get_rng_state())
        torch.save(state, f'{checkpoint}.new')
        os.replace(f'{checkpoint}.new', checkpoint)
    return mean_net


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    hits = sum((net(normalise(x[i:i + 500])).argmax(1).numpy() == y[i:i + 500]).sum() for i in range(0, len(x), 500))
    return hits / len(x)


# ---- export -------------------------------------------------------------------------------------------------------

def export(net, classes, path):
    """Writes the ONNX graph node by node, to control its names. Weights are float16, all arithmetic is float32."""
    nodes, weights, infos, macs, stages = [], [], [], 0, SHAPES[net.shape]['stages']

    def add(op, name, inputs, output=None, **attributes):
        nodes.append(helper.make_node(op, inputs, [output or name], name=name, **attributes))
        return output or name

    def half(name, values):
        weights.append(numpy_helper.from_array(values.detach().numpy().astype(np.float16), f'{name}.f16'))
        return add('Cast', f'{name}.cast', [f'{name}.f16'], name, to=TensorProto.FLOAT)

    def single(name, values):
        weights.append(numpy_helper.from_array(values.detach().contiguous().numpy().astype(np.float32), name))
        return name

    def conv(name, module, x, side):
        nonlocal macs
        weight, bias = module.folded()
        stride = module.conv.stride[0]
        macs += weight.numel() * (side // stride) ** 2
        return add('Conv', name, [x, half(f'{name}.weight', weight), single(f'{name}.bias', bias)], f'{name}.out',
                   kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[stride, stride])

    x, side = 'pixel_values', SIZE
    for s, stage in enumerate(net.stages, 1):
        last = stage.blocks[-1] if len(stage.blocks) else stage.convs[-1]
        for i, module in enumerate(stage.convs, 1):
            name = f'stage{s}.conv{i}'
            x = conv(name, module, x, side)
            x = add('Relu', f'{name}.relu', [x], f'stage{s}' if module is last else f'{name}.relu.out')
            side //= module.conv.stride[0]
        for i, module in enumerate(stage.blocks, 1):
            name = f'stage{s}.block{i}'
            inner = add('Relu', f'{name}.conv1.relu', [conv(f'{name}.conv1', module.conv1, x, side)], f'{name}.conv1.relu.out')
            x = add('Add', f'{name}.add', [x, conv(f'{name}.conv2', module.conv2, inner, side)], f'{name}.add.out')
            x = add('Relu', f'{name}.relu', [x], f'stage{s}' if module is last else f'{name}.relu.out')
        side_name = '' if s == 1 else f'/{2 ** (s - 1)}'
        shape = ['N', stages[s - 1]['convs'][-1], f'H{side_name}', f'W{side_name}']
        infos.append(helper.make_tensor_value_info(f'stage{s}', TensorProto.FLOAT, shape))
    for name in ('stage4', 'stage3'):
        add('Flatten', f'{name}.mean', [add('GlobalAveragePool', f'{name}.pool', [name], f'{name}.pool.out')], axis=1)
    # Averages of rectified maps are skewed; their square roots suit an SVM better. The offset limits rounding errors near 0.
    joined = add('Concat', 'join', ['stage4.mean', 'stage3.mean'], axis=1)
    add('Sqrt', 'root', [add('Add', 'offset', [joined, single('offset.value', torch.tensor([0.01]))], 'offset.out')], 'features')
    x = 'stage4.mean'
    for name, weight, bias in (('head.fc1', *net.head.folded()), ('head.fc2', net.head.fc2.weight, net.head.fc2.bias)):
        last = name == 'head.fc2'
        x = add('Gemm', name, [x, half(f'{name}.weight', weight), single(f'{name}.bias', bias)], 'logits' if last else f'{name}.out', transB=1)
        x = x if last else add('Relu', f'{name}.relu', [x], f'{name}.relu.out')
        macs += weight.numel()

    outputs = [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['N', len(classes)]),
               helper.make_tensor_value_info('features', TensorProto.FLOAT, ['N', sum(s['convs'][-1] for s in stages[2:])])]
    pixels = helper.make_tensor_value_info('pixel_values', TensorProto.FLOAT, ['N', 3, 'H', 'W'])
    graph = helper.make_graph(nodes, f'softmargin-{net.shape}', [pixels], outputs, weights, value_info=infos)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], producer_name='softmargin', ir_version=8)
    about = dict(layer='features', preprocess=dict(size=SIZE, mean=MEAN, std=STD, rescale=0.00392156862745098), classes=classes)
    helper.set_model_props(model, dict(softmargin=json.dumps(about, separators=(',', ':'))))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
    size = path.stat().st_size
    print(f'{path.name}: {sum(p.numel() for p in net.parameters()):,} parameters, {size:,} bytes, {macs / 1e6:.2f} MMAC at {SIZE}x{SIZE}')
    assert size <= SHAPES[net.shape]['max_bytes'] and macs <= SHAPES[net.shape]['max_mmac'] * 1e6, 'over the budget'


class Exported:
    """Runs the exported file with PyTorch, node by node, so that the evaluated network is the one that users get."""

    def __init__(self, path):
        self.graph = onnx.load(str(path)).graph
        self.weights = {w.name: torch.tensor(numpy_helper.to_array(w)) for w in self.graph.initializer}

    @torch.no_grad()
    def __call__(self, x, outputs):
        have = dict(self.weights, pixel_values=x)
        for node in self.graph.node:
            given = [have[name] for name in node.input]
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            have[node.output[0]] = {
                'Cast': lambda a: a.float(),
                'Conv': lambda a, w, b: F.conv2d(a, w, b, attributes['strides'], attributes['pads'][:2]),
                'Relu': F.relu,
                'Add': torch.add,
                'Concat': lambda *a: torch.cat(a, attributes['axis']),
                'Sqrt': torch.sqrt,
                'GlobalAveragePool': lambda a: a.mean((2, 3), keepdim=True),
                'Flatten': lambda a: a.flatten(1),
                'Gemm': lambda a, w, b: a @ w.T + b,
            }[node.op_type](*given)
        return [have[name] for name in outputs]

    def over(self, x, outputs, mirrored=False):
        """The outputs for all images, maps averaged over space; with `mirrored`, the mean over each image and its mirror image."""
        parts = []
        for i in range(0, len(x), 500):
            images = normalise(x[i:i + 500])
            views = [self(view, outputs) for view in ([images, images.flip(3)] if mirrored else [images])]
            means = [sum(view) / len(views) for view in zip(*views)]
            parts.append([m.mean((2, 3)) if m.ndim == 4 else m for m in means])
        return [torch.cat(column).numpy() for column in zip(*parts)]


# ---- evaluation ---------------------------------------------------------------------------------------------------

def judge(args, path, xtest, ytest):
    model = Exported(path)
    for mirrored in (False, True):
        right = (model.over(xtest, ['logits'], mirrored)[0].argmax(1) == ytest).mean()
        print(f'CIFAR-100 test, {"image and mirror" if mirrored else "image"}: {100 * right:.2f} %', flush=True)
    if not args.probe:
        return
    from sklearn.model_selection import GridSearchCV
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    x, y, _ = load(args.probe, args.work / 'probe.npz')
    learn = np.concatenate([np.flatnonzero(y == k)[:1000] for k in range(10)])
    hold = np.concatenate([np.flatnonzero(y == k)[1000:1500] for k in range(10)])
    for mirrored in (False, True):
        features = model.over(x, ['features'], mirrored)[0]
        scaler = StandardScaler().fit(features[learn])
        svc = GridSearchCV(SVC(), dict(C=[1, 3, 10]), cv=3, n_jobs=args.threads).fit(scaler.transform(features[learn]), y[learn])
        right = svc.score(scaler.transform(features[hold]), y[hold])
        print(f'CIFAR-10 photos, rbf SVM on features, C = {svc.best_params_["C"]} by cross-validation, '
              f'{"image and mirror" if mirrored else "image"}: {100 * right:.2f} %', flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--data', type=Path, required=True, help='folder with train/<class>/*.png and test/<class>/*.png')
    p.add_argument('--work', type=Path, required=True, help='folder for the decoded data and the checkpoint')
    p.add_argument('--probe', type=Path, help='folder with <class>/*.jpg of ten other classes, 1,500 a class, for the SVM')
    p.add_argument('--shape', choices=list(SHAPES), default='tiny')
    p.add_argument('--out', type=Path, required=True, help='the file to write, or with --judge-only to evaluate')
    p.add_argument('--epochs', type=int, default=60)
    p.add_argument('--minutes', type=float, help='let the schedule follow the clock instead of the epochs')
    p.add_argument('--batch', type=int, default=256)
    p.add_argument('--lr', type=float, default=0.2)
    p.add_argument('--decay', type=float, default=5e-4)
    p.add_argument('--smoothing', type=float, default=0.0)
    p.add_argument('--relight', type=float, default=0.15, help='strength of the random changes of contrast and colour')
    p.add_argument('--warm', type=float, default=0.15, help='share of the schedule in which the learning rate rises')
    p.add_argument('--mix', type=float, default=0.0, help='probability of CutMix for a batch; never in the last fifth of the schedule')
    p.add_argument('--turn', type=float, default=0.0, help='share of the images that are turned by a random number of quarters, '
                   'which the net learns to tell besides the class; none in the last tenth of the schedule')
    p.add_argument('--crop', type=int, default=SIZE, help='side of the random crops in the first part of the schedule; smaller is faster')
    p.add_argument('--crop-until', type=float, default=0.0, help='share of the schedule that uses crops of --crop pixels')
    p.add_argument('--start', type=Path, help='checkpoint whose averaged weights are the initial weights, instead of random ones')
    p.add_argument('--teacher', type=Path, nargs='*', help='exported .onnx files to distil from: their predictions and features')
    p.add_argument('--trust', type=float, default=0.5, help="weight of the teachers' predictions in the loss, from 0 to 1")
    p.add_argument('--imitate', type=float, default=0.0, help="weight of the distance from the teachers' features in the loss")
    p.add_argument('--average', type=float, default=0.998, help='decay of the moving average of the weights per step')
    p.add_argument('--judge', type=int, default=1, help='number of epochs between two evaluations on the test set')
    p.add_argument('--threads', type=int, default=os.cpu_count())
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--float32', action='store_true', help='train in float32 instead of bfloat16')
    p.add_argument('--resume', action='store_true')
    p.add_argument('--judge-only', action='store_true', help='evaluate the file --out instead of training')
    args = p.parse_args()
    # Some processors are many times slower for denormal numbers, which are frequent in backward passes late in the training.
    # Threads inherit this setting when they start.
    torch.set_flush_denormal(True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.work.mkdir(parents=True, exist_ok=True)
    x, y, classes = load(args.data / 'train', args.work / 'train.npz')
    xtest, ytest, _ = load(args.data / 'test', args.work / 'test.npz')
    if not args.judge_only:
        net = train(args, x, y, xtest, ytest, classes)
        print(f'PyTorch, before folding: {100 * accuracy(net, xtest, ytest):.2f} %')
        export(net, classes, args.out)
    judge(args, args.out, xtest, ytest)


if __name__ == '__main__':
    main()
