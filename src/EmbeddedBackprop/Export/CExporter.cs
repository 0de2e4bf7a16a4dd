using System.Text;
using EmbeddedBackprop.Export.Files;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Export;

/// <summary>
/// Writes a network as C99 that computes its predictions with the engine's own bits: no heap, no stdio, no libm, no global that is written.
/// </summary>
/// <remarks>
/// NAME.h declares <c>NAME_predict(input, output, arena)</c> and gives sizes as macros (several inputs and outputs are pointers named after
/// their nodes, inputs in the arena have addresses instead, and the state that recurrent layers carry from call to call is an array of the caller's,
/// after the arena), NAME.c holds the steps of the inference plan in its order and at its offsets, NAME_weights.c the weights as constant tables
/// [in][out], NAME_selftest.c golden inputs with the bits of the results, NAME.md the memory table. The same network always gives the same bytes.
/// </remarks>
public static class CExporter
{
    /// <summary>
    /// Writes a network into a folder, which is created if need be. Files of the same names are replaced whole where an export wrote them; others are
    /// kept unless <see cref="CExportOptions.ReplaceForeignFiles"/> is set.
    /// </summary>
    /// <param name="network">The network; its prediction is exported.</param>
    /// <param name="folder">Where the files go.</param>
    /// <param name="options">Name, arithmetic, size of the self-test; null for the defaults.</param>
    /// <returns>The paths of the files.</returns>
    /// <exception cref="NotSupportedException">An op or activation has no C; the message names it, and nothing is written.</exception>
    /// <exception cref="ArgumentException">A weight or kept value is not finite; nothing is written.</exception>
    /// <exception cref="IOException">
    /// The folder or a file cannot be written, or no export wrote a file of that name; the message names it. No file is replaced then, unless writing
    /// itself failed.
    /// </exception>
    public static IReadOnlyList<string> Write(Network network, string folder, CExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        return Write([.. Parts(network, options ?? new CExportOptions()).Select(ModelOf)], folder);
    }

