using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Files;

/// <summary>The names of the files of one export.</summary>
/// <param name="Prefix">What they begin with.</param>
internal sealed record CFileNames(string Prefix)
{
    public string Header => Prefix + ".h";

    public string Source => Prefix + ".c";

    public string Weights => Prefix + "_weights.c";

    /// <summary>The tables as a binary.</summary>
    public string Binary => Prefix + "_weights.bin";

    public string SelfTest => Prefix + "_selftest.c";

    /// <summary>NAME_save and NAME_load.</summary>
    public string Storage => Prefix + "_storage.c";

    public string Report => Prefix + ".md";

    /// <summary>The layers in the form of CMSIS-NN and TFLM: constants and declarations.</summary>
    public string CmsisHeader => Prefix + "_cmsis.h";

    /// <summary>Their tables.</summary>
    public string CmsisSource => Prefix + "_cmsis.c";

    /// <summary>All files that options ask for; the runtime's of both arithmetics, where the network says which.</summary>
    public static IEnumerable<string> Of(CExportOptions options)
    {
        CFileNames names = new(CText.Prefix(options.Name));
        Arithmetic[] arithmetics = options.Arithmetic is { } given ? [given] : [Arithmetic.Fused, Arithmetic.Separate];
        return
        [
            names.Header, names.Source, names.Weights, names.SelfTest, names.Report,
            .. options.CmsisTables ? [names.CmsisHeader, names.CmsisSource] : Array.Empty<string>(),
            .. options.BinaryWeights ? [names.Binary] : Array.Empty<string>(),
            .. options.Training is null ? Array.Empty<string>() : [names.Storage],
            .. options.Runtime is not { } runtime ? []
                : arithmetics.Select(arithmetic => CRuntimeFile.Name(runtime, arithmetic)).SelectMany(name => new[] { name + ".h", name + ".c" }),
        ];
    }
}
