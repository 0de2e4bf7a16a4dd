"""The tables: medians of runs taken in turn, and ratios of runs of the same round."""
import datetime
import os
import subprocess
from statistics import median


class Work:
    def __init__(self, name, times, must, aim, accuracy):
        self.name, self.times, self.must, self.aim, self.accuracy = name, times, must, aim, accuracy


class Product:
    def __init__(self, name, kind, flops, small, times):
        self.name, self.kind, self.flops, self.small, self.times = name, kind, flops, small, times


class Net:
    """A row of the convolution nets; musts: the most of C's time, the least share of the peak, the least times as fast as PyTorch."""
    def __init__(self, name, times, flops, of_c=None, of_peak=None, of_torch=None):
        self.name, self.times, self.flops, self.of_c, self.of_peak, self.of_torch = name, times, flops, of_c, of_peak, of_torch
        self.c = "convolution" if times.get("convolution") else "convnets"


def ratio(times, key):
    """How many times the engine's time a peer takes: the median over rounds of the ratio within a round."""
    return median(peer / ours for peer, ours in zip(times[key], times["engine"]))


def seconds(value):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}" if value * factor < 1000 else f"{value * factor:,.0f} {unit}"
    return f"{value * 1e9:.0f} ns"


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


class Result:
    def __init__(self, options, root):
        self.options, self.root = options, root
        self.data = ""
        self.peers, self.work, self.sequences, self.convolutions, self.nets, self.products = [], [], [], [], [], []
        self.difference = 0
        self.load_before = os.getloadavg()

    def markdown(self):
        text = "# EmbeddedBackprop and its peers, in turn on one core\n\n" + self.header()
        if self.work:
            text += "\n## Training and prediction\n\n" + self.work_table()
        if self.sequences:
            text += "\n## Recurrent layers\n\n" + self.sequence_table()
        if self.convolutions:
            text += "\n## A convolution net\n\n" + self.convolution_table()
        if self.nets:
            text += "\n## Convolution nets beside the peak\n\n" + self.net_table()
        if self.products:
            text += "\n## Matrix products alone\n\n" + self.product_table()
        return text

    def output(self, *command):
        try:
            return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return ""

    def header(self):
        changes = self.output("git", "status", "--porcelain", "--", "src", "bench/EmbeddedBackprop.Benchmarks", "bench/peers", "Directory.Build.props")
        commit = (self.output("git", "rev-parse", "--short=10", "HEAD") or "unknown") + (" with changes" if changes else "")
        peaks = [seconds for product in self.products for seconds in product.times.get("peak", [])]
        text = row(["measured with", ""]) + "| --- | --- |\n"
        text += row(["CPU", f"{self.peers[0].hello.get('processor', 'unknown')}, one core of {os.cpu_count()}" + (
            f"; peak of one core {1 / median(peaks):.0f} GFLOP/s (median of {len(peaks)} measurements spread over the products, best {1 / min(peaks):.0f}; "
            "independent multiply-adds in the widest registers)" if peaks else "")])
        text += row(["SDK", self.output("dotnet", "--version") or "unknown"])
        text += row(["system", f"{os.uname().sysname} {os.uname().release} {os.uname().machine}"])
        for peer in self.peers:
            text += row([peer.name, f"not measured: {peer.missing}" if peer.missing else peer.hello.get("versions", "")])
        text += row(["commit", commit])
        command = self.options.command.replace(self.options.data_dir, "DIR") if self.options.data_dir else self.options.command
        text += row(["command", f"`{command}`"])
        text += row(["date", f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"])
        text += row(["load average", f"{self.load_before[0]:.1f} before, {os.getloadavg()[0]:.1f} after (1.0 is this run alone)"])
        return text

    def work_table(self):
        peers = [p for p in self.peers if p.key not in ("engine", "recurrent", "convolution", "convnets")]
        text = (f"Sigmoid layers, quadratic loss, plain SGD; data: {self.data}, in a new random order each epoch. Median time, and how many times ours "
                "it is (median of the ratios within a round): below 1 the peer is faster, and \"ahead of us\" names it. \"Must\" and \"aim\" are this "
                "project's targets for the machine it is measured on (AMD Zen 5 server); they say nothing on another one.\n\n")
        text += self.rows_of(self.work, peers)
        text += ("\nNot in the table: FANN has no mini-batches (its batch mode makes one update an epoch); NumPy sample by sample on [784,512,512,10] takes "
                 "minutes. C by hand knows the three nets' sizes when it is compiled; with two partial sums it gives other bits than sums in order, which "
                 "this engine promises.\n")
        costs = [f"{median(a / b for a, b in zip(w.times['loops'], w.times['loops2'])):.2f} ({w.name.split(', ')[1]})" for w in self.work
                 if w.times.get("loops") and w.times.get("loops2")]
        if costs:
            text += ("\nWhat the order of the sums costs: C by hand takes with sums in order, over two partial sums, " + ", ".join(costs)
                     + " times as long.\n")
        first = next((w for w in self.work if w.name.endswith("[784,30,10], batch 10")), None)
        if first:
            text += "".join(f"\nAim in the first row: {times} times {name}; measured: {ratio(first.times, key):.1f}.\n"
                            for key, times, name in (("torch", 20, "PyTorch"), ("samples", 90, "NumPy per sample")) if first.times.get(key))
        judged = [w for w in self.work if w.accuracy]
        if judged:
            keys = [p for p in self.peers if any(p.key in w.accuracy for w in judged)]
            text += "\nThat all did the work: the share of the first 2,000 training samples that a net gets right after its first measured epoch.\n\n"
            text += row(["net", *(p.name for p in keys)]) + "| --- |" + " ---: |" * len(keys) + "\n"
            for work in judged:
                text += row([work.name, *(f"{100 * work.accuracy[p.key]:.1f} %" if work.accuracy.get(p.key) is not None else "" for p in keys)])
        text += f"\nRuns: {self.options.rounds} epochs (who takes over a second: {self.options.slow_rounds}), {self.options.predict_rounds} of a prediction.\n"
        return text

    @staticmethod
    def rows_of(works, peers):
        text = row(["work", "EmbeddedBackprop", *(p.name for p in peers), "ahead of us", "must", "met", "aim"])
        text += "| --- | ---: |" + " ---: |" * len(peers) + " --- | ---: | --- | ---: |\n"
        for work in works:
            ours = median(work.times["engine"])
            cells, ahead = [], []
            for peer in peers:
                done = work.times.get(peer.key)
                if not done:
                    cells.append("missing" if peer.missing else "")
                    continue
                r = ratio(work.times, peer.key)
                cells.append(f"{seconds(median(done))}, **{r:.2f}**" if r < 10 else f"{seconds(median(done))}, **{r:.0f}**")
                if r < 1:
                    ahead.append(f"{peer.name}, {1 / r:.2f} times as fast")
            met = "yes" if ours <= work.must else f"no, {ours / work.must:.2f} of it"
            text += row([work.name, seconds(ours), *cells, "; ".join(ahead) or "nobody", seconds(work.must), met, seconds(work.aim)
                         + (", met" if ours <= work.aim else "")])
        return text

    def sequence_table(self):
        text = ("The last hidden state is classified: ten classes, softmax and cross-entropy, plain SGD. Median time of one training step (forward, backward, update), and "
                "how many times ours it is. C is `peer_recurrent.c`, which takes no account of the order of sums.\n\n")
        text += self.rows_of(self.sequences, [p for p in self.peers if p.key in ("recurrent", "torch")])
        rates = [f"{work.name.split(', ')[1].split(' ')[0]} {32 / median(work.times['engine']):,.0f}" for work in self.sequences]
        return text + "\nSamples a second: " + ", ".join(rates) + ".\n"

    def convolution_table(self):
        text = ("28x28, 8 filters 5x5, ReLU, pooling 2, 16 filters 5x5, ReLU, pooling 2, ten classes, softmax and cross-entropy, plain SGD; random pictures. Median time, "
                "and how many times ours it is. C is `peer_convolution.c`: written for this net, its sizes are constants, and it takes no account of the order of sums.\n\n")
        text += self.rows_of(self.convolutions, [p for p in self.peers if p.key in ("convolution", "torch")])
        rates = [f"{name} {', '.join(f'{p.name} {batch / median(work.times[p.key]):,.0f}' for p in self.peers if work.times.get(p.key))}"
                 for (name, batch), work in zip((("training", 32), ("predictions", 1)), self.convolutions)]
        return text + "\nSamples a second: " + "; ".join(rates) + ".\n"

    def net_table(self):
        text = ("Predictions of nets that small devices run: a keyword-spotting DS-CNN (49x10; 64 filters 10x4 of stride 2; four times depthwise 3x3 and 64 filters 1x1; "
                "each with batch normalisation and ReLU; mean; twelve classes) and a ResNet-8 (32x32x3; 16, 32 and 64 filters 3x3). All peers get the same parameters and samples. "
                f"Their outputs are compared with ours before anything is timed: the largest difference is {self.difference:.1e}. Batch normalisation has its running values: "
                "C (`peer_convnets.c`, constant sizes, any order of sums) and PyTorch (`torch.jit.optimize_for_inference`, its fastest form) fold it into the weights, we do not. "
                "The first rows are the net above. Median time, share of the core's peak (in the same rounds; taps in the padding are not counted), and how many times ours it is.\n\n")
        peers = [("torch", "PyTorch"), ("", "C, direct loops")]
        text += row(["net", "EmbeddedBackprop", "of peak", *(name for _, name in peers), "C of peak", "ahead of us", "must", "met"])
        text += "| --- | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |\n"
        for net in self.nets:
            cells, ahead = [], []
            for key, name in peers:
                times = net.times.get(key or net.c)
                r = ratio(net.times, key or net.c) if times else None
                cells.append(f"{seconds(median(times))}, **{r:.2f}**" if times else "missing")
                if times and r < 1:
                    ahead.append(f"{name}, {1 / r:.2f} times as fast")
            ours, of_c, of_torch = self.share(net, "engine"), self.share(net, net.c), ratio(net.times, "torch") if net.times.get("torch") else None
            time_of_c = median(mine / c for mine, c in zip(net.times["engine"], net.times[net.c])) if net.times.get(net.c) else None
            must, failed = [], []
            for least, value, unit in ((net.of_peak, ours, "of peak"), (net.of_torch, of_torch, "times as fast as PyTorch")):
                if least:
                    show = (lambda x: f"{100 * x:.0f} %") if unit == "of peak" else (lambda x: f"{x:.2f}")
                    must.append(f"{show(least)} {unit}")
                    if value is None or value < least:
                        failed.append(f"{show(value)} {unit}" if value is not None else f"{unit} is not known")
            if net.of_c:
                must.append(f"{net.of_c:.2f} of C's time")
                if time_of_c is None or time_of_c > net.of_c:
                    failed.append(f"{time_of_c:.2f} of C's time" if time_of_c is not None else "C's time is not known")
            text += row([net.name, seconds(median(net.times["engine"])), f"{100 * ours:.0f} %" if ours else "", *cells, f"{100 * of_c:.0f} %" if of_c else "",
                         "; ".join(ahead) or "nobody", ", ".join(must), "no: " + ", ".join(failed) if failed else "yes"])
        return text

    @staticmethod
    def share(product, key):
        """The part of the core's peak: seconds of 10^9 operations in registers over seconds of 10^9 operations of the product, round by round."""
        if not product.times.get("peak") or not product.times.get(key):
            return None
        return median(peak * product.flops / 1e9 / time for peak, time in zip(product.times["peak"], product.times[key]))

    def product_table(self):
        text = ("Sizes are samples x inputs x outputs of a layer: NN is its forward pass, TN the gradient of its weights, NT the gradient of its input. "
                f"GFLOP/s are medians of {self.options.gemm_rounds} runs in turn; shares of the peak and ratios are medians of those within a round, in which the peak is "
                "measured as well (ratio above 1: we are faster). "
                "OpenBLAS: the faster of rows next to each other and rows padded to 16 floats.\n\n")
        text += row(["product", "EmbeddedBackprop", "of peak", "OpenBLAS", "of peak", "ratio", "ahead", "must", "met"])
        text += "| --- | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |\n"
        for product in self.products:
            ours = product.flops / median(product.times["engine"])
            has_blas = bool(product.times.get("openblas"))
            blas = product.flops / median(product.times["openblas"]) if has_blas else 0
            r = ratio(product.times, "openblas") if has_blas else None
            share, blas_share = self.share(product, "engine"), self.share(product, "openblas")
            need_share = None if product.small else 0.85 if product.kind == "NT" else 0.90
            need_ratio = 1.0 if product.small else None if product.kind == "NT" else 0.97
            must, failed, unknown = [], [], False
            if need_share is not None:
                must.append(f"{100 * need_share:.0f} % of peak")
                unknown |= share is None
                if share is not None and share < need_share:
                    failed.append(f"{100 * share:.0f} % of peak")
            if need_ratio is not None:
                must.append(f"{need_ratio:.2f} of OpenBLAS")
                unknown |= r is None
                if r is not None and r < need_ratio:
                    failed.append(f"{r:.2f} of OpenBLAS")
            text += row([
                product.name, f"{ours / 1e9:.0f}", f"{100 * share:.0f} %" if share else "", f"{blas / 1e9:.0f}" if has_blas else "missing",
                f"{100 * blas_share:.0f} %" if blas_share else "", f"{r:.2f}" if r else "",
                "" if r is None else "we" if r >= 1 else "OpenBLAS", ", ".join(must),
                "no: " + ", ".join(failed) if failed else "not known" if unknown else "yes"])
        return text
