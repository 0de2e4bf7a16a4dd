using System.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Text;

/// <summary>
/// The engine's arithmetic as C99: M, the square root, and the transcendental functions, printed from the formulas of
/// Kernels/Lanes/Transcendental.cs.
/// </summary>
/// <remarks>
/// The C needs no libm. It is static functions named PREFIX_exp and so on, and the macros EBP_M and EBP_SQRTF; only the functions asked for are
/// written, so that no compiler finds an unused function. EBP_PORTABLE, defined by the user, turns off the use of instructions that the file knows
/// about.
/// </remarks>
internal static class CMath
{
    // In the order of emission: a part uses only earlier ones.
    private static readonly CMathFunction[] Written =
    [
        new(CFunctions.Bits, "bits", CMathText.Bits),
        new(CFunctions.Half, "half", CMathText.Half),
        new(CFunctions.HalfPair, "upper_half", CMathText.HalfPair, CFunctions.Half),
        new(
            CFunctions.PowerOfTwo,
            "power_of_two",
            "2^n from t = n + 1.5 * 2^23: the low bits of t moved into the exponent field, on top of those of 1.",
            Transcendental.PowerOfTwo,
            "t"),
        new(CFunctions.ExpPolynomial, "exp_polynomial", "e^r = 1 + r + r^2 q(r), r = x - n ln 2.", Transcendental.ExpPolynomial),
        new(CFunctions.ExpNormal, "exp_normal", "e^x where neither x nor the result leaves the normal range.", Transcendental.ExpNormal),
        new(CFunctions.Exp, "exp", "e^x; +infinity above 88.73, gradual underflow; NaN gives NaN. 2^n is two exact factors.", Transcendental.Exp),
        new(CFunctions.Sigmoid, "sigmoid", "1 / (1 + e^-x), accurate for very negative x too.", Transcendental.Sigmoid),
        new(CFunctions.Tanh, "tanh", "tanh x: an odd polynomial below 0.9, 1 - 2 / (e^2|x| + 1) above.", Transcendental.Tanh),
        new(
            CFunctions.Log,
            "log",
            "log x = k ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt(2)). log 0 is -infinity, of a negative number NaN.",
            Transcendental.Log),
        new(CFunctions.Log1P, "log1p", "log(1 + x): log u + c/u, u = 1 + x rounded and c what the rounding lost.", Transcendental.Log1P),
        new(CFunctions.Erf, "erf", "erf x: an odd polynomial below 1, 1 - e^q(|x|) above, q = log erfc.", Transcendental.Erf),
        new(CFunctions.SinAtQuadrant, "sin_at_quadrant", CMathText.SinAtQuadrant, CFunctions.MultiplyAdd | CFunctions.Bits),
        new(CFunctions.Sin, "sin", CMathText.Sin, CFunctions.SinAtQuadrant | CFunctions.Bits),
        new(CFunctions.Cos, "cos", CMathText.Cos, CFunctions.SinAtQuadrant | CFunctions.Bits),
    ];

    /// <summary>The functions that a runtime file holds for several models; the small ones, read for every weight, stay with each model.</summary>
    public const CFunctions Shared =
        CFunctions.Exp | CFunctions.Log | CFunctions.Log1P | CFunctions.Tanh | CFunctions.Sigmoid | CFunctions.Erf | CFunctions.Sin | CFunctions.Cos;

    /// <summary>Their names, in the order of emission.</summary>
    public static IEnumerable<string> SharedNames => Written.Where(part => Shared.HasFlag(part.Function)).Select(part => part.Name);

    /// <summary>The function of a name in a formula.</summary>
    public static CFunctions FunctionOf(string name) => Written.Single(part => part.Name == name).Function;

    /// <summary>The C of a function alone, with the prefix "ebp".</summary>
    public static string TextOf(CFunctions function) => Written.Single(part => part.Function == function).Text;

    /// <summary>The C of the functions and of all that they use, after its includes, checks and macros.</summary>
    /// <param name="arithmetic">The definition of EBP_M.</param>
    /// <param name="prefix">A C identifier; the functions are PREFIX_exp, PREFIX_log, ...</param>
    /// <param name="functions">The functions that the caller's C uses.</param>
    public static string Source(Arithmetic arithmetic, string prefix, CFunctions functions)
    {
        functions = WithUsed(functions);
        StringBuilder text = new(CMathPrelude.Head);
        if (functions.HasFlag(CFunctions.MultiplyAdd))
        {
            text.Append('\n').Append(arithmetic == Arithmetic.Fused ? CMathPrelude.Fused : CMathPrelude.Separate);
        }

        if (functions.HasFlag(CFunctions.SquareRoot))
        {
            text.Append('\n').Append(CMathPrelude.SquareRoot);
        }

        AppendParts(text, functions);

        // The C is written with the prefix "ebp"; macros are in capitals and keep their names.
        return text.Replace("ebp_", prefix + "_").Replace("\r", string.Empty).ToString();
    }

    /// <summary>The C of the functions alone, without macros, with the prefix "ebp".</summary>
    public static string Functions(CFunctions functions)
    {
        StringBuilder text = new();
        AppendParts(text, WithUsed(functions));
        return text.ToString();
    }

    private static void AppendParts(StringBuilder text, CFunctions functions)
    {
        foreach (CMathFunction part in Written)
        {
            if (functions.HasFlag(part.Function))
            {
                text.Append('\n').Append(part.Text);
            }
        }
    }

    /// <summary>Later parts use earlier ones, so one pass from the end finds everything.</summary>
    public static CFunctions WithUsed(CFunctions functions)
    {
        for (int i = Written.Length - 1; i >= 0; i--)
        {
            if (functions.HasFlag(Written[i].Function))
            {
                functions |= Written[i].Uses;
            }
        }

        return functions;
    }
}
