using EmbeddedBackprop.Export.Files;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export.Cost;

/// <summary>
/// About how many instructions the exported C takes at gcc -Os: its loops are walked, and what it does is weighted as the emulators' counts say
/// (<see cref="CInstructionTable"/>).
/// </summary>
internal static class CInstructions
{
    /// <summary>The instructions of each step of a prediction.</summary>
    /// <exception cref="FormatException">C that is not read here, as an op of a user's own may write it.</exception>
    public static long[] OfPrediction(CModel model, CTarget target)
    {
        CInstructionTable table = CInstructionTable.Of(target)!;
        return [.. UnitsOfPrediction(model, target).Select(step => (long)table.Instructions(step))];
    }

    /// <summary>The instructions of a call of NAME_train_step that changes the weights.</summary>
    /// <exception cref="FormatException">C that is not read here.</exception>
    public static long OfTraining(CModel model, CTarget target) =>
        (long)CInstructionTable.Of(target)!.Instructions(UnitsOfTraining(model, target));

    /// <summary>What each step of a prediction does, by routine.</summary>
    public static Dictionary<string, double[]>[] UnitsOfPrediction(CModel model, CTarget target)
    {
        string p = model.Prefix, text = Routines(model);
        string[] steps = model.Prediction.StepTexts;
        for (int i = 0; i < steps.Length; i++)
        {
            text += $"void {Step(i)}({model.PredictParameters})\n{{\n{steps[i]}}}\n";
        }

        CReader reader = new(text, Macros(target));
        return [.. steps.Select((_, i) => Walk(reader, model, Step(i)))];

        string Step(int i) => $"{p}_step_{CText.Number(i)}";
    }

    /// <summary>What a training step does, by routine.</summary>
    public static Dictionary<string, double[]> UnitsOfTraining(CModel model, CTarget target) =>
        Walk(new CReader(Routines(model) + CTrainingFile.Text(model), Macros(target)), model, model.Prefix + "_train_step");

    /// <summary>The C without the functions of the model, whether or not they are in a file that models share.</summary>
    private static string Routines(CModel model) =>
        CHeaderFile.Text(model) + CMath.Source(model.Arithmetic, model.Prefix, model.Program.Functions) + model.Program.Routines;

    private static Dictionary<string, double[]> Walk(CReader reader, CModel model, string function)
    {
        CWalk walk = new(reader, model.Arithmetic == Arithmetic.Fused);
        walk.Call(function, ("collected", (model.Training?.Options.Accumulate ?? 1) - 1), ("step", 0));
        int prefix = model.Prefix.Length + 1;
        Dictionary<string, double[]> units = new(StringComparer.Ordinal);
        foreach ((string name, double[] counts) in walk.Counts)
        {
            // Of routines of one name the second one and its like end in a number; they are alike.
            int last = name.LastIndexOf('_');
            string routine = last > prefix && name[(last + 1)..].All(char.IsAsciiDigit) ? name[prefix..last] : name[prefix..];
            if (!units.TryGetValue(routine, out double[]? sum))
            {
                units.Add(routine, sum = new double[CWalk.Units]);
            }

            for (int i = 0; i < sum.Length; i++)
            {
                sum[i] += counts[i];
            }
        }

        return units;
    }

    /// <summary>What the compiler for a target defines, as far as the C asks for it.</summary>
    private static Dictionary<string, string> Macros(CTarget target)
    {
        Dictionary<string, string> macros = new(StringComparer.Ordinal) { ["__GNUC__"] = "12", ["FLT_MANT_DIG"] = "24", ["DBL_MANT_DIG"] = "53" };
        if (target.Counts.StartsWith("rv32", StringComparison.Ordinal))
        {
            macros["__riscv"] = "1";
            macros[target.HasFusedInstruction ? "__riscv_flen" : "__riscv_float_abi_soft"] = "32";
        }
        else if (target.Counts == CTarget.Avr.Counts)
        {
            macros["__AVR__"] = "1";
        }
        else
        {
            macros["__ARM_ARCH_PROFILE"] = "'M'";
            macros[target.HasFusedInstruction ? "__ARM_FEATURE_FMA" : "__SOFTFP__"] = "1";
            if (target.HasFusedInstruction)
            {
                macros["__ARM_PCS_VFP"] = "1";
                macros["__ARM_FP"] = "6";
            }
        }

        return macros;
    }
}
