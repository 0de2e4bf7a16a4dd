using System.Runtime;

namespace EmbeddedBackprop.Tests.Support;

[TestFixture]
internal sealed class AllocationsTests
{
    [Test]
    public void Collections_of_other_threads_are_not_counted()
    {
        Assert.That(GCSettings.LatencyMode, Is.EqualTo(GCLatencyMode.Batch), "no background collections, in which case one round in 15 counts 8 KB");
        bool stop = false;
        Thread collector = new(() =>
        {
            byte[][] live = new byte[1000][];
            for (int i = 0; !Volatile.Read(ref stop); i++)
            {
                live[i % live.Length] = new byte[5000];
                if (i % 200 == 0)
                {
                    GC.Collect(i % 400 == 0 ? 0 : 1);
                }
            }
        });
        int collections = GC.CollectionCount(0);
        collector.Start();
        try
        {
            float[] values = new float[100_000];
            for (int i = 0; i < 300 || GC.CollectionCount(0) < collections + 100; i++)
            {
                GC.KeepAlive(new object()); // the thread gets an allocation buffer
                Assert.That(Allocations.Of(10, () => values.AsSpan().Reverse(), warmUp: 0), Is.Zero, $"round {i}");
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            collector.Join();
        }

        Assert.That(Allocations.Of(10, () => GC.KeepAlive(new object())), Is.GreaterThanOrEqualTo(240), "control: an object is seen");
    }
}
