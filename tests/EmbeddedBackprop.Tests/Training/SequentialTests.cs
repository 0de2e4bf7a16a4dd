using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Activations;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>The graphs that Sequential builds: logits and a loss on them where that is more accurate, the layers as written elsewhere.</summary>
internal sealed class SequentialTests
{
    [TestCase("softmax", "cross-entropy", "cross-entropy", true)]
    [TestCase("sigmoid", "binary-cross-entropy", "binary-cross-entropy-with-logits", true)]
    [TestCase("sigmoid", "quadratic", "quadratic", false)]
    [TestCase("softmax", "quadratic", "quadratic", false)]
    [TestCase("hard-sigmoid", "binary-cross-entropy", "binary-cross-entropy", false)]
    [TestCase("identity", "cross-entropy", "cross-entropy", false)]
    public void The_last_layer_is_split_where_its_loss_is_better_on_logits(string activation, string loss, string compiled, bool split)
    {
        Network network = new Sequential(4).Dense<Tanh>(5).Dense(3, Registry.Activation(activation))
            .Compile(Registry.Loss(loss), new NetworkOptions { Batch = 2, Seed = 3 });
        Assert.That(network.Loss!.Kind, Is.EqualTo(compiled));
        Assert.That(network.Output.Op, split ? Is.TypeOf<Activate>() : Is.TypeOf<Dense>());
        Assert.That(network.TrainingPlan!.Steps.ToArray().Any(step => step.Op is Activate), Is.False);
        Assert.That(network.InferencePlan.Steps[^1].Op.Detail, Is.EqualTo(activation));
        Assert.That(network.ParameterCount, Is.EqualTo((4 * 5) + 5 + (5 * 3) + 3));

        // The prediction is that of the layers as they were written.
        Graph graph = new();
        Node input = graph.Input(new Shape(4));
        Node output = graph.Apply(new Dense(3, Registry.Activation(activation)), graph.Apply(new Dense(5, new Activation<Tanh>()), input));
        Network plain = new(input, output, null, new NetworkOptions { Batch = 2, Seed = 3 });
        float[] x = [0.3f, -0.7f, 1.1f, 0.2f];
        Bits.AssertEqual(network.Predict(x), plain.Predict(x), activation);
    }

    [Test]
    public void A_softmax_in_the_middle_stays_a_layer()
    {
        Network network = new Sequential(4).Dense(5, new EmbeddedBackprop.Activations.Softmax()).Dense(2, new EmbeddedBackprop.Activations.Softmax())
            .Compile(new SoftmaxCrossEntropy(), new NetworkOptions());
        Assert.That(network.TrainingPlan!.Steps.ToArray().Select(step => step.Op.Detail), Is.EqualTo(new[] { "softmax", "identity", "" }));
    }

    [Test]
    public void A_layer_without_neurons_is_refused_at_once() =>
        Assert.That(() => new Sequential(4).Dense<Tanh>(0), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [Test]
    public void A_users_own_activation_learns()
    {
        Network network = new Sequential(2).Dense<Cube>(8).Dense<Identity>(1)
            .Compile<MeanSquared>(new NetworkOptions { Batch = 16, Seed = 4, Initializer = Registry.Initializer("lecun") });
        float[] x = Samples.Array(32, 9);
        float first = 0f, last = 0f;
        for (int step = 0; step < 400; step++)
        {
            for (int i = 0; i < 16; i++)
            {
                x.AsSpan(i * 2, 2).CopyTo(network.TrainingInput(16)[(i * network.InputStride)..]);
                network.TrainingTarget(16)[i * network.TargetStride] = x[i * 2] * x[i * 2] * x[(i * 2) + 1];
            }

            last = network.TrainStep(16, 0.1f);
            first = step == 0 ? last : first;
        }

        Assert.That(last, Is.LessThan(first / 10), $"{first} to {last}");
    }

    [Test]
    public void Training_and_prediction_allocate_nothing()
    {
        foreach (string activation in Registry.ActivationNames)
        {
            Network network = new Sequential(6).Dense(9, Registry.Activation(activation)).Dense(4, new EmbeddedBackprop.Activations.Softmax())
                .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 3 });
            void Step()
            {
                network.TrainStep(3, 0.1f);
                network.Predict(3);
            }

            Assert.That(Allocations.Of(10, Step, warmUp: 1), Is.Zero, activation);
        }
    }
}
