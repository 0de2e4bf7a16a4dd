using System.Text.Json;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>The optimiser of a golden case, in PyTorch's words.</summary>
internal sealed record GoldenOptimizer(
    string Name,
    OptimizerSettings Settings,
    float LearningRate,
    float WeightDecay,
    float ClipNorm,
    float ClipValue)
{
    public static GoldenOptimizer Read(JsonElement spec, string where)
    {
        string name = GoldenJson.Field(spec, where, "name").GetString()!;
        string[] own = name switch
        {
            "sgd" or "momentum" or "nesterov" => ["momentum", "nesterov"],
            "adagrad" => ["eps"],
            "rmsprop" => ["alpha", "eps"],
            "adam" or "adamw" => ["betas", "eps"],
            "rprop" => ["etas", "step_sizes"],
            _ => throw new AssertionException($"{where}: the optimiser {name} is not understood"),
        };
        string[] known = ["name", "lr", "weight_decay", "clip_norm", "clip_value", .. own];
        foreach (JsonProperty property in spec.EnumerateObject())
        {
            Assert.That(known.Contains(property.Name) || IsOff(property.Value), $"{where}: the field {property.Name} is not understood");
        }

        float? momentum = Number(spec, "momentum");
        bool nesterov = spec.TryGetProperty("nesterov", out JsonElement flag) && flag.GetBoolean();
        JsonElement[] betas = spec.TryGetProperty("betas", out JsonElement pair) ? [.. pair.EnumerateArray()] : [];
        OptimizerSettings settings = new()
        {
            Momentum = momentum,
            Alpha = Number(spec, "alpha"),
            Beta1 = betas.Length > 0 ? (float)betas[0].GetDouble() : null,
            Beta2 = betas.Length > 0 ? (float)betas[1].GetDouble() : null,
            Epsilon = Number(spec, "eps"),
            Decrease = Pair(spec, "etas", 0),
            Increase = Pair(spec, "etas", 1),
            SmallestStep = Pair(spec, "step_sizes", 0),
            LargestStep = Pair(spec, "step_sizes", 1),
        };
        string engine = name == "sgd" && momentum is > 0 ? (nesterov ? "nesterov" : "momentum") : name;
        // AdamW's decay is 0.01 by default, as in PyTorch.
        float decay = Number(spec, "weight_decay") ?? (name == "adamw" ? 0.01f : 0f);
        return new(
            engine, settings, (float)GoldenJson.Field(spec, where, "lr").GetDouble(), decay,
            Number(spec, "clip_norm") ?? 0f, Number(spec, "clip_value") ?? 0f);
    }

    public NetworkOptions Options(int batch, Arithmetic arithmetic, Execution execution) => new()
    {
        Batch = batch,
        Arithmetic = arithmetic,
        Execution = execution,
        Optimizer = Registry.Optimizer(Name, Settings),
        Regularization = new Regularization { WeightDecay = WeightDecay, AllParameters = true },
        Clipping = new Clipping { Norm = ClipNorm, Value = ClipValue },
    };

    /// <summary>A variant that is named and switched off (amsgrad false, dampening 0) is no variant.</summary>
    private static bool IsOff(JsonElement value) =>
        value.ValueKind is JsonValueKind.False or JsonValueKind.Null || (value.ValueKind == JsonValueKind.Number && value.GetDouble() == 0);

    private static float? Pair(JsonElement spec, string name, int index) =>
        spec.TryGetProperty(name, out JsonElement pair) ? (float)pair[index].GetDouble() : null;

    private static float? Number(JsonElement spec, string name) =>
        spec.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? (float)value.GetDouble() : null;
}
