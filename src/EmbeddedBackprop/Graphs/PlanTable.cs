using System.Globalization;
using System.Text;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Graphs;

/// <summary>Prints a plan as the table that a person reads.</summary>
internal static class PlanTable
{
    private static readonly string[] Header =
    [
        "step", "op", "output", "parameters", "offset", "multiply-adds", "workspace", "offset", "saved", "notes",
    ];

    public static string Format(Plan plan)
    {
        List<string[]> rows = [Header];
        Step[] steps = plan.Steps.ToArray();
        HashSet<Node> read = [.. plan.Outputs.Items()];
        foreach (Step step in plan.Steps)
        {
            read.UnionWith(step.InputNodes);
        }

        foreach (Node node in plan.Graph.Nodes)
        {
            // A target, for example, is no part of an inference plan.
            if (node.Op is null && read.Contains(node))
            {
                rows.Add([node.Name, "input", node.Shape.ToString(), "", "", "", "", "", "", ""]);
            }
        }

        foreach (Step step in plan.Steps)
        {
            bool owner = Array.Find(steps, other => other.Owner == step.Owner) == step;
            rows.Add(
            [
                step.Title,
                string.Join(" + ", Array.ConvertAll(step.Parts, part => $"{part.Op.Kind} {part.Op.Detail}".TrimEnd())),
                step.Op.IsLoss ? "loss" : step.Node.Shape.ToString(),
                step.Ranges.Length == 0 ? "" : owner ? Number(Sum(step.Ranges, range => range.Count)) : "shared",
                step.Ranges.Length == 0 ? "" : Number(step.Parameters.Offset),
                step.Op.MultiplyAdds == 0 ? "" : Number(step.Op.MultiplyAdds),
                step.Output.Exists ? Bytes(step.Output.Length) : "caller's",
                step.Output.Exists ? Number(step.Output.Offset) : "",
                step.Saved.Exists ? Bytes(step.Saved.Length) : "",
                Notes(plan, step),
            ]);
        }

        StringBuilder text = new();
        AppendTable(text, rows);
        bool training = plan.Loss is not null;
        text.Append(CultureInfo.InvariantCulture, $"""

            {(training ? "training" : "inference")} plan, batch {plan.Options.Batch}, {(
                plan.Options.Arithmetic == Kernels.Arithmetic.Fused ? "fused" : "separate"
            )} arithmetic, {(plan.Options.Layout == Layout.Padded ? "padded" : "compact")} rows
            parameters  {plan.ParameterCount, 12:N0} numbers  {4L * plan.ParameterLength, 12:N0} bytes in memory  {4L
                * plan.ParameterCount, 12:N0} bytes in a file
            workspace   {plan.WorkspaceLength, 12:N0} floats   {4L * plan.WorkspaceLength, 12:N0} bytes in memory  {4L
                * plan.WorkspaceLowerBound, 12:N0} bytes at the busiest time (the least any placing takes){Above(plan)}

            """);
        if (plan.StateLength > 0)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"""
                state       {Sum(plan.State, range => range.Count), 12:N0} numbers  {4L * plan.StateLength, 12:N0} bytes in memory  {4L
                    * Sum(plan.State, range => range.PerSample ? 0 : range.Count), 12:N0} bytes in a file

                """);
        }

        if (!plan.CanSplitBatch && training)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"the batch is not split: {Names(steps, step => step.Op.DependsOnWholeBatch && !step.Frozen)} depends on the whole batch\n"
            );
        }

        if (training && Names(steps, step => step.Op.SplitsToRounding && !step.Frozen) is { Length: > 0 } sequences)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"micro-batches agree to rounding only: the gradient chains of {sequences} run over time outside, samples inside\n"
            );
        }

        if (training)
        {
            if (plan.Batch < plan.Options.Batch)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"micro-batches of {plan.Batch}: {(plan.SplitsExactly ? "the bits of the whole batch" : "the whole batch's gradient to rounding")}\n"
                );
            }

            if (Array.Exists(plan.BackwardProgram.ToArray(), entry => entry.Phase == Phase.Recompute))
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"computed again: {plan.RecomputedMultiplyAdds:N0} multiply-adds a sample, {100.0 * plan.RecomputedMultiplyAdds / (3 * Math.Max(1, plan.MultiplyAdds)):F1} % of a training step\n"
                );
            }

            if (plan.GradientLength == 0)
            {
                text.Append("gradients   none are kept: each is applied within the backward pass\n");
            }
            else
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"gradients   {plan.ParameterCount, 12:N0} numbers  {4L * plan.GradientLength, 12:N0} bytes in memory\n");
            }

            if (plan.Options.OptimizerStateLength > 0)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"optimiser   {plan.Options.OptimizerStateLength, 12:N0} floats   {4L * plan.Options.OptimizerStateLength, 12:N0} bytes in memory\n"
                );
            }

            string budget =
                plan.Options.MemoryBudget > 0 ? string.Create(CultureInfo.InvariantCulture, $" of a budget of {plan.Options.MemoryBudget:N0}") : "";
            text.Append(
                CultureInfo.InvariantCulture,
                $"in all      {plan.MemoryLength, 12:N0} floats   {4L * plan.MemoryLength, 12:N0} bytes in memory{budget}\n");
        }

        return text.ToString();
    }

    /// <summary>The differences from the graph: fused, in place, computed again.</summary>
    private static string Notes(Plan plan, Step step)
    {
        List<string> notes = [];
        if (step.Fused.Count > 0 && step.Parts.Length == 1)
        {
            notes.Add("does " + string.Join(", ", Array.ConvertAll(step.FusedNodes, node => node.Name)));
        }

        if (step.Frozen)
        {
            notes.Add("frozen");
        }

        HashSet<string> moved = [];
        for (int k = 0; k < step.InputNodes.Length; k++)
        {
            if (step.MovedInPlace[k])
            {
                moved.Add(step.InputNodes[k].Name);
            }
        }

        if (moved.Count > 0)
        {
            notes.Add("in place of " + string.Join(", ", moved));
        }

        for (int k = 0; k < step.Inputs.Length; k++)
        {
            if (step.Output.Exists && step.Inputs[k].Offset == step.Output.Offset && !step.MovedInPlace[k])
            {
                notes.Add("in place of " + step.InputNodes[k].Name);
            }
        }

        foreach ((Step other, Phase phase) in plan.BackwardProgram)
        {
            if (phase == Phase.Recompute && other.Node == step.Node)
            {
                notes.Add("computed again");
            }
        }

        return string.Join("; ", notes);
    }

    /// <summary>The workspace's excess over the lower bound of every placement.</summary>
    private static string Above(Plan plan) =>
        plan.WorkspaceLength == plan.WorkspaceLowerBound
            ? ""
            : string.Create(
                CultureInfo.InvariantCulture,
                $" (+{100.0 * (plan.WorkspaceLength - plan.WorkspaceLowerBound) / plan.WorkspaceLowerBound:F1} %: the order of lives leaves gaps that no placing found could close)"
            );

    private static string Names(Step[] steps, Predicate<Step> which) =>
        string.Join(", ", Array.ConvertAll(Array.FindAll(steps, which), step => step.Name));

    private static long Sum<T>(ReadOnlySpan<T> ranges, Func<T, int> count)
    {
        long sum = 0;
        foreach (T range in ranges)
        {
            sum += count(range);
        }

        return sum;
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Bytes(int floats) => Number(4L * floats) + " B";

    private static void AppendTable(StringBuilder text, List<string[]> rows)
    {
        int[] widths = new int[Header.Length];
        foreach (string[] row in rows)
        {
            for (int c = 0; c < Header.Length; c++)
            {
                widths[c] = Math.Max(widths[c], row[c].Length);
            }
        }

        for (int r = 0; r < rows.Count; r++)
        {
            for (int c = 0; c < Header.Length; c++)
            {
                string cell = rows[r][c];
                bool left = c < 3 || c == Header.Length - 1;
                text.Append(left ? cell.PadRight(widths[c]) : cell.PadLeft(widths[c])).Append(c == Header.Length - 1 ? "" : "  ");
            }

            text.Append('\n');
        }
    }
}
