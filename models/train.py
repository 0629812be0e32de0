#!/usr/bin/env python3
"""Trains a CNN on CIFAR-100 and writes its .onnx file. Each model's README.md says how it was run and what it scored."""
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
STAGES = [
    dict(convs=[16], blocks=[16]),
    dict(convs=[48], blocks=[48]),
    dict(convs=[96], blocks=[96]),
    dict(convs=[192], blocks=[72]),
]
SIZE = 32
# The budget of a file, and of the multiply-adds (in millions) for SIZE x SIZE pixels.
MAX_BYTES = 1_500_000
MAX_MMAC = 40
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


def floats(x):
    """uint8 [n, h, w, 3] -> float [n, 3, h, w] of 0 to 1. The memory stays channels-last: faster on CPUs."""
    return torch.as_tensor(x).float().div_(255).permute(0, 3, 1, 2)


def centred(images):
    """Floats of 0 to 1 as the network reads them: with the mean and the standard deviation of each channel taken out."""
    return (images - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


def normalise(x):
    """uint8 [n, h, w, 3] -> float [n, 3, h, w], as the network reads it."""
    return centred(floats(x))


def sized(images, size):
    """Images of size x size pixels, bilinearly, as ONNX's Resize makes them."""
    return images if images.shape[-1] == size else F.interpolate(images, size=(size, size), mode='bilinear', align_corners=False)


def augmented(padded, rows):
    """Crops each padded image at random to its own size and mirrors half of the images, in one gather."""
    n, room, line = len(rows), padded.shape[1] - SIZE + 1, torch.arange(SIZE)
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


def distorted(images, size, much):
    """Views of images [n, 3, h, w] of 0 to 1, for a contrastive loss (SimCLR: T. Chen and others, ICML 2020).

    Each is a random part of the image, between 1 - 0.55 much and 1.15 of its sides, a little stretched, mirrored or not, at size x
    size pixels; and its saturation, contrast, brightness and the brightness of each channel are changed. The result is `centred`.
    """
    n = len(images)
    low, high = math.log(1 - 0.55 * much), math.log(1.15)
    zoom, stretch = torch.exp(torch.rand(n) * (high - low) + low), torch.exp((torch.rand(n) - 0.5) * 0.25)
    sides = torch.stack([zoom * stretch, zoom / stretch], 1)
    place = torch.zeros(n, 2, 3)
    place[:, 0, 0], place[:, 1, 1] = sides[:, 0] * torch.where(torch.rand(n) < 0.5, -1.0, 1.0), sides[:, 1]
    place[:, :, 2] = (torch.rand(n, 2) * 2 - 1) * ((1 - sides).abs() + 0.12).clamp(max=1)
    grid = F.affine_grid(place, (n, 3, size, size), align_corners=False)
    images = F.grid_sample(images, grid, mode='bilinear', padding_mode='reflection', align_corners=False)

    def factor(strength, *shape):
        return 1 + strength * much * (torch.rand(n, *shape) * 2 - 1)

    grey = (images * torch.tensor([0.3, 0.59, 0.11]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    colour = torch.where(torch.rand(n, 1, 1, 1) < 0.2 * much, torch.zeros(()), factor(0.8, 1, 1, 1))
    images = grey + colour * (images - grey)
    middle = images.mean((1, 2, 3), keepdim=True)
    images = middle + (images - middle) * factor(0.6, 1, 1, 1)
    return centred((images * factor(0.4, 1, 1, 1) * factor(0.15, 3, 1, 1)).clamp(0, 1))


def contrast(first, second, heat=0.2):
    """SimCLR's loss NT-Xent: each of the first outputs has to find the other view of its image among all outputs, and vice versa."""
    n, outputs = len(first), F.normalize(torch.cat([first, second]), dim=1)
    alike = (outputs @ outputs.T / heat).fill_diagonal_(-1e9)
    return F.cross_entropy(alike, torch.cat([torch.arange(n, 2 * n), torch.arange(n)]))


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
    """A network that reads pictures of 32 x 32 pixels and enlarges them to `size`; `features` and `forward` take enlarged ones."""

    def __init__(self, classes, size=SIZE):
        super().__init__()
        self.size = size
        widths = [3] + [s['convs'][-1] for s in STAGES]
        self.stages = nn.ModuleList(Stage(widths[i], stride=2 if i else 1, **s) for i, s in enumerate(STAGES))
        self.width = widths[-1]
        self.head = Head(self.width, classes)

    def features(self, x):
        for stage in self.stages:
            x = stage(x)
        return x.mean((2, 3))

    def forward(self, x):
        return self.head(self.features(x))


def unfolded(net, path, images):
    """Gives a network the weights of an exported file, which has its BatchNorms folded into them.

    The BatchNorms get the statistics of `images`. The norm of a filter, which a BatchNorm behind it takes back, becomes 2.5 times
    that of random weights, because the learning rates are made for such norms.
    """
    weights = Exported(path).weights

    def hooked(layer, bn, name, random):
        weight, bias = weights[f'{name}.weight.f16'].float(), weights[f'{name}.bias']
        norms = weight.flatten(1).norm(dim=1).clamp(min=1e-6)
        factor = random * math.sqrt(weight[0].numel()) / norms
        layer.weight.data.copy_(weight * factor.view(-1, *[1] * (weight.ndim - 1)))

        def calibrate(_, __, out):
            dims = (0, 2, 3) if out.ndim == 4 else (0,)
            bn.running_mean.copy_(out.mean(dims))
            bn.running_var.copy_(out.var(dims, unbiased=False))
            bn.weight.data.copy_(torch.sqrt(bn.running_var + bn.eps) / factor)
            bn.bias.data.copy_(bias + bn.running_mean / factor)

        return layer.register_forward_hook(calibrate)

    hooks = []
    for s, stage in enumerate(net.stages, 1):
        parts = [(f'stage{s}.conv{i}', m) for i, m in enumerate(stage.convs, 1)]
        parts += [(f'stage{s}.block{i}.{n}', getattr(b, n)) for i, b in enumerate(stage.blocks, 1) for n in ('conv1', 'conv2')]
        for name, m in parts:
            hooks.append(hooked(m.conv, m.bn, name, 2.5 * math.sqrt(2 / (m.conv.weight.shape[0] * 9))))
    head = net.head
    hooks.append(hooked(head.fc1, head.bn, 'head.fc1', 1 / math.sqrt(3 * head.fc1.weight.shape[1])))
    head.fc2.weight.data.copy_(weights['head.fc2.weight.f16'].float())
    head.fc2.bias.data.copy_(weights['head.fc2.bias'])
    with torch.no_grad():
        net.eval()(images)
    for hook in hooks:
        hook.remove()
    net.train()


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
    net = Net(len(classes), args.size)
    if args.start and args.start.suffix == '.onnx':
        unfolded(net, args.start, sized(normalise(x[torch.randperm(len(x))[:2000].numpy()]), args.size))
    elif args.start:
        net.load_state_dict(torch.load(args.start)['parts'][1])
    net = net.to(memory_format=torch.channels_last)
    mean_net = copy.deepcopy(net)
    taught = lessons(args.teacher, x) if args.teacher else None
    adapter = nn.Linear(net.width, taught[1].shape[1] if taught else 1)
    projector = nn.Sequential(nn.Linear(net.width, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 128))
    parameters = [*net.parameters(), *adapter.parameters(), *projector.parameters()]
    decay = [p for p in parameters if p.ndim > 1]
    plain = [p for p in parameters if p.ndim <= 1]
    opt = torch.optim.SGD([dict(params=decay, weight_decay=args.decay), dict(params=plain, weight_decay=0)], lr=0.1, momentum=0.9, nesterov=True)
    padded = torch.as_tensor(np.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0)), mode='reflect'))
    y, epoch, elapsed, progress = torch.as_tensor(y), 0, 0.0, 0.0
    checkpoint = args.work / 'checkpoint.pt'
    if args.resume and checkpoint.exists():
        state = torch.load(checkpoint)
        for part, saved in zip((net, mean_net, opt, adapter, projector), state['parts']):
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
            labels, lesson = F.one_hot(y[rows], len(classes)).float(), [part[rows] for part in taught] if taught else None
            if args.contrast:
                images = torch.cat([distorted(floats(x[rows.numpy()]), args.size, args.distort) for _ in range(2)])
                labels, lesson = labels.repeat(2, 1), lesson and [part.repeat(2, 1) for part in lesson]
            else:
                images = sized(normalise(augmented(padded, rows)), args.size)
            images = relit(images, args.relight)
            if progress < 0.8 and torch.rand(()).item() < args.mix:
                images, other, own = cut_and_mixed(images)
                labels = own * labels + (1 - own) * labels[other]
                lesson = lesson and [own * part + (1 - own) * part[other] for part in lesson]
            images = images.contiguous(memory_format=torch.channels_last)
            with torch.autocast('cpu', dtype=torch.bfloat16, enabled=not args.float32):
                features = net.features(images)
                logits = net.head(features)
            loss = loss_of(logits.float(), features.float(), labels, lesson, adapter, args)
            if args.contrast:
                loss = loss + args.contrast * contrast(*projector(features.float()).chunk(2))
            opt.zero_grad()
            loss.backward()
            if args.clip:
                nn.utils.clip_grad_norm_(parameters, args.clip)
            opt.step()
            with torch.no_grad():
                for average, now in zip(mean_net.state_dict().values(), net.state_dict().values()):
                    average.lerp_(now, 1 - args.average) if average.is_floating_point() else average.copy_(now)
            total, hits, seen = total + loss.item(), hits + (logits.argmax(1) == labels.argmax(1)).float().mean().item(), seen + 1
        epoch, elapsed = epoch + 1, time.time() - start
        if seen:
            told = f'{100 * accuracy(mean_net, xtest, ytest):.2f} %' if epoch % args.judge == 0 or progress >= 1 else '-'
            print(f'epoch {epoch}  {elapsed / 60:.1f} min  progress {progress:.3f}  loss {total / seen:.3f}  '
                  f'train {100 * hits / seen:.2f} %  test {told}', flush=True)
        state = dict(parts=[m.state_dict() for m in (net, mean_net, opt, adapter, projector)], epoch=epoch, elapsed=elapsed,
                     progress=progress, rng=torch.get_rng_state())
        torch.save(state, f'{checkpoint}.new')
        os.replace(f'{checkpoint}.new', checkpoint)
    return mean_net


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    hits = sum((net(sized(normalise(x[i:i + 500]), net.size)).argmax(1).numpy() == y[i:i + 500]).sum() for i in range(0, len(x), 500))
    return hits / len(x)


