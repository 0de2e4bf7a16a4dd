"""The protocol of bench/peers in Python: one command a line on standard input, one line of JSON each on standard output.
A peer hands serve() an object with some of the methods hello, load, epoch, accuracy, predict, sequence, convolution, net, outputs, forward."""
import json
import sys
import time


def time_calls(duration, call):
    """Seconds of one call: a fifth of the duration to warm up and to find how many calls fill it, then those in one go."""
    for _ in range(3):
        call()
    warm, following, seconds = 0, 3, 0.0
    began = time.perf_counter()
    while seconds < duration / 5:
        for _ in range(following - warm):
            call()
        warm, following = following, following * 2
        seconds = time.perf_counter() - began
    calls = range(max(1, int(duration / (seconds / warm))))
    began = time.perf_counter()
    for _ in calls:
        call()
    return (time.perf_counter() - began) / len(calls)


def sizes_of(text):
    return tuple(int(size) for size in text.split(","))


def answer(peer, words):
    verb = words[0] if words else ""
    if verb == "hello":
        return {"versions": peer.hello()}
    if verb == "data":
        peer.load(int(words[1]), int(words[2]), " ".join(words[3:]))
        return {"ok": True}
    if verb == "epoch":
        sizes, batch, samples, rate = sizes_of(words[1]), int(words[2]), int(words[3]), float(words[4])
        return {"seconds": peer.epoch(sizes, batch, samples, rate)}
    if verb == "accuracy":
        return {"accuracy": peer.accuracy(sizes_of(words[1]), int(words[2]), int(words[3]))}
    if verb == "predict" and hasattr(peer, "predict"):
        return {"seconds": peer.predict(sizes_of(words[1]), float(words[2]))}
    if verb == "sequence" and hasattr(peer, "sequence"):
        return {"seconds": peer.sequence(words[1], *(int(word) for word in words[2:6]), float(words[6]))}
    if verb == "convolution" and hasattr(peer, "convolution"):
        return {"seconds": peer.convolution(words[1], int(words[2]), float(words[3]))}
    if verb == "net" and hasattr(peer, "net"):
        peer.net(words[1], int(words[2]), int(words[3]), " ".join(words[4:]))
        return {"ok": True}
    if verb == "outputs" and hasattr(peer, "outputs"):
        return {"outputs": peer.outputs(words[1], int(words[2]))}
    if verb == "forward" and hasattr(peer, "forward"):
        return {"seconds": peer.forward(words[1], int(words[2]), float(words[3]))}
    return {"missing": "not done by this peer"}


def serve(peer):
    for line in sys.stdin:
        print(json.dumps(answer(peer, line.split())), flush=True)
