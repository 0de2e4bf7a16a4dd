using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Quantization;

/// <summary>A network whose activations are nodes of their own predicts the same bits.</summary>
internal sealed class ActivationSplitTests
{
    [Test]
    public void Random_networks_predict_the_same_bits_and_no_layer_has_an_activation()
    {
        int layers = 0;
        for (uint seed = 0; seed < 150; seed++)
        {
            RandomNetwork random = new(seed);
            Plan plan = Plan.ForInference(random.Graph, new PlanOptions(), random.Watched);
            Node[] inputs = [.. plan.Steps.ToArray().SelectMany(step => step.InputNodes).Where(node => node.Op is null).Distinct()];
            if (inputs.Length == 0)
            {
                continue;
            }

            Network network = new(inputs, random.Watched, [], new NetworkOptions { Batch = random.Batch, Arithmetic = random.Arithmetic });
            QuantizationNets.Fill(network, (int)seed);
            Network split = ActivationSplit.Of(network);
            Assert.That(split.Output.Graph.Ops.Where(op => op is IActivated { Activation: not Activation<Identity> } and not Activate), Is.Empty);
            layers += split.Output.Graph.Nodes.Count - network.Output.Graph.Nodes.Count;
            for (int i = 0; i < inputs.Length; i++)
            {
                Samples.Fill(network.PredictionInput(inputs[i], random.Batch), (int)seed + i);
                Samples.Fill(split.PredictionInput(split.Inputs[i], random.Batch), (int)seed + i);
            }

            _ = network.Predict(random.Batch);
            _ = split.Predict(random.Batch);
            for (int i = 0; i < network.Outputs.Count; i++)
            {
                int length = network.Outputs[i].Shape.Length, stride = network.InferencePlan.Stride(network.Outputs[i]);
                for (int row = 0; row < random.Batch; row++)
                {
                    Bits.AssertEqual(
                        split.Prediction(split.Outputs[i], random.Batch).Slice(row * stride, length),
                        network.Prediction(network.Outputs[i], random.Batch).Slice(row * stride, length),
                        random.ToString());
                }
            }
        }

        Assert.That(layers, Is.GreaterThan(200));
    }

    [Test]
    public void A_layers_weighted_input_has_its_name()
    {
        const string Text = "input 4; dense 5 tanh; dense1.activation = dense 3 relu; again dense1.activation dense1; add dense1.activation";
        Network network = QuantizationNets.Compile(Text, 1);
        Network split = ActivationSplit.Of(network);
        Assert.That(
            NetText.Format(split.Output),
            Does.StartWith("input 4; dense 5; dense1.activation_ = activate tanh; dense1.activation = dense 3; "));
        FloatDataset data = QuantizationNets.Data(network, 3, 1);
        Bits.AssertEqual(QuantizationNets.Predict(split, data), QuantizationNets.Predict(network, data), "predictions");
    }
}
