namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>The planner on random lives of buffers, judged by a checker of its own.</summary>
internal sealed class PlannerTests
{
    [Test]
    public void No_two_living_buffers_overlap([Values] Layout layout)
    {
        for (uint seed = 0; seed < 200; seed++)
        {
            Planner planner = RandomLives(seed, layout);
            planner.Place();
            Assert.That(FirstClash(planner), Is.Null, $"seed {seed}");
            Assert.That(planner.Length, Is.GreaterThanOrEqualTo(planner.LowerBound()));
            if (layout == Layout.Padded)
            {
                Assert.That(planner.Buffers.All(buffer => buffer.Offset % 16 == 0), Is.True, $"seed {seed}");
            }
        }
    }

    [Test]
    public void The_checker_sees_a_planted_clash()
    {
        Planner planner = RandomLives(1, Layout.Compact);
        planner.Place();
        Planner.Buffer first = planner.Buffers[0];
        planner.Buffers.First(buffer => buffer != first && buffer.First <= first.Last && first.First <= buffer.Last).Offset = first.Offset;
        Assert.That(FirstClash(planner), Is.Not.Null);
    }

    [Test]
    public void Buffers_beyond_what_a_span_can_hold_are_refused_by_their_sum()
    {
        Planner planner = new(Layout.Compact);
        for (int i = 0; i < 3; i++)
        {
            planner.Add($"b{i}", int.MaxValue - 1000, 0).Last = 5;
        }

        Assert.That(planner.Place, Throws.InstanceOf<Exception>().With.Message.Contains("workspace").And.Message.Contains("6442447941"));

        // The control: what fits is placed.
        Planner fits = new(Layout.Compact);
        fits.Add("a", int.MaxValue / 2, 0).Last = 5;
        fits.Add("b", (int.MaxValue / 2) - 1000, 0).Last = 5;
        fits.Place();
        Assert.That(fits.Length, Is.EqualTo(int.MaxValue - 1001));
    }

    private static Planner RandomLives(uint seed, Layout layout)
    {
        RandomSequence random = new CounterRandom(seed).Sequence(0);
        Planner planner = new(layout);
        for (int i = 0; i < 30; i++)
        {
            int first = random.NextBelow(40);
            planner.Add($"b{i}", 1 + random.NextBelow(100), first).Last = first + random.NextBelow(15);
        }

        return planner;
    }

    // Deliberately not the planner's own test of overlap: it marks every float at every time.
    private static string? FirstClash(Planner planner)
    {
        Dictionary<(int Time, int Place), string> owners = [];
        foreach (Planner.Buffer buffer in planner.Buffers)
        {
            for (int time = buffer.First; time <= buffer.Last; time++)
            {
                for (int place = buffer.Offset; place < buffer.Offset + buffer.Length; place++)
                {
                    if (!owners.TryAdd((time, place), buffer.Name))
                    {
                        return $"{buffer.Name} and {owners[(time, place)]} at time {time}, float {place}";
                    }
                }
            }
        }

        return null;
    }
}
