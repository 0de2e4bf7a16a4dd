using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// RUNTIME_fused.h and .c (or RUNTIME_separate): exp, tanh and the like, once for all models of a program that have the arithmetic. The files depend
/// on nothing else, so every export writes the same bytes.
/// </summary>
internal static class CRuntimeFile
{
    /// <summary>The file's name without its ending, which its functions and macros begin with.</summary>
    public static string Name(string runtime, Arithmetic arithmetic) =>
        $"{CText.Prefix(runtime)}_{(arithmetic == Arithmetic.Fused ? "fused" : "separate")}";

    /// <summary>The files; none where the model has its functions itself.</summary>
    public static IEnumerable<(string Name, string Text)> Files(CModel model)
    {
        if (model.Options.Runtime is not { } runtime)
        {
            return [];
        }

        string name = Name(runtime, model.Arithmetic);
        if (name == model.Prefix)
        {
            ExportErrors.RuntimeIsModel(name);
        }

        return [(name + ".h", Header(name)), (name + ".c", Source(name, model.Arithmetic))];
    }

    /// <summary>The C of a model, with the runtime's functions in place of its own if there is one.</summary>
    public static string Shared(CModel model, string text) => Shared(model, text, model.Prefix);

    /// <summary>The same of a file whose own functions begin with another prefix.</summary>
    public static string Shared(CModel model, string text, string prefix)
    {
        if (model.Options.Runtime is not { } runtime)
        {
            return text;
        }

        string name = Name(runtime, model.Arithmetic);
        foreach (string function in CMath.SharedNames)
        {
            text = text.Replace($"{prefix}_{function}(", $"{name}_{function}(", StringComparison.Ordinal);
        }

        return text;
    }

    /// <summary>The lines of a model's C that read the runtime's header; empty where it has its functions itself.</summary>
    public static string Include(CModel model)
    {
        if (model.Options.Runtime is not { } runtime)
        {
            return "";
        }

        string name = Name(runtime, model.Arithmetic), macro = name.ToUpperInvariant();
        return $$"""
            #include "{{name}}.h"

            #if {{macro}}_FORMAT_VERSION != {{CText.Number(CIdentity.FormatVersion)}}
            #error "{{name}}.h is of another format: export it with this model"
            #endif


            """;
    }

    private static string Header(string name)
    {
        string macro = name.ToUpperInvariant();
        StringBuilder text = new();
        text.Append($$"""
            /* {{name}}: functions that several models share; a model that was exported with this runtime calls them. {{CMark.Words}}. */
            #ifndef {{macro}}_H
            #define {{macro}}_H

            #define {{macro}}_FORMAT_VERSION {{CText.Number(CIdentity.FormatVersion)}}

            #ifdef __cplusplus
            extern "C" {
            #endif


            """);
        foreach (string function in CMath.SharedNames)
        {
            text.Append($"float {name}_{function}(float x);\n");
        }

        return CText.LineFeeds(text.Append("""

            #ifdef __cplusplus
            }
            #endif

            #endif

            """));
    }

    private static string Source(string name, Arithmetic arithmetic)
    {
        StringBuilder text = new();
        text.Append($"/* {name}: functions that several models share. {CMark.Words}. */\n#include \"{name}.h\"\n\n")
            .Append(CMath.Source(arithmetic, name, CMath.Shared));
        foreach (string function in CMath.SharedNames)
        {
            text.Replace($"static float {name}_{function}(", $"float {name}_{function}(");
        }

        return CText.CFile(text);
    }
}
