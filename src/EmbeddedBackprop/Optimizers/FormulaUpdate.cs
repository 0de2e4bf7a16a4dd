using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Optimizers;

/// <summary>Runs an optimiser's formula over a tensor: by vectors, or as its definition one parameter at a time. Padding is moved along: it is 0 and stays 0.</summary>
internal static class FormulaUpdate
{
    /// <summary>The formula by the SIMD kernels.</summary>
    public static void Run<TFormula>(in UpdateContext c, TFormula formula) where TFormula : struct, IUpdateFormula<TFormula> =>
        SharedRange.Run<Kernel<TFormula>, Arguments<TFormula>>(c.Arithmetic, new Arguments<TFormula>(in c, formula));

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
        for (nuint i = 0; i < g.Length; i++)
        {
            Move<TFormula, TLane>(in g, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Move<TFormula, T>(in Arguments<TFormula> g, nuint i)
        where TFormula : struct, IUpdateFormula<TFormula>
        where T : struct, IFloatLanes<T>
    {
        T parameter = T.Load(in g.Parameters, i);
        T first = T.Load(in g.First, i);
        T second = TFormula.Arrays > 1 ? T.Load(in g.Second, i) : T.Zero;
        TFormula.Apply(in g.Formula, T.Load(in g.Gradients, i), ref parameter, ref first, ref second);
        T.Store(parameter, ref g.Parameters, i);
        T.Store(first, ref g.First, i);
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

        public Arguments(in UpdateContext c, TFormula formula)
        {
            Formula = formula;
            Parameters = ref MemoryMarshal.GetReference(c.Parameters);
            Gradients = ref MemoryMarshal.GetReference(c.Gradients);
            First = ref MemoryMarshal.GetReference(c.State(0));
            Second = ref MemoryMarshal.GetReference(c.State(TFormula.Arrays - 1));
            Length = (nuint)c.Parameters.Length;
        }

        private Arguments(scoped in Arguments<TFormula> whole, nuint first, nuint count)
        {
            Formula = whole.Formula;
            Parameters = ref Unsafe.Add(ref whole.Parameters, first);
            Gradients = ref Unsafe.Add(ref Unsafe.AsRef(in whole.Gradients), first);
            First = ref Unsafe.Add(ref whole.First, first);
            Second = ref Unsafe.Add(ref whole.Second, first);
            Length = count;
        }

        nuint IRangeArguments<Arguments<TFormula>>.Length => Length;

        public Arguments<TFormula> Range(nuint first, nuint count) => new(in this, first, count);
    }

    private readonly struct Kernel<TFormula> : ILaneKernel<Arguments<TFormula>> where TFormula : struct, IUpdateFormula<TFormula>
    {
        public static void Run<T, TTail>(in Arguments<TFormula> g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            nuint i = 0;
            for (; g.Length - i >= (nuint)T.Count; i += (nuint)T.Count)
            {
                Move<TFormula, T>(in g, i);
            }

            for (; i < g.Length; i++)
            {
                Move<TFormula, TTail>(in g, i);
            }
        }
    }
}
