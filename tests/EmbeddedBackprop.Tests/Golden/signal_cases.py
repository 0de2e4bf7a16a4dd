"""Golden cases of the ops on signals, computed by NumPy and SciPy in float64.

python3 signal_cases.py FOLDER    writes them (cases/README.md)
"""
import json
import pathlib
import sys

import numpy as np
from scipy import fft, signal, stats

RATE = 8000


def recording(samples):
    """Two tones, a click and noise as a converter of 16 bits gives them: exact float32 values."""
    t = np.arange(samples) / RATE
    x = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 2200 * t + 1) + 0.05 * np.random.default_rng(15).standard_normal(samples)
    x[samples // 3] += 0.4
    return np.round(32767 * np.clip(x, -1, 1)) / 32768


def frames(x, length, hop):
    return np.stack([x[t : t + length] for t in range(0, len(x) - length + 1, hop)])


def emphasised(x, a):
    return signal.lfilter([1, -float(np.float32(a))], [1], x)


def stacked(spectrum):
    return np.concatenate([spectrum.real, spectrum.imag], -1)


def htk(f):
    return 2595 * np.log10(1 + f / 700)


def htk_back(m):
    return 700 * (10 ** (m / 2595) - 1)


def slaney(f):
    return f * 3 / 200 if f < 1000 else 15 + 27 * np.log(f / 1000) / np.log(6.4)


def slaney_back(m):
    return m * 200 / 3 if m < 15 else 1000 * 6.4 ** ((m - 15) / 27)


def mel_bands(count, frequencies, scale, back, low, high, area):
    """Triangles by interpolation between their corners; with area each one is 2 / width high."""
    corners = [back(m) for m in np.linspace(scale(low), scale(high), count + 2)]
    f = np.linspace(0, RATE / 2, frequencies)
    rows = [np.interp(f, corners[b : b + 3], [0, 1, 0]) * (2 / (corners[b + 2] - corners[b]) if area else 1) for b in range(count)]
    return np.array(rows)


def floored(x):
    return np.log(np.maximum(x, float(np.float32(1e-6))))


def crossings(row):
    return np.mean(np.diff((row < 0).astype(int)) != 0)


def statistics(rows):
    rms = np.sqrt(np.mean(rows**2, 1))
    peak = np.max(np.abs(rows), 1)
    columns = [
        rows.mean(1), rms, rows.std(1), stats.skew(rows, axis=1), stats.kurtosis(rows, axis=1, fisher=False),
        np.array([crossings(row) for row in rows]), peak / rms, peak,
    ]
    return np.stack(columns, 1)


def goertzel(rows, frequencies):
    t = np.arange(rows.shape[1])
    return np.stack([np.abs(rows @ np.exp(-2j * np.pi * f / RATE * t)) ** 2 for f in frequencies], 1)


def band_sums(rows, edges):
    f = np.linspace(0, RATE / 2, rows.shape[1])
    last = len(edges) - 2
    inside = [(f >= a) & ((f < b) | ((f == b) & (i == last))) for i, (a, b) in enumerate(zip(edges, edges[1:]))]
    return np.stack([rows[:, band].sum(1) for band in inside], 1)


def cases():
    x = recording(1000)
    parts = frames(x, 256, 128)
    hann = parts * signal.get_window("hann", 256)
    spectra = np.fft.rfft(hann)
    power = np.abs(spectra) ** 2
    head = "frames 256 hop 128; window hann; rfft"
    by_htk = power @ mel_bands(20, 129, htk, htk_back, 0, 4000, False).T
    by_slaney = np.abs(spectra) @ mel_bands(16, 129, slaney, slaney_back, 100, 3900, True).T
    log_mel = floored(by_htk)
    b, a = signal.butter(2, 0.2)
    coefficients = [float(np.float32(c)) for c in (*b, a[1], a[2])]
    text = " ".join(np.format_float_positional(np.float32(c)) for c in coefficients)
    yield "frames", "frames 300 hop 100", frames(x, 300, 100)
    yield "preemphasis", "preemphasis 0.97", emphasised(x, 0.97)
    yield "window_hann", "frames 256 hop 128; window hann", hann
    yield "window_hamming", "frames 250 hop 125; window hamming symmetric", frames(x, 250, 125) * signal.get_window("hamming", 250, fftbins=False)
    yield "rfft_256", head, stacked(spectra)
    yield "rfft_8", "frames 8 hop 400; rfft", stacked(np.fft.rfft(frames(x, 8, 400)))
    yield "rfft_padded", "frames 200 hop 400; rfft n512", stacked(np.fft.rfft(frames(x, 200, 400), 512))
    yield "rfft_1024", "rfft n1024", stacked(np.fft.rfft(x, 1024))
    yield "power", head + "; power", power
    yield "magnitude", head + "; magnitude", np.abs(spectra)
    yield "mel_htk", head + "; power; mel 20 rate8000", by_htk
    yield "mel_slaney", head + "; magnitude; mel 16 rate8000 slaney from100 to3900", by_slaney
    yield "log_mel", head + "; power; mel 20 rate8000; log", log_mel
    yield "mfcc", head + "; power; mel 20 rate8000; log; dct 12", fft.dct(log_mel, norm="ortho")[:, :12]
    yield "bands", head + "; power; bands 0 300 1000 2500 4000 rate8000", band_sums(power, [0, 300, 1000, 2500, 4000])
    yield "goertzel", "frames 200 hop 200; goertzel 440 1000.5 2200 rate8000", goertzel(frames(x, 200, 200), [440, 1000.5, 2200])
    yield "biquad", f"biquad {text}", signal.lfilter(coefficients[:3], [1, *coefficients[3:]], x)
    taps = signal.firwin(33, 0.9 / 4, window="hamming")
    yield "decimate", "decimate 4", np.convolve(x, taps, "valid")[::4]
    yield (
        "statistics", "frames 250 hop 250; statistics mean rms deviation skewness kurtosis zero-crossings crest peak",
        statistics(frames(x, 250, 250)),
    )


def main(folder):
    x = recording(1000)
    for name, net, output in cases():
        case = {
            "about": f"{name}: NumPy {np.__version__}",
            "spec": {"type": "signal", "net": net},
            "inputs": [{"shape": [len(x)], "data": x.tolist()}],
            "output": {"shape": list(output.shape), "data": output.reshape(-1).tolist()},
        }
        (pathlib.Path(folder) / f"signal_{name}.json").write_text(json.dumps(case) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
