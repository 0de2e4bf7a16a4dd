"""Nets as PyTorch exports them, with inputs and outputs, for the tests of the import.

python3 pytorch_nets.py FOLDER writes for each net NAME.onnx and, for one that is to be read, NAME.x and NAME.y: float32, a row a sample.
It prints a line a net: 'net NAME rows' or 'refused NAME'. Weights and inputs have fixed seeds.
"""
import sys
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")
folder = sys.argv[1]
torch.manual_seed(20261122)


def mlp(*sizes, act=nn.ReLU):
    layers = []
    for i in range(len(sizes) - 1):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), act()]
    return nn.Sequential(*layers[:-1])


class Function(nn.Module):
    """A net whose forward pass is a function of its layers and its input."""

    def __init__(self, run, **layers):
        super().__init__()
        self.run = run
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, *x):
        return self.run(self, *x)


class Residual(nn.Module):
    def __init__(self, channels, out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.short = nn.Identity() if stride == 1 and channels == out else nn.Conv2d(channels, out, 1, stride)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.short(x))


def separable(inputs, out, stride):
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs), nn.ReLU6(),
        nn.Conv2d(inputs, out, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU6())


def last(self, x):
    return self.fc(self.rnn(x)[0][:, -1])


def every(self, x):
    return self.fc(self.rnn(x)[0])


def activations(self, x):
    h = self.a(x)
    for f in (F.leaky_relu, F.selu, F.elu, F.softsign, F.softplus, F.hardsigmoid, F.hardswish, F.mish, F.silu, F.gelu, F.relu6, torch.sigmoid):
        h = h + f(self.b(h) * 2 - self.c(h))
    return self.d(h)


def image(*sizes):
    return lambda batch: (torch.randn(batch, *sizes),)


N = {}
N["mlp"] = (mlp(13, 31, 7, 5), image(13))
N["mlp_tanh_softmax"] = (nn.Sequential(mlp(9, 17, 4, act=nn.Tanh), nn.Softmax(dim=1)), image(9))
N["mlp_no_bias_dropout"] = (nn.Sequential(nn.Linear(11, 23, bias=False), nn.SiLU(), nn.Dropout(0.3), nn.Linear(23, 3, bias=False)), image(11))
N["mlp_batchnorm"] = (nn.Sequential(nn.Linear(6, 10), nn.BatchNorm1d(10), nn.ELU(), nn.Linear(10, 1), nn.Sigmoid()), image(6))
N["mlp_layernorm"] = (nn.Sequential(nn.Linear(6, 19), nn.LayerNorm(19), nn.GELU(), nn.Linear(19, 2)), image(6))
N["activations"] = (Function(activations, a=nn.Linear(5, 12), b=nn.Linear(12, 12), c=nn.Linear(12, 12), d=nn.Linear(12, 3)), image(5))
N["one_neuron"] = (nn.Sequential(nn.Linear(3, 1)), image(3))
N["lenet"] = (nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
    nn.Linear(16 * 5 * 5, 31), nn.Tanh(), nn.Linear(31, 10)), image(1, 28, 28))
N["cnn_odd"] = (nn.Sequential(
    nn.Conv2d(3, 7, (3, 5), (2, 1), (1, 2)), nn.LeakyReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(7, 5, 3, dilation=2), nn.ReLU(), nn.Flatten(),
    nn.Linear(5 * 2 * 6, 4)), image(3, 21, 19))
N["cnn_view"] = (Function(
    lambda s, x: s.fc(F.max_pool2d(torch.relu(s.conv(x)), 2).view(x.size(0), -1)), conv=nn.Conv2d(2, 4, 3), fc=nn.Linear(4 * 5 * 4, 3)),
    image(2, 13, 11))
N["cnn_flatten"] = (Function(
    lambda s, x: s.fc(torch.flatten(s.conv(x), 1)), conv=nn.Conv2d(1, 3, 4), fc=nn.Linear(3 * 4 * 5, 6)), image(1, 7, 8))
N["cnn_mean"] = (Function(
    lambda s, x: s.fc(s.conv(x).mean([2, 3])), conv=nn.Conv2d(2, 9, 3, padding=1), fc=nn.Linear(9, 2)), image(2, 6, 7))
N["cnn_groups"] = (nn.Sequential(
    nn.Conv2d(6, 12, 3, groups=3), nn.Hardswish(), nn.Conv2d(12, 12, 3, groups=12, padding=1), nn.Hardsigmoid(), nn.AdaptiveMaxPool2d(1),
    nn.Flatten(), nn.Linear(12, 5)), image(6, 9, 8))
N["residual"] = (nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), Residual(8, 8), Residual(8, 12, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10)),
    image(3, 15, 13))
N["separable"] = (nn.Sequential(
    nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), separable(8, 12, 1), separable(12, 16, 2), nn.AdaptiveAvgPool2d(1),
    nn.Flatten(), nn.Linear(16, 7)), image(3, 23, 17))
