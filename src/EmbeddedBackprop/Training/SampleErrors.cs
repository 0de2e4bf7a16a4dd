namespace EmbeddedBackprop.Training;

/// <summary>How far a network's outputs are from the targets, sample by sample.</summary>
public static class SampleErrors
{
    /// <summary>
    /// The mean over the outputs of (output - target)^2 of each sample, summed in double in the order of the outputs. Of a network that reproduces
    /// its inputs (<see cref="Data.ReproducedInputs"/>) it is a score of anomalies.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="data">Samples with as many targets as the network has outputs.</param>
    /// <exception cref="ArgumentException">The data do not fit the network.</exception>
    public static float[] MeanSquares(Network network, IBatchSource data)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(data);
        int outputs = network.Output.Shape.Length;
        if (data.TargetLength != outputs)
        {
            Errors.LengthDiffers(nameof(data), outputs, data.TargetLength);
        }

        float[] errors = new float[data.Count], inputs = new float[data.InputLength], target = new float[outputs];
        PredictionRun.Over(network, data, (sample, row) =>
        {
            data.Gather([sample], inputs, inputs.Length, target, outputs);
            double sum = 0;
            for (int i = 0; i < target.Length; i++)
            {
                double difference = row[i] - target[i];
                sum += difference * difference;
            }

            errors[sample] = (float)(sum / outputs);
        });
        return errors;
    }
}
