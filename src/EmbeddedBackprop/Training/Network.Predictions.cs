using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Training;

/// <content>Predictions, in the network's own memory and by predictors.</content>
public sealed partial class Network
{
    /// <summary>
    /// Where a prediction's samples are written, [batch][InputStride]: rows are padded, the next one begins <see cref="InputStride"/> floats after
    /// this one, not <see cref="InputLength"/>. <see cref="PaddedPredictionInput(int)"/> is the same under a name that says so;
    /// <see cref="Predict(ReadOnlySpan{float}, int, Span{float})"/> takes rows without padding.
    /// </summary>
    public Span<float> PredictionInput(int batch) => PaddedPredictionInput(batch);

    /// <summary>
    /// Where a prediction's values of one of several inputs are written, [batch][<see cref="Plan.Stride"/> of the node]: rows are padded. The same as
    /// <see cref="PaddedPredictionInput(Node, int)"/>; <see cref="WriteInput"/> takes rows without padding.
    /// </summary>
    public Span<float> PredictionInput(Node input, int batch) => PaddedPredictionInput(input, batch);

    /// <summary>Where a prediction's samples are written without a copy: padded rows, [batch][<see cref="InputStride"/>].</summary>
    /// <exception cref="InvalidOperationException">Another thread computes with the network.</exception>
    public Span<float> PaddedPredictionInput(int batch) => PaddedPredictionInput(Input, batch);

    /// <summary>
    /// Where a prediction's values of one of several inputs are written without a copy: padded rows, [batch][<see cref="Plan.Stride"/> of the node].
    /// </summary>
    /// <exception cref="InvalidOperationException">Another thread computes with the network.</exception>
    public Span<float> PaddedPredictionInput(Node input, int batch)
    {
        own.Guard.Require();
        return InferencePlan.ValueSpan(Workspace, input, batch);
    }

    /// <summary>
    /// One of several predictions after <see cref="Predict(int)"/>, [batch][<see cref="Plan.Stride"/> of the node]; valid until the next call of any
    /// kind.
    /// </summary>
    public ReadOnlySpan<float> Prediction(Node output, int batch)
    {
        own.Guard.Require();
        return InferencePlan.ValueSpan(Workspace, output, batch);
    }

    /// <summary>Predicts the samples written to <see cref="PredictionInput(int)"/>; the result is valid until the next call of any kind.</summary>
    /// <returns>[batch][OutputStride].</returns>
    /// <exception cref="InvalidOperationException">Another thread computes with the network.</exception>
    public ReadOnlySpan<float> Predict(int batch) => own.Run(batch, IsMade);

    /// <summary>The same.</summary>
    /// <param name="batch">Samples.</param>
    /// <param name="unchanged">Nothing but inputs was written since the last prediction: no parameter, no state, no other pass.</param>
    internal ReadOnlySpan<float> Predict(int batch, bool unchanged) => own.Run(batch, unchanged);

    /// <summary>Predicts one sample.</summary>
    /// <param name="input">The sample, unpadded; with several inputs their values one after the other, as in a row of a data set.</param>
    /// <returns>The first output's values, valid until the next call.</returns>
    /// <exception cref="ArgumentException">The sample has another length than the network's inputs together.</exception>
    /// <exception cref="InvalidOperationException">Another thread computes with the network.</exception>
    public ReadOnlySpan<float> Predict(ReadOnlySpan<float> input) => own.Predict(input);

    /// <summary>Predicts any number of samples, batch by batch.</summary>
    /// <param name="rows">
    /// [count][<see cref="InputLength"/>], one after the other without padding; with several inputs a row holds their values one after the other.
    /// Every row begins a new sequence.
    /// </param>
    /// <param name="count">Samples; 0 does nothing.</param>
    /// <param name="results">
    /// Receives [count][<see cref="OutputLength"/>], one after the other without padding; of several outputs a row holds all, in their order.
    /// </param>
    /// <exception cref="ArgumentException">A length is another, or the spans share memory with each other or with the network.</exception>
    /// <exception cref="InvalidOperationException">Another thread computes with the network.</exception>
    public void Predict(ReadOnlySpan<float> rows, int count, Span<float> results) => own.Predict(rows, count, results);

    /// <summary>
    /// Writes samples of one of several inputs; <see cref="Predict(int)"/> then predicts them, and <see cref="ReadOutput"/> copies a prediction.
    /// </summary>
    /// <param name="name">The input's name in the graph.</param>
    /// <param name="rows">[count][elements of the input], one after the other without padding.</param>
    /// <param name="count">Samples, at most the batch.</param>
    /// <exception cref="ArgumentException">There is no such input, a length is another, or the span is memory of the network.</exception>
    /// <exception cref="InvalidOperationException">Another thread computes with the network.</exception>
    public void WriteInput(string name, ReadOnlySpan<float> rows, int count) => own.WriteInput(name, rows, count);

    /// <summary>Copies one of several predictions after <see cref="Predict(int)"/>.</summary>
    /// <param name="name">The output's name in the graph.</param>
    /// <param name="count">Samples.</param>
    /// <param name="results">Receives [count][elements of the output], one after the other without padding.</param>
    /// <exception cref="ArgumentException">There is no such output, a length is another, or the span is memory of the network.</exception>
    /// <exception cref="InvalidOperationException">Another thread computes with the network.</exception>
    public void ReadOutput(string name, int count, Span<float> results) => own.ReadOutput(name, count, results);

    /// <summary>
    /// A predictor for another thread: it shares the network's parameters, and has memory of its own for the values of a prediction.
    /// </summary>
    /// <param name="batch">The most samples that it computes at once; 0 for as many as the network. Fewer take less memory.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch is negative.</exception>
    public Predictor CreatePredictor(int batch = 0)
    {
        if (batch < 0)
        {
            Errors.Negative(nameof(batch), batch);
        }

        Plan plan = batch == 0 || batch == InferencePlan.Batch
            ? InferencePlan
            : Plan.ForInference(InferencePlan.Graph, InferencePlan.Options with { Batch = batch, MicroBatch = 0 }, outputs);
        return new Predictor(this, plan, shared);
    }
}
