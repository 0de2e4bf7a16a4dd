namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>One case with its three forms, read from a table of bench/results; times are those of the fastest iteration, in nanoseconds.</summary>
/// <param name="Class">The benchmark class.</param>
/// <param name="Case">The case.</param>
/// <param name="Loop">The scalar twin.</param>
/// <param name="Vector">The kernel over Vector&lt;T&gt;.</param>
/// <param name="Tiled">The kernel over the widest register.</param>
/// <param name="Rate">Work a second of the tiled form.</param>
/// <param name="Share">That as a share of the machine's peak.</param>
/// <param name="Allocated">Bytes allocated by the tiled form.</param>
internal sealed record Measurement(string Class, string Case, double Loop, double Vector, double Tiled, string Rate, string Share, string Allocated)
{
    /// <summary>The case with its kernel's name: "step [784,30,10] batch 10", "gemv 784x30".</summary>
    public string Label => Class switch
    {
        "TrainStepBench" => "step ",
        "GemmBench" => "product ",
        "GemvBench" => "gemv ",
        "DotBench" => "dot ",
        "GerBench" => "ger ",
        "ReduceBench" => "sum columns ",
        "SoftmaxBench" => "softmax ",
        "ElementwiseBench" => "multiply-add ",
        "OptimizersBench" => "update ",
        "GatesBench" => "gates ",
        "ConvBench" => "convolution ",
        "PoolBench" => "pool ",
        "IntegersBench" => "integers ",
        "NormBench" => "norm ",
        _ => "",
    } + Case;

    /// <summary>The cases of a class, in the order of its source; those that were not measured are left out.</summary>
    public static IEnumerable<Measurement> Read(string folder, Type type)
    {
        ILookup<string, Dictionary<string, string>> rows = MarkdownTable
            .Read(Path.Combine(folder, type.Name + ".md"), "Case")
            .ToLookup(row => row["Case"]);
        Bench bench = (Bench)Activator.CreateInstance(type)!;
        foreach (string name in bench.Cases)
        {
            Dictionary<string, Dictionary<string, string>> forms = rows[name].ToDictionary(row => row["Method"]);
            if (forms.Count < 3)
            {
                continue;
            }

            Dictionary<string, string> tiled = forms["tiled"];
            yield return new Measurement(
                type.Name, name, Time(forms["loop"]), Time(forms["Vector<T>"]), Time(tiled), tiled["Rate"], tiled["Of peak"],
                tiled["Allocated"] == "-" ? "0" : tiled["Allocated"]);
        }
    }

    private static double Time(Dictionary<string, string> row) => MarkdownTable.Nanoseconds(row["Min"]);
}
