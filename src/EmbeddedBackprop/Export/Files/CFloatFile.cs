using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// NAME_float.h and NAME_float.c: a network on integers for callers with floats. NAME_predict quantises the inputs, runs the integers and makes
/// floats of the results, with the last activation. A program without floats leaves both files out.
/// </summary>
internal static class CFloatFile
{
    /// <summary>The files; none where the network has no integers, or begins or ends with floats in NAME.c already.</summary>
    public static IEnumerable<(string Name, string Text)> Files(CModel model) =>
        model.IsCut ? [(model.Prefix + "_float.h", Header(model)), (model.Prefix + "_float.c", Source(model))] : [];

    private static CArgument[] Inputs(CModel model) =>
        CArgument.All([.. model.Inputs.Select(input => input.Node.Op is null ? input.Node : input.Node.Inputs[0])], "input", "in");

    private static CArgument[] Outputs(CModel model) => CArgument.All(model.NetworkOutputs, "output", "out");

    private static string Parameters(CModel model) =>
        string.Concat(Inputs(model).Select(input => $"const float *{input.Pointer}, "))
        + string.Concat(Outputs(model).Select(output => $"float *{output.Pointer}, "))
        + $"{model.Prefix}_float_memory *memory"
        + (model.Prediction.Carries ? $", {model.StateType} *state" : "");

    private static string Header(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        StringBuilder text = new();
        text.Append($$"""
            /* {{p}}_float: {{p}} for callers with floats; a program in integers leaves it out. {{CMark.Words}}. */
            #ifndef {{m}}_FLOAT_H
            #define {{m}}_FLOAT_H

            #include "{{p}}.h"

            #ifdef __cplusplus
            extern "C" {
            #endif

            /* The integers between the floats, and what {{p}}_{{model.RunName}} works in. */
            typedef struct {
            {{string.Concat(Integers(model).Select(argument => $"    {argument.Element.Type} {argument.Pointer}[{CText.Number(argument.Length)}];\n"))}}    {{p}}_memory memory;
            } {{p}}_float_memory;
            {{Prepare(model, "", $"\n/* From what was measured to what {p}_predict takes: (x - mean) * scale, as in training. Both may be the same array. */\nvoid {p}_prepare(const float *measured, float *input);\n")}}
            {{(model.Options.InputInArena ? "" : $"/* Floats become the integers that {p}_{model.RunName} takes. */\nvoid {p}_quantize({QuantizeParameters(model)});\n\n")}}/* What {{p}}_{{model.RunName}} has written becomes floats{{(HasActivation(model) ? ", and these go through the last activation" : "")}}. */
            void {{p}}_dequantize({{DequantizeParameters(model)}});

            /* Predicts one sample: {{string.Join(", ", Inputs(model).Select(input => $"{input.Length} floats"))}} in, {{string.Join(", ", Outputs(model).Select(output => $"{output.Length} floats"))}} out, with the bits of the engine's quantised network. */
            void {{p}}_predict({{Parameters(model)}});

            #ifdef __cplusplus
            }
            #endif

            #endif

            """);
        return CText.LineFeeds(text);
    }

    private static string Source(CModel model)
    {
        string p = model.Prefix;
        CProgram program = new(p + "_float") { IsSmall = model.Program.IsSmall };
        string functions = Functions(model, program);
        CFunctions shared = model.Options.Runtime is null ? CFunctions.None : CMath.Shared;
        StringBuilder text = new();
        text.Append($"/* {p}_float: floats to integers, and back. {CMark.Words}. */\n#include \"{p}_float.h\"\n\n")
            .Append(CRuntimeFile.Include(model))
            .Append(CMath.Source(model.Arithmetic, program.Prefix, program.Functions & ~shared))
            .Append(Prepare(model, Tables(model), CSourceFile.Preparation(model)))
            .Append(program.Routines)
            .Append(functions);
        return CRuntimeFile.Shared(model, CText.CFile(text), program.Prefix);
    }

    private static string Prepare(CModel model, string tables, string text) => model.Tables.Preparation.Length == 0 ? "" : tables + text;

    private static string Tables(CModel model)
    {
        StringBuilder text = new();
        foreach (CTable table in model.Tables.Preparation)
        {
            table.AppendDefinition(text.Append('\n'), "static");
        }

        return text.ToString();
    }

    /// <summary>The integers that the caller need not see: inputs where they do not lie in the arena, and results.</summary>
    private static IEnumerable<CArgument> Integers(CModel model) => (model.Options.InputInArena ? [] : model.Inputs).Concat(model.Outputs);

    private static string QuantizeParameters(CModel model) => string.Join(
        ", ",
        Inputs(model).Select(input => $"const float *{input.Pointer}")
            .Concat(model.Inputs.Select(input => $"{input.Element.Type} *{IntegersOf(input)}")));

