using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The C text of an activation: the operations of its Forward in Activations, in the same order.</summary>
/// <param name="Type">The activation's class: a user's own of the same name is another one.</param>
/// <param name="Name">Its name in comments.</param>
/// <param name="Formula">What it computes, for a person.</param>
internal abstract record CActivation(Type Type, string Name, string Formula)
{
    private const string Absolute = "ebp_from_bits(ebp_bits(z) & 0x7FFFFFFFu)";

    // e^-|z|
    private const string ExpOfMinusAbsolute = "ebp_exp(ebp_from_bits(ebp_bits(z) | 0x80000000u))";

    // One line for each activation. Constants are rounded to float as T.Constant rounds them.
    private static readonly CActivation[] All =
    [
        Of<Identity>("identity", "a = z", CFunctions.None, "z"),
        Of<Sigmoid>("sigmoid", "a = 1 / (1 + e^-z)", CFunctions.Sigmoid, "ebp_sigmoid(z)")
            .Derived(CFunctions.None, "a * (1.0f - a)"),
        Of<Tanh>("tanh", "a = tanh(z)", CFunctions.Tanh, "ebp_tanh(z)")
            .Derived(CFunctions.None, "(1.0f - a) * (1.0f + a)"),
        Of<LeCunTanh>("lecun-tanh", "a = 1.7159 tanh(2z/3)", CFunctions.Tanh, $"{F(1.7159)} * ebp_tanh({F(2.0 / 3.0)} * z)")
            .Derived(CFunctions.None, $"{F(2.0 / (3.0 * 1.7159))} * (({F(1.7159)} - a) * ({F(1.7159)} + a))"),
        Of<Relu>("relu", "a = max(z, 0)", CFunctions.None, "z > 0.0f ? z : 0.0f")
            .Derived(CFunctions.None, "a > 0.0f ? 1.0f : 0.0f"),
        Of<LeakyRelu>("leaky-relu", "a = z for z > 0, 0.01 z elsewhere", CFunctions.None, $"z > 0.0f ? z : {F(0.01)} * z")
            .Derived(CFunctions.None, $"a > 0.0f ? 1.0f : {F(0.01)}"),
        Of<Relu6>("relu6", "a = min(max(z, 0), 6)", CFunctions.None, "p > 6.0f ? 6.0f : p", "const float p = z > 0.0f ? z : 0.0f;")
            .Derived(CFunctions.None, "a > 0.0f ? (6.0f > a ? 1.0f : 0.0f) : 0.0f"),
        Of<Elu>("elu", "a = z for z > 0, e^z - 1 = 2t / (1 - t) elsewhere, t = tanh(z/2)", CFunctions.Tanh, "z > 0.0f ? z : (t + t) / (1.0f - t)", HalfTanh)
            .Derived(CFunctions.None, "a > 0.0f ? 1.0f : a + 1.0f"),
        Of<Selu>("selu", "a = s z for z > 0, s alpha (e^z - 1) elsewhere", CFunctions.Tanh, $"z > 0.0f ? {F(SeluScale)} * z : {F(SeluScale * SeluAlpha)} * ((t + t) / (1.0f - t))", HalfTanh)
            .Derived(CFunctions.None, $"a > 0.0f ? {F(SeluScale)} : a + {F(SeluScale * SeluAlpha)}"),
        Of<Gelu>("gelu", "a = z (1 + erf(z / sqrt 2)) / 2", CFunctions.Erf, $"z * (0.5f * (1.0f + ebp_erf({F(0.70710678118654752440)} * z)))")
            .Derived(CFunctions.Erf | CFunctions.Exp, $"(0.5f * (1.0f + ebp_erf({F(0.70710678118654752440)} * z))) + (z * density)", $"const float density = {F(0.39894228040143267794)} * ebp_exp(-0.5f * (z * z));"),
        Of<Softplus>("softplus", "a = log(1 + e^z) = max(z, 0) + log(1 + e^-abs z)", CFunctions.Exp | CFunctions.Log1P | CFunctions.Bits, $"(z > 0.0f ? z : 0.0f) + ebp_log1p({ExpOfMinusAbsolute})")
            .Derived(CFunctions.Tanh, "(t + t) / (1.0f + t)", "const float t = ebp_tanh(0.5f * a);"),
        Of<Softsign>("softsign", "a = z / (1 + abs z)", CFunctions.Bits, $"z / (1.0f + {Absolute})")
            .Derived(CFunctions.Bits, "rest * rest", "const float rest = 1.0f - ebp_from_bits(ebp_bits(a) & 0x7FFFFFFFu);"),
        Of<Silu>("silu", "a = z sigmoid(z)", CFunctions.Sigmoid, "z * ebp_sigmoid(z)")
            .Derived(CFunctions.Sigmoid, "s + (a * (1.0f - s))", "const float s = ebp_sigmoid(z);"),
        Of<Mish>("mish", "a = z tanh(log(1 + e^z))", CFunctions.Exp | CFunctions.Bits, "z * (p / (p + (q + q)))",
            $"const float e = {ExpOfMinusAbsolute};", "const float p = z > 0.0f ? 1.0f + (e + e) : e * (e + 2.0f);", "const float q = z > 0.0f ? e * e : 1.0f;")
            .Derived(CFunctions.Exp | CFunctions.Bits, "t + ((z * s) * ((r / whole) * ((whole + p) / whole)))", $"const float e = {ExpOfMinusAbsolute};", "const float p = z > 0.0f ? 1.0f + (e + e) : e * (e + 2.0f);",
                "const float q = z > 0.0f ? e * e : 1.0f;", "const float r = q + q;", "const float whole = p + r;", "const float t = p / whole;", "const float s = (z > 0.0f ? 1.0f : e) / (1.0f + e);"),
        Of<HardSigmoid>("hard-sigmoid", "a = min(max(z + 3, 0), 6) / 6", CFunctions.None, "(p > 6.0f ? 6.0f : p) / 6.0f",
            "const float s = z + 3.0f;", "const float p = s > 0.0f ? s : 0.0f;")
            .Derived(CFunctions.None, $"a > 0.0f ? (1.0f > a ? {F(1.0 / 6.0)} : 0.0f) : 0.0f"),
        Of<HardSwish>("hard-swish", "a = z min(max(z + 3, 0), 6) / 6", CFunctions.None, "3.0f > z ? (z > -3.0f ? (z * (z + 3.0f)) / 6.0f : 0.0f) : z")
            .Derived(CFunctions.None, "3.0f > z ? (-3.0f > z ? 0.0f : (z / 3.0f) + 0.5f) : 1.0f"),
        new CSoftmax(),
    ];

