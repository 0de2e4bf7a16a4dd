using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>Simple recurrent cell: h = f(z). Source: Elman, Finding structure in time (1990).</summary>
/// <typeparam name="TCurve">f.</typeparam>
internal readonly struct RnnCell<TCurve> : IRecurrentCell where TCurve : struct, IGateCurve
{
    public static int Gates => 1;

    public static int Activated => 0;

    public static int Kept => 0;

    public static int Deltas => 1;

    public static bool HasCell => false;

    public static bool PassesHidden => false;

    public static string GateName(int gate) => "";

    public static bool IsTanh(int gate) => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UnitState<T> Forward<T>(in UnitInput<T> u) where T : struct, ILanes<T> =>
        new() { Hidden = TCurve.Value(T.Named(u.Input.First + u.Recurrent.First, "z")) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UnitDeltas<T> Backward<T>(in UnitMemory<T> u) where T : struct, ILanes<T> =>
        new() { Gates = new() { First = u.HiddenGradient * TCurve.Derivative(u.Hidden) } };
}
