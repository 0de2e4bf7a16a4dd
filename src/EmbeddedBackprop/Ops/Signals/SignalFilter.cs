using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The common part of filters that remember samples. They begin each row at rest; as part of a stream they begin where the run before ended.
/// </summary>
/// <remarks>With <see cref="Carry"/> kept from run to run: NAME.past and, where the stream begins late, NAME.begin.</remarks>
public abstract class SignalFilter : SignalOp
{
    private protected SignalFilter()
    {
    }

    /// <summary>
    /// Whether what a row's filter remembers at the end of a run is where the next run begins, until the state is reset. The gradient does not reach
    /// into the run before. Not by default.
    /// </summary>
    public bool Carry { get; init; }

    /// <summary>
    /// With <see cref="Carry"/>: how many of the first samples since the reset are no part of the stream; they give 0. None by default.
    /// </summary>
    public int Begin { get; init; }

    /// <summary>Floats that a row's filter remembers.</summary>
    internal abstract int Memory { get; }

    /// <summary>The words of a net's text for what is carried, after a blank; empty for nothing.</summary>
    private protected string CarryText =>
        !Carry ? "" : Begin == 0 ? " carry" : string.Create(CultureInfo.InvariantCulture, $" carry begin{Begin}");

    /// <inheritdoc/>
    public override void DescribeState(StateLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        if (Begin < 0)
        {
            Errors.Negative(nameof(Begin), Begin);
        }

        if (!Carry)
        {
            return;
        }

        layout.AddPerSample(Name + ".past", RowCount * Memory);
        if (Begin > 0)
        {
            layout.AddPerSample(Name + ".begin", 1);
        }
    }

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Each(axis);

    /// <summary>What a row's filter remembers; empty where nothing is carried.</summary>
    private protected Span<T> Past<T>(in OpContext<T> c, int sample, int row) where T : unmanaged =>
        Carry ? c.State(0).Slice(((sample * RowCount) + row) * Memory, Memory) : [];

    /// <summary>How many of a sample's next columns come before the stream begins; counts them.</summary>
    private protected int Missing<T>(in OpContext<T> c, int sample) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Carry && Begin > 0 ? Keep.Missing(ref c.State(1)[sample], Begin, Length) : 0;
}
