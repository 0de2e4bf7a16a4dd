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


class Peer:
    def __init__(self):
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
        torch.manual_seed(1)
        self.nets = {}

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


if __name__ == "__main__":
    serve(Peer())
