"""The same net on the same features in PyTorch: a speaker is left out, the accuracy on him printed.

python3 same_net.py FEATURES [SPEAKERS] [SEEDS]   (FEATURES is what features.cs wrote; 0,5 and 1-5 select folds and seeds)
"""
import sys
import numpy as np
import torch
from torch import nn

EPOCHS, BATCH, RATE, DECAY, DROPOUT, POLE = 20, 64, 0.004, 1e-4, 0.2, 0.94
FRAMES, BANDS = 49, 32
SPEAKERS = ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]


class HighPass(nn.Module):
    """biquad 1 -1 0 -POLE 0 along time, at rest at the begin: y[t] = x[t] - x[t - 1] + POLE y[t - 1]."""

    def __init__(self):
        super().__init__()
        lag = np.subtract.outer(np.arange(FRAMES), np.arange(FRAMES))
        response = np.where(lag > 0, (POLE - 1) * POLE ** np.maximum(lag - 1, 0), (lag == 0).astype(float))
        self.register_buffer("matrix", torch.tensor(response.T, dtype=torch.float32))

    def forward(self, x):
        return x @ self.matrix


def block(channels, filters, kernel, stride=(1, 1)):
    return [nn.Conv2d(channels, filters, kernel, stride), nn.BatchNorm2d(filters), nn.ReLU()]


def build():
    return nn.Sequential(
        nn.BatchNorm1d(BANDS), HighPass(), nn.Unflatten(1, (1, BANDS)),
        *block(1, 10, (5, 5), (2, 1)), *block(10, 20, (3, 3), (2, 2)), *block(20, 28, (3, 3)), *block(28, 36, (4, 3)),
        nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Dropout(DROPOUT), nn.Linear(36, 10))


def train(features, labels, speakers, left_out, seed):
    torch.manual_seed(seed)
    order = np.random.RandomState(seed)
    training, test = np.where(speakers != left_out)[0], np.where(speakers == left_out)[0]
    net = build()
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    steps = EPOCHS * ((len(training) + BATCH - 1) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(1, EPOCHS + 1):
        net.train()
        order.shuffle(training)
        for first in range(0, len(training), BATCH):
            batch = np.sort(training[first:first + BATCH])
            x = torch.tensor(features[epoch, batch]).transpose(1, 2)
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), labels[batch], label_smoothing=0.1).backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        x = torch.tensor(features[0, test]).transpose(1, 2)
        return (net(x).argmax(1) == labels[test]).float().mean().item()


def main():
    torch.set_num_threads(1)
    folder = sys.argv[1]
    wanted = [SPEAKERS[int(k)] for k in sys.argv[2].split(",")] if len(sys.argv) > 2 else SPEAKERS
    first, last = (sys.argv[3] if len(sys.argv) > 3 else "1-5").split("-")
    names = [line.strip().split("/")[-1].split("_") for line in open(f"{folder}/names.txt")]
    labels = torch.tensor([int(name[0]) for name in names])
    speakers = np.array([name[1] for name in names])
    features = np.memmap(f"{folder}/features.bin", "<f4", "r").reshape(-1, len(names), FRAMES, BANDS)
    print(f"{sum(p.numel() for p in build().parameters())} parameters; PyTorch {torch.__version__}")
    for speaker in wanted:
        results = [train(features, labels, speakers, speaker, seed) for seed in range(int(first), int(last) + 1)]
        print(f"{speaker}: " + ", ".join(f"{100 * r:.2f}" for r in results) + f"; mean {100 * np.mean(results):.2f} %", flush=True)


main()
