"""NumPy as in the first program of Nielsen's book: column vectors in float64, one sample after the other, the gradients of a mini-batch added up,
a new list of arrays a sample. The algorithm is his, the text is ours."""
import time

import numpy as np

from serve import serve


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


class Net:
    def __init__(self, sizes):
        self.random = np.random.default_rng(1)
        self.biases = [np.zeros((o, 1)) for o in sizes[1:]]
        self.weights = [self.random.standard_normal((o, i)) / np.sqrt(i) for i, o in zip(sizes[:-1], sizes[1:])]

    def output(self, a):
        for w, b in zip(self.weights, self.biases):
            a = sigmoid(np.dot(w, a) + b)
        return a

    def gradients(self, x, y):
        """The gradients of one sample's loss, a list for biases and one for weights (BP1 to BP4)."""
        inputs, sums, a = [], [], x
        for w, b in zip(self.weights, self.biases):
            inputs.append(a)
            z = np.dot(w, a) + b
            sums.append(z)
            a = sigmoid(z)
        for_biases, for_weights = [], []
        error = a - y
        for layer in range(len(self.weights) - 1, -1, -1):
            s = sigmoid(sums[layer])
            delta = error * (s * (1 - s))
            for_biases.insert(0, delta)
            for_weights.insert(0, np.dot(delta, inputs[layer].transpose()))
            if layer:
                error = np.dot(self.weights[layer].transpose(), delta)
        return for_biases, for_weights

    def update(self, mini_batch, rate):
        bias_sums = [np.zeros(b.shape) for b in self.biases]
        weight_sums = [np.zeros(w.shape) for w in self.weights]
        for x, y in mini_batch:
            for_biases, for_weights = self.gradients(x, y)
            bias_sums = [total + one for total, one in zip(bias_sums, for_biases)]
            weight_sums = [total + one for total, one in zip(weight_sums, for_weights)]
        step = rate / len(mini_batch)
        self.biases = [b - step * total for b, total in zip(self.biases, bias_sums)]
        self.weights = [w - step * total for w, total in zip(self.weights, weight_sums)]


class Peer:
    def __init__(self):
        self.nets = {}

    def hello(self):
        return "NumPy " + np.__version__

    def load(self, count, inputs, path):
        raw = np.fromfile(path, np.uint8)
        self.labels = raw[count * inputs:]
        one_hot = np.eye(10).reshape(10, 10, 1)
        images = raw[:count * inputs].reshape(count, inputs, 1) / 255.0
        self.samples = [(image, one_hot[label]) for image, label in zip(images, self.labels)]

    def net(self, sizes, batch):
        if (sizes, batch) not in self.nets:
            self.nets[sizes, batch] = Net(sizes)
        return self.nets[sizes, batch]

    def epoch(self, sizes, batch, samples, rate):
        net = self.net(sizes, batch)
        began = time.perf_counter()
        order = net.random.permutation(samples)
        for first in range(0, samples, batch):
            net.update([self.samples[i] for i in order[first:first + batch]], rate)
        return time.perf_counter() - began

    def accuracy(self, sizes, batch, samples):
        net = self.nets[sizes, batch]
        right = sum(int(net.output(x).argmax()) == label for (x, _), label in zip(self.samples[:samples], self.labels))
        return right / samples


if __name__ == "__main__":
    serve(Peer())
