using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Tests.Documentation;
using EmbeddedBackprop.Training;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// An activation, a loss and an optimiser of a user's own are exported to C, for predictions and for training, with the engine's bits.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class COwnFormulaTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O0")]
    [TestCase("clang -O2")]
    [TestCase("gcc -O3", Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Category = "Slow")]
    public void On_this_machine(string compiler)
    {
        CTrainingParity parity = new(build, [.. Cases(Arithmetic.Fused), .. Cases(Arithmetic.Separate)]);
        parity.Export();
        Assert.That(parity.FirstDifference(compiler), Is.Null);
    }

    [TestCase("cortex-m4f", "-Os")]
    [TestCase("cortex-m3", "-Os", Category = "Slow")]
    public void On_a_device(string name, string options)
    {
        CDevice device = CDevice.Of(name);
        CTrainingParity parity = new(build, [.. Cases(device.Arithmetic)]);
        parity.Export();
        Assert.That(parity.FirstDifference(device, options), Is.Null);
    }

    [TestCase("z * z) * z;", "z * z) * (z + 1e-7f);")]
    [TestCase("d[i] = d[i] * (3.0f * (z * z));", "d[i] = d[i] * ((3.0f * z) * z);")]
    [TestCase("tanh(prediction[i] - target[i])", "tanh(target[i] - prediction[i])")]
    [TestCase("0.99f", "0.98f")]
    [TestCase("/ EBP_SQRTF(", "/ EBP_SQRTF(2.0f * ")]
    public void Control_another_formula_gives_other_bits(string text, string planted)
    {
        int found = 0;
        CTrainingParity parity = new(build, [.. Cases(Arithmetic.Fused)]);
        parity.Export(source =>
        {
            found += source.Contains(text, StringComparison.Ordinal) ? 1 : 0;
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(found, Is.GreaterThan(0));
        Assert.That(parity.FirstDifference("gcc -O0"), Is.Not.Null);
    }

    [Test]
    public void Two_functions_of_one_name_are_two_functions()
    {
        CTrainingParity parity = new(build, [Net<OtherSigmoid>("two of one name", new Loss<LogCosh>(), new Sgd(), Arithmetic.Fused)]);
        parity.Export();
        Assert.That(parity.FirstDifference("gcc -O0"), Is.Null);
    }

    private static IEnumerable<CTrainingCase> Cases(Arithmetic arithmetic)
    {
        yield return Net<ReadmeTests.Cube>("cube", new Loss<Quadratic>(), new Sgd(), arithmetic);
        yield return Net<Snake>("snake", new Loss<LogCosh>(), new Lion(), arithmetic) with { Regularization = new() { WeightDecay = 0.02f } };
        yield return Net<ReadmeTests.Cube>("own all", new Loss<LogCosh>(), new Counted(), arithmetic) with { Accumulate = 2 };
        yield return Net<Tanh>("a root that is kept", new Loss<LogCosh>(), new Rooted(), arithmetic);
        yield return Net<Tanh>("one sample", new Loss<LogCosh>(), new Counted(), arithmetic) with { Batch = 1 };
    }

    private static CTrainingCase Net<TFunction>(string name, Loss loss, Optimizer optimizer, Arithmetic arithmetic)
        where TFunction : struct, IActivationFunction =>
        new(
            name,
            graph =>
            {
                Node x = graph.Input(new Shape(5)),
                    hidden = graph.Apply(new Dense(7, new Activation<TFunction>()), x, "hidden");
                Node again = graph.Apply(new Activate(new Activation<TFunction>()), graph.Apply(new Dense(6, new Activation<Sigmoid>()), hidden));
                Node y = graph.Apply(new Dense(3, new Activation<Identity>()), again);
                return ([y], [graph.Apply(loss, [y, graph.Input(new Shape(3), "target")], "loss")]);
            })
        {
            Batch = 3,
            Updates = 20,
            LearningRate = 0.01f,
            Optimizer = optimizer,
            Arithmetic = arithmetic,
        };

    /// <summary>z + sin^2 z.</summary>
    private readonly struct Snake : IActivationFunction
    {
        public static string Name => "snake";

        public static string Equation => "a = z + sin(z)^2 */ #error \\";

        public static bool DerivativeReadsInput => true;

        public static T Value<T>(T z) where T : struct, ILanes<T>
        {
            T sine = T.Named(T.Sin(z), "sine");
            return z + (sine * sine);
        }

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.One + T.Sin(z + z);
    }

    /// <summary>Another function than the engine's of this name.</summary>
    private readonly struct OtherSigmoid : IActivationFunction
    {
        public static string Name => "sigmoid";

        public static bool DerivativeReadsInput => true;

        public static T Value<T>(T z) where T : struct, ILanes<T> => z / T.SquareRoot(T.One + (z * z));

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
        {
            T root = T.SquareRoot(T.One + (z * z));
            return T.One / (root * root * root);
        }
    }

    /// <summary>log cosh e = |e| + log(1 + e^-2|e|) - log 2, e = a - y; derivative tanh e.</summary>
    private readonly struct LogCosh : ILossFunction
    {
        public static string Name => "log-cosh";

        public static bool AveragesOutputs => true;

        public static T Value<T>(T a, T y) where T : struct, ILanes<T>
        {
            T size = T.Named(T.Abs(a - y), "size");
            return (size + T.Log1P(T.Exp(T.Constant(-2.0) * size))) - T.Constant(0.69314718055994531);
        }

        public static T Derivative<T>(T a, T y) where T : struct, ILanes<T> => T.Tanh(a - y);
    }

    /// <summary>
    /// w = w - rate (sign(beta1 m + (1 - beta1) g) + decay w); m = beta2 m + (1 - beta2) g. Source: Chen and others, Symbolic discovery of
    /// optimization algorithms (2023).
    /// </summary>
    private sealed class Lion : FormulaOptimizer<Lion.Rule>
    {
        public override string Name => "lion";

        public override bool DecouplesDecay => true;

        protected override Rule Formula => new(0.9f, 0.99f);

        public readonly struct Rule(float beta1, float beta2) : IUpdateFormula<Rule>
        {
            private readonly float beta1 = beta1;
            private readonly float beta2 = beta2;

            public static int Arrays => 1;

            public static UpdateFactors<T> Factors<T>(in Rule f, T rate, T decay, T first, T second) where T : struct, ILanes<T> =>
                new(T.Named(-rate, "minus_rate"), T.Named(decay, "decay"));

            public static void Apply<T>(in Rule f, in UpdateFactors<T> k, T gradient, ref T w, ref T m, ref T unused) where T : struct, ILanes<T>
            {
                T way = (T.Broadcast(f.beta1) * m) + (T.Broadcast(1f - f.beta1) * gradient);
                T sign = T.IfGreater(way, T.Zero, T.One, T.IfGreater(T.Zero, way, -T.One, T.Zero));
                w = T.MultiplyAdd(k.First, T.MultiplyAdd(k.Second, w, sign), w);
                m = T.Named((T.Broadcast(f.beta2) * m) + (T.Broadcast(1f - f.beta2) * gradient), "m");
            }
        }
    }

    /// <summary>w = w - rate / sqrt(t) g, t the index of the update; the largest |g| is kept and not used.</summary>
    private sealed class Counted : FormulaOptimizer<Counted.Rule>
    {
        public override string Name => "counted";

        protected override Rule Formula => default;

        public readonly struct Rule : IUpdateFormula<Rule>
        {
            public static int Arrays => 2;

            public static int Scalars => 1;

            public static void BeginStep<T>(in Rule f, ref T updates, ref T unused) where T : struct, ILanes<T> => updates += T.One;

            public static UpdateFactors<T> Factors<T>(in Rule f, T rate, T decay, T updates, T unused)
                where T : struct, ILanes<T> => new(-(rate / T.SquareRoot(updates)), decay);

            public static void Apply<T>(in Rule f, in UpdateFactors<T> k, T gradient, ref T w, ref T largest, ref T unchanged)
                where T : struct, ILanes<T>
            {
                T size = T.Abs(gradient);
                largest = T.IfGreater(size, largest, size, largest);
                w = T.MultiplyAdd(k.First, gradient, w);
            }
        }
    }

    /// <summary>w = w - rate g / r, where r = sqrt(1 + r) is kept.</summary>
    private sealed class Rooted : FormulaOptimizer<Rooted.Rule>
    {
        public override string Name => "rooted";

        protected override Rule Formula => default;

        public readonly struct Rule : IUpdateFormula<Rule>
        {
            public static int Arrays => 0;

            public static int Scalars => 1;

            public static void BeginStep<T>(in Rule f, ref T root, ref T unused) where T : struct, ILanes<T> => root = T.SquareRoot(T.One + root);

            public static UpdateFactors<T> Factors<T>(in Rule f, T rate, T decay, T root, T unused)
                where T : struct, ILanes<T> => new(-(rate / root), decay);

            public static void Apply<T>(in Rule f, in UpdateFactors<T> k, T gradient, ref T w, ref T unused, ref T unchanged)
                where T : struct, ILanes<T> => w = T.MultiplyAdd(k.First, gradient, w);
        }
    }
}
