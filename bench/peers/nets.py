"""The two nets of which all peers get the same parameters and samples, in one file: their layers, and floats that keep values near 1.

A file holds float32: the parameters (weights [outputs, channels, rows, columns], biases, gamma, beta) layer by layer, then the running means and
variances layer by layer, then SAMPLES samples."""
import array
import random
import sys

SAMPLES = 32

# outputs, channels that one output sums over, rows, columns, whether batch normalisation follows
DSCNN = [(64, 1, 10, 4, True)] + 4 * [(64, 1, 3, 3, True), (64, 64, 1, 1, True)] + [(12, 64, 1, 1, False)]
RESNET8 = [(16, 3, 3, 3, True)] + [layer for inputs, filters in ((16, 16), (16, 32), (32, 64)) for layer in (
    (filters, inputs, 3, 3, True), (filters, filters, 3, 3, True), *([(filters, inputs, 1, 1, False)] if filters > 16 else []))] + [(10, 64, 1, 1, False)]

# name: layers, elements of a sample, multiply-adds of a prediction (taps in the padding left out), what it is
NETS = {
    "dscnn": (DSCNN, 490, 2_562_432, "keyword spotting (DS-CNN of 64 channels, 49x10)"),
    "resnet8": (RESNET8, 3072, 11_574_592, "ResNet-8 (32x32x3)"),
}


def write(path, name):
    """Writes the file; returns how many parameters and how many running values it holds."""
    layers, inputs, _, _ = NETS[name]
    source = random.Random(1)
    parameters, state = array.array("f"), array.array("f")
    for outputs, channels, rows, columns, normalized in layers:
        bound = (6 / (channels * rows * columns)) ** 0.5
        parameters.extend(source.uniform(-bound, bound) for _ in range(outputs * channels * rows * columns))
        parameters.extend(source.uniform(-0.1, 0.1) for _ in range(outputs))
        if normalized:
            parameters.extend(source.uniform(0.5, 1.5) for _ in range(outputs))
            parameters.extend(source.uniform(-0.1, 0.1) for _ in range(outputs))
            state.extend(source.uniform(-0.1, 0.1) for _ in range(outputs))
            state.extend(source.uniform(0.5, 1.5) for _ in range(outputs))
    samples = array.array("f", (source.uniform(-1, 1) for _ in range(SAMPLES * inputs)))
    with open(path, "wb") as file:
        for part in (parameters, state, samples):
            if sys.byteorder == "big":
                part.byteswap()
            part.tofile(file)
    return len(parameters), len(state)
