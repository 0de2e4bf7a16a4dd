using System.Numerics;
using EmbeddedBackprop.Tests.Graphs;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Copies its input, and holds up the passes of vectors while it is closed: so a test knows where a thread is.</summary>
internal sealed class WaitingOp : OneInputOp, IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly ManualResetEventSlim open = new(initialState: true);
    private readonly ManualResetEventSlim entered = new();

    public override string Kind => "waiting";

    /// <summary>The next pass stops in this op.</summary>
    public void Close()
    {
        entered.Reset();
        open.Reset();
    }

    /// <summary>Waits until a pass has stopped here.</summary>
    public void WaitForPass() => Assert.That(entered.Wait(Limit), Is.True, "no pass came");

    /// <summary>Lets the pass go on.</summary>
    public void Open() => open.Set();

    public override void Forward(in OpContext<float> c)
    {
        entered.Set();
        Assert.That(open.Wait(Limit), Is.True, "nobody opened");
        base.Forward(in c);
    }

    public void Dispose()
    {
        open.Dispose();
        entered.Dispose();
    }

    protected override void Compute<T>(in OpContext<T> c) => c.Input(0).CopyTo(c.Output);

    protected override T Factor<T>(in OpContext<T> c, int row, int column) => T.One;
}
