using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.IO;

/// <summary>Poolings, normalisations, and the ops that combine or move values, in a net's text.</summary>
internal static class NetValueKinds
{
    /// <summary>More nodes than a sum or a concatenation is likely to have.</summary>
    private const int MaximumTerms = 64;

    private const int Any = int.MaxValue;

    public static readonly NetKind[] All =
    [
        new("maxpool WINDOW [sSTRIDE] [pPADDING] [NODE]", words =>
        {
            (int, int) window = words.Pair("a window"), stride = words.LetteredPair("s") ?? default, padding = words.LetteredPair("p", 0) ?? default;
            return _ => new MaxPool2D(window, stride, padding);
        }),
        new("avgpool WINDOW [sSTRIDE] [pPADDING] [count-include-pad] [NODE]", words =>
        {
            (int, int) window = words.Pair("a window"), stride = words.LetteredPair("s") ?? default, padding = words.LetteredPair("p", 0) ?? default;
            bool count = words.Flag("count-include-pad");
            return _ => new AveragePool2D(window, stride, padding) { CountIncludePad = count };
        }),
        new("maxpool1d WINDOW [sSTRIDE] [pPADDING] [NODE]", words =>
        {
            int window = words.Count("a window"), stride = words.Lettered("s") ?? 0, padding = words.Lettered("p", 0) ?? 0;
            return _ => new MaxPool1D(window, stride, padding);
        }),
        new("avgpool1d WINDOW [sSTRIDE] [pPADDING] [count-include-pad] [NODE]", words =>
        {
            int window = words.Count("a window"), stride = words.Lettered("s") ?? 0, padding = words.Lettered("p", 0) ?? 0;
            bool count = words.Flag("count-include-pad");
            return _ => new AveragePool1D(window, stride, padding) { CountIncludePad = count };
        }),
        new("global-avgpool [NODE]", _ => _ => new GlobalAveragePool()),
        new("global-maxpool [NODE]", _ => _ => new GlobalMaxPool()),
        new("batchnorm [momentumM] [epsilonE] [NODE]", words =>
        {
            float momentum = words.LetteredNumber("momentum") ?? 0.1f, epsilon = words.LetteredNumber("epsilon") ?? 1e-5f;
            return _ => new BatchNorm { Momentum = momentum, Epsilon = epsilon };
        }),
        new("layernorm [all] [epsilonE] [NODE]", words =>
        {
            bool whole = words.Flag("all");
            float epsilon = words.LetteredNumber("epsilon") ?? 1e-5f;
            return _ => new LayerNorm { WholeSample = whole, Epsilon = epsilon };
        }),
        new("dropout PROBABILITY [NODE]", words =>
        {
            float probability = words.Number("a probability");
            return _ => new Dropout(probability);
        }),
        new("embedding COUNT SIZE [NODE]", words =>
        {
            int count = words.Count("a number of entries"), size = words.Count("a size");
            return _ => new Embedding(count, size);
        }),
        new("add [ACTIVATION] NODE [NODE ...]", _ => f => new Add(f)) { Activates = true, MinimumOperands = 2, MaximumOperands = MaximumTerms },
        new("multiply [NODE] NODE", _ => _ => new Multiply()) { MinimumOperands = 2, MaximumOperands = 2 },
        new("subtract [NODE] NODE", _ => _ => new Subtract()) { MinimumOperands = 2, MaximumOperands = 2 },
        new("concat NODE [NODE ...]", _ => _ => new Concat()) { MinimumOperands = 2, MaximumOperands = MaximumTerms },
        new("scale FACTOR [trained] [NODE]", words =>
        {
            float factor = words.Number("a factor");
            bool trained = words.Flag("trained");
            return _ => new Scale(factor, trained);
        }),
        new("slice FIRST COUNT [NODE]", words =>
        {
            int first = words.Index("a first index", Any), count = words.Count("a count");
            return _ => new Slice(first, count);
        }),
        new("reshape SIZES [NODE]", words =>
        {
            Graphs.Shape shape = words.Sizes("sizes, as in 1x28x28");
            return _ => new Reshape(shape);
        }),
        new("keep ROWS [axisAXIS] [beginROWS] [skipROWS] [NODE]", words =>
        {
            int rows = words.Index("a number of rows", Any), axis = words.Lettered("axis", 0) ?? 0, begin = words.Lettered("begin", 0) ?? 0;
            int skip = words.Lettered("skip", 0) ?? 0;
            return _ => new Keep(rows, axis, begin, skip);
        }),
        new("begun ROWS [NODE]", words =>
        {
            int rows = words.Count("a number of rows");
            return _ => new Begun(rows);
        }),
        new("flatten [NODE]", _ => _ => new Flatten()),
        new("transpose [NODE]", _ => _ => new SwapAxes()),
        new("mean-time [NODE [MASK]]", _ => _ => new MeanOverTime()) { MaximumOperands = 2 },
        new("max-time [NODE [MASK]]", _ => _ => new MaxOverTime()) { MaximumOperands = 2 },
        new("softmax [NODE]", _ => _ => new SoftmaxOverLastAxis()),
        .. NetSignalKinds.All,
    ];
}