# ---- export -------------------------------------------------------------------------------------------------------

def export(net, classes, path):
    """Writes the ONNX graph node by node, to control its names. Weights are float16, all arithmetic is float32."""
    nodes, weights, infos, macs = [], [], [], 0

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

    x, side, height, width = 'pixel_values', net.size, 'H', 'W'
    if net.size != SIZE:
        scales = single('enlarge.scales', torch.tensor([1, 1, net.size / SIZE, net.size / SIZE]))
        height, width = 'enlarged H', 'enlarged W'
        x = add('Resize', 'enlarge', [x, '', scales], 'pixels', mode='linear', coordinate_transformation_mode='half_pixel')
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
        shape = ['N', STAGES[s - 1]['convs'][-1], f'{height}{side_name}', f'{width}{side_name}']
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
               helper.make_tensor_value_info('features', TensorProto.FLOAT, ['N', sum(s['convs'][-1] for s in STAGES[2:])])]
    pixels = helper.make_tensor_value_info('pixel_values', TensorProto.FLOAT, ['N', 3, 'H', 'W'])
    graph = helper.make_graph(nodes, f'softmargin-{path.stem}', [pixels], outputs, weights, value_info=infos)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], producer_name='softmargin', ir_version=8)
    about = dict(layer='features', preprocess=dict(size=SIZE, mean=MEAN, std=STD, rescale=0.00392156862745098), classes=classes)
    helper.set_model_props(model, dict(softmargin=json.dumps(about, separators=(',', ':'))))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
    size = path.stat().st_size
    print(f'{path.name}: {sum(p.numel() for p in net.parameters()):,} parameters, {size:,} bytes, {macs / 1e6:.2f} MMAC at {net.size}x{net.size}')
    assert size <= MAX_BYTES and macs <= MAX_MMAC * 1e6 * (net.size / SIZE) ** 2, 'over the budget'


