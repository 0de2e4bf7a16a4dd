using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A layer that walks over a sequence [steps, features] and keeps a hidden state of H floats: the common part of <see cref="Rnn"/>,
/// <see cref="Gru"/> and <see cref="Lstm"/>. A second input, a mask [steps] of ones and zeros without gradient, makes sequences of
/// different length: where it is not above 0 the step does not change the state. Masked inputs must still be finite.
/// </summary>
/// <remarks>
/// The weighted input of a gate is the sum of two chains, z = (b_ih + x W_ih) + (b_hh + h' W_hh), as two fully connected layers and an addition would
/// compute it: an unrolled cell written by hand gives the same bits. A weight's gradient is one chain over the steps, last step first, and inside a
/// step over the samples in order. Parameters, per direction: weight_ih [G H, features], weight_hh [G H, H], bias_ih [G H], bias_hh [G H]; those of
/// the second direction end in _reverse.
/// </remarks>
public abstract class Recurrent : KernelOp
{
    private readonly RecurrentPasses cell;

    private protected Recurrent(int hidden, RecurrentOptions? options, RecurrentPasses passes)
    {
        Hidden = Errors.RequirePositive(nameof(hidden), hidden);
        Options = options ?? new RecurrentOptions();
        cell = passes;
        if (Options.TruncateEvery < 0)
        {
            Errors.Negative(nameof(Options.TruncateEvery), Options.TruncateEvery);
        }

        if (Options.CarryState && Options.Bidirectional)
        {
            OpErrors.CarriedBackwards();
        }
    }

    /// <summary>Units of one direction.</summary>
    public int Hidden { get; }

    /// <summary>The returned steps, carried state and truncation.</summary>
    public RecurrentOptions Options { get; private set; }

    /// <summary>Steps of the sequence; 0 until the layer is applied to a node.</summary>
    public int Steps { get; private set; }

    /// <summary>Features of one step; 0 until the layer is applied to a node.</summary>
    public int Features { get; private set; }

    /// <summary>1, or 2 if the sequence is read from its end as well.</summary>
    public int Directions => Options.Bidirectional ? 2 : 1;

    /// <summary>Gates: the weights have so many times H columns.</summary>
    internal int Gates => cell.Gates;

    /// <summary>The names of the gates, in the order in which they are kept; a simple layer has none.</summary>
    internal IReadOnlyList<string> GateNames => cell.GateNames;

    /// <summary>Deltas of a unit that the backward step gives, which overwrite the gates' values: one for each gate, and perhaps one more.</summary>
    internal int Deltas => cell.Deltas;

    /// <summary>Whether the last gate's hidden product has a delta of its own, which follows the others (a GRU's new gate).</summary>
    internal bool SplitsLastGate => Deltas > Gates;

    /// <summary>Whether there is a cell besides the hidden state.</summary>
    internal bool HasCell => cell.HasCell;

    /// <inheritdoc/>
    protected override Passes Passes => cell;

    /// <summary>The passes of the cell.</summary>
    internal RecurrentPasses Cell => cell;

    /// <inheritdoc/>
    public override string Detail
    {
        get
        {
            string text = Options.AllSteps ? "all steps" : "last step";
            text += Options.Bidirectional ? ", bidirectional" : "";
            text += Options.CarryState ? ", carried state" : "";
            return Options.TruncateEvery > 0 ? text + ", truncated" : text;
        }
    }

    /// <inheritdoc/>
    public override string Settings
    {
        get
        {
            string text = Hidden.ToString(System.Globalization.CultureInfo.InvariantCulture);
            text += Options.AllSteps ? " all" : "";
            text += Options.Bidirectional ? " bidirectional" : "";
            text += Options.CarryState ? " carry" : "";
            return Options.TruncateEvery > 0
                ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{text} truncate{Options.TruncateEvery}")
                : text;
        }
    }

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    public override bool SplitsToRounding => Steps > 1;

    /// <inheritdoc/>
    public override long MultiplyAdds => (long)Steps * (Features + Hidden) * Gates * Hidden * Directions;

