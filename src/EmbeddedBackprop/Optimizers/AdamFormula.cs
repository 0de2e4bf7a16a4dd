using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>The one formula of <see cref="Adam"/> and <see cref="AdamW"/>: Adam decays by 0, which does not change the weight.</summary>
internal readonly struct AdamFormula(float beta1, float beta2, float epsilon) : IUpdateFormula<AdamFormula>
{
    private readonly float beta1 = beta1;
    private readonly float rest1 = 1f - beta1;
    private readonly float beta2 = beta2;
    private readonly float rest2 = 1f - beta2;
    private readonly float epsilon = epsilon;

    public static string Equation =>
        "Adam (AdamW where decay is not 0): w = w - rate * decay * w; m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g * g; "
        + "w = w - rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)";

    public static int Arrays => 2;

    public static int Scalars => 2;

    /// <summary>Before the first step both powers are beta^0.</summary>
    public static void Reset(Span<float> powers) => powers.Fill(1f);

    /// <summary>The running products beta1^t and beta2^t.</summary>
    public static void BeginStep<T>(in AdamFormula f, ref T power1, ref T power2) where T : struct, ILanes<T>
    {
        power1 *= T.Broadcast(f.beta1);
        power2 *= T.Broadcast(f.beta2);
    }

    /// <summary>The means began with 0; the powers correct that bias.</summary>
    public static UpdateFactors<T> Factors<T>(in AdamFormula f, T rate, T decay, T power1, T power2)
        where T : struct, ILanes<T> =>
        new(
            T.Named(-(rate * decay), "minus_decay"),
            T.Named(T.One / T.SquareRoot(T.One - power2), "inverse_root"),
            T.Named(-(rate / (T.One - power1)), "minus_rate"));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply<T>(in AdamFormula f, in UpdateFactors<T> k, T gradient, ref T w, ref T m, ref T v) where T : struct, ILanes<T>
    {
        T beta1 = T.Named(T.Broadcast(f.beta1), "beta1"), rest1 = T.Named(T.Broadcast(f.rest1), "rest1");
        T beta2 = T.Named(T.Broadcast(f.beta2), "beta2"), rest2 = T.Named(T.Broadcast(f.rest2), "rest2");
        w = T.MultiplyAdd(k.First, w, w);
        m = T.Named(T.MultiplyAdd(beta1, m, rest1 * gradient), "m");
        v = T.Named(T.MultiplyAdd(rest2 * gradient, gradient, beta2 * v), "v");
        T d = T.MultiplyAdd(T.SquareRoot(v), k.Second, T.Named(T.Broadcast(f.epsilon), "epsilon"));
        w = T.MultiplyAdd(k.Third, m / d, w);
    }
}
