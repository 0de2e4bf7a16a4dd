using System.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Export;

/// <summary>
/// Writes a network as C99 that computes its predictions with the engine's own bits: no heap, no stdio, no libm, no global that is written.
/// </summary>
/// <remarks>
/// NAME.h declares <c>NAME_predict(input, output, arena)</c> and gives sizes as macros (several inputs and outputs are pointers named after their nodes, and
/// what recurrent layers carry from call to call is an array of the caller's behind the arena), NAME.c holds the steps of the inference plan in its order and at
/// its offsets, NAME_weights.c the weights as constant tables [in][out], NAME_selftest.c golden inputs with the bits of the results, NAME.md the
/// memory table. The same network always gives the same bytes.
/// </remarks>
public static class CExporter
{
    /// <summary>Writes a network into a folder, which is created if need be. Files of the same names are replaced whole.</summary>
    /// <param name="network">The network; its prediction is exported.</param>
    /// <param name="folder">Where the files go.</param>
    /// <param name="options">Name, arithmetic, size of the self-test; null for the defaults.</param>
    /// <returns>The paths of the files.</returns>
    /// <exception cref="NotSupportedException">An op or activation has no C text; the message names it, and nothing is written.</exception>
    /// <exception cref="ArgumentException">A weight or kept number is not finite; nothing is written.</exception>
    /// <exception cref="IOException">The folder or a file cannot be written; the message names it.</exception>
    public static IReadOnlyList<string> Write(Network network, string folder, CExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        return Write(network.InferencePlan, network.Parameters, folder, options, network.State);
    }

    /// <summary>Writes an inference plan with its parameters into a folder.</summary>
    /// <param name="plan">An inference plan; its batch and layout do not matter.</param>
    /// <param name="parameters">The parameters in the plan's layout.</param>
    /// <param name="folder">Where the files go.</param>
    /// <param name="options">Name, arithmetic, size of the self-test; null for the defaults.</param>
    /// <param name="state">What the ops keep without training it (running means and variances), in the plan's layout; empty where there is none.</param>
    /// <returns>The paths of the files.</returns>
    /// <exception cref="NotSupportedException">An op or activation has no C text; the message names it, and nothing is written.</exception>
    /// <exception cref="ArgumentException">A weight or kept number is not finite, or there are too few; nothing is written.</exception>
    /// <exception cref="IOException">The folder or a file cannot be written; the message names it.</exception>
    public static IReadOnlyList<string> Write(Plan plan, ReadOnlySpan<float> parameters, string folder, CExportOptions? options = null, ReadOnlySpan<float> state = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        // Everything that can be wrong with the network is found before the first file is opened.
        IReadOnlyList<(string Name, string Text)> files = Generate(plan, parameters, options, state);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            ExportErrors.CannotCreateFolder(folder, exception);
        }

        List<string> paths = [];
        foreach ((string name, string text) in files)
        {
            string path = Path.Combine(folder, name);
            AtomicFile.WriteAllBytes(path, Encoding.ASCII.GetBytes(text));
            paths.Add(path);
        }

        return paths;
    }

    /// <summary>The parameters as the exported C reads them: those of layers that are stored as float16 or int8 and not trained are rounded to what is stored.</summary>
    /// <param name="plan">An inference plan.</param>
    /// <param name="parameters">The parameters in the plan's layout.</param>
    /// <param name="options">The storage.</param>
    /// <returns>A copy in the plan's layout.</returns>
    /// <exception cref="NotSupportedException">An op has no C text; the message names it.</exception>
    /// <exception cref="ArgumentException">A weight is not finite or too large for float16, or a layer of <see cref="CExportOptions.StorageOf"/> is not there.</exception>
    public static float[] StoredParameters(Plan plan, ReadOnlySpan<float> parameters, CExportOptions options)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        if (parameters.Length < plan.ParameterLength)
        {
            Errors.MemoryTooSmall("parameters", plan.ParameterLength, parameters.Length);
        }

        float[] stored = parameters[..plan.ParameterLength].ToArray();
        Dictionary<string, (CScaleAxis Axis, CStorage Storage)> choice = CStorageChoice.Of(plan, options);
        Plan? training = options.Training is { } wish ? CTraining.PlanOf(plan.Graph, options.Arithmetic ?? plan.Options.Arithmetic, wish) : null;
        foreach (ParameterRange range in plan.Parameters)
        {
            // What is trained stands in flash as it is.
            if (!choice.TryGetValue(range.Name, out (CScaleAxis Axis, CStorage Storage) chosen) || CTraining.IsTrained(training, range.Name))
            {
                continue;
            }

            float[] rounded = new CTable(range.Name, range.Name, CNumbers.Compact(range, stored)).StoredAs(chosen.Storage, chosen.Axis, range.Name, name => name).Values;
            for (int row = 0; row < range.Rows; row++)
            {
                rounded.AsSpan(row * range.Columns, range.Columns).CopyTo(stored.AsSpan(range.Offset + (row * range.Stride)));
            }
        }

        return stored;
    }

    /// <summary>The files of <see cref="Write(Plan, ReadOnlySpan{float}, string, CExportOptions, ReadOnlySpan{float})"/> as text, without writing them.</summary>
    /// <param name="plan">An inference plan; its batch and layout do not matter.</param>
    /// <param name="parameters">The parameters in the plan's layout.</param>
    /// <param name="options">Name, arithmetic, size of the self-test; null for the defaults.</param>
    /// <param name="state">What the ops keep without training it (running means and variances), in the plan's layout; empty where there is none.</param>
    /// <returns>File names and their texts, in ASCII with line feeds.</returns>
    /// <exception cref="NotSupportedException">An op or activation has no C text; the message names it.</exception>
    /// <exception cref="ArgumentException">A weight or kept number is not finite, or there are too few.</exception>
    public static IReadOnlyList<(string Name, string Text)> Generate(Plan plan, ReadOnlySpan<float> parameters, CExportOptions? options = null, ReadOnlySpan<float> state = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        CModel model = new(plan, parameters, state, options ?? new CExportOptions());
        return
        [
            (model.Prefix + ".h", CHeaderFile.Text(model)),
            (model.Prefix + ".c", CSourceFile.Text(model)),
            (model.Prefix + "_weights.c", CWeightsFile.Text(model)),
            (model.Prefix + "_selftest.c", CSelfTestFile.Text(model)),
            .. model.Training is { } training ? [(model.Prefix + "_storage.c", CSaveFile.Text(model, training))] : Array.Empty<(string, string)>(),
            (model.Prefix + ".md", CReportFile.Text(model)),
        ];
    }
}
