#!/usr/bin/python3
"""Exports vision transformers and other recent architectures, with seeded random weights, as ONNX files:

python3 scripts/vision_models.py FOLDER [NAME ...]

The architectures follow the papers and use the published module names, in small sizes. They test which layers are
found, their shapes and how their tokens are pooled. swin_t and vit_b_16 are torchvision's own. Next to each NAME.onnx,
NAME.json contains a picture, which is normalised by a mean and a standard deviation of 0.5, and PyTorch's outputs for it
at some modules, averaged like softmargin's features.

Debian: apt-get install python3-torchvision python3-onnx.
"""
import json
import pathlib
import sys

import torch
import torch.nn as nn
import torchvision


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, tokens, width))


class LayerScale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x):
        return x * self.gamma


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """Pre-norm block of timm's vision transformers; with LayerScale, that of DINOv2."""

    def __init__(self, width, heads, scale=False, activation=nn.GELU):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width), Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), activation(), nn.Linear(4 * width, width))
        self.ls1 = LayerScale(width) if scale else nn.Identity()
        self.ls2 = LayerScale(width) if scale else nn.Identity()

    def forward(self, x):
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class ViT(nn.Module):
    """timm's VisionTransformer: a class token, followed by register tokens as in DINOv2."""

    def __init__(self, classes=10, registers=0, scale=False, size=64, patch=8, width=48, heads=3, depth=4):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, width, patch, patch)
        self.cls_token = nn.Parameter(torch.randn(1, 1, width))
        self.register_tokens = nn.Parameter(torch.randn(1, registers, width)) if registers else None
        self.pos_embed = nn.Parameter(0.1 * torch.randn(1, 1 + (size // patch) ** 2, width))
        self.blocks = nn.ModuleList(Block(width, heads, scale) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes) if classes else None

    def forward(self, x):
        n = x.shape[0]
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(n, -1, -1), x], 1) + self.pos_embed
        if self.register_tokens is not None:
            x = torch.cat([x[:, :1], self.register_tokens.expand(n, -1, -1), x[:, 1:]], 1)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.head(x[:, 0]) if self.head else x


class CLIP(nn.Module):
    """CLIP's two towers: the image tower, a pre-norm transformer with a norm before it, and the text tower."""

    def __init__(self, width=48, heads=3, depth=3, size=64, patch=16, words=100, length=8, joint=32):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width))
        self.positional_embedding = nn.Parameter(torch.randn((size // patch) ** 2 + 1, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.resblocks = nn.ModuleList(Block(width, heads, activation=QuickGELU) for _ in range(depth))
        self.visual_projection = nn.Linear(width, joint, bias=False)
        self.token_embedding = nn.Embedding(words, width)
        self.text_blocks = nn.ModuleList(Block(width, heads, activation=QuickGELU) for _ in range(2))
        self.text_projection = nn.Linear(width, joint, bias=False)

    def forward(self, input_ids, pixel_values):
        n = pixel_values.shape[0]
        x = self.conv1(pixel_values).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(n, 1, -1), x], 1) + self.positional_embedding
        x = self.ln_pre(x)
        for block in self.resblocks:
            x = block(x)
        image = self.visual_projection(self.ln_post(x[:, 0]))
        t = self.token_embedding(input_ids)
        for block in self.text_blocks:
            t = block(t)
        text = self.text_projection(t[:, -1])
        image, text = image / image.norm(dim=-1, keepdim=True), text / text.norm(dim=-1, keepdim=True)
        return text @ image.T, text, image


class SigLIP(nn.Module):
    """SigLIP's image tower: no class token; a learned query attends to the patches (MAP head)."""

    def __init__(self, width=48, heads=3, depth=3, size=64, patch=8):
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, width, patch, patch)
        self.position_embedding = nn.Parameter(torch.randn(1, (size // patch) ** 2, width))
        self.layers = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.post_layernorm = nn.LayerNorm(width)
        self.probe = nn.Parameter(torch.randn(1, 1, width))
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.layernorm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = self.patch_embedding(x).flatten(2).transpose(1, 2) + self.position_embedding
        for layer in self.layers:
            x = layer(x)
        x = self.post_layernorm(x)
        pooled = self.attention(self.probe.repeat(x.shape[0], 1, 1), x, x, need_weights=False)[0]
        return x, (pooled + self.mlp(self.layernorm(pooled)))[:, 0]


def conv_bn(cin, cout, kernel, stride=1, groups=1, activation=True):
    layers = [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, *([nn.ReLU()] if activation else []))


class UniversalInvertedBottleneck(nn.Module):
    """MobileNetV4's block: a depthwise convolution before the expansion, between expansion and projection, or both."""

    def __init__(self, cin, cout, start, middle, stride=1, expand=4):
        super().__init__()
        inner = cin * expand
        layers = [conv_bn(cin, cin, start, stride if not middle else 1, cin, False)] if start else []
        layers.append(conv_bn(cin, inner, 1))
        if middle:
            layers.append(conv_bn(inner, inner, middle, stride, inner))
        layers.append(conv_bn(inner, cout, 1, activation=False))
        self.layers, self.is_residual = nn.Sequential(*layers), stride == 1 and cin == cout

    def forward(self, x):
        return x + self.layers(x) if self.is_residual else self.layers(x)


class MobileNetV4(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        uib = UniversalInvertedBottleneck
        self.conv_stem = conv_bn(3, 16, 3, 2)
        self.blocks = nn.Sequential(
            nn.Sequential(conv_bn(16, 32, 3, 2), conv_bn(32, 24, 1)),
            nn.Sequential(uib(24, 48, 5, 5, 2), uib(48, 48, 0, 3), uib(48, 48, 3, 0)),
            nn.Sequential(uib(48, 64, 3, 3, 2), uib(64, 64, 5, 5), uib(64, 64, 0, 0)),
        )
        self.conv_head, self.classifier = conv_bn(64, 96, 1), nn.Linear(96, classes)

    def forward(self, x):
        return self.classifier(self.conv_head(self.blocks(self.conv_stem(x))).mean((2, 3)))


class MobileViTBlock(nn.Module):
    """MobileViT's block: convolutions, a transformer over unfolded patches of 2 x 2, folded back and joined."""

    def __init__(self, channels, width, depth, heads=2):
        super().__init__()
        self.conv_kxk, self.conv_1x1 = conv_bn(channels, channels, 3), nn.Conv2d(channels, width, 1, bias=False)
        self.transformer = nn.Sequential(*[Block(width, heads, activation=nn.SiLU) for _ in range(depth)])
        self.norm, self.conv_proj = nn.LayerNorm(width), conv_bn(width, channels, 1)
        self.conv_fusion = conv_bn(2 * channels, channels, 3)

    def forward(self, x):
        y = self.conv_1x1(self.conv_kxk(x))
        n, c, h, w = y.shape
        y = y.reshape(n * c * (h // 2), 2, w // 2, 2).transpose(1, 2).reshape(n, c, h * w // 4, 4).transpose(1, 3)
        y = self.norm(self.transformer(y.reshape(n * 4, h * w // 4, c)))
        y = y.reshape(n, 4, h * w // 4, c).transpose(1, 3).reshape(n * c * (h // 2), w // 2, 2, 2)
        y = self.conv_proj(y.transpose(1, 2).reshape(n, c, h, w))
        return self.conv_fusion(torch.cat([x, y], 1))


class MobileViT(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = conv_bn(3, 16, 3, 2)
        self.stages = nn.Sequential(
            UniversalInvertedBottleneck(16, 24, 0, 3, 2),
            nn.Sequential(UniversalInvertedBottleneck(24, 32, 0, 3, 2), MobileViTBlock(32, 48, 2)),
            nn.Sequential(UniversalInvertedBottleneck(32, 40, 0, 3, 2), MobileViTBlock(40, 56, 2)),
        )
        self.final_conv, self.head = conv_bn(40, 80, 1), nn.Linear(80, classes)

    def forward(self, x):
        return self.head(self.final_conv(self.stages(self.stem(x))).mean((2, 3)))


def torchvision_model(name):
    return lambda: getattr(torchvision.models, name)(weights=None)


# By name: the model, the side of its input, and the modules whose outputs are compared.
MODELS = {
    'vit': (ViT, 64, ['patch_embed', 'blocks.0', 'blocks.1', 'blocks.3', 'norm']),
    'dinov2_registers': (lambda: ViT(0, registers=4, scale=True), 64, ['patch_embed', 'blocks.0', 'blocks.1', 'blocks.3', 'norm']),
    'clip': (CLIP, 64, ['conv1', 'ln_pre', 'resblocks.0', 'resblocks.2', 'ln_post']),
    'siglip': (SigLIP, 64, ['patch_embedding', 'layers.0', 'layers.1', 'layers.2', 'post_layernorm']),
    'mobilenetv4': (MobileNetV4, 64, ['conv_stem', 'blocks.0', 'blocks.1', 'blocks.2', 'conv_head']),
    'mobilevit': (MobileViT, 64, ['stem', 'stages.0', 'stages.1', 'stages.2', 'final_conv']),
    'swin_t': (torchvision_model('swin_t'), 224, ['features.0', 'features.1.1', 'features.3.1', 'features.5.5', 'norm']),
    'vit_b_16': (torchvision_model('vit_b_16'), 224, ['conv_proj', 'encoder.layers.encoder_layer_0', 'encoder.layers.encoder_layer_5',
                                                      'encoder.layers.encoder_layer_11', 'encoder.ln']),
    'convnext_tiny': (torchvision_model('convnext_tiny'), 224, ['features.0', 'features.1.2', 'features.3.2', 'features.5.8', 'features.7.2']),
    'efficientnet_b0': (torchvision_model('efficientnet_b0'), 224, ['features.1', 'features.2', 'features.4', 'features.6', 'features.8']),
}


def pooled(name, x, prefix):
    """Averages like softmargin's features: over maps, or over patch tokens, without class and register tokens."""
    if x.ndim == 3:
        return x[:, prefix:].mean(1)
    is_last = name == 'swin_t'
    return x.mean((1, 2) if is_last else (2, 3)) if x.ndim == 4 else x


def randomise(model):
    """Replaces the statistics and scales of a fresh model, so that no branch vanishes."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1), module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.8, 1.2), module.bias.data.normal_(0, 0.1)
        if isinstance(module, nn.LayerNorm):
            module.weight.data.uniform_(0.8, 1.2), module.bias.data.normal_(0, 0.1)


def export(name, folder):
    make, size, modules = MODELS[name]
    torch.manual_seed(0)
    model = make().eval()
    randomise(model)
    picture = torch.randint(0, 256, (size, size, 3))  # The layout of softmargin's raw images: rows of RGB pixels.
    pixels = ((picture / 255 - 0.5) / 0.5).permute(2, 0, 1)[None].contiguous()
    inputs = {'pixel_values': pixels}
    if name == 'clip':
        inputs = {'input_ids': torch.randint(0, 100, (2, 8)), **inputs}
    axes = {'pixel_values': {0: 'batch'}, **({'input_ids': {0: 'texts'}} if name == 'clip' else {})}
    outputs = {'clip': ['logits_per_text', 'text_embeds', 'image_embeds'], 'siglip': ['last_hidden_state', 'pooler_output'],
               'dinov2_registers': ['last_hidden_state']}.get(name, ['logits'])
    torch.onnx.export(model, tuple(inputs.values()), str(folder / f'{name}.onnx'), opset_version=14, input_names=list(inputs),
                      output_names=outputs, dynamic_axes={**axes, **{output: {0: 'batch'} for output in outputs}})
    answers, prefix = {}, {'vit': 1, 'dinov2_registers': 5, 'clip': 1, 'vit_b_16': 1}.get(name, 0)
    hooks = [model.get_submodule(module).register_forward_hook(lambda _, __, y, module=module: answers.setdefault(module, y))
             for module in modules]
    with torch.no_grad():
        model(*inputs.values())
    for hook in hooks:
        hook.remove()
    layers = [{'module': module, 'shape': list(answers[module].shape[1:]), 'features': pooled(name, answers[module], prefix)[0].tolist()}
              for module in modules]
    (folder / f'{name}.json').write_text(json.dumps({'size': size, 'picture': picture.flatten().tolist(), 'prefixTokens': prefix,
                                                     'layers': layers}))
    print(name, sum(p.numel() for p in model.parameters()), flush=True)


if __name__ == '__main__':
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for each in sys.argv[2:] or MODELS:
        export(each, target)
