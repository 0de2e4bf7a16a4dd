#!/usr/bin/env python3
"""Golden cases of the integer arithmetic, computed apart from the engine.

    python3 tools/integer-golden/generate.py

writes tests/EmbeddedBackprop.Tests/Golden/integers/*.json (half a minute; needs Python 3.8 and NumPy, which it uses for float32 alone).
Two runs write the same bytes. The tests read the files; they need no Python.

This program was written from the design of the integers alone, without a look at the engine's kernels. Sums, products and shifts are Python
integers, which have no width and do not round. Loops are textbook loops. Layouts are those of the other golden cases: dense weights
[out, in], images [channels, height, width], kernels [out, in / groups, height, width] (transposed: [in, out / groups, height, width]), signals
[channels, length], sequences [steps, features]; gates in the order reset, update, new and input, forget, cell, output. The first axis of x and
y is the batch. Every file ends in integers: two programs agree or they do not.

Readings. Where the design leaves a choice, this program takes the one given here.
 1. "round" without a mode, where a model is made, is half away from zero in double. This holds for m, too: fractions of 53 bits can tie.
 2. s_w is rounded to float32 once, after the larger of both its parts is taken in double. q_w divides by that float32.
 3. b is kept within +-2^30: the float32 s_w = |b| / (s_x 2^30) can be too small by half a unit in its last place.
 4. f is computed in double in the order written: s_x * s_w / s_y, s_x * s_w / step, s_x / (n * s_y), s_1 * s_2 / s_y. Q11 is s_y = 2^-11.
 5. A multiplier of 0 has any shift: only m is compared.
 6. R is compared where its result fits an int32; the design promises no more.
 7. 1/s of quantize is one float32 division; the product with x is one float32 multiplication; the zero point is added after the rounding.
 8. hi of relu6 is z + round-to-even(6 (1/s)), the quantised 6, at most the type's end.
 9. A table activation that has a zero point z_t: i = clamp(z_t + R(a; s_x s_w / step)), T[i + 128] = q of f(step (i - z_t)).
    The entries of a table are nearest integers; none of the tables here has an entry near a tie, so that the mode does not matter.
10. 16 bits with a table: j = clamp(256 z_t + R(a; s_x s_w / (step / 256)), -32768, 32767), k = (j >> 8) + 128,
    y = T[k] + (((T[k+1] - T[k]) (j & 255) + 128) >> 8); T has 257 entries, T[k] = q of f(step (k - 128 - z_t)).
11. A mean divides by the taps inside, with an m and s for each such number; where padding counts, by the whole window.
    A mean over time of a masked sequence divides by the steps that count.
12. Add: |a_i| max|q_i - z_i| with the largest distance that the type of value i allows (max(127 - z, z + 128); 32768 for 16 bits), then summed.
13. The gates i, f, o of an LSTM are min(S(p + q), 32767), as r and z of a GRU are: 16 bits hold every gate.
14. An RNN with relu: p and q are R'd to the output's scale, each saturated to int16, h = min(max(p + q, 0), 32767).
15. The table of S follows the rule for numbers of a model: half away from zero, from float32. This decides entry 6: sigmoid(0.375) is
    19420.4991 / 32768, and 19420.5 / 32768 as a float32.
16. A batch normalisation by itself is a layer of one weight a channel: g = gamma / sqrt(variance + epsilon) and b = beta - mean g in double, each
    rounded once to float32; then s_w, w and b as of any layer (so w is 127 or -127 where b does not decide s_w).
17. p and q are saturated to int16 one by one; their sum p + q has 17 bits and is not saturated before S.
"""

import json
import math
import os

import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "EmbeddedBackprop.Tests", "Golden", "integers")
MASK64 = (1 << 64) - 1
Q11 = 2.0 ** -11
Q15 = 2.0 ** -15


# ---- Random numbers: SplitMix64 (Steele, Lea, Flood 2014), the same in every version of Python and easy to repeat elsewhere. ----

class Random:
    def __init__(self, seed):
        self.state = seed & MASK64

    def bits(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK64
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
        return z ^ (z >> 31)

    def integer(self, low, high):
        """low..high, both included."""
        return low + self.bits() % (high - low + 1)

    def uniform(self, low, high):
        return low + (high - low) * ((self.bits() >> 11) * 2.0 ** -53)

    def integers(self, low, high, *shape):
        if not shape:
            return self.integer(low, high)
        return [self.integers(low, high, *shape[1:]) for _ in range(shape[0])]


# ---- Floats. ----

def f32(x):
    """The nearest float32, as a Python float."""
    return float(np.float32(x))


def round_away(x):
    """Half away from zero, exactly: math.floor(x + 0.5) would round the sum first."""
    whole = int(x)
    rest = abs(x - whole)
    return whole + (int(math.copysign(1, x)) if rest >= 0.5 else 0)


def nearest(x, margin=0.0):
    """The nearest integer, refused within margin of a tie."""
    below = math.floor(x)
    if abs(x - below - 0.5) <= margin:
        raise NearTie(x)
    return below if x - below < 0.5 else below + 1


class NearTie(Exception):
    pass


# ---- Types. ----

class Type:
    """real = scale (q - zero_point)."""

    def __init__(self, bits, scale, zero_point=0):
        assert bits in (8, 16) and (bits == 8 or zero_point == 0)
        self.bits, self.scale, self.zero = bits, f32(scale), zero_point
        self.low, self.high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        assert self.low <= zero_point <= self.high

    def clamp(self, q):
        return clamp(q, self.low, self.high)

    def distance(self):
        return 32768 if self.bits == 16 else max(127 - self.zero, self.zero + 128)

    def json(self):
        return {"bits": self.bits, "scale": short(self.scale), "zero_point": self.zero}


def clamp(q, low, high):
    return min(max(q, low), high)


def sat16(v):
    return clamp(v, -32768, 32767)


# ---- Section 2.2: R. ----

def R(a, m, s):
    """floor(a m / 2^s + 1/2). Python's >> is floor for negative integers, too."""
    return ((a * m << 1) + (1 << s)) >> (s + 1)


def multiplier(f):
    """f = m / 2^s."""
    assert 0 <= f < 2.0 ** 30
    if f < 2.0 ** -32:
        return 0, 1
    fraction, exponent = math.frexp(f)
    m, s = round_away(fraction * 2.0 ** 31), 31 - exponent
    if m == 1 << 31:
        m, s = 1 << 30, s - 1
    assert 1 << 30 <= m < 1 << 31 and 1 <= s <= 62, (f, m, s)
    return m, s


# ---- Section 2.1: weights and biases. ----

def weight_scale(w, b, s_x):
    return f32(max(max(abs(x) for x in w) / 127, abs(b) / (s_x * 2.0 ** 30)))


def round_weight(w, s_w):
    return clamp(round_away(w / s_w), -127, 127)


def round_bias(b, s_x, s_w):
    """Within 2^30, which s_w can leave by its own rounding to float32."""
    return clamp(round_away(b / (s_x * s_w)), -(1 << 30), 1 << 30)


def float_bias(b, s_x, s_w):
    """An integer bias that a float32 rounds to: b itself below 2^23, else the nearest one."""
    return round_bias(f32(b * (s_x * s_w)), s_x, s_w)


# ---- Section 2.5: quantize and dequantize. ----

def quantize(x, t):
    x = np.float32(x)
    if np.isnan(x):
        return t.zero
    with np.errstate(over="ignore"):
        v = x * (np.float32(1) / np.float32(t.scale))
    v = min(max(float(v), t.low - t.zero), t.high - t.zero)
    return t.zero + round(v)                  # Python's round is half to even, exactly


def dequantize(q, t):
    return float(np.float32(t.scale) * np.float32(q - t.zero))


# ---- Activations. ----

FUNCTIONS = {
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)) if z > -700 else 0.0,
    "tanh": math.tanh,
    "gelu": lambda z: 0.5 * z * (1 + math.erf(z / math.sqrt(2))),
    "silu": lambda z: z / (1 + math.exp(-z)) if z > -700 else -0.0,
    "leaky-relu": lambda z: z if z > 0 else 0.01 * z,
}


