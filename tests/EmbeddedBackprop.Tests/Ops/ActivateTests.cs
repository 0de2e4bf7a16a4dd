using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Activations;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>An activation as an op of its own gives what it gives inside a layer, also where its input has other readers.</summary>
internal sealed class ActivateTests
{
    private static IEnumerable<Activation> Activations() => ActivationTests.All();

    [TestCaseSource(nameof(Activations))]
    public void Every_activation(Activation activation) =>
        new GraphRun(3, 5, (graph, x) => graph.Apply(new Activate(activation), graph.Apply(Linear(6), x))).CheckEverything();

    // The reader that comes last in the forward pass writes dL/dz, the other one adds to it: both orders.
    [Test]
    public void An_input_with_another_reader([ValueSource(nameof(Activations))] Activation activation, [Values] bool activationFirst) =>
        new GraphRun(3, 5, (graph, x) =>
        {
            Node z = graph.Apply(Linear(6), x);
            Node first = graph.Apply(activationFirst ? new Activate(activation) : Linear(6), z);
            Node second = graph.Apply(activationFirst ? Linear(6) : new Activate(activation), z);
            return graph.Apply(new Sum(), first, second);
        }).CheckEverything();

    private static Dense Linear(int outputs) => new(outputs, new Activation<Identity>());
}
