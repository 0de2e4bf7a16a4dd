using System.Globalization;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The newest rows of a stream after those that came before: y = [the last rows of the runs before, x] along an axis. The rows before the first run
/// are zeros; resetting the state forgets all. So a layer that looks back over several rows reads them again when new ones come. A layer that
/// leaves out rows between those that it reads begins with a later row of x: y = x without its first rows.
/// </summary>
/// <remarks>
/// Kept from run to run: NAME.rows where there are such and, where the stream begins late, NAME.begin. The gradient does not reach into earlier runs.
/// </remarks>
public sealed class Keep : KernelOp, IPasses<Keep>
{
    /// <summary>What the name of the count of a stream's first rows ends in.</summary>
    internal const string BeginName = ".begin";

    private Shape input;

    /// <summary>Keeps so many rows.</summary>
    /// <param name="rows">Rows that are kept.</param>
    /// <param name="axis">The axis of the rows, 0 for the outermost.</param>
    /// <param name="begin">How many of the stream's first rows are no part of it: they are read as zeros.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative, or both rows and begin are 0.</exception>
    public Keep(int rows, int axis = 0, int begin = 0) : this(rows, axis, begin, skip: 0)
    {
    }

    /// <summary>Keeps so many rows, or leaves out so many.</summary>
    /// <param name="rows">Rows that are kept.</param>
    /// <param name="axis">The axis of the rows, 0 for the outermost.</param>
    /// <param name="begin">How many of the stream's first rows are no part of it.</param>
    /// <param name="skip">How many of the first new rows are left out, where none are kept.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A number is negative, all of rows, begin and skip are 0, or both rows and skip are not.
    /// </exception>
    internal Keep(int rows, int axis, int begin, int skip)
    {
        if (rows < 0 || (rows == 0 && begin == 0 && skip == 0))
        {
            _ = Errors.RequirePositive(nameof(rows), rows);
        }

        if (axis is < 0 or > 2)
        {
            Errors.OutOfRange(nameof(axis), axis, "0 to 2");
        }

        if (begin < 0)
        {
            Errors.Negative(nameof(begin), begin);
        }

        if (skip < 0 || (skip > 0 && rows > 0))
        {
            Errors.OutOfRange(nameof(skip), skip, rows > 0 ? "0 beside kept rows" : "0 or more");
        }

        (Rows, Axis, Begin, Skip) = (rows, axis, begin, skip);
    }

    /// <summary>Rows that are kept.</summary>
    public int Rows { get; }

    /// <summary>The axis of the rows.</summary>
    public int Axis { get; }

    /// <summary>How many of the stream's first rows are read as zeros.</summary>
    public int Begin { get; }

    /// <summary>How many of the first new rows are left out.</summary>
    public int Skip { get; }

    /// <inheritdoc/>
    public override string Kind => "keep";

    /// <inheritdoc/>
    public override string Settings
    {
        get
        {
            string text = Rows.ToString(CultureInfo.InvariantCulture);
            text += Axis > 0 ? string.Create(CultureInfo.InvariantCulture, $" axis{Axis}") : "";
            text += Begin > 0 ? string.Create(CultureInfo.InvariantCulture, $" begin{Begin}") : "";
            return Skip > 0 ? string.Create(CultureInfo.InvariantCulture, $"{text} skip{Skip}") : text;
        }
    }

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <summary>Not where rows of the stream are read as zeros, or left out.</summary>
    public override bool HasGradient(int input) => Begin == 0 && Skip == 0;

    /// <inheritdoc/>
    internal override bool KeepsIntegers => true;

    /// <inheritdoc/>
    internal override bool IsData(int input) => true;

    /// <summary>Which state counts the stream's first rows.</summary>
    internal int BeginState => Rows > 0 ? 1 : 0;

    /// <summary>The sizes before the axis, of it, and after it.</summary>
    internal (int Outer, int Count, int Inner) Sizes
    {
        get
        {
            int inner = After(input, Axis);
            return (input.Length / input[Axis] / inner, input[Axis], inner);
        }
    }

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Shape shape = Shapes.Single(name, inputs, ref input);
        if (Axis >= shape.Rank)
        {
            OpErrors.NoAxis(name, Axis, shape, inputs[0].Name);
        }