def table8(function, step, z_t, y, margin=0.001):
    """T[i + 128] = q of f(step (i - z_t)), i = -128..127."""
    step = f32(step)
    return [y.clamp(y.zero + nearest(FUNCTIONS[function](step * (i - z_t)) / y.scale, margin)) for i in range(-128, 128)]


def table16(function, step, z_t, y, margin=0.015):
    """T[k] = q of f(step (k - 128 - z_t)), k = 0..256."""
    step = f32(step)
    return [y.clamp(nearest(FUNCTIONS[function](step * (k - 128 - z_t)) / y.scale, margin)) for k in range(257)]


def line16(T, j):
    k = (j >> 8) + 128
    return T[k] + (((T[k + 1] - T[k]) * (j & 255) + 128) >> 8)


def bounds(activation, y):
    low, high = y.low, y.high
    if activation in ("relu", "relu6"):
        low = y.zero
    if activation == "relu6":
        high = min(high, quantize(6.0, Type(y.bits, y.scale, y.zero)))
    return low, high


class Output:
    """What follows a layer's sum: R with the output's multiplier and a clamp, or a table."""

    def __init__(self, x_scale, weight_scales, y, activation="identity", step=None, z_t=0):
        self.y, self.activation, self.step, self.z_t, self.table = y, activation, step, z_t, None
        self.low, self.high = bounds(activation, y)
        if step is None:
            self.factors = [multiplier(x_scale * s_w / y.scale) for s_w in weight_scales]
        elif y.bits == 8:
            self.table = table8(activation, step, z_t, y)
            self.factors = [multiplier(x_scale * s_w / f32(step)) for s_w in weight_scales]
        else:
            self.table = table16(activation, step, z_t, y)
            self.factors = [multiplier(x_scale * s_w / (f32(step) / 256)) for s_w in weight_scales]

    def of(self, a, o):
        assert -(1 << 31) <= a < 1 << 31, "a sum leaves int32"
        m, s = self.factors[o]
        if self.table is None:
            return clamp(self.y.zero + R(a, m, s), self.low, self.high)
        if self.y.bits == 8:
            return self.table[clamp(self.z_t + R(a, m, s), -128, 127) + 128]
        return line16(self.table, sat16(256 * self.z_t + R(a, m, s)))

    def json(self):
        fields = {"activation": self.activation, "low": self.low, "high": self.high}
        if self.table is not None:
            fields["table_type"] = {"bits": 8, "scale": short(f32(self.step)), "zero_point": self.z_t}
            fields["table"] = self.table
        fields["multiplier"] = [m for m, _ in self.factors]
        fields["shift"] = [s for _, s in self.factors]
        return fields


# ---- Files: every number is an integer or the shortest decimal of a float32. ----

def short(x):
    text = float(str(np.float32(x)))
    assert f32(text) == f32(x)
    return text


def shape_of(nested):
    shape = []
    while isinstance(nested, list):
        shape.append(len(nested))
        nested = nested[0]
    return shape


def flat(nested):
    return [v for part in nested for v in flat(part)] if isinstance(nested, list) else [nested]


def tensor(nested):
    return {"shape": shape_of(nested), "data": flat(nested)}


def write(name, about, cases):
    os.makedirs(FOLDER, exist_ok=True)
    lines = []
    for case in cases:
        fields = ",\n".join(json.dumps(key) + ": " + json.dumps(value, separators=(",", ":")) for key, value in case.items())
        lines.append("{" + fields + "}")
    text = '{"about": ' + json.dumps(about) + ',\n"cases": [\n' + ",\n".join(lines) + "\n]}\n"
    with open(os.path.join(FOLDER, name + ".json"), "w", encoding="ascii", newline="\n") as file:
        file.write(text)
    print(f"{name}.json: {len(cases)} cases, {len(text)} bytes")


def different(values):
    """A case whose outputs are all alike, or mostly saturated, shows little."""
    return len(set(flat(values)))


# ---- R and multipliers. ----

def write_rounding():
    edges_a = sorted({sign * v for v in [0, 1, 2, 3, 255, 32512, 1 << 15, 1 << 16, (1 << 24) - 1, (1 << 24) + 1, 1 << 30, (1 << 31) - 1]
                      for sign in (1, -1)} | {-(1 << 31)})
    edges_m = [0, 1 << 30, (1 << 30) + 1, 3 << 29, (1 << 31) - 1]
    edges_s = [1, 2, 30, 31, 32, 33, 34, 47, 48, 55, 56, 61, 62]
    triples = [(a, m, s) for a in edges_a for m in edges_m for s in edges_s]
    # Ties: a m is an odd multiple of 2^(s-1).
    triples += [(sign * odd << e, 1 << 30, 31 + e) for e in range(0, 26, 5) for odd in (1, 3, 5, 31) for sign in (1, -1)]
    triples = [t for t in triples if -(1 << 31) <= R(*t) < 1 << 31]
    random = Random(1)
    triples = [t for i, t in enumerate(triples) if t[2] >= 33 or i % 2 == 0]
    for _ in range(300):
        triples.append(random_triple(random))
    rows = [[*t, R(*t)] for t in triples]
    sums = []
    for count in (1000, 10_000_000):
        random = Random(20)
        h = 0
        for _ in range(count):
            h = (h * 0x9E3779B97F4A7C15 + R(*random_triple(random))) & MASK64
        sums.append({"name": "checksum", "seed": 20, "count": count, "checksum": f"{h:016x}"})
    about = (
        "R(a; m, s) = floor(a m / 2^s + 1/2) by integers without width. rows: a, m, s, y. checksum: h = h "
        "0x9E3779B97F4A7C15 + y modulo 2^64 over random triples; two draws u, v of SplitMix64 give a = the low 32 bits "
        "of u, m = 2^30 + (u >> 32) modulo 2^30, s = 1 + v modulo 62; where s < 31, a >>= 31 - s."
    )
    write("rounding", about, [{"name": "rows", "rows": tensor(rows)}, *sums])


def random_triple(random):
    u, v = random.bits(), random.bits()
    a = (u & 0xFFFFFFFF) - ((u & 0x80000000) << 1)
    m = (1 << 30) + ((u >> 32) & ((1 << 30) - 1))
    s = 1 + v % 62
    return (a >> (31 - s) if s < 31 else a), m, s


def write_multipliers():
    factors = [0.0, 1e-300, 2.0 ** -33, 2.0 ** -32 * (1 - 2.0 ** -53), 2.0 ** -32, 2.0 ** -32 * (1 + 2.0 ** -52), 2.0 ** -31,
               1.0, 0.25, 0.5, 0.75, 1 / 3, 0.1, 127.0, 1e9, 2.0 ** 29, 2.0 ** 30 * (1 - 2.0 ** -31), 2.0 ** 30 * (1 - 2.0 ** -30)]
    for k in (-31, -20, -9, -2, -1, 0, 1, 15, 29):
        for ulps in (1, 2):
            factors += [2.0 ** k * (1 - ulps * 2.0 ** -53), 2.0 ** k * (1 + ulps * 2.0 ** -52)]
        # fraction * 2^31 around half an integer: below, tie, above; the tie next to 2^31 rounds up to it.
        for base in ((1 << 30) + 1, (1 << 30) + 2, (1 << 31) - 1):
            if k + 1 <= 29:
                factors += [(base + 0.5 + d) * 2.0 ** (k - 30) for d in (-2.0 ** -20, 0, 2.0 ** -20)]
    random = Random(2)
    for _ in range(120):
        factors.append(math.ldexp(random.uniform(0.5, 1), random.integer(-31, 29)))
    for _ in range(60):
        s_x, s_w, s_y = (f32(random.uniform(1e-4, 0.1)) for _ in range(3))
        factors.append(s_x * s_w / s_y)
    pairs = [multiplier(f) for f in factors]
    about = (
        "f = m / 2^s: factor (a double), m, shift; where m is 0 the shift is not compared. refused: factors from 2^30 "
        "on."
    )
    write("multiplier", about, [{
        "name": "factors", "factor": factors, "multiplier": [m for m, _ in pairs], "shift": [s for _, s in pairs],
        "refused": [2.0 ** 30, 2.0 ** 30 * (1 + 2.0 ** -52), 1e300]}])


