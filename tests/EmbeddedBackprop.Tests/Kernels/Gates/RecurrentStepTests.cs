using System.Numerics;
using EmbeddedBackprop.Kernels.Gates;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>
/// The formulas of recurrent cells as vectors of every width and as one float: the same bits; and in double, nearly the same values.
/// </summary>
[TestFixture]
internal sealed class RecurrentStepTests
{
    private const int Rows = 3;

    [Test]
    public void Lstm([Values] Arithmetic arithmetic, [Values] Numbers numbers) => Check<LstmCell>(arithmetic, numbers);

    [Test]
    public void Gru([Values] Arithmetic arithmetic, [Values] Numbers numbers) => Check<GruCell>(arithmetic, numbers);

    [Test]
    public void Tanh([Values] Arithmetic arithmetic, [Values] Numbers numbers) => Check<RnnCell<TanhCurve>>(arithmetic, numbers);

    [Test]
    public void Relu([Values] Arithmetic arithmetic, [Values] Numbers numbers) => Check<RnnCell<ReluCurve>>(arithmetic, numbers);

    [Test]
    public void Double_is_near()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Distance<LstmCell>(), Is.LessThan(1e-5));
            Assert.That(Distance<GruCell>(), Is.LessThan(1e-5));
            Assert.That(Distance<RnnCell<TanhCurve>>(), Is.LessThan(1e-5));
            Assert.That(Distance<RnnCell<ReluCurve>>(), Is.LessThan(1e-5));
        });
    }

    [Test]
    public void Control_another_cell_is_caught() =>
        Assert.That(
            KernelCheck.Difference(Memory(17, Numbers.Plain), memory => Loop<GruCell>(memory, 17), memory => Vectors<LstmCell>(memory, 17)),
            Is.Not.Null);

    [Test]
    public void Control_the_other_arithmetic_is_caught() =>
        Assert.That(
            KernelCheck.Difference(
                Memory(17, Numbers.Plain),
                memory => Loop<GruCell>(memory, 17),
                memory => Vectors<GruCell>(memory, 17, Arithmetic.Separate)),
            Is.Not.Null);

    private static void Check<TCell>(Arithmetic arithmetic, Numbers numbers) where TCell : struct, IRecurrentCell
    {
        foreach (int hidden in (ReadOnlySpan<int>)[1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 21, 31, 32, 33, 67])
        {
            foreach ((bool sequence, bool masked) in (ReadOnlySpan<(bool, bool)>)[(false, false), (true, false), (false, true), (true, true)])
            {
                KernelCheck.Same(
                    $"{typeof(TCell)}, {hidden} units, {(sequence ? "all steps" : "last step")}, {(masked ? "" : "not ")}masked",
                    Memory(hidden, numbers),
                    memory => Loop<TCell>(memory, hidden, arithmetic, sequence, masked),
                    memory => Vectors<TCell>(memory, hidden, arithmetic, sequence, masked));
            }
        }
    }

    /// <summary>The largest difference of a float from its double, as a share of the larger of 1 and the double.</summary>
    private static double Distance<TCell>() where TCell : struct, IRecurrentCell
    {
        float[] single = Memory(40, Numbers.Plain);
        double[] exact = [.. single.Select(x => (double)x)];
        Loop<TCell>(single, 40);
        Loop<TCell>(exact, 40);
        return single.Zip(exact, (x, y) => Math.Abs(x - y) / Math.Max(1.0, Math.Abs(y))).Max();
    }

    /// <summary>A forward step and a backward step by the definition.</summary>
    private static void Loop<TCell>(float[] memory, int hidden, Arithmetic arithmetic = Arithmetic.Fused, bool sequence = true, bool masked = true)
        where TCell : struct, IRecurrentCell
    {
        StepBuffers<float> step = Step<TCell, float>(memory, hidden, sequence, masked);
        Twin.RecurrentStep.Forward<TCell, float>(arithmetic, in step);
        Twin.RecurrentStep.Backward<TCell, float>(arithmetic, in step);
    }

    private static void Loop<TCell>(double[] memory, int hidden) where TCell : struct, IRecurrentCell
    {
        StepBuffers<double> step = Step<TCell, double>(memory, hidden, true, true);
        Twin.RecurrentStep.Forward<TCell, double>(Arithmetic.Fused, in step);
        Twin.RecurrentStep.Backward<TCell, double>(Arithmetic.Fused, in step);
    }

    private static void Vectors<TCell>(float[] memory, int hidden, Arithmetic arithmetic = Arithmetic.Fused, bool sequence = true, bool masked = true)
        where TCell : struct, IRecurrentCell
    {
        StepBuffers<float> step = Step<TCell, float>(memory, hidden, sequence, masked);
        RecurrentStep.Forward<TCell>(arithmetic, in step);
        RecurrentStep.Backward<TCell>(arithmetic, in step);
    }

    private static float[] Memory(int hidden, Numbers numbers)
    {
        float[] memory = Samples.Array((Rows * (3 * Products(hidden))) + (Rows * 9 * States(hidden)) + Rows, hidden, numbers);

        // One sample in three is masked.
        (memory[^3], memory[^2], memory[^1]) = (1f, 0f, 0.5f);
        return memory;
    }

    /// <summary>Strides larger than the rows: the floats between rows must not change.</summary>
    private static int Products(int hidden) => (4 * hidden) + 3;

    private static int States(int hidden) => hidden + 1;

    private static StepBuffers<T> Step<TCell, T>(T[] memory, int hidden, bool sequence, bool masked)
        where TCell : struct, IRecurrentCell
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int products = Rows * Products(hidden), states = Rows * States(hidden);
        Span<T> State(int index) => memory.AsSpan((3 * products) + (index * states), states);
        return new()
        {
            Rows = Rows,
            Hidden = hidden,
            Input = memory.AsSpan(0, products),
            Recurrent = memory.AsSpan(products, products),
            ProductStride = Products(hidden),
            Gates = memory.AsSpan(2 * products, products),
            GateStride = Products(hidden),
            Before = State(0),
            After = State(1),
            CellBefore = TCell.HasCell ? State(2) : default,
            Cell = TCell.HasCell ? State(3) : default,
            CellTanh = TCell.HasCell ? State(4) : default,
            HiddenStride = States(hidden),
            Output = sequence ? State(5) : default,
            OutputStride = States(hidden),
            HiddenGradient = State(6),
            CellGradient = TCell.HasCell ? State(7) : default,
            Upstream = sequence ? State(8) : default,
            Mask = masked ? memory.AsSpan(memory.Length - Rows) : default,
            MaskStride = 1,
        };
    }
}