    private const string HalfTanh = "const float t = ebp_tanh(0.5f * z);";
    private const double SeluScale = 1.0507009873554804934193349852946;
    private const double SeluAlpha = 1.6732632423543772848170429916717;

    /// <summary>The text for an activation.</summary>
    /// <exception cref="NotSupportedException">There is none: it is a user's own.</exception>
    public static CActivation For(Step step, Activation activation)
    {
        foreach (CActivation candidate in All)
        {
            if (candidate.Type == activation.GetType())
            {
                return candidate;
            }
        }

        ExportErrors.UnknownActivation(step.Name, activation.Name);
        return null;
    }

    /// <summary>a = f(z) over the numbers of one sample; z and a may be the same.</summary>
    public abstract void Write(CProgram program, int length, string z, string a);

    /// <summary>delta = dC/da f'(z) over the numbers of one sample, in place in d. z is read only where the activation keeps it (Activation.KeepsInput).</summary>
    public abstract void WriteBackward(CProgram program, int length, string z, string a, string d);

    private static CElementwise Of<TFunction>(string name, string formula, CFunctions functions, string value, params string[] locals)
        where TFunction : struct, IActivationFunction => new(typeof(Activation<TFunction>), name, formula, functions, value, locals);

    private static string F(double constant) => ((float)constant).ToString("R", CultureInfo.InvariantCulture) + "f";
}
