using System.Globalization;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The RAM of an exported prediction, in bytes.</summary>
/// <param name="Plan">Its plan.</param>
/// <param name="Arena">The workspace of its steps.</param>
/// <param name="Inputs">The caller's arrays that it reads.</param>
/// <param name="Outputs">Those that it writes.</param>
/// <param name="State">What recurrent layers carry from call to call.</param>
/// <param name="WithInputInArena">All of it, if the input lies in the arena.</param>
internal sealed record DeviceRam(Plan Plan, long Arena, long Inputs, long Outputs, long State, long WithInputInArena)
{
    public long Bytes => Arena + Inputs + Outputs + State;

    public static DeviceRam Of(Network network)
    {
        Plan plan = CExporter.PlanOf(network.InferencePlan), inArena = CExporter.PlanOf(network.InferencePlan, inputInArena: true);
        long state = plan.State.ToArray().Sum(range => range.PerSample ? 4L * range.Count : 0L);
        long inputs = network.Inputs.Sum(node => 4L * node.Shape.Length), outputs = plan.Outputs.Sum(node => 4L * node.Shape.Length);
        return new DeviceRam(plan, 4L * plan.WorkspaceLength, inputs, outputs, state, (4L * inArena.WorkspaceLength) + outputs + state);
    }

    public override string ToString()
    {
        string state = State > 0 ? string.Create(CultureInfo.InvariantCulture, $", state {State:N0}") : "";
        string less = WithInputInArena < Bytes
            ? string.Create(CultureInfo.InvariantCulture, $"; {WithInputInArena:N0} with --input-in-arena")
            : "";
        return string.Create(CultureInfo.InvariantCulture, $"arena {Arena:N0}, input {Inputs:N0}, output {Outputs:N0}{state}{less}");
    }
}
