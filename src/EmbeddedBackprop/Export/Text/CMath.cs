using System.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Text;

/// <summary>
/// The C99 text of the engine's arithmetic: M, the square root, and the transcendental functions of Kernels/Lanes/Transcendental.cs, line by line the same
/// formulas, with the same bits.
/// </summary>
/// <remarks>
/// The text needs no libm. It is static functions named PREFIX_exp and so on, and the macros EBP_M and EBP_SQRTF; only what is asked for is written,
/// so that no compiler finds an unused function. EBP_PORTABLE, defined by the user, turns off the use of instructions that the file knows about.
/// </remarks>
internal static class CMath
{
    // In the order of emission: a part uses only earlier ones.
    private static readonly (CFunctions Function, CFunctions Uses, string Text)[] Parts =
    [
        (CFunctions.Bits, CFunctions.None, CMathText.Bits),
        (CFunctions.Half, CFunctions.None, CMathText.Half),
        (CFunctions.PowerOfTwo, CFunctions.Bits, CMathText.PowerOfTwo),
        (CFunctions.ExpPolynomial, CFunctions.MultiplyAdd, CMathText.ExpPolynomial),
        (CFunctions.ExpNormal, CFunctions.ExpPolynomial | CFunctions.PowerOfTwo, CMathText.ExpNormal),
        (CFunctions.Exp, CFunctions.ExpPolynomial | CFunctions.PowerOfTwo, CMathText.Exp),
        (CFunctions.Sigmoid, CFunctions.Exp | CFunctions.Bits, CMathText.Sigmoid),
        (CFunctions.Tanh, CFunctions.ExpNormal | CFunctions.Bits, CMathText.Tanh),
        (CFunctions.Log, CFunctions.MultiplyAdd | CFunctions.Bits, CMathText.Log),
        (CFunctions.Log1P, CFunctions.Log | CFunctions.Bits, CMathText.Log1P),
        (CFunctions.Erf, CFunctions.ExpNormal | CFunctions.Bits, CMathText.Erf),
        (CFunctions.SinAtQuadrant, CFunctions.MultiplyAdd | CFunctions.Bits, CMathText.SinAtQuadrant),
        (CFunctions.Sin, CFunctions.SinAtQuadrant | CFunctions.Bits, CMathText.Sin),
        (CFunctions.Cos, CFunctions.SinAtQuadrant | CFunctions.Bits, CMathText.Cos),
    ];

    /// <summary>The text of the functions and of all that they use, with its includes, checks and macros in front.</summary>
    /// <param name="arithmetic">What EBP_M is.</param>
    /// <param name="prefix">A C identifier; the functions are PREFIX_exp, PREFIX_log, ...</param>
    /// <param name="functions">What the caller's text uses.</param>
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

        // The texts are written with the prefix "ebp"; macros are in capitals and keep their names.
        return text.Replace("ebp_", prefix + "_").Replace("\r", string.Empty).ToString();
    }

    /// <summary>The text of the functions alone, without what is a macro, with the prefix "ebp".</summary>
    public static string Functions(CFunctions functions)
    {
        StringBuilder text = new();
        AppendParts(text, WithUsed(functions));
        return text.ToString();
    }

    private static void AppendParts(StringBuilder text, CFunctions functions)
    {
        foreach ((CFunctions function, _, string part) in Parts)
        {
            if (functions.HasFlag(function))
            {
                text.Append('\n').Append(part);
            }
        }
    }

    /// <summary>Later parts use earlier ones, so one pass from the end finds everything.</summary>
    private static CFunctions WithUsed(CFunctions functions)
    {
        for (int i = Parts.Length - 1; i >= 0; i--)
        {
            if (functions.HasFlag(Parts[i].Function))
            {
                functions |= Parts[i].Uses;
            }
        }

        return functions;
    }
}
