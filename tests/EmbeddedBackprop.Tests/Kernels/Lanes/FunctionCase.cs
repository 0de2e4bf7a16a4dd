using System.Globalization;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>
/// A transcendental function as the tests see it: its double reference, the largest error it may have, and how to run it on any lanes.
/// </summary>
internal abstract record FunctionCase(string Name, Func<double, double> Reference, double Limit, double Largest)
{
    /// <summary>The lanes that this processor runs in registers; the emulated ones are never chosen (Support/Widths.cs).</summary>
    public static readonly string[] Lanes = [.. Widths.Available.Select(width => width == 0 ? "any" : width.ToString(CultureInfo.InvariantCulture))];

    public static readonly FunctionCase[] All =
    [
        new FunctionCase<ElementFunctions.ExpFunction>("exp", Math.Exp, 1.1),
        new FunctionCase<ElementFunctions.LogFunction>("log", Math.Log, 0.9),
        new FunctionCase<ElementFunctions.Log1PFunction>("log1p", x => LaneDouble.Log1P(new LaneDouble(x)).Value, 1.6),
        new FunctionCase<ElementFunctions.TanhFunction>("tanh", Math.Tanh, 1.1),
        new FunctionCase<ElementFunctions.SigmoidFunction>("sigmoid", x => LaneDouble.Sigmoid(new LaneDouble(x)).Value, 2.4),
        new FunctionCase<ElementFunctions.ErfFunction>("erf", x => LaneDouble.Erf(new LaneDouble(x)).Value, 1.4),
        new FunctionCase<ElementFunctions.SinFunction>("sin", Math.Sin, 2.5, 12800),
        new FunctionCase<ElementFunctions.CosFunction>("cos", Math.Cos, 2.5, 12800),
    ];

    /// <summary>y = f(x) on the named lanes, one lane for the tail.</summary>
    public abstract void Run(string lanes, Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y);

    /// <summary>The same through the public driver, which picks the width.</summary>
    public abstract void RunPublic(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y);

    /// <summary>
    /// |y - f(x)| in units of the last place of the exact result; NaN where the two disagree about NaN, infinity or the sign of zero.
    /// </summary>
    public double Error(float x, float y)
    {
        double exact = Math.Abs(x) > Largest ? double.NaN : Reference(x);
        if (double.IsNaN(exact) || float.IsNaN(y))
        {
            return double.IsNaN(exact) && float.IsNaN(y) ? 0.0 : double.NaN;
        }

        if (exact == 0.0 || float.IsInfinity((float)exact) || float.IsInfinity(y))
        {
            return BitConverter.SingleToInt32Bits((float)exact) == BitConverter.SingleToInt32Bits(y) ? 0.0 : double.NaN;
        }

        int exponent = Math.Max(Math.ILogB(exact) - 23, -149);
        return Math.ScaleB(Math.Abs(y - exact), -exponent);
    }

    public override string ToString() => Name;
}

/// <summary>The case of one map.</summary>
internal sealed record FunctionCase<TFunction>(string Name, Func<double, double> Reference, double Limit, double Largest = double.PositiveInfinity)
    : FunctionCase(Name, Reference, Limit, Largest)
    where TFunction : struct, IUnaryFunction
{
    public override void Run(string lanes, Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y)
    {
        if (arithmetic == Arithmetic.Fused)
        {
            RunAt<Fused>(lanes, x, y);
        }
        else
        {
            RunAt<Separate>(lanes, x, y);
        }
    }

    public override void RunPublic(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y) => UnaryKernel.Run<TFunction>(arithmetic, x, y);

    public override string ToString() => Name;

    private static void RunAt<TArithmetic>(string lanes, ReadOnlySpan<float> x, Span<float> y) where TArithmetic : struct, IArithmetic
    {
        UnaryKernel.Arguments arguments = new(x, y);
        switch (lanes)
        {
            case "1": UnaryKernel.Kernel<TFunction>.Run<Lane<TArithmetic>, Lane<TArithmetic>>(in arguments); break;
            case "128": UnaryKernel.Kernel<TFunction>.Run<Lanes128<TArithmetic>, Lane<TArithmetic>>(in arguments); break;
            case "256": UnaryKernel.Kernel<TFunction>.Run<Lanes256<TArithmetic>, Lane<TArithmetic>>(in arguments); break;
            case "512": UnaryKernel.Kernel<TFunction>.Run<Lanes512<TArithmetic>, Lane<TArithmetic>>(in arguments); break;
            case "any": UnaryKernel.Kernel<TFunction>.Run<LanesAny<TArithmetic>, Lane<TArithmetic>>(in arguments); break;
            default: throw new ArgumentException(lanes);
        }
    }
}
