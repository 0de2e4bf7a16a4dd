using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>All ops that can be said in ONNX: a row for each, with the method that writes its nodes, or says why there are none.</summary>
internal static class OnnxOpList
{
    private static readonly (Type Op, Action<StepWriter> Write)[] Rows =
    [
        (typeof(Dense), LayerWriters.Dense),
        (typeof(Activate), ElementWriters.Activate),
        (typeof(Conv2D), LayerWriters.Convolution),
        (typeof(Conv1D), LayerWriters.Convolution),
        (typeof(ConvTranspose2D), LayerWriters.ConvTranspose),
        (typeof(MaxPool2D), PoolWriters.Windows),
        (typeof(MaxPool1D), PoolWriters.Windows),
        (typeof(AveragePool2D), PoolWriters.Windows),
        (typeof(AveragePool1D), PoolWriters.Windows),
        (typeof(GlobalAveragePool), step => PoolWriters.Global(step, "GlobalAveragePool")),
        (typeof(GlobalMaxPool), step => PoolWriters.Global(step, "GlobalMaxPool")),
        (typeof(BatchNorm), LayerWriters.BatchNorm),
        (typeof(LayerNorm), LayerWriters.LayerNorm),
        (typeof(Dropout), MoveWriters.Dropout),
        (typeof(Embedding), LayerWriters.Embedding),
        (typeof(Add), ElementWriters.Add),
        (typeof(Subtract), step => step.Write(step.Output, "Sub", step.Inputs)),
        (typeof(Multiply), step => step.Write(step.Output, "Mul", step.Inputs)),
        (typeof(Pairwise<>), ElementWriters.Pairwise),
        (typeof(Scale), ElementWriters.Scale),
        (typeof(Concat), MoveWriters.Concat),
        (typeof(Slice), MoveWriters.Slice),
        (typeof(Reshape), MoveWriters.Reshape),
        (typeof(Flatten), MoveWriters.Flatten),
        (typeof(SwapAxes), MoveWriters.SwapAxes),
        (typeof(MeanOverTime), SequenceWriters.Mean),
        (typeof(MaxOverTime), SequenceWriters.Max),
        (typeof(SoftmaxOverLastAxis), ElementWriters.SoftmaxOfRows),
        (typeof(Frames), SignalWriters.Refuse),
        (typeof(PreEmphasis), SignalWriters.Refuse),
        (typeof(Window), SignalWriters.Refuse),
        (typeof(Spectrum), SignalWriters.Refuse),
        (typeof(Power), SignalWriters.Refuse),
        (typeof(Magnitude), SignalWriters.Refuse),
        (typeof(Mel), SignalWriters.Refuse),
        (typeof(Bands), SignalWriters.Refuse),
        (typeof(Log), SignalWriters.Refuse),
        (typeof(Dct), SignalWriters.Refuse),
        (typeof(Goertzel), SignalWriters.Refuse),
        (typeof(Biquad), SignalWriters.Refuse),
        (typeof(Decimate), SignalWriters.Refuse),
        (typeof(Statistics), SignalWriters.Refuse),
        (typeof(Keep), step => WritingErrors.Carried(step.Name)),
        (typeof(Begun), step => WritingErrors.Carried(step.Name)),
        (typeof(Rnn), SequenceWriters.Rnn),
        (typeof(Gru), SequenceWriters.Gru),
        (typeof(Lstm), SequenceWriters.Lstm),
        (typeof(Quantize), IntegerWriters.Quantize),
        (typeof(Dequantize), IntegerWriters.Dequantize),
        (typeof(IntegerDense), IntegerWriters.Layer),
        (typeof(IntegerConvolution), IntegerWriters.Layer),
        (typeof(IntegerConvTranspose), IntegerWriters.Layer),
        (typeof(IntegerSum), IntegerWriters.Sum),
        (typeof(IntegerProduct), IntegerWriters.Product),
        (typeof(IntegerScale), IntegerWriters.Scale),
        (typeof(IntegerTable), IntegerWriters.Table),
        (typeof(IntegerGlobalMean), IntegerWriters.Mean),
        (typeof(IntegerMeanOverTime), IntegerWriters.Mean),
        (typeof(IntegerAveragePool), IntegerWriters.Mean),
        (typeof(IntegerBatchNorm), IntegerWriters.BatchNorm),
        (typeof(IntegerRecurrent), IntegerWriters.Recurrent),
        (typeof(IntegerSoftmax), IntegerWriters.Softmax),
        (typeof(IntegerEmbedding), IntegerWriters.Embedding),
    ];

    /// <summary>The kinds of op that have a row.</summary>
    public static IEnumerable<Type> OpTypes => Rows.Select(row => row.Op);

    /// <summary>Writes a node. What an op does that only moves integers is rounded to the same integers, so that readers see their scale.</summary>
    /// <exception cref="NotSupportedException">It cannot be said in ONNX; the message names it.</exception>
    public static void Write(StepWriter step)
    {
        if (step.Op is not IntegerOp && step.HoldsBytes)
        {
            string moved = step.Between("moved");
            Row(step.As(step.Op, moved));
            IntegerWriters.Round(step, moved, step.Output);
            return;
        }

        Row(step);
    }

    /// <summary>Writes what the op's row says.</summary>
    public static void Row(StepWriter step)
    {
        Type type = step.Op.GetType(), op = type.IsGenericType ? type.GetGenericTypeDefinition() : type;
        Action<StepWriter>? write = Array.Find(Rows, row => row.Op == op).Write;
        if (write is null)
        {
            WritingErrors.UnknownOp(step.Name, step.Op.Kind);
        }

        write(step);
    }
}
