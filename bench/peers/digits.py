"""The samples all peers read: a file of COUNT x 784 bytes, then one byte a label."""
import gzip
import os
import random


def read_idx(folder, name, header):
    for form in (name, name + ".gz", name.replace("-idx", ".idx"), name.replace("-idx", ".idx") + ".gz"):
        path = os.path.join(folder, form)
        if os.path.exists(path):
            with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
                return file.read()[header:]
    raise SystemExit(f"{folder} has no file {name} or {name}.gz")


def write(path, count, folder):
    """Writes the file and returns what it holds, in words."""
    if folder:
        images = read_idx(folder, "train-images-idx3-ubyte", 16)
        labels = read_idx(folder, "train-labels-idx1-ubyte", 8)
        with open(path, "wb") as file:
            file.write(images[:count * 784])
            file.write(labels[:count])
        return f"MNIST, the first {count:,} training samples"

    # The last 80 bytes are the class's own, so that there is something to learn; the rest is noise.
    source = random.Random(1)
    patterns = [source.randbytes(80) for _ in range(10)]
    labels = bytes(source.randrange(10) for _ in range(count))
    with open(path, "wb") as file:
        for label in labels:
            file.write(source.randbytes(784 - 80) + patterns[label])
        file.write(labels)
    return f"{count:,} samples of synthetic bytes in MNIST's shape (--data-dir takes the real ones)"