def write_weights():
    random = Random(3)
    cases = []

    def add(name, s_x, w, b, scales=None):
        s_x = f32(s_x)
        w, b = [[f32(v) for v in row] for row in w], [f32(v) for v in b]
        scales = scales or [weight_scale(row, bias, s_x) for row, bias in zip(w, b)]
        q = [[round_weight(v, s) for v in row] for row, s in zip(w, scales)]
        qb = [round_bias(bias, s_x, s) for bias, s in zip(b, scales)]
        cases.append({"name": name, "input_scale": short(s_x), "weight": tensor([[short(v) for v in row] for row in w]),
                      "bias": [short(v) for v in b],
                      "weight_scale": [short(s) for s in scales], "integer_weight": tensor(q), "integer_bias": qb})
        return q, qb

    w = [[random.uniform(-0.3, 0.3) for _ in range(11)] for _ in range(6)]
    add("random", 0.0173, w, [random.uniform(-1, 1) for _ in range(6)])
    w = [[127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5], [-127, 0.49999997, -0.49999997, 3.5, 63.5, -63.5, -126.5, 0]]
    q, qb = add("ties go away from zero", 0.5, w, [0.25, -1.25])
    assert q[0] == [127, 1, 2, 3, -1, -2, -3, 127] and q[1] == [-127, 0, 0, 4, 64, -64, -127, 0] and qb == [1, -3]
    q, qb = add("the bias decides the scale", 2.0 ** -7, [[0.0, 0.0, 0.0], [2.0 ** -23, -2.0 ** -24, 0], [1e-9, 1e-9, -1e-9]], [3.0, -1.0, 0.5])
    assert qb[1] == -(1 << 30) and q[0] == [0, 0, 0]
    rows = []
    while len(rows) < 6:                          # three scales that the rounding to float32 made smaller, three larger
        bias = f32(random.uniform(-9, 9))
        if (weight_scale([0.0], bias, f32(0.0173)) < abs(bias) / (f32(0.0173) * 2.0 ** 30)) == (len(rows) < 3):
            rows.append(bias)
    add("the bias decides the scale, which is rounded down and up", 0.0173, [[1e-9]] * 6, rows)
    add("largest magnitude negative", 0.031, [[-0.7, 0.3, 0.111, 0.005], [0.2, -0.25, 0.1, 0.0]], [0.0, -0.0])
    add("one weight", 0.25, [[1e-3], [-5.0]], [0.125, -17.0])
    about = (
        "weight_scale[o] = the larger of max |w| / 127 and |b| / (input_scale 2^30), as float32; integer_weight = w / "
        "weight_scale, integer_bias = b / (input_scale weight_scale), in double, half away from zero; weights [out, "
        "in]."
    )
    write("weights", about, cases)


def write_quantize():
    random = Random(4)
    cases = []

    def add(name, t, xs):
        xs = [float(np.float32(x)) for x in xs]
        words = {math.inf: "Infinity", -math.inf: "-Infinity"}
        q = [quantize(x, t) for x in xs]
        cases.append({"name": name, "type": t.json(), "x": ["NaN" if math.isnan(x) else words.get(x, short(x)) for x in xs],
                      "y": q, "dequantized": [short(dequantize(v, t)) for v in q]})
        return q

    special = [math.nan, math.inf, -math.inf, 3.4028234e38, -3.4028234e38, 1e-45, -1e-45, 0.0, 1.17549435e-38]
    ties = [(k + 0.5) / 4 for k in range(-9, 10)]
    add("ties to even, z = 0", Type(8, 0.25, 0), [*special, *ties, 31.624, 31.625, 31.626, 31.875, 32, -32, -32.1, -32.125, -32.126])
    add("ties to even, z = -5", Type(8, 0.25, -5), [*special, *ties])
    add("ties to even, z = 127", Type(8, 0.25, 127), [*special, *ties])
    add("a scale that no float holds exactly", Type(8, 0.1, 17), [*special, *[k * 0.05 for k in range(-40, 41)]])
    q = add("bytes of an image", Type(8, 1 / 255, -128), [float(np.float32(k) / np.float32(255)) for k in range(256)])
    assert q == list(range(-128, 128))
    add("random", Type(8, 0.0371, -31), [random.uniform(-6, 8) for _ in range(60)])
    add("16 bits", Type(16, 2.0 ** -12, 0), [*special, *[(k + 0.5) / 4096 for k in (-32769, -32768, -3, -2, -1, 0, 1, 2, 32766, 32767)]])
    add("16 bits, random", Type(16, 0.000613, 0), [random.uniform(-21, 21) for _ in range(60)])
    add("a small scale: 1/s is large", Type(8, 1e-30, 3), [*special, 1e-29, -3e-29, 5.5e-29])
    about = (
        "y = z + round-to-even(min(max(x (1/s), lo - z), hi - z)), 1/s and the product in float32; NaN gives z; "
        "dequantized = s (y - z), one float32 product."
    )
    write("quantize", about, cases)


# ---- Layers. ----

def scale_for(sums, x_scale, weight_scales, y_bits, share=0.9):
    """An output scale by which so much of the range of the results is inside the type: a few results are clamped."""
    largest = max(abs(a * x_scale * weight_scales[o]) for a, o in sums)
    return f32(largest * share / (32767 if y_bits == 16 else 127))


def random_layer(random, outputs, fan_in, x, bias=4000, extreme=False):
    if extreme:
        w = [[random.integer(115, 127) for _ in range(fan_in)] for _ in range(outputs)]
        w = [[-v for v in row] if o % 2 else row for o, row in enumerate(w)]
    else:
        w = random.integers(-127, 127, outputs, fan_in)
    scales = [f32(random.uniform(0.001, 0.02)) for _ in range(outputs)]
    b = [float_bias(random.integer(-bias, bias), x.scale, s) for s in scales]
    return w, scales, b


def values(random, t, *shape):
    return random.integers(t.low, t.high, *shape)


def layer_case(name, x, y, q, w, scales, b, output, result, **more):
    return {"name": name, **more, "x_type": x.json(), "y_type": y.json(), "x": tensor(q), "weight": tensor(w),
            "weight_scale": [short(s) for s in scales],
            "bias": b, **output.json(), "y": tensor(result)}


def with_table(make):
    """Tries scales until no table entry is near a tie."""
    for attempt in range(100000):
        try:
            return make(attempt)
        except NearTie:
            pass
    raise AssertionError("no scale found")