class Exported:
    """Runs the exported file with PyTorch, node by node, so that the evaluated network is the one that users get."""

    def __init__(self, path):
        self.graph = onnx.load(str(path)).graph
        self.weights = {w.name: torch.tensor(numpy_helper.to_array(w)) for w in self.graph.initializer}

    @torch.no_grad()
    def __call__(self, x, outputs):
        have = dict(self.weights, pixel_values=x)
        for node in self.graph.node:
            given = [have.get(name) for name in node.input]
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            have[node.output[0]] = {
                'Cast': lambda a: a.float(),
                'Conv': lambda a, w, b: F.conv2d(a, w, b, attributes['strides'], attributes['pads'][:2]),
                'Relu': F.relu,
                'Add': torch.add,
                'Concat': lambda *a: torch.cat(a, attributes['axis']),
                'Sqrt': torch.sqrt,
                'Mul': torch.mul,
                'Resize': lambda a, _, scales: sized(a, round(a.shape[-1] * scales[-1].item())),
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
    p.add_argument('--size', type=int, default=SIZE, help='side to which the network enlarges the pictures of 32 x 32 pixels that it is '
                   'given')
    p.add_argument('--contrast', type=float, default=0.0, help='weight of a contrastive loss, for which each batch has two views of its '
                   'images; 0 for one view and none')
    p.add_argument('--distort', type=float, default=0.5, help='strength of the distortions of those views, 0 to 1')
    p.add_argument('--clip', type=float, default=0.0, help='largest norm of the gradient; 0 for any')
    p.add_argument('--start', type=Path, help='checkpoint whose averaged weights are the initial weights, or an .onnx file of this script, '
                   'instead of random ones')
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
