using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>
/// One float that counts what is done to it: a formula runs on it once and tells its floating-point operations. A multiply-add is two, a division and
/// a square root one; comparing, selecting and work on bits are none.
/// </summary>
internal readonly struct CountingLane(float value) : IFloatLanes<CountingLane>
{
    private static int operations;
    private readonly float value = value;

    public static int Count => 1;

    public static CountingLane Zero => new(0);

    public static CountingLane One => new(1);

    private Lane<Fused> Lane => Lane<Fused>.Broadcast(value);

    /// <summary>The operations of a formula for one element.</summary>
    public static int Of(Func<CountingLane, CountingLane> formula, float x = 0.5f)
    {
        operations = 0;
        _ = formula(new CountingLane(x));
        return operations;
    }

    public static CountingLane Constant(double value) => new((float)value);

    public static CountingLane Broadcast(float value) => new(value);

    public static CountingLane Load(ref readonly float source, nuint index) =>
        new(System.Runtime.CompilerServices.Unsafe.Add(ref System.Runtime.CompilerServices.Unsafe.AsRef(in source), index));

    public static void Store(CountingLane value, ref float destination, nuint index) =>
        System.Runtime.CompilerServices.Unsafe.Add(ref destination, index) = value.value;

    public static CountingLane operator +(CountingLane x, CountingLane y) => Counted(x.value + y.value, 1);

    public static CountingLane operator -(CountingLane x, CountingLane y) => Counted(x.value - y.value, 1);

    public static CountingLane operator *(CountingLane x, CountingLane y) => Counted(x.value * y.value, 1);

    public static CountingLane operator /(CountingLane x, CountingLane y) => Counted(x.value / y.value, 1);

    public static CountingLane operator -(CountingLane x) => new(-x.value);

    public static CountingLane MultiplyAdd(CountingLane a, CountingLane b, CountingLane c) =>
        Counted(MathF.FusedMultiplyAdd(a.value, b.value, c.value), 2);

    public static CountingLane SquareRoot(CountingLane x) => Counted(MathF.Sqrt(x.value), 1);

    public static CountingLane Abs(CountingLane x) => new(MathF.Abs(x.value));

    public static CountingLane IfGreater(CountingLane x, CountingLane y, CountingLane then, CountingLane otherwise) =>
        x.value > y.value ? then : otherwise;

    public static CountingLane Even(CountingLane low, CountingLane high) => low;

    public static CountingLane Odd(CountingLane low, CountingLane high) => high;

    public static CountingLane ZipLow(CountingLane even, CountingLane odd) => even;

    public static CountingLane ZipHigh(CountingLane even, CountingLane odd) => odd;

    public static CountingLane Reverse(CountingLane x) => x;

    public static CountingLane IfNaN(CountingLane x, CountingLane then, CountingLane otherwise) => float.IsNaN(x.value) ? then : otherwise;

    public static CountingLane LogEnds(CountingLane x, CountingLane y) => Transcendental.LogEnds(x, y);

    public static CountingLane AddBits(CountingLane x, int addend) => Bits(Lane<Fused>.AddBits(x.Lane, addend));

    public static CountingLane ShiftBitsLeft(CountingLane x, int count) => Bits(Lane<Fused>.ShiftBitsLeft(x.Lane, count));

    public static CountingLane ShiftBitsRight(CountingLane x, int count) => Bits(Lane<Fused>.ShiftBitsRight(x.Lane, count));

    public static CountingLane AndBits(CountingLane x, int mask) => Bits(Lane<Fused>.AndBits(x.Lane, mask));

    public static CountingLane OrBits(CountingLane x, int mask) => Bits(Lane<Fused>.OrBits(x.Lane, mask));

    public static CountingLane CopySign(CountingLane magnitude, CountingLane sign) => new(MathF.CopySign(magnitude.value, sign.value));

    public static CountingLane ConvertBits(CountingLane x) => new(BitConverter.SingleToInt32Bits(x.value));

    public static bool AllGreater(CountingLane x, CountingLane y) => x.value > y.value;

    public static CountingLane Exp(CountingLane x) => Transcendental.Exp(x);

    public static CountingLane Log(CountingLane x) => Transcendental.Log(x);

    public static CountingLane Tanh(CountingLane x) => Transcendental.Tanh(x);

    public static CountingLane Sigmoid(CountingLane x) => Transcendental.Sigmoid(x);

    public static CountingLane Erf(CountingLane x) => Transcendental.Erf(x);

    public static CountingLane Log1P(CountingLane x) => Transcendental.Log1P(x);

    public static CountingLane Sin(CountingLane x) => Transcendental.Sin(x);

    public static CountingLane Cos(CountingLane x) => Transcendental.Cos(x);

    private static CountingLane Counted(float value, int count)
    {
        operations += count;
        return new CountingLane(value);
    }

    private static CountingLane Bits(Lane<Fused> lane)
    {
        float value = 0;
        Lane<Fused>.Store(lane, ref value, 0);
        return new CountingLane(value);
    }
}
