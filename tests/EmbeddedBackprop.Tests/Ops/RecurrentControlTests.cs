using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>The checks of recurrent layers bite: gates with a bug are caught.</summary>
internal sealed class RecurrentControlTests
{
    [Test]
    public void Gates_without_a_bug_pass() => Assert.That(Run<NoBug>().CheckEverything, Throws.Nothing);

    [Test]
    public void A_kernel_whose_last_bit_differs_is_caught() => Assert.That(Run<LastBit>().CheckEverything, Throws.InstanceOf<AssertionException>().Or.InstanceOf<MultipleAssertException>());

    [Test]
    public void A_gradient_that_forgets_the_gate_is_caught() => Assert.That(Run<NoUpdateGate>().CheckGradient(Arithmetic.Fused).Passed, Is.False);

    private static GraphRun Run<TBug>() where TBug : struct, IBug =>
        new(3, new Shape(4, 3), (graph, x) => graph.Apply(new Layer<BuggyGates<TBug>>(5), x));

    private interface IBug
    {
        static abstract void Forward(in GateStep<float> step);

        static abstract void Backward<T>(in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>;
    }

    private readonly struct NoBug : IBug
    {
        public static void Forward(in GateStep<float> step)
        {
        }

        public static void Backward<T>(in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
        }
    }

    private readonly struct LastBit : IBug
    {
        public static void Forward(in GateStep<float> step) => step.After[1] = MathF.BitIncrement(step.After[1]);

        public static void Backward<T>(in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
        }
    }

    private readonly struct NoUpdateGate : IBug
    {
        public static void Forward(in GateStep<float> step)
        {
        }

        public static void Backward<T>(in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            for (int row = 0; row < step.Rows; row++)
                step.Gates.Slice((row * step.GateStride) + step.Hidden, step.Hidden).Clear();
        }
    }

    /// <summary>A GRU's gates, and then a bug.</summary>
    private readonly struct BuggyGates<TBug> : IRecurrentGates where TBug : struct, IBug
    {
        public static int Gates => 3;

        public static int Kept => 4;

        public static bool HasCell => false;

        public static bool SplitsLastGate => true;

        public static void Forward(Arithmetic arithmetic, in GateStep<float> step)
        {
            GruGates.Forward(arithmetic, in step);
            TBug.Forward(in step);
        }

        public static void Backward(Arithmetic arithmetic, in GateStep<float> step)
        {
            GruGates.Backward(arithmetic, in step);
            TBug.Backward(in step);
        }

        public static void ForwardScalar<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            GruGates.ForwardScalar(arithmetic, in step);

        public static void BackwardScalar<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            GruGates.BackwardScalar(arithmetic, in step);
            TBug.Backward(in step);
        }
    }

    private sealed class Layer<TGates>(int hidden) : Recurrent(hidden, null, TGates.Gates, TGates.Kept, TGates.HasCell) where TGates : struct, IRecurrentGates
    {
        public override string Kind => "buggy";

        public override void Forward(in OpContext<float> c) => RecurrentPass.Forward<TGates>(this, in c);

        public override void Backward(in OpContext<float> c) => RecurrentPass.Backward<TGates>(this, in c);

        public override void ForwardScalar(in OpContext<float> c) => RecurrentTwin.Forward<TGates, float>(this, in c);

        public override void BackwardScalar(in OpContext<float> c) => RecurrentTwin.Backward<TGates, float>(this, in c);

        public override void ForwardScalar(in OpContext<double> c) => RecurrentTwin.Forward<TGates, double>(this, in c);

        public override void BackwardScalar(in OpContext<double> c) => RecurrentTwin.Backward<TGates, double>(this, in c);
    }
}