    /// <inheritdoc/>
    public override bool HasGradient(int input) => input == 0;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length is not (1 or 2))
        {
            GraphErrors.InputCount(name, 1, inputs.Length);
        }

        Shape sequence = inputs[0].Shape;
        if (sequence.Rank != 2)
        {
            OpErrors.NotASequence(name, sequence, inputs[0].Name);
        }

        if (Features != 0 && Features != sequence[1])
        {
            OpErrors.InputSize(name, Features, sequence[1], inputs[0].Name);
        }

        if (Steps != 0 && Steps != sequence[0])
        {
            OpErrors.StepCount(name, Steps, sequence[0], inputs[0].Name);
        }

        if (inputs.Length == 2 && inputs[1].Shape.Length != sequence[0])
        {
            OpErrors.StepCount(name, sequence[0], inputs[1].Shape.Length, inputs[1].Name);
        }

        long columns = (long)Math.Max(Gates, Deltas) * Hidden;
        if (columns > int.MaxValue)
        {
            Errors.TooLarge(name, columns);
        }

        (Steps, Features) = (sequence[0], sequence[1]);
        return Options.AllSteps ? new Shape(Steps, Directions * Hidden) : new Shape(Directions * Hidden);
    }

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        Options.Bidirectional ? TimeRule.Refused("reads the sequence from its end, too")
        : axis > 0 ? TimeRule.OtherAxis("takes the other axis for time")
        : Options.AllSteps ? TimeRule.Each(0)
        : TimeRule.Newest;

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        for (int direction = 0; direction < Directions; direction++)
        {
            string suffix = direction == 0 ? "" : "_reverse";
            layout.AddWeight($"{Name}.weight_ih{suffix}", Features, Gates * Hidden);
            layout.AddWeight($"{Name}.weight_hh{suffix}", Hidden, Gates * Hidden);
            layout.AddBias($"{Name}.bias_ih{suffix}", Gates * Hidden);
            layout.AddBias($"{Name}.bias_hh{suffix}", Gates * Hidden);
        }
    }

    /// <inheritdoc/>
    public override void DescribeState(StateLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        if (!Options.CarryState)
        {
            return;
        }

        layout.AddPerSample(Name + ".h", Hidden);
        if (HasCell)
        {
            layout.AddPerSample(Name + ".c", Hidden);
        }
    }

    /// <inheritdoc/>
    public override int SavedLength(int batch, Layout layout) => Length(Directions * new RecurrentSizes(this, batch, layout).Saved);

    /// <inheritdoc/>
    public override int ScratchLength(int batch, Layout layout) => Length(new RecurrentSizes(this, batch, layout).ForwardScratch);

    /// <inheritdoc/>
    public override int BackwardScratchLength(int batch, Layout layout) => Length(new RecurrentSizes(this, batch, layout).BackwardScratch);

    /// <summary>Both products and the state; or, if the export can train, the products of the hidden state and the kept values of one step.</summary>
    public override int ExportScratchLength(Layout layout) =>
        Length((long)Hidden * Math.Max((2 * Gates) + (HasCell ? 2 : 1), Gates + Deltas + (HasCell ? 3 : 1)));

    /// <summary>The products of the hidden state of one sample; backwards dL/dh and dL/dc of all samples.</summary>
    internal override int ExportTrainingScratchLength(int batch, bool backward) =>
        Length(backward ? (HasCell ? 2L : 1L) * batch * Hidden : (long)Gates * Hidden);

    /// <summary>The state's integers have 16 bits, whatever those of other values.</summary>
    internal override int LeastIntegerBits => 16;

    /// <summary>The same layer with its hidden state after every step as output, and nothing carried.</summary>
    internal Recurrent WithAllSteps()
    {
        Recurrent layer = (Recurrent)Unbound();
        layer.Options = Options with { AllSteps = true, CarryState = false };
        return layer;
    }

    /// <inheritdoc/>
    internal override Op? Quantized(in QuantizeContext c) =>
        c.Activation is null && c.Tied is null && Math.Max(Features, Hidden) <= Integer.IntegerLayer.MostTerms
            ? new Integer.IntegerRecurrent(this)
            : null;

    private int Length(long floats)
    {
        if (floats > int.MaxValue)
        {
            Errors.TooLarge(Name, floats);
        }

        return (int)floats;
    }
}
