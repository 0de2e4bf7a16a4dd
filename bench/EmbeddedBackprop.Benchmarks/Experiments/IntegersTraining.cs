using System.Globalization;
using System.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// A trained net that is trained on, in floats and with the last epoch on integers: as long, with the same batches and the same rate. The float net
/// keeps its batch norms to the end. Epochs and rate were chosen on training images that the nets had not seen.
/// </summary>
internal static class IntegersTraining
{
    /// <summary>Depthwise and 1x1 convolutions with batch norm.</summary>
    public const string Depthwise =
        "conv 8 3x3 s2 p1; batchnorm; activate relu; conv 8 3x3 p1 g8; batchnorm; activate relu; conv 16 1x1; batchnorm; activate relu; "
            + "conv 16 3x3 s2 p1 g16; batchnorm; activate relu; conv 32 1x1; batchnorm; activate relu; global-avgpool; dense 10 softmax";

    private const int Epochs = 3, InFloats = 2;
    private const float Rate = 0.001f;
    private const double Must = 0.10;

    /// <summary>Trains the net of a row on, seed by seed.</summary>
    /// <returns>Whether no seed loses more than it may.</returns>
    public static bool Write(StringBuilder text, IntegerNet net, IntegerData data)
    {
        text.Append(
            CultureInfo.InvariantCulture,
            $"\nTrained on for {Epochs} epochs, rate {Rate} falling along a cosine: in floats, and with the last epoch on integers, as ");
        text.Append(CultureInfo.InvariantCulture, $"`ebp train --from MODEL --quantize int8 --epochs {Epochs} --lr {Rate} --schedule cosine` does. ");
        text.Append("Accuracy on the test set, in per cent; lost: float minus integers, both trained on, in points.\n\n")
            .Append("| net | seed | trained | float, trained on | integers, trained on | lost | must |\n")
            .Append("| --- | ---: | ---: | ---: | ---: | ---: | --- |\n");
        bool kept = true;
        for (uint seed = 1; seed <= net.Seeds; seed++)
        {
            using Network trained = net.Train(data, seed);
            using Network floats = Again(trained, data, seed);
            Train(floats, data, from: 0, to: InFloats);
            using QuantizedModel model = Quantizer.ForTraining(floats, data.Training);
            Train(model.Network, data, from: InFloats, to: Epochs);
            Train(floats, data, from: InFloats, to: Epochs);
            double before = Accuracy(trained, data), expected = Accuracy(floats, data), actual = Accuracy(model.Network, data);
            bool row = expected - actual <= Must + 1e-9;
            kept &= row;
            string line = string.Create(
                CultureInfo.InvariantCulture,
                $"| {net.Name} | {seed} | {before:F2} | {expected:F2} | {actual:F2} | {expected - actual:F2} | {Must:F2}: {(row ? "met" : "**missed**")} |\n");
            Console.Write(line);
            text.Append(line);
        }

        return kept;
    }

    /// <summary>The network with an optimiser that has seen nothing, as a file's weights are trained on.</summary>
    private static Network Again(Network trained, IntegerData data, uint seed)
    {
        Network network = IntegersExperiment.Begun(data, Depthwise, seed);
        trained.Parameters.CopyTo(network.Parameters);
        trained.State.CopyTo(network.State);
        return network;
    }

    private static void Train(Network network, IntegerData data, int from, int to)
    {
        TrainerOptions options = new() { Epochs = Epochs, LearningRate = Rate, Schedule = new Cosine() };
        Trainer trainer = new(network, data.Training, options) { State = new TrainerState { Epoch = from } };
        for (int epoch = from; epoch < to; epoch++)
        {
            _ = trainer.TrainEpoch();
        }
    }

    private static double Accuracy(Network network, IntegerData data) =>
        IntegersExperiment.Share(IntegersExperiment.Classes(network, data.Test), data.Test);
}
