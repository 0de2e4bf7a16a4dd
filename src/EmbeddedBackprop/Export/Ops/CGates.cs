using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// What happens between the products of one recurrent time step, in C: the gates of Kernels/Scalar. In the texts p are the products of the inputs and q those of
/// the hidden state, each with its bias; units is the hidden size.
/// </summary>
/// <param name="Name">The name of the routines.</param>
/// <param name="Formula">What the gates compute, for a person.</param>
/// <param name="Functions">What that uses of <see cref="CMath"/>.</param>
/// <param name="Predict">One number of h, in place.</param>
/// <param name="Keep">The same, with what the way back reads: the gates in the place of p, h and c before and after the step.</param>
/// <param name="Back">One number of every gate's delta in the place of the gates, and where the chain of dL/dh before the step begins.</param>
internal sealed record CGates(string Name, string Formula, CFunctions Functions, string Predict, string Keep, string Back)
{
    private const string PassNothing = "dh[j] = up != NULL ? up[j] : 0.0f;";

    private static readonly CGates Tanh = new(
        "rnn_tanh", "h = tanh z", CFunctions.Tanh,
        "h[j] = ebp_tanh(p[j] + q[j]);",
        "after[j] = ebp_tanh(p[j] + q[j]);",
        $"""
        const float a = after[j];
        g[j] = dh[j] * ((1.0f - a) * (1.0f + a));
        {PassNothing}
        """);

    private static readonly CGates Relu = new(
        "rnn_relu", "h = max(z, 0)", CFunctions.None,
        """
        const float z = p[j] + q[j];
        h[j] = z > 0.0f ? z : 0.0f;
        """,
        """
        const float z = p[j] + q[j];
        after[j] = z > 0.0f ? z : 0.0f;
        """,
        $"""
        g[j] = dh[j] * (after[j] > 0.0f ? 1.0f : 0.0f);
        {PassNothing}
        """);

    private static readonly CGates Gru = new(
        "gru", "r, z = sigmoid, n = tanh(x_n + r h_n), h = n + z (h - n)", CFunctions.Sigmoid | CFunctions.Tanh,
        """
        const float r = ebp_sigmoid(p[j] + q[j]);
        const float z = ebp_sigmoid(p[units + j] + q[units + j]);
        const float n = ebp_tanh(p[(2u * units) + j] + (r * q[(2u * units) + j]));
        h[j] = n + (z * (h[j] - n));
        """,
        """
        const float m = q[(2u * units) + j];
        const float r = ebp_sigmoid(p[j] + q[j]);
        const float z = ebp_sigmoid(p[units + j] + q[units + j]);
        const float n = ebp_tanh(p[(2u * units) + j] + (r * m));
        after[j] = n + (z * (before[j] - n));
        p[j] = r;
        p[units + j] = z;
        p[(2u * units) + j] = n;
        p[(3u * units) + j] = m;
        """,
        """
        const float r = g[j];
        const float z = g[units + j];
        const float n = g[(2u * units) + j];
        const float m = g[(3u * units) + j];
        const float passed = dh[j] * z;
        const float d = (dh[j] - passed) * ((1.0f - n) * (1.0f + n));
        g[j] = (d * m) * (r * (1.0f - r));
        g[units + j] = (dh[j] * (before[j] - n)) * (z * (1.0f - z));
        g[(2u * units) + j] = d;
        g[(3u * units) + j] = d * r;
        dh[j] = up != NULL ? up[j] + passed : passed;
        """);

    private static readonly CGates Lstm = new(
        "lstm", "i, f, o = sigmoid, g = tanh, c = f c + i g, h = o tanh c", CFunctions.Sigmoid | CFunctions.Tanh,
        """
        const float i = ebp_sigmoid(p[j] + q[j]);
        const float f = ebp_sigmoid(p[units + j] + q[units + j]);
        const float g = ebp_tanh(p[(2u * units) + j] + q[(2u * units) + j]);
        const float o = ebp_sigmoid(p[(3u * units) + j] + q[(3u * units) + j]);
        c[j] = (f * c[j]) + (i * g);
        h[j] = o * ebp_tanh(c[j]);
        """,
        """
        const float i = ebp_sigmoid(p[j] + q[j]);
        const float f = ebp_sigmoid(p[units + j] + q[units + j]);
        const float g = ebp_tanh(p[(2u * units) + j] + q[(2u * units) + j]);
        const float o = ebp_sigmoid(p[(3u * units) + j] + q[(3u * units) + j]);
        cell[next + j] = (f * cell[j]) + (i * g);
        bent[j] = ebp_tanh(cell[next + j]);
        after[j] = o * bent[j];
        p[j] = i;
        p[units + j] = f;
        p[(2u * units) + j] = g;
        p[(3u * units) + j] = o;
        """,
        $"""
        const float i = g[j];
        const float f = g[units + j];
        const float e = g[(2u * units) + j];
        const float o = g[(3u * units) + j];
        const float t = bent[j];
        const float d = dc[j] + ((dh[j] * o) * ((1.0f - t) * (1.0f + t)));
        g[j] = (d * e) * (i * (1.0f - i));
        g[units + j] = (d * cell[j]) * (f * (1.0f - f));
        g[(2u * units) + j] = (d * i) * ((1.0f - e) * (1.0f + e));
        g[(3u * units) + j] = (dh[j] * t) * (o * (1.0f - o));
        dc[j] = d * f;
        {PassNothing}
        """);

    /// <summary>The gates of an op.</summary>
    public static CGates Of(Recurrent op) => op switch
    {
        EmbeddedBackprop.Ops.Gru => Gru,
        EmbeddedBackprop.Ops.Lstm => Lstm,
        Rnn { Function: RecurrentFunction.Relu } => Relu,
        _ => Tanh,
    };

    /// <summary>A text of several lines at the place of a statement, so far from the margin.</summary>
    public static string Indent(string text, int spaces) => text.ReplaceLineEndings("\n").Replace("\n", "\n" + new string(' ', spaces), StringComparison.Ordinal);
}
