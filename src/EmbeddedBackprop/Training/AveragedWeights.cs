using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Threads;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Training;

/// <summary>The averaged parameters of a trainer, at the offsets of the network's; made once, moved without allocation.</summary>
internal sealed class AveragedWeights(Network network, WeightAveraging options)
{
    private readonly float[] average = options.IsOn ? new float[network.InferencePlan.ParameterLength] : [];

    public Span<float> Span => average;

    /// <summary>Takes a step towards the network's parameters.</summary>
    public void Step(TrainerState state)
    {
        state.Averages++;
        if (state.Averages == 1)
        {
            network.BorrowParameters().CopyTo(average);
            return;
        }

        float rate = options.Rate(state.Averages);
        if (network.Options.Execution == Execution.Vector)
        {
            using WorkerPool.Loan loan = WorkerPool.Lend(network.Pool);
            Elementwise.Blend(network.Options.Arithmetic, rate, network.BorrowParameters(), average);
        }
        else
        {
            Twin.Elementwise.Blend(network.Options.Arithmetic, rate, network.BorrowParameters(), average);
        }
    }

    /// <summary>Exchanges average and parameters; a second call exchanges them back.</summary>
    public void Swap()
    {
        using SharedParameters.Change change = network.BeginChange();
        Span<float> parameters = network.BorrowParameters();
        for (int i = 0; i < average.Length; i++)
        {
            (average[i], parameters[i]) = (parameters[i], average[i]);
        }

        network.FollowParameters();
    }
}