def write_dense():
    random = Random(5)
    cases = []

    def sums(q, w, b, x):
        return [[b[o] + sum((v - x.zero) * c for v, c in zip(row, w[o])) for o in range(len(w))] for row in q]

    def add(name, x, y_bits, z_y, batch, inputs, outputs, activation="identity", step=None, z_t=0, y_scale=None, extreme=False, share=0.9, layer=None,
            bias=4000):
        w, scales, b = layer or random_layer(random, outputs, inputs, x, extreme=extreme, bias=bias)
        q = values(random, x, batch, inputs)
        if extreme:
            q = [[x.low if r % 2 == 0 else x.high for _ in row] for r, row in enumerate(q)]
        a = sums(q, w, b, x)

        def make(attempt):
            scale = y_scale or scale_for([(v, o) for row in a for o, v in enumerate(row)], x.scale, scales, y_bits, share)
            y = Type(y_bits, scale * (1 + attempt / 1000), z_y)
            return y, Output(x.scale, scales, y, activation, step, z_t)

        y, output = make(0) if step is None or y_scale is not None else with_table(make)
        result = [[output.of(v, o) for o, v in enumerate(row)] for row in a]
        assert batch * outputs < 4 or different(result) > 2, name
        cases.append(layer_case(name, x, y, q, w, scales, b, output, result))
        return a, result

    add("7 to 5, z on both sides", Type(8, 0.0217, -5), 8, 11, 3, 7, 5)
    add("1 to 3", Type(8, 0.05, 127), 8, -128, 5, 1, 3)
    add("5 to 1, relu", Type(8, 0.031, -128), 8, -128, 4, 5, 1, "relu")
    add("33 to 17, relu, z in the middle", Type(8, 0.013, 3), 8, -40, 2, 33, 17, "relu")
    add("19 to 9, relu6 below the type's end", Type(8, 0.031, 1), 8, -100, 3, 19, 9, "relu6", y_scale=8 / 255)
    add("19 to 9, relu6 above the type's end", Type(8, 0.031, 1), 8, -100, 3, 19, 9, "relu6", y_scale=0.0123)
    a, _ = add("600 to 3, sums beyond 2^24", Type(8, 0.01, 127), 8, 0, 2, 600, 3, extreme=True)
    assert max(abs(v) for row in a for v in row) > 1 << 24
    add("13 to 10, int16 logits", Type(8, 0.02, -128), 16, 0, 3, 13, 10)
    add("9 to 4, int16 on both sides", Type(16, 0.0003, 0), 16, 0, 3, 9, 4, bias=400000)
    add("9 to 5, int16, relu", Type(16, 0.0003, 0), 16, 0, 3, 9, 5, "relu", bias=400000)
    a, _ = add("513 to 3, int16, sums beyond 2^30", Type(16, 0.0001, 0), 16, 0, 2, 513, 3, extreme=True)
    assert max(abs(v) for row in a for v in row) > 1 << 30
    add("11 to 4, int16 to int8", Type(16, 0.0003, 0), 8, -17, 3, 11, 4)
    add("3 to 4, factors from 1/4 on", Type(8, 0.5, 2), 8, 5, 3, 3, 4,
        layer=([[1, -1, 2], [0, 3, -2], [-5, 1, 0], [1, 0, 0]], [f32(v) for v in (0.25, 0.5, 0.75, 1.1)],
        [float_bias(v, 0.5, f32(s)) for v, s in zip((3, -4, 5, 6), (0.25, 0.5, 0.75, 1.1))]), y_scale=0.25)
    tiny = [2.0 ** -25, 2.0 ** -26, 2.0 ** -30, 2.0 ** -31, 2.0 ** -32, 2.0 ** -33, 2.0 ** -26 * 1.5, 2.0 ** -22 * 1.1]
    tiny = [f32(v) for v in tiny]
    layer = (random.integers(-127, 127, 8, 3), tiny, [float_bias(v, 1.0, s) for v, s in zip(
        (1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, -(3 << 27), -(1 << 29)), tiny)])
    a, y = add("3 to 8, dead outputs: shifts of 52 to 62 and m = 0", Type(8, 1.0, 6), 8, 77, 3, 3, 8, y_scale=1.0, layer=layer)
    assert {s for _, s in [multiplier(1.0 * v / 1.0) for v in tiny]} >= {55, 56, 61, 62}
    for kind, z_y, y_scale in (("sigmoid", -128, 1 / 256), ("tanh", 0, 1 / 128)):
        add(f"15 to 7, {kind} by table", Type(8, 0.02, -9), 8, z_y, 4, 15, 7, kind, step=1 / 16 if kind == "sigmoid" else 1 / 32, y_scale=y_scale)
    add("15 to 7, gelu by table with a zero point", Type(8, 0.01, 20), 8, -90, 4, 15, 7, "gelu", step=0.0531, z_t=-36, share=0.6)
    add("15 to 7, silu by table with a zero point", Type(16, 0.0001, 0), 8, -100, 4, 15, 7, "silu", step=0.0441, z_t=11, share=0.6)
    add("6 to 5, int16 sigmoid by table and line", Type(16, 0.0001, 0), 16, 0, 4, 6, 5, "sigmoid", step=1 / 16, share=0.001)
    add("6 to 5, int16 tanh by table and line", Type(8, 0.03, 50), 16, 0, 4, 6, 5, "tanh", step=1 / 32, share=0.02)
    add("6 to 5, int16 gelu by table and line with a zero point", Type(8, 0.03, -50), 16, 0, 4, 6, 5, "gelu", step=0.045, z_t=-70, share=0.4)
    about = (
        "a = b + sum of (x - z_x) w, y = clamp(z_y + R(a; m, s), low, high) with f = s_x s_w / s_y; with a table i = "
        "clamp(z_t + R(a; s_x s_w / s_t), -128, 127), y = table[i + 128]; 16 bits with a table: j = clamp(256 z_t + R(a; s_x s_w "
        "/ (s_t / 256)), -32768, 32767), k = (j >> 8) + 128, y = table[k] + (((table[k+1] - table[k]) (j & 255) + 128) "
        ">> 8). x [batch, in], weight [out, in]."
    )
    write("dense", about, cases)


def same(size, kernel, stride, dilation):
    """Padding before and after for ceil(size / stride) outputs; an odd one is after."""
    outputs = -(-size // stride)
    total = max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - size)
    return total // 2, total - total // 2


