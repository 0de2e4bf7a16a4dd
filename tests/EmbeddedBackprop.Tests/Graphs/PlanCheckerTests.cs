namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>
/// The memory plan of a thousand random graphs, judged by a checker that shares no code with the planner; and the checker judged by planted faults.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class PlanCheckerTests
{
    private const int Count = 1000;

    [Test]
    public void No_live_buffers_overlap_and_nothing_is_read_before_it_is_written()
    {
        int inPlace = 0, fused = 0, again = 0;
        for (uint seed = 0; seed < Count; seed++)
        {
            RandomNetwork net = new(seed);
            foreach (Plan plan in Plans(net))
            {
                Assert.That(PlanChecker.FirstFault(plan), Is.Null, $"{net}\n{plan}");
                string table = plan.ToString();
                inPlace += table.Contains("in place of") ? 1 : 0;
                fused += table.Contains("does ") ? 1 : 0;
                again += table.Contains("computed again") ? 1 : 0;
            }
        }

        Assert.That(new[] { inPlace, fused, again }, Is.All.GreaterThan(Count / 20), "cases of every kind were seen");
    }

    [Test]
    public void The_peak_is_within_five_per_cent_of_the_bound_or_the_table_says_why_not()
    {
        List<string> above = [];
        int plans = 0;
        for (uint seed = 0; seed < Count; seed++)
        {
            RandomNetwork net = new(seed);
            foreach (Plan plan in Plans(net))
            {
                plans++;
                Assert.That(plan.WorkspaceLength, Is.GreaterThanOrEqualTo(plan.WorkspaceLowerBound), net.ToString());
                Assert.That(plan.WorkspaceLength, Is.LessThan(1.15 * plan.WorkspaceLowerBound), net.ToString());
                Assert.That(
                    plan.ToString().Contains("leaves gaps", StringComparison.Ordinal),
                    Is.EqualTo(plan.WorkspaceLength > plan.WorkspaceLowerBound));
                if (plan.WorkspaceLength > 1.05 * plan.WorkspaceLowerBound)
                {
                    above.Add($"{(double)plan.WorkspaceLength / plan.WorkspaceLowerBound:F3} {plan.WorkspaceLowerBound} {net}");
                }
            }
        }

        // Of random graphs with buffers of a few dozen floats; no placing at all may reach the bound.
        Assert.That(above, Has.Count.LessThan(plans / 500), string.Join('\n', above));
    }

    [Test]
    public void A_planner_that_forgets_what_backward_passes_read_is_caught() =>
        Assert.That(CaughtWith(op => op.HidesReads = true), Is.GreaterThan(10));

    [Test]
    public void A_planner_that_works_in_place_where_it_must_not_is_caught() =>
        Assert.That(CaughtWith(op => op.ClaimsOverlay = true), Is.GreaterThan(10));

    [Test]
    public void A_planner_that_puts_gradients_in_place_where_it_must_not_is_caught() =>
        Assert.That(CaughtWith(op => op.ClaimsGradientOverlay = true), Is.GreaterThan(10));

    [Test]
    public void Buffers_at_the_wrong_place_are_caught()
    {
        int tried = 0, caught = 0;
        for (uint seed = 0; seed < 200; seed++)
        {
            RandomNetwork net = new(seed);
            Plan plan = Train(net, new PlanOptions());
            foreach (Step step in plan.Steps)
            {
                if (step.Inputs.Length == 0 || !step.HasBackward || step.Op.IsLoss || step.Op is not EmbeddedBackprop.Ops.Dense)
                {
                    continue;
                }

                // A dense layer reads its input in both passes, so its output, its scratch or its gradient must not overlap it.
                tried++;
                Slot kept = step.OutputGradient;
                step.OutputGradient = step.Inputs[0] with { Length = Math.Min(kept.Length, step.Inputs[0].Length) };
                caught += PlanChecker.FirstFault(plan) is null ? 0 : 1;
                step.OutputGradient = kept;
            }

            Assert.That(PlanChecker.FirstFault(plan), Is.Null, "put back");
        }

        Assert.That(tried, Is.GreaterThan(100));
        Assert.That(caught, Is.EqualTo(tried));
    }

    [Test]
    public void A_lost_continuation_of_a_gradient_is_caught()
    {
        int tried = 0;
        for (uint seed = 0; seed < 200; seed++)
        {
            Plan plan = Train(new RandomNetwork(seed), new PlanOptions());
            foreach ((Step step, Phase _) in plan.BackwardProgram)
            {
                int k = Array.IndexOf(step.ContinueInputGradients, true);
                if (k < 0)
                {
                    continue;
                }

                tried++;
                step.ContinueInputGradients[k] = false;
                Assert.That(PlanChecker.FirstFault(plan), Is.Not.Null);
                step.ContinueInputGradients[k] = true;
            }
        }

        Assert.That(tried, Is.GreaterThan(20));
    }

    /// <summary>Plans are made while ops say something wrong, and judged when they say the truth.</summary>
    private static int CaughtWith(Action<ProductOp> lie)
    {
        int caught = 0;
        for (uint seed = 0; seed < Count; seed++)
        {
            RandomNetwork net = new(seed);
            ProductOp[] ops = [.. net.Graph.Ops.OfType<ProductOp>()];
            foreach (ProductOp op in ops)
            {
                lie(op);
            }

            Plan plan = Train(net, new PlanOptions());
            foreach (ProductOp op in ops)
            {
                (op.HidesReads, op.ClaimsOverlay, op.ClaimsGradientOverlay) = (false, false, false);
            }

            caught += PlanChecker.FirstFault(plan) is null ? 0 : 1;
        }

        return caught;
    }

    private static IEnumerable<Plan> Plans(RandomNetwork net)
    {
        foreach (Layout layout in (Layout[])[Layout.Padded, Layout.Compact])
        {
            PlanOptions options = net.Options(layout);
            yield return Plan.ForInference(net.Graph, options, net.Watched);
            yield return Train(net, options);
            yield return Train(net, options with { Recompute = [.. net.Graph.Nodes.Where(node => node.Index % 3 > 0)] });
            yield return Train(net, options with { Recompute = [.. net.Graph.Nodes], Fuse = false });
        }
    }

    private static Plan Train(RandomNetwork net, PlanOptions options) => Plan.ForTraining(net.Graph, options, [.. net.Losses], net.Watched);
}
