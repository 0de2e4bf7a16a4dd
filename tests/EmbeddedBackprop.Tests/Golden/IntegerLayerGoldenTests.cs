using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Dense layers and convolutions on integers against integers that a program apart from the engine computed.</summary>
internal sealed class IntegerLayerGoldenTests
{
    private static readonly Activation<Identity> None = new();

    [Test]
    public void Dense_layers() => Check("dense");

    [Test]
    public void Convolutions() => Check("convolution");

    [Test]
    public void Transposed_convolutions() => Check("transposed");

    [Test]
    public void Control_a_forgotten_zero_point_is_found()
    {
        int checkedCases = 0;
        foreach (IntegerCase c in IntegerCase.Of("convolution").Where(c => c.Type("x_type").ZeroPoint != 0))
        {
            (IntegerType type, Shape shape, int[] integers) = Run(c).Inputs[0];
            IntegerGoldenRun forgotten = Run(c) with { Inputs = [(type with { ZeroPoint = 0 }, shape, integers)] };
            IntegerDifferences differences = new();
            forgotten.Check(c.Where, c.Ints("y"), differences);
            Assert.That(differences.Any, Is.True, c.Where);
            checkedCases++;
        }

        Assert.That(checkedCases, Is.GreaterThan(10));
    }

    private static void Check(string family)
    {
        IntegerDifferences differences = new();
        foreach (IntegerCase c in IntegerCase.Of(family))
        {
            Run(c).Check(c.Where, c.Ints("y"), differences);
            CheckConstants(c, differences);
            c.AssertAllRead();
        }

        differences.AssertNone(family);
    }

    /// <summary>The network of a case of dense layers, convolutions or transposed convolutions.</summary>
    public static IntegerGoldenRun Run(IntegerCase c)
    {
        IntegerType x = c.Type("x_type"), y = c.Type("y_type");
        float[] scales = c.Floats("weight_scale");
        int[] weights = c.Ints("weight"), bias = c.Ints("bias"), shape = c.Shape("weight");
        bool transposed = c.Has("output_padding");
        // Elements of a kernel that follow each other and belong to one output.
        int run = transposed ? shape.Skip(2).Aggregate(1, (a, b) => a * b) : weights.Length / scales.Length;
        int OutputOf(int i) => !transposed
            ? i / run
            : (i / run % shape[1]) + (i / (run * shape[1]) / (shape[0] / c.Int("groups")) * shape[1]);

        string activation = c.Text("activation");
        Func<IntegerCase, int, Activation?, Op> op = shape.Length == 2 ? Dense : transposed ? Transposed : Convolution;
        IntegerGoldenRun result = new()
        {
            Inputs = [(x, c.SampleShape("x"), c.Ints("x"))],
            Output = y,
            Build = (graph, inputs) => graph.Apply(op(c, y.Bits, activation == "identity" ? null : Registry.Activation(activation)), inputs[0]),
            Parameters = new()
            {
                ["weight"] = [.. weights.Select((q, i) => q * scales[OutputOf(i)])],
                ["bias"] = [.. bias.Select((q, o) => (float)(q * ((double)x.Scale * scales[o])))],
            },
            State = new() { ["weight_scale"] = scales },
        };
        if (c.Has("table"))
        {
            IntegerType index = c.Type("table_type");
            result.State.Add("table_range", [index.Scale, index.ZeroPoint]);
        }

        return result;
    }

    /// <summary>Multipliers, shifts, clamps and the table, which the op makes from scales and the activation.</summary>
    private static void CheckConstants(IntegerCase c, IntegerDifferences differences)
    {
        IntegerType x = c.Type("x_type"), y = c.Type("y_type");
        Activation activation = Registry.Activation(c.Text("activation"));
        double target = y.Scale;
        if (c.Has("table"))
        {
            IntegerType index = c.Type("table_type");
            target = y.Bits == 8 ? index.Scale : index.Scale / 256.0;
            int[] table = new int[IntegerActivation.TableLength];
            IntegerActivation.Fill(activation, Arithmetic.Fused, index, y, table);
            differences.Add($"{c.Where}, ends", [y.Lowest, y.Highest], [c.Int("low"), c.Int("high")]);
            differences.Add($"{c.Where}, table", [.. table.Take(y.Bits == 8 ? 256 : 257).Select(v => v + y.ZeroPoint)], c.Ints("table"));
        }
        else
        {
            (int lowest, int highest) = IntegerActivation.Clamp(activation, y);
            differences.Add($"{c.Where}, clamps", [lowest + y.ZeroPoint, highest + y.ZeroPoint], [c.Int("low"), c.Int("high")]);
        }

        Multiplier[] factors = [.. c.Floats("weight_scale").Select(s => Multiplier.Of((double)x.Scale * s / target))];
        int[] m = c.Ints("multiplier"), shift = c.Ints("shift");
        differences.Add($"{c.Where}, multipliers", [.. factors.Select(f => f.M)], m);
        differences.Add($"{c.Where}, shifts", [.. factors.Select((f, o) => m[o] == 0 ? shift[o] : f.Shift)], shift);
    }

    private static IntegerDense Dense(IntegerCase c, int bits, Activation? activation) =>
        new(new Dense(c.Shape("weight")[0], None), bits, activation, null);

    private static IntegerConvolution Convolution(IntegerCase c, int bits, Activation? activation)
    {
        int[] kernel = c.Shape("weight");
        ConvOptions options = Options(c);
        Convolution layer = kernel.Length == 3
            ? new Conv1D(kernel[0], kernel[2], None, options)
            : new Conv2D(kernel[0], kernel[2], kernel[3], None, options);
        return new(layer, bits, activation, null);
    }

    private static IntegerConvTranspose Transposed(IntegerCase c, int bits, Activation? activation)
    {
        int[] kernel = c.Shape("weight"), extra = c.Ints("output_padding");
        ConvOptions options = Options(c) with { OutputPaddingY = extra[0], OutputPaddingX = extra[1] };
        return new(new ConvTranspose2D(kernel[1] * c.Int("groups"), kernel[2], kernel[3], None, options), bits, activation, null);
    }

    private static ConvOptions Options(IntegerCase c)
    {
        int[] stride = c.Ints("stride"), edges = c.Ints("edges"), dilation = c.Ints("dilation");
        bool signal = stride.Length == 1;
        ConvPadding padding = c.Text("padding") switch
        {
            "explicit" => ConvPadding.Explicit,
            "same" => ConvPadding.Same,
            "causal" => ConvPadding.Causal,
            string other => throw new AssertionException($"{c.Where}: the padding {other} is not understood"),
        };
        bool given = padding == ConvPadding.Explicit;
        return new ConvOptions
        {
            StrideY = signal ? 1 : stride[0],
            StrideX = stride[^1],
            Padding = padding,
            PaddingY = given && !signal ? edges[0] : 0,
            PaddingX = !given ? 0 : signal ? edges[0] : edges[1],
            DilationY = signal ? 1 : dilation[0],
            DilationX = dilation[^1],
            Groups = c.Int("groups"),
        };
    }
}
