using System.Globalization;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Which of the newest rows [rows, features] of a stream are part of it: a mask [rows] of ones, with zeros for the stream's first rows, which came
/// before its begin. A recurrent layer that reads it begins where the stream does.
/// </summary>
/// <remarks>Kept from run to run: NAME.begin, the rows that came.</remarks>
public sealed class Begun : KernelOp, IPasses<Begun>
{
    private Shape input;

    /// <summary>A mask whose first zeros count so many.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are none.</exception>
    public Begun(int begin) => Begin = Errors.RequirePositive(nameof(begin), begin);

    /// <summary>How many of the stream's first rows are no part of it.</summary>
    public int Begin { get; }

    /// <inheritdoc/>
    public override string Kind => "begun";

    /// <inheritdoc/>
    public override string Settings => Begin.ToString(CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override bool HasGradient(int input) => false;

    /// <summary>Rows of the input.</summary>
    internal int Count => input[0];

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => new(Shapes.Single(name, inputs, ref input)[0]);

    /// <inheritdoc/>
    public override void DescribeState(StateLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        layout.AddPerSample(Name + ".begin", 1);
    }

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Begun>();

    static void IPasses<Begun>.Forward<T, K>(Begun op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Span<T> mask = c.OutputRows.Row(b);
            int zeros = Keep.Missing(ref c.State(0)[b], op.Begin, op.Count);
            mask[..zeros].Clear();
            mask[zeros..].Fill(T.One);
        }
    }

    static void IPasses<Begun>.Backward<T, K>(Begun op, in OpContext<T> c)
    {
    }
}
