using EmbeddedBackprop.Export.Losses;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Ops.Integer;
using EmbeddedBackprop.Export.Ops.Signals;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Model;

/// <summary>All ops that can be exported: a row for each, with the class that writes its C.</summary>
internal static class COpList
{
    private static readonly (Type Op, COp C)[] Rows =
    [
        (typeof(Dense), new CDense()),
        (typeof(Activate), new CActivate()),
        (typeof(Conv2D), new CConvolution()),
        (typeof(Conv1D), new CConvolution()),
        (typeof(ConvTranspose2D), new CConvTranspose2D()),
        (typeof(MaxPool2D), new CPool(isMean: false)),
        (typeof(MaxPool1D), new CPool(isMean: false)),
        (typeof(AveragePool2D), new CPool(isMean: true)),
        (typeof(AveragePool1D), new CPool(isMean: true)),
        (typeof(GlobalAveragePool), new CGlobalPool(isMean: true)),
        (typeof(GlobalMaxPool), new CGlobalPool(isMean: false)),
        (typeof(BatchNorm), new CBatchNorm()),
        (typeof(LayerNorm), new CLayerNorm()),
        (typeof(Dropout), new CDropout()),
        (typeof(Embedding), new CEmbedding()),
        (typeof(Add), new CPairwise("add", '+')),
        (typeof(Subtract), new CPairwise("subtract", '-')),
        (typeof(Multiply), new CPairwise("multiply", '*')),
        (typeof(Pairwise<>), new CPairwiseFunction()),
        (typeof(Scale), new CScale()),
        (typeof(Concat), new CConcat()),
        (typeof(Slice), new CSlice()),
        (typeof(Reshape), new CCopy()),
        (typeof(Flatten), new CCopy()),
        (typeof(SwapAxes), new CSwapAxes()),
        (typeof(Keep), new CKeep()),
        (typeof(Begun), new CBegun()),
        (typeof(MeanOverTime), new COverTime(isMean: true)),
        (typeof(MaxOverTime), new COverTime(isMean: false)),
        (typeof(SoftmaxOverLastAxis), new CSoftmaxOverLastAxis()),
        (typeof(Frames), new CFrames()),
        (typeof(PreEmphasis), new CPreEmphasis()),
        (typeof(Window), new CWindow()),
        (typeof(Spectrum), new CSpectrum()),
        (typeof(Power), new CSpectrumSize<Power.Size>("power")),
        (typeof(Magnitude), new CSpectrumSize<Magnitude.Size>("magnitude")),
        (typeof(Mel), new CBands()),
        (typeof(Bands), new CBands()),
        (typeof(Goertzel), new CGoertzel()),
        (typeof(Biquad), new CBiquad()),
        (typeof(Decimate), new CDecimate()),
        (typeof(Statistics), new CStatistics()),
        (typeof(Log), new CLog()),
        (typeof(Dct), new CDct()),
        (typeof(Rnn), new CRecurrent()),
        (typeof(Gru), new CRecurrent()),
        (typeof(Lstm), new CRecurrent()),
        (typeof(Quantize), new CQuantize()),
        (typeof(Dequantize), new CDequantize()),
        (typeof(IntegerDense), new CIntegerDense()),
        (typeof(IntegerConvolution), new CIntegerConvolution()),
        (typeof(IntegerConvTranspose), new CIntegerConvTranspose()),
        (typeof(IntegerSum), new CIntegerSum()),
        (typeof(IntegerProduct), new CIntegerProduct()),
        (typeof(IntegerScale), new CIntegerScale()),
        (typeof(IntegerTable), new CIntegerTable()),
        (typeof(IntegerGlobalMean), new CIntegerMean(isOverTime: false)),
        (typeof(IntegerMeanOverTime), new CIntegerMean(isOverTime: true)),
        (typeof(IntegerAveragePool), new CIntegerAveragePool()),
        (typeof(IntegerBatchNorm), new CIntegerBatchNorm()),
        (typeof(IntegerRecurrent), new CIntegerRecurrent()),
        (typeof(IntegerSoftmax), new CIntegerSoftmax()),
        (typeof(IntegerEmbedding), new CIntegerEmbedding()),
    ];

    /// <summary>The classes of all ops that can be exported.</summary>
    public static IEnumerable<Type> OpTypes => Rows.Select(row => row.Op);

    /// <summary>The writer of the C of a step's op.</summary>
    /// <exception cref="NotSupportedException">There is none: it is an op of a user's own.</exception>
    public static COp For(Step step)
    {
        if (step.Op is Loss loss)
        {
            // A sum over single outputs is printed from its formula, a user's own like the engine's.
            return loss is SoftmaxCrossEntropy ? new CCrossEntropy() : new CElementLoss(loss);
        }

        Type type = step.Op.GetType(), op = type.IsGenericType ? type.GetGenericTypeDefinition() : type;
        COp? c = Array.Find(Rows, row => row.Op == op).C;
        if (c is null)
        {
            ExportErrors.UnknownOp(step.Name, step.Op.Kind);
        }

        return c;
    }
}
