using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>The checks of recurrent layers bite: gates with a bug are caught.</summary>
internal sealed class RecurrentControlTests
{
    [Test]
    public void Gates_without_a_bug_pass() => Assert.That(Run<NoBug>().CheckEverything, Throws.Nothing);

    [Test]
    public void A_kernel_whose_last_bit_differs_is_caught() =>
        Assert.That(Run<LastBit>().CheckEverything, Throws.InstanceOf<AssertionException>().Or.InstanceOf<MultipleAssertException>());

    [Test]
    public void A_gradient_that_forgets_the_gate_is_caught() => Assert.That(Run<NoUpdateGate>().CheckGradient(Arithmetic.Fused).Passed, Is.False);

    private static GraphRun Run<TBug>() where TBug : struct, IBug =>
        new(3, new Shape(4, 3), (graph, x) => graph.Apply(new Layer<BuggyCell<TBug>>(5), x));

    private interface IBug
    {
        static abstract void Forward<T>(ref UnitState<T> state) where T : struct, ILanes<T>;

        static abstract void Backward<T>(ref UnitDeltas<T> deltas) where T : struct, ILanes<T>;
    }

    private readonly struct NoBug : IBug
    {
        public static void Forward<T>(ref UnitState<T> state) where T : struct, ILanes<T>
        {
        }

        public static void Backward<T>(ref UnitDeltas<T> deltas) where T : struct, ILanes<T>
        {
        }
    }

    /// <summary>h is a bit off in vectors, and right in the definition.</summary>
    private readonly struct LastBit : IBug
    {
        public static void Forward<T>(ref UnitState<T> state) where T : struct, ILanes<T>
        {
            bool isDefinition = typeof(T) == typeof(Lane<Fused>) || typeof(T) == typeof(Lane<Separate>) || typeof(T) == typeof(LaneDouble);
            state.Hidden = isDefinition ? state.Hidden : state.Hidden * T.Constant(1.0 + Math.ScaleB(1.0, -23));
        }

        public static void Backward<T>(ref UnitDeltas<T> deltas) where T : struct, ILanes<T>
        {
        }
    }

    private readonly struct NoUpdateGate : IBug
    {
        public static void Forward<T>(ref UnitState<T> state) where T : struct, ILanes<T>
        {
        }

        public static void Backward<T>(ref UnitDeltas<T> deltas) where T : struct, ILanes<T> => deltas.Gates.Second = T.Zero;
    }

    /// <summary>A GRU's cell, and then a bug.</summary>
    private readonly struct BuggyCell<TBug> : IRecurrentCell where TBug : struct, IBug
    {
        public static int Gates => GruCell.Gates;

        public static int Activated => GruCell.Activated;

        public static int Kept => GruCell.Kept;

        public static int Deltas => GruCell.Deltas;

        public static bool HasCell => GruCell.HasCell;

        public static bool PassesHidden => GruCell.PassesHidden;

        public static string GateName(int gate) => GruCell.GateName(gate);

        public static bool IsTanh(int gate) => GruCell.IsTanh(gate);

        public static UnitState<T> Forward<T>(in UnitInput<T> u) where T : struct, ILanes<T>
        {
            UnitState<T> state = GruCell.Forward(in u);
            TBug.Forward(ref state);
            return state;
        }

        public static UnitDeltas<T> Backward<T>(in UnitMemory<T> u) where T : struct, ILanes<T>
        {
            UnitDeltas<T> deltas = GruCell.Backward(in u);
            TBug.Backward(ref deltas);
            return deltas;
        }
    }

    private sealed class Layer<TCell>(int hidden) : Recurrent(hidden, null, RecurrentPasses.For<TCell>()) where TCell : struct, IRecurrentCell
    {
        public override string Kind => "buggy";
    }
}