def conv_sums(image, w, b, z, stride, pad, dilation, groups):
    """[out, height, width] of one image [in, height, width]; pad = top, left, bottom, right. Taps outside are left out."""
    channels, height, width = shape_of(image)
    outputs, per_group, kh, kw = shape_of(w)
    assert per_group * groups == channels and outputs % groups == 0
    oh = (height + pad[0] + pad[2] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (width + pad[1] + pad[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    result = []
    for o in range(outputs):
        first = o // (outputs // groups) * per_group
        plane = []
        for oy in range(oh):
            row = []
            for ox in range(ow):
                a = b[o]
                for c in range(per_group):
                    for ky in range(kh):
                        for kx in range(kw):
                            iy, ix = oy * stride[0] - pad[0] + ky * dilation[0], ox * stride[1] - pad[1] + kx * dilation[1]
                            if 0 <= iy < height and 0 <= ix < width:
                                a += (image[first + c][iy][ix] - z) * w[o][c][ky][kx]
                row.append(a)
            plane.append(row)
        result.append(plane)
    return result


def transposed_sums(image, w, b, z, stride, pad, dilation, groups, extra):
    """[out, height, width]: each input adds its kernel to the output around it. w [in, out / groups, kh, kw]."""
    channels, height, width = shape_of(image)
    _, per_group, kh, kw = shape_of(w)
    oh = (height - 1) * stride[0] - 2 * pad[0] + dilation[0] * (kh - 1) + extra[0] + 1
    ow = (width - 1) * stride[1] - 2 * pad[1] + dilation[1] * (kw - 1) + extra[1] + 1
    result = [[[b[o]] * ow for _ in range(oh)] for o in range(per_group * groups)]
    for c in range(channels):
        group = c // (channels // groups)
        for iy in range(height):
            for ix in range(width):
                for o in range(per_group):
                    for ky in range(kh):
                        for kx in range(kw):
                            oy, ox = iy * stride[0] - pad[0] + ky * dilation[0], ix * stride[1] - pad[1] + kx * dilation[1]
                            if 0 <= oy < oh and 0 <= ox < ow:
                                result[group * per_group + o][oy][ox] += (image[c][iy][ix] - z) * w[c][o][ky][kx]
    return result


def write_convolutions():
    random = Random(6)
    cases = []

    def add(name, x, y_bits, z_y, batch, channels, size, filters, kernel, stride=(1, 1), padding="explicit", pad=(0, 0), dilation=(1, 1), groups=1,
            activation="identity", step=None, z_t=0, y_scale=None, transposed=False, extra=(0, 0), extreme=False, bias=4000, share=0.9):
        signal = len(size) == 1
        if signal:
            size, kernel, stride, dilation = ((1, t[0]) for t in (size, kernel, stride, dilation))
            pad, extra = (0, pad[0]), (0, extra[0])
        if padding == "same":
            (top, bottom), (left, right) = (same(size[i], kernel[i], stride[i], dilation[i]) for i in (0, 1))
            edges = (top, left, bottom, right)
        elif padding == "causal":
            edges = (0, dilation[1] * (kernel[1] - 1), 0, 0)
        else:
            edges = (*pad, *pad)
        fan_in = channels // groups * kernel[0] * kernel[1]
        w, scales, b = random_layer(random, filters, fan_in, x, bias=bias, extreme=extreme)
        if transposed:
            w = random.integers(-127, 127, channels, filters // groups, *kernel)
        else:
            w = [[[row[(c * kernel[0] + ky) * kernel[1]:][:kernel[1]] for ky in range(kernel[0])] for c in range(channels // groups)] for row in w]
        q = values(random, x, batch, channels, *size)
        if extreme:
            q = [[[[x.low] * size[1]] * size[0]] * channels] * batch
        if transposed:
            a = [transposed_sums(image, w, b, x.zero, stride, pad, dilation, groups, extra) for image in q]
        else:
            a = [conv_sums(image, w, b, x.zero, stride, edges, dilation, groups) for image in q]

        def make(attempt):
            scale = y_scale or scale_for([(v, o) for image in a for o, plane in enumerate(image) for row in plane for v in row], x.scale, scales,
                                         y_bits, share)
            y = Type(y_bits, scale * (1 + attempt / 1000), z_y)
            return y, Output(x.scale, scales, y, activation, step, z_t)

        y, output = make(0) if step is None or y_scale is not None else with_table(make)
        result = [[[[output.of(v, o) for v in row] for row in plane] for o, plane in enumerate(image)] for image in a]
        assert different(result) > 2, name
        if signal:
            q, result = ([[plane[0] for plane in image] for image in part] for part in (q, result))
            w = [[part[0] for part in row] for row in w]
            more = {"stride": [stride[1]], "padding": padding, "edges": [edges[1], edges[3]], "dilation": [dilation[1]], "groups": groups}
        else:
            more = {"stride": list(stride), "padding": padding, "edges": list(edges), "dilation": list(dilation), "groups": groups}
        if transposed:
            more["output_padding"] = list(extra)
        cases.append(layer_case(name, x, y, q, w, scales, b, output, result, **more))
        return a

    add("3x3", Type(8, 0.02, -7), 8, 5, 2, 3, (5, 6), 5, (3, 3))
    add("3x3, stride 2, padding 1, z far from 0", Type(8, 0.02, 93), 8, -100, 1, 2, (7, 6), 3, (3, 3), (2, 2), pad=(1, 1), activation="relu")
    add("3x3, two groups", Type(8, 0.02, -128), 8, 1, 1, 4, (4, 5), 6, (3, 3), pad=(1, 1), groups=2)
    add("3x3, depthwise, z = 100", Type(8, 0.02, 100), 8, 9, 1, 5, (5, 4), 5, (3, 3), pad=(1, 1), groups=5)
    add("3x3, depthwise with two filters a channel, stride 2 x 1", Type(8, 0.02, -20), 8, 0, 1, 3, (5, 5), 6, (3, 3), (2, 1), pad=(1, 1), groups=3)
    add("3x3, dilation 2 x 3, padding 2 x 3", Type(8, 0.02, 64), 8, -3, 1, 2, (6, 7), 3, (3, 3), pad=(2, 3), dilation=(2, 3))
    add("1x1", Type(8, 0.02, 11), 8, -11, 2, 7, (3, 3), 4, (1, 1), activation="relu")
    add("1x1, stride 2", Type(8, 0.02, 11), 8, -11, 1, 3, (5, 4), 5, (1, 1), (2, 2))
    add("5x3, same, stride 2, even sizes", Type(8, 0.02, -30), 8, 30, 1, 2, (6, 8), 3, (5, 3), (2, 2), padding="same")
    add("2x2, same: the odd row and column follow", Type(8, 0.02, -60), 8, 30, 1, 2, (4, 3), 3, (2, 2), padding="same")
    add("3x3 over 2x2, padding 3: windows without a tap", Type(8, 0.02, 50), 8, -20, 1, 2, (2, 2), 2, (3, 3), pad=(3, 3))
    add("3x3, relu6", Type(8, 0.02, -128), 8, -128, 1, 2, (4, 4), 3, (3, 3), pad=(1, 1), activation="relu6", y_scale=7 / 255)
    add("3x3, sigmoid by table", Type(8, 0.005, -4), 8, -128, 1, 2, (4, 5), 3, (3, 3), pad=(1, 1), activation="sigmoid", step=1 / 16, y_scale=1 / 256)
    add("3x3, gelu by table with a zero point", Type(8, 0.005, -4), 8, -101, 1, 2, (4, 5), 3, (3, 3), pad=(1, 1), activation="gelu", step=0.047,
        z_t=-30, share=0.5)
    add("3x3, int8 to int16", Type(8, 0.02, 40), 16, 0, 1, 3, (4, 3), 2, (3, 3), pad=(1, 1))
    add("3x3, int16", Type(16, 0.0002, 0), 16, 0, 1, 3, (4, 3), 2, (3, 3), (1, 2), pad=(1, 1), bias=300000)
    add("3x3, depthwise, int16", Type(16, 0.0002, 0), 16, 0, 1, 3, (4, 3), 3, (3, 3), pad=(1, 1), groups=3, activation="relu", bias=300000)
    a = add("3x3 from 64 channels, sums beyond 2^24", Type(8, 0.01, 127), 8, 2, 1, 64, (3, 3), 2, (3, 3), pad=(1, 1), extreme=True)
    assert max(abs(v) for v in flat(a)) > 1 << 24
    add("signal, 3, stride 2, padding 1", Type(8, 0.02, -45), 8, 45, 2, 3, (9,), 4, (3,), (2,), pad=(1,))
    add("signal, 3, causal, dilation 2", Type(8, 0.02, 70), 8, -70, 1, 3, (9,), 4, (3,), padding="causal", dilation=(2,), activation="relu")
    add("signal, 4, same", Type(8, 0.02, 70), 8, -70, 1, 2, (7,), 3, (4,), padding="same")
    add("signal, 5, depthwise", Type(8, 0.02, -13), 8, 7, 1, 4, (8,), 4, (5,), pad=(2,), groups=4)
    add("signal, 3, causal, int16", Type(16, 0.0002, 0), 16, 0, 1, 2, (7,), 3, (3,), padding="causal", bias=300000)
    about = (
        "a = b + sum of (x - z_x) w over the taps inside, then as dense. x [batch, in, height, width], weight [out, in "
        "/ groups, height, width]; a signal lacks the height. edges: padding at top, left, bottom, right (signal: "
        "before, after)."
    )
    write("convolution", about, cases)
    cases = []
    add("3x3, stride 2, padding 1, one row and column more", Type(8, 0.02, -33), 8, 12, 1, 3, (3, 4), 2, (3, 3), (2, 2), pad=(1, 1),
        transposed=True, extra=(1, 1))
    add("2x2, stride 2", Type(8, 0.02, 90), 8, -60, 2, 2, (3, 2), 3, (2, 2), (2, 2), transposed=True, activation="relu")
    add("3x3, two groups", Type(8, 0.02, -128), 8, 0, 1, 4, (3, 3), 6, (3, 3), transposed=True, groups=2)
    add("3x2, dilation 2 x 1, stride 1 x 3, padding 1 x 0", Type(8, 0.02, 25), 8, 3, 1, 2, (3, 3), 2, (3, 2), (1, 3), pad=(1, 0),
        dilation=(2, 1), transposed=True)
    add("1x2, stride 3: outputs without a tap", Type(8, 0.02, 25), 8, 3, 1, 2, (2, 3), 2, (1, 2), (3, 3), transposed=True, extra=(2, 0))
    add("3x3, stride 2, int16", Type(16, 0.0002, 0), 16, 0, 1, 2, (3, 3), 2, (3, 3), (2, 2), pad=(1, 1), transposed=True, bias=300000)
    add("3x3, tanh by table", Type(8, 0.005, -4), 8, 0, 1, 2, (2, 3), 2, (3, 3), (2, 1), transposed=True, activation="tanh", step=1 / 32,
        y_scale=1 / 128)
    about = (
        "a[o, iy s - p + ky d, ix s - p + kx d] = b[o] + sum of (x - z_x) w over the inputs that reach it, then as "
        "dense. weight [in, out / groups, height, width]; weight_scale belongs to outputs; edges: rows and columns "
        "taken away at top, left, bottom, right; output_padding: rows and columns added."
    )
    write("transposed", about, cases)


# ---- Pools and means. ----

def write_pools():
    random = Random(7)
    cases = []

    def add(name, kind, x, y, batch, channels, size, window=None, stride=None, pad=None, whole=False):
        signal = len(size) == 1
        q = values(random, x, batch, channels, *size)
        full = [[[plane] for plane in image] for image in q] if signal else q
        window, stride, pad = ((None if t is None else (d, t[0]) if signal else t) for t, d in ((window, 1), (stride, 1), (pad, 0)))
        height, width = len(full[0][0]), len(full[0][0][0])
        everything = window is None
        window = window or (height, width)
        stride, pad = stride or window, pad or (0, 0)
        oh, ow = ((n + 2 * pad[i] - window[i]) // stride[i] + 1 for i, n in enumerate((height, width)))
        counts = set()

        def pooled(plane, oy, ox):
            taps = [plane[iy][ix] for iy in range(oy * stride[0] - pad[0], oy * stride[0] - pad[0] + window[0]) if 0 <= iy < height
                    for ix in range(ox * stride[1] - pad[1], ox * stride[1] - pad[1] + window[1]) if 0 <= ix < width]
            if kind == "max":
                return max(taps)
            n = window[0] * window[1] if whole else len(taps)
            counts.add(n)
            return y.clamp(y.zero + R(sum(v - x.zero for v in taps), *multiplier(x.scale / (n * y.scale))))

        result = [[[[pooled(plane, oy, ox) for ox in range(ow)] for oy in range(oh)] for plane in image] for image in full]
        if signal:
            result = [[plane[0] for plane in image] for image in result]
            window, stride, pad = window[1:], stride[1:], pad[1:]
        case = {"name": name, "kind": kind, "x_type": x.json(), "y_type": y.json()}
        if everything:
            result = [[flat(plane)[0] for plane in image] for image in result]
        else:
            case |= {"window": list(window), "stride": list(stride), "padding": list(pad), "count_padding": whole}
        if kind == "mean":
            counts = sorted(counts)
            case |= {"count": counts, "multiplier": [multiplier(x.scale / (n * y.scale))[0] for n in counts],
                     "shift": [multiplier(x.scale / (n * y.scale))[1] for n in counts]}
        cases.append({**case, "x": tensor(q), "y": tensor(result)})

    t = Type(8, 0.02, -30)
    t16 = Type(16, 0.0003)
    add("2x2", "max", t, t, 2, 3, (4, 6), (2, 2))
    add("3x3, stride 2, padding 1", "max", t, t, 1, 3, (7, 6), (3, 3), (2, 2), (1, 1))
    add("signal, 3, stride 2", "max", t, t, 1, 3, (9,), (3,), (2,))
    add("2x2, int16", "max", t16, t16, 1, 2, (4, 4), (2, 2))
    add("whole", "max", t, t, 2, 3, (3, 5))
    add("2x2, the same type: ties go up", "mean", t, t, 2, 3, (6, 6), (2, 2))
    add("1x2, the same type: every other one is a tie", "mean", Type(8, 0.02, 31), Type(8, 0.02, 31), 1, 3, (4, 6), (1, 2))
    add("3x3, stride 2, padding 1: 4, 6 and 9 taps", "mean", t, Type(8, 0.013, 17), 1, 3, (7, 6), (3, 3), (2, 2), (1, 1))
    add("3x3, stride 2, padding 1, padding counts", "mean", t, Type(8, 0.013, 17), 1, 3, (7, 6), (3, 3), (2, 2), (1, 1), True)
    add("signal, 3, stride 1, padding 1", "mean", t, Type(8, 0.017, -128), 2, 2, (8,), (3,), (1,), (1,))
    add("3x3, stride 2, padding 1, int16", "mean", t16, Type(16, 0.00021), 1, 2, (6, 5), (3, 3), (2, 2), (1, 1))
    add("whole", "mean", t, Type(8, 0.007, -3), 2, 4, (5, 7))
    add("whole, a scale from 1/4 on", "mean", Type(8, 0.02, 10), Type(8, 0.0031, 100), 2, 4, (1, 3))
    add("whole, int16 to int16", "mean", t16, Type(16, 0.00008), 2, 4, (3, 5))
    about = (
        "max: the largest q; mean: y = clamp(z_y + R(sum of (x - z_x); m, s)) with f = s_x / (n s_y), n the taps inside "
        "(where count_padding is true: the window). Windows are clipped at the edges. No window: all of a channel, y "
        "[batch, channels]. count, multiplier, shift: a row for each n."
    )
    write("pool", about, cases)
    cases = []
    for name, kind, x, y, masked in (
            ("all steps", "mean", Type(8, 0.02, -30), Type(8, 0.011, 40), False), ("masked", "mean", Type(8, 0.02, 60), Type(8, 0.011, 4), True),
            ("int16, masked", "mean", t16, Type(16, 0.0002), True), ("all steps", "max", t, t, False), ("masked", "max", t, t, True)):
        batch, steps, features = 4, 7, 3
        q = values(random, x, batch, steps, features)
        mask = [[1 if not masked or (t < 1 + 2 * b) else 0 for t in range(steps)] for b in range(batch)]
        result = []
        for rows, on in zip(q, mask):
            kept = [row for row, v in zip(rows, on) if v]
            if kind == "max":
                result.append([max(row[f] for row in kept) for f in range(features)])
            else:
                m, s = multiplier(x.scale / (len(kept) * y.scale))
                result.append([y.clamp(y.zero + R(sum(row[f] - x.zero for row in kept), m, s)) for f in range(features)])
        cases.append({"name": f"{kind}, {name}", "kind": kind, "x_type": x.json(), "y_type": y.json(), "mask": tensor(mask), "x": tensor(q),
                      "y": tensor(result)})
    about = (
        "Over the steps of a sequence [batch, steps, features] that its mask counts: the largest, or the mean as in "
        "pool.json. y [batch, features]."
    )
    write("overtime", about, cases)


# ---- Element by element. ----

def write_sums():
    random = Random(8)
    cases = []

    def add(name, xs, signs, y, activation="identity", count=40, quiet=False):
        low, high = bounds(activation, y)
        best = None
        for r in range(1, 21):
            a = [round_away(sign * x.scale / y.scale * 2.0 ** r) for sign, x in zip(signs, xs)]
            if sum(abs(f) * x.distance() for f, x in zip(a, xs)) < 1 << 30:
                best = (r, a)
        r, a = best
        q = [values(random, x, count) for x in xs]
        for part, x in zip(q, xs):
            part[:4] = [x.low, x.high, x.zero, x.low]
        if quiet:
            q[0][4:] = [xs[0].zero] * (count - 4)      # one step of the first value is more than the output's range
        result = [clamp(y.zero + ((sum((v - x.zero) * f for v, x, f in zip(column, xs, a)) + (1 << (r - 1))) >> r), low, high) for column in zip(*q)]
        assert different(result) > 2, name
        cases.append({"name": name, "signs": signs, "x_types": [x.json() for x in xs], "y_type": y.json(), "activation": activation, "low": low,
                      "high": high,
                      "factor": a, "shift": r, "x": tensor(q), "y": result})

    add("two", [Type(8, 0.02, -5), Type(8, 0.031, 40)], [1, 1], Type(8, 0.043, 3))
    add("two, relu", [Type(8, 0.02, -5), Type(8, 0.031, 40)], [1, 1], Type(8, 0.043, -128), "relu")
    add("two alike", [Type(8, 0.02, -5), Type(8, 0.02, -5)], [1, 1], Type(8, 0.04, 3))
    add("three", [Type(8, 0.02, -128), Type(8, 0.011, 127), Type(8, 0.005, 0)], [1, 1, 1], Type(8, 0.0301, 15))
    add("five", [Type(8, 0.02 + 0.003 * i, 20 * i - 50) for i in range(5)], [1] * 5, Type(8, 0.06, 0))
    add("a difference", [Type(8, 0.02, -5), Type(8, 0.031, 40)], [1, -1], Type(8, 0.043, 3))
    add("a difference, relu6", [Type(8, 0.031, -128), Type(8, 0.004, 100)], [1, -1], Type(8, 0.037, -100), "relu6")
    add("scales far apart", [Type(8, 2.0, -5), Type(8, 0.01, 40)], [1, 1], Type(8, 1.9, 3))
    add("large factors, few bits of fraction", [Type(8, 0.02, -5), Type(8, 0.0000007, 0)], [1, 1], Type(8, 0.0000005, 7), quiet=True)
    add("one bit of fraction", [Type(8, 1.0, 0), Type(8, 0.0000003, 0)], [1, 1], Type(8, 0.0000003, -2), quiet=True)
    add("twenty bits of fraction: r ends there", [Type(8, 0.0001, 0), Type(8, 0.00021, 9)], [1, 1], Type(8, 0.01, -2))
    add("int16", [Type(16, 0.0002), Type(16, 0.00033)], [1, 1], Type(16, 0.0004))
    add("int16, a difference", [Type(16, 0.0002), Type(16, 0.00033)], [1, -1], Type(16, 0.0004), "relu")
    add("int8 and int16", [Type(8, 0.02, 14), Type(16, 0.00033)], [1, 1], Type(8, 0.06, 4))
    assert {c["shift"] for c in cases} >= {1, 20}
    about = (
        "y = clamp(z_y + ((sum of (x_i - z_i) a_i + 2^(r-1)) >> r), low, high), a_i = round(sign_i s_i / s_y 2^r), r = "
        "shift the largest of 1..20 with sum of |a_i| max|x_i - z_i| < 2^30. x [values, elements]."
    )
    write("sum", about, cases)
    cases = []
    for name, x1, x2, y in (
            ("two", Type(8, 0.02, -5), Type(8, 0.031, 40), Type(8, 0.05, 3)),
            ("zero points at the ends", Type(8, 0.02, -128), Type(8, 0.01, 127), Type(8, 0.061, 60)),
            ("a factor from 1/4 on", Type(8, 0.5, -5), Type(8, 0.5, 40), Type(8, 0.3, 3)),
            ("int16", Type(16, 0.0002), Type(16, 0.00033), Type(16, 0.002)),
            ("int8 and int16 to int8", Type(8, 0.02, 9), Type(16, 0.0001), Type(8, 0.07, -9))):
        q = [values(random, x1, 40), values(random, x2, 40)]
        q[0][:4], q[1][:4] = [x1.low, x1.high, x1.low, x1.zero], [x2.low, x2.low, x2.high, x2.high]
        m, s = multiplier(x1.scale * x2.scale / y.scale)
        result = [y.clamp(y.zero + R((a - x1.zero) * (b - x2.zero), m, s)) for a, b in zip(*q)]
        assert different(result) > 2
        cases.append({"name": name, "x_types": [x1.json(), x2.json()], "y_type": y.json(), "multiplier": [m], "shift": [s], "x": tensor(q),
                      "y": result})
    write("product", "y = clamp(z_y + R((x_1 - z_1)(x_2 - z_2); m, s)), f = s_1 s_2 / s_y. x [values, elements].", cases)


def write_tables():
    random = Random(9)
    cases = []
    for kind, x, y_bits, z_y, reach in (
            ("gelu", Type(8, 0.03, -20), 8, -100, 3.0), ("sigmoid", Type(8, 0.06, 5), 8, -128, 1.0), ("tanh", Type(8, 0.021, 31), 8, 0, 1.0),
            ("leaky-relu", Type(8, 0.05, 40), 8, -100, 7.0), ("silu", Type(8, 0.05, -90), 8, -110, 9.0)):
        def make(attempt):
            y = Type(8, reach / 220 * (1 + attempt / 1000), z_y)
            return y, table8(kind, x.scale, x.zero, y)
        y, T = with_table(make)
        q = list(range(-128, 128))
        cases.append({"name": kind, "function": kind, "x_type": x.json(), "y_type": y.json(), "table": T, "x": q, "y": [T[v + 128] for v in q]})
    for kind, x, reach in (("gelu", Type(16, 0.00017), 3.0), ("tanh", Type(16, 0.0002), 1.0), ("leaky-relu", Type(16, 0.0003), 9.0)):
        def make(attempt):
            y = Type(16, reach / 30000 * (1 + attempt / 1000))
            return y, table16(kind, x.scale * 256, 0, y)
        y, T = with_table(make)
        q = [-32768, -32767, -32513, -32512, -257, -256, -255, -129, -128, -127, -1, 0, 1, 127, 128, 255, 256, 257, 32511, 32512, 32513, 32766, 32767]
        q += values(random, x, 60)
        cases.append({"name": f"{kind}, int16", "function": kind, "x_type": x.json(), "y_type": y.json(), "table": T, "x": q,
                      "y": [line16(T, v) for v in q]})
    about = (
        "An activation by itself: y = table[x + 128], table[i + 128] = q of f(s_x (i - z_x)); int16: k = (x >> 8) + "
        "128, y = table[k] + (((table[k+1] - table[k]) (x & 255) + 128) >> 8), 257 entries, table[k] = q of f(256 s_x "
        "(k - 128))."
    )
    write("table", about, cases)


def write_norms():
    random = Random(12)
    cases = []
    for name, x, y_bits, z_y, channels, positions, activation in (
            ("images", Type(8, 0.02, -13), 8, 21, 3, (3, 2), "identity"), ("relu", Type(8, 0.02, 90), 8, -128, 4, (2, 2), "relu"),
            ("int16", Type(16, 0.0001), 16, 0, 2, (3, 3), "identity"), ("features", Type(8, 0.05, 0), 8, 0, 5, (), "identity")):
        gamma = [f32(random.uniform(-2, 2)) for _ in range(channels)]
        beta, mean = ([f32(random.uniform(-1, 1)) for _ in range(channels)] for _ in range(2))
        variance = [f32(random.uniform(0.05, 4)) for _ in range(channels)]
        epsilon = f32(1e-5)
        if name == "images":
            gamma[1] = 0.0                            # b alone decides the scale
        g = [c / math.sqrt(v + epsilon) for c, v in zip(gamma, variance)]
        g, bias = [f32(f) for f in g], [f32(c - m * f) for c, m, f in zip(beta, mean, g)]
        scales = [weight_scale([f], c, x.scale) for f, c in zip(g, bias)]
        w = [round_weight(f, s) for f, s in zip(g, scales)]
        b = [round_bias(c, x.scale, s) for c, s in zip(bias, scales)]
        q = values(random, x, 3, channels, *positions)
        a = [[[b[c] + (v - x.zero) * w[c] for v in flat([plane])] for c, plane in enumerate(sample)] for sample in q]
        y = Type(y_bits, scale_for([(v, c) for sample in a for c, plane in enumerate(sample) for v in plane], x.scale, scales, y_bits), z_y)
        output = Output(x.scale, scales, y, activation)
        result = [[[output.of(v, c) for v in plane] for c, plane in enumerate(sample)] for sample in a]
        cases.append({"name": name, "x_type": x.json(), "y_type": y.json(), "activation": activation, "epsilon": short(epsilon),
                      **{field: [short(v) for v in row] for field, row in
                         (("gamma", gamma), ("beta", beta), ("mean", mean), ("variance", variance))},
                      "x": tensor(q), "y": {"shape": shape_of(q), "data": flat(result)}})
    about = (
        "A batch normalisation by itself: g = gamma / sqrt(variance + epsilon), b = beta - mean g in float32, then a layer "
        "of one weight a channel, as in weights.json and dense.json. x [batch, channels, height, width] or [batch, channels]."
    )
    write("batchnorm", about, cases)


def write_softmax():
    random = Random(10)
    cases = []
    for name, scale, z, rows, columns, spread in (
            ("spread out", 0.7, 3, 6, 7, 12), ("nearly alike", 0.5, 0, 4, 10, 3), ("wide rows", 0.43, -9, 2, 61, 255),
            ("one value", 0.9, 0, 2, 1, 255),
            ("a small step", 0.021, 10, 5, 9, 120), ("ends of the type", 0.11, -128, 4, 5, 255)):
        s_x = f32(scale)
        for attempt in range(100000):
            s_x = f32(scale * (1 + attempt / 10000))
            E = [65536 * math.exp(-s_x * d) for d in range(256)]
            # One by one: of a small step, some of 256 entries are near a tie; those are not used. For a large one all must be far.
            near = [d for d in range(256) if abs(E[d] - math.floor(E[d]) - 0.5) < 0.02]
            if len(near) <= (0 if scale > 0.3 else 4):
                break
        E = [nearest(e) for e in E]
        q = []
        while len(q) < rows:
            top = random.integer(-128 + spread, 127)
            row = [max(-128, top - random.integer(0, spread)) for _ in range(columns)]
            row[random.integer(0, columns - 1)] = top
            if not any(top - v in near for v in row):
                q.append(row)
        if name == "ends of the type":
            q[0], q[1], q[2] = [-128] * 5, [127] * 5, [127, -128, -128, -128, 127]
        result = []
        for row in q:
            e = [E[max(row) - v] for v in row]
            S = sum(e)
            result.append([-128 + min(255, (512 * v + S) // (2 * S)) for v in e])
        for d in near:
            E[d] = -1
        cases.append({"name": name, "x_type": Type(8, s_x, z).json(), "y_type": Type(8, 1 / 256, -128).json(), "table": E, "x": tensor(q),
                      "y": tensor(result)})
    about = (
        "E[d] = round(65536 e^(-s_x d)), d = max - x; S = sum of E over a row; y = -128 + min(255, (512 E + S) / (2 "
        "S)). table: E[0..255], -1 where 65536 e^(-s_x d) is so near a tie that float functions may differ; no x of the "
        "case reads such an entry."
    )
    write("softmax", about, cases)


# ---- Section 2.7. ----

S_TABLE = [round_away(32768 * f32(1 / (1 + math.exp(-i / 16)))) for i in range(257)]


def S(v):
    u = min(abs(v), 32767)
    i = u >> 7
    y = S_TABLE[i] + (((S_TABLE[i + 1] - S_TABLE[i]) * (u & 127) + 64) >> 7)
    return 32768 - y if v < 0 else y


def tanh15(v):
    return clamp(2 * S(2 * v) - 32768, -32767, 32767)


def gate(v):
    return min(S(v), 32767)


def in32(v):
    assert -(1 << 31) <= v < 1 << 31
    return v


def write_recurrent():
    random = Random(11)
    cases = []
    h_type = Type(16, Q15)
    spread = sorted({0, 1, 63, 64, 127, 128, 129, 2047, 2048, 16383, 16384, 32639, 32640, 32766, 32767, 32768, 65534, *range(0, 32768, 1213)})
    v = [-x for x in reversed(spread)] + spread
    cases.append({"name": "curves", "cell": "curves", "table": S_TABLE, "v": v, "sigmoid": [S(x) for x in v], "tanh": [tanh15(x) for x in v]})

    def add(name, cell, x, batch, steps, features, hidden, reach=1.0, k=0, y=h_type):
        gates = {"gru": 3, "lstm": 4, "rnn": 1, "rnn-relu": 1}[cell]
        G = gates * hidden
        s_h = y.scale
        middle = Q11 if cell != "rnn-relu" else s_h
        # Weights by which p and q spread over a few units of z.
        span = 128 if x.bits == 8 else 16384
        s_ih = [f32(reach * random.uniform(0.5, 1.5) / (x.scale * span * 64 * math.sqrt(features))) for _ in range(G)]
        s_hh = [f32(reach * random.uniform(0.5, 1.5) / (s_h * 32768 * 64 * math.sqrt(hidden))) for _ in range(G)]
        w_ih, w_hh = random.integers(-127, 127, G, features), random.integers(-127, 127, G, hidden)
        b_ih = [float_bias(round(random.uniform(-1, 1) * reach / (x.scale * s)), x.scale, s) for s in s_ih]
        b_hh = [float_bias(round(random.uniform(-1, 1) * reach / (s_h * s)), s_h, s) for s in s_hh]
        f_ih, f_hh = [multiplier(x.scale * s / middle) for s in s_ih], [multiplier(s_h * s / middle) for s in s_hh]
        q = values(random, x, batch, steps, features)
        hs, cs = [], []
        for rows in q:
            h, c = [0] * hidden, [0] * hidden
            out_h, out_c = [], []
            for row in rows:
                p = [sat16(R(in32(b_ih[g] + sum((v - x.zero) * w for v, w in zip(row, w_ih[g]))), *f_ih[g])) for g in range(G)]
                r = [sat16(R(in32(b_hh[g] + sum(v * w for v, w in zip(h, w_hh[g]))), *f_hh[g])) for g in range(G)]
                new_h, new_c = list(h), list(c)
                for j in range(hidden):
                    at = [j + i * hidden for i in range(gates)]
                    if cell == "rnn":
                        new_h[j] = tanh15(p[j] + r[j])
                    elif cell == "rnn-relu":
                        new_h[j] = clamp(p[j] + r[j], 0, 32767)
                    elif cell == "gru":
                        reset, update = gate(p[at[0]] + r[at[0]]), gate(p[at[1]] + r[at[1]])
                        n = tanh15(p[at[2]] + (in32(reset * r[at[2]] + (1 << 14)) >> 15))
                        new_h[j] = n + (in32(update * (h[j] - n) + (1 << 14)) >> 15)
                    else:
                        i, f, o = (gate(p[at[a]] + r[at[a]]) for a in (0, 1, 3))
                        g = tanh15(p[at[2]] + r[at[2]])
                        new_c[j] = sat16((in32(f * c[j] + (1 << 14)) >> 15) + (in32(i * g + (1 << (14 + k))) >> (15 + k)))
                        v = sat16(in32((new_c[j] << k) + 8) >> 4)
                        new_h[j] = in32(o * tanh15(v) + (1 << 14)) >> 15
                h, c = new_h, new_c
                out_h.append(list(h))
                out_c.append(list(c))
            hs.append(out_h)
            cs.append(out_c)
        assert different(hs) > batch * steps * hidden // 3, name
        case = {"name": name, "cell": cell, "x_type": x.json(), "h_type": y.json()}
        if cell == "lstm":
            case["cell_shift"] = k
        case |= {"x": tensor(q), "weight_ih": tensor(w_ih), "weight_ih_scale": [short(s) for s in s_ih], "bias_ih": b_ih, "weight_hh": tensor(w_hh),
                 "weight_hh_scale": [short(s) for s in s_hh], "bias_hh": b_hh,
                 "multiplier_ih": [m for m, _ in f_ih], "shift_ih": [s for _, s in f_ih], "multiplier_hh": [m for m, _ in f_hh],
                 "shift_hh": [s for _, s in f_hh],
                 "h": tensor(hs)}
        if cell == "lstm":
            case["c"] = tensor(cs)
            # k must be allowed for the cell: the largest |c| of the real numbers is below 2^k, or the case shows saturation.
            print(f"  {name}: |c| up to {max(abs(v) for v in flat(cs)) / 2 ** (15 - k):.2f}")
        cases.append(case)

    x8, x16 = Type(8, 0.02, -11), Type(16, 0.00011)
    add("gru, int8", "gru", x8, 2, 7, 5, 4)
    add("gru, int16", "gru", x16, 2, 5, 3, 5)
    add("gru, saturated", "gru", x8, 2, 6, 3, 3, reach=25.0)
    add("lstm, int8, k = 0", "lstm", x8, 2, 6, 5, 3, reach=0.6)
    add("lstm, int8, k = 2", "lstm", x8, 2, 7, 5, 4, reach=2.5, k=2)
    add("lstm, int16, k = 7", "lstm", x16, 1, 6, 3, 3, k=7)
    add("lstm, saturated, k = 1", "lstm", x8, 2, 8, 3, 3, reach=8.0, k=1)
    add("rnn, int8", "rnn", x8, 2, 7, 5, 4)
    add("rnn, int16, one unit", "rnn", x16, 2, 5, 1, 1)
    add("rnn, relu", "rnn-relu", x8, 2, 6, 5, 4, y=Type(16, 0.0004))
    about = (
        "Recurrent layers with int8 weights and an int16 state that begins with 0; x [batch, steps, features], h and c "
        "of every step. p, q: R'd to 2^-11 (rnn-relu: to the output's scale), saturated to int16. curves: S and tanh "
        "over v in Q11, results in Q15; table is that of S. Gates: reset, update, new; input, forget, cell, output. c "
        "is in Q(15 - cell_shift)."
    )
    write("recurrent", about, cases)


if __name__ == "__main__":
    write_rounding()
    write_multipliers()
    write_weights()
    write_quantize()
    write_dense()
    write_convolutions()
    write_pools()
    write_sums()
    write_tables()
    write_norms()
    write_softmax()
    write_recurrent()
