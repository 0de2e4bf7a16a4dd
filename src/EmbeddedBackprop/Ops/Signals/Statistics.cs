using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Statistics of each row, in the order asked for. Sums are long sums in 16 parts: of x; of M(x, x, .); with c = x - mean and q = c c, of M(c, c, .),
/// M(q, c, .) and M(q, q, .).
/// </summary>
public sealed class Statistics : SignalOp, IPasses<Statistics>
{
    private readonly Statistic[] wanted;

    /// <summary>The given statistics of each row.</summary>
    /// <exception cref="ArgumentException">There is none, or one is named twice.</exception>
    public Statistics(params ReadOnlySpan<Statistic> wanted)
    {
        this.wanted = wanted.ToArray();
        if (wanted.IsEmpty || this.wanted.Distinct().Count() != wanted.Length)
        {
            OpErrors.StatisticsExpected();
        }
    }

    /// <summary>The statistics in their order.</summary>
    public ReadOnlySpan<Statistic> Wanted => wanted;

    /// <summary>How a net's text calls each statistic.</summary>
    internal static (string Name, Statistic Value)[] Names { get; } =
    [
        ("mean", Statistic.Mean), ("rms", Statistic.Rms), ("deviation", Statistic.Deviation), ("skewness", Statistic.Skewness),
        ("kurtosis", Statistic.Kurtosis), ("zero-crossings", Statistic.ZeroCrossings), ("crest", Statistic.Crest), ("peak", Statistic.Peak),
    ];

    /// <inheritdoc/>
    public override string Kind => "statistics";

    /// <inheritdoc/>
    public override string Settings => string.Join(' ', wanted.Select(value => Array.Find(Names, row => row.Value == value).Name));

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    private protected override int OutputLength(string name, int length, Node from) => wanted.Length;

    /// <summary>c and q of one row.</summary>
    public override int ScratchLength(int batch, Layout layout) => 2 * Length;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Statistics>();

    static void IPasses<Statistics>.Forward<T, K>(Statistics op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> x = op.RowsOf(c.InputRows(0), b), y = op.RowsOf(c.OutputRows, b);
            for (int row = 0; row < x.Rows; row++)
            {
                Moments<T> m = Moments<T>.Of<K>(c.Arithmetic, x.Row(row), c.Scratch);
                for (int i = 0; i < op.wanted.Length; i++)
                {
                    y.Row(row)[i] = Value(op.wanted[i], in m);
                }
            }
        }
    }

    static void IPasses<Statistics>.Backward<T, K>(Statistics op, in OpContext<T> c)
    {
        if (!BeginsGradient(in c))
        {
            return;
        }

        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> x = op.RowsOf(c.InputRows(0), b), dx = op.RowsOf(c.InputGradientRows(0), b), dy = op.RowsOf(c.OutputGradientRows, b);
            for (int row = 0; row < x.Rows; row++)
            {
                Span<T> from = x.Row(row), to = dx.Row(row);
                Moments<T> m = Moments<T>.Of<K>(c.Arithmetic, from, c.Scratch);
                for (int i = 0; i < op.wanted.Length; i++)
                {
                    AddGradient(op.wanted[i], in m, dy.Row(row)[i], from, to);
                }
            }
        }
    }

    private static T Value<T>(Statistic statistic, in Moments<T> m) where T : unmanaged, IBinaryFloatingPointIeee754<T> => statistic switch
    {
        Statistic.Mean => m.Mean,
        Statistic.Rms => m.Rms,
        Statistic.Deviation => m.Deviation,
        Statistic.Skewness => m.Skewness,
        Statistic.Kurtosis => m.Kurtosis,
        Statistic.ZeroCrossings => m.ZeroCrossings,
        Statistic.Crest => m.Crest,
        _ => m.Peak,
    };

    /// <summary>dx_t = dx_t + dy times the derivative by x_t. A peak is that of its first sample; changes of sign have no derivative.</summary>
    private static void AddGradient<T>(Statistic statistic, in Moments<T> m, T dy, ReadOnlySpan<T> x, Span<T> dx)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T share = dy / m.Count;
        for (int t = 0; t < x.Length; t++)
        {
            dx[t] += Slope(statistic, in m, share, x[t]);
        }

        if (statistic is Statistic.Peak or Statistic.Crest && m.Peak > T.Zero)
        {
            int first = 0;
            while (T.Abs(x[first]) != m.Peak)
            {
                first++;
            }

            T slope = statistic == Statistic.Peak ? dy : dy / m.Rms;
            dx[first] += x[first] > T.Zero ? slope : -slope;
        }
    }

    /// <summary>The part of the gradient that every sample has; share is dy / n.</summary>
    private static T Slope<T>(Statistic statistic, in Moments<T> m, T share, T x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T c = x - m.Mean, square = c * c;
        switch (statistic)
        {
            case Statistic.Mean:
                return share;
            case Statistic.Rms when m.Rms > T.Zero:
                return share * (x / m.Rms);
            case Statistic.Crest when m.Rms > T.Zero:
                return -(share * (m.Crest * (x / (m.Rms * m.Rms))));
            case Statistic.Deviation when m.Second > T.Zero:
                return share * (c / m.Deviation);
            case Statistic.Skewness when m.Second > T.Zero:
                return share * T.CreateTruncating(3) * (((square - m.Second) / (m.Second * m.Deviation)) - (m.Skewness * c / m.Second));
            case Statistic.Kurtosis when m.Second > T.Zero:
                return share * T.CreateTruncating(4) * ((((square * c) - m.Third) / (m.Second * m.Second)) - (m.Kurtosis * c / m.Second));
            default:
                return T.Zero;
        }
    }
}
