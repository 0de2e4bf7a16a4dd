using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// The functions of an export that trains. They are in NAME.c, after the routines that they share with NAME_predict: these are static, and a file of
/// their own would have them twice in flash.
/// </summary>
internal static class CTrainingFile
{
    public static string Text(CModel model)
    {
        StringBuilder text = new();
        AppendStart(text, model);
        AppendForward(text, model);
        AppendBackward(text, model);
        AppendUpdate(text, model);
        AppendStep(text, model);
        return text.ToString();
    }

    /// <summary>The declarations of the pointers into the memory that a body uses.</summary>
    /// <param name="training">The offsets.</param>
    /// <param name="body">The statements.</param>
    /// <param name="learns">Whether they may change parameters.</param>
    public static string Locals(CTraining training, string body, bool learns)
    {
        StringBuilder text = new();
        Declare("parameters", 0, learns ? "" : "const ");
        Declare("gradients", training.GradientOffset);
        Declare("optimizer", training.OptimizerOffset);
        Declare("state", training.StateOffset);
        Declare("arena", training.WorkspaceOffset);
        if (body.Contains("(b = 0u;", StringComparison.Ordinal))
        {
            text.Append("    size_t b;\n");
        }

        return text.ToString();

        void Declare(string name, int offset, string qualifier = "")
        {
            if (CText.Uses(body, name))
            {
                text.Append($"    {qualifier}float *const {name} = {CText.At("model->memory", offset).Trim('(', ')')};\n");
            }
        }
    }

    /// <summary>A function with the declarations that its body needs; parameters that it does not use are marked as unused.</summary>
    public static void AppendFunction(
        StringBuilder text, CModel model, string head, string body, string first, string last, string[] parameters, bool learns)
    {
        string locals = Locals(model.Training!, body, learns);
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

    private static void AppendForward(StringBuilder text, CModel model) =>
        AppendFunction(
            text,
            model,
            $"\n/* The steps of the training plan, and the loss. */\nstatic float {model.Prefix}_forward(const {model.Prefix}_model *model, {Parameters(model)}, int training)",
            model.TrainingBodies!.Forward,
            "    float loss;\n",
            "    return loss;\n",
            [.. Pointers(model), "model", "training"],
            learns: false);

    private static void AppendBackward(StringBuilder text, CModel model)
    {
        string body = model.TrainingBodies!.Backward;
        // Recomputed steps are the forward pass of a training.
        string training = CText.Uses(body, "training") ? "    const int training = 1;\n" : "";
        string rate = model.Training!.Tensors.Any(tensor => tensor.Gradient is null) ? $"    const float rate = {model.TrainingBodies.Rate};\n" : "";
        AppendFunction(
            text, model,
            $"\n/* The same steps in reverse order: every parameter's gradient{(rate.Length > 0 ? ", which changes it at once" : "")}. */\n"
            + $"static void {model.Prefix}_backward(const {model.Prefix}_model *model, {Parameters(model)})",
            body, training + rate, "", [.. Pointers(model), "model"], learns: true);
    }

    private static void AppendUpdate(StringBuilder text, CModel model)
    {
        CTrainingBodies bodies = model.TrainingBodies!;
        if (bodies.Update.Length > 0)
        {
            AppendFunction(
                text,
                model,
                $"\n/* Changes the parameters by their gradients. */\nstatic void {model.Prefix}_update(const {model.Prefix}_model *model)",
                bodies.Update, $"    const float rate = {bodies.Rate};\n", "", ["model"], learns: true);
        }
    }

    private static IEnumerable<string> Pointers(CModel model) => model.Arguments.Training.Select(argument => argument.Pointer);

    private static string Parameters(CModel model) => string.Join(", ", Pointers(model).Select(pointer => "const float *" + pointer));

    private static void AppendStart(StringBuilder text, CModel model)
    {
        CTraining training = model.Training!;
        string start = model.TrainingBodies!.Start;
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
                model->seed = {{CText.Number((long)(training.Options.Seed & 0xFFFFFFFFu))}}u{{(
                training.Options.Seed >> 32 == 0 ? "" : $" | ((uint64_t){CText.Number((long)(training.Options.Seed >> 32))}u << 32)"
            )}};
                model->step = 0u;
                model->collected = 0u;

            """);
        text.Append(model.TrainingBodies!.FirstWeights);

        if (training.GradientOffset < training.WorkspaceOffset)
        {
            text.Append(
                $$"""
                    /* Gradients{{(training.OptimizerLength > 0 ? ", the optimiser's state" : "")}}{{(
                    training.StateLength > 0 ? ", what the layers keep" : ""
                )}} */
                    for (i = {{CText.Size(training.GradientOffset)}}; i < {{CText.Size(training.WorkspaceOffset)}}; i++) {
                        memory[i] = 0.0f;
                    }

                """);
        }

        foreach (Graphs.StateRange range in training.Plan.State)
        {
            if (!range.PerSample && model.Tables.Kept(range.Name) is { } table)
            {
                text.Append(
                    $"    (void)memcpy(memory + {CText.Size(training.StateOffset + range.Offset)}, {table.Name}, {CText.Size(range.Length)} * sizeof(float));\n"
                );
            }
        }

        text.Append(start.Length == 0 ? "" : $"    {{\n{Locals(training, start, learns: true)}{start}    }}\n").Append("}\n");
    }

    private static void AppendStep(StringBuilder text, CModel model)
    {
        CTraining training = model.Training!;
        string values = Parameters(model), given = string.Join(", ", Pointers(model));
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
                        (void)memset(model->memory + {{CText.Size(training.GradientOffset)}}, 0, {{CText.Size(
                    training.GradientLength
                )}} * sizeof(float));
                    }

                """);
        }

        string update = model.TrainingBodies!.Update.Length > 0 ? $"        {p}_update(model);\n        {model.TrainingBodies.UpdateHook}\n" : "";
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
