using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Activations;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>An activation as an op of its own gives what it gives inside a layer, also where its input has other readers.</summary>
internal sealed class ActivateTests
{
    private static IEnumerable<Activation> Activations() => ActivationTests.All();

    [TestCaseSource(nameof(Activations))]
    public void Every_activation(Activation activation) =>
        new GraphRun(3, 5, (graph, x) => graph.Apply(new Activate(activation), graph.Apply(Linear(6), x))).CheckEverything();

    [TestCaseSource(nameof(Activations))]
    public void An_input_with_another_reader(Activation activation) =>
        new GraphRun(3, 5, (graph, x) =>
        {
            Node z = graph.Apply(Linear(6), x);
            Node right = graph.Apply(Linear(6), z);
            return graph.Apply(new Sum(), graph.Apply(new Activate(activation), z), right);
        }).CheckEverything();

    private static Dense Linear(int outputs) => new(outputs, new Activation<Identity>());
}
