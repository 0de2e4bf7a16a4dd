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
}
