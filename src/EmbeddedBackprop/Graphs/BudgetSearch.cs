using System.Globalization;

namespace EmbeddedBackprop.Graphs;

/// <summary>
/// Finds a training plan that fits a memory budget, and costs as little time as possible: first the whole batch, then parts of it (micro-batches,
/// which need a gradient span), then values computed again instead of kept, the cheapest set of those that fits.
/// </summary>
internal sealed class BudgetSearch(Graph graph, PlanOptions options, Node[] losses, Node[] outputs)
{
    private readonly long budget = options.MemoryBudget;
    private readonly PlanOptions free = options with { MemoryBudget = 0, UpdateInBackward = false, PlacementTries = 60 };

    /// <summary>The plan.</summary>
    /// <exception cref="ArgumentException">No plan fits; the message says how many bytes are missing, and which change would help.</exception>
    public Plan Find()
    {
        long least = long.MaxValue;
        foreach (Node[] recompute in Recomputations())
        {
            if (Fit(recompute, ref least) is { } plan)
            {
                return WithBudget(KeepWhatFits(plan));
            }
        }

        GraphErrors.BudgetTooSmall(budget, least, Suggestions());
        return null!;
    }

    /// <summary>The fewest bytes of any plan for these options.</summary>
    private long FewestBytes()
    {
        long least = long.MaxValue;
        foreach (Node[] recompute in Recomputations())
        {
            _ = Fit(recompute, ref least);
        }

        return least;
    }

    /// <summary>Sets of nodes that are computed again, from no cost to the highest.</summary>
    private Node[][] Recomputations()
    {
        Plan whole = Make(SmallestBatch, [], update: false);
        Step[] steps = whole.Steps.ToArray();
        Node[] nodes = Array.ConvertAll(steps, step => step.Node);
        List<Node[]> sets = [[]];
        List<long> costs = [-1];

        // Steps without multiply-adds, for example activations and pooling; then all but every n-th step, with and without those.
        Node[] cheap = Array.ConvertAll(Array.FindAll(steps, step => step.Op.MultiplyAdds == 0), step => step.Node);
        Add(cheap);
        foreach (int distance in (ReadOnlySpan<int>)[2, 3, 4, 5, 6, 8, 10, 12, 16])
        {
            for (int first = 0; first < Math.Min(distance, 4) && distance <= nodes.Length; first++)
            {
                Node[] between = Array.FindAll(nodes, node => Array.IndexOf(nodes, node) % distance != first);
                Add(between);
                Add([.. new HashSet<Node>([.. between, .. cheap])]);
            }
        }

        return Array.ConvertAll(Lists.Order(sets.Count, i => costs[i]), i => sets[i]);

        void Add(Node[] recompute)
        {
            if (recompute.Length > 0 && nodes.Length <= MostSteps)
            {
                sets.Add(recompute);
                costs.Add(Make(SmallestBatch, recompute, update: false).RecomputedMultiplyAdds);
            }
        }
    }

    /// <summary>Beyond this many steps the search itself would take long; such nets are split into micro-batches only.</summary>
    private const int MostSteps = 64;

    /// <summary>The plan with the largest batch that fits, or null.</summary>
    private Plan? Fit(Node[] recompute, ref long least)
    {
        if (options.UpdateInBackward && TryMake(options.Batch, recompute, update: true, ref least) is { } fused)
        {
            return fused;
        }

        if (TryMake(options.Batch, recompute, update: false, ref least) is { } whole)
        {
            return whole;
        }

        if (options.Batch == 1 || !CanSplit || TryMake(1, recompute, update: false, ref least) is not { } best)
        {
            return null;
        }

        // Memory grows with the batch: the largest that fits, found by halving.
        int fits = 1, fails = options.Batch;
        while (fails - fits > 1)
        {
            int middle = fits + ((fails - fits) / 2);
            if (TryMake(middle, recompute, update: false, ref least) is { } plan)
            {
                (fits, best) = (middle, plan);
            }
            else
            {
                fails = middle;
            }
        }

        // Equal parts: 32 samples that could be 11 + 11 + 10 need not be 15 + 15 + 2.
        int parts = (options.Batch + fits - 1) / fits, even = (options.Batch + parts - 1) / parts;
        return even == fits ? best : Make(even, recompute, update: false);
    }

    private bool CanSplit => !Array.Exists(graph.Ops.Items(), op => op.DependsOnWholeBatch && !options.Frozen.Has(op.Name));

    private int SmallestBatch => CanSplit ? 1 : options.Batch;

