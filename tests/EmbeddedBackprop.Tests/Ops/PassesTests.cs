using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Sets;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>
/// Passes that are written once over a set of kernels: the checks of ops see a set that differs, and views of rows keep to their columns.
/// </summary>
internal sealed class PassesTests
{
    [Test]
    public void An_op_without_a_bug_passes() => Assert.That(Run<NoBug>().CheckEverything, Throws.Nothing);

    [Test]
    public void A_set_of_kernels_whose_last_bit_differs_is_caught() =>
        Assert.That(Run<LastBit>().CheckEverything, Throws.InstanceOf<AssertionException>().Or.InstanceOf<MultipleAssertException>());

    [Test]
    public void A_wrong_gradient_in_all_sets_is_caught() => Assert.That(Run<WrongGradient>().CheckGradient(Arithmetic.Fused).Passed, Is.False);

    // 3 of 8 columns, and 3 columns with 5 of padding: only padding may be written.
    [TestCase(false)]
    [TestCase(true)]
    public void Kernels_write_the_columns_of_a_view_and_at_most_its_padding(bool isPadded)
    {
        float[] x = Samples.Array(2 * 4, 1), w = Samples.Array(4 * 8, 2), b = Samples.Array(8, 3);
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            Widths.ForEach(width =>
            {
                float[] fast = new float[2 * 8],
                    plain = new float[2 * 8],
                    gradient = new float[4 * 8],
                    plainGradient = new float[4 * 8],
                    sums = new float[8],
                    plainSums = new float[8];
                Matrix<float> rows = new(x, 2, 4, 4);
                SimdKernels.Affine(arithmetic, rows, View(w, 4, isPadded), b, View(fast, 2, isPadded));
                ScalarKernels<float>.Affine(arithmetic, rows, View(w, 4, isPadded), b, View(plain, 2, isPadded));
                SimdKernels.TN(arithmetic, rows, View(plain, 2, isPadded), View(gradient, 4, isPadded), accumulate: false);
                ScalarKernels<float>.TN(arithmetic, rows, View(plain, 2, isPadded), View(plainGradient, 4, isPadded), accumulate: false);
                SimdKernels.SumColumns(View(plain, 2, isPadded), sums, accumulate: false);
                ScalarKernels<float>.SumColumns(View(plain, 2, isPadded), plainSums, accumulate: false);
                foreach ((float[] values, float[] expected) in new[] { (fast, plain), (gradient, plainGradient), (sums, plainSums) })
                {
                    for (int i = 0; i < values.Length; i++)
                    {
                        Assert.That(
                            values[i],
                            Is.EqualTo(i % 8 < 3 || !isPadded ? expected[i] : values[i]),
                            $"{arithmetic} width {width}, element {i}");
                    }
                }

                Assert.That(!isPadded || fast[3] != 0f, Is.True, "padding is computed along: the case is not empty");
            });
        }
    }

    private static Matrix<float> View(float[] values, int rows, bool isPadded) => new(values, rows, 3, 8, isPadded ? 8 : 3);

    private static GraphRun Run<TBug>()
        where TBug : struct, IBug =>
        new(3, 5, (graph, x) => graph.Apply(new Doubled<TBug>(), graph.Apply(new Dense(5, new Activation<Identity>()), x)));

    private interface IBug
    {
        static virtual float Forward(bool isSimd) => 2f;

        static virtual float Backward => 2f;
    }

    private readonly struct NoBug : IBug;

    private readonly struct LastBit : IBug
    {
        public static float Forward(bool isSimd) => isSimd ? float.BitIncrement(2f) : 2f;
    }

    private readonly struct WrongGradient : IBug
    {
        public static float Backward => 3f;
    }

    /// <summary>y = 2 x.</summary>
    private sealed class Doubled<TBug> : KernelOp, IPasses<Doubled<TBug>> where TBug : struct, IBug
    {
        public override string Kind => "doubled";

        protected override Passes Passes => Passes.Of<Doubled<TBug>>();

        public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => inputs[0].Shape;

        static void IPasses<Doubled<TBug>>.Forward<T, K>(Doubled<TBug> op, in OpContext<T> c) =>
            K.Scale(T.CreateTruncating(TBug.Forward(typeof(K) == typeof(SimdKernels))), c.Input(0), c.Output);

        static void IPasses<Doubled<TBug>>.Backward<T, K>(Doubled<TBug> op, in OpContext<T> c)
        {
            if (c.WantsInputGradient(0))
            {
                K.Scale(T.CreateTruncating(TBug.Backward), c.OutputGradient, c.InputGradient(0));
            }
        }
    }
}