    /// <summary>
    /// The networks that <see cref="Write(Network, string, CExportOptions?)"/> writes, in the order in which they compute: the network itself; or, of
    /// a quantised network with a training, its body NAME_body in integers, and what follows in floats, which learns from the body's results.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="options">The options of the export.</param>
    /// <returns>Networks with the options of their files.</returns>
    /// <exception cref="NotSupportedException">
    /// A layer on integers is not frozen, no layer in floats is left to train, or integers follow floats; the message names the layer.
    /// </exception>
    public static IReadOnlyList<(Network Network, CExportOptions Options)> Parts(Network network, CExportOptions options)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(options);
        return CParts.Of(network, options);
    }

    /// <summary>Writes an inference plan with its parameters into a folder, as <see cref="Write(Network, string, CExportOptions?)"/> does.</summary>
    /// <param name="plan">An inference plan; its batch and layout do not matter.</param>
    /// <param name="parameters">The parameters in the plan's layout.</param>
    /// <param name="folder">Where the files go.</param>
    /// <param name="options">Name, arithmetic, size of the self-test; null for the defaults.</param>
    /// <param name="state">
    /// The state that ops keep without training it (running means and variances), in the plan's layout; empty where there is none.
    /// </param>
    /// <returns>The paths of the files.</returns>
    /// <exception cref="NotSupportedException">An op or activation has no C; the message names it, and nothing is written.</exception>
    /// <exception cref="ArgumentException">A weight or kept value is not finite, or there are too few; nothing is written.</exception>
    /// <exception cref="IOException">
    /// The folder or a file cannot be written, or no export wrote a file of that name; the message names it. No file is replaced then, unless writing
    /// itself failed.
    /// </exception>
    public static IReadOnlyList<string> Write(
        Plan plan,
        ReadOnlySpan<float> parameters,
        string folder,
        CExportOptions? options = null,
        ReadOnlySpan<float> state = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return Write([ModelOf(plan, parameters, options, state)], folder);
    }

    /// <summary>Writes the files of models, in which all errors have been found. Foreign files are looked for before the first is opened.</summary>
    private static string[] Write(CModel[] models, string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        (CModel Model, string Name, string Text)[] texts =
            [.. models.SelectMany(model => Texts(model).Select(file => (model, file.Name, file.Text)))];
        (CModel Model, string Name)[] binaries =
            [.. models.Where(model => model.Tables.Blob is not null).Select(model => (model, new CFileNames(model.Prefix).Binary))];
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            ExportErrors.CannotCreateFolder(folder, exception);
        }

        string[] names = [.. texts.Select(file => file.Name), .. binaries.Select(file => file.Name)];
        string[] paths = [.. names.Select(name => Path.Combine(folder, name))];
        if (!models[0].Options.ReplaceForeignFiles)
        {
            RefuseForeign(paths);
        }

        for (int i = 0; i < paths.Length; i++)
        {
            CModel model = i < texts.Length ? texts[i].Model : binaries[i - texts.Length].Model;
            AtomicFile.WriteAllBytes(paths[i], i < texts.Length ? Encoding.ASCII.GetBytes(texts[i].Text) : model.Tables.Blob!.Content(model.Hash));
        }

        // Files of an earlier export with training would not compile with the new header, and its weights are no longer read.
        foreach (CFileNames known in models.Select(model => new CFileNames(model.Prefix)))
        {
            foreach (string stale in new[] { known.Storage, known.Binary }.Except(names).Select(name => Path.Combine(folder, name)).Where(CMark.IsIn))
            {
                File.Delete(stale);
            }
        }

        return paths;
    }

    /// <summary>
    /// The plan that NAME_predict runs: one sample, inputs and outputs in the caller's memory, nothing copied that an op only moves. It can be
    /// printed, not run.
    /// </summary>
    /// <param name="plan">An inference plan; its batch and layout do not matter.</param>
    /// <param name="inputInArena">As <see cref="CExportOptions.InputInArena"/>.</param>
    public static Plan PlanOf(Plan plan, bool inputInArena = false)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return CModel.PlanOf(plan, [.. plan.Outputs.Distinct()], new CExportOptions { InputInArena = inputInArena });
    }

    /// <summary>
    /// Refuses a folder in which <see cref="Write(Network, string, CExportOptions?)"/> would refuse a file: to be called before long work whose
    /// result is exported.
    /// </summary>
    /// <param name="folder">Where the files will go; it need not be there.</param>
    /// <param name="options">The options of the export.</param>
    /// <exception cref="IOException">No export wrote a file of a name; the message names it.</exception>
    public static void RequireReplaceable(string folder, CExportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options ??= new CExportOptions();
        if (!options.ReplaceForeignFiles)
        {
            RefuseForeign(CFileNames.Of(options).Select(name => Path.Combine(folder, name)));
        }
    }

    /// <summary>All files are looked at before the first is written.</summary>
    private static void RefuseForeign(IEnumerable<string> paths)
    {
        foreach (string path in paths)
        {
            if (Path.Exists(path) && !CMark.IsIn(path))
            {
                ExportErrors.ForeignFile(path);
            }
        }
    }

    /// <summary>
    /// The parameters as the exported C reads them: those of layers that are stored as float16 or int8 and not trained are rounded to their stored
    /// values.
    /// </summary>
    /// <param name="plan">An inference plan.</param>
    /// <param name="parameters">The parameters in the plan's layout.</param>
    /// <param name="options">The storage.</param>
    /// <returns>A copy in the plan's layout.</returns>
    /// <exception cref="NotSupportedException">An op has no C; the message names it.</exception>
    /// <exception cref="ArgumentException">A weight is not finite or too large for float16, or a layer of <see cref="CExportOptions.StorageOf"/> is
    /// not there.</exception>
    public static float[] StoredParameters(Plan plan, ReadOnlySpan<float> parameters, CExportOptions options)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        if (parameters.Length < plan.ParameterLength)
        {
            GraphErrors.MemoryTooSmall("parameters", plan.ParameterLength, parameters.Length);
        }

        return CStorageChoice.Rounded(plan, parameters, options);
    }

    /// <summary>
    /// The network's weights as a copy that NAME_load of its exported C accepts: new weights for devices in the field. The copy is the one that
    /// NAME_save would write right after NAME_start, so training begins anew from these weights.
    /// </summary>
    /// <param name="network">A network with the graph of the export, and with its weights where the device does not train them.</param>
    /// <param name="options">The options of the export, with its training.</param>
    /// <param name="sequence">The copy's number: of two copies the one that is ahead by less than 2^31 is newer.</param>
    /// <returns>NAME_COPY_BYTES bytes, to be written to one slot, or to both.</returns>
    /// <exception cref="ArgumentException">The options have no training, or a weight is not finite.</exception>
    /// <exception cref="NotSupportedException">An op or activation has no C; the message names it.</exception>
    public static byte[] Slot(Network network, CExportOptions options, uint sequence = 1)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Training is null)
        {
            ExportErrors.NothingStored();
        }

        return CCopyFormat.Initial(ModelOf(Parts(network, options)[^1]), sequence);
    }

    /// <summary>
    /// The network's weights as the NAME_weights.bin that <see cref="Write(Network, string, CExportOptions?)"/> writes with
    /// <see cref="CExportOptions.BinaryWeights"/>: new weights for devices in the field. NAME_check_tables of an export of the same graph accepts
    /// them.
    /// </summary>
    /// <param name="network">A network with the graph of the export.</param>
    /// <param name="options">The options of the export.</param>
    /// <returns>NAME_WEIGHTS_BYTES bytes.</returns>
    /// <exception cref="ArgumentException">A weight or kept value is not finite.</exception>
    /// <exception cref="NotSupportedException">An op or activation has no C; the message names it.</exception>
    public static byte[] Weights(Network network, CExportOptions options)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(options);
        CModel model = ModelOf(network.InferencePlan, network.Parameters, options with { BinaryWeights = true }, network.State);
        return model.Tables.Blob!.Content(model.Hash);
    }

    /// <summary>
    /// The files of <see cref="Write(Plan, ReadOnlySpan{float}, string, CExportOptions, ReadOnlySpan{float})"/> as text, without writing them.
    /// </summary>
    /// <param name="plan">An inference plan; its batch and layout do not matter.</param>
    /// <param name="parameters">The parameters in the plan's layout.</param>
    /// <param name="options">Name, arithmetic, size of the self-test; null for the defaults.</param>
    /// <param name="state">
    /// The state that ops keep without training it (running means and variances), in the plan's layout; empty where there is none.
    /// </param>
    /// <returns>
    /// File names and contents, in ASCII with line feeds; without NAME_weights.bin, which <see cref="Weights"/> gives.
    /// </returns>
    /// <exception cref="NotSupportedException">An op or activation has no C; the message names it.</exception>
    /// <exception cref="ArgumentException">A weight or kept value is not finite, or there are too few.</exception>
    public static IReadOnlyList<(string Name, string Text)> Generate(
        Plan plan,
        ReadOnlySpan<float> parameters,
        CExportOptions? options = null,
        ReadOnlySpan<float> state = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return Texts(ModelOf(plan, parameters, options, state));
    }

    private static CModel ModelOf(Plan plan, ReadOnlySpan<float> parameters, CExportOptions? options, ReadOnlySpan<float> state) =>
        new(plan, parameters, state, options ?? new CExportOptions()) { Hash = WeightsHash.Of(plan.Parameters, parameters) };

    private static CModel ModelOf((Network Network, CExportOptions Options) part) =>
        ModelOf(part.Network.InferencePlan, part.Network.Parameters, part.Options, part.Network.State);

    private static (string Name, string Text)[] Texts(CModel model)
    {
        CFileNames names = new(model.Prefix);
        if (model.HoldsIntegers)
        {
            return
            [
                (names.Header, CIntegerHeader.Text(model)),
                (names.Source, CIntegerSource.Text(model)),
                (names.Weights, CWeightsFile.Text(model)),
                (names.SelfTest, CIntegerSelfTest.Text(model)),
                .. CFloatFile.Files(model),
                .. CCmsisFile.Files(model),
                .. CRuntimeFile.Files(model),
                (names.Report, CIntegerReport.Text(model)),
            ];
        }

        return
        [
            (names.Header, CHeaderFile.Text(model)),
            (names.Source, CSourceFile.Text(model)),
            (names.Weights, CWeightsFile.Text(model)),
            (names.SelfTest, CSelfTestFile.Text(model)),
            .. CRuntimeFile.Files(model),
            .. model.Training is not null ? [(names.Storage, CSaveFile.Text(model))] : Array.Empty<(string, string)>(),
            (names.Report, CReportFile.Text(model)),
        ];
    }
}
