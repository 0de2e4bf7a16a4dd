using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>
/// Long short-term memory: i, f, o = sigmoid z, g = tanh z, c = f c' + i g, h = o tanh c; gates in the order i, f, g, o (input, forget, cell,
/// output).
/// Source: Hochreiter and Schmidhuber, Long short-term memory (1997), with the forget gate of Gers and others (2000).
/// </summary>
internal readonly struct LstmCell : IRecurrentCell
{
    public static int Gates => 4;

    public static int Activated => 4;

    public static int Kept => 4;

    public static int Deltas => 4;

    public static bool HasCell => true;

    public static bool PassesHidden => false;

    public static string GateName(int gate) => gate switch { 0 => "i", 1 => "f", 2 => "g", _ => "o" };

    public static bool IsTanh(int gate) => gate == 2; // g

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UnitState<T> Forward<T>(in UnitInput<T> u) where T : struct, ILanes<T>
    {
        T i = u.Gates.First, f = u.Gates.Second, g = u.Gates.Third, o = u.Gates.Fourth;
        T c = T.Named((f * u.CellBefore) + (i * g), "c");
        T t = T.Named(T.Tanh(c), "tanh_c");
        return new() { Gates = u.Gates, Cell = c, CellTanh = t, Hidden = o * t };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UnitDeltas<T> Backward<T>(in UnitMemory<T> u) where T : struct, ILanes<T>
    {
        T i = u.Gates.First, f = u.Gates.Second, g = u.Gates.Third, o = u.Gates.Fourth;
        T t = u.CellTanh;
        T dh = u.HiddenGradient;

        // h = o tanh c, and the next step reads c as well.
        T dc = T.Named(u.CellGradient + ((dh * o) * TanhCurve.Derivative(t)), "d_c");
        return new()
        {
            Gates = new()
            {
                First = (dc * g) * SigmoidCurve.Derivative(i),
                Second = (dc * u.CellBefore) * SigmoidCurve.Derivative(f),
                Third = (dc * i) * TanhCurve.Derivative(g),
                Fourth = (dh * t) * SigmoidCurve.Derivative(o),
            },
            CellBefore = dc * f,
        };
    }
}
