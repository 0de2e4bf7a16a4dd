using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>
/// Gated recurrent unit: r, z = sigmoid of the sum of both products, n = tanh(x_n + r h_n), where the hidden product h_n includes its bias,
/// h = n + z (h' - n); gates in the order r, z, n (reset, update, new). Source: Cho and others, Learning phrase representations using RNN
/// encoder-decoder (2014), with the reset gate after the product, as in cuDNN and PyTorch.
/// </summary>
internal readonly struct GruCell : IRecurrentCell
{
    public static int Gates => 3;

    public static int Activated => 2;

    public static int Kept => 4;

    public static int Deltas => 4;

    public static bool HasCell => false;

    public static bool PassesHidden => true;

    public static string GateName(int gate) => gate switch { 0 => "r", 1 => "z", 2 => "n", _ => "h_n" };

    public static bool IsTanh(int gate) => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UnitState<T> Forward<T>(in UnitInput<T> u) where T : struct, ILanes<T>
    {
        T r = u.Gates.First, z = u.Gates.Second, hn = T.Named(u.Recurrent.Third, "h_n");
        T n = T.Named(T.Tanh(u.Input.Third + (r * hn)), "n");
        return new() { Gates = new() { First = r, Second = z, Third = n, Fourth = hn }, Hidden = n + (z * (u.HiddenBefore - n)) };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UnitDeltas<T> Backward<T>(in UnitMemory<T> u) where T : struct, ILanes<T>
    {
        T r = u.Gates.First, z = u.Gates.Second, n = u.Gates.Third, hn = u.Gates.Fourth;
        T dh = u.HiddenGradient;
        T passed = T.Named(dh * z, "passed");
        T dn = T.Named((dh - passed) * TanhCurve.Derivative(n), "d_n");
        return new()
        {
            Gates = new()
            {
                First = (dn * hn) * SigmoidCurve.Derivative(r),
                Second = (dh * (u.HiddenBefore - n)) * SigmoidCurve.Derivative(z),
                Third = dn,
                Fourth = dn * r,
            },
            HiddenBefore = passed,
        };
    }
}
