using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The widths that EBP_TILE may ask for.</summary>
internal sealed class LaneDispatchTests
{
    [Test]
    public void Every_width_of_this_processor_can_be_asked_for()
    {
        foreach (int width in Widths.Available)
        {
            Assert.That(LaneDispatch.ChooseWidth(width == 0 ? "any" : $"{width}"), Is.EqualTo(width));
        }

        Assert.That(LaneDispatch.ChooseWidth(null), Is.EqualTo(Widths.Available.Max()));
        Assert.That(LaneDispatch.ChooseWidth(""), Is.EqualTo(Widths.Available.Max()));
    }

    [TestCase("0")]
    [TestCase("64")]
    [TestCase("1024")]
    [TestCase("-1")]
    [TestCase(" 128")]
    [TestCase("Any")]
    [TestCase("99999999999")]
    public void Anything_else_is_refused(string wish) =>
        Assert.That(
            () => LaneDispatch.ChooseWidth(wish),
            Throws.TypeOf<PlatformNotSupportedException>().With.Message.StartsWith($"EBP_TILE={wish}: expected 1, 128, 256, 512 or any, at most "));

    /// <summary>The second half of a single lane is the lane.</summary>
    [Test]
    public void A_vector_is_read_in_two_halves() => Widths.ForEach(width =>
    {
        float[] x = Samples.Array(64, 1), expected = [.. x];
        LaneDispatch.Run<Halves, float[]>(Arithmetic.Fused, in x);
        int count = LaneDispatch.Lanes;
        expected.AsSpan(1, count / 2).CopyTo(expected.AsSpan(40));
        expected.AsSpan(20, count - (count / 2)).CopyTo(expected.AsSpan(40 + (count / 2)));
        Bits.AssertEqual(x, expected, $"width {width}");
        Assert.That(expected[40], Is.Not.EqualTo(x[41]), "control: lanes differ");
    });

    /// <summary>Another test may change the width at any time: what is chosen for a row is a width that the row fills, before or after.</summary>
    [Test]
    public void A_width_that_changes_meanwhile_never_gives_a_row_a_wider_vector()
    {
        const int Columns = 7, Changes = 200_000;
        int asked = 0, narrow = 0, wider = 0, done = 0;
        Thread asking = new(() =>
        {
            while (Volatile.Read(ref done) == 0)
            {
                int width = WidthWithin(Columns);
                asked++;
                narrow += width == 1 ? 1 : 0;
                wider += width > 128 || (width == 0 && Vector<float>.Count > Columns) ? 1 : 0;
            }
        });
        asking.Start();
        for (int i = 0; i < Changes; i++)
        {
            Widths.ForEach(_ => Thread.SpinWait(1));
        }

        Volatile.Write(ref done, 1);
        asking.Join();
        TestContext.Out.WriteLine($"{asked:N0} times asked for a width while it changed: {narrow:N0} times one lane, {wider:N0} times too wide");
        Assert.That(wider, Is.Zero);
        Assert.That(narrow, Is.Positive.And.LessThan(asked), "the control: the width did change while it was asked for");
    }

    // Called, so that the compiler does not take what it reads out of a loop.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int WidthWithin(int columns) => LaneDispatch.WidthWithin(columns);

    private readonly struct Halves : ILaneKernel<float[]>
    {
        public static void Run<T, TTail>(in float[] x)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail> => T.Store(T.LoadHalves(in x[1], in x[20]), ref x[40], 0);
    }
}