N["branches"] = (Function(
    lambda s, x: s.fc(torch.cat([torch.relu(s.a(x)), torch.tanh(s.b(x)) * s.c(x)], 1).flatten(1)),
    a=nn.Conv2d(2, 3, 1), b=nn.Conv2d(2, 4, 3, padding=1), c=nn.Conv2d(2, 4, 5, padding=2), fc=nn.Linear(7 * 5 * 6, 3)), image(2, 5, 6))
N["autoencoder"] = (nn.Sequential(
    nn.Conv2d(1, 5, 3, 2, 1), nn.ReLU(), nn.ConvTranspose2d(5, 4, 3, 2, 1, output_padding=1), nn.ReLU(), nn.ConvTranspose2d(4, 2, 4, groups=2)),
    image(1, 8, 10))
N["average_pads"] = (nn.Sequential(
    nn.Conv2d(1, 4, 3, padding=1), nn.AvgPool2d(3, 2, 1), nn.ReLU(), nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.Flatten(), nn.Linear(36, 2)),
    image(1, 11, 9))
N["conv1d"] = (nn.Sequential(
    nn.Conv1d(4, 9, 5, 2, 2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(9, 6, 3), nn.BatchNorm1d(6), nn.Softplus(), nn.AdaptiveAvgPool1d(1),
    nn.Flatten(), nn.Linear(6, 3)), image(4, 37))
N["causal"] = (Function(
    lambda s, x: s.fc(torch.relu(s.b(F.pad(torch.relu(s.a(F.pad(x, (2, 0)))), (4, 0))))[:, :, -1]),
    a=nn.Conv1d(3, 8, 3), b=nn.Conv1d(8, 8, 3, dilation=2), fc=nn.Linear(8, 2)), image(3, 19))
N["rnn"] = (Function(last, rnn=nn.RNN(5, 9, batch_first=True), fc=nn.Linear(9, 4)), image(11, 5))
N["lstm"] = (Function(last, rnn=nn.LSTM(5, 9, batch_first=True), fc=nn.Linear(9, 4)), image(11, 5))
N["lstm_deep_bidirectional"] = (Function(
    lambda s, x: s.fc(s.rnn(x)[0].mean(1)), rnn=nn.LSTM(3, 6, 2, batch_first=True, bidirectional=True), fc=nn.Linear(12, 5)), image(7, 3))
N["lstm_every_step"] = (Function(every, rnn=nn.LSTM(4, 8, batch_first=True), fc=nn.Linear(8, 3)), image(6, 4))
N["lstm_hidden"] = (Function(lambda s, x: s.fc(s.rnn(x)[1][0][-1]), rnn=nn.LSTM(4, 7, batch_first=True), fc=nn.Linear(7, 2)), image(9, 4))
N["gru"] = (Function(last, rnn=nn.GRU(5, 10, batch_first=True), fc=nn.Linear(10, 4)), image(8, 5))
N["gru_bidirectional_states"] = (Function(
    lambda s, x: s.fc(torch.cat([*s.rnn(x)[1]], 1)), rnn=nn.GRU(5, 6, batch_first=True, bidirectional=True), fc=nn.Linear(12, 3)), image(8, 5))
N["gru_steps_first"] = (Function(lambda s, x: s.fc(s.rnn(x)[0][-1]), rnn=nn.GRU(5, 6, 2), fc=nn.Linear(6, 3)), image(8, 5), 1)
N["words"] = (Function(
    lambda s, x: torch.softmax(s.fc(s.norm(s.rnn(s.table(x))[0]).amax(1)), -1),
    table=nn.Embedding(23, 6), rnn=nn.GRU(6, 7, batch_first=True), norm=nn.LayerNorm(7), fc=nn.Linear(7, 4)),
    lambda batch: (torch.randint(0, 23, (batch, 9)),))
N["conv_lstm"] = (Function(
    lambda s, x: s.fc(s.rnn(torch.relu(s.conv(x)).transpose(1, 2))[0][:, -1]),
    conv=nn.Conv1d(3, 7, 3, padding=1), rnn=nn.LSTM(7, 8, batch_first=True), fc=nn.Linear(8, 5)), image(3, 12))
N["gate"] = (Function(
    lambda s, x: (lambda a, b: s.fc(a * torch.sigmoid(b) - a / 4))(*s.both(x).chunk(2, 1)), both=nn.Linear(7, 10), fc=nn.Linear(5, 2)), image(7))
N["two_outputs"] = (Function(lambda s, x: (lambda h: (s.a(h), torch.tanh(s.b(h))))(torch.relu(s.trunk(x))),
    trunk=nn.Linear(6, 11), a=nn.Linear(11, 3), b=nn.Linear(11, 2)), image(6))

N["lstm_steps_and_states"] = (Function(
    lambda s, x: (lambda y, h: s.fc(torch.cat([y.amax(1), h[0][0], h[0][1]], 1)))(*s.rnn(x)),
    rnn=nn.LSTM(3, 5, batch_first=True, bidirectional=True), fc=nn.Linear(20, 3)), image(6, 3))
N["gru_steps_and_state"] = (Function(
    lambda s, x: (lambda y, h: s.fc(y.mean(1) - h[0]))(*s.rnn(x)), rnn=nn.GRU(3, 5, batch_first=True), fc=nn.Linear(5, 3)), image(6, 3))
N["rnn_relu_middle_step"] = (Function(
    lambda s, x: s.fc(s.rnn(x)[0][:, 2]), rnn=nn.RNN(3, 5, batch_first=True, nonlinearity="relu"), fc=nn.Linear(5, 3)), image(6, 3))
N["transposed_signal"] = (nn.Sequential(nn.ConvTranspose1d(3, 4, 4, 2, 1), nn.SELU(), nn.Flatten(), nn.Linear(56, 2)), image(3, 7))

R = {}
R["group_norm"] = (nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)), image(3, 6, 6))
R["log_softmax"] = (nn.Sequential(nn.Linear(4, 3), nn.LogSoftmax(1)), image(4))
R["conv3d"] = (nn.Sequential(nn.Conv3d(1, 2, 3)), image(1, 4, 4, 4))
R["upsample"] = (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Upsample(scale_factor=2)), image(1, 6, 6))
R["leaky_0.2"] = (nn.Sequential(nn.Linear(4, 3), nn.LeakyReLU(0.2)), image(4))
R["ceil_mode"] = (nn.Sequential(nn.Conv2d(1, 2, 2), nn.MaxPool2d(2, ceil_mode=True)), image(1, 8, 8))
R["attention"] = (Function(lambda s, x: torch.softmax(s.q(x) @ s.k(x).transpose(1, 2), -1), q=nn.Linear(4, 3), k=nn.Linear(4, 3)), image(5, 4))
R["broadcast"] = (Function(
    lambda s, x: s.conv(x) * torch.sigmoid(s.conv(x).mean([2, 3], keepdim=True)), conv=nn.Conv2d(1, 2, 3)), image(1, 6, 6))
