"""Runs the same work in EmbeddedBackprop and its peers, in turn, on one core, and writes bench/results/CPU/peers.md. Started by run.sh."""
import argparse
import contextlib
import fcntl
import os
import sys
import tempfile

import digits
import nets
import report
from worker import Worker

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = 50_000
LOCK = None

# sizes, batch, samples, rate, "must" and "aim" in seconds on the machine the targets were set for (Zen 5 server, 3.7 GHz)
EPOCHS = [
    ("784,30,10", 10, 50_000, 3.0, 0.036, 0.028),
    ("784,30,10", 1, 50_000, 0.3, 0.120, 0.100),
    ("784,30,10", 32, 50_000, 3.0, 0.032, 0.026),
    ("784,512,512,10", 64, 10_000, 0.5, 0.175, 0.155),
    ("784,512,512,10", 256, 10_000, 0.5, 0.175, 0.155),
]
PREDICTIONS = [("784,30,10", 1000e-9, 900e-9), ("64,32,16,4", 180e-9, 150e-9), ("784,512,512,10", 34e-6, 31e-6)]

# kind, steps, features, units, batch, "must" and "aim" in samples a second
SEQUENCES = [("lstm", 128, 9, 64, 32, 7500, 10_000), ("gru", 128, 9, 64, 32, 10_000, 14_000)]

# what is done, its name, batch, "must" and "aim" in samples a second
CONVOLUTIONS = [("train", "a training step, convolution net, batch 32", 32, 50_000, 75_000), ("predict", "one prediction, convolution net", 1, 120_000, 200_000)]
# Shares of C's time, of the core's peak, and how many times as fast as PyTorch. Of the net above: what is done, and the most of C's time.
CONVOLUTION_SHARES = {"train": ("digits: training step", 852_480, 1.25), "predict": ("digits: prediction", 322_560, 1.15)}
FORWARD = [(32, 0.45, 1.0), (1, None, 2.0)]     # batch, least share of the peak, least times as fast as PyTorch
SPECIAL = ("recurrent", "convolution", "convnets")     # peers that do nothing else

# samples x inputs x outputs of a layer: NN is its forward pass, TN its weight gradient, NT the gradient of its input
LARGE = [(64, 64, 64), (128, 128, 128), (256, 256, 256), (512, 512, 512), (64, 784, 512), (256, 512, 512)]
SMALL = [(10, 784, 30), (10, 30, 10), (32, 784, 30)]


def products():
    for layers, small in ((LARGE, False), (SMALL, True)):
        for s, i, o in layers:
            for kind, m, n, k in (("NN", s, o, i), ("TN", i, o, s), ("NT", s, i, o)):
                yield f"{kind} {s}x{i}x{o}", kind, m, n, k, small


def peers(build):
    here = os.path.dirname(os.path.abspath(__file__))
    python = "/usr/bin/python3"
    return [
        Worker("engine", "EmbeddedBackprop", ["dotnet", os.path.join(build, "engine", "EmbeddedBackprop.Benchmarks.dll"), "peer"]),
        Worker("openblas", "C + OpenBLAS", [os.path.join(build, "openblas")]),
        Worker("loops", "C by hand, sums in order", [os.path.join(build, "loops")]),
        Worker("loops2", "C by hand, two partial sums", [os.path.join(build, "loops2")]),
        Worker("numpy", "NumPy, matrix", [python, os.path.join(here, "peer_numpy.py")], "python3-numpy"),
        Worker("samples", "NumPy, per sample", [python, os.path.join(here, "peer_numpy_samples.py")], "python3-numpy"),
        Worker("torch", "PyTorch", [python, os.path.join(here, "peer_torch.py")], "python3-torch"),
        Worker("recurrent", "C + OpenBLAS, recurrent", [os.path.join(build, "recurrent")]),
        Worker("convolution", "C, direct loops", [os.path.join(build, "convolution")]),
        Worker("convnets", "C, direct loops, two nets", [os.path.join(build, "convnets")]),
        Worker("fann", "FANN", [os.path.join(build, "fann")]),
    ]


