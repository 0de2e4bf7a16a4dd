using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// An integer op that ends in an activation: identity, ReLU and ReLU6 are the clamp of its rounding, any other is a table that is read at the rounded
/// value. NAME.table_range is then state: scale and zero point of the table's index.
/// </summary>
internal abstract partial class IntegerActivated : IntegerOp
{
    private protected IntegerActivated(int bits, Activation? activation, IntegerValue? tied)
        : base(bits, tied) => Activation = activation ?? new Activation<Identity>();

    /// <summary>f.</summary>
    public Activation Activation { get; }

    /// <inheritdoc/>
    public override string Detail => $"{base.Detail} {Activation.Name}";

    /// <inheritdoc/>
    public override string? ActivationName => Activation.Name;

    /// <summary>Whether the activation is a table.</summary>
    public bool HasTable => !IntegerActivation.IsClamp(Activation);

    /// <summary>The index of NAME.table_range among the op's state.</summary>
    public virtual int TableState => OwnsRange ? 1 : 0;

    /// <summary>The type of a table's index in a range of state.</summary>
    public static IntegerType IndexType<T>(Span<T> range) where T : unmanaged => TypeRange.Read(range, 8);

    /// <inheritdoc/>
    public override void DescribeState(StateLayout layout)
    {
        base.DescribeState(layout);
        DescribeOwnState(layout);
        if (HasTable)
        {
            layout.Add(Name + ".table_range", 2, 1f);
        }

        if (IndexFollows)
        {
            layout.Add(Name + ".table_extremes", Extremes.Length);
        }
    }

    /// <summary>State between NAME.range and NAME.table_range.</summary>
    private protected virtual void DescribeOwnState(StateLayout layout)
    {
    }

    /// <summary>What R is clamped to, and the type of the table's index.</summary>
    private protected IntegerEnd End<T>(in OpContext<T> c) where T : unmanaged =>
        IntegerEnd.Of(Activation, c.OutputType, HasTable ? IndexType(c.State(TableState)) : default);

    /// <summary>Replaces indices by what the table has there; without a table they are the results.</summary>
    private protected void LookUp(in OpContext<float> c, in IntegerEnd end, in Matrix<float> y)
    {
        Clamp(in c);
        if (HasTable)
        {
            Span<int> table = stackalloc int[IntegerActivation.TableLength];
            IntegerActivation.Fill(Activation, c.Arithmetic, end.Entries, c.OutputType, table);
            IntegerActivation.LookUp(table, end.Index, y, y);
        }
    }

    /// <summary>The same for one index, by the twin: the table is empty where there is none.</summary>
    private protected static int LookUp(ReadOnlySpan<int> table, in IntegerEnd end, int centred) =>
        table.IsEmpty ? centred : IntegerActivation.Read(table, end.Index, centred);

    /// <summary>The table of the twin.</summary>
    private protected int[] Table<T>(in OpContext<T> c, in IntegerEnd end) where T : unmanaged
    {
        int[] table = new int[HasTable ? IntegerActivation.TableLength : 0];
        if (HasTable)
        {
            IntegerActivation.Fill(Activation, c.Arithmetic, end.Entries, c.OutputType, table);
        }

        return table;
    }
}