R["first_state"] = (Function(lambda s, x: s.rnn(x, s.first(x[:, 0])[None])[0], rnn=nn.GRU(3, 4, batch_first=True), first=nn.Linear(3, 4)), image(5, 3))
R["cell_state"] = (Function(lambda s, x: s.rnn(x)[1][1][0], rnn=nn.LSTM(3, 4, batch_first=True)), image(5, 3))
R["shuffle"] = (Function(
    lambda s, x: s.conv(x).view(x.size(0), 2, 3, 16).transpose(1, 2).reshape(x.size(0), 6, 4, 4), conv=nn.Conv2d(1, 6, 3)), image(1, 6, 6))
R["open_steps"] = (Function(last, rnn=nn.LSTM(3, 4, batch_first=True), fc=nn.Linear(4, 2)), image(5, 3), 0, {0: "batch", 1: "steps"})


def rows(value, axis):
    return value.movedim(axis, 0).flatten(1).float().contiguous().numpy().tobytes()


def export(name, opset, net, make, axis, open_axes):
    torch.manual_seed(len(name) * 1000 + sum(map(ord, name)))
    for part, buffer in net.named_buffers():
        if buffer.is_floating_point():
            nn.init.uniform_(buffer, *((0.5, 1.5) if part.endswith("running_var") else (-0.4, 0.2)))
    net.eval()
    x = tuple(value.movedim(0, axis) for value in make(2))
    names = ["y"] if name != "two_outputs" else ["y1", "y2"]
    torch.onnx.export(
        net, x, f"{folder}/{name}.onnx", opset_version=opset, input_names=["x"], output_names=names,
        dynamic_axes={"x": open_axes} if open_axes else None)
    return names


for i, (name, (net, make, *more)) in enumerate(N.items()):
    axis = more[0] if more else 0
    # Every other net is for a batch of any size, the others for two samples; the versions of ONNX's ops in turn.
    dynamic = i % 2 == 0 or axis == 1
    names = export(name, 13 + i % 5, net, make, axis, {axis: "batch"} if dynamic else None)
    x = tuple(value.movedim(0, axis) for value in make(5 if dynamic else 2))
    with torch.no_grad():
        y = net(*x)
    y = y if isinstance(y, tuple) else (y,)
    open(f"{folder}/{name}.x", "wb").write(rows(x[0], axis))
    open(f"{folder}/{name}.y", "wb").write(b"".join(rows(value, 0) for value in y))
    print("net", name, 5 if dynamic else 2)

for name, (net, make, *more) in R.items():
    export(name, 17, net, make, more[0] if more else 0, more[1] if len(more) > 1 else {0: "batch"})
    print("refused", name)
