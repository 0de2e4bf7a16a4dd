using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// The functions of an export that trains. They stand in NAME.c, behind the routines that they share with NAME_predict: these are static, and a file of their own would
/// have them twice in flash.
/// </summary>
internal static class CTrainingFile
{
    public static string Text(CModel model)
    {
        CTraining training = model.Training!;
        StringBuilder text = new();
        AppendStart(text, model, training);
        string values = string.Join(", ", training.Ends.Select(end => "const float *" + end.Pointer));
        string given = string.Join(", ", training.Ends.Select(end => end.Pointer));
        AppendFunction(
            text, model, $"\n/* The steps of the training plan, and the loss. */\nstatic float {model.Prefix}_forward(const {model.Prefix}_model *model, {values}, int training)",
            training.Forward, training, "    float loss;\n", "    return loss;\n", [.. training.Ends.Select(end => end.Pointer), "model", "training"]);
        // What is computed again is the forward pass of a training.
        string again = CText.Uses(training.Backward, "training") ? "    const int training = 1;\n" : "";
        string rate = training.Tensors.Any(tensor => tensor.Gradient is null) ? $"    const float rate = {training.Rate};\n" : "";
        AppendFunction(
            text, model, $"\n/* The same steps in reverse order: every parameter's gradient{(rate.Length > 0 ? ", which changes it at once" : "")}. */\nstatic void {model.Prefix}_backward(const {model.Prefix}_model *model, {values})",
            training.Backward, training, again + rate, "", [.. training.Ends.Select(end => end.Pointer), "model"]);
        if (training.Update.Length > 0)
        {
            AppendFunction(text, model, $"\n/* Changes the parameters by their gradients. */\nstatic void {model.Prefix}_update({model.Prefix}_model *model)", training.Update, training, $"    const float rate = {training.Rate};\n", "", ["model"]);
        }

        AppendStep(text, model, training, values, given);
        return text.ToString();
    }

    /// <summary>The declarations of the places that a body uses.</summary>
    public static string Locals(CTraining training, string body)
    {
        StringBuilder text = new();
        Declare("parameters", 0);
        Declare("gradients", training.GradientOffset);
        Declare("optimizer", training.OptimizerOffset);
        Declare("state", training.StateOffset);
        Declare("arena", training.WorkspaceOffset);
        if (body.Contains("(b = 0u;", StringComparison.Ordinal))
        {
            text.Append("    size_t b;\n");
        }

        return text.ToString();

        void Declare(string name, int offset)
        {
            if (CText.Uses(body, name))
            {
                text.Append($"    float *const {name} = {CText.At("model->memory", offset).Trim('(', ')')};\n");
            }
        }
    }

    /// <summary>A function with the declarations that its body needs; parameters that it does not use are said to be unused.</summary>
    public static void AppendFunction(StringBuilder text, CModel model, string head, string body, CTraining training, string first, string last, string[] parameters)
    {
        string locals = Locals(training, body);
        text.Append(head).Append("\n{\n").Append(locals).Append(first);
        string all = locals + first + body;
        foreach (string parameter in parameters)
        {
            if (!CText.Uses(all, parameter))
            {
                text.Append($"    (void){parameter};\n");
            }
        }

        text.Append('\n').Append(body).Append(last).Append("}\n");
    }

    private static void AppendStart(StringBuilder text, CModel model, CTraining training)
    {
        string p = model.Prefix, m = model.Macro;
        text.Append($$"""

            void {{p}}_start({{p}}_model *model, float *memory)
            {
                float *const parameters = memory;

            """);
        if (training.GradientOffset < training.WorkspaceOffset)
        {
            text.Append("    size_t i;\n");
        }

        text.Append($$"""

                model->memory = memory;
                model->learning_rate = {{m}}_LEARNING_RATE;
                model->seed = {{CText.Number((long)(training.Options.Seed & 0xFFFFFFFFu))}}u{{(training.Options.Seed >> 32 == 0 ? "" : $" | ((uint64_t){CText.Number((long)(training.Options.Seed >> 32))}u << 32)")}};
                model->step = 0u;
                model->collected = 0u;

            """);
        foreach (CTensor tensor in training.Tensors)
        {
            text.Append($"    (void)memcpy({tensor.Place}, {tensor.Table.Name}, {CText.Size(tensor.Length)} * sizeof(float));\n");
        }

        if (training.GradientOffset < training.WorkspaceOffset)
        {
            text.Append($$"""
                    /* Gradients{{(training.OptimizerLength > 0 ? ", the optimiser's state" : "")}}{{(training.StateLength > 0 ? ", what the layers keep" : "")}} */
                    for (i = {{CText.Size(training.GradientOffset)}}; i < {{CText.Size(training.WorkspaceOffset)}}; i++) {
                        memory[i] = 0.0f;
                    }

                """);
        }

        foreach (Graphs.StateRange range in training.Plan.State)
        {
            if (!range.PerSample && model.KeptTable(range.Name) is { } table)
            {
                text.Append($"    (void)memcpy(memory + {CText.Size(training.StateOffset + range.Offset)}, {table.Name}, {CText.Size(range.Length)} * sizeof(float));\n");
            }
        }

        text.Append(training.Start.Length == 0 ? "" : $"    {{\n{Locals(training, training.Start)}{training.Start}    }}\n").Append("}\n");
    }

    private static void AppendStep(StringBuilder text, CModel model, CTraining training, string values, string given)
    {
        string p = model.Prefix, m = model.Macro;
        text.Append($$"""

            float {{p}}_train_step({{p}}_model *model, {{values}})
            {
                const float loss = {{p}}_forward(model, {{given}}, 1);

            """);
        if (training.GradientLength > 0)
        {
            text.Append($$"""

                    if (model->collected == 0u) {
                        /* every sum begins with +0 */
                        (void)memset(model->memory + {{CText.Size(training.GradientOffset)}}, 0, {{CText.Size(training.GradientLength)}} * sizeof(float));
                    }

                """);
        }

        string update = training.Update.Length > 0 ? $"        {p}_update(model);\n" : "";
        text.Append($$"""
                {{p}}_backward(model, {{given}});
                model->collected++;
                if (model->collected == (uint32_t){{m}}_ACCUMULATE) {
                    model->collected = 0u;
            {{update}}        model->step++;
                }
                return loss;
            }

            float {{p}}_loss(const {{p}}_model *model, {{values}})
            {
                return {{p}}_forward(model, {{given}}, 0);
            }

            uint32_t {{p}}_checksum(const {{p}}_model *model)
            {
                return ~{{p}}_crc32(0xFFFFFFFFu, {{m}}_TRAIN_PARAMETERS, model->memory);
            }

            """);
    }
}