    /// <summary>Keeps the steps that still fit, the most expensive first.</summary>
    private Plan KeepWhatFits(Plan plan)
    {
        List<Node> recompute = [.. plan.Options.Recompute.Items()];
        Step[] steps = plan.Steps.ToArray();
        foreach (Step step in Array.ConvertAll(Lists.Order(steps.Length, i => -steps[i].Op.MultiplyAdds), i => steps[i]))
        {
            if (!recompute.Remove(step.Node))
            {
                continue;
            }

            Plan relaxed = PlanBuilder.Build(graph, plan.Options with { Recompute = [.. recompute] }, losses, outputs);
            if (Bytes(relaxed) <= budget && relaxed.RecomputedMultiplyAdds <= plan.RecomputedMultiplyAdds)
            {
                plan = relaxed;
            }
            else
            {
                recompute.Add(step.Node);
            }
        }

        return plan;
    }

    /// <summary>The same plan again, with the budget in its options, for whoever prints it.</summary>
    private Plan WithBudget(Plan plan) => PlanBuilder.Build(
        graph, plan.Options with { MemoryBudget = budget, PlacementTries = options.PlacementTries }, losses, outputs);

    private Plan? TryMake(int batch, Node[] recompute, bool update, ref long least)
    {
        if (update && !Make(SmallestBatch, [], update: false).CanUpdateInBackward)
        {
            return null;
        }

        Plan plan = Make(batch, recompute, update);
        long bytes = Bytes(plan);
        least = Math.Min(least, bytes);
        return bytes <= budget ? plan : null;
    }

    private Plan Make(int batch, Node[] recompute, bool update) =>
        PlanBuilder.Build(
            graph,
            free with
            {
                MicroBatch = batch == options.Batch ? 0 : batch,
                Recompute = [.. new HashSet<Node>([.. options.Recompute.Items(), .. recompute])],
                UpdateInBackward = update,
            },
            losses,
            outputs);

    private static long Bytes(Plan plan) => 4L * plan.MemoryLength;

    /// <summary>
    /// The changes that would make it fit, with the bytes that it would then need: single changes, or the fewest together. Others are not named.
    /// </summary>
    private string Suggestions()
    {
        List<Measure> measures = [];
        if (options.Batch > 1)
        {
            measures.Add(new Measure("a batch of 1", plan => plan with { Batch = 1, MicroBatch = 0 }));
        }

        if (options.Layout != Layout.Compact)
        {
            measures.Add(new Measure("compact rows", plan => plan with { Layout = Layout.Compact }));
        }

        if (options.OptimizerStateLength > 0 || !options.UpdateInBackward)
        {
            string name =
                options.OptimizerStateLength > 0 ? "plain gradient descent" : "an update within the backward pass (no accumulation, clipping or L1)";
            measures.Add(new Measure(name, plan => plan with { OptimizerStateLength = 0, UpdateInBackward = true }));
        }

        long least = long.MaxValue;
        for (int together = 1; together <= measures.Count; together++)
        {
            List<string> suggestions = [];
            for (int set = 1; set < 1 << measures.Count; set++)
            {
                if (System.Numerics.BitOperations.PopCount((uint)set) != together)
                {
                    continue;
                }

                PlanOptions changed = options;
                List<string> names = [];
                for (int i = 0; i < measures.Count; i++)
                {
                    if ((set >> i & 1) == 1)
                    {
                        changed = measures[i].Apply(changed);
                        names.Add(measures[i].Name);
                    }
                }

                long bytes = new BudgetSearch(graph, changed, losses, outputs).FewestBytes();
                least = Math.Min(least, bytes);
                if (bytes <= budget)
                {
                    suggestions.Add(string.Create(CultureInfo.InvariantCulture, $"{List(names)} ({bytes:N0} bytes)"));
                }
            }

            if (suggestions.Count > 0)
            {
                return "what would help: " + string.Join(", or ", suggestions);
            }
        }

        return measures.Count == 0
            ? "only a smaller net would do"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"only a smaller net would do: with {List(measures.ConvertAll(measure => measure.Name))} it needs {least:N0}");
    }

    private static string List(List<string> names) =>
        names.Count == 1 ? names[0] : string.Join(", ", names[..^1]) + " and " + names[^1];

    private sealed class Measure(string name, Func<PlanOptions, PlanOptions> apply)
    {
        public string Name => name;

        public PlanOptions Apply(PlanOptions plan) => apply(plan);
    }
}