        if (Skip >= shape[Axis])
        {
            Errors.OutOfRange("skip", Skip, $"0 to {shape[Axis] - 1}");
        }

        long rows = (long)shape[Axis] + Rows - Skip;
        if (rows * (shape.Length / shape[Axis]) > int.MaxValue)
        {
            Errors.TooLarge(name, rows * (shape.Length / shape[Axis]));
        }

        return WithRows(shape, Axis, (int)rows);
    }

    /// <summary>Elements from row to row: the product of the sizes after the axis.</summary>
    internal static int After(Shape shape, int axis)
    {
        int product = 1;
        for (int i = axis + 1; i < shape.Rank; i++)
        {
            product *= shape[i];
        }

        return product;
    }

    /// <summary>The same shape with another number of rows.</summary>
    internal static Shape WithRows(Shape shape, int axis, int rows) => shape.Rank switch
    {
        1 => new Shape(rows),
        2 => axis == 0 ? new Shape(rows, shape[1]) : new Shape(shape[0], rows),
        _ => axis switch
        {
            0 => new Shape(rows, shape[1], shape[2]),
            1 => new Shape(shape[0], rows, shape[2]),
            _ => new Shape(shape[0], shape[1], rows),
        },
    };

    /// <inheritdoc/>
    public override void DescribeState(StateLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        (int outer, _, int inner) = Sizes;
        if (Rows > 0)
        {
            layout.AddPerSample(Name + ".rows", outer * Rows * inner);
        }

        if (Begin > 0)
        {
            layout.AddPerSample(Name + BeginName, 1);
        }
    }

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Keep>();

    static void IPasses<Keep>.Forward<T, K>(Keep op, in OpContext<T> c)
    {
        (int outer, int count, int inner) = op.Sizes;
        int kept = op.Rows * inner, length = count * inner, skipped = op.Skip * inner, result = kept + length - skipped;
        for (int b = 0; b < c.Batch; b++)
        {
            Span<T> x = c.InputRows(0).Row(b), y = c.OutputRows.Row(b), rows = kept > 0 ? c.State(0).Slice(b * outer * kept, outer * kept) : [];
            int zeros = op.Begin > 0 ? Missing(ref c.State(op.BeginState)[b], op.Begin, count) * inner : 0;
            for (int i = 0; i < outer; i++)
            {
                Span<T> all = y.Slice(i * result, result), own = rows.Slice(i * kept, kept);
                own.CopyTo(all);
                x.Slice((i * length) + skipped, length - skipped).CopyTo(all[kept..]);
                all.Slice(kept, Math.Max(zeros - skipped, 0)).Clear();
                all[(result - kept)..].CopyTo(own);
            }
        }
    }

    // The rows of earlier runs got their gradient in those.
    static void IPasses<Keep>.Backward<T, K>(Keep op, in OpContext<T> c)
    {
        (int outer, int count, int inner) = op.Sizes;
        int kept = op.Rows * inner, length = count * inner;
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            Span<T> dx = c.InputGradientRows(0).Row(b), dy = c.OutputGradientRows.Row(b);
            for (int i = 0; i < outer; i++)
            {
                Gradients.PassOn<T, K>(
                    dy.Slice((i * (kept + length)) + kept, length), dx.Slice(i * length, length), c.ContinueInputGradient(0));
            }
        }
    }

    /// <summary>How many of the next rows are before the stream's begin; counts them.</summary>
    /// <param name="seen">Rows that have come, at most <paramref name="begin"/>.</param>
    /// <param name="begin">The stream's first row.</param>
    /// <param name="count">The next rows.</param>
    internal static int Missing<T>(ref T seen, int begin, int count) where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        int before = int.CreateTruncating(seen);
        int missing = Math.Min(begin - before, count);
        seen = T.CreateTruncating(before + missing);
        return missing;
    }
}