    private static string DequantizeParameters(CModel model) => string.Join(
        ", ",
        model.Outputs.Select(output => $"const {output.Element.Type} *{IntegersOf(output)}")
            .Concat(Outputs(model).Select(output => $"float *{output.Pointer}")));

    /// <summary>The name of integers beside that of floats.</summary>
    private static string IntegersOf(CArgument argument) => "integers" + argument.Suffix;

    private static bool HasActivation(CModel model) =>
        model.NetworkOutputs.Any(output => CIntegerEnds.Tail(output).Any(node => node.Op is not Dequantize));

    /// <summary>The functions, whose steps are written by the ops' own C.</summary>
    private static string Functions(CModel model, CProgram program)
    {
        PlanOptions options = new()
        {
            Batch = 1, Arithmetic = model.Arithmetic, Layout = Layout.Compact, InputsAndOutputsByReference = true, Fuse = false,
        };
        Plan plan = Plan.ForInference(model.Plan.Graph, options, model.NetworkOutputs);
        CArgument[] inputs = Inputs(model), outputs = Outputs(model);
        bool inArena = model.Options.InputInArena;
        int number = 0;
        for (int i = 0; i < inputs.Length; i++)
        {
            string to = inArena ? $"{model.Macro}_{model.Inputs[i].AddressMacro}(&memory->memory)" : IntegersOf(model.Inputs[i]);
            if (model.Inputs[i].Node.Op is null)
            {
                WriteSelector(program, model.Inputs[i], inputs[i].Pointer, to);
            }
            else
            {
                Write(model.Inputs[i].Node, inputs[i].Pointer, to);
            }
        }

        string quantize = program.TakeStatements();
        foreach (CArgument output in outputs)
        {
            Node[] tail = CIntegerEnds.Tail(output.Node);
            Node result = tail.Length > 0 ? tail[0].Inputs[0] : output.Node;
            string from = IntegersOf(model.Outputs.Single(argument => argument.Node == result));
            foreach (Node node in tail)
            {
                Write(node, from, output.Pointer);
                from = output.Pointer;
            }
        }

        string p = model.Prefix, dequantize = program.TakeStatements();
        string Given(IEnumerable<string> arguments) => string.Join(", ", arguments);
        if (!inArena)
        {
            program.Statement($"{p}_quantize({Given([.. inputs.Select(input => input.Pointer), .. Places(model.Inputs)])});");
        }

        string[] state = model.Prediction.Carries ? ["state"] : [];
        program.Statement($"{p}_{model.RunName}({Given([.. Places([.. Integers(model)]), "&memory->memory", .. state])});");
        program.Statement($"{p}_dequantize({Given([.. Places(model.Outputs), .. outputs.Select(output => output.Pointer)])});");
        return (inArena ? "" : $"\nvoid {p}_quantize({QuantizeParameters(model)})\n{{\n{quantize}}}\n")
            + $"\nvoid {p}_dequantize({DequantizeParameters(model)})\n{{\n{dequantize}}}\n"
            + $"\nvoid {p}_predict({Parameters(model)})\n{{\n{(inArena ? quantize : "")}{program.TakeStatements()}}}\n";

        static IEnumerable<string> Places(CArgument[] arguments) => arguments.Select(argument => $"memory->{argument.Pointer}");

        static void WriteSelector(CProgram program, CArgument selector, string from, string to)
        {
            bool isMask = selector.Element == CElement.UInt8;
            string name = isMask ? "mask" : "indices";
            string routine = program.Routine(name, CFunctions.None, isMask
                ? """
                    /* 1 where x is above 0. */
                    static void ebp_mask(size_t n, const float *x, uint8_t *y)
                    {
                        size_t i;
                        for (i = 0u; i < n; i++) {
                            y[i] = (x[i] > 0.0f) ? 1u : 0u;
                        }
                    }

                    """
                : $$"""
                    /* The indices of rows; what is none becomes an index without a row. */
                    static void ebp_indices(size_t n, const float *x, uint16_t *y)
                    {
                        size_t i;
                        for (i = 0u; i < n; i++) {
                            y[i] = ((x[i] >= 0.0f) && (x[i] < {{CSelector.NoRow}}.0f)) ? (uint16_t)x[i] : {{CSelector.NoRow}}u;
                        }
                    }

                    """);
            program.Gap();
            program.Comment($"{selector.Name}: {(isMask ? "which steps count" : "indices of rows")}");
            program.Statement($"{routine}({CText.Size(selector.Length)}, {from}, {to});");
        }

        void Write(Node node, string from, string to)
        {
            Step step = plan.Steps.ToArray().Single(step => step.Node == node);
            program.Gap();
            COpList.For(step).Write(new CStep(step, ++number, [from], to, [], "NULL", []) { Source = model.Tables.SourceOf(step) }, program);
        }
    }
}
