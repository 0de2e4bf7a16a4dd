using EmbeddedBackprop.Export.Files;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Cost;

/// <summary>The bytes of machine code of an export: so many for each word and operator of its C, as gcc -Os compiles it for Cortex-M4F.</summary>
/// <remarks>The test CCostTests compares it with the compiler's code.</remarks>
internal static class CCodeSize
{
    private const double BytesOfMath = 1.35; // every constant is loaded from a table after the code
    private const double BytesOfWord = 0.75;
    private const double BytesOfIntegerWord = 0.5; // words for other processors are among them

    /// <summary>The estimate for NAME.c; its tables are not part of it.</summary>
    public static long Of(CModel model)
    {
        long words = Words(model.Program.Routines) + Words(model.Prediction.Body);
        if (model.Training is not null)
        {
            words += Words(CTrainingFile.Text(model));
        }

        double each = model.HoldsIntegers ? BytesOfIntegerWord : BytesOfWord;
        return (long)((BytesOfMath * Words(CMath.Functions(model.Program.Functions))) + (each * words));
    }

    /// <summary>
    /// Names, numbers and operators outside of comments, macros and declarations of types; brackets, commas and semicolons cost nothing.
    /// </summary>
    internal static long Words(string text)
    {
        long words = 0;
        for (int at = 0; at < text.Length; at++)
        {
            char c = text[at];
            if (text.AsSpan(at).StartsWith("/*"))
            {
                int end = text.IndexOf("*/", at + 2, StringComparison.Ordinal);
                at = end < 0 ? text.Length : end + 1;
            }
            else if (c == '#' || text.AsSpan(at).StartsWith("typedef struct"))
            {
                int end = text.IndexOf(c == '#' ? "\n" : "}", at, StringComparison.Ordinal);
                at = end < 0 ? text.Length : end;
            }
            else if (char.IsAsciiLetterOrDigit(c) || c == '_')
            {
                words++;
                while (at + 1 < text.Length && (char.IsAsciiLetterOrDigit(text[at + 1]) || text[at + 1] is '_' or '.'))
                {
                    at++;
                }
            }
            else if (!char.IsWhiteSpace(c) && c is not ('(' or ')' or '{' or '}' or ',' or ';'))
            {
                words++;
            }
        }

        return words;
    }
}
