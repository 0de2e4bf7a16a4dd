"""PyTorch on one thread: nn.Sequential, autograd, torch.optim.SGD; batches are taken from one tensor (a DataLoader would be slower)."""
import time

import numpy as np
import torch

from serve import serve, time_calls


def make_net(sizes):
    layers = []
    for i, o in zip(sizes[:-1], sizes[1:]):
        layers += [torch.nn.Linear(i, o), torch.nn.Sigmoid()]
    return torch.nn.Sequential(*layers)


class Residual(torch.nn.Module):
    """Two convolutions 3x3 and a shortcut, which is 1x1 where the filters change."""

    def __init__(self, inputs, filters):
        super().__init__()
        half = inputs != filters
        self.pad = torch.nn.ZeroPad2d((0, 1, 0, 1)) if half else torch.nn.Identity()
        self.first, self.first_norm = torch.nn.Conv2d(inputs, filters, 3, 2 if half else 1, 0 if half else 1), torch.nn.BatchNorm2d(filters)
        self.second, self.second_norm = torch.nn.Conv2d(filters, filters, 3, 1, 1), torch.nn.BatchNorm2d(filters)
        self.shortcut = torch.nn.Conv2d(inputs, filters, 1, 2) if half else torch.nn.Identity()

    def forward(self, x):
        y = torch.relu(self.first_norm(self.first(self.pad(x))))
        return torch.relu(self.second_norm(self.second(y)) + self.shortcut(x))


def make_convolutions(name):
    """The nets of nets.py, and the shape of a batch."""
    def normalized(layer):
        return [layer, torch.nn.BatchNorm2d(layer.out_channels), torch.nn.ReLU()]

    if name == "resnet8":
        layers = [*normalized(torch.nn.Conv2d(3, 16, 3, padding=1)), Residual(16, 16), Residual(16, 32), Residual(32, 64)]
        shape, classes = (-1, 3, 32, 32), 10
    else:
        layers = [torch.nn.ZeroPad2d((1, 1, 4, 5)), *normalized(torch.nn.Conv2d(1, 64, (10, 4), 2))]
        for _ in range(4):
            layers += [*normalized(torch.nn.Conv2d(64, 64, 3, padding=1, groups=64)), *normalized(torch.nn.Conv2d(64, 64, 1))]
        shape, classes = (-1, 1, 49, 10), 12
    head = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(64, classes), torch.nn.Softmax(1)]
    return torch.nn.Sequential(*layers, *head).eval(), shape


class Peer:
    def __init__(self):
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
        torch.manual_seed(1)
        self.nets, self.read, self.frozen = {}, {}, {}

    def hello(self):
        return "PyTorch " + torch.__version__

    def load(self, count, inputs, path):
        raw = np.fromfile(path, np.uint8)
        self.x = torch.from_numpy(raw[:count * inputs].reshape(count, inputs)).float() / 255
        self.labels = torch.from_numpy(raw[count * inputs:]).long()
        self.y = torch.nn.functional.one_hot(self.labels, 10).float()

    def epoch(self, sizes, batch, samples, rate):
        if (sizes, batch) not in self.nets:
            net = make_net(sizes)
            self.nets[sizes, batch] = net, torch.optim.SGD(net.parameters(), lr=rate)
        net, optimizer = self.nets[sizes, batch]
        began = time.perf_counter()
        order = torch.randperm(samples)
        for first in range(0, samples, batch):
            chosen = order[first:first + batch]
            optimizer.zero_grad(set_to_none=True)
            loss = (net(self.x[chosen]) - self.y[chosen]).square().sum() * (0.5 / len(chosen))
            loss.backward()
            optimizer.step()
        return time.perf_counter() - began

    def accuracy(self, sizes, batch, samples):
        with torch.inference_mode():
            output = self.nets[sizes, batch][0](self.x[:samples])
        return float((output.argmax(dim=1) == self.labels[:samples]).float().mean())

    def predict(self, sizes, duration):
        net = make_net(sizes).eval()
        x = torch.randn(1, sizes[0])
        with torch.inference_mode():
            return time_calls(duration, lambda: net(x))

    def sequence(self, kind, steps, features, hidden, batch, duration):
        layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](features, hidden, batch_first=True)
        head = torch.nn.Linear(hidden, 10)
        optimizer = torch.optim.SGD([*layer.parameters(), *head.parameters()], lr=1e-6)
        x, labels = torch.randn(batch, steps, features), torch.arange(batch) % 10

        def step():
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(head(layer(x)[0][:, -1]), labels).backward()
            optimizer.step()

        return time_calls(duration, step)

    def convolution(self, kind, batch, duration):
        net = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(8, 16, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Flatten(), torch.nn.Linear(256, 10))
        x, labels = torch.rand(batch, 1, 28, 28) * 2 - 1, torch.arange(batch) % 10
        if kind == "predict":
            with torch.inference_mode():
                return time_calls(duration, lambda: torch.softmax(net(x), 1))
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-6)

        def step():
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(net(x), labels).backward()
            optimizer.step()

        return time_calls(duration, step)

    def net(self, name, parameters, state, path):
        net, shape = make_convolutions(name)
        values = torch.from_numpy(np.fromfile(path, np.float32))
        position, following = 0, parameters
        with torch.no_grad():
            for layer in net.modules():
                if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear, torch.nn.BatchNorm2d)):
                    for tensor in (layer.weight, layer.bias):
                        tensor.copy_(values[position:position + tensor.numel()].reshape(tensor.shape))
                        position += tensor.numel()
                if isinstance(layer, torch.nn.BatchNorm2d):
                    for tensor in (layer.running_mean, layer.running_var):
                        tensor.copy_(values[following:following + tensor.numel()])
                        following += tensor.numel()
        if (position, following) != (parameters, parameters + state):
            raise ValueError(f"{name}: another net's parameters")
        self.read[name] = net, values[following:].reshape(shape)

    def traced(self, name, batch):
        """The fastest form that PyTorch has: traced for the batch, frozen, batch normalisation folded, layers of its CPU library."""
        net, samples = self.read[name]
        x = samples[:batch].clone()
        if (name, batch) not in self.frozen:
            self.frozen[name, batch] = torch.jit.optimize_for_inference(torch.jit.trace(net, x))
        return self.frozen[name, batch], x

    def outputs(self, name, batch):
        net, x = self.traced(name, batch)
        with torch.inference_mode():
            return net(x).flatten().tolist()

    def forward(self, name, batch, duration):
        net, x = self.traced(name, batch)
        with torch.inference_mode():
            return time_calls(duration, lambda: net(x))


if __name__ == "__main__":
    serve(Peer())
