using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Tools.Recipes;

internal static class Components
{
    public static Activation Activation(string name) => name switch
    {
        "identity" => new Activation<Identity>(),
        "sigmoid" => new Activation<Sigmoid>(),
        _ => throw ToolException.Usage($"activation {name} is not built in"),
    };

    public static Loss Loss(string name) => name == "quadratic" ? new Loss<Quadratic>() : throw ToolException.Usage($"loss {name} is not built in");

    public static Optimizer Optimizer(string name, float? momentum) =>
        name == "sgd" && momentum is null ? new Sgd() : throw ToolException.Usage($"optimizer {name} is not built in");

    public static Initializer Initializer(string name) => name == "normal" ? new Normal() : throw ToolException.Usage($"init {name} is not built in");
}
