using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Optimizers;

/// <summary>The one formula of <see cref="Adam"/> and <see cref="AdamW"/>: Adam decays by 0, which does not change the weight.</summary>
internal readonly struct AdamFormula : IUpdateFormula<AdamFormula>
{
    private readonly float minusDecay;
    private readonly float beta1;
    private readonly float rest1;
    private readonly float beta2;
    private readonly float rest2;
    private readonly float inverseRoot;
    private readonly float epsilon;
    private readonly float minusRate;

    /// <summary>The factors of one step, each rounded as it is written.</summary>
    public AdamFormula(in UpdateContext c, float beta1, float beta2, float epsilon)
    {
        Span<float> powers = c.Scalars(Arrays);
        minusDecay = -(c.LearningRate * c.Decay);
        this.beta1 = beta1;
        rest1 = 1f - beta1;
        this.beta2 = beta2;
        rest2 = 1f - beta2;
        inverseRoot = 1f / MathF.Sqrt(1f - powers[1]);
        this.epsilon = epsilon;
        minusRate = -(c.LearningRate / (1f - powers[0]));
    }

    public static int Arrays => 2;

    /// <summary>Before the first step both powers are beta^0.</summary>
    public static void Reset(Span<float> powers) => powers.Fill(1f);

    /// <summary>The running products beta1^t and beta2^t.</summary>
    public static void BeginStep(Span<float> powers, float beta1, float beta2)
    {
        powers[0] *= beta1;
        powers[1] *= beta2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply<T>(in AdamFormula f, T gradient, ref T w, ref T m, ref T v) where T : struct, IFloatLanes<T>
    {
        w = T.MultiplyAdd(T.Broadcast(f.minusDecay), w, w);
        m = T.MultiplyAdd(T.Broadcast(f.beta1), m, T.Broadcast(f.rest1) * gradient);
        v = T.MultiplyAdd(T.Broadcast(f.rest2) * gradient, gradient, T.Broadcast(f.beta2) * v);
        T d = T.MultiplyAdd(T.SquareRoot(v), T.Broadcast(f.inverseRoot), T.Broadcast(f.epsilon));
        w = T.MultiplyAdd(T.Broadcast(f.minusRate), m / d, w);
    }
}