@contextlib.contextmanager
def locked():
    """Keeps others who measure out, for the time of one piece of work, where run.sh was told of a lock."""
    if LOCK is None:
        yield
        return
    with open(LOCK, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def in_turn(workers, command, rounds, slow_rounds=None, peak=None):
    """Takes the workers in turn, rounds times; who needs longer than a second is left out after slow_rounds. A list of seconds for each worker.
    With peak = (worker, command), the core's peak is measured in each round, too."""
    times = {worker.key: [] for worker in workers}
    tasks = [(worker.key, worker, command) for worker in workers]
    if peak:
        times["peak"] = []
        tasks.insert(1, ("peak", *peak))
    with locked():
        for _ in range(rounds):
            for key, worker, line in tasks:
                done = times[key]
                if slow_rounds is not None and len(done) >= slow_rounds and done[0] > 1:
                    continue
                seconds = worker.ask(line).get("seconds")
                if seconds is not None:
                    done.append(seconds)
    return times


def measure_epochs(workers, options, result):
    doing = [w for w in workers if w.key not in ("loops", "loops2", *SPECIAL)]
    for sizes, batch, samples, rate, must, aim in EPOCHS:
        if options.quick:
            samples, must, aim = samples // 25, must / 25, aim / 25
        # These would take minutes: a list of gradients of 670,000 float64 a sample, and a training without matrices.
        taking = [w for w in doing if not (w.key == "samples" and "512" in sizes) and not (w.key == "fann" and batch != 1)]
        say(f"epoch [{sizes}] batch {batch}")
        command = f"epoch {sizes} {batch} {samples} {rate}"
        for worker in taking:
            worker.ask(f"epoch {sizes} {batch} {min(samples, 1000)} {rate}")
        times = in_turn(taking, command, 1)
        # The large net's sigmoids have learned nothing after one epoch of 10,000 samples: it is judged by the small one, which the same code trains.
        judged = [] if "512" in sizes else [w for w in taking if times[w.key]]
        accuracy = {w.key: w.ask(f"accuracy {sizes} {batch} 2000").get("accuracy") for w in judged}
        more = in_turn([w for w in taking if times[w.key]], command, options.rounds - 1, options.slow_rounds - 1)
        times = {key: first + more.get(key, []) for key, first in times.items()}
        result.work.append(report.Work(f"an epoch of {samples:,} samples, [{sizes}], batch {batch}", times, must, aim, accuracy))


def measure_predictions(workers, options, result):
    doing = [w for w in workers if w.key not in ("samples", *SPECIAL)]
    for sizes, must, aim in PREDICTIONS:
        say(f"prediction [{sizes}]")
        command = f"predict {sizes} 0.03"
        in_turn(doing, command, 1)
        result.work.append(report.Work(f"one prediction, [{sizes}]", in_turn(doing, command, options.predict_rounds), must, aim, {}))


def measure_sequences(workers, options, result):
    doing = [w for w in workers if w.key in ("engine", "recurrent", "torch")]
    for kind, steps, features, hidden, batch, must, aim in SEQUENCES:
        say(f"training of {kind} {steps}x{features}x{hidden}")
        command = f"sequence {kind} {steps} {features} {hidden} {batch} 0.1"
        in_turn(doing, command, 1)
        name = f"a training step, {kind.upper()} of {hidden} units over {steps} steps of {features} numbers, batch {batch}"
        result.sequences.append(report.Work(name, in_turn(doing, command, options.predict_rounds), batch / must, batch / aim, {}))


def measure_convolutions(workers, options, result):
    doing = [w for w in workers if w.key in ("engine", "convolution", "torch")]
    for kind, name, batch, must, aim in CONVOLUTIONS:
        say(name)
        command = f"convolution {kind} {batch} 0.1"
        in_turn(doing, command, 1)
        times = in_turn(doing, command, options.predict_rounds, peak=peak_of(workers))
        result.convolutions.append(report.Work(name, times, batch / must, batch / aim, {}))
        name, multiply_adds, share = CONVOLUTION_SHARES[kind]
        result.nets.append(report.Net(f"{name}, batch {batch}", times, 2.0 * multiply_adds * batch, of_c=share))


def measure_nets(workers, options, result, folder):
    """Predictions of the nets of nets.py. A peer whose outputs are others is no peer: it ends the run."""
    doing = [w for w in workers if w.key in ("engine", "convnets", "torch")]
    for name, (_, _, multiply_adds, text) in nets.NETS.items():
        path = os.path.join(folder, name)
        parameters, state = nets.write(path, name)
        for worker in doing:
            worker.ask(f"net {name} {parameters} {state} {path}")
        for batch, of_peak, of_torch in FORWARD:
            say(f"{text}, batch {batch}")
            outputs = {w.key: w.ask(f"outputs {name} {batch}").get("outputs", []) for w in doing}
            differences = {key: largest_difference(outputs["engine"], other) for key, other in outputs.items() if key != "engine"}
            wrong = [key for key, difference in differences.items() if difference > 1e-5]
            if wrong:
                sys.exit(f"{text}: the outputs of {', '.join(wrong)} are not ours")
            command = f"forward {name} {batch} 0.1"
            in_turn(doing, command, 1)
            times = in_turn(doing, command, options.predict_rounds, peak=peak_of(workers))
            result.nets.append(report.Net(f"{text}: prediction, batch {batch}", times, 2.0 * multiply_adds * batch, of_peak=of_peak, of_torch=of_torch))
            result.difference = max(result.difference, *differences.values(), 0)


def largest_difference(a, b):
    return max(abs(x - y) for x, y in zip(a, b)) if a and len(a) == len(b) else float("inf")


def peak_of(workers):
    """The worker that measures the core's peak, and its command."""
    blas = next((w for w in workers if w.key == "openblas"), None)
    return (blas, "peak 0.004") if blas else None


def measure_products(workers, options, result):
    doing = [w for w in workers if w.key in ("engine", "openblas")]
    for name, kind, m, n, k, small in products():
        say(f"product {name}")
        command = f"gemm {kind} {m} {n} {k} 0.004"
        in_turn(doing, command, 1)
        times = in_turn(doing, command, options.gemm_rounds, peak=peak_of(workers))
        result.products.append(report.Product(name, kind, 2.0 * m * n * k, small, times))


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="bench/peers/run.sh", description=__doc__)
    parser.add_argument("--data-dir", help="folder with MNIST's four files; without it, synthetic bytes of the same shape")
    parser.add_argument("--only", choices=["epoch", "predict", "sequence", "convolution", "gemm"], action="append", help="a part of the work; may be given several times")
    parser.add_argument("--rounds", type=int, default=7, help="epochs of each peer (%(default)s)")
    parser.add_argument("--slow-rounds", type=int, default=3, help="epochs of a peer that takes longer than a second (%(default)s)")
    parser.add_argument("--predict-rounds", type=int, default=11)
    parser.add_argument("--gemm-rounds", type=int, default=21)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core that all run on (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a 25th of the samples, three rounds: shows that everything works, no figures; writes no file")
    parser.add_argument("--build", help=argparse.SUPPRESS)
    parser.add_argument("--lock", help=argparse.SUPPRESS)
    parser.add_argument("--command", help=argparse.SUPPRESS)
    options = parser.parse_args()
    global LOCK
    LOCK = options.lock
    if options.quick:
        options.rounds = options.slow_rounds = options.predict_rounds = options.gemm_rounds = 3
    parts = options.only or ["epoch", "predict", "sequence", "convolution", "gemm"]

    os.sched_setaffinity(0, {options.core})
    result = report.Result(options, ROOT)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data")
        result.data = digits.write(path, SAMPLES, options.data_dir)
        workers = []
        for worker in peers(options.build):
            say(f"starting {worker.name}")
            worker.start()
            if worker.missing is None and "epoch" in parts and worker.key not in ("loops", "loops2", *SPECIAL):
                worker.ask(f"data {SAMPLES} 784 {path}")
            if worker.missing is None:
                workers.append(worker)
            else:
                say(f"{worker.name}: {worker.missing}")
            result.peers.append(worker)
        if not workers or workers[0].key != "engine":
            sys.exit("the engine's side does not run")
        for part, measure in (("epoch", measure_epochs), ("predict", measure_predictions), ("sequence", measure_sequences),
                              ("convolution", measure_convolutions), ("gemm", measure_products)):
            if part in parts:
                measure(workers, options, result)
        if "convolution" in parts:
            measure_nets(workers, options, result, folder)
        for worker in workers:
            worker.stop()

    text = result.markdown()
    print(text)
    if not options.quick:
        target = os.path.join(ROOT, "bench", "results", result.peers[0].hello["folder"], "peers.md")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
        say("written: " + os.path.relpath(target, ROOT))


if __name__ == "__main__":
    main()
