"""Small PyTorch nets of the usual kinds of layers, for exports.py."""

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 5


class Does(nn.Module):
    """A function of what the layers gave, or with `parts` a function of them and the inputs."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            if isinstance(part, torch.Tensor):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)
        self.has_parts = bool(parts)

    def forward(self, *inputs):
        return self.function(self, *inputs) if self.has_parts else self.function(*inputs)


def chain(*layers):
    """Layers one after the other; plain functions are layers too."""
    return nn.Sequential(*[layer if isinstance(layer, nn.Module) else Does(layer) for layer in layers])


def head(features, width=CLASSES):
    return chain(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, width))


def dense(*layers):
    """A classifier of rows of 12 numbers, 16 units in the middle."""
    return chain(nn.Linear(12, 16), *layers, nn.Linear(16, CLASSES))


def conv(*layers, features=8):
    """A classifier of pictures of 3 × 16 × 16."""
    return chain(nn.Conv2d(3, 8, 3, padding=1), *layers, head(features))


def normed(width):
    """Batch normalization whose statistics are not those of a new layer."""
    layer = nn.BatchNorm2d(width)
    nn.init.uniform_(layer.weight, 0.5, 1.5)
    nn.init.normal_(layer.bias)
    nn.init.normal_(layer.running_mean)
    nn.init.uniform_(layer.running_var, 0.5, 2)
    return layer


def block(width, *layers):
    return Does(
        lambda self, x: F.relu(x + self.inner(x)),
        inner=(
            chain(*layers)
            if layers
            else chain(
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                normed(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 1),
                normed(width),
            )
        ),
    )


def squeezed(width):
    return Does(
        lambda self, x: x * self.gate(x),
        gate=chain(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, 2, 1), nn.ReLU(), nn.Conv2d(2, width, 1), nn.Sigmoid()),
    )


def attended(self, x):
    y, _ = self.attention(x, x, x)
    return self.out((x + y).mean(1))


def recurrent(kind, **options):
    size = 10 * (2 if options.get("bidirectional") else 1)
    return Does(
        lambda self, x: self.out(self.net(x)[0][:, -1]),
        net=kind(6, 10, batch_first=True, **options),
        out=nn.Linear(size, CLASSES),
    )


def last_state(self, x):
    _, (h, _) = self.net(x)
    return self.out(torch.cat([h[-2], h[-1]], 1))


def heads(self, x):
    """Attention as a user writes it."""
    batch, length, width = x.shape
    q, k, v = self.qkv(x).reshape(batch, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
    weights = (q @ k.transpose(-2, -1) * (width // 2) ** -0.5).softmax(-1)
    return self.out((weights @ v).transpose(1, 2).reshape(batch, length, width).mean(1))


def causal(self, x):
    y = F.scaled_dot_product_attention(x, x, x, is_causal=True)
    return self.out(y[:, -1])


def masked(self, ids, mask):
    """A text classifier: words, positions, a layer of a transformer, the mean of what the mask leaves."""
    x = self.words(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
    x = self.layer(x, src_key_padding_mask=mask == 0)
    shown = mask.unsqueeze(-1).to(x.dtype)
    return self.out((x * shown).sum(1) / shown.sum(1).clamp(min=1e-9))


def patches(self, x):
    x = self.cut(x).flatten(2).transpose(1, 2)
    x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
    return self.out(self.norm(self.layers(x))[:, 0])


def mixer(self, x):
    x = self.cut(x).flatten(2).transpose(1, 2)
    x = x + self.tokens(self.first(x).transpose(1, 2)).transpose(1, 2)
    return self.out((x + self.channels(self.second(x))).mean(1))


def windows(self, x):
    """Shifted windows of 4 × 4, as Swin has them."""
    batch, width, height, breadth = x.shape
    x = torch.roll(x, (-2, -2), (2, 3)).view(batch, width, height // 4, 4, breadth // 4, 4)
    x = x.permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, width)
    x = self.layer(x).view(batch, height // 4, breadth // 4, 4, 4, width).permute(0, 5, 1, 3, 2, 4)
    return self.out(torch.roll(x.reshape(batch, width, height, breadth), (2, 2), (2, 3)))


def valley(self, x):
    """A net that goes down and up again, with a way across."""
    a = self.down(x)
    b = self.deep(F.max_pool2d(a, 2))
    return self.out(torch.cat([a, F.interpolate(b, scale_factor=2.0, mode="bilinear", align_corners=False)], 1))


def shuffle(x):
    batch, width, height, breadth = x.shape
    return x.view(batch, 2, width // 2, height, breadth).transpose(1, 2).contiguous().view(batch, width, height, breadth)


def grid(self, x):
    """A spatial transformer."""
    theta = self.where(x).view(-1, 2, 3)
    return self.out(F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False), align_corners=False))


def nets():
    """Name, what makes the net, and the shapes of one example; an integer in place of a shape is how many words there are."""
    rows, pictures, series = [(12,)], [(3, 16, 16)], [(9, 6)]
    words = [((7,), 50)]
    encoder = lambda **more: nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, **more)
    for name, layer in {
        "relu": nn.ReLU(),
        "gelu": nn.GELU(),
        "gelu-tanh": nn.GELU("tanh"),
        "silu": nn.SiLU(),
        "mish": nn.Mish(),
        "elu": nn.ELU(),
        "selu": nn.SELU(),
        "celu": nn.CELU(0.7),
        "softplus": nn.Softplus(),
        "leaky": nn.LeakyReLU(0.1),
        "prelu": nn.PReLU(16),
        "hardswish": nn.Hardswish(),
        "hardsigmoid": nn.Hardsigmoid(),
        "relu6": nn.ReLU6(),
        "hardtanh": nn.Hardtanh(-0.5, 0.5),
        "logsigmoid": nn.LogSigmoid(),
        "softsign": nn.Softsign(),
        "tanhshrink": nn.Tanhshrink(),
        "hardshrink": nn.Hardshrink(0.2),
        "threshold": nn.Threshold(0.1, 0.0),
    }.items():
        yield f"mlp {name}", lambda layer=layer: dense(layer), rows
    yield "mlp dropout", lambda: dense(nn.ReLU(), nn.Dropout(0.5)), rows
    yield "mlp alpha dropout", lambda: dense(nn.SELU(), nn.AlphaDropout(0.2)), rows
    yield "mlp batch norm", lambda: dense(nn.BatchNorm1d(16), nn.ReLU()), rows
    yield "mlp layer norm", lambda: dense(nn.LayerNorm(16), nn.ReLU()), rows
    yield "mlp rms norm", lambda: dense(nn.RMSNorm(16), nn.ReLU()), rows
    yield "mlp glu", lambda: chain(nn.Linear(12, 32), nn.GLU(), nn.Linear(16, CLASSES)), rows
    yield "mlp maxout", lambda: chain(nn.Linear(12, 32), lambda x: x.view(-1, 16, 2).max(-1).values, nn.Linear(16, CLASSES)), rows
    yield "mlp weight norm", lambda: chain(
        nn.utils.parametrizations.weight_norm(nn.Linear(12, 16)), nn.ReLU(), nn.Linear(16, CLASSES)
    ), rows
    yield "mlp standardized", lambda: Does(
        lambda self, x: self.net((x - self.mean) / self.deviation),
        net=dense(nn.ReLU()),
        mean=torch.randn(12),
        deviation=torch.rand(12) + 0.5,
    ), rows
    yield "mlp fourier", lambda: Does(
        lambda self, x: self.out(torch.cat([torch.sin(x @ self.b), torch.cos(x @ self.b)], -1)),
        b=torch.randn(12, 8),
        out=nn.Linear(16, CLASSES),
    ), rows
    yield "mlp powers", lambda: chain(lambda x: torch.stack([x, x**2, x**3], -1).flatten(1), nn.Linear(36, CLASSES)), rows
    yield "mlp bilinear", lambda: Does(lambda self, x: self.both(x, x), both=nn.Bilinear(12, 12, CLASSES)), rows
    yield "mlp chunks", lambda: Does(
        lambda self, x: self.out(x.chunk(2, 1)[0] * x.split([6, 6], 1)[1]), out=nn.Linear(6, CLASSES)
    ), rows
    yield "cosine head", lambda: Does(
        lambda self, x: 8 * F.normalize(x) @ F.normalize(self.w).t(), w=torch.randn(CLASSES, 12)
    ), rows
    yield "prototypes", lambda: Does(lambda self, x: -torch.cdist(x, self.w), w=torch.randn(CLASSES, 12)), rows
    yield "softmax head", lambda: chain(dense(nn.ReLU()), nn.Softmax(dim=1)), rows
    yield "log softmax head", lambda: chain(dense(nn.ReLU()), nn.LogSoftmax(dim=-1)), rows
    yield "sigmoid head", lambda: chain(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid()), rows
    yield "sigmoid head squeezed", lambda: chain(nn.Linear(12, 1), lambda x: torch.sigmoid(x).squeeze(-1)), rows
    yield "labels sigmoid", lambda: chain(dense(nn.Tanh()), nn.Sigmoid()), rows
    yield "regression", lambda: chain(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 1)), rows
    yield "regression squeezed", lambda: chain(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 1), lambda x: x.squeeze()), rows
    yield "gaussian regression", lambda: Does(
        lambda self, x: torch.cat([self.m(x), self.v(x).clamp(-6, 6)], 1), m=nn.Linear(12, 1), v=nn.Linear(12, 1)
    ), rows
    yield "logsumexp mixture", lambda: Does(
        lambda self, x: torch.logsumexp(torch.stack([self.a(x), self.b(x)]), 0),
        a=nn.Linear(12, CLASSES),
        b=nn.Linear(12, CLASSES),
    ), rows
    yield "two inputs", lambda: Does(
        lambda self, x, t: self.out(torch.cat([self.a(x).flatten(1), self.b(t)], 1)),
        a=chain(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1)),
        b=nn.Linear(12, 4),
        out=nn.Linear(8, CLASSES),
    ), [(3, 16, 16), (12,)]
    flat = 8 * 8 * 8
    yield "conv view(size, -1)", lambda: chain(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), lambda x: x.view(x.size(0), -1), nn.Linear(flat, CLASSES)
    ), pictures
    yield "conv view(1, -1)", lambda: chain(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), lambda x: x.view(1, -1), nn.Linear(flat, CLASSES)
    ), pictures
    yield "conv view(-1, n)", lambda: chain(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), lambda x: x.view(-1, flat), nn.Linear(flat, CLASSES)
    ), pictures
    for name, layers in {
        "batch norm": (normed(8), nn.ReLU(), nn.MaxPool2d(2)),
        "overlapping max": (nn.MaxPool2d(3, 2, padding=1),),
        "ceil max": (nn.MaxPool2d(3, 2, ceil_mode=True),),
        "dilated max": (nn.MaxPool2d(3, 1, dilation=2),),
        "average": (nn.AvgPool2d(2),),
        "ceil average": (nn.AvgPool2d(3, 2, padding=1, ceil_mode=True),),
        "average without padding": (nn.AvgPool2d(3, 2, 1, count_include_pad=False),),
        "lp pool": (nn.ReLU(), nn.LPPool2d(2, 2)),
        "adaptive average": (nn.AdaptiveAvgPool2d((4, 4)),),
        "adaptive uneven": (nn.AdaptiveAvgPool2d((5, 3)),),
        "adaptive max": (nn.AdaptiveMaxPool2d(2),),
        "group norm": (nn.GroupNorm(4, 8),),
        "instance norm": (nn.InstanceNorm2d(8, affine=True),),
        "local response": (nn.LocalResponseNorm(3),),
        "residual": (normed(8), nn.ReLU(), block(8)),
        "squeeze and excite": (squeezed(8),),
        "depthwise": (nn.Conv2d(8, 8, 3, groups=8, padding=1), normed(8), nn.Conv2d(8, 8, 1)),
        "dilated": (nn.Conv2d(8, 8, 3, dilation=2, padding=2), nn.ReLU()),
        "grouped": (nn.Conv2d(8, 8, 3, groups=2, stride=2),),
        "same padding": (nn.Conv2d(8, 8, 4, padding="same"), nn.ReLU()),
        "reflect": (nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),),
        "circular": (nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular"),),
        "replicate": (nn.ReplicationPad2d(2), nn.Conv2d(8, 8, 3)),
        "zero padding": (nn.ZeroPad2d((1, 2, 0, 1)), nn.ReLU()),
        "cropped": (lambda x: F.pad(x, (-1, -2, -1, 0)),),
        "transposed": (nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1), nn.ReLU()),
        "upsampled": (nn.Upsample(scale_factor=2), nn.ReLU()),
        "interpolated to a size": (lambda x: F.interpolate(x, (24, 20)),),
        "bilinear": (lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear"),),
        "aligned bilinear": (lambda x: F.interpolate(x, (31, 31), mode="bilinear", align_corners=True),),
        "bicubic": (lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),),
        "antialiased": (lambda x: F.interpolate(x, (7, 7), mode="bilinear", antialias=True),),
        "channel shuffle": (shuffle,),
        "flips": (lambda x: x + x.flip(3) + x.flip([2, 3]),),
        "slices": (lambda x: x[:, ::2].repeat(1, 2, 1, 1) * x[..., :, :],),
        "channel order": (lambda x: x[:, [3, 1, 0, 2, 7, 6, 5, 4]],),
        "checkerboard": (lambda x: torch.where(x > 0.1, x, -x) + x.masked_fill(x < 0, 0.5),),
        "statistics": (
            lambda x: (x - x.mean((2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 1e-3) + x.var(1, keepdim=True),
        ),
        "dropout": (nn.ReLU(), nn.Dropout2d(0.3)),
        "hard swish": (nn.Hardswish(), squeezed(8), nn.Hardsigmoid()),
    }.items():
        yield f"conv {name}", lambda layers=layers: conv(*layers), pictures
    yield "conv pixel shuffle", lambda: conv(nn.PixelShuffle(2), features=2), pictures
    yield "conv pixel unshuffle", lambda: conv(nn.PixelUnshuffle(2), features=32), pictures
    yield "conv joined branches", lambda: Does(
        lambda self, x: self.out(torch.cat([self.a(x), self.b(x), F.max_pool2d(x, 3, 1, 1)], 1)),
        a=nn.Conv2d(3, 4, 1),
        b=nn.Conv2d(3, 4, 5, padding=2),
        out=head(11),
    ), pictures
    yield "convnext", lambda: conv(
        Does(
            lambda self, x: x
            + self.scale * self.two(F.gelu(self.one(self.norm(self.deep(x).permute(0, 2, 3, 1))))).permute(0, 3, 1, 2),
            deep=nn.Conv2d(8, 8, 7, padding=3, groups=8),
            norm=nn.LayerNorm(8),
            one=nn.Linear(8, 16),
            two=nn.Linear(16, 8),
            scale=torch.rand(8, 1, 1),
        )
    ), pictures
    yield "valley", lambda: Does(
        valley, down=chain(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()), deep=nn.Conv2d(8, 8, 3, padding=1), out=head(16)
    ), pictures
    yield "unfolded", lambda: chain(
        lambda x: F.unfold(x, 4, stride=4).transpose(1, 2), nn.Linear(48, 8), lambda x: x.amax(1), nn.Linear(8, CLASSES)
    ), pictures
    yield "spatial transformer", lambda: Does(
        grid, where=chain(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(48, 6)), out=head(3)
    ), pictures
    yield "vision transformer", lambda: Does(
        patches,
        cut=nn.Conv2d(3, 16, 4, 4),
        token=torch.randn(1, 1, 16),
        places=torch.randn(1, 17, 16),
        layers=nn.TransformerEncoder(encoder(norm_first=True, activation="gelu"), 2, enable_nested_tensor=False),
        norm=nn.LayerNorm(16),
        out=nn.Linear(16, CLASSES),
    ), pictures
    yield "mixer", lambda: Does(
        mixer,
        cut=nn.Conv2d(3, 16, 4, 4),
        first=nn.LayerNorm(16),
        second=nn.LayerNorm(16),
        out=nn.Linear(16, CLASSES),
        tokens=chain(nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 16)),
        channels=chain(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16)),
    ), pictures
    yield "shifted windows", lambda: Does(windows, layer=encoder(), out=head(16)), [(16, 8, 8)]
    yield "conv of series", lambda: chain(
        nn.Conv1d(9, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(24, CLASSES)
    ), series
    yield "conv of volumes", lambda: chain(
        nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, CLASSES)
    ), [(1, 6, 6, 6)]
    for name, kind, options in [
        ("lstm", nn.LSTM, {}),
        ("gru", nn.GRU, {}),
        ("rnn", nn.RNN, {}),
        ("rnn relu", nn.RNN, {"nonlinearity": "relu"}),
        ("lstm of two layers", nn.LSTM, {"num_layers": 2}),
        ("lstm both ways", nn.LSTM, {"bidirectional": True}),
        ("gru both ways", nn.GRU, {"bidirectional": True}),
    ]:
        yield name, lambda kind=kind, options=options: recurrent(kind, **options), series
    yield "lstm states", lambda: Does(
        last_state, net=nn.LSTM(6, 10, batch_first=True, bidirectional=True), out=nn.Linear(20, CLASSES)
    ), series
    yield "attention", lambda: Does(
        attended, attention=nn.MultiheadAttention(6, 2, batch_first=True), out=nn.Linear(6, CLASSES)
    ), series
    yield "attention by hand", lambda: Does(heads, qkv=nn.Linear(6, 18), out=nn.Linear(6, CLASSES)), series
    yield "causal attention", lambda: Does(causal, out=nn.Linear(6, CLASSES)), series
    yield "einsum", lambda: Does(
        lambda self, x: self.out(torch.einsum("bij,bkj->bik", x, x).softmax(-1).mean(1)), out=nn.Linear(9, CLASSES)
    ), series
    yield "running sums", lambda: Does(
        lambda self, x: self.out(x.cumsum(1)[:, -1] + x.topk(2, dim=1).values.mean(1)), out=nn.Linear(6, CLASSES)
    ), series
    yield "transformer", lambda: chain(nn.Linear(6, 16), encoder(), lambda x: x.mean(1), nn.Linear(16, CLASSES)), series
    yield "embedding", lambda: chain(nn.Embedding(50, 8), lambda x: x.mean(1), nn.Linear(8, CLASSES)), words
    yield "embedding bag", lambda: chain(nn.EmbeddingBag(50, 8), nn.Linear(8, CLASSES)), words
    yield "embedding conv", lambda: chain(
        nn.Embedding(50, 8),
        lambda x: x.transpose(1, 2),
        nn.Conv1d(8, 8, 3),
        nn.ReLU(),
        lambda x: x.max(-1)[0],
        nn.Linear(8, CLASSES),
    ), words
    yield "embedding gru", lambda: chain(nn.Embedding(50, 6, padding_idx=0), recurrent(nn.GRU)), words
    yield "one hot", lambda: chain(lambda x: F.one_hot(x, 50).float().sum(1), nn.Linear(50, CLASSES)), words
    yield "words and mask", lambda: Does(
        masked, words=nn.Embedding(50, 16), places=nn.Embedding(7, 16), layer=encoder(), out=nn.Linear(16, CLASSES)
    ), [((7,), 50), ((7,), 2)]
    yield "half precision", lambda: dense(nn.ReLU()).half(), rows
