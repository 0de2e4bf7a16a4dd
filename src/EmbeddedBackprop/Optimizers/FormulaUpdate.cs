using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Runs an optimiser's formula over a tensor: by vectors, or as its definition one parameter at a time. Padding is moved along: it is 0 and stays 0.
/// </summary>
internal static class FormulaUpdate
{
    /// <summary>Moves a formula's scalars on; every operation is rounded by itself.</summary>
    public static void BeginStep<TFormula>(Span<float> scalars, TFormula formula) where TFormula : struct, IUpdateFormula<TFormula>
    {
        if (TFormula.Scalars == 0)
        {
            return;
        }

        Lane<Separate> first = new(scalars[0]), second = TFormula.Scalars > 1 ? new(scalars[1]) : default;
        TFormula.BeginStep(in formula, ref first, ref second);
        scalars[0] = first.Value;
        if (TFormula.Scalars > 1)
        {
            scalars[1] = second.Value;
        }
    }

    /// <summary>The formula by the SIMD kernels.</summary>
    public static void Run<TFormula>(in UpdateContext c, TFormula formula) where TFormula : struct, IUpdateFormula<TFormula> =>
        ParallelRange.Run<Kernel<TFormula>, Arguments<TFormula>>(c.Arithmetic, new Arguments<TFormula>(in c, formula));

    /// <summary>The definition of <see cref="Run"/>: the same bits.</summary>
    public static void RunScalar<TFormula>(in UpdateContext c, TFormula formula) where TFormula : struct, IUpdateFormula<TFormula>
    {
        if (c.Arithmetic == Arithmetic.Fused)
        {
            Twin<TFormula, Lane<Fused>>(new Arguments<TFormula>(in c, formula));
        }
        else
        {
            Twin<TFormula, Lane<Separate>>(new Arguments<TFormula>(in c, formula));
        }
    }

    private static void Twin<TFormula, TLane>(in Arguments<TFormula> g)
        where TFormula : struct, IUpdateFormula<TFormula>
        where TLane : struct, IFloatLanes<TLane>
    {
        UpdateFactors<TLane> k = g.Factors<TLane>();
        for (nuint i = 0; i < g.Length; i++)
        {
            Move<TFormula, TLane>(in g, in k, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Move<TFormula, T>(in Arguments<TFormula> g, in UpdateFactors<T> k, nuint i)
        where TFormula : struct, IUpdateFormula<TFormula>
        where T : struct, IFloatLanes<T>
    {
        T parameter = T.Load(in g.Parameters, i);
        T first = TFormula.Arrays > 0 ? T.Load(in g.First, i) : T.Zero;
        T second = TFormula.Arrays > 1 ? T.Load(in g.Second, i) : T.Zero;
        TFormula.Apply(in g.Formula, in k, T.Load(in g.Gradients, i), ref parameter, ref first, ref second);
        T.Store(parameter, ref g.Parameters, i);
        if (TFormula.Arrays > 0)
        {
            T.Store(first, ref g.First, i);
        }

        if (TFormula.Arrays > 1)
        {
            T.Store(second, ref g.Second, i);
        }
    }

    private readonly ref struct Arguments<TFormula> : IRangeArguments<Arguments<TFormula>> where TFormula : struct, IUpdateFormula<TFormula>
    {
        public readonly TFormula Formula;
        public readonly ref float Parameters;
        public readonly ref readonly float Gradients;
        public readonly ref float First;
        public readonly ref float Second;
        public readonly nuint Length;
        private readonly float firstFactor, secondFactor, thirdFactor;

        public Arguments(in UpdateContext c, TFormula formula)
        {
            Formula = formula;
            Parameters = ref MemoryMarshal.GetReference(c.Parameters);
            Gradients = ref MemoryMarshal.GetReference(c.Gradients);
            First = ref MemoryMarshal.GetReference(TFormula.Arrays > 0 ? c.State(0) : c.Parameters);
            Second = ref MemoryMarshal.GetReference(TFormula.Arrays > 1 ? c.State(1) : c.Parameters);
            Length = (nuint)c.Parameters.Length;
            ReadOnlySpan<float> scalars = TFormula.Scalars > 0 ? c.Scalars(TFormula.Arrays) : default;
            float a = TFormula.Scalars > 0 ? scalars[0] : 0f, b = TFormula.Scalars > 1 ? scalars[1] : 0f;
            (firstFactor, secondFactor, thirdFactor) = c.Arithmetic == Arithmetic.Fused
                ? Compute<Fused>(in formula, c.LearningRate, c.Decay, a, b)
                : Compute<Separate>(in formula, c.LearningRate, c.Decay, a, b);
        }

        private Arguments(scoped in Arguments<TFormula> whole, nuint first, nuint count)
        {
            Formula = whole.Formula;
            Parameters = ref Unsafe.Add(ref whole.Parameters, first);
            Gradients = ref Unsafe.Add(ref Unsafe.AsRef(in whole.Gradients), first);
            First = ref Unsafe.Add(ref whole.First, first);
            Second = ref Unsafe.Add(ref whole.Second, first);
            Length = count;
            (firstFactor, secondFactor, thirdFactor) = (whole.firstFactor, whole.secondFactor, whole.thirdFactor);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static (float First, float Second, float Third) Compute<TArithmetic>(
            in TFormula formula,
            float rate,
            float decay,
            float first,
            float second)
            where TArithmetic : struct, IArithmetic
        {
            UpdateFactors<Lane<TArithmetic>> k = TFormula.Factors<Lane<TArithmetic>>(in formula, new(rate), new(decay), new(first), new(second));
            return (k.First.Value, k.Second.Value, k.Third.Value);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public UpdateFactors<T> Factors<T>()
            where T : struct, IFloatLanes<T> => new(T.Broadcast(firstFactor), T.Broadcast(secondFactor), T.Broadcast(thirdFactor));

        nuint IRangeArguments<Arguments<TFormula>>.Length => Length;

        public Arguments<TFormula> Range(nuint first, nuint count) => new(in this, first, count);
    }

    private readonly struct Kernel<TFormula> : ILaneKernel<Arguments<TFormula>> where TFormula : struct, IUpdateFormula<TFormula>
    {
        public static void Run<T, TTail>(in Arguments<TFormula> g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            UpdateFactors<T> k = g.Factors<T>();
            nuint i = 0;
            for (; g.Length - i >= (nuint)T.Count; i += (nuint)T.Count)
            {
                Move<TFormula, T>(in g, in k, i);
            }

            UpdateFactors<TTail> one = g.Factors<TTail>();
            for (; i < g.Length; i++)
            {
                Move<TFormula, TTail>(in g, in one, i);
            }
        }
    }
}
