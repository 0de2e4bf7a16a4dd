using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>
/// Plans in which concats, slices and other shapes share memory with their inputs, on a thousand random graphs: judged by the checker that shares no
/// code with the planner, and run.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class MovesTests
{
    private const int Count = 1000;

    [Test]
    public void Values_that_are_moved_in_place_are_where_their_readers_expect_them()
    {
        int moved = 0, copied = 0, callers = 0, above = 0;
        for (uint seed = 0; seed < Count; seed++)
        {
            RandomMoves net = new(seed);
            foreach (Plan plan in Plans(net))
            {
                Assert.That(PlanChecker.FirstFault(plan), Is.Null, $"{net}\n{plan}");
                moved += plan.Steps.ToArray().Sum(step => step.MovedInPlace.Count(inPlace => inPlace));
                copied += plan.Steps.ToArray().Where(IsMove).Sum(step => step.MovedInPlace.Count(inPlace => !inPlace));
                callers += plan.Steps.ToArray().Count(step => plan.CallersPlace(step.Node) is var (argument, _) && argument != step.Node);
                above += plan.WorkspaceLength > plan.WorkspaceLowerBound ? 1 : 0;
            }
        }

        TestContext.Out.WriteLine($"{moved} parts in place, {copied} copied, {callers} in the caller's memory; {above} above the bound");
        Assert.That(new[] { moved, copied, callers }, Is.All.GreaterThan(Count), "cases of every kind were seen");
    }

    [Test]
    public void Moving_in_place_takes_no_more_memory()
    {
        long with = 0, without = 0;
        int more = 0;
        for (uint seed = 0; seed < Count; seed++)
        {
            RandomMoves net = new(seed);
            PlanOptions options = RandomMoves.Options with { InputsAndOutputsByReference = true };
            Plan shared = net.Plan(options), plain = net.Plan(options with { MovesInPlace = false });
            with += shared.WorkspaceLength;
            without += plain.WorkspaceLength;
            more += shared.WorkspaceLength > plain.WorkspaceLength ? 1 : 0;
            Assert.That(shared.WorkspaceLowerBound, Is.LessThanOrEqualTo(plain.WorkspaceLowerBound), $"{net}\n{shared}\n{plain}");
        }

        TestContext.Out.WriteLine($"floats with {with}, without {without}; {more} graphs need more");
        Assert.That(with, Is.LessThan(without * 2 / 3));
        Assert.That(more, Is.Zero);
    }

    [Test]
    public void A_prediction_has_the_same_bits_where_nothing_is_copied()
    {
        for (uint seed = 0; seed < Count; seed++)
        {
            RandomMoves net = new(seed);
            Bits.AssertEqual(net.Run(RandomMoves.Options), net.Run(new PlanOptions { Layout = Layout.Compact }), net.ToString());
        }
    }

    [Test]
    public void A_training_of_one_sample_keeps_what_its_backward_pass_reads()
    {
        int moved = 0;
        long with = 0, without = 0;
        for (uint seed = 0; seed < Count / 4; seed++)
        {
            RandomNetwork net = new(seed);
            PlanOptions one = net.Options(Layout.Compact) with { Batch = 1, MovesInPlace = true };
            Node[] all = [.. net.Graph.Nodes], some = [.. all.Where(node => node.Index % 3 > 0)];
            foreach (PlanOptions options in (PlanOptions[])[one, one with { Recompute = some }, one with { Recompute = all, Fuse = false }])
            {
                foreach (bool byReference in (bool[])[false, true])
                {
                    // An export has no gradients of its inputs.
                    bool inputGradients = options.InputGradients && !byReference;
                    PlanOptions wanted = options with { InputsAndOutputsByReference = byReference, InputGradients = inputGradients };
                    Plan plan = Plan.ForTraining(net.Graph, wanted, [.. net.Losses], byReference ? [] : net.Watched);
                    Assert.That(PlanChecker.FirstFault(plan), Is.Null, $"{net}\n{plan}");
                    moved += plan.Steps.ToArray().Where(IsMove).Sum(step => step.MovedInPlace.Count(inPlace => inPlace));
                    with += plan.WorkspaceLength;
                    without += Plan.ForTraining(net.Graph, wanted with { MovesInPlace = false }, [.. net.Losses], byReference ? [] : net.Watched)
                        .WorkspaceLength;
                }
            }
        }

        TestContext.Out.WriteLine($"{moved} parts in place; floats with {with}, without {without}");
        Assert.That(moved, Is.GreaterThan(Count / 4));
        Assert.That(with, Is.LessThan(without));
    }

    [Test]
    public void Exported_plans_of_random_graphs_are_right_too()
    {
        int blocks = 0;
        for (uint seed = 0; seed < Count; seed++)
        {
            RandomNetwork net = new(seed);
            foreach (bool inputInArena in (bool[])[false, true])
            {
                Plan plan = CExporter.PlanOf(Plan.ForInference(net.Graph, new PlanOptions(), net.Watched), inputInArena);
                Assert.That(PlanChecker.FirstFault(plan), Is.Null, $"{net}\n{plan}");
                blocks += plan.Steps.ToArray().Count(step => step.Parts.Length > 1);
            }
        }

        Assert.That(blocks, Is.GreaterThan(Count / 20));
    }

    [Test]
    public void A_batch_and_padded_rows_are_planned_as_before()
    {
        for (uint seed = 0; seed < 100; seed++)
        {
            RandomNetwork net = new(seed);
            PlanOptions batch = net.Options(Layout.Compact) with { Batch = 7 }, padded = net.Options(Layout.Padded) with { Batch = 1 };
            foreach (PlanOptions options in (PlanOptions[])[batch, padded])
            {
                PlanOptions moves = options with { MovesInPlace = true };
                Assert.That(
                    Plan.ForInference(net.Graph, moves, net.Watched).ToString(),
                    Is.EqualTo(Plan.ForInference(net.Graph, options, net.Watched).ToString()));
                Assert.That(
                    Plan.ForTraining(net.Graph, moves, [.. net.Losses], net.Watched).ToString(),
                    Is.EqualTo(Plan.ForTraining(net.Graph, options, [.. net.Losses], net.Watched).ToString()));
            }
        }
    }

    [Test]
    public void Branches_write_into_their_concat_and_slices_are_read_where_they_are()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(10));
        Node a = Layer(x, 8), b = Layer(x, 4), inner = graph.Apply(new Concat(), [a, b], "inner");
        Node c = Layer(inner, 6), outer = graph.Apply(new Concat(), [inner, c], "outer");
        Node part = graph.Apply(new Slice(4, 8), [outer], "part"), y = Layer(part, 3);
        PlanOptions options = new() { Layout = Layout.Compact, InputsAndOutputsByReference = true };
        Plan plan = Plan.ForInference(graph, options with { MovesInPlace = true }, y);
        Assert.That(plan.WorkspaceLength, Is.EqualTo(18), plan.ToString());
        Assert.That(Plan.ForInference(graph, options, y).WorkspaceLength, Is.EqualTo(36));
        foreach (string note in new[] { "in place of dense1, dense2", "in place of inner, dense3", "in place of outer" })
        {
            Assert.That(plan.ToString(), Does.Contain(note));
        }

        static Node Layer(Node from, int outputs) =>
            from.Graph.Apply(new Dense(outputs, new Activation<Sigmoid>()), from);
    }

    [Test]
    public void A_value_joined_with_itself_and_with_what_that_became_is_copied_from_elsewhere()
    {
        Graph graph = new();
        Node x = graph.Apply(new Dense(7, new Activation<Sigmoid>()), graph.Input(new Shape(3)));
        Node twice = graph.Apply(new Concat(), [x, x]), thrice = graph.Apply(new Concat(), [x, twice]);
        Node y = graph.Apply(new Dense(2, new Activation<Sigmoid>()), thrice);
        Plan plan = Plan.ForInference(graph, RandomMoves.Options with { InputsAndOutputsByReference = true }, y);
        Assert.That(PlanChecker.FirstFault(plan), Is.Null, plan.ToString());
        Assert.That(plan.WorkspaceLength, Is.EqualTo(21), plan.ToString());
    }

    [Test]
    public void A_lie_about_the_place_of_elements_is_caught()
    {
        int caught = 0;
        for (uint seed = 0; seed < Count; seed++)
        {
            RandomMoves net = new(seed, faulty: true);
            ProductOp[] ops = [.. net.Graph.Ops.OfType<ProductOp>()];
            Lie(ops, true);
            Plan plan = net.Plan(RandomMoves.Options);
            Lie(ops, false);
            caught += PlanChecker.FirstFault(plan) is null ? 0 : 1;
        }

        Assert.That(caught, Is.GreaterThan(100));

        static void Lie(ProductOp[] ops, bool claims)
        {
            foreach (ProductOp op in ops)
            {
                op.ClaimsMove = claims;
            }
        }
    }

    [Test]
    public void A_part_that_is_not_where_the_plan_says_is_caught()
    {
        int tried = 0, caught = 0;
        for (uint seed = 0; seed < 200; seed++)
        {
            Plan plan = new RandomMoves(seed).Plan(RandomMoves.Options);
            foreach (Step step in plan.Steps)
            {
                int k = Array.IndexOf(step.MovedInPlace, false);
                if (IsMove(step) && k >= 0)
                {
                    tried++;
                    step.MovedInPlace[k] = true;
                    caught += PlanChecker.FirstFault(plan) is null ? 0 : 1;
                    step.MovedInPlace[k] = false;
                }

                if (step.Op is Slice && step.Output.Offset > 0)
                {
                    tried++;
                    Slot kept = step.Output;
                    step.Output = kept with { Offset = kept.Offset - 1 };
                    caught += PlanChecker.FirstFault(plan) is null ? 0 : 1;
                    step.Output = kept;
                }
            }

            Assert.That(PlanChecker.FirstFault(plan), Is.Null, "put back");
        }

        // Of a value that was joined with itself, a neighbouring element may be the right one.
        Assert.That(tried, Is.GreaterThan(200));
        Assert.That(caught, Is.GreaterThan(0.95 * tried));
    }

    private static bool IsMove(Step step) => step.Op.PlaceOf(step.InputNodes, 0, training: false) is not null;

    private static IEnumerable<Plan> Plans(RandomMoves net)
    {
        PlanOptions options = RandomMoves.Options;
        yield return net.Plan(options);
        yield return net.Plan(options with { InputsAndOutputsByReference = true });
        yield return net.Plan(options with { InputsAndOutputsByReference = true, InputsInWorkspace = true });
    }
}
