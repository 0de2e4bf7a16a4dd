using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// NAME_reset of an export that trains: it clears the state that recurrent layers carry from call to call. The ranges of single samples follow all
/// others.
/// </summary>
internal static class CTrainingReset
{
    /// <summary>Whether a layer carries anything.</summary>
    public static bool IsNeeded(CTraining training) => Find(training).Length > 0;

    /// <summary>The function, or nothing.</summary>
    public static string Text(CModel model)
    {
        (int first, int length) = Find(model.Training!);
        return length == 0 ? "" : $$"""

            void {{model.Prefix}}_reset({{model.Prefix}}_model *model)
            {
                (void)memset({{CText.At("model->memory", first).Trim('(', ')')}}, 0, {{CText.Size(length)}} * sizeof(float));
            }

            """;
    }

    /// <summary>Its description in the header, or nothing.</summary>
    public static string Declaration(CModel model) => !IsNeeded(model.Training!) ? "" : $$"""

        /*
         * Forgets what recurrent layers carry from call to call: the next samples begin new sequences. Training, {{model.Prefix}}_loss and {{model.Prefix}}_predict carry on from each
         * other; a prediction from the first sample of a call.
         */
        void {{model.Prefix}}_reset({{model.Prefix}}_model *model);

        """;

    private static (int First, int Length) Find(CTraining training)
    {
        foreach (StateRange range in training.Plan.State)
        {
            if (range.PerSample)
            {
                return (training.StateOffset + range.Offset, training.StateLength - range.Offset);
            }
        }

        return (0, 0);
    }
}
