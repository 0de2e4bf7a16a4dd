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
        return [.. UnitsOfPrediction(model, target).Select(step => Weighted(step, model, target))];
    }

    /// <summary>The instructions of a call of NAME_train_step that changes the weights.</summary>
    /// <exception cref="FormatException">C that is not read here.</exception>
    public static long OfTraining(CModel model, CTarget target) =>
        Weighted(UnitsOfTraining(model, target), model, target);

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

    /// <summary>
    /// In a network of integers the routines without floats have a table of their own: a compiler makes other instructions of small loops over bytes.
    /// </summary>
    private static long Weighted(Dictionary<string, double[]> routines, CModel model, CTarget target)
    {
        CInstructionTable floats = CInstructionTable.Of(target)!, integers = model.HoldsIntegers ? CInstructionTable.OfIntegers(target)! : floats;
        return (long)(integers.Instructions(routines.Where(each => !HasFloats(each.Value)))
            + floats.Instructions(routines.Where(each => HasFloats(each.Value))));
    }

    private static bool HasFloats(double[] units) => units.AsSpan()[..(int)CUnit.Bits].ContainsAnyExcept(0) || units[(int)CUnit.Load] > 0;

    /// <summary>The C without the functions of the model, whether or not they are in a file that models share.</summary>
    private static string Routines(CModel model) =>
        (model.HoldsIntegers ? CIntegerHeader.Text(model) : CHeaderFile.Text(model))
        + CMath.Source(model.Arithmetic, model.Prefix, model.Program.Functions) + model.Program.Routines;

    private static Dictionary<string, double[]> Walk(CReader reader, CModel model, string function)
    {
        Dictionary<string, int[]> tables = model.Tables.All
            .Where(table => table.DecidesLoops)
            .ToDictionary(table => table.Name, table => table.Codes);
        CWalk walk = new(reader, model.Arithmetic == Arithmetic.Fused, model.HoldsIntegers, tables);
        walk.Call(function, ("collected", (model.Training?.Options.Accumulate ?? 1) - 1), ("step", 0));
        int prefix = model.Prefix.Length + 1;
        Dictionary<string, double[]> units = new(StringComparer.Ordinal);
        foreach ((string name, double[] counts) in walk.Counts)
        {
            string routine = Family(name[prefix..]);
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

    /// <summary>
    /// The name that a routine shares with those that are alike: of one name the second one and its like end in a number; of integers the elements of
    /// the result hardly matter, nor does "wide" (a shift below 33).
    /// </summary>
    private static string Family(string routine)
    {
        const string Wide = "_wide";
        string only = routine.EndsWith(CInstructionTable.Only, StringComparison.Ordinal) ? CInstructionTable.Only : "";
        string name = routine[..^only.Length];
        int last = name.LastIndexOf('_');
        if (last > 0 && name.AsSpan(last + 1) is { Length: > 0 } number && !number.ContainsAnyExceptInRange('0', '9'))
        {
            name = name[..last];
        }

        name = name.EndsWith(Wide, StringComparison.Ordinal) ? name[..^Wide.Length] : name;
        bool ofIntegers = name.Split('_') is [.., "i8" or "i16", "i8" or "i16"];
        return (ofIntegers ? name[..name.LastIndexOf('_')] : name) + only;
    }

    /// <summary>What the compiler for a target defines, as far as the C asks for it.</summary>
    private static Dictionary<string, string> Macros(CTarget target)
    {
        Dictionary<string, string> macros = new(StringComparer.Ordinal) { ["__GNUC__"] = "12", ["FLT_MANT_DIG"] = "24", ["DBL_MANT_DIG"] = "53" };
        if (target.Counts.StartsWith("rv32", StringComparison.Ordinal))
        {
            macros["__riscv"] = macros["__riscv_mul"] = "1";
            macros[target.HasFusedInstruction ? "__riscv_flen" : "__riscv_float_abi_soft"] = "32";
        }
        else if (target.Counts == CTarget.Avr.Counts)
        {
            macros["__AVR__"] = "1";
        }
        else
        {
            macros["__ARM_ARCH_PROFILE"] = "'M'";
            if (target.Counts == CTarget.CortexM0.Counts)
            {
                macros["__ARM_ARCH_6M__"] = "1";
            }

            macros[target.HasFusedInstruction ? "__ARM_FEATURE_FMA" : "__SOFTFP__"] = "1";
            if (target.HasFusedInstruction)
            {
                macros["__ARM_PCS_VFP"] = "1";
                macros["__ARM_FP"] = "6";
                macros["__ARM_FEATURE_DSP"] = "1";
            }
        }

        return macros;
    }
}
